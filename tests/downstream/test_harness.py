"""Results of lm-evaluation-harness, as it writes them now and as it did before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from isoflop.downstream.scores import read_scores
from isoflop.downstream.task import ScoresError


def now(model: str, piqa: float, parameters: float = 1e9) -> dict[str, Any]:
    return {
        "results": {
            "piqa": {"alias": "piqa", "acc,none": piqa, "acc_stderr,none": 0.01, "acc_norm,none": piqa + 0.01},
            "wikitext": {"word_perplexity,none": 14.0, "word_perplexity_stderr,none": "N/A"},
            "gsm8k": {"exact_match,strict-match": 0.1, "exact_match,flexible-extract": 0.12},
        },
        "n-samples": {"piqa": {"original": 1838, "effective": 1838}},
        "higher_is_better": {"piqa": {"acc": True}, "wikitext": {"word_perplexity": False}},
        "config": {"model_args": f"pretrained={model},dtype=float16", "model_num_parameters": parameters},
        "model_name": model,
    }


def before(model: str, revision: str, acc: float) -> dict[str, Any]:
    piqa = {"acc": acc, "acc_stderr": (acc * (1 - acc) / 1837) ** 0.5}
    return {
        "results": {"piqa": piqa, "lambada_openai": {"ppl": 9.0, "acc": acc - 0.2}},
        "versions": {"piqa": 0},
        "config": {"model": "hf", "model_args": f"pretrained={model},revision={revision}"},
    }


def write(folder: Path, **files: Any) -> Path:
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def test_a_folder_of_results_is_a_row_for_each_model(tmp_path: Path) -> None:
    write(tmp_path, one__results_1=now("lab/a", 0.6), two__results_2=now("lab/b", 0.7, 7e9), notes={"anything": 1})
    scores = read_scores(tmp_path)
    assert scores.models.tolist() == ["lab/a", "lab/b"] and scores.N.tolist() == [1e9, 7e9]
    assert scores["piqa"] == pytest.approx([0.61, 0.71])  # acc_norm goes before acc, and a notice says so
    assert scores.task("piqa").examples == 1838
    assert "piqa acc_norm" in next(n.message for n in scores.notices if n.code == "metric_read")
    assert read_scores(tmp_path, metric="acc", tasks=["piqa"])["piqa"] == pytest.approx([0.6, 0.7])


def test_a_metric_that_falls_is_read_with_its_direction(tmp_path: Path) -> None:
    write(tmp_path, r=now("lab/a", 0.6))
    scores = read_scores(tmp_path, tasks=["wikitext"], metric="word_perplexity", maximum={"wikitext": float("inf")})
    assert scores.task("wikitext").direction == "lower" and scores["wikitext"].tolist() == [14.0]


def test_results_of_old_versions_and_of_revisions(tmp_path: Path) -> None:
    write(
        tmp_path,
        s1=before("p/70m", "step1000", 0.55),
        s2=before("p/70m", "step2000", 0.58),
        main=before("p/1b", "main", 0.7),
    )
    scores = read_scores(tmp_path)
    assert sorted(scores.models) == ["p/1b", "p/70m@step1000", "p/70m@step2000"]
    assert scores.task("piqa").examples == 1838  # from the standard error
    models = {"model": ["p/70m@step1000", "p/1b"], "N": [7e7, 1e9], "D": [2e9, 3e11]}
    joined = read_scores(tmp_path, models=models)
    assert joined.D[joined.models.tolist().index("p/1b")] == 3e11


def test_tasks_of_one_model_may_lie_in_several_files_but_may_not_differ(tmp_path: Path) -> None:
    half, rest = now("lab/a", 0.6), now("lab/a", 0.6)
    half["results"], rest["results"] = {"piqa": half["results"]["piqa"]}, {"gsm8k": rest["results"]["gsm8k"]}
    write(tmp_path, half=half, rest=rest)
    assert set(read_scores(tmp_path).task_names) == {"piqa", "gsm8k"}
    write(tmp_path, again=now("lab/a", 0.65))
    with pytest.raises(ScoresError, match=r"two different results on piqa.*not averaged"):
        read_scores(tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [({"a": 1}, "holds no result"), ("{broken", "is not JSON"), ({"results": {"t": 1}}, "holds no result")],
)
def test_what_is_no_result_is_said(tmp_path: Path, content: Any, told: str) -> None:
    with pytest.raises(ScoresError, match=told):
        read_scores(write(tmp_path, it=content))


def test_an_unknown_task_or_metric_is_named(tmp_path: Path) -> None:
    write(tmp_path, r=now("lab/a", 0.6))
    with pytest.raises(ScoresError, match="no task 'winogrande'; there are piqa"):
        read_scores(tmp_path, tasks=["winogrande"])
    with pytest.raises(ScoresError, match="has no metric 'f1'"):
        read_scores(tmp_path, tasks=["piqa"], metric="f1")
