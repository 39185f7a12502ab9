"""Laws of schedules tried on the held-back end of their own curves: what they weigh, and how their error grows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoflop.curves.curve import Curve
from isoflop.curves.sampled import sampled
from isoflop.curves.schedule_laws import ScheduleLaw
from isoflop.curves.schedule_solver import optimum

Array = NDArray[np.float64]

#: the laws are fitted to these shares of every curve after its warm-up and forecast the rest
CUTS = (0.6, 0.7, 0.8)
_FLAT = 1e-3  # a schedule whose rate after the peak moves by less, relatively, is constant
_FEWEST = 5  # losses beyond a cut, below which it says nothing
_GRID = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, eq=False)
class Part:
    """What the laws missed of one curve beyond one cut.

    Attributes
    ----------
    errors : (laws, points), log of forecast over observed loss. ahead : (points,), log of step over the cut.
    """

    errors: Array
    ahead: Array


def moves(curve: Curve) -> bool:
    """Does the learning rate move after its peak, before the last observed step?"""
    rates = np.asarray(curve.rates)
    after = rates[int(np.argmax(rates)) : int(curve.steps[-1]) + 1]
    return bool(after.size and after.min() < (1 - _FLAT) * after.max())


def back_test(
    curves: Sequence[Curve], laws: Sequence[ScheduleLaw], held: Sequence[Mapping[str, float]], *,
    after: float | None, delta: float, progress: Callable[[int], None] | None = None,
) -> list[Part]:  # fmt: skip
    """Fit each law to the first part of all curves at once and forecast their rest, at every cut.

    A cut after which too little is left, or before which no learning rate has moved, is passed over.
    """
    parts = []
    for share in CUTS:
        seen = [_until(each, share, after) for each in curves]
        fewest = 2 * max(len(law.names) for law in laws)
        if any(not len(each) for each in seen) or not any(moves(each) for each in seen):
            continue
        data = sampled(seen, after)
        if data.loss.size < fewest:
            continue
        even = np.ones(data.loss.size)
        found = []
        for law, fixed in zip(laws, held):
            found.append(optimum(law, data, fixed=fixed, delta=delta, starts=1, weights=even).values)
            if progress is not None:
                progress(1)
        for whole, first in zip(curves, seen):
            rest = whole.finite.take(whole.finite.steps > first.steps[-1])
            if len(rest) < _FEWEST:
                continue
            there = sampled([rest], -1)
            errors = [law.sampled_log_loss(there, values)[0] - np.log(rest.loss) for law, values in zip(laws, found)]
            parts.append(Part(np.asarray(errors), np.log(rest.steps / first.steps[-1])))
    return parts


def _until(curve: Curve, share: float, after: float | None) -> Curve:
    finite = curve.finite
    begin = int(np.argmax(np.asarray(curve.rates))) if after is None else after
    kept = finite.until(begin + share * (finite.steps[-1] - begin))
    return kept if np.any(kept.steps > begin) else kept.take(np.zeros(len(kept), dtype=bool))


def weights_of(parts: Sequence[Part], laws: int) -> Array:
    """(laws,): the weights, of sum 1, whose mean forecast has the least geometric mean of its error over the parts.

    The geometric mean of mean absolute errors counts every part alike, whether it is short or far ahead; equal
    weights where there is nothing to judge by. Weight moves between two laws at a time until none gains.

    >>> part = Part(np.array([[0.01, 0.01], [-0.03, -0.03]]), np.ones(2))
    >>> weights_of([part], 2).round(2).tolist()
    [0.75, 0.25]
    """
    weights = np.full(laws, 1.0 / laws)
    if not parts or laws == 1:
        return weights
    for _ in range(20):
        before = weights.copy()
        for i in range(laws):
            for j in range(i + 1, laws):
                tried = np.tile(weights, (_GRID.size + 1, 1))  # the last row stays as it is
                both = weights[i] + weights[j]
                tried[:-1, i], tried[:-1, j] = both * _GRID, both * (1 - _GRID)
                missed = [np.mean(np.abs(tried @ part.errors), axis=1) for part in parts]
                weights = tried[int(np.argmin(np.sum(np.log(np.maximum(missed, 1e-6)), axis=0)))]
        if np.allclose(weights, before):
            break
    return weights


def drift_of(parts: Sequence[Part], weights: Array) -> float:
    """Root mean square error of log loss of the weighted forecast for each e-fold of steps beyond a cut; 0 unknown."""
    if not parts:
        return 0.0
    errors = np.concatenate([weights @ part.errors for part in parts])
    ahead = np.concatenate([part.ahead for part in parts])
    return float(np.sqrt(np.mean(errors**2) / np.mean(ahead**2)))
