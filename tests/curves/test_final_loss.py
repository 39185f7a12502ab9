"""Final losses: known curves are recovered, siblings are used where they help, and nothing is forecast from nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoflop.atlas.schedules import constant, cosine
from isoflop.curves.curve import Curve, CurveError, curve
from isoflop.curves.curve_models import MODELS, best_of_grid
from isoflop.curves.final_loss import CurveForecast, forecast_curve
from isoflop.curves.schedule_fit import fit_schedules
from isoflop.curves.schedule_laws import schedule_law
from isoflop.curves.siblings import sibling_forecast


def power_curve(
    floor: float, exponent: float, noise: float = 0.0, seed: int = 0, end: int = 1000, **options: str
) -> Curve:
    steps = np.arange(10, end + 1, 10)
    loss = floor + 4 * steps**-exponent
    return curve(
        steps, loss * np.exp(noise * np.random.default_rng(seed).standard_normal(steps.size)), total=end, **options
    )


@given(st.floats(0.5, 3.0), st.floats(0.2, 1.0), st.sampled_from([0.2, 0.4, 0.6]))
def test_a_power_law_with_a_floor_is_recovered_from_its_part(floor: float, exponent: float, share: float) -> None:
    whole = power_curve(floor, exponent)
    made = forecast_curve(whole.until(share * 1000))
    assert made.final.value == pytest.approx(whole.loss[-1], rel=0.03)
    assert made.final.low <= whole.loss[-1] <= made.final.high
    assert made.visible == pytest.approx(share)
    assert made.path[0] == pytest.approx(made.curve.loss[-1]) and made.path[-1] == pytest.approx(made.final.value)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_every_model_continues_a_curve_of_its_own(model: object) -> None:
    theta = model.grid[len(model.grid) // 3][None]  # type: ignore[attr-defined]
    z, at = np.linspace(0.02, 1, 60), np.array([2.0, 5.0])
    floor = 1.3 if model.has_floor else 0.0  # type: ignore[attr-defined]
    truth = floor + 0.7 * model.shape(np.append(z, at), theta)[0]  # type: ignore[attr-defined]
    made = best_of_grid(model, z, truth[:60], np.ones((1, 60)), at)[0]  # type: ignore[arg-type]
    assert np.allclose(made, truth[60:], rtol=1e-3)


def siblings(count: int, spread: float = 0.0, noise: float = 0.001) -> list[Curve]:
    """Runs whose rate falls at the end: their own curves cannot know it."""
    made = []
    for k in range(count):
        each = power_curve(2.0 + spread * np.sin(k), 0.4, noise, k, name=f"run {k}", group=f"record {k}")
        late = np.where(each.progress > 0.7, 1 - 0.2 * (each.progress - 0.7), 1.0)
        made.append(curve(each.steps, each.loss * late, total=1000, name=each.name, group=each.group))
    return made


def test_siblings_know_a_fall_that_the_visible_part_does_not_show() -> None:
    finished = siblings(25, 0.05)
    target, others = finished[7], finished[:7] + finished[8:]
    alone, helped = forecast_curve(target.until(500)), forecast_curve(target.until(500), siblings=others)
    truth = target.loss[-1]
    assert helped.method == "siblings" and alone.method == "own curve"
    assert abs(helped.final.value - truth) < 0.2 * abs(alone.final.value - truth)
    assert helped.final.low <= truth <= helped.final.high
    assert helped.final.high - helped.final.low < alone.final.high - alone.final.low


def test_conformal_intervals_of_exchangeable_siblings_cover() -> None:
    pool = siblings(160, 0.1, 0.003)
    inside = []
    for k in range(40):
        target, others = pool[k], pool[40 + 3 * k : 40 + 3 * k + 3] + pool[120:]
        made = sibling_forecast(target.until(400), 1000, others)
        assert made is not None
        inside.append(abs(made.log_final - np.log(target.loss[-1])) <= made.half_width)
    assert np.mean(inside) >= 0.85


def test_unfinished_and_too_few_siblings_are_said_not_used() -> None:
    finished = siblings(5)
    unfinished = [each.until(600) for each in finished]
    made = forecast_curve(power_curve(2, 0.4).until(300), siblings=unfinished)
    assert made.method == "own curve" and "siblings_unused" in {each.code for each in made.warnings}
    few = forecast_curve(finished[0].until(300), siblings=finished[1:])
    assert "few_siblings" in {each.code for each in few.warnings}


def test_laws_of_schedules_carry_a_run_to_its_end() -> None:
    law = schedule_law("annealing")
    values = {"L_0": 2.6, "A": 0.6, "alpha": 0.45, "G": 0.8, "momentum": 0.999}
    stages = constant(3999, 3e-4, 200)
    stages[2000:] = 9e-5
    steps = np.arange(240, 4000, 40)
    runs = [
        curve(steps, law.loss(rates, values)[0][steps], rates=rates) for rates in (constant(3999, 3e-4, 200), stages)
    ]
    fitted = fit_schedules(runs, "annealing", starts=2, draws=20)
    rates = cosine(3999, 3e-4, 3e-5, 200)
    shifted = curve(steps, 1.01 * law.loss(rates, values)[0][steps], rates=rates)
    made = forecast_curve(shifted.until(1600), total=3960, laws=fitted)
    assert made.method == "schedule law"
    assert made.final.value == pytest.approx(shifted.loss[-1], rel=2e-3)
    with pytest.raises(CurveError, match="learning rate of every step up to 3960; 0 are known"):
        forecast_curve(curve(steps, shifted.loss).until(1600), total=3960, laws=fitted)


@pytest.mark.parametrize(
    ("visible", "options", "said"),
    [
        (curve([1, 2, 3, 4], [4, 3, 2.5, 2.2]), {}, "where the run ends is unknown"),
        (curve([1, 2, 3, 4], [4, 3, 2.5, 2.2]), {"total": 3}, "goes to 4 already"),
        (curve([1, 2, 3, 4], [4, 3, 2.5, np.nan]), {"total": 9}, "at steps 4, is not a number"),
        (curve([0, 1, 2], [9, 4, 3]), {"total": 9}, "2 losses after step 0 are too few"),
        (curve([1, 2, 3, 4], [4, 3, 2, -1]), {"total": 9}, "a loss of -1 is negative"),
        (curve([1, 2, 3, 4], [4, 3, 2, 1]), {"total": 9, "level": 1.5}, "level must lie between 0 and 1"),
    ],
)
def test_what_cannot_be_forecast(visible: Curve, options: dict[str, float], said: str) -> None:
    with pytest.raises(CurveError, match=said):
        forecast_curve(visible, **options)  # type: ignore[arg-type]


def test_a_forecast_survives_being_written_and_shown() -> None:
    made = forecast_curve(power_curve(2, 0.4, 0.01).until(60), total=1000)
    back = CurveForecast.from_dict(json.loads(json.dumps(made.to_dict(), allow_nan=False).replace("NaN", "null")))
    assert back.final.value == made.final.value and back.warnings == made.warnings
    assert "early" in {each.code for each in made.warnings}
    assert "Final loss" in made.summary() and made.plot() is not None


def test_scale_does_not_matter() -> None:
    """Losses in other units give the same forecast in those units."""
    one = power_curve(2, 0.4, 0.003).until(400)
    two = curve(one.steps * 1e6, one.loss * 1000)
    first, second = forecast_curve(one, 1000).final, forecast_curve(two, 1e9).final
    assert second.value == pytest.approx(1000 * first.value, rel=1e-9)
    assert second.high == pytest.approx(1000 * first.high, rel=1e-9)
