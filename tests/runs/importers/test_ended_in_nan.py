"""A run whose last loss is no number is named: it may have diverged."""

from __future__ import annotations

import json
from pathlib import Path

from isoflop.runs.importers.importing import import_runs

LOG = """tokens per iteration will be: 16,384
num decayed parameter tensors: 26, with 30,031,872 parameters
num non-decayed parameter tensors: 13, with 4,992 parameters
step 0: train loss 10.8201, val loss 10.8312
step 500: train loss 3.5000, val loss 3.6250
"""


def test_the_earlier_loss_is_taken_and_said(tmp_path: Path) -> None:
    path = tmp_path / "run.log"
    path.write_text(LOG)
    assert "ends_in_nan" not in [notice.code for notice in import_runs(path).resolved.notices]
    path.write_text(LOG + "step 1000: train loss 3.2000, val loss nan\n")
    made = import_runs(path)
    assert made.runs()["L"].tolist() == [3.625]
    told = next(notice for notice in made.resolved.notices if notice.code == "ends_in_nan")
    assert "of run is not a number" in told.message


def test_results_of_the_harness_before_2024_are_recognised(tmp_path: Path) -> None:
    stored = {"results": {"piqa": {"acc": 0.61}}, "versions": {"piqa": 0}, "config": {"model_args": "pretrained=x/y"}}
    (tmp_path / "results_old.json").write_text(json.dumps(stored))
    assert import_runs(tmp_path).title == "lm-evaluation-harness"
