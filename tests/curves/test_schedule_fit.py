"""Laws of schedules: recovered from simulated curves, forecast unseen schedules, refuse what they cannot know."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from isoflop.atlas.schedules import constant, cosine, warmup_stable_decay
from isoflop.curves.curve import Curve, CurveError, curve
from isoflop.curves.schedule_fit import ScheduleFit, fit_schedules
from isoflop.curves.schedule_forecast import ScheduleForecast, best_schedule
from isoflop.curves.schedule_laws import schedule_law, schedule_laws
from isoflop.curves.schedule_spec import parse_schedule

PEAK, LAST, WARMUP, STEPS = 3e-4, 3e-5, 200, 4000
TRUTH = {
    "multi_power": {"L_0": 2.6, "A": 0.6, "alpha": 0.45, "B": 450.0, "C": 2.1, "beta": 0.593, "gamma": 0.641},
    "annealing": {"L_0": 2.6, "A": 0.6, "alpha": 0.45, "G": 0.8, "momentum": 0.999},
}


def simulated(law: str, rates: np.ndarray, noise: float = 5e-4, seed: int = 0) -> Curve:
    steps = np.arange(WARMUP + 20, rates.size, 40)
    off = noise * np.random.default_rng(seed).standard_normal(steps.size)
    return curve(steps, schedule_law(law).loss(rates, TRUTH[law])[0][steps] * np.exp(off), rates=rates)


@pytest.fixture(scope="module", params=sorted(TRUTH))
def fitted(request: pytest.FixtureRequest) -> ScheduleFit:
    stages = warmup_stable_decay(STEPS - 1, PEAK, 9e-5, WARMUP, 1)
    stages[STEPS // 2 :] = 9e-5
    runs = [
        simulated(request.param, constant(STEPS - 1, PEAK, WARMUP), seed=1),
        simulated(request.param, stages, seed=2),
    ]
    return fit_schedules(runs, request.param, starts=3, draws=100)


def test_unseen_schedules_are_forecast_within_their_intervals(fitted: ScheduleFit) -> None:
    unseen = np.array([cosine(STEPS - 1, PEAK, LAST, WARMUP), warmup_stable_decay(STEPS - 1, PEAK, LAST, WARMUP, 800)])
    truth = schedule_law(fitted.law).loss(unseen, TRUTH[fitted.law])
    made = fitted.forecast(unseen, names=["cosine", "wsd"])
    assert np.max(np.abs(made.loss[:, WARMUP + 1 :] / truth[:, WARMUP + 1 :] - 1)) < 3e-3
    assert np.all((made.low[:, -1] < truth[:, -1]) & (truth[:, -1] < made.high[:, -1]))
    assert made.final[0].tolist() == [made.loss[0, -1], made.low[0, -1], made.high[0, -1]]


def test_a_fit_and_a_forecast_survive_being_written(fitted: ScheduleFit) -> None:
    back = ScheduleFit.from_dict(json.loads(json.dumps(fitted.to_dict(), allow_nan=False)))
    assert back.to_dict() == fitted.to_dict()
    forecast = fitted.forecast(cosine(STEPS - 1, PEAK, LAST, WARMUP))
    again = ScheduleForecast.from_dict(json.loads(json.dumps(forecast.to_dict(), allow_nan=False)))
    assert np.array_equal(again.loss, forecast.loss) and np.array_equal(again.low, forecast.low)
    assert "held" in {each.code for each in fitted.warnings}
    assert fitted.law in fitted.summary() and fitted.plot() is not None
    assert "cosine" in fitted.forecast(cosine(STEPS - 1, PEAK, LAST, WARMUP), names=["cosine"]).summary()


def test_the_best_schedule_keeps_the_peak_and_beats_the_constant(fitted: ScheduleFit) -> None:
    ranked = best_schedule(fitted, STEPS, count=5)
    assert np.allclose(ranked.rates.max(axis=1), PEAK) and ranked.best == 0
    assert np.all(np.diff(ranked.loss[:, -1]) >= 0)
    assert ranked.loss[0, -1] < fitted.loss(constant(STEPS - 1, PEAK, WARMUP))[0, -1]


def test_zero_rate_padding_is_refused_by_the_annealing_law_alone() -> None:
    padded = np.append(warmup_stable_decay(STEPS - 1, PEAK, 0.0, WARMUP, 800), np.zeros(500))
    law = schedule_law("annealing")
    with pytest.raises(CurveError, match=r"last 501 of 4500 steps .* refused; end the schedule at step 3999"):
        law.loss(padded, TRUTH["annealing"])
    tiny = np.append(warmup_stable_decay(STEPS - 1, PEAK, 0.0, WARMUP, 800)[:-1], np.full(500, 1e-9))
    with pytest.raises(CurveError, match="refused"):
        law.loss(tiny, TRUTH["annealing"])
    assert np.isfinite(law.loss(padded[:STEPS], TRUTH["annealing"])[0, -1])
    made = schedule_law("multi_power").loss(padded, TRUTH["multi_power"])[0]
    assert made[-1] == pytest.approx(made[STEPS - 1], abs=1e-3), "nothing is learnt at rate 0"


@pytest.fixture(scope="module", params=sorted(TRUTH))
def of_both(request: pytest.FixtureRequest) -> tuple[str, ScheduleFit]:
    """Both laws fitted to curves made by one of them."""
    stages = constant(STEPS - 1, PEAK, WARMUP)
    stages[STEPS // 2 :] = 9e-5
    rates = (constant(STEPS - 1, PEAK, WARMUP), stages)
    runs = [simulated(request.param, each, seed=k) for k, each in enumerate(rates)]
    return request.param, fit_schedules(runs, starts=1, draws=20)


def test_both_laws_are_averaged_by_their_weights(of_both: tuple[str, ScheduleFit]) -> None:
    made = of_both[1]
    asked = cosine(STEPS - 1, PEAK, LAST, WARMUP)
    each = [schedule_law(member.law).loss(asked, member.values)[0, 1:] for member in made.members]
    assert {member.law for member in made.members} == set(schedule_laws())
    assert np.allclose(made.loss(asked)[0, 1:], np.asarray(made.weights) @ np.asarray(each))
    assert sum(made.weights) == pytest.approx(1.0)


def test_the_law_that_made_the_curves_weighs_more(of_both: tuple[str, ScheduleFit]) -> None:
    truth, made = of_both
    weights = {member.law: weight for member, weight in zip(made.members, made.weights)}
    assert weights[truth] > 0.6 and 0 <= made.drift < 0.01


@pytest.mark.parametrize(
    ("curves", "options", "said"),
    [
        ([simulated("annealing", constant(STEPS - 1, PEAK, WARMUP))], {}, "constant after its warm-up"),
        ([curve([1, 2, 3], [3, 2, 1.9])], {}, "no learning rates"),
        ([curve([1, 2, 30], [3, 2, 1.9], rates=np.ones(20))], {}, "rates for 20 steps but a loss at step 30"),
        (
            [curve([1, 2, 3], [3, 2, 1.9], rates=np.linspace(1, 0.1, 5))],
            {},
            "losses after the warm-up are too few",
        ),
        ([simulated("annealing", cosine(STEPS - 1, PEAK, LAST, WARMUP))], {"law": "power"}, "no law of schedules"),
        (
            [simulated("annealing", cosine(STEPS - 1, PEAK, LAST, WARMUP))],
            {"law": "annealing", "hold": {"beta": 1.0}},
            "no parameter 'beta' to hold; accepted are alpha, momentum",
        ),
    ],
)
def test_what_cannot_be_fitted(curves: list[Curve], options: dict[str, object], said: str) -> None:
    with pytest.raises(CurveError, match=said):
        fit_schedules(curves, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("linear:steps=9", "accepted are constant, cosine, wsd"),
        ("cosine:steps=9", "has no peak"),
        ("cosine:steps=9,peak=x", "peak must be a number, found 'x'"),
        ("cosine:steps=9,peak=1,decay=2", "cosine takes steps, peak, last, warmup"),
        ("wsd:steps=9,peak=1,decay=20", "decay must lie between"),
        ("wsd:steps=1,peak=1", "steps must be positive"),
    ],
)
def test_what_is_no_schedule(text: str, said: str) -> None:
    with pytest.raises(CurveError, match=said):
        parse_schedule(text)


def test_schedules_in_words_and_files(tmp_path: Path) -> None:
    assert np.array_equal(parse_schedule("cosine:steps=100,peak=3e-4,last=3e-5,warmup=10"), cosine(99, 3e-4, 3e-5, 10))
    path = tmp_path / "rates.csv"
    path.write_text("step,lr\n0,1\n10,1\n20,0.1\n30,0.1\n")
    rates = parse_schedule(str(path))
    assert rates.size == 31 and rates[19] == 1.0 and rates[20] == 0.1


def test_published_constants_are_entered_with_their_source() -> None:
    law = schedule_law("multi_power")
    assert [each.id for each in law.published] == ["luo2025_25M", "luo2025_100M", "luo2025_400M"]
    first = law.published[0]
    assert first.values["L_0"] == pytest.approx(3.040, abs=5e-4) and first.values["B"] == pytest.approx(
        363.788, abs=1e-3
    )
    assert first.provenance == "published"
