"""Direct laws: task score from resources without a loss; a sigmoid of log compute, or a power law of -log(score)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.atlas.registry import law_or_formula
from isoflop.downstream.checkpoints import ends_of_runs
from isoflop.downstream.family_offsets import FamilyOffsets, family_offsets
from isoflop.downstream.route import CannotForecast, FittedRoute, Route, Settings, TaskPrediction, where_known
from isoflop.downstream.share import chance_share, from_share, to_share, with_task_noise
from isoflop.downstream.task import Task, TaskScores
from isoflop.fitting import fit
from isoflop.fitting.forecast import new_runs
from isoflop.fitting.result import Fit, FitError
from isoflop.runs import Notice, Runs
from isoflop.scaling_law import Law, Variable

Array = NDArray[np.float64]

_LEAST_MODELS = 5


@dataclass(frozen=True, eq=False)
class FittedDirect(FittedRoute):
    """A law from resources to the share of a task, and what each family adds to it on the logistic scale."""

    task: Task
    fit: Fit
    offsets: FamilyOffsets
    seed: int
    warnings: tuple[Notice, ...] = ()

    def predict(self, targets: TaskScores) -> TaskPrediction:
        """See `FittedRoute.predict`."""
        names = self.fit.law.input_names
        return where_known(targets, names, lambda given, known: self._at(given, targets.family[known]))

    def _at(self, given: Mapping[str, Array], families: NDArray[np.str_]) -> TaskPrediction:
        floor = self.fit.values["chance"]
        value = self.offsets.moved(self.fit.predict(**given), families, floor)
        draws = self.fit.predict_draws(**given)
        mean = self.offsets.moved(draws, families, floor)
        scatter = new_runs(self.fit, draws) - draws
        generator = np.random.default_rng([self.seed, 31])
        new = self.offsets.scattered(mean, scatter, families, floor, generator)
        new = with_task_noise(self.task, mean, new, generator)
        value, mean, new = (from_share(self.task, each) for each in (value, mean, new))
        return TaskPrediction(value, mean, new)

    def describe(self) -> dict[str, Any]:
        """The law's constants with intervals, and the offset of each family."""
        constants = {name: each.to_dict() for name, each in self.fit.parameters.items()}
        return {"law": self.fit.law.expression, "parameters": constants, "families": self.offsets.to_dict()}


@dataclass(frozen=True)
class Direct(Route):
    """A law of resources fitted to the share of a task, chance held where it is known."""

    id: str
    title: str
    text: str
    inputs: tuple[str, ...]
    bounds: tuple[tuple[str, tuple[float, float]], ...]
    baseline = False

    def fit(self, scores: TaskScores, task: str, settings: Settings) -> FittedDirect:
        """See `Route.fit`."""
        described = scores.task(task)
        ends = ends_of_runs(scores) if not settings.checkpoints else scores
        share = to_share(described, ends[task])
        known = np.isfinite(share)
        for name in self.inputs:
            known &= np.isfinite(getattr(ends, name))
        ends, share = ends.take(known), share[known]
        _refuse_poor(ends, share, self.inputs, task)
        fitted = _fitted(self._law(), ends, share, self.inputs, self._held(described), settings)
        residuals = share - fitted.fitted
        offsets = family_offsets(fitted.fitted, residuals, ends.family, fitted.values["chance"])
        matter = ("lonely", "not_converged")  # what is not identified widens the interval by itself
        told = tuple(replace(each, code=f"law_{each.code}") for each in fitted.warnings if each.code in matter)
        return FittedDirect(described, fitted, offsets, settings.seed, told)

    def _law(self) -> Law:
        law = law_or_formula(self.text, self.inputs, dict(self.bounds))
        return replace(law, output=Variable.named("accuracy"))

    def _held(self, task: Task) -> Mapping[str, float]:
        # where nobody stated chance it is held at 0: left free, it made steep laws that missed held-out models by more
        return {"chance": chance_share(task)}


# Units of 1e21 FLOPs, 1e9 parameters and 1e11 tokens put A and B where models are: counted in ones, they would be
# collinear with their exponents.
ROUTES = (
    Direct(
        "direct_sigmoid",
        "sigmoid of log compute, Owen 2024",
        "chance + (1 - chance) * sigmoid(k * (log(C) / log(10) - x_0))",
        ("C",),
        (("chance", (0.0, 1.0)), ("k", (0.0, 20.0)), ("x_0", (0.0, 60.0))),
    ),
    Direct(
        "direct_power",
        "power law of compute for -log of the score above chance",
        "chance + (1 - chance) * exp(-A * (C / 1e21)**-alpha)",
        ("C",),
        (("chance", (0.0, 1.0)), ("alpha", (0.0, 5.0))),
    ),
    Direct(
        "direct_size_and_data",
        "power laws of N and D for -log of the score above chance",
        "chance + (1 - chance) * exp(-A * (N / 1e9)**-alpha - B * (D / 1e11)**-beta)",
        ("N", "D"),
        (("chance", (0.0, 1.0)), ("alpha", (0.0, 5.0)), ("beta", (0.0, 5.0))),
    ),
)


def _refuse_poor(ends: TaskScores, share: Array, inputs: tuple[str, ...], task: str) -> None:
    least = _LEAST_MODELS + 2 * (len(inputs) - 1)
    if len(share) < least:
        raise CannotForecast(
            "too_few_models",
            f"{len(share)} models have both a score on {task} and {', '.join(inputs)}; at least {least} are needed",
        )
    constant = [name for name in inputs if np.ptp(getattr(ends, name)) == 0]
    points = len(np.unique(np.stack([getattr(ends, name) for name in inputs], axis=1), axis=0))
    if constant or points < 2 * len(inputs):
        what = f"{constant[0]} is the same for all models" if constant else f"models differ in {points} points only"
        raise CannotForecast("resource_constant", f"{what}: the law in {', '.join(inputs)} is not identified")
    if np.ptp(share) == 0:
        raise CannotForecast(
            "score_constant", f"all models have the same score on {task}: there is nothing to forecast"
        )


def _clusters(count: int, rows: int) -> bool:
    """Are these labels what a resample should draw? Enough of them, and fewer than rows."""
    return _LEAST_MODELS <= count < rows


def _fitted(
    law: Law, ends: TaskScores, share: Array, inputs: tuple[str, ...], held: Mapping[str, float], settings: Settings
) -> Fit:
    columns = {name: getattr(ends, name) for name in inputs}
    by_name, by_family = len(np.unique(ends.models)), len(np.unique(ends.family))
    group = next(
        (labels for labels, count in ((ends.family, by_family), (ends.models, by_name)) if _clusters(count, len(ends))),
        None,
    )
    table = Runs({**columns, "accuracy": share}, output="accuracy", names=ends.models, group=group, source=ends.source)
    try:
        return fit(
            table, law, objective="least_squares", fixed=held, bootstrap=settings.resamples, level=settings.level,
            starts=settings.starts, seed=settings.seed,
        )  # fmt: skip
    except (FitError, ValueError) as error:
        raise CannotForecast("law_not_fitted", f"the law cannot be fitted: {error}") from None
