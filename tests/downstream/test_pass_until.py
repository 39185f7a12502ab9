"""PassUntil: unbiased rates, exact intervals, the law with its forecast, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoflop.atlas.registry import law
from isoflop.cli.main import main
from isoflop.downstream.pass_until import pass_rates, pass_until, passes_needed, smallest_rate
from isoflop.downstream.task import ScoresError

SIZES = np.array([3e7, 1e8, 3e8, 1e9, 2.4e9])


def sampled(passes: int = 40, seed: int = 0, power: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """True rates of the law with c N^-alpha = 9 at the smallest model, and the samples until `passes` passes."""
    rates = np.exp(-9 * (SIZES / SIZES[0]) ** (-0.3 * power))
    return rates, np.random.default_rng(seed).negative_binomial(passes, rates) + passes


@pytest.mark.parametrize("rate", [0.3, 0.01, 1e-4])
@pytest.mark.parametrize("passes", [2, 3, 10])
def test_the_estimate_is_unbiased_and_r_over_k_is_not(rate: float, passes: int) -> None:
    drawn = np.random.default_rng(0).negative_binomial(passes, rate, 100_000) + passes
    estimates = pass_rates(np.full(100_000, passes), drawn).value
    error = estimates.std() / np.sqrt(len(drawn))
    assert abs(estimates.mean() - rate) < 4 * error
    assert (passes / drawn).mean() > rate + 4 * error


@pytest.mark.parametrize("rate", [0.3, 0.01])
def test_intervals_hold_what_they_say(rate: float) -> None:
    drawn = np.random.default_rng(1).negative_binomial(3, rate, 20_000) + 3
    found = pass_rates(np.full(20_000, 3), drawn)
    assert ((found.low <= rate) & (rate <= found.high)).mean() >= 0.945
    counted = np.random.default_rng(2).binomial(400, rate, 20_000)
    capped = pass_rates(counted, np.full(20_000, 400), True)
    assert ((capped.low <= rate) & (rate <= capped.high)).mean() >= 0.945


@given(passes=st.integers(2, 50), more=st.integers(0, 10**7))
def test_the_rate_is_the_law_of_the_atlas_and_lies_in_its_interval(passes: int, more: int) -> None:
    found = pass_rates(passes, passes + more)
    expected = law("pass_until_estimate@identity")(passes=float(passes), samples=float(passes + more))
    assert found.value == pytest.approx(expected)
    assert found.low <= found.value <= found.high <= 1.0


def test_the_law_is_recovered_and_forecasts_a_larger_model() -> None:
    covered, errors = 0, []
    truth = float(np.exp(-9 * (1e10 / SIZES[0]) ** -0.3))
    for seed in range(40):
        _, samples = sampled(seed=seed)
        made = pass_until(SIZES, 40, samples)
        value, low, high = made.forecast(1e10)
        covered += bool(low[0] <= truth <= high[0])
        errors.append(value[0] / truth - 1)
    assert covered >= 34
    assert abs(np.mean(errors)) < 0.03
    assert made.alpha.low < 0.3 < made.alpha.high


def test_a_bent_line_is_said() -> None:
    sizes = np.geomspace(3e7, 3e9, 8)
    bent = np.log(9) - 0.1 * np.log(sizes / sizes[0]) - 0.08 * np.log(sizes / sizes[0]) ** 2
    rates = np.exp(-np.exp(bent))
    made = pass_until(sizes, 400, np.round(400 / rates))
    assert "not_a_straight_line" in {notice.code for notice in made.warnings}
    assert made.curvature.value < 0


def test_models_that_never_pass_are_not_fitted_but_told() -> None:
    _, samples = sampled()
    made = pass_until([1e7, *SIZES], [0, *[40] * 5], [10**6, *samples], [True, *[False] * 5])
    assert made.used.tolist() == [False, *[True] * 5]
    codes = {notice.code for notice in made.warnings}
    assert {"capped", "never_passed"} <= codes
    assert "law_too_high" not in codes
    few = pass_until([1e7, *SIZES], [0, *[40] * 5], [10**9, *samples], [True, *[False] * 5])
    assert "law_too_high" in {notice.code for notice in few.warnings} or few.forecast(1e7)[0][0] < 4e-9


def test_budgets() -> None:
    drawn = np.random.default_rng(3).negative_binomial(passes_needed(0.2), 1e-3, 50_000) + passes_needed(0.2)
    rates = pass_rates(np.full(50_000, passes_needed(0.2)), drawn).value
    assert rates.std() / rates.mean() == pytest.approx(0.2, rel=0.1)
    assert smallest_rate(10**6) == pytest.approx(6e-6)


@pytest.mark.parametrize(
    ("passes", "samples", "said"),
    [(1, 50, "at least 2"), (5, 4, "only 4 samples"), (2.5, 10, "whole"), (np.nan, 10, "whole"), (0, 9, "at least 2")],
)
def test_impossible_counts_are_refused(passes: float, samples: float, said: str) -> None:
    with pytest.raises(ScoresError, match=said):
        pass_rates([2, passes], [10, samples])


def test_too_few_models_are_refused() -> None:
    with pytest.raises(ScoresError, match="at least 3"):
        pass_until([1e8, 1e9], [5, 5], [900, 80])


def test_a_size_that_is_not_positive_is_refused() -> None:
    made = pass_until([1e8, 1e9, 1e10], [5, 5, 5], [900, 80, 20], bootstrap=20)
    with pytest.raises(ScoresError, match="must be positive, found 0"):
        made.forecast([1e9, 0])


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, samples = sampled()
    table, page = tmp_path / "counts.csv", tmp_path / "page.html"
    rows = [f"{n:.0f},40,{k}" for n, k in zip(SIZES, samples)]
    table.write_text("\n".join(["params,passes,samples", *rows]))
    assert not main(["pass-until", str(table), "--at", "10B", "--report", str(page), "--json"], standalone_mode=False)
    told = json.loads(capsys.readouterr().out)
    assert told["forecast"][0]["low"] < told["forecast"][0]["rate"] < told["forecast"][0]["high"]
    assert "Pass rates in model size" in page.read_text()
    assert main(["pass-until", str(tmp_path / "none.csv")], standalone_mode=False) == 2
    table.write_text("params,passes\n1e8,2\n")
    assert main(["pass-until", str(table)], standalone_mode=False) == 2
    assert "no column samples" in capsys.readouterr().err
