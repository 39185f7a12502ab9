"""Alarms: each kind is raised where it should be and named with its step and row; clean noisy runs raise none."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoflop.curves.curve import Curve, CurveError, curve
from isoflop.curves.watch import CurveWatch, watch


def clean(noise: float = 0.005, seed: int = 0, points: int = 120) -> Curve:
    steps = np.arange(1, points + 1) * 10.0
    loss = (2 + 6 * steps**-0.4) * np.exp(noise * np.random.default_rng(seed).standard_normal(points))
    return curve(steps, loss, total=2400)


@given(st.integers(0, 10_000), st.floats(0.0, 0.01), st.integers(2, 120))
def test_a_run_that_goes_well_raises_nothing(seed: int, noise: float, points: int) -> None:
    assert watch(clean(noise, seed, 120).take(np.arange(points))).alarms == ()


def kinds(made: CurveWatch) -> list[str]:
    return [each.kind for each in made.alarms]


def test_a_spike_a_divergence_and_no_number_are_named() -> None:
    good = clean()
    loss = good.loss.copy()
    loss[60] *= 1.4
    made = watch(replace(good, loss=loss))
    assert kinds(made) == ["spike"] and made.alarms[0].step == good.steps[60] and made.alarms[0].row == 61
    loss = good.loss.copy()
    loss[90:] *= np.exp(0.05 * np.arange(1, 31))
    assert "divergence" in kinds(watch(replace(good, loss=loss)))
    loss = good.loss.copy()
    loss[[70, 80]] = np.nan, np.inf
    made = watch(replace(good, loss=loss))
    assert kinds(made) == ["not_a_number"] and "at 1 more" in made.alarms[0].message


def test_a_plateau_has_a_probability() -> None:
    steps = np.arange(1, 101) * 10.0
    flat = np.where(steps < 300, 2 + (300 - steps) / 300, 2.0)
    noisy = flat * np.exp(0.001 * np.random.default_rng(0).standard_normal(100))
    made = watch(curve(steps, noisy, total=1500))
    assert kinds(made) == ["plateau"] and made.alarms[0].probability >= 0.95
    assert abs(made.gain) < 0.002 and "may still lower it" in made.alarms[0].message
    assert watch(curve(steps, noisy, total=1000)).alarms == (), "the run is over"


def test_a_watch_survives_being_written_and_shown() -> None:
    good = clean()
    loss = good.loss.copy()
    loss[60] *= 1.4
    made = watch(replace(good, loss=loss))
    back = CurveWatch.from_dict(json.loads(json.dumps(made.to_dict(), allow_nan=False)))
    assert back.alarms == made.alarms and back.plateau == made.plateau
    assert "spike" in made.summary() and made.plot() is not None
    assert "No alarm" in watch(good).summary()
    with pytest.raises(CurveError, match="tolerance must be positive"):
        watch(good, tolerance=0)
