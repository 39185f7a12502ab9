"""Routes on held-out larger models: nothing leaks, skills measure what they say, direct laws and families."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from tests.downstream.simulated_ladder import ladder, large

from isoflop.downstream.chosen_route import TakenRoute
from isoflop.downstream.direct import FittedDirect
from isoflop.downstream.route import FittedRoute, Route, Settings, TaskPrediction, all_routes, routes_named
from isoflop.downstream.routes import RouteSkill, compare_routes, held_out_cuts, measured_skill, rank_correlation
from isoflop.downstream.task import ScoresError, Task, TaskScores

QUICK = Settings(resamples=40, starts=4, smooth=1, skip=0.0)


@dataclass
class Spy(FittedRoute):
    """Forecasts a constant and remembers what it was shown."""

    shown: list[TaskScores]

    def predict(self, targets: TaskScores) -> TaskPrediction:
        self.shown.append(targets)
        value = np.full(len(targets), 0.5)
        return TaskPrediction(value, np.tile(value, (9, 1)), value + np.linspace(-0.1, 0.1, 9)[:, None])


@dataclass
class SpyRoute(Route):
    """See `Spy`."""

    id: str = "spy"
    title: str = "a spy"
    fitted: list[TaskScores] = field(default_factory=list)
    shown: list[TaskScores] = field(default_factory=list)

    def fit(self, scores: TaskScores, task: str, settings: Settings) -> Spy:
        self.fitted.append(scores)
        return Spy(self.shown)


def with_checkpoints(scores: TaskScores) -> TaskScores:
    """Each model with two earlier checkpoints."""
    early = [replace(scores, D=share * scores.D, C=share * scores.C) for share in (0.25, 0.5)]
    rows = len(scores)
    columns = {name: np.concatenate([getattr(each, name) for each in (*early, scores)]) for name in ("N", "D", "C")}
    return TaskScores.of(
        {"quiz": np.tile(scores["quiz"], 3)}, **columns, tasks=scores.tasks, models=np.tile(scores.models, 3).tolist(),
        losses={"quiz": np.tile(scores.loss_of("quiz"), 3)},
    ) if rows else scores  # fmt: skip


def test_no_run_is_both_fitted_and_held_out_and_what_is_held_out_is_larger() -> None:
    for checkpoints in (False, True):
        cuts = held_out_cuts(with_checkpoints(ladder()), "quiz", checkpoints)
        assert len(cuts) == 3
        for cut in cuts:
            assert not set(cut.train.models) & set(cut.test.models)
            assert cut.train.C.max() <= cut.limit and len(cut.train) == 3 * len(set(cut.train.models))
            assert (cut.limit < cut.test.C).all() or checkpoints
            assert len(cut.test) == len(set(cut.test.models)) * (3 if checkpoints else 1)


def test_a_route_sees_no_score_or_loss_of_the_models_it_forecasts() -> None:
    spy = SpyRoute()
    compare_routes(ladder(), "quiz", [spy], QUICK)
    assert len(spy.shown) == 3
    for shown in spy.shown:
        assert np.isnan(shown.values).all() and np.isnan(shown.losses).all() and np.isnan(shown.L).all()
        assert np.isfinite(shown.N).all()


def test_where_scores_of_targets_may_be_used_those_of_the_task_itself_are_still_hidden() -> None:
    two = ladder()
    two = replace(two, tasks=(*two.tasks, Task("other")), values=np.tile(two.values, 2), losses=np.tile(two.losses, 2))
    spy = SpyRoute()
    compare_routes(two, "quiz", [spy], QUICK, blind=False)
    assert all(np.isnan(shown["quiz"]).all() and np.isfinite(shown["other"]).all() for shown in spy.shown)


def test_the_stretch_makes_intervals_hold_the_held_out_models() -> None:
    spy = SpyRoute()
    skill = compare_routes(ladder(), "quiz", [spy], QUICK)[0]
    errors = np.concatenate([np.abs(cut.test["quiz"] - 0.5) for cut in held_out_cuts(ladder(), "quiz")])
    half = 0.095  # of the central 95 % of -.1 ... .1 in nine steps
    place = min(int(np.ceil((len(errors) + 1) * 0.95)), len(errors)) - 1
    assert skill.stretch == pytest.approx(max(np.sort(errors)[place] / half, 1.0), rel=1e-6)
    assert skill.covered == pytest.approx(np.mean(errors <= half))


def test_later_cuts_count_more() -> None:
    cuts = held_out_cuts(ladder(), "quiz")
    parts = []
    for cut, miss in zip(cuts, (0.3, 0.2, 0.1)):
        value = cut.test["quiz"] + miss
        parts.append((cut, value, value - 1, value + 1))
    skill = measured_skill(SpyRoute(), "quiz", parts, 0.95)
    assert skill.mean_error == pytest.approx((0.3 * 1 + 0.2 * 4 + 0.1 * 9) / 14)
    assert skill.covered == 1.0 and skill.bias > 0


def test_routes_are_told_apart_by_their_errors_on_the_same_models() -> None:
    names = [f"m{k}" for k in range(12)]
    noise = np.random.default_rng(0).normal(0.0, 0.01, 12)

    def skill(errors: np.ndarray) -> RouteSkill:
        return RouteSkill("r", "a route", False, by_model=dict(zip(names, errors.tolist())))

    good = skill(np.full(12, 0.03))
    assert skill(0.05 + noise).told_from(good)
    assert not skill(0.031 + noise).told_from(good) and not good.told_from(skill(0.05 + noise))
    assert not RouteSkill("r", "a route", False, by_model={"m0": 0.9}).told_from(good), "one model tells nothing"


def test_intervals_grow_on_beyond_the_furthest_held_out_model() -> None:
    route = SpyRoute()
    made = TaskPrediction(np.full(3, 0.5), np.full((9, 3), 0.5), 0.5 + np.linspace(-0.1, 0.1, 9)[:, None] * np.ones(3))
    skill = RouteSkill("spy", "a spy", False, forecasts=30, stretch=1.5, reach=10.0)
    low, high = TakenRoute(route, Spy([]), made, skill).interval(0.95, np.array([3.0, 10.0, 100.0]))
    assert high - 0.5 == pytest.approx(0.095 * np.array([1.5, 1.5, 3.0]))
    assert 0.5 - low == pytest.approx(high - 0.5)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=12))
def test_rank_correlation_is_spearmans(pairs: list[tuple[int, int]]) -> None:
    forecast, observed = (np.array(each, dtype=np.float64) for each in zip(*pairs))
    found = rank_correlation(forecast, observed)
    if np.ptp(forecast) == 0 or np.ptp(observed) == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(spearmanr(forecast, observed)[0], abs=1e-12)


def test_every_route_forecasts_a_clean_ladder_better_than_the_last_value() -> None:
    skills = {skill.route: skill for skill in compare_routes(ladder(), "quiz", all_routes(), QUICK)}
    naive = skills["last_value"].mean_error
    for name in ("two_step", "direct_power", "direct_size_and_data", "direct_sigmoid"):
        assert skills[name].mean_error < naive, name
    assert skills["two_step"].rank_correlation > 0.8


def test_an_unknown_route_is_named() -> None:
    with pytest.raises(ScoresError, match=r"no route 'guess'; accepted: .*two_step"):
        routes_named(["guess"])


def board(seed: int = 0) -> TaskScores:
    """Six families of six models; families differ by far more than their models scatter."""
    generator = np.random.default_rng(seed)
    compute = np.tile(np.geomspace(1e20, 3e23, 6), 6)
    skill = np.repeat(generator.normal(0.0, 0.8, 6), 6)
    logit = 1.1 * (np.log10(compute) - 22.5) + skill + 0.05 * generator.standard_normal(36)
    return TaskScores.of(
        {"t": 0.25 + 0.75 / (1 + np.exp(-logit))}, C=compute, family=[f"f{k // 6}" for k in range(36)],
        tasks=[Task("t", chance=0.25)],
    )  # fmt: skip


def test_families_are_told_apart_and_an_unknown_family_gets_the_mean_with_a_wider_interval() -> None:
    table = board()
    small, big = table.take(table.C < 1e23), table.take(table.C > 1e23)
    fitted = routes_named(["direct_sigmoid"])[0].fit(small, "t", QUICK)
    assert isinstance(fitted, FittedDirect) and fitted.offsets.explained > 0.7
    made = fitted.predict(big)
    pooled = fitted.predict(replace(big, family=np.array(["new"] * len(big))))
    assert np.abs(made.value - big["t"]).mean() < 0.6 * np.abs(pooled.value - big["t"]).mean()
    width = np.subtract(*reversed(made.interval(0.95))), np.subtract(*reversed(pooled.interval(0.95)))
    assert width[1].mean() > 1.3 * width[0].mean()


def test_models_whose_resources_are_unknown_get_no_number_and_spoil_no_other() -> None:
    targets = large()
    odd = replace(
        targets, N=np.where(np.arange(3) == 1, np.nan, targets.N), C=np.where(np.arange(3) == 1, np.nan, targets.C)
    )
    for name in ("two_step", "direct_power", "linear_in_log_compute"):
        made = routes_named([name])[0].fit(ladder(), "quiz", QUICK).predict(odd)
        whole = routes_named([name])[0].fit(ladder(), "quiz", QUICK).predict(targets)
        assert np.isnan(made.value).tolist() == [False, True, False], name
        assert made.value[[0, 2]] == pytest.approx(whole.value[[0, 2]])
