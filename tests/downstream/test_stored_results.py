"""Every result of this page of the room is written, read back the same, and opened by `isoflop report`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import isoflop
from isoflop.cli.main import main
from isoflop.cli.results import load_result
from isoflop.downstream.task import Task, TaskScores


def table() -> TaskScores:
    generator, compute = np.random.default_rng(0), np.tile(np.geomspace(1e20, 1e23, 6), 3)
    capability = np.log(compute / 1e21) / 4 + np.repeat([0.0, 0.3, -0.2], 6)
    scores = {
        f"t{k}": 0.9 / (1 + np.exp(-(0.5 + k / 4) * capability)) + 0.01 * generator.standard_normal(18)
        for k in range(4)
    }
    family = np.repeat(["a", "b", "c"], 6)
    return TaskScores.of(scores, C=compute, family=list(family), tasks=[Task("t0", examples=500)])


def rectified() -> Any:
    x = 100 * 2.0 ** np.arange(9)
    loss = [[1 + b / (20 + n**0.5) for n in x] for b in (60, 80, 90)]
    return isoflop.rectified(isoflop.read_fine_tuning({"model": ["a", "b", "c"], **{
        f"{n:.0f}": [row[k] for row in loss] for k, n in enumerate(x)
    }}), limit=6400)  # fmt: skip


def choices() -> Any:
    log_p = -np.random.default_rng(0).gamma(3, 1, (4, 50, 4))
    return isoflop.choice_forecast([1e20, 1e21, 1e22, 1e23], log_p, np.zeros(50, dtype=int), 1e24, draws=20)


MAKERS: dict[str, Callable[[], Any]] = {
    "observational": lambda: isoflop.observational(table(), "t0", limit=3e22, bootstrap=20),
    "leaderboard": lambda: isoflop.leaderboard(table(), bootstrap=20),
    "verdicts": lambda: isoflop.verdicts(table(), at=1e25),
    "pass_until": lambda: isoflop.pass_until([1e8, 3e8, 1e9, 3e9], 10, [90_000, 8_200, 1_300, 330], bootstrap=50),
    "choice_forecast": choices,
    "rectified": rectified,
}


@pytest.mark.parametrize("name", list(MAKERS))
def test_a_stored_result_is_the_same_again(name: str, tmp_path: Path) -> None:
    made, path = MAKERS[name](), tmp_path / "made.json"
    made.save(path)
    again = load_result(str(path))
    assert type(again) is type(made)
    assert json.dumps(again.to_dict()) == json.dumps(made.to_dict())
    assert again.summary() == made.summary()
    assert "tabular" in made.summary("latex")


@pytest.mark.parametrize("name", ["verdicts", "pass_until"])
def test_report_opens_it(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, page = tmp_path / "made.json", tmp_path / "page.html"
    MAKERS[name]().save(path)
    assert not main(["report", str(path), "-o", str(page)], standalone_mode=False)
    assert "<svg" in page.read_text() or "<img" in page.read_text()
