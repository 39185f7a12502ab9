"""What a forecast has to beat: the last value seen, and a straight line in the logarithm of compute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from isoflop.downstream.checkpoints import ends_of_runs
from isoflop.downstream.route import CannotForecast, FittedRoute, Route, Settings, TaskPrediction, where_known
from isoflop.downstream.task import Task, TaskScores

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Last(FittedRoute):
    task: Task
    largest: float
    by_family: Mapping[str, float]
    steps: Array
    settings: Settings

    def predict(self, targets: TaskScores) -> TaskPrediction:
        value = np.array([self.by_family.get(str(name), self.largest) for name in targets.family])
        generator = np.random.default_rng([self.settings.seed, 21])
        count = max(self.settings.resamples, 1)
        drawn = value + generator.choice(self.steps, size=(count, len(value)))
        return TaskPrediction(value, np.broadcast_to(value, drawn.shape), np.clip(drawn, *_range(self.task)))


class LastValue(Route):
    """The score of the largest model: of the same family where one was seen, else of all."""

    id = "last_value"
    title = "the last value: the largest model seen, of the same family where there is one"
    baseline = True

    def fit(self, scores: TaskScores, task: str, settings: Settings) -> FittedRoute:
        """See `Route.fit`. Draws are steps between neighbours in compute."""
        ends, value = _known(scores, task)
        order = np.argsort(ends.C, kind="stable")
        by_family = {str(ends.family[k]): float(value[k]) for k in order}
        steps = np.diff(value[order]) if len(order) > 1 else np.zeros(1)
        return _Last(scores.task(task), float(value[order[-1]]), by_family, np.append(steps, -steps), settings)


@dataclass(frozen=True, eq=False)
class _Line(FittedRoute):
    task: Task
    draws: Array  # (B, 2)
    values: Array  # (2,)
    residuals: Array
    settings: Settings = field(default_factory=Settings)

    def predict(self, targets: TaskScores) -> TaskPrediction:
        return where_known(targets, ("C",), lambda given, _: self._at(given["C"]))

    def _at(self, compute: Array) -> TaskPrediction:
        x = np.stack([np.ones(len(compute)), np.log10(compute)])
        mean = self.draws @ x
        generator = np.random.default_rng([self.settings.seed, 22])
        new = mean + generator.choice(self.residuals, size=mean.shape)
        low, high = _range(self.task)
        value = self.values @ x
        beyond = bool(np.any((value < low) | (value > high)))
        return TaskPrediction(np.clip(value, low, high), np.clip(mean, low, high), np.clip(new, low, high), beyond)


class LinearInLogCompute(Route):
    """Score = a + b log10 C by least squares over all models, kept inside the metric's range."""

    id = "linear_in_log_compute"
    title = "a straight line in the logarithm of compute"
    baseline = True

    def fit(self, scores: TaskScores, task: str, settings: Settings) -> FittedRoute:
        """See `Route.fit`."""
        ends, value = _known(scores, task)
        x = np.stack([np.ones(len(value)), np.log10(ends.C)], axis=1)
        if len(value) < 3 or np.ptp(x[:, 1]) == 0:
            raise CannotForecast("too_few_models", f"{len(value)} models of {len(np.unique(ends.C))} compute budgets")
        generator = np.random.default_rng([settings.seed, 23])
        weights = generator.standard_exponential((max(settings.resamples, 1), len(value)))
        squares = np.einsum("br,rp,rq->bpq", weights, x, x)
        draws = np.linalg.solve(squares, np.einsum("br,rp,r->bp", weights, x, value)[..., None])[..., 0]
        best = np.linalg.lstsq(x, value, rcond=None)[0]
        residuals = (value - x @ best) * np.sqrt(len(value) / (len(value) - 2))
        return _Line(scores.task(task), draws, best, residuals, settings)


ROUTES = (LastValue(), LinearInLogCompute())


def _known(scores: TaskScores, task: str) -> tuple[TaskScores, Array]:
    ends = ends_of_runs(scores)
    kept = np.isfinite(ends[task]) & np.isfinite(ends.C)
    if not kept.any():
        raise CannotForecast("compute_unknown", f"no model with a score on {task} has a known compute")
    ends = ends.take(kept)
    return ends, ends[task]


def _range(task: Task) -> tuple[float, float]:
    return task.minimum, task.maximum
