"""`isoflop curve`: forecast, watch, laws of schedules; JSON, picture, report, and errors of one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from isoflop.atlas.schedules import constant
from isoflop.cli.main import main
from isoflop.curves.schedule_laws import schedule_law


def isoflop(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, [str(each) for each in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def run_csv(tmp_path: Path) -> Path:
    path = tmp_path / "run.csv"
    steps = np.arange(1, 61) * 50
    path.write_text("step,loss\n" + "".join(f"{s},{2 + 5 * s**-0.4}\n" for s in steps))
    return path


@pytest.fixture
def pair(tmp_path: Path) -> list[Path]:
    """A constant run and one of two stages, with their logged rates."""
    values = {"L_0": 2.6, "A": 0.6, "alpha": 0.45, "G": 0.8, "momentum": 0.999}
    stages = constant(3999, 3e-4, 200)
    stages[2000:] = 9e-5
    paths = []
    for name, rates in (("constant", constant(3999, 3e-4, 200)), ("stages", stages)):
        loss = schedule_law("annealing").loss(rates, values)[0]
        rows = "".join(f"{step},{loss[step]:.6f},{rates[step]}\n" for step in range(200, 4000, 25))
        paths.append(tmp_path / f"{name}.csv")
        paths[-1].write_text("step,loss,lr\n" + rows)
    return paths


def test_the_final_loss(run_csv: Path, tmp_path: Path) -> None:
    page, saved, drawn = tmp_path / "page.html", tmp_path / "made.json", tmp_path / "made.svg"
    result = isoflop("curve", run_csv, "--total", "6k", "-o", saved, "--report", page, "--plot", drawn)
    assert result.exit_code == 0 and "Final loss 2.15" in result.stdout
    assert "Final loss of run" in page.read_text() and drawn.stat().st_size > 1000
    content = json.loads(isoflop("curve", run_csv, "--total", "6k", "--json").stdout)
    assert content["final"]["value"] == pytest.approx(2 + 5 * 6000**-0.4, rel=0.01)
    assert content["alarms"] == [] and "curve" not in content
    assert isoflop("report", saved, "-o", tmp_path / "again.html").exit_code == 0


def test_siblings_in_the_same_file_are_seen_to_their_end(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    rows = [f"r{k},{s},{2 + 0.02 * k + 5 * s**-0.4}\n" for k in range(6) for s in range(50, 3001, 50)]
    path.write_text("run,step,loss\n" + "".join(rows))
    content = json.loads(isoflop("curve", path, "--run", "r3", "--until", "1000", "--total", "3k", "--json").stdout)
    assert content["method"] == "siblings"
    assert content["final"]["value"] == pytest.approx(2.06 + 5 * 3000**-0.4, abs=0.01)


def test_a_run_that_diverges_is_not_forecast_in_silence(run_csv: Path) -> None:
    with run_csv.open("a") as file:
        file.writelines(f"{3000 + 50 * k},{3 + 0.2 * k}\n" for k in range(1, 9))
    assert "[diverged]" in isoflop("curve", run_csv, "--total", "6k").stdout
    assert "[diverged]" not in isoflop("curve", run_csv, "--total", "6k", "--until", "3000").stdout


def test_the_watch(run_csv: Path) -> None:
    with run_csv.open("a") as file:
        file.write("3050,5.5\n3100,nan\n")
    content = json.loads(isoflop("curve", run_csv, "--watch", "--json").stdout)
    assert [each["kind"] for each in content["alarms"]] == ["spike", "not_a_number"]
    assert [each["row"] for each in content["alarms"]] == [61, 62]


def test_laws_of_schedules(pair: list[Path], tmp_path: Path) -> None:
    spec = "cosine:steps=4000,peak=3e-4,last=3e-5,warmup=200"
    saved = tmp_path / "made.json"
    result = isoflop("curve", *pair, "--law", "annealing", "--warmup", "200", "--schedule", spec, "-o", saved)
    assert result.exit_code == 0 and spec in result.stdout
    assert isoflop("report", saved, "-o", tmp_path / "page.html").exit_code == 0
    best = isoflop("curve", *pair, "--law", "annealing", "--warmup", "200", "--best", "4000")
    assert best.exit_code == 0 and "Lowest at the end" in best.stdout
    padded = isoflop("curve", *pair, "--law", "annealing", "--warmup", "200", "--schedule", "wsd:steps=4000,peak=3e-4")
    assert padded.exit_code == 0
    rates = tmp_path / "padded.csv"
    rates.write_text("step,rate\n0,3e-4\n2000,3e-4\n3000,0\n4000,0\n")
    refused = isoflop("curve", *pair, "--law", "annealing", "--warmup", "200", "--schedule", rates)
    assert refused.exit_code == 2 and "refused; end the schedule at step" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "where the run ends is unknown"),
        (("--total", "100"), "goes to 3000 already"),
        (("--until", "1"), "no row lies at or before"),
        (("--total", "6k", "--run", "x"), "there is no such run"),
        (("--rates", "a", "--rates", "b"), "given 2 times for 1 files"),
        (("--law", "both"), "no learning rates"),
        (("--best", "9", "--schedule", "cosine:steps=9,peak=1"), "two questions"),
        (("--plot", "x.txt"), "ends in"),
    ],
)
def test_errors_are_one_line(run_csv: Path, arguments: tuple[str, ...], said: str) -> None:
    result = isoflop("curve", run_csv, *arguments)
    assert result.exit_code == 2 and said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_restart_is_refused_then_cut(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_text("step,loss\n" + "".join(f"{s},{2 + 5 / s}\n" for s in [*range(1, 9), *range(5, 12)]))
    refused = isoflop("curve", path, "--total", "30")
    assert (
        refused.exit_code == 2
        and "8 is followed by 5 in row 9" in refused.stderr
        and "--restarts last" in refused.stderr
    )
    assert "restart" in isoflop("curve", path, "--total", "30", "--restarts", "last").stdout


def test_one_run_of_a_table_has_the_others_for_siblings(tmp_path: Path) -> None:
    rows = [f"run{k},{s},1000,{2 + 0.02 * k + 5 * s**-0.4}" for k in range(6) for s in range(50, 1001, 50)]
    rows += [f"new,{s},1000,{2.05 + 5 * s**-0.4}" for s in range(50, 401, 50)]
    path = tmp_path / "table.csv"
    path.write_text("run,step,total_steps,loss\n" + "\n".join(rows) + "\n")
    assert "7 runs match; choose one with --run" in isoflop("curve", path).stderr
    made = json.loads(isoflop("curve", path, "--run", "new", "--json").stdout)
    assert made["method"] == "siblings" and made["siblings"]["groups"] == 6
    assert made["final"]["value"] == pytest.approx(2.05 + 5 * 1000**-0.4, rel=0.01)
