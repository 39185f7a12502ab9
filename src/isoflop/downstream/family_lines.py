"""Capabilities of a model family as straight lines in log compute, under every resample at once (Ruan et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_OWN_SLOPE = 3  # distinct budgets from which a family has a slope of its own


@dataclass(frozen=True, eq=False)
class FamilyLines:
    """component = level + slope * (log C - centre), for F families, Q components, B resamples.

    Attributes
    ----------
    names : F family names. models : (F,) fitted models of each. own_slope : (F,) False where the slope is the one that
        all families share, because fewer than 3 budgets were there.
    centre : (F,) log C at which the level stands. level, slope : (B, F, Q).
    scatter : (B, Q) standard deviation of models about their family's line.
    r_squared : (F,) of the first component, first resample; nan for families without their own slope.
    furthest : (F,) the largest compute that was fitted.
    typical_centre, typical_level, typical_slope : log C, (B, Q) and (B, Q): the line of a family never seen, the mean
        of the families' levels with the slope they share. between : (B, Q) how far families lie from it.
    """

    names: tuple[str, ...]
    models: NDArray[np.intp]
    own_slope: NDArray[np.bool_]
    centre: Array
    level: Array
    slope: Array
    scatter: Array
    r_squared: Array
    furthest: Array
    typical_centre: float
    typical_level: Array
    typical_slope: Array
    between: Array

    def typical(self, compute: Array) -> Array:
        """(B, X, Q) components of a family never seen, at `compute` (X,) FLOPs."""
        distance = np.log(np.asarray(compute, dtype=np.float64)) - self.typical_centre
        return np.asarray(self.typical_level[:, None, :] + self.typical_slope[:, None, :] * distance[None, :, None])

    def at(self, family: str, compute: Array) -> Array:
        """(B, X, Q) components of a family at `compute` (X,) FLOPs.

        Raises
        ------
        KeyError : the family was not fitted.
        """
        if family not in self.names:
            raise KeyError(family)
        k = self.names.index(family)
        distance = np.log(np.asarray(compute, dtype=np.float64)) - self.centre[k]
        return np.asarray(self.level[:, k, None, :] + self.slope[:, k, None, :] * distance[None, :, None])


def fit_family_lines(
    capabilities: Array, compute: Array, family: NDArray[np.str_], weights: Array, generator: np.random.Generator
) -> FamilyLines:
    """Weighted lines of `capabilities` (B, M, Q) in log `compute` (M,) for each `family` (M,) under `weights` (B, M).

    The first resample is the estimate. Each other one also gets the error of a line with so few points: random weights
    alone say nothing of a family of two models, so level and slope are drawn with the scatter that all families share.

    >>> x, family = np.array([[[0.0], [1.0], [2.0]]]), np.array(["a", "a", "a"])
    >>> lines = fit_family_lines(x, np.exp([1.0, 2.0, 3.0]), family, np.ones((1, 3)), np.random.default_rng(0))
    >>> lines.at("a", np.exp([4.0]))
    array([[[3.]]])
    """
    names = tuple(dict.fromkeys(family.tolist()))
    log_c = np.log(compute)
    member = np.stack([family == name for name in names])  # (F, M)
    mass = weights[:, None, :] * member  # (B, F, M)
    total = np.maximum(mass.sum(-1), 1e-300)
    centre = (member * log_c).sum(1) / member.sum(1)
    x = np.where(member, log_c - centre[:, None], 0.0)  # (F, M)
    mean_x = (mass * x).sum(-1) / total
    mean_y = np.matmul(mass, capabilities) / total[:, :, None]
    off = (x[None] - mean_x[:, :, None]) * member
    spread = (mass * off**2).sum(-1)  # (B, F)
    product = np.matmul(mass * off, capabilities)  # (B, F, Q)
    shared = product.sum(1, keepdims=True) / np.maximum(spread.sum(1), 1e-300)[:, None, None]
    budgets = np.array([len(np.unique(np.round(log_c[each], 6))) for each in member])
    own = budgets >= _OWN_SLOPE
    slope = np.where(own[None, :, None], product / np.maximum(spread, 1e-300)[:, :, None], shared)
    level = mean_y - slope * mean_x[:, :, None]
    which = np.array([names.index(name) for name in family.tolist()])
    told = level[:, which] + slope[:, which] * x[which, np.arange(len(family))][None, :, None]
    residual = capabilities - told
    freedom = max(len(family) - len(names) - int(own.sum()), 1)
    scatter = np.sqrt((residual**2).sum(1) / freedom)  # (B, Q)
    count, width = member.sum(1), (x**2).sum(1)
    _jitter(level, slope, scatter, count, width, own, generator)
    middle = float(log_c.mean())
    there = level + slope * (middle - centre)[None, :, None]
    between = there.std(axis=1, ddof=1) if len(names) > 1 else np.zeros_like(scatter)
    return FamilyLines(
        names, count, own, centre, level, slope, scatter, _r_squared(capabilities[0], residual[0], member, own),
        np.array([compute[each].max() for each in member]), middle, there.mean(axis=1), shared[:, 0], between,
    )  # fmt: skip


def _jitter(
    level: Array,
    slope: Array,
    scatter: Array,
    count: NDArray[np.intp],
    width: Array,
    own: NDArray[np.bool_],
    generator: np.random.Generator,
) -> None:
    """Add the sampling error of the lines to all resamples but the first, in place."""
    if len(level) < 2:
        return
    drawn = generator.standard_normal((2, *level[1:].shape))
    level[1:] += drawn[0] * scatter[1:, None, :] / np.sqrt(count)[None, :, None]
    pooled = width.sum()
    error = 1 / np.sqrt(np.where(own, np.maximum(width, 1e-12), max(pooled, 1e-12)))
    slope[1:] += drawn[1] * scatter[1:, None, :] * error[None, :, None]


def _r_squared(capabilities: Array, residual: Array, member: NDArray[np.bool_], own: NDArray[np.bool_]) -> Array:
    found = np.full(len(member), np.nan)
    for k, each in enumerate(member):
        variance = capabilities[each, 0].var()
        if own[k] and variance > 0:
            found[k] = 1 - (residual[each, 0] ** 2).mean() / variance
    return found
