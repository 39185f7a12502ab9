"""Runs from tables exported from Weights & Biases, and from results of lm-evaluation-harness."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isoflop
from isoflop.runs.importers.importing import import_runs


def write(path: Path, rows: list[list[Any]]) -> Path:
    with path.open("w", newline="") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows(rows)
    return path


def test_panel(tmp_path: Path) -> None:
    header = ["Step"]
    for name in ("gpt - small", "large"):
        header += [f"{name} - eval/loss", f"{name} - eval/loss__MIN", f"{name} - eval/loss__MAX"]
    path = write(
        tmp_path / "export.csv",
        [header, [0, 9.0, 9, 9, 8.0, 8, 8], [10, "", "", "", 7.0, 7, 7], [20, 5, 5, 5, "", "", ""]],
    )
    imported = import_runs(path)
    assert imported.source == "wandb-export"
    assert {run.name: run.metrics["eval/loss"].last for run in imported.tracked} == {"gpt - small": 5.0, "large": 7.0}
    assert imported.curves.of("gpt - small").step.tolist() == [0, 20]
    assert {"no_config", "unknown_resource"} <= {notice.code for notice in imported.notices}


def test_table_of_runs(tmp_path: Path) -> None:
    header = [
        "Name",
        "State",
        "Created",
        "Runtime",
        "model/num_parameters",
        "train/num_input_tokens_seen",
        "eval/loss",
        "opt",
    ]
    rows = [
        ["a", "finished", "2026-01-01", 10, 1000000, 2e8, 4.0, "adamw"],
        ["b", "crashed", "2026-01-01", 5, 4000000, 4e8, "", "muon"],
    ]
    imported = import_runs(write(tmp_path / "runs.csv", [header, *rows]))
    runs = imported.runs()
    assert (runs["N"].tolist(), runs["D"].tolist(), runs.conventions.N) == ([1e6], [2e8], "total")
    assert imported.left_out == (("b", "the metric 'eval/loss' is missing"),)
    assert imported.remarks[0].message == "run b is crashed in Weights & Biases"


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl"])
def test_history(tmp_path: Path, suffix: str) -> None:
    rows = [{"_step": 10 * k, "_runtime": k, "val/loss": 5.0 - k, "tokens": 1000.0 * k} for k in range(4)]
    path = tmp_path / f"run-a{suffix}"
    if suffix == ".csv":
        write(path, [["", *rows[0]], *([k, *row.values()] for k, row in enumerate(rows))])
    else:
        path.write_text(json.dumps(rows) if suffix == ".json" else "".join(json.dumps(row) + "\n" for row in rows))
    imported = import_runs(path)
    assert imported.curves.loss.tolist() == [5.0, 4.0, 3.0, 2.0]
    assert imported.curves.tokens.tolist() == [0.0, 1000.0, 2000.0, 3000.0]
    assert imported.tracked[0].name == "run-a"


@pytest.mark.parametrize("kind", ["python", "json", "pandas"])
def test_table_of_the_public_api(tmp_path: Path, kind: str) -> None:
    summaries = [{"_step": 100, "eval": {"loss": 4.0}}, {"_step": 100, "eval": {"loss": 3.5}}]
    configs = [
        {"n_params": 1_000_000, "tokens": 10**8, "opt": None},
        {"n_params": 2_000_000, "tokens": 10**8, "opt": None},
    ]
    path = tmp_path / ("project.csv" if kind == "python" else "project.json")
    if kind == "python":
        write(
            path,
            [
                ["", "summary", "config", "name"],
                *([k, s, c, "ab"[k]] for k, (s, c) in enumerate(zip(summaries, configs))),
            ],
        )
    elif kind == "json":
        path.write_text(
            json.dumps([{"summary": s, "config": c, "name": n} for s, c, n in zip(summaries, configs, "ab")])
        )
    else:
        frame = {"summary": summaries, "config": configs, "name": ["a", "b"]}
        path.write_text(
            json.dumps({column: {str(k): cell for k, cell in enumerate(cells)} for column, cells in frame.items()})
        )
    runs = isoflop.read_runs(path)
    assert (runs["N"].tolist(), runs["L"].tolist(), runs["D"].tolist()) == ([1e6, 2e6], [4.0, 3.5], [1e8, 1e8])


def test_a_cell_with_code_is_no_dictionary_and_never_runs(tmp_path: Path) -> None:
    path = tmp_path / "project.csv"
    marker = tmp_path / "ran"
    code = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    write(path, [["summary", "config", "name"], ["{'loss': 4.0}", "{}", "good"], [code, "{}", "evil"]])
    imported = import_runs(path)
    assert imported.left_out == (("evil", "row 2: its summary or config is no dictionary"),)
    assert not marker.exists()


def test_a_plain_table_is_no_export(tmp_path: Path, refusal: Callable[..., str]) -> None:
    path = write(tmp_path / "runs.csv", [["N", "loss - a", "name"], [1e6, 3.0, "x"]])
    assert "is of no source that is known; say which with source: wandb, mlflow" in refusal(path)
    assert "has the columns of no export" in refusal(path, source="wandb-export")


RESULTS = {
    "results": {
        "hellaswag": {"alias": "hellaswag", "acc,none": 0.30, "acc_stderr,none": 0.005, "acc_norm,none": 0.35},
        "gsm8k": {"alias": "gsm8k", "exact_match,strict-match": 0.02, "exact_match_stderr,strict-match": "N/A"},
    },
    "configs": {"hellaswag": {"task": "hellaswag"}, "gsm8k": {"task": "gsm8k"}},
    "n-shot": {"hellaswag": 0, "gsm8k": 5},
    "n-samples": {"hellaswag": {"original": 10042, "effective": 100}, "gsm8k": {"original": 1319, "effective": 1319}},
    "config": {
        "model": "hf", "model_args": "pretrained=org/tiny,revision=step1000", "model_num_parameters": 70_426_624,
    },
}  # fmt: skip


def check_results(folder: Path) -> None:
    """What both the real tracker's file and the documented format must give."""
    imported = import_runs(folder)
    assert imported.source == "lm-eval"
    (run,) = imported.tracked
    assert run.config["gsm8k.n_shot"] == 5
    assert {name: series.last for name, series in run.metrics.items()} == {
        "hellaswag/acc": 0.30, "hellaswag/acc_stderr": 0.005, "hellaswag/acc_norm": 0.35, "hellaswag/n": 100.0,
        "gsm8k/exact_match,strict-match": 0.02, "gsm8k/n": 1319.0,
    }  # fmt: skip
    runs = import_runs(folder, output="hellaswag/acc_norm").runs()
    assert (runs["N"].tolist(), runs.outputs.tolist(), runs.conventions.N) == ([70_426_624.0], [0.35], "total")
    assert import_runs(folder, columns={"loss": "hellaswag/acc"}).runs()["L"].tolist() == [0.30]


def test_harness_results_in_the_documented_format(tmp_path: Path) -> None:
    folder = tmp_path / "org__tiny"
    folder.mkdir()
    stored = {**RESULTS, "date": 1.7e9, "model_name": "org/tiny"}
    (folder / "results_2026-01-01T00-00-00.json").write_text(json.dumps(stored))
    check_results(tmp_path)
    later = {**stored, "date": 1.8e9, "results": {"hellaswag": {"acc,none": 0.31}}}
    (folder / "results_2025-12-01T00-00-00.json").write_text(json.dumps(later))
    imported = import_runs(tmp_path)
    assert imported.tracked[0].metrics["hellaswag/acc"].last == 0.31  # the later date wins, whatever the file's name
    assert imported.tracked[0].metrics["gsm8k/n"].last == 1319
    assert [notice.code for notice in imported.remarks] == ["repeated_results"]
    (folder / "results_2026-02-01T00-00-00.json").write_text(json.dumps(stored)[:500])
    assert "it is no whole result file (JSONDecodeError" in import_runs(tmp_path).left_out[0].reason


@pytest.mark.slow
def test_harness_results_by_the_real_tracker(tmp_path: Path) -> None:
    loggers = pytest.importorskip(
        "lm_eval.loggers.evaluation_tracker", reason="writes real results; pip install lm_eval"
    )
    tracker = loggers.EvaluationTracker(output_path=str(tmp_path))
    tracker.general_config_tracker.log_experiment_args("hf", "pretrained=org/tiny,revision=step1000", "", "", False)
    tracker.save_results_aggregated(results=json.loads(json.dumps(RESULTS)))
    check_results(tmp_path)


def test_results_without_a_loss_say_what_to_name(tmp_path: Path, refusal: Callable[..., str]) -> None:
    (tmp_path / "results_a.json").write_text(json.dumps(RESULTS))
    told = [notice.message for notice in import_runs(tmp_path).notices if notice.code == "no_output"]
    assert told == [refusal(tmp_path)]
    assert told[0].endswith("hellaswag/acc_norm, hellaswag/acc_stderr, hellaswag/n; name it: loss=METRIC")


def test_curves_of_results_are_empty(tmp_path: Path) -> None:
    (tmp_path / "results_a.json").write_text(json.dumps(RESULTS))
    curves = import_runs(tmp_path, output="hellaswag/acc").curves
    assert len(curves) == 0 and curves.step.dtype == np.float64
