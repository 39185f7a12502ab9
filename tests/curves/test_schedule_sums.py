"""Sums over schedules: linear time equals the double sum of the papers, on any schedule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from isoflop.atlas import law as atlas_law
from isoflop.atlas.schedules import annealing_areas, cosine, warmup_stable_decay
from isoflop.curves.curve import curve
from isoflop.curves.sampled import sampled
from isoflop.curves.schedule_laws import schedule_law
from isoflop.curves.schedule_sums import momentum_areas, power_drops

Array = NDArray[np.float64]


def double_sum(rates: Array, scale: float, beta: float, gamma: float) -> Array:
    """The paper's sum, term by term."""
    made = np.zeros(rates.size)
    for t in range(rates.size):
        for k in range(1, t + 1):
            x = scale * rates[k] ** -gamma * rates[k : t + 1].sum()
            made[t] += (rates[k - 1] - rates[k]) * (1 - (1 + x) ** -beta)
    return made


@given(
    arrays(np.float64, st.integers(2, 40), elements=st.floats(1e-5, 1e-3)),
    st.floats(0.01, 100),
    st.floats(0.05, 3.0),
    st.floats(0.0, 1.2),
)
def test_power_drops_equal_the_double_sum(rates: Array, scale: float, beta: float, gamma: float) -> None:
    made, truth = power_drops(rates, scale, beta, gamma)[0], double_sum(rates, scale, beta, gamma)
    moved = np.abs(np.diff(rates)).sum()
    assert np.allclose(made, truth, atol=2e-5 * moved + 1e-15)


def test_a_long_schedule_with_warm_up_equals_the_double_sum_where_it_is_looked_at() -> None:
    rates = cosine(2999, 3e-4, 3e-5, 300)
    made = power_drops(rates, 2.0, 0.6, 0.64)[0]
    total = np.cumsum(rates)
    for t in (5, 299, 301, 1500, 2999):
        with np.errstate(divide="ignore"):
            x = 2.0 * rates[1 : t + 1] ** -0.64 * (total[t] - total[:t])
        truth = -np.sum(np.diff(rates[: t + 1]) * (1 - (1 + x) ** -0.6))
        assert made[t] == pytest.approx(truth, abs=1e-9)


def test_many_schedules_at_once_equal_each_alone() -> None:
    rates = np.array([warmup_stable_decay(499, 1e-3, 1e-4, 50, decay) for decay in (50, 200, 400)])
    together = power_drops(rates, [1.0, 2.0, 3.0], 0.5, 0.6)
    for row, scale, made in zip(rates, (1.0, 2.0, 3.0), together):
        assert np.allclose(power_drops(row, scale, 0.5, 0.6)[0], made, atol=1e-9)
    assert np.array_equal(
        power_drops(rates, 2.0, 0.5, 0.6, keep=[10, 499]), power_drops(rates, 2.0, 0.5, 0.6)[:, [10, 499]]
    )


@given(arrays(np.float64, st.integers(1, 60), elements=st.floats(0, 1)), st.floats(0, 0.999))
def test_momentum_areas_equal_those_of_the_atlas_with_the_warm_up_counted(rates: Array, decay: float) -> None:
    s1, s2 = momentum_areas(rates, decay)
    expected = annealing_areas(rates, decay, count_warmup=True)
    assert np.allclose(s1[0], expected[0]) and np.allclose(s2[0], expected[1], atol=1e-12)


def test_merged_steps_equal_every_step() -> None:
    """A fit sums over merged steps; what it sums is what a forecast sums."""
    law = schedule_law("multi_power")
    values = {"L_0": 2.5, "A": 0.6, "alpha": 0.45, "B": 450.0, "C": 2.0, "beta": 0.6, "gamma": 0.64}
    for rates in (cosine(8999, 3e-4, 3e-5, 500), warmup_stable_decay(8999, 3e-4, 1e-5, 500, 3000, "exponential")):
        steps = np.arange(600, 9000, 100)
        data = sampled([curve(steps, np.ones(steps.size), rates=rates)])
        merged = law.sampled_falls(data, {name: np.array([values[name]]) for name in law.shape})[0]
        exact = law.falls(rates[None], {name: np.array([values[name]]) for name in law.shape})[0, steps]
        assert data.rates.shape[1] < 1000
        assert np.max(np.abs(merged - exact)) * values["B"] < 5e-4


@pytest.mark.parametrize("size", ["25M", "100M", "400M"])
def test_closed_forms_of_the_atlas_equal_the_sum(size: str) -> None:
    """One rise and one fall exactly; warm-up, stable part and linear decay as an integral over the rate."""
    values = next(each.values for each in schedule_law("multi_power").published if each.id == f"luo2025_{size}")
    total = schedule_law("multi_power").loss
    stages = np.concatenate([[0.0], np.full(7000, 3e-4), np.full(3000, 9e-5)])
    once = atlas_law(f"multi_power_law@luo2025_{size}")(S_before=2.1, S_after=0.27, LR=3e-4, LR_low=9e-5)
    assert once == pytest.approx(total(stages, values)[0, -1], rel=1e-7)
    for decay, last in ((1000, 3e-5), (4000, 1e-5), (12_000, 1e-4)):
        rates = warmup_stable_decay(16_000, 3e-4, last, 2160, decay)
        asked = {"S": 16_000.0, "warmup": 2160.0, "decay": float(decay), "LR": 3e-4, "LR_end": last}
        whole = atlas_law(f"multi_power_law_decay@luo2025_{size}")(**asked)
        assert whole == pytest.approx(total(rates, values)[0, -1], rel=4e-5)


@pytest.mark.parametrize("rates", [[1.0, -1.0], [np.nan], [[[1.0]]], []])
def test_what_is_no_schedule(rates: object) -> None:
    with pytest.raises(ValueError, match="rates"):
        power_drops(rates, 1.0, 1.0, 1.0)  # type: ignore[arg-type]
