"""Curves and their schedules as a fit needs them: steps between observations merged where the rate hardly changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoflop.curves.curve import Curve, CurveError
from isoflop.curves.schedule_sums import falls_of

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

_SAME_RATE = 0.03  # steps are merged while the rate stays within this share of the first


@dataclass(frozen=True, eq=False)
class Sampled:
    """K curves, their schedules merged into at most G segments (padded with segments in which nothing happens).

    Attributes
    ----------
    rates, moved, lag, falls : (K, G): the rate, the sum of rates, how far before its end the fall lies, the fall.
    points : for each curve, the segments that end at its observed steps.
    curve : (n,), which curve an observation belongs to. steps, loss, summed : (n,), S1 at the observation.
    full_rates : for each curve, the schedule that was merged.
    """

    rates: Array
    moved: Array
    lag: Array
    falls: Array
    points: tuple[Indices, ...]
    curve: Indices
    steps: Indices
    loss: Array
    summed: Array
    full_rates: tuple[Array, ...]


def sampled(curves: Sequence[Curve], after: float | None = None) -> Sampled:
    """The observed points of curves, ready to fit.

    Parameters
    ----------
    after : leave out observations up to this step; default: those before the rate is first at its highest.

    Raises
    ------
    CurveError : a curve without learning rates, with rates for fewer steps than observed, or in units other than steps.
    """
    pieces, losses, steps = [], [], []
    for each in curves:
        rates = _rates_of(each)
        from_step = int(np.argmax(rates)) if after is None else after
        seen = np.isfinite(each.loss) & (each.steps > from_step)
        if not seen.any():
            raise CurveError(f"{_called(each)} has no loss after step {from_step:g}, the end of its warm-up")
        where = each.steps[seen].astype(np.intp)
        steps.append(where)
        losses.append(each.loss[seen])
        pieces.append(_merged(rates, where))
    most = max(piece[0].size for piece in pieces)
    padded = [np.array([np.pad(piece[k], (0, most - piece[k].size)) for piece in pieces]) for k in range(4)]
    padded[0] = np.where(padded[0] > 0, padded[0], padded[0].max(axis=1, keepdims=True))
    full = tuple(np.asarray(each.rates) for each in curves)
    summed = np.concatenate([np.cumsum(rates)[where] for rates, where in zip(full, steps)])
    which = np.repeat(np.arange(len(curves)), [where.size for where in steps])
    return Sampled(
        padded[0],
        padded[1],
        padded[2],
        padded[3],
        tuple(piece[4] for piece in pieces),
        which,
        np.concatenate(steps),
        np.concatenate(losses),
        summed,
        full,
    )


def _called(each: Curve) -> str:
    return f"run {each.name!r}" if each.name else "the curve"


def _rates_of(each: Curve) -> Array:
    if each.rates is None:
        raise CurveError(
            f"{_called(each)} has no learning rates, which a law of schedules needs; map them (--map rate=COLUMN) or "
            "give the schedule"
        )
    last = each.steps[-1]
    if np.any(each.steps != np.round(each.steps)):
        raise CurveError(f"{_called(each)}: a law of schedules counts optimiser steps, found {each.steps[0]:g}")
    if last >= each.rates.size:
        raise CurveError(f"{_called(each)} has learning rates for {each.rates.size} steps but a loss at step {last:g}")
    if not each.rates.any():
        raise CurveError(f"{_called(each)} has learning rate 0 at every step")
    return each.rates


def _merged(rates: Array, observed: Indices) -> tuple[Array, Array, Array, Array, Indices]:
    """(rate, moved, lag, fall) of the segments up to the last observation, and which segments end at one."""
    until = int(observed[-1]) + 1
    used = rates[:until]
    falls = falls_of(used[None])[0]
    starts = _starts(used, observed)
    ends = np.append(starts[1:], until) - 1
    total = np.concatenate([[0.0], np.cumsum(used)])
    moved = total[ends + 1] - total[starts]
    fall = np.add.reduceat(falls, starts)
    size = np.abs(falls)
    weight = np.add.reduceat(size, starts)
    before = np.repeat(total[ends + 1], ends - starts + 1) - total[:-1]  # from each step to the end of its segment
    with np.errstate(invalid="ignore", divide="ignore"):
        lag = np.where(weight > 0, np.add.reduceat(size * before, starts) / weight, moved)
        rate = np.where(weight > 0, np.add.reduceat(size * used, starts) / weight, used[starts])
    return rate, moved, lag, fall, np.searchsorted(ends, observed).astype(np.intp)


def _starts(rates: Array, observed: Indices) -> Indices:
    """Where segments begin: after each observation, and where the rate has moved by more than `_SAME_RATE`."""
    forced = set((observed[:-1] + 1).tolist())
    starts, first = [0], rates[0]
    for step, rate in enumerate(rates.tolist()):
        if step and (step in forced or abs(rate - first) > _SAME_RATE * first):
            starts.append(step)
            first = rate
    return np.asarray(starts, dtype=np.intp)
