"""Forecasts of tasks end to end: verdicts, honest intervals, hold-outs, JSON and views."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from tests.downstream.simulated_ladder import ladder, large

import isoflop
from isoflop.downstream.forecast_tasks import forecast_tasks
from isoflop.downstream.refusals import verdict_of_scores
from isoflop.downstream.task import ScoresError, Task, TaskScores
from isoflop.downstream.task_forecasts import TaskForecasts

ROUTES = ["two_step", "direct_power", "last_value", "linear_in_log_compute"]
TARGETS = {"N": [7e9, 13e9, 30e9], "D": [7e11, 13e11, 30e11]}


def several() -> TaskScores:
    """The ladder with tasks at chance, falling, and of one example beside its own."""
    base, generator = ladder(), np.random.default_rng(5)
    rank = np.argsort(np.argsort(base.C)) / len(base)
    columns = {
        "luck": generator.binomial(2000, 0.25, len(base)) / 2000,
        "falling": 0.6 - 0.3 * rank,
        "single": (rank > 0.5).astype(float),
    }
    tasks = (
        *base.tasks,
        Task("luck", chance=0.25, examples=2000),
        Task("falling", examples=2000),
        Task("single", examples=1),
    )
    values = np.column_stack([base.values, *columns.values()])
    losses = np.column_stack([base.losses, np.full((len(base), 3), np.nan)])
    return replace(base, tasks=tasks, values=values, losses=losses)


@pytest.fixture(scope="module")
def made() -> TaskForecasts:
    return forecast_tasks(several(), TARGETS, routes=ROUTES, resamples=60, starts=4, smooth=1, skip=0.0)


def test_a_task_that_can_be_forecast_is_and_the_honest_interval_holds_what_came(made: TaskForecasts) -> None:
    quiz, came = made["quiz"], large()["quiz"]
    assert quiz.verdict.judgement != "refused" and quiz.route in ROUTES
    assert np.abs(quiz.value - came).max() < 0.05
    assert ((came >= quiz.low) & (came <= quiz.high)).all()
    assert (quiz.low <= quiz.value).all() and (quiz.value <= quiz.high).all()
    assert {skill.route for skill in quiz.skills} == set(ROUTES)


@pytest.mark.parametrize(("task", "code"), [("luck", "at_chance"), ("falling", "falling"), ("single", "one_example")])
def test_a_task_that_cannot_is_refused_with_the_reason_and_no_number(made: TaskForecasts, task: str, code: str) -> None:
    refused = made[task]
    assert (refused.verdict.judgement, refused.verdict.code) == ("refused", code)
    assert np.isnan(refused.value).all() and np.isnan(refused.high).all() and refused.route == ""
    assert f"{task} cannot be forecast from these models" in refused.warnings[0].message


def test_results_go_through_json_unchanged_and_show_themselves(made: TaskForecasts) -> None:
    back = TaskForecasts.from_dict(json.loads(json.dumps(made.to_dict())))
    assert back.to_dict() == made.to_dict()
    text = made.summary()
    assert ("quiz" in text and "cannot be forecast" in text and "two_step" in text) or "direct_power" in text
    assert made.plot().figure is not None
    with pytest.raises(ScoresError, match="no task forecasts"):
        TaskForecasts.from_dict({"schema": "isoflop.fit"})


def test_runs_that_are_held_out_are_not_fitted_and_are_compared_with_what_they_scored() -> None:
    both = TaskScores.of(
        {"quiz": np.concatenate([ladder()["quiz"], large()["quiz"]])},
        N=np.concatenate([ladder().N, large().N]), D=np.concatenate([ladder().D, large().D]),
        losses={"quiz": np.concatenate([ladder().loss_of("quiz"), large().loss_of("quiz")])}, tasks=ladder().tasks,
    )  # fmt: skip
    held = forecast_tasks(both, hold_out_above=1e22, routes=ROUTES, resamples=40, starts=4, smooth=1)
    assert len(held.scores) == 16 and held["quiz"].observed.tolist() == large()["quiz"].tolist()
    assert held["quiz"].error < 0.05 and held["quiz"].covered == 1.0
    naive = next(skill for skill in held["quiz"].on_targets if skill.route == "last_value")
    assert held["quiz"].error < naive.mean_error
    spoilt = replace(both, values=np.where(both.C[:, None] > 1e22, 0.0, both.values))
    again = forecast_tasks(spoilt, hold_out_above=1e22, routes=ROUTES, resamples=40, starts=4, smooth=1)
    assert np.array_equal(again["quiz"].value, held["quiz"].value)


def test_one_route_is_used_whatever_its_skill_and_untested_intervals_say_so() -> None:
    made = forecast_tasks(ladder(), TARGETS, routes=["last_value"], resamples=40, compare=False)
    assert made["quiz"].route == "last_value"
    assert "interval_not_tested" in [notice.code for notice in made["quiz"].warnings]


def test_a_straight_line_is_used_only_where_no_law_comes_near() -> None:
    compute = np.geomspace(1e18, 1e22, 24)
    line = TaskScores.of({"t": 0.1 + 0.12 * (np.log10(compute) - 18)}, C=compute)
    made = forecast_tasks(line, {"C": [5e22]}, routes=["direct_power", "linear_in_log_compute"], resamples=30)
    assert made["t"].route == "linear_in_log_compute"
    assert "no_law_better" in [notice.code for notice in made["t"].warnings]


def test_a_line_that_the_last_value_beats_says_so() -> None:
    compute = np.geomspace(1e18, 1e22, 16)
    endless = Task("ppl", direction="lower", maximum=math.inf)
    table = TaskScores.of({"ppl": 10 + 40 * (compute / 1e18) ** -0.5}, C=compute, tasks=[endless])
    made = forecast_tasks(table, {"C": [2e22]}, routes=["last_value", "linear_in_log_compute"], resamples=30)
    assert made["ppl"].route == "linear_in_log_compute"
    assert "last_value missed ppl" in made["ppl"].verdict.reason


def test_what_is_asked_wrongly_is_said_in_a_line() -> None:
    for asked, told in (
        ({"targets": {"size": [1e9]}}, "'size' is unknown; accepted: N, D, C, family, models"),
        ({"targets": {"N": [1e9, 2e9], "D": [1e9, 1e9, 1e9]}}, "unequal length"),
        ({"targets": {"N": [-1.0]}}, "positive"),
        ({"targets": {"N": [1e9]}, "hold_out_above": 1e20}, "either targets or hold_out_above"),
        ({}, "nothing to forecast: give targets"),
        ({"hold_out_above": 1e30}, "no run has a compute above"),
        ({"level": 1.5}, "level must lie between 0 and 1"),
    ):
        with pytest.raises(ScoresError, match=told):
            forecast_tasks(ladder(), **asked)


def test_the_verdict_allows_for_noise_and_for_the_direction_of_the_metric() -> None:
    errors = replace(ladder(), values=1 - ladder().values).described(direction={"quiz": "lower"}, chance={"quiz": 0.75})
    assert verdict_of_scores(errors, "quiz", 1).judgement == "forecast"
    wrong_way = errors.described(direction={"quiz": "higher"})
    assert verdict_of_scores(wrong_way, "quiz", 1).code in ("falling", "at_chance")
    coarse = ladder().described(examples={"quiz": 3})
    assert verdict_of_scores(coarse, "quiz", 1).judgement == "refused"


def test_public_names_are_there() -> None:
    assert isoflop.forecast_tasks is forecast_tasks and callable(isoflop.read_scores)
