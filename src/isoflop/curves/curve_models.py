"""Models of a learning curve, one row each: floor + weight * shape(x; theta), fitted on a grid of theta all at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_EXPONENTS = np.geomspace(0.03, 4.0, 34)
_FINE = np.geomspace(0.03, 4.0, 136)
_PLACES = np.geomspace(1e-3, 30.0, 24)


@dataclass(frozen=True)
class CurveModel:
    """floor + weight * shape(x; theta), x in units of the last visible step.

    Attributes
    ----------
    id, formula : of the model.
    grid : (G, p), every theta that is tried.
    shape : (x (n,), theta (G, p)) -> (G, n), falling in x.
    has_floor : whether a floor is fitted, or held at 0.
    bounded : whether the floor must be at least 0; the logarithm has none.
    """

    id: str
    formula: str
    grid: Array
    shape: Callable[[Array, Array], Array]
    has_floor: bool = True
    bounded: bool = True


def _pairs(first: Array, second: Array) -> Array:
    return np.array([(a, b) for a in first for b in second])


def _power(x: Array, theta: Array) -> Array:
    return np.asarray(x[None, :] ** -theta[:, :1])


def _shifted_power(x: Array, theta: Array) -> Array:
    return np.asarray((x[None, :] + theta[:, 1:2]) ** -theta[:, :1])


def _mmf(x: Array, theta: Array) -> Array:
    return np.asarray(1.0 / (1.0 + (x[None, :] / theta[:, 1:2]) ** theta[:, :1]))


def _stretched(x: Array, theta: Array) -> Array:
    return np.asarray(np.exp(-((x[None, :] / theta[:, 1:2]) ** theta[:, :1])))


def _two_exponentials(x: Array, theta: Array) -> Array:
    return np.asarray(0.5 * np.exp(-x[None, :] / theta[:, :1]) + 0.5 * np.exp(-x[None, :] / theta[:, 1:2]))


def _logarithm(x: Array, theta: Array) -> Array:
    return np.asarray(-np.log(x)[None, :] + 0.0 * theta[:, :1])


def _sigmoid_power(x: Array, theta: Array) -> Array:
    """s that solves s / (1 - s)^a = (x / place)^-c, read off a table for each a."""
    share = 1.0 / (1.0 + np.exp(-np.linspace(-25.0, 25.0, 2001)))
    made = np.empty((len(theta), x.size))
    for bend in np.unique(theta[:, 2]):
        mine = theta[:, 2] == bend
        level = np.log(share) - bend * np.log1p(-share)
        made[mine] = np.interp(-theta[mine, :1] * np.log(x[None, :] / theta[mine, 1:2]), level, share)
    return made


#: M1 to M4 are the names of Alabdulmohsin et al. 2022, "Revisiting neural scaling laws in language and vision"
MODELS = (
    CurveModel("power", "b x^-c (M1)", _FINE[:, None], _power, has_floor=False),
    CurveModel("power_floor", "a + b x^-c (M2)", _FINE[:, None], _power),
    CurveModel("shifted_power", "a + b (x + s)^-c (M3)", _pairs(_EXPONENTS[::2], _PLACES), _shifted_power),
    CurveModel(
        "sigmoid_power",
        "(y - a) / (b - y)^d = c x^-e (M4)",
        np.array([(c, s, d) for c in _EXPONENTS[6::3] for s in _PLACES[::3] for d in (0.25, 0.5, 1.0, 2.0)]),
        _sigmoid_power,
    ),
    CurveModel("mmf", "a + b / (1 + (x / s)^c)", _pairs(_EXPONENTS[4:], _PLACES), _mmf),
    CurveModel("stretched_exponential", "a + b exp(-(x / s)^c)", _pairs(_EXPONENTS[4::2], _PLACES), _stretched),
    CurveModel(
        "two_exponentials",
        "a + b (exp(-x / s) + exp(-x / t)) / 2",
        np.array([(a, b) for a in _PLACES[::2] for b in _PLACES[::2] if a <= b]),
        _two_exponentials,
    ),
    CurveModel("logarithm", "a - b log x", np.ones((1, 1)), _logarithm, bounded=False),
)


def best_of_grid(model: CurveModel, x: Array, y: Array, weights: Array, at: Array) -> Array:
    """The forecast of the best theta under each row of weights, by weighted least squares with weight >= 0.

    Parameters
    ----------
    x, y : (n,). weights : (W, n). at : (m,), where to forecast.

    Returns
    -------
    (W, m)
    """
    shape = model.shape(x, model.grid)
    total = weights.sum(axis=1)[:, None]
    mean_shape, mean_y = weights @ shape.T / total, (weights @ y)[:, None] / total
    square = weights @ (shape**2).T / total
    cross = (weights * y) @ shape.T / total
    spread = np.maximum(square - mean_shape**2, 1e-14 * square + 1e-300)
    slope = np.maximum((cross - mean_shape * mean_y) / spread, 0.0)
    floor = mean_y - slope * mean_shape
    if model.bounded:
        low = (floor < 0) | (not model.has_floor)
        slope = np.where(low, np.maximum(cross / np.maximum(square, 1e-300), 0.0), slope)
        floor = np.where(low, 0.0, floor)
    misfit = floor**2 - 2 * floor * mean_y + 2 * slope * (floor * mean_shape - cross) + slope**2 * square
    best = np.argmin(misfit, axis=1)
    row = np.arange(len(weights))
    return np.asarray(floor[row, best][:, None] + slope[row, best][:, None] * model.shape(at, model.grid[best]))
