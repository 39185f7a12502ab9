"""What forecasts of task scores say: verdict, route, scores with intervals; how routes did on held-out models."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isoflop.report.sentences import percent
from isoflop.report.view import Cell, Number, Table, View
from isoflop.runs.notices import Notice

if TYPE_CHECKING:
    from isoflop.downstream.routes import RouteSkill
    from isoflop.downstream.task_forecasts import TaskForecast, TaskForecasts
    from isoflop.report.figures import Figure

_MOST_TARGETS = 6  # beyond, a task has one row with what its forecasts were worth
_WORDS = {"forecast": "yes", "caution": "with caution", "refused": "no"}


def view(made: TaskForecasts) -> View:
    """The forecasts as a view."""
    counts = {word: sum(each.verdict.judgement == word for each in made.forecasts) for word in _WORDS}
    told = (
        f"{len(made.forecasts)} tasks: {counts['forecast']} can be forecast from these models, {counts['caution']} "
        f"with caution, {counts['refused']} cannot."
    )
    method = (
        "Every route was fitted to the smaller models and forecast larger ones that it had not seen; the best is used, "
        f"and {percent(made.level)} intervals are stretched until they hold those models."
    )
    tables = [_many(made) if len(made.targets) > _MOST_TARGETS else _each(made)] if len(made.targets) else []
    notices = [*made.warnings, *(_verdict_notice(each) for each in made.forecasts if each.verdict.code)]
    return View(
        title=f"Task forecasts from {made.scores.source}",
        lead=(told, method, *_after(made)),
        tables=(*tables, _skills(made)),
        notices=tuple(notices),
        simulated=made.scores.simulated,
    )


def appendix(made: TaskForecasts) -> tuple[View, ...]:
    """Every route on every task."""
    rows: list[tuple[Cell, ...]] = []
    for each in made.forecasts:
        for skill in each.skills:
            rows.append((each.task.name, skill.route, *_measures(skill), skill.refused))
    columns = ("task", "route", "mean error", "bias", "rank correlation", "inside", "stretch", "why not")
    table = Table(columns, tuple(rows), caption="Forecasts of held-out larger models", wrapped=True)
    return (View(title="Every route on held-out models", tables=(table,)),) if rows else ()


def figures(made: TaskForecasts) -> dict[str, Figure]:
    """``tasks``: scores against compute, a panel for each task."""
    from isoflop.report.task_forecasts_figures import task_figures

    return task_figures(made)


def _verdict_notice(each: TaskForecast) -> Notice:
    return Notice(each.verdict.code, each.verdict.sentence(each.task.name))


def _after(made: TaskForecasts) -> tuple[str, ...]:
    """How the forecasts compare with what the targets scored, beside the baselines."""
    seen = [each for each in made.forecasts if math.isfinite(each.error)]
    if not seen:
        return ()
    errors = {"the forecasts": float(np.mean([each.error for each in seen]))}
    for route, words in (("last_value", "the last value"), ("linear_in_log_compute", "a line in log compute")):
        known = [skill.mean_error for each in seen for skill in each.on_targets if skill.route == route]
        if len(known) == len(seen):
            errors[words] = float(np.mean(known))
    listed = ", ".join(f"{name} {error:.3g}" for name, error in errors.items())
    covered = float(np.mean([each.covered for each in seen]))
    return (
        f"On the targets, which no fit saw, mean errors over {len(seen)} tasks: {listed}; "
        f"{percent(covered)} lie inside the intervals.",
    )


def _each(made: TaskForecasts) -> Table:
    """A row for each task and target."""
    rows: list[tuple[Cell, ...]] = []
    for each in made.forecasts:
        for k, name in enumerate(made.targets.models.tolist()):
            first = (each.task.name, _WORDS[each.verdict.judgement], each.route) if k == 0 else ("", "", "")
            rows.append((*first, name, *_score(each, k)))
    columns = ("task", "can be forecast", "route", "target", "score", f"{percent(made.level)} interval", "observed")
    return Table(columns, tuple(rows), caption="Forecast scores, with the interval of a new model").without_empty()


def _score(each: TaskForecast, k: int) -> tuple[Cell, Cell, Cell]:
    observed: Cell = _rounded(each.observed[k]) if math.isfinite(each.observed[k]) else ""
    if not math.isfinite(each.value[k]):
        return "", "", observed
    return _rounded(each.value[k]), f"{_rounded(each.low[k])} to {_rounded(each.high[k])}", observed


def _many(made: TaskForecasts) -> Table:
    """A row for each task: what its forecasts of many targets were worth, where these were observed."""
    rows: list[tuple[Cell, ...]] = []
    for each in made.forecasts:
        known = math.isfinite(each.error)
        rows.append((
            each.task.name, _WORDS[each.verdict.judgement], each.route,
            _range(each.value) if each.route else "",
            _rounded(each.error) if known else "",
            Number(each.rank_correlation) if math.isfinite(each.rank_correlation) else "",
            percent(each.covered) if known else "",
        ))  # fmt: skip
    columns = ("task", "can be forecast", "route", "scores", "mean error", "rank correlation", "inside the interval")
    return Table(columns, tuple(rows), caption=f"Forecasts of {len(made.targets)} targets").without_empty()


def _range(values: NDArray[np.float64]) -> str:
    return f"{_rounded(float(np.nanmin(values)))} to {_rounded(float(np.nanmax(values)))}"


def _skills(made: TaskForecasts) -> Table:
    """The best route on held-out models, beside the baselines."""
    rows: list[tuple[Cell, ...]] = []
    for each in made.forecasts:
        by_id = {skill.route: skill for skill in each.skills}
        skill = each.skill
        if skill is None or not skill.forecasts:
            continue
        rows.append((
            each.task.name, skill.route, Number(skill.models, exact=True), f"{skill.reach:.3g}x", *_measures(skill),
            *(_rounded(by_id[name].mean_error) if name in by_id else "" for name in _BASELINES),
        ))  # fmt: skip
    columns = (
        "task", "route", "held-out models", "reach", "mean error", "bias", "rank correlation", "inside", "stretch",
        "last value", "line in log C",
    )  # fmt: skip
    caption = "The best route on held-out larger models; the last columns are mean errors of the baselines"
    return Table(columns, tuple(rows), caption=caption).without_empty()


_BASELINES = ("last_value", "linear_in_log_compute")


def _measures(skill: RouteSkill) -> tuple[Cell, ...]:
    if not skill.forecasts:
        return ("", "", "", "", "")
    rank = f"{skill.rank_correlation:.2f}" if math.isfinite(skill.rank_correlation) else ""
    return (
        _rounded(skill.mean_error), f"{skill.bias:+.3f}", rank, percent(skill.covered), f"{skill.stretch:.2f}",
    )  # fmt: skip


def _rounded(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.4g}"
