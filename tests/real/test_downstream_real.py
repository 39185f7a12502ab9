"""Task forecasts of held-out larger real models, beside the published ones and beside the naive baselines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isoflop.downstream.forecast_tasks import forecast_tasks
from isoflop.downstream.scores import read_scores
from isoflop.downstream.task import TaskScores
from isoflop.downstream.task_forecasts import TaskForecasts

pytestmark = [pytest.mark.real, pytest.mark.slow]
RealData = Callable[[str], Path]

#: task: what the authors forecast and measured for 13B-5T, from allenai/OLMo-ladder,
#: src/scripts/paper/figures/chained_main.csv; the first four are those they call forecastable (within 2 points)
PUBLISHED = {
    "mmlu": (0.5126799915287485, 0.5161402368605137),
    "hellaswag_val": (0.8530359563499285, 0.831905996799469),
    "piqa_val": (0.820804177694882, 0.8295973896980285),
    "socialiqa_val": (0.5994822062474122, 0.6159672379493714),
    "arc_challenge_test": (0.5267099358093748, 0.638054609298706),
    "arc_easy_test": (0.7724156000459201, 0.8717171669006347),
    "csqa_val": (0.7760887505172276, 0.7410319447517395),
    "openbookqa_test": (0.4486477676972386, 0.4863999903202057),
}
FORECASTABLE = list(PUBLISHED)[:4]
MMLU = {"stem": 0.215, "humanities": 0.335, "social_sciences": 0.219, "other": 0.231}


def olmo_ladder(real_data: RealData) -> TaskScores:
    """The 16 ladder runs with all checkpoints, and the 7B and 13B models."""
    folder = real_data("olmo-ladder")
    config = json.loads((folder / "src/scripts/paper/configs/final.json").read_text())
    sizes = {Path(path).stem: each["n"] for each in config.values() for path in each["paths"]}

    def column(kind: str, ending: str, task: str) -> str:
        def one(name: str) -> str:
            return f'"eval/{kind}/{name}_rc_5shot_{ending}"'

        return " + ".join(f"{w} * {one(f'mmlu_{s}_test')}" for s, w in MMLU.items()) if task == "mmlu" else one(task)

    size = "CASE run " + " ".join(f"WHEN '{name}' THEN {n}" for name, n in sizes.items()) + " END"
    run = "regexp_extract(file, '([^/]*)[.]csv$', 1)"
    tokens = 'coalesce("throughput/total_tokens", _step * batch_size_in_tokens)'
    return read_scores(
        folder / "derived" / "all_runs.parquet",
        {"names": run, "N": size.replace("CASE run", f"CASE {run}"), "D": tokens},
        tasks={task: column("downstream", "len_norm", task) for task in PUBLISHED},
        losses={task: column("downstream_bpb", "bpb", task) for task in PUBLISHED},
        where=f"{run} IN ({', '.join(repr(name) for name in sizes)})",
    )


def test_olmo_ladder_by_two_steps(real_data: RealData) -> None:
    """Four tasks as well as the authors forecast them, the others with an interval that covers, or refused."""
    scores = olmo_ladder(real_data)
    made = forecast_tasks(scores, hold_out_above=1e22, routes=["two_step"], resamples=60, starts=4)
    seven, thirteen = np.argsort(made.targets.N)
    for task in PUBLISHED:
        each, (theirs, measured) = made[task], PUBLISHED[task]
        assert each.observed[thirteen] == pytest.approx(measured, abs=1e-9), "their mean of five checkpoints"
        if task in FORECASTABLE:
            ours = abs(each.value[thirteen] - measured)
            assert ours <= abs(theirs - measured) + 1e-5, f"{task}: {ours} against {abs(theirs - measured)}"
            assert abs(each.value[seven] - each.observed[seven]) < 0.02
        refused = each.verdict.judgement == "refused"
        assert refused or each.covered == 1.0, f"{task}: {each.low} to {each.high}, came {each.observed}"


def against_baselines(made: TaskForecasts) -> dict[str, tuple[float, float, float]]:
    """{route: mean error, mean rank correlation, number of tasks} over the tasks that were forecast."""
    used = [each for each in made.forecasts if each.route]
    table = {"used": [(each.error, each.rank_correlation) for each in used]}
    for name in ("last_value", "linear_in_log_compute"):
        skills = [next(skill for skill in each.on_targets if skill.route == name) for each in used]
        table[name] = [(skill.mean_error, skill.rank_correlation) for skill in skills]
    found = {}
    for name, pairs in table.items():
        error, rank = np.array(pairs).T
        found[name] = (float(error.mean()), float(np.nanmean(rank)) if np.isfinite(rank).any() else np.nan, len(pairs))
    print(made, found, f"covered {np.mean([each.covered for each in used]):.3f}")
    return found


QUICK = {"resamples": 100, "starts": 2}
LAWS = ["direct_sigmoid", "direct_power", "direct_size_and_data", "last_value", "linear_in_log_compute"]
PYTHIA = {
    "70m": 70426624, "160m": 162322944, "410m": 405334016, "1b": 1011781632, "1.4b": 1414647808, "2.8b": 2775208960,
    "6.9b": 6857302016, "12b": 11846072320,
}  # fmt: skip


def test_pythia_models_of_7b_and_12b_from_those_up_to_3b(real_data: RealData) -> None:
    size = "CASE model " + " ".join(f"WHEN 'pythia-{name}' THEN {n}" for name, n in PYTHIA.items()) + " END"
    scores = read_scores(
        real_data("pythia-evals") / "derived" / "pythia_v1_evals.parquet",
        {"N": size, "D": "step * 2097152"},
        tasks=["arc_*", "lambada_openai", "logiqa", "piqa", "sciq", "winogrande", "wsc"],
        where=f"shots = 'zero-shot' AND step >= 20000 AND ({size}) IS NOT NULL",
        metric="acc",
    )
    assert {task.name: task.examples for task in scores.tasks}["piqa"] == 1838  # from the standard errors
    made = forecast_tasks(scores, hold_out_above=6 * 3e9 * 3e11, routes=LAWS, **QUICK)
    refused = {each.task.name for each in made.forecasts if each.verdict.judgement == "refused"}
    assert {"logiqa", "wsc"} <= refused, "no model beats chance on these"
    found = against_baselines(made)
    assert found["used"][0] < found["linear_in_log_compute"][0]
    assert found["used"][1] > 0.85
    assert np.mean([each.covered for each in made.forecasts if each.route]) >= 0.9


#: those of the Core set that are in the table with a number for nearly every model
DCLM_TASKS = (
    "hellaswag piqa arc_easy arc_challenge jeopardy lambada_openai winogrande boolq copa squad coqa openbook_qa "
    "bigbench_qa_wikidata commonsense_qa agi_eval_lsat_ar mmlu_fewshot"
).split()


def test_dclm_models_of_7b_from_those_of_1b(real_data: RealData) -> None:
    scores = read_scores(
        real_data("dclm") / "assets" / "DCLM_model_database.csv",
        {"names": "Model JSON", "family": "Dataset"},
        tasks=DCLM_TASKS,
        where="NOT (params < 2e9 AND tokens > 2e11)",
    )
    made = forecast_tasks(scores, hold_out_above=5.6e21, routes=LAWS, **QUICK)
    found = against_baselines(made)
    assert found["used"][2] >= 6
    assert found["used"][0] < min(found["last_value"][0], found["linear_in_log_compute"][0])
    assert found["used"][1] >= max(found["last_value"][1], found["linear_in_log_compute"][1])


def leaderboard(real_data: RealData, name: str) -> TaskScores:
    if name == "sloth":
        tasks = "ARC,HellaSwag,MMLU,TruthfulQA,Winogrande,GSM8K,IFEval,BBH,MATH Lvl 5,GPQA,MUSR,MMLU-PRO".split(",")
        return read_scores(real_data("sloth") / "data" / "data_v1.csv", tasks=tasks)
    path = real_data("statistical-scaling-law") / "data" / "df_full.csv"
    return read_scores(path, {"N": "size*1e9", "D": "tokens*1e12", "C": "flops*1e21"})


@pytest.mark.parametrize("name", ["sloth", "statistical-scaling-law"])
def test_the_largest_third_of_a_leaderboard_from_the_smaller_models(real_data: RealData, name: str) -> None:
    scores = leaderboard(real_data, name)
    limit = float(np.nanquantile(scores.C, 0.7))
    made = forecast_tasks(scores, hold_out_above=limit, routes=LAWS, **QUICK)
    found = against_baselines(made)
    assert found["used"][0] < min(found["last_value"][0], found["linear_in_log_compute"][0])
    assert found["used"][1] > max(found["last_value"][1], found["linear_in_log_compute"][1])
    assert np.mean([each.covered for each in made.forecasts if each.route]) >= 0.9
