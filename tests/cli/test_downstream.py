"""isoflop downstream: forecasts, verdicts, files and pictures, and bad input in one line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from tests.cli.conftest import Isoflop
from tests.downstream.simulated_ladder import ladder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """The simulated ladder as a CSV file, scores in percent."""
    scores, path = ladder(), tmp_path / "ladder.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["model", "params", "tokens", "quiz", "quiz_bpb"])
        writer.writerows(zip(scores.models, scores.N, scores.D, 100 * scores["quiz"], scores.loss_of("quiz")))
    return path


FAST = ("--route", "two_step", "--route", "last_value", "--resamples", "30", "--smooth", "1")


def test_a_forecast_is_printed_written_drawn_and_read_back(isoflop: Isoflop, table: Path, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("made.json", "made.png", "made.html")]
    stated = ("--chance", "quiz=0.25", "--examples", "*=2000", "--at", "N=7B,D=700B", "--at", "N=30B,D=3T")
    made = isoflop("downstream", table, *stated, *FAST, "-o", files[0], "--plot", files[1], "--report", files[2])
    assert made.exit_code == 0, made.output
    assert "two_step" in made.stdout and "N=30B,D=3T" in made.stdout and "divided by 100" in made.stdout
    assert all(file.stat().st_size > 1000 for file in files)
    assert "quiz" in files[2].read_text()
    again = isoflop("report", files[0], "-o", tmp_path / "again.html")
    assert again.exit_code == 0 and "quiz" in (tmp_path / "again.html").read_text()


def test_json_has_the_verdict_the_interval_and_every_route(isoflop: Isoflop, table: Path) -> None:
    made = isoflop("downstream", table, "--at", "N=7B,D=700B", "--chance", "quiz=.25", *FAST, "--json")
    stored = json.loads(made.stdout)
    quiz = stored["forecasts"][0]
    assert stored["schema"] == "isoflop.task_forecasts" and quiz["task"]["chance"] == 0.25
    assert quiz["low"][0] < quiz["value"][0] < quiz["high"][0]
    assert {skill["route"] for skill in quiz["skills"]} == {"two_step", "last_value"}
    assert "values" not in json.dumps(stored["targets"])


def test_runs_held_out_are_compared_with_what_they_scored(isoflop: Isoflop, table: Path) -> None:
    made = isoflop("downstream", table, "--hold-out-above", "1e21", *FAST)
    assert made.exit_code == 0 and "On the targets, which no fit saw" in made.stdout
    assert "the last value" in made.stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--chance", "nothing=0.25"), "there is no task 'nothing'"),
        (("--direction", "quiz=up"), "accepted: higher, lower"),
        (("--maximum", "quiz=0.5"), "lies outside 0 to 0.5"),
        (("--at", "N=7B", "--at", "N=7B,D=1T"), "every point must state the same"),
        (("--at", "size=7B"), "'size' is unknown"),
        (("--route", "guess"), "no route 'guess'"),
        (("--task", "qiuz"), "did you mean 'quiz'"),
        (("--scale", "fraction"), "lies outside 0 to 1"),
        (("--plot", "picture.txt"), "a name that ends in"),
        (("-o", "nowhere/made.json"), "there is no folder nowhere"),
    ],
)
def test_bad_input_is_said_in_one_line(isoflop: Isoflop, table: Path, options: tuple[str, ...], told: str) -> None:
    made = isoflop("downstream", table, *options)
    assert made.exit_code == 2 or made.exit_code == 1
    assert told in made.output and "Traceback" not in made.output
