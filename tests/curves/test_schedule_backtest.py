"""Weights of laws from held-back ends: never worse there than the better law, equal where nothing is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from isoflop.atlas.schedules import warmup_stable_decay
from isoflop.curves.curve import Curve, curve
from isoflop.curves.schedule_backtest import CUTS, Part, back_test, drift_of, weights_of
from isoflop.curves.schedule_fit import fit_schedules
from isoflop.curves.schedule_laws import schedule_law

VALUES = {"L_0": 2.6, "A": 0.6, "G": 0.8, "alpha": 0.45, "momentum": 0.999}


def run(decay: int, every: int = 40, to: int = 4000) -> Curve:
    """A run without noise that follows the annealing law."""
    rates = warmup_stable_decay(3999, 3e-4, 3e-5, 200, decay)
    steps = np.arange(220, to, every)
    return curve(steps, schedule_law("annealing").loss(rates, VALUES)[0][steps], rates=rates)


def missed(weights: np.ndarray, parts: list[Part]) -> float:
    return float(np.prod([max(np.mean(np.abs(weights @ part.errors)), 1e-6) for part in parts]))


@example(3, 173)
@given(st.integers(2, 4), st.integers(0, 1000))
def test_weights_are_shares_and_do_no_worse_than_equal_ones(laws: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    parts = [Part(generator.normal(0.01, 0.02, (laws, 8)), np.ones(8)) for _ in range(4)]
    weights = weights_of(parts, laws)
    assert np.all(weights >= 0) and weights.sum() == pytest.approx(1.0)
    assert missed(weights, parts) <= missed(np.full(laws, 1 / laws), parts) * (1 + 1e-9)
    if laws == 2:
        assert missed(weights, parts) <= min(missed(each, parts) for each in np.eye(2)) * (1 + 1e-9)


def test_a_part_counts_alike_whatever_the_size_of_its_errors() -> None:
    """Scaled errors of one part leave the weights where they were, so that the longest horizon does not decide."""
    generator = np.random.default_rng(1)
    parts = [Part(generator.normal(0.01, 0.02, (2, 8)), np.ones(8)) for _ in range(3)]
    scaled = [parts[0], parts[1], Part(100 * parts[2].errors, parts[2].ahead)]
    assert weights_of(parts, 2).tolist() == weights_of(scaled, 2).tolist()


def test_a_law_without_error_takes_all_and_nothing_known_weighs_alike() -> None:
    part = Part(np.array([[0.02, 0.03], [0.0, 0.0]]), np.ones(2))
    assert weights_of([part], 2).tolist() == [0.0, 1.0]
    assert weights_of([], 2).tolist() == [0.5, 0.5]
    assert weights_of([part], 1).tolist() == [1.0]


def test_drift_is_the_error_for_each_e_fold() -> None:
    part = Part(np.array([[0.02, 0.02], [0.0, 0.0]]), np.array([2.0, 2.0]))
    assert drift_of([part], np.array([0.5, 0.5])) == pytest.approx(0.005)
    assert drift_of([], np.array([1.0])) == 0.0


def test_only_what_lies_before_a_cut_is_fitted() -> None:
    """Other losses after the last cut change no forecast, only how far it missed."""
    laws, held = [schedule_law("annealing")], [{"momentum": 0.999}]
    whole = run(2500)
    loss = whole.loss.copy()
    loss[int(0.85 * loss.size) :] *= 1.1
    changed = curve(whole.steps, loss, rates=whole.rates)
    found = [back_test([each], laws, held, after=None, delta=1e-3) for each in (whole, changed)]
    assert len(found[0]) == len(CUTS)
    for as_run, other in zip(*found):
        assert np.max(np.abs(as_run.errors)) < 1e-3
        rest = whole.loss.size - as_run.errors.shape[1]
        expected = as_run.errors[0] + np.log(whole.loss / loss)[rest:]
        assert np.allclose(other.errors[0], expected, atol=1e-12)


def test_cuts_before_the_rate_falls_are_passed_over_and_named() -> None:
    late = run(600)
    assert back_test([late], [schedule_law("annealing")], [{"momentum": 0.999}], after=None, delta=1e-3) == []
    made = fit_schedules([late], starts=1, draws=2)
    assert made.weights == (0.5, 0.5) and made.drift == 0.0
    assert "no_back_test" in {each.code for each in made.warnings}
