"""Curves: what is refused, how restarts are cut, and that a curve survives being written."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoflop.curves.curve import Curve, CurveError, curve


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.sampled_from(["first", "last"]))
def test_a_cut_curve_increases_and_covers_every_step_that_survives(steps: list[int], restarts: str) -> None:
    made = curve(steps, np.arange(len(steps), dtype=float), restarts=restarts)  # type: ignore[arg-type]
    assert np.all(np.diff(made.steps) > 0)
    if restarts == "first":
        assert made.steps[-1] == max(steps)
        assert all(made.loss[k] == steps.index(int(step)) for k, step in enumerate(made.steps))
    else:
        assert made.steps[-1] == steps[-1]
        assert made.loss[-1] == len(steps) - 1


def test_a_restart_is_named_with_its_row() -> None:
    with pytest.raises(CurveError, match=r"run 'a'.*20 is followed by 10 in rows 7, 8.*restarts='last'"):
        curve([10, 20, 10, 5, 30], [5, 4, 4.5, 4.6, 3], name="a", rows=[5, 6, 7, 8, 9])
    kept = curve([10, 20, 10, 20, 30], [5, 4, 4.9, 3.9, 3], restarts="last")
    assert kept.loss.tolist() == [4.9, 3.9, 3]
    assert kept.notices[0].code == "restarted" and kept.notices[0].rows == (1, 2)
    assert curve([10, 20, 10, 20, 30], [5, 4, 4.9, 3.9, 3], restarts="first").loss.tolist() == [5, 4, 3]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([1, 2], [3.0]), "as many steps as losses"),
        (([], []), "at least one"),
        (([1, np.nan], [3.0, 2.0]), "found nan in row 2"),
        (([-1, 2], [3.0, 2.0]), "found -1 in row 1"),
    ],
)
def test_what_is_no_curve(arguments: tuple[list[float], list[float]], said: str) -> None:
    with pytest.raises(CurveError, match=said):
        curve(*arguments)


def test_totals_rates_and_words_are_checked() -> None:
    with pytest.raises(CurveError, match="total is 5 steps, but the curve goes to 9"):
        curve([1, 9], [3, 2], total=5)
    with pytest.raises(CurveError, match="learning rates must be numbers >= 0"):
        curve([1, 2], [3, 2], rates=[1.0, -1.0])
    with pytest.raises(CurveError, match="refuse, first, last; found 'cut'"):
        curve([1, 2], [3, 2], restarts="cut")  # type: ignore[arg-type]


def test_a_curve_survives_being_written() -> None:
    made = curve([1, 2, 3], [3, np.nan, 2], rates=[0, 1, 1, 1], total=9, name="a", group="g", unit="tokens")
    back = Curve.from_dict(json.loads(json.dumps(made.to_dict(), allow_nan=False)))
    assert back.to_dict() == made.to_dict()
    assert np.isnan(back.loss[1]) and back.finite.steps.tolist() == [1, 3]
    with pytest.raises(CurveError, match="no curve"):
        Curve.from_dict({"schema": "isoflop.fit"})
