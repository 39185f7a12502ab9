"""Ruan et al. 2024 (arXiv:2405.10938): frontier scores told from weaker models, held out by compute, as in the paper.

The paper's families, its benchmarks without GSM8K, 3 components fitted on the weaker models only, its cuts: 8.4e22
FLOPs (Llama-2-7B) for the emergent tasks; 1.68e23, 2.52e23 and 8.4e22 for GPQA, MATH and BBH of Leaderboard v2.
Beside it, in the same run, a sigmoid in log compute through the same models.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from isoflop.downstream.capability_links import fit_capability_link
from isoflop.downstream.observational import observational
from isoflop.downstream.observational_law import Observational
from isoflop.downstream.principal_components import principal_components
from isoflop.downstream.scores import read_scores
from isoflop.downstream.task import Task, TaskScores

pytestmark = pytest.mark.real
RealData = Callable[[str], Path]

BENCHMARKS = ("MMLU", "ARC-C", "HellaSwag", "Winograd", "TruthfulQA", "XWinograd", "HumanEval")
FAMILIES = frozenset(
    "Llama-2,Llama,Llama-3,Qwen1.5,Qwen,Mistral,Mixtral,Yi,Gemma,Falcon,Phi,Pythia,BLOOM,GPT-Neo/J,OPT,MPT,XGLM,"
    "CodeLlama,StarCoder,StarCoder2,DeepSeek-Coder".split(",")
)
#: task: (file, chance, cut in FLOPs, largest mean absolute error, least rank correlation) - measured, with some room
CASES = {
    "word_unscrambling_2_exact_match": ("emergent_capability", 0.0, 8.4e22, 0.05, 0.90),
    "parsinlu_qa_2_acc": ("emergent_capability", 0.25, 8.4e22, 0.06, 0.90),
    "arithmetic_3ds_2_acc": ("emergent_capability", 0.0, 8.4e22, 0.10, 0.75),
    "arithmetic_2dm_2_acc": ("emergent_capability", 0.0, 8.4e22, 0.15, 0.90),
    "leaderboard_gpqa": ("leaderboard_v2", 0.25, 1.68e23, 0.02, 0.90),
    "leaderboard_math_hard": ("leaderboard_v2", 0.0, 2.52e23, 0.065, 0.65),
    "leaderboard_bbh": ("leaderboard_v2", 0.308, 8.4e22, 0.15, 0.85),
}


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "eval_results" / f"base_llm_{name}_eval.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@cache
def law(folder: Path, task: str) -> Observational:
    name, chance, cut, *_ = CASES[task]
    extra = {row["Model"]: row for row in table(folder, name)}
    rows = [r for r in table(folder, "benchmark") if r["Model Family"] in FAMILIES and r["Model"] in extra]
    columns = {each: [float(row[each] or "nan") for row in rows] for each in BENCHMARKS}
    columns[task] = [float(extra[row["Model"]][task] or "nan") for row in rows]
    scores = TaskScores.of(
        columns,
        C=[1e21 * float(row["FLOPs (1E21)"] or "nan") for row in rows],
        family=[row["Model Family"] for row in rows],
        models=[row["Model"] for row in rows],
        tasks=[Task(task, chance=chance)],
    )
    return observational(scores, task, limit=cut)


@pytest.mark.parametrize("task", list(CASES))
def test_frontier_scores_from_weaker_models(real_data: RealData, task: str) -> None:
    _, _, _, error, correlation = CASES[task]
    made = law(real_data("obs-scaling"), task)
    scored, compute = made.score(), made.score("compute")
    print(f"{task}: {int(made.fitted.sum())} fitted; {scored}; by family and compute {compute}")
    assert scored["models"] >= 8
    assert scored["mean_absolute_error"] <= error
    assert scored["rank_correlation"] >= correlation
    assert scored["covered"] >= 0.75


def test_intervals_hold_nine_of_ten_over_all_tasks(real_data: RealData) -> None:
    """BBH and MATH hold 79 % and 75 %: hardly any of the fitted models is above chance there."""
    scored = [law(real_data("obs-scaling"), task).score() for task in CASES]
    covered = sum(each["covered"] * each["models"] for each in scored) / sum(each["models"] for each in scored)
    print(f"{covered:.3f} of {sum(each['models'] for each in scored):.0f} held-out scores in 95 % intervals")
    assert covered >= 0.9


def baseline_error(made: Observational) -> float:
    """Mean absolute error of a sigmoid in log compute through all fitted models, on the same held-out models."""
    x = np.log(made.scores.C)[None, :, None]
    fitted, held = made.fitted, made.held_out
    floor = made.target.chance or 0.0
    link = fit_capability_link(x[:, fitted], made.observed[fitted], np.ones((1, int(fitted.sum()))), floor=floor)
    return float(np.abs(link(x[:, held])[0] - made.observed[held]).mean())


def test_beside_a_sigmoid_in_log_compute(real_data: RealData) -> None:
    """Nearer than the sigmoid in compute on word unscrambling, multiplication, GPQA and MATH; the same on Persian
    questions; further on subtraction (a plateau is put too low) and BBH (the rise is put too steep)."""
    nearer = {}
    for task in CASES:
        made = law(real_data("obs-scaling"), task)
        error, baseline = made.score()["mean_absolute_error"], baseline_error(made)
        print(f"{task}: observational {error:.3f}, sigmoid in log compute {baseline:.3f}")
        nearer[task] = error < baseline
    for task in ("word_unscrambling_2_exact_match", "arithmetic_2dm_2_acc", "leaderboard_gpqa"):
        assert nearer[task]
    assert sum(nearer.values()) >= 4


AGENT_BENCHMARKS = ("MMLU", "ARC-C", "HellaSwag", "Winogrande", "TruthfulQA", "GSM8K", "HumanEval")
#: agent metric: (its largest value, the held-out model, is its score inside the interval?); AgentBench's overall score
#: has no stated largest value, 10 is ours
AGENTS = {
    ("ABench-OA", "gpt-4-0613"): (10.0, True),
    ("ABench-OA", "claude-2.0"): (10.0, True),
    ("ABoard-Avg_SR", "gpt-4-0314"): (100.0, True),
    ("ABoard-Avg_PR", "gpt-4-0314"): (100.0, False),
}


@pytest.mark.parametrize(("metric", "model"), list(AGENTS))
def test_agents_of_gpt_4_and_claude_2_from_weaker_models(real_data: RealData, metric: str, model: str) -> None:
    """As the paper's agent study: 9 to 20 weaker models, no compute known. AgentBoard's progress rate of GPT-4 is put
    too low (.50 for .70) and is not in the interval."""
    maximum, inside = AGENTS[metric, model]
    folder = real_data("obs-scaling") / "eval_results"
    with (folder / "instruct_llm_benchmark_eval.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with (folder / "instruct_llm_agent_eval.csv").open(encoding="utf-8") as file:
        agents = {row["Model"]: row for row in csv.DictReader(file)}
    measured = np.array([float(agents[row["Model"]][metric] or "nan") / maximum for row in rows])
    names = [row["Model"] for row in rows]
    frontier = np.array([name.startswith(("gpt-4", "claude-2")) for name in names])
    columns = {each: np.array([float(row[each] or "nan") for row in rows]) for each in AGENT_BENCHMARKS}
    columns[metric] = np.where(frontier, np.nan, measured)
    scores = TaskScores.of(columns, models=names, family=[row["Model Family"] for row in rows])
    told, k = observational(scores, metric).by_scores, names.index(model)
    print(f"{metric} of {model}: {told.value[k]:.3f} ({told.low[k]:.3f} to {told.high[k]:.3f}), seen {measured[k]:.3f}")
    assert (told.low[k] <= measured[k] <= told.high[k]) == inside
    if inside:
        assert abs(told.value[k] - measured[k]) < 0.15


def test_first_component_holds_four_fifths(real_data: RealData) -> None:
    """Of the 148 models of the updated table; the paper says about 80 % and 97 % with three components."""
    path = real_data("obs-scaling") / "eval_results" / "base_llm_benchmark_eval.csv"
    scores = read_scores(path)
    assert len(scores) == 148
    assert scores.task_names == ("MMLU", "ARC-C", "HellaSwag", "Winograd", "TruthfulQA", "GSM8K", "XWinograd",
                                 "HumanEval")  # fmt: skip
    share = principal_components(scores.values).share[0]
    print(f"PC1 {share[0]:.3f}, first three {share[:3].sum():.3f}")
    assert share[0] >= 0.8
    assert share[:3].sum() >= 0.96
    assert np.nanmax(scores.C) == pytest.approx(3.645e25)
