"""forecast_tasks(): every task's score at larger models, by the route that forecast held-out larger models best."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.downstream.checkpoints import ends_of_runs, runs_of, smoothed_ends
from isoflop.downstream.naming import names_in_words
from isoflop.downstream.refusals import FORECAST, Verdict, refused_by_routes, verdict_of_scores
from isoflop.downstream.route import (
    CannotForecast,
    FittedRoute,
    Route,
    Settings,
    TaskPrediction,
    all_routes,
    routes_named,
)
from isoflop.downstream.routes import (
    HeldOut,
    RouteSkill,
    best_route,
    compare_routes,
    hidden,
    largest_compute,
    measured_skill,
)
from isoflop.downstream.task import ScoresError, Task, TaskScores
from isoflop.downstream.task_forecasts import TaskForecast, TaskForecasts
from isoflop.fitting.result import FitError
from isoflop.runs import Notice

Array = NDArray[np.float64]

#: routes whose mean error on held-out models is within this factor of the best's are not told apart
_AS_GOOD = 1.5
_CLEARLY_BETTER = 0.8
_UNTESTED_STRETCH = 2.0  # of intervals that no held-out model tested
_FAR = 100.0
_WIDE = 0.5  # of the way from chance to the best score
_FEW_CHECKS = 10
_FEW_RUNS = 10


def forecast_tasks(
    scores: TaskScores,
    targets: Mapping[str, Any] | TaskScores | None = None,
    *,
    hold_out_above: float | None = None,
    routes: Sequence[str] | None = None,
    level: float = 0.95,
    resamples: int = 200,
    starts: int = 8,
    smooth: int = 5,
    skip: float = 0.1,
    checkpoints: bool | None = None,
    compare: bool = True,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> TaskForecasts:
    """Forecast task scores of models that were not trained, task by task, or say that it cannot be done.

    Every route is first fitted to the smaller of the given models and forecasts the larger ones; the route with the
    smallest mean error is used. Its interval, and that of every route about as good, is stretched until it holds the
    held-out models.

    Parameters
    ----------
    scores : the models that are known; see `read_scores`.
    targets : what to forecast: {"N": ..., "D": ...} or C, family, models (arrays of one length), or a table, whose
        scores on the other tasks observational routes then use.
    hold_out_above : FLOPs: runs with more compute are not fitted, but forecast as if nothing of them were known but N,
        D, C and family, and compared with what they scored.
    routes : ids to consider; default all. One id is used whatever its skill.
    resamples, starts, level, seed : of the fits. smooth, skip, checkpoints : see `Settings`; checkpoints None: used by
        direct laws where fewer than 10 runs are given.
    compare : False skips the hold-outs: the first route that can be taken is used, with untested intervals.
    progress : called with the number of steps just finished, of `steps_of(...)` in all.

    Raises
    ------
    ScoresError : targets without resources, an unknown route, no run above or below `hold_out_above`.

    >>> C = np.geomspace(1e18, 1e21, 12)
    >>> task = Task("t", chance=0.25)
    >>> known = TaskScores.of({"t": 0.25 + 0.75 / (1 + np.exp(-2 * (np.log10(C) - 20)))}, C=C, tasks=[task])
    >>> made = forecast_tasks(known, {"C": [1e22]}, routes=["direct_sigmoid"], resamples=20)
    >>> round(float(made["t"].value[0]), 2)
    0.99
    """
    known, asked = _split(scores, targets, hold_out_above)
    chosen = all_routes() if routes is None else routes_named(routes)
    if checkpoints is None:
        runs = len(runs_of(known))
        checkpoints = runs < _FEW_RUNS and runs < len(known)
    settings = Settings(resamples, level, starts, seed, smooth, skip, checkpoints)
    blind = hold_out_above is not None or not np.isfinite(asked.values).any()
    made = tuple(_forecast(known, asked, name, chosen, settings, compare, blind, progress) for name in known.task_names)
    asked = asked if checkpoints else ends_of_runs(asked)
    return TaskForecasts(known, asked, made, level, tuple(_notices(known, asked, settings)), seed)


def steps_of(scores: TaskScores, routes: Sequence[str] | None = None) -> int:
    """How often `progress` is called with 1, at most: every route at three cuts, task by task."""
    return 3 * len(routes or all_routes()) * len(scores.tasks)


def _split(
    scores: TaskScores, targets: Mapping[str, Any] | TaskScores | None, hold_out_above: float | None
) -> tuple[TaskScores, TaskScores]:
    """The runs to fit and the models to forecast."""
    if hold_out_above is not None:
        if targets is not None:
            raise ScoresError("give either targets or hold_out_above: both say what is forecast")
        above = np.zeros(len(scores), dtype=np.bool_)
        for run in runs_of(scores):
            above[run] = scores.C[run[-1]] > hold_out_above
        if above.all() or not above.any():
            where = "below" if above.all() else "above"
            raise ScoresError(
                f"no run has a compute {where} {hold_out_above:g}; the largest is {largest_compute(scores):.3g}"
            )
        return scores.take(~above), scores.take(above)
    if isinstance(targets, TaskScores):
        return scores, targets.only(scores.task_names)
    return scores, _table(scores, targets or {})


def _table(scores: TaskScores, targets: Mapping[str, Any]) -> TaskScores:
    """Targets given by resources, as a table without scores."""
    unknown = [name for name in targets if name not in ("N", "D", "C", "family", "models")]
    if unknown:
        raise ScoresError(f"targets: {unknown[0]!r} is unknown; accepted: N, D, C, family, models")
    numbers = {k: np.atleast_1d(np.asarray(v, dtype=np.float64)) for k, v in targets.items() if k in ("N", "D", "C")}
    labels = {k: np.atleast_1d(np.asarray(v, dtype=np.str_)) for k, v in targets.items() if k in ("family", "models")}
    try:
        shape = (
            np.broadcast_shapes(*(each.shape for each in (*numbers.values(), *labels.values()))) if targets else (0,)
        )
    except ValueError:
        sizes = ", ".join(f"{k} {len(v)}" for k, v in {**numbers, **labels}.items())
        raise ScoresError(f"targets of unequal length: {sizes}") from None
    for name, values in numbers.items():
        if not (np.isfinite(values) & (values > 0)).all():
            raise ScoresError(f"targets: {name} must be positive numbers, found {values.min():g}")
    given: dict[str, Any] = {name: np.broadcast_to(values, shape) for name, values in numbers.items()}
    names = (
        np.broadcast_to(labels["models"], shape) if "models" in labels else [f"target {k + 1}" for k in range(shape[0])]
    )
    return TaskScores.of(
        {name: np.full(shape, np.nan) for name in scores.task_names},
        **given,
        tasks=scores.tasks,
        models=list(names),
        family=list(np.broadcast_to(labels["family"], shape)) if "family" in labels else None,
        source="targets",
    )


@dataclass(frozen=True, eq=False)
class _Taken:
    """A route that could be fitted, with its forecasts of the targets."""

    route: Route
    fitted: FittedRoute
    made: TaskPrediction
    skill: RouteSkill | None

    def interval(self, level: float) -> tuple[Array, Array]:
        """Of a new model, stretched about the forecast by what held-out models needed."""
        stretch = self.skill.stretch if self.skill and self.skill.forecasts else _UNTESTED_STRETCH
        low, high = self.made.interval(level)
        value = self.made.value
        return value - stretch * np.maximum(value - low, 0.0), value + stretch * np.maximum(high - value, 0.0)


def _forecast(
    scores: TaskScores,
    targets: TaskScores,
    name: str,
    routes: Sequence[Route],
    settings: Settings,
    compare: bool,
    blind: bool,
    progress: Callable[[int], None] | None,
) -> TaskForecast:
    verdict = verdict_of_scores(scores, name, settings.smooth)
    if settings.checkpoints:
        ends, observed = targets, targets[name]
    else:
        ends, _, observed = smoothed_ends(targets, name, settings.smooth)
    task = scores.task(name)
    shown = ends.without_scores() if blind else hidden(ends, name)
    skills = compare_routes(scores, name, routes, settings, progress, blind=blind) if compare else ()
    taken, refusals = _take(scores, shown, name, routes, skills, settings)
    on_targets = _after_the_event(taken, ends, name, observed, settings.level)
    if verdict.judgement == "refused":
        return _refused(task, verdict, observed, skills, on_targets)
    # the last value cannot be continued; a straight line can, and is used where no law has shown that it does better
    laws = [each for each in taken if each.route.id != "last_value" or len(routes) == 1]
    possible = [each for each in laws if not each.made.beyond] or laws
    if not possible:
        return _refused(task, refused_by_routes(refusals), observed, skills, on_targets)
    best = _best(possible)
    low, high = _honest(best, possible, task, settings.level)
    mean_low, mean_high = best.made.interval(settings.level, new=False)
    notices = [*best.fitted.warnings, *_route_notices(best, skills, task)]
    return TaskForecast(
        task, _caution(task, best, low, high, notices), best.route.id, best.made.value, mean_low, mean_high, low, high,
        observed, skills, on_targets, best.fitted.describe(), tuple(notices),
    )  # fmt: skip


def _take(
    scores: TaskScores,
    ends: TaskScores,
    name: str,
    routes: Sequence[Route],
    skills: Sequence[RouteSkill],
    settings: Settings,
) -> tuple[list[_Taken], list[tuple[str, str]]]:
    by_id = {skill.route: skill for skill in skills}
    taken, refusals = [], []
    for route in routes:
        try:
            fitted = route.fit(scores, name, settings)
            taken.append(_Taken(route, fitted, fitted.predict(ends), by_id.get(route.id)))
        except CannotForecast as error:
            refusals.append((error.code, str(error)))
        except FitError as error:
            refusals.append(("law_not_fitted", str(error)))
    return taken, refusals or [("no_route", "no route was tried")]


def _best(possible: Sequence[_Taken]) -> _Taken:
    """The law with the smallest mean error on held-out models; a straight line only where it is clearly better."""
    errors = {each.route.id: each.skill.mean_error for each in possible if each.skill and each.skill.forecasts}
    handicap = {each.route.id: 1.0 / _CLEARLY_BETTER if each.route.baseline else 1.0 for each in possible}
    tested = [each for each in possible if each.route.id in errors]
    if tested:
        return min(tested, key=lambda each: errors[each.route.id] * handicap[each.route.id])
    return next((each for each in possible if not each.route.baseline), possible[0])


def _honest(best: _Taken, possible: Sequence[_Taken], task: Task, level: float) -> tuple[Array, Array]:
    """The ends of the stretched intervals of all routes that held-out models do not tell from the best."""
    limit = _AS_GOOD * best.skill.mean_error if best.skill else math.inf
    alike = [each for each in possible if each.skill is None or not each.skill.mean_error > limit]
    ends = [each.interval(level) for each in [best, *alike]]
    low, high = np.fmin.reduce([low for low, _ in ends]), np.fmax.reduce([high for _, high in ends])
    return np.clip(low, task.minimum, task.maximum), np.clip(high, task.minimum, task.maximum)


def _after_the_event(
    taken: Sequence[_Taken], ends: TaskScores, name: str, observed: Array, level: float
) -> tuple[RouteSkill, ...]:
    """What every route's forecasts of the targets were worth, where these were observed."""
    known = np.isfinite(observed)
    taken = [each for each in taken if np.isfinite(each.made.value[known]).any()]
    if not known.any():
        return ()
    place = ends.place(name)
    values = ends.values.copy()
    values[:, place] = observed
    seen = replace(ends, values=values).take(known)
    skills = []
    for each in taken:
        low, high = each.interval(level)
        part = (HeldOut(math.nan, seen, seen), each.made.value[known], low[known], high[known])
        skills.append(measured_skill(each.route, name, [part], level))
    return tuple(skills)


def _refused(
    task: Task, verdict: Verdict, observed: Array, skills: tuple[RouteSkill, ...], on_targets: tuple[RouteSkill, ...]
) -> TaskForecast:
    nothing = np.full(len(observed), np.nan)
    return TaskForecast(
        task, verdict, "", nothing, nothing, nothing, nothing, nothing, observed, skills, on_targets, {},
        (Notice(verdict.code, verdict.sentence(task.name)),),
    )  # fmt: skip


def _caution(task: Task, best: _Taken, low: Array, high: Array, notices: Sequence[Notice]) -> Verdict:
    """``caution`` with the first thing to mind, or ``forecast``."""
    chance = task.minimum if task.chance is None else task.chance
    span = abs(task.best - chance) if task.bounded else math.inf
    if np.isfinite(high - low).any() and np.nanmax(high - low) > _WIDE * span:
        widest = float(np.nanmax(high - low))
        return Verdict(
            "caution", "wide_interval", f"the interval is up to {widest:.2g} wide, of {span:.2g} from chance to best"
        )
    for notice in notices:
        return Verdict("caution", notice.code, notice.message)
    return FORECAST


def _route_notices(best: _Taken, skills: Sequence[RouteSkill], task: Task) -> list[Notice]:
    if best.skill is None or not best.skill.forecasts:
        message = "no held-out model tested the interval; it is twice as wide as the fit's own"
        return [Notice("interval_not_tested", message, hint="give more models, five at least below the largest")]
    notices = []
    naive = best_route(skills, baselines=True)
    if best.route.baseline:
        message = f"no law forecast held-out larger models better than {best.skill.title}"
        notices.append(Notice("no_law_better", message, hint="a line holds only as long as nothing levels off"))
    elif naive and naive.mean_error < best.skill.mean_error:
        message = (
            f"on held-out larger models {naive.route} missed {task.name} by {naive.mean_error:.3g}, "
            f"{best.skill.route} by {best.skill.mean_error:.3g}"
        )
        notices.append(Notice("baseline_as_good", message, hint="no law has shown its worth on these models"))
    if best.skill.forecasts < _FEW_CHECKS:
        message = f"the interval was tested on {best.skill.forecasts} forecasts of {best.skill.models} models only"
        notices.append(Notice("few_held_out", message))
    if best.made.beyond:
        message = f"{best.route.id} gives scores beyond the metric's range, which were moved to its end"
        notices.append(Notice("beyond_range", message, hint="trust the interval's inner end only"))
    return notices


def _notices(scores: TaskScores, targets: TaskScores, settings: Settings) -> list[Notice]:
    notices = list(scores.notices)
    largest = largest_compute(scores)
    reach = targets.C / largest
    if np.isfinite(reach).any() and np.nanmax(reach) > _FAR:
        message = f"the targets reach {np.nanmax(reach):.3g} times beyond the largest model's compute"
        notices.append(Notice("far_extrapolation", message, hint="no held-out model lies as far; train one in between"))
    if settings.checkpoints:
        message = f"fewer than {_FEW_RUNS} runs: direct laws were fitted to every checkpoint"
        hint = "a checkpoint before the end of its schedule scores below a run of its length"
        notices.append(Notice("checkpoints_used", message, hint=hint))
    if settings.level > 0 and len(scores.dropped):
        message = f"{len(scores.dropped)} rows were left out in reading"
        notices.append(Notice("rows_left_out", message, tuple(row for row, _ in scores.dropped)))
    repeated = [notice for notice in notices if notice.code == "below_chance"]
    if len(repeated) > 3:
        names = names_in_words([notice.message.split(":")[0].removeprefix("task ") for notice in repeated], 12)
        rest = [notice for notice in notices if notice.code != "below_chance"]
        notices = [*rest, Notice("below_chance", f"models score below chance on {len(repeated)} tasks: {names}")]
    return notices
