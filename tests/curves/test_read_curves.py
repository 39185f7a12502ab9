"""Reading curves: columns by name, losses that are no numbers kept, restarts and text named with their rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from isoflop.curves.curve import CurveError
from isoflop.curves.read_curves import rates_of_every_step, read_curves


def written(folder: Path, text: str, name: str = "run.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_losses_that_are_no_numbers_stay_at_their_steps(tmp_path: Path) -> None:
    made = read_curves(written(tmp_path, "step,loss\n1,3\n2,nan\n3,inf\n4,\n5,2\n"))[0]
    assert made.steps.tolist() == [1, 2, 3, 4, 5]
    assert np.isfinite(made.loss).tolist() == [True, False, False, False, True]


def test_columns_by_common_names_and_by_map(tmp_path: Path) -> None:
    path = written(tmp_path, "iter,train_loss,val_loss,total_steps,lr\n0,9,8,40,1e-3\n20,4,3,40,1e-3\n")
    made = read_curves(path)[0]
    assert made.loss.tolist() == [8, 3] and made.total == 40 and made.rates is not None and made.unit == "steps"
    assert read_curves(path, ["loss=train_loss"])[0].loss.tolist() == [9, 4]
    assert read_curves({"tokens": [1e6, 2e6], "loss": [3, 2]})[0].unit == "tokens"
    lines = written(tmp_path, '{"step": 1, "loss": 3}\n{"step": 2, "loss": 2.5}\n', "run.jsonl")
    assert read_curves(lines)[0].loss.tolist() == [3, 2.5]


def test_runs_and_records_are_kept_apart(tmp_path: Path) -> None:
    path = written(tmp_path, "record,run,step,loss\na,x,1,3\na,x,2,2\na,y,1,4\nb,x,1,5\n")
    made = read_curves(path)
    assert [(each.group, each.name, len(each)) for each in made] == [("a", "x", 2), ("a", "y", 1), ("b", "x", 1)]
    assert made[2].rows.tolist() == [4]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("step,loss\n1,3\n2,2\n1,4\n2,2.5\n", "2 is followed by 1 in row 3"),
        ("step,loss\n1,3\n2,two\n3,2\n", "loss holds text in row 2"),
        ("step,loss\n-1,3\n2,2\n", "found -1 in row 1"),
        ("a,loss\n1,2\n", "is the step of a curve; there are a, loss; map it: step=COLUMN"),
        ("step,b\n1,2\n", "is the loss of a curve"),
    ],
)
def test_bad_tables_are_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CurveError, match=said):
        read_curves(written(tmp_path, text))


def test_bad_maps_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, "step,loss\n1,3\n")
    with pytest.raises(CurveError, match="cannot read the map depth=3"):
        read_curves(path, ["depth=3"])
    with pytest.raises(CurveError, match="step is mapped twice"):
        read_curves(path, ["step=step", "tokens=step"])


def test_a_restart_is_cut_at_the_users_word(tmp_path: Path) -> None:
    path = written(tmp_path, "step,loss\n1,3\n2,2\n1,4\n2,2.5\n3,2.4\n")
    made = read_curves(path, restarts="last")[0]
    assert made.loss.tolist() == [4, 2.5, 2.4] and made.rows.tolist() == [3, 4, 5]
    assert read_curves(path, restarts="first")[0].loss.tolist() == [3, 2, 2.4]


def test_logged_rates_become_rates_of_every_step() -> None:
    rates, notice = rates_of_every_step(np.array([10.0, 20.0, 30.0]), np.array([1.0, 0.9, 0.1]), 5)
    assert rates[:5].tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8]) and rates[5] == 1.0
    assert rates[15] == pytest.approx(0.95) and rates[29] == 0.9 and rates[30] == 0.1
    assert notice.code == "rates_interpolated"
