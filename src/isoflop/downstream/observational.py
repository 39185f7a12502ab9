"""observational(): a metric of models that are beyond those measured, told from their scores on other benchmarks.

Ruan et al. 2024 (arXiv:2405.10938): the benchmarks of a leaderboard move along a few principal components; within a
family of models these are linear in log compute; a metric is a sigmoid of them. No model is trained for this.
Everything is refitted under every resample of the models: components, lines and sigmoid, in batches.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.downstream.capability_links import CapabilityLink, fit_capability_link, with_open_ceilings
from isoflop.downstream.family_lines import FamilyLines, fit_family_lines
from isoflop.downstream.fine_tuning_curves import listed
from isoflop.downstream.principal_components import PrincipalComponents, principal_components
from isoflop.downstream.task import ScoresError, Task, TaskScores
from isoflop.files import write_json
from isoflop.fitting.intervals import quantile_interval
from isoflop.presented import Presented
from isoflop.runs import Notice

Array = NDArray[np.float64]

SCHEMA_VERSION = 1
_SIGNAL = 0.1  # of the metric's range: below this the best fitted model has hardly left chance


@dataclass(frozen=True, eq=False)
class MetricForecast:
    """The metric of X models: (X,) value, and the ends of the interval of a new model's score."""

    value: Array
    low: Array
    high: Array


@dataclass(frozen=True, eq=False, repr=False)
class Observational(Presented):
    """An observational law of one metric.

    Attributes
    ----------
    scores : the whole table. target : the metric. capabilities : the benchmarks it is told from.
    limit : models up to this compute were fitted (inf: all). fitted : (M,) which were.
    components : principal components under every resample. link : the sigmoid. lines : families in log compute, or
        None where no compute is known.
    scatter : standard deviation of models about the sigmoid, on its inner (logit) scale. plateau_scatter : that of the
        metric where the sigmoid is above half its height, which the inner scale cannot see where the curve is flat.
    by_scores : forecasts of all M models from their scores on `capabilities`.
    by_compute : forecasts of all M models from family and compute alone; nan where the family was not fitted.
    options : as `observational` was called, to make the law again. level : of the intervals. warnings : coded notices.
    seed : of the resamples.
    """

    scores: TaskScores
    target: Task
    capabilities: tuple[str, ...]
    limit: float
    fitted: NDArray[np.bool_]
    components: PrincipalComponents
    link: CapabilityLink
    lines: FamilyLines | None
    scatter: float
    plateau_scatter: float
    by_scores: MetricForecast
    by_compute: MetricForecast
    options: Mapping[str, Any]
    level: float = 0.95
    warnings: tuple[Notice, ...] = ()
    seed: int = 0

    def __repr__(self) -> str:
        return (
            f"<Observational law of {self.target.name} from {len(self.capabilities)} benchmarks of "
            f"{int(self.fitted.sum())} models: PC1 holds {self.components.share[0, 0]:.0%} of the variance>"
        )

    @property
    def observed(self) -> Array:
        """(M,) the metric as measured; nan where it was not."""
        return self.scores[self.target.name]

    @property
    def held_out(self) -> NDArray[np.bool_]:
        """(M,) models beyond the limit whose metric is known and was not fitted."""
        return np.asarray(~self.fitted & np.isfinite(self.observed) & (self.limit < self.scores.C))

    def from_scores(self, values: Any) -> MetricForecast:
        """The metric of models with scores `values` (X, K) on `capabilities`."""
        return _summary(self, *self.draws(self.components.scores(values)))

    def from_compute(self, family: str, compute: Any) -> MetricForecast:
        """The metric of a fitted family at compute (X,) FLOPs.

        Raises
        ------
        ScoresError : the family was not fitted, or no compute is known.
        """
        if self.lines is None or family not in self.lines.names:
            known = ", ".join(self.lines.names) if self.lines else "none: no model has a known compute"
            raise ScoresError(f"family {family!r} was not fitted; there are {known}")
        places = self.lines.at(family, np.atleast_1d(np.asarray(compute, dtype=np.float64)))
        return _summary(self, *self.draws(places, self.lines.scatter[:, None, :]))

    def draws(self, places: Array, scatter: Array | None = None) -> tuple[Array, Array]:
        """(B, X), (B, X) the metric at `places` (B, X, Q) under each resample, and the score of a new model there.

        `scatter` : standard deviation of the places themselves, (B, X or 1, Q), where they are those of family lines.
        """
        link, task = self.link, self.target
        generator = np.random.default_rng(self.seed + 2)
        height = (link.ceiling - link.floor)[:, None]
        middle = link(places)
        if scatter is not None:
            places = places + generator.standard_normal(places.shape) * scatter
        z = np.einsum("bxq,bq->bx", places, link.weights) + link.offset[:, None]
        share = 0.5 * (1 + np.tanh((z + self.scatter * generator.standard_normal(z.shape)) / 2))
        drawn = link.floor + height * share + self.plateau_scatter * share * generator.standard_normal(z.shape)
        if task.examples is not None:
            drawn = drawn + task.noise(drawn) * generator.standard_normal(z.shape)
        return middle, np.clip(drawn, task.minimum, task.maximum)

    def equivalent_compute(self, family: str) -> Array:
        """(M,) FLOPs at which `family` would have each model's forecast of the metric, by its lines.

        Raises
        ------
        ScoresError : the family was not fitted.
        """
        if self.lines is None or family not in self.lines.names:
            raise ScoresError(f"family {family!r} was not fitted")
        k = self.lines.names.index(family)
        weights = self.link.weights[0]
        slope, level = self.lines.slope[0, k] @ weights, self.lines.level[0, k] @ weights
        places = self.components.scores(self.scores.only(self.capabilities).values)[0] @ weights
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(self.lines.centre[k] + (places - level) / slope))

    def score(self, route: str = "scores") -> dict[str, float]:
        """How forecasts of the held-out models compare: rank correlation, mean absolute error, root mean square error,
        coverage of the intervals, models. `route` is ``scores`` or ``compute``. Empty below 3 held-out models."""
        told = self.by_scores if route == "scores" else self.by_compute
        chosen = self.held_out & np.isfinite(told.value)
        if chosen.sum() < 3:
            return {}
        from scipy.stats import spearmanr

        seen, value = self.observed[chosen], told.value[chosen]
        inside = (told.low[chosen] <= seen) & (seen <= told.high[chosen])
        flat = np.ptp(value) == 0 or np.ptp(seen) == 0
        return {
            "models": float(chosen.sum()),
            "rank_correlation": float("nan") if flat else float(spearmanr(value, seen).statistic),
            "mean_absolute_error": float(np.abs(value - seen).mean()),
            "root_mean_square_error": float(np.sqrt(((value - seen) ** 2).mean())),
            "covered": float(inside.mean()),
        }

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping: the table, the estimate, the forecasts and the score, without the resamples."""
        return {
            "schema": "isoflop.observational",
            "schema_version": SCHEMA_VERSION,
            "target": self.target.to_dict(),
            "scores": self.scores.to_dict(),
            "options": dict(self.options),
            "capabilities": list(self.capabilities),
            "limit": self.limit if np.isfinite(self.limit) else None,
            "components": self.components.to_dict(),
            "link": {
                "weights": self.link.weights[0].tolist(),
                "offset": float(self.link.offset[0]),
                "floor": self.link.floor,
                "ceiling": float(self.link.ceiling[0]),
                "scatter": self.scatter,
                "plateau_scatter": self.plateau_scatter,
            },
            "families": _families(self.lines),
            "models": [
                {"model": str(name), "family": str(family), "fitted": bool(fitted)}
                for name, family, fitted in zip(self.scores.models, self.scores.family, self.fitted)
            ],
            "observed": listed(self.observed),
            "by_scores": {name: listed(getattr(self.by_scores, name)) for name in ("value", "low", "high")},
            "by_compute": {name: listed(getattr(self.by_compute, name)) for name in ("value", "low", "high")},
            "score": {route: self.score(route) for route in ("scores", "compute")},
            "level": self.level,
            "seed": self.seed,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Observational:
        """The law again, from the table, the options and the seed that a stored one was made with."""
        return observational(TaskScores.from_dict(stored["scores"]), stored["target"]["name"], **stored["options"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write as JSON."""
        write_json(path, self.to_dict())


def observational(
    scores: TaskScores,
    target: str,
    *,
    capabilities: Sequence[str] | None = None,
    limit: float | None = None,
    components: int = 3,
    standardise: bool = False,
    bootstrap: int = 500,
    level: float = 0.95,
    seed: int = 0,
) -> Observational:
    """Fit an observational law of the task `target`.

    Parameters
    ----------
    capabilities : the benchmarks to tell it from; default: all other tasks of the table. Leave out those that nearly
        are the target, such as grade-school problems where arithmetic is forecast.
    limit : fit models up to this training compute only and hold out those above; default: fit all. With a limit,
        models of unknown compute are neither.
    components : principal components, 3 in the paper; fewer where few models are there.
    standardise : give each benchmark the same weight.
    bootstrap : resamples; families and models in them get random weights from the exponential distribution.

    Raises
    ------
    ScoresError : unknown tasks, too few models, a metric without a maximum.
    """
    options = {
        "capabilities": list(capabilities) if capabilities is not None else None, "limit": limit,
        "components": components, "standardise": standardise, "bootstrap": bootstrap, "level": level, "seed": seed,
    }  # fmt: skip
    task = scores.task(target)
    names = tuple(capabilities) if capabilities is not None else tuple(n for n in scores.task_names if n != task.name)
    names, thin = _measured(scores, task, names, limit)
    chosen, told = _chosen(scores, task, names, limit)
    table = scores.only(names)
    kept = max(1, min(components, len(names), int(chosen.sum()) // 5))
    generator = np.random.default_rng(seed)
    weights = _weights(scores.family[chosen], bootstrap, generator)
    standard = standardise or not all(each.bounded for each in table.tasks)
    found = principal_components(table.values[chosen], weights, components=kept, standardise=standard)
    places = found.scores(table.values[chosen])
    floor, best = _range(task)
    metric = scores[target][chosen]
    link = fit_capability_link(places, metric, weights, floor=floor, maximum=best)
    link = with_open_ceilings(link, places, metric, weights, best, generator)
    lines = _lines(places, scores, chosen, weights, generator)
    scatter, plateau = _scatter(link, places[0], metric, task, kept)
    notices = [*thin, *told, *_notices(scores, task, names, chosen, kept, components, found)]
    nothing = MetricForecast(*(np.full(len(scores), np.nan) for _ in range(3)))
    limit = float("inf") if limit is None else float(limit)
    made = Observational(
        scores, task, names, limit, chosen, found, link, lines, scatter, plateau, nothing, nothing,
        options, level, tuple(notices), seed,
    )  # fmt: skip
    by_scores = made.from_scores(table.values)
    return Observational(**{**made.__dict__, "by_scores": by_scores, "by_compute": _from_lines(made)})


def _measured(
    scores: TaskScores, task: Task, names: tuple[str, ...], limit: float | None
) -> tuple[tuple[str, ...], list[Notice]]:
    """The benchmarks that at least half of the models have which could be fitted."""
    usable = np.isfinite(scores[task.name]) & ((limit >= scores.C) if limit is not None else True)
    seen = np.isfinite(scores.only(names).values[usable])
    kept = seen.sum(axis=0) * 2 >= max(int(usable.sum()), 1)
    gone = [name for name, keep in zip(names, kept) if not keep]
    if not gone:
        return names, []
    message = f"fewer than half of the models have {', '.join(gone)}"
    notice = Notice("benchmarks_left_out", message, hint="the metric is told from the others")
    return tuple(name for name, keep in zip(names, kept) if keep), [notice]


def _chosen(
    scores: TaskScores, task: Task, names: tuple[str, ...], limit: float | None
) -> tuple[NDArray[np.bool_], list[Notice]]:
    if task.name in names:
        raise ScoresError(f"{task.name} cannot be told from itself; leave it out of the capabilities")
    if len(names) < 2:
        raise ScoresError(f"{len(names)} other benchmarks; principal components need at least 2")
    table = scores.only(names).values
    rich = np.isfinite(table).sum(axis=1) >= max(2, (len(names) + 1) // 2)
    usable = rich & np.isfinite(scores[task.name])
    notices = []
    if limit is not None:
        usable &= limit >= scores.C
        if unknown := int((~np.isfinite(scores.C)).sum()):
            message = f"{unknown} models have no known training compute"
            notices.append(Notice("compute_unknown", message, hint="neither fitted nor held out"))
    if thin := int((~rich).sum()):
        message = f"{thin} models have scores on fewer than half of the benchmarks"
        notices.append(Notice("few_scores", message, hint="left out of the fit"))
    if usable.sum() < 8:
        where = f" up to {limit:.3g} FLOPs" if limit is not None else ""
        raise ScoresError(
            f"{int(usable.sum())} models{where} have {task.name} and half of the benchmarks; an observational law "
            "needs at least 8"
        )
    return usable, notices


def _range(task: Task) -> tuple[float, float]:
    """Chance (or the worst score) and the best score.

    Raises
    ------
    ScoresError : there is no best score.
    """
    worst = task.minimum if task.direction == "higher" else task.maximum
    floor = worst if task.chance is None else task.chance
    if not (np.isfinite(task.best) and np.isfinite(floor)) or floor == task.best:
        raise ScoresError(f"{task.name} has no finite range from chance to best; state its maximum")
    return float(floor), float(task.best)


def _weights(family: NDArray[np.str_], bootstrap: int, generator: np.random.Generator) -> Array:
    """(1 + B, M): the first row all ones, then random weights of families times random weights of models."""
    _, member = np.unique(family, return_inverse=True)
    by_family = generator.standard_exponential((bootstrap, int(member.max()) + 1))[:, member]
    by_model = generator.standard_exponential((bootstrap, len(family)))
    return np.concatenate([np.ones((1, len(family))), by_family * by_model])


def _lines(
    places: Array, scores: TaskScores, chosen: NDArray[np.bool_], weights: Array, generator: np.random.Generator
) -> FamilyLines | None:
    compute = scores.C[chosen]
    known = np.isfinite(compute) & (compute > 0)
    if known.sum() < 3:
        return None
    return fit_family_lines(
        places[:, known], compute[known], scores.family[chosen][known], weights[:, known], generator
    )


def _scatter(link: CapabilityLink, places: Array, metric: Array, task: Task, components: int) -> tuple[float, float]:
    """Spread of models about the sigmoid on its inner scale, without what the number of examples explains, and on the
    metric's scale above half its height.

    Residuals are small where the sigmoid is flat, so they are compared with its slope: sum r^2 = s^2 sum slope^2.
    """
    z = places @ link.weights[0] + link.offset[0]
    s = 0.5 * (1 + np.tanh(z / 2))
    height = link.ceiling[0] - link.floor
    residual, slope = metric - link.floor - height * s, height * s * (1 - s)
    noise = np.nan_to_num(task.noise(metric))
    freedom = max(len(metric) - components - 2, 1) / len(metric)
    excess = max(float((residual**2).sum()) / freedom - float((noise**2).sum()), 0.0)
    inner = float(min(np.sqrt(excess / max(float((slope**2).sum()), 1e-12)), 3.0))
    upper = s > 0.5
    plateau = float(np.sqrt((residual[upper] ** 2).mean() / freedom)) if upper.sum() >= 3 else 0.0
    return inner, plateau


def _summary(made: Observational, middle: Array, new: Array) -> MetricForecast:
    """The median over resamples, and the interval of a new model's score."""
    if len(middle) < 3:
        return MetricForecast(middle[0], np.full_like(middle[0], np.nan), np.full_like(middle[0], np.nan))
    low, high = quantile_interval(new[1:], made.level)
    return MetricForecast(np.median(middle[1:], axis=0), low, high)


def _from_lines(made: Observational) -> MetricForecast:
    parts = np.full((3, len(made.scores)), np.nan)
    if made.lines is not None:
        for name in made.lines.names:
            rows = np.flatnonzero((made.scores.family == name) & np.isfinite(made.scores.C) & (made.scores.C > 0))
            told = made.from_compute(name, made.scores.C[rows])
            parts[:, rows] = told.value, told.low, told.high
    return MetricForecast(*parts)


def _notices(
    scores: TaskScores,
    task: Task,
    names: tuple[str, ...],
    chosen: NDArray[np.bool_],
    kept: int,
    asked: int,
    found: PrincipalComponents,
) -> list[Notice]:
    notices = []
    floor, best = _range(task)
    reached = (scores[task.name][chosen] - floor) / (best - floor)
    if np.nanmax(reached) < _SIGNAL:
        message = f"the best fitted model reaches {np.nanmax(reached):.0%} of the range above chance on {task.name}"
        notices.append(
            Notice("no_signal_yet", message, hint="where the rise will end is not in these data; see the interval")
        )
    if kept < asked:
        message = f"{kept} instead of {asked} components: {int(chosen.sum())} models"
        notices.append(Notice("fewer_components", message))
    if found.share[0, 0] < 0.5:
        message = f"the first component holds only {found.share[0, 0]:.0%} of the variance"
        notices.append(Notice("no_common_capability", message, hint="these benchmarks do not move together"))
    missing = ~np.isfinite(scores.only(names).values[chosen])
    if missing.any():
        message = f"{missing.mean():.0%} of the scores are missing and were filled by principal components"
        notices.append(Notice("scores_filled", message))
    return notices


def _families(lines: FamilyLines | None) -> list[Mapping[str, Any]]:
    if lines is None:
        return []
    return [
        {
            "family": name,
            "models": int(lines.models[k]),
            "own_slope": bool(lines.own_slope[k]),
            "slope": lines.slope[0, k].tolist(),
            "level": lines.level[0, k].tolist(),
            "centre_log_compute": float(lines.centre[k]),
            "r_squared": float(lines.r_squared[k]) if np.isfinite(lines.r_squared[k]) else None,
        }
        for k, name in enumerate(lines.names)
    ]
