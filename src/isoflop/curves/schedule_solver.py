"""The optimum of a law of schedules: seeds by projection, a robust polish of the best, and how many starts agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.curves.sampled import Sampled
from isoflop.curves.schedule_laws import ScheduleLaw

Array = NDArray[np.float64]

_STEP = 1e-4  # of the finite differences in the coordinates of the shape
_AGREE = 1e-3  # objectives this close, relatively, are one optimum
_BATCH = 16  # seeds that are summed at once


@dataclass(frozen=True, eq=False)
class Optimum:
    """The best point found: its values, objective, residuals of log loss (n,), their Jacobian (n, P) in the values."""

    values: Mapping[str, float]
    objective: float
    residuals: Array
    jacobian: Array
    starts: int
    agree: int
    at_bound: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Problem:
    """Coordinates are L_0, log A, log gain (scaled to the data), then the shape, log where its bounds are positive."""

    law: ScheduleLaw
    data: Sampled
    fixed: Mapping[str, float]
    weights: Array

    @property
    def free(self) -> list[str]:
        return [name for name in self.law.shape if name not in self.fixed]

    def bounds(self) -> tuple[Array, Array]:
        ends = [self.law.shape[name][:2] for name in self.free]
        low, high = ([self._coordinate(name, end[k]) for name, end in zip(self.free, ends)] for k in (0, 1))
        return np.asarray(low), np.asarray(high)

    def _coordinate(self, name: str, value: float) -> float:
        return float(np.log(value)) if self._is_log(name) else value

    def _is_log(self, name: str) -> bool:
        return self.law.shape[name][0] > 0 and name != "momentum"

    def shapes(self, coordinates: Array) -> dict[str, Array]:
        """(S, free) -> {name: (S,)}."""
        made = {
            name: np.exp(coordinates[:, k]) if self._is_log(name) else coordinates[:, k]
            for k, name in enumerate(self.free)
        }
        return {name: made.get(name, np.full(len(coordinates), self.fixed.get(name, 0.0))) for name in self.law.shape}

    def basis(self, coordinates: Array) -> Array:
        """(S, free) -> (S, n, 3): the columns of L_0, A and the gain."""
        shape = self.shapes(coordinates)
        learnt = self.data.summed[None, :] ** -shape["alpha"][:, None]
        falls = self.law.sampled_falls(self.data, shape)
        return np.stack([np.ones_like(learnt), learnt, -falls], axis=2)

    def seeds(self) -> Array:
        choices = [[self._coordinate(name, each) for each in self.law.shape[name][2]] for name in self.free]
        return np.asarray(list(product(*choices)), dtype=np.float64)


def optimum(
    law: ScheduleLaw, data: Sampled, *, fixed: Mapping[str, float], delta: float, starts: int, weights: Array,
    progress: Callable[[int], None] | None = None,
) -> Optimum:  # fmt: skip
    """Minimise the Huber objective on log loss; `fixed` holds parameters of the shape."""
    problem = _Problem(law, data, fixed, weights)
    seeds = problem.seeds()
    ranked: list[tuple[float, Array, Array]] = []
    for begin in range(0, len(seeds), _BATCH):
        part = seeds[begin : begin + _BATCH]
        for coordinates, basis in zip(part, problem.basis(part)):
            linear = _non_negative(basis, data.loss, weights)
            misfit = float(np.sum(weights * (basis @ linear / data.loss - 1.0) ** 2))
            ranked.append((misfit, coordinates, linear))
        if progress is not None:
            progress(1)
    ranked.sort(key=lambda each: each[0])
    found = []
    for _, coordinates, linear in ranked[:starts]:
        found.append(_polish(problem, coordinates, linear, delta))
        if progress is not None:
            progress(1)
    best = min(found, key=lambda each: each[0])
    agree = sum(each[0] <= best[0] * (1 + _AGREE) for each in found)
    return _described(problem, best, len(found), agree)


def _non_negative(basis: Array, loss: Array, weights: Array) -> Array:
    """The weighted least-squares L_0, A, gain >= 0 on relative errors."""
    from scipy.optimize import nnls

    root = np.sqrt(weights)
    scaled = basis / loss[:, None] * root[:, None]
    size = np.maximum(np.linalg.norm(scaled, axis=0), 1e-300)
    return np.asarray(nnls(scaled / size, root)[0] / size)


def _polish(problem: _Problem, coordinates: Array, linear: Array, delta: float) -> tuple[float, Array, Array]:
    """(objective, linear, shape coordinates) from one seed; the linear weights travel as multiples of the seed's."""
    from scipy.optimize import least_squares

    low, high = problem.bounds()
    linear = np.maximum(linear, [1e-3, 1e-9, 1e-9])
    root = np.sqrt(problem.weights)

    def evaluate(point: Array) -> tuple[Array, Array]:
        shape = point[3:]
        signs = np.where(shape + _STEP > high, -1.0, 1.0)
        moved = np.vstack([shape, shape + np.diag(signs * _STEP)]) if shape.size else shape[None]
        basis = problem.basis(moved)
        weights = linear * point[:3]
        value = np.maximum(basis @ weights, 1e-6)
        by_linear = basis[0] * linear / value[0][:, None]
        by_shape = (
            ((value[1:] - value[0]) / (signs * _STEP)[:, None] / value[0]).T
            if shape.size
            else np.empty((value.shape[1], 0))
        )
        residual = np.log(value[0]) - np.log(problem.data.loss)
        return root * residual, root[:, None] * np.hstack([by_linear, by_shape])

    cache: dict[bytes, tuple[Array, Array]] = {}

    def at(point: Array) -> tuple[Array, Array]:
        key = point.tobytes()
        if key not in cache:
            if len(cache) > 4:
                cache.clear()
            cache[key] = evaluate(point)
        return cache[key]

    begin = np.concatenate([np.ones(3), np.clip(coordinates, low + 1e-9, high - 1e-9)])
    limits = (np.concatenate([np.zeros(3), low]), np.concatenate([np.full(3, np.inf), high]))
    residual_of: Callable[[Array], Array] = lambda point: at(point)[0]  # noqa: E731
    jacobian_of: Callable[[Array], Array] = lambda point: at(point)[1]  # noqa: E731
    solved: Any = least_squares(
        residual_of, begin, jac=jacobian_of, bounds=limits, loss="huber", f_scale=delta,
        x_scale="jac", ftol=1e-10, xtol=1e-9, gtol=1e-12, max_nfev=150,
    )  # fmt: skip
    return float(solved.cost), linear * solved.x[:3], solved.x[3:]


def _described(problem: _Problem, best: tuple[float, Array, Array], starts: int, agree: int) -> Optimum:
    cost, linear, coordinates = best
    shape = {name: float(each[0]) for name, each in problem.shapes(coordinates[None]).items()}
    names = problem.law.names
    values = dict(zip(names, [*linear.tolist(), *(shape[name] for name in problem.law.shape)]))
    low, high = problem.bounds()
    moved = np.vstack(
        [coordinates, coordinates + _STEP * np.eye(coordinates.size), coordinates - _STEP * np.eye(coordinates.size)]
    )
    basis = problem.basis(np.clip(moved, low, high) if coordinates.size else moved)
    value = basis @ linear
    jacobian = np.zeros((value.shape[1], len(names)))
    jacobian[:, :3] = basis[0] / value[0][:, None]
    free = problem.free
    for k, name in enumerate(free):
        up, down = (np.clip(moved[1 + k + j * len(free)], low, high)[k] for j in (0, 1))
        slope = (value[1 + k] - value[1 + k + len(free)]) / (up - down) / value[0]
        inner = 1.0 / values[name] if problem._is_log(name) else 1.0
        jacobian[:, names.index(name)] = slope * inner
    near = 1e-3 * (high - low)
    stuck = [name for k, name in enumerate(free) if not low[k] + near[k] < coordinates[k] < high[k] - near[k]]
    stuck += [name for name, each in zip(names, linear) if each <= 1e-8]
    residuals = np.log(problem.data.loss) - np.log(value[0])
    return Optimum(values, cost, residuals, jacobian, starts, agree, tuple(stuck))
