"""One law fitted to many curves that share their inputs, all of them and all starts in one batch of the solver."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoflop.fitting.coordinates import make_coordinates
from isoflop.fitting.objective import Objective
from isoflop.fitting.prediction import make_prediction
from isoflop.fitting.solver import Problem, minimise
from isoflop.scaling_law import Law

Array = NDArray[np.float64]

_SAME = 1e-4  # starts whose objective is within this share of the best have found the same optimum


@dataclass(frozen=True, eq=False)
class ManyFits:
    """The best fit of each of M curves.

    Attributes
    ----------
    values : (M, P) parameters in the law's order, fixed ones included.
    objective : (M,) half the weighted sum of squared residuals there.
    agree : (M,) share of the starts that ended at the same objective.
    """

    values: Array
    objective: Array
    agree: Array


def fit_many(
    law: Law,
    inputs: Mapping[str, Array],
    outcomes: Array,
    starts: Array,
    *,
    objective: str = "least_squares_log",
    fixed: Mapping[str, float] | None = None,
) -> ManyFits:
    """Fit `law` to each row of `outcomes` (M, R) at `inputs` ({name: (R,)}) from each of `starts` (M, S, P).

    Outcomes that are nan have weight 0. Starts hold every parameter of the law; fixed ones are ignored.

    >>> from isoflop.atlas import law
    >>> x, truth = np.geomspace(1e2, 1e6, 9), np.array([1.0, 50.0, 30.0, 0.5])
    >>> losses = (truth[0] + truth[1] / (truth[2] + x ** truth[3]))[None]
    >>> fit_many(law("rectified_fine_tuning"), {"examples": x}, losses, 1.3 * truth[None, None]).values.round(4)[0]
    array([ 1. , 50. , 30. ,  0.5])
    """
    held = dict(fixed or {})
    measured = np.isfinite(outcomes)
    typical = np.nanmedian(outcomes, axis=0)
    filled = np.where(measured, outcomes, typical)
    coordinates = make_coordinates(law, inputs, typical, held)
    problem = Problem(
        make_prediction(law, inputs, coordinates), Objective.named(objective), typical, np.ones(len(typical))
    )
    free = [k for k, name in enumerate(law.parameter_names) if name not in held]
    curves, tries = starts.shape[:2]
    solved = minimise(
        problem,
        coordinates.internal(starts[..., free].reshape(curves * tries, -1)),
        observed=np.repeat(filled, tries, axis=0),
        weights=np.repeat(measured.astype(np.float64), tries, axis=0),
    )
    cost = solved.objective.reshape(curves, tries)
    best = cost.argmin(axis=1)
    values = np.empty((curves, len(law.parameter_names)))
    values[:, free] = coordinates.values(solved.internal).reshape(curves, tries, -1)[np.arange(curves), best]
    for name, value in held.items():
        values[:, law.parameter_names.index(name)] = value
    lowest = cost[np.arange(curves), best]
    same = cost <= lowest[:, None] * (1 + _SAME) + 1e-15
    return ManyFits(values, lowest, same.mean(axis=1))
