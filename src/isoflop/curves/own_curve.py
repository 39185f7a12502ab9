"""The end of a curve from its own visible part: every curve model, late points weighing more, and a back-test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoflop.curves.curve import Curve, CurveError
from isoflop.curves.curve_models import MODELS, best_of_grid

Array = NDArray[np.float64]

LEAST_POINTS = 4
RESOLUTION = 1e-3  # of the highest loss: below it, as an error rate of 0, there is nothing to tell apart
_LATE = 2.0  # a point at half of the visible steps weighs a quarter of the last
_RULED_OUT = 10.0  # times the error of the best model in the back-test
_CUTS = (0.5, 0.65, 0.8)
_MOST_POINTS = 400  # longer curves are averaged in bins of log steps
#: multiplies the spread to a 95 % interval: the 95 % quantile of |error| / spread over 500 curves of LCDB 1.1 forecast
#: from their first half (refit; `python -m benchmarks.curves --calibrate` prints it)
WIDTH_95 = 3.0


@dataclass(frozen=True)
class ModelForecast:
    """One model's forecast of the last loss, and its \\|error\\| of log loss in the back-test (nan without one)."""

    model: str
    formula: str
    final: float
    back_test: float


@dataclass(frozen=True, eq=False)
class OwnForecast:
    """The median of the models: `log_final`, the standard spread of its error, and the path (m,) to the end."""

    log_final: float
    spread: float
    models: tuple[ModelForecast, ...]
    steps: Array
    path: Array


def own_forecast(curve: Curve, total: float) -> OwnForecast:
    """The loss at `total` from the visible part alone.

    The forecast is the median over the models of `curve_models.MODELS` that the back-test does not rule out, each
    fitted with late points weighing more. The spread joins the disagreement of all models, the back-test (fitted on the
    first 50, 65, 80 % of the points, forecasting the rest, carried to the distance asked for) and the noise of the last
    points.

    Raises
    ------
    CurveError : fewer than 4 points after step 0, or a loss that is not above 0.
    """
    x, y = _points(curve)
    scale = x[-1]
    steps = np.geomspace(max(x[-1], 1e-12), total, 24) if total > x[-1] else np.array([x[-1]])
    cuts = [cut for cut in (int(share * x.size) for share in _CUTS) if LEAST_POINTS <= cut < x.size]
    each, tests = _each_model(x / scale, y, cuts, steps / scale)
    errors = _back_test(x, y, cuts, tests)
    path = np.median(each[_kept(errors)], axis=0)
    finals = each[:, -1]
    reach = np.log(total / x[-1]) if total > x[-1] else 0.0
    known = [value for value in errors.values() if np.isfinite(value)]
    rate = float(np.median(known)) if known else float("nan")
    of_back_test = rate * max(reach, 0.05) if known else 0.0
    # half the middle 68 % of the models: one model that runs away does not decide
    of_models = 0.5 * float(np.subtract(*np.percentile(np.log(finals), [84, 16])))
    spread = float(np.sqrt(of_models**2 + of_back_test**2 + _noise(x, y) ** 2))
    models = tuple(
        ModelForecast(model.id, model.formula, float(final), errors.get(model.id, float("nan")))
        for model, final in zip(MODELS, finals)
    )
    return OwnForecast(float(np.log(path[-1])), spread, models, steps, path)


def _points(curve: Curve) -> tuple[Array, Array]:
    """Finite points after step 0, long curves averaged in bins of equal log steps."""
    seen = np.isfinite(curve.loss) & (curve.steps > 0)
    x, y = curve.steps[seen], curve.loss[seen]
    if x.size < LEAST_POINTS:
        raise CurveError(
            f"{x.size} losses after step 0 are too few to forecast from; {LEAST_POINTS} are needed, or finished "
            "sibling runs (--siblings FILE)"
        )
    if np.any(y < 0):
        raise CurveError(f"a loss of {y.min():g} is negative; curve models need losses of at least 0")
    y = np.maximum(y, RESOLUTION * max(float(y.max()), 1e-300))
    if x.size <= _MOST_POINTS:
        return x, y
    edges = np.unique(np.searchsorted(x, np.geomspace(x[0], x[-1] * (1 + 1e-12), _MOST_POINTS), side="left"))
    edges = np.unique(np.append(edges[edges < x.size], 0))
    count = np.diff(np.append(edges, x.size))
    return np.add.reduceat(x, edges) / count, np.add.reduceat(y, edges) / count


def _each_model(z: Array, y: Array, cuts: list[int], at: Array) -> tuple[Array, Array]:
    """(models, m) forecasts at `at` from all points, and (models, cuts, n) at every point from those below each cut."""
    weights = np.tile(z**_LATE, (1 + len(cuts), 1))
    for k, cut in enumerate(cuts):
        weights[1 + k, cut:] = 0.0
    both = np.concatenate([at, z])
    made = np.array([best_of_grid(model, z, y, weights, both) for model in MODELS])
    made = np.maximum(made, RESOLUTION * y.max())
    return made[:, 0, : at.size], made[:, 1:, at.size :]


def _back_test(x: Array, y: Array, cuts: list[int], tests: Array) -> dict[str, float]:
    """{model: median over the cuts of mean |error of log loss| over the far half ahead, per unit of log distance}."""
    found: list[Array] = []
    for k, cut in enumerate(cuts):
        ahead = slice(cut + (x.size - cut) // 2, x.size)
        errors = np.abs(np.log(tests[:, k, ahead] / y[ahead]))
        found.append(errors.mean(axis=1) / np.mean(np.log(x[ahead] / x[cut - 1])))
    if not found:
        return {}
    return dict(zip((model.id for model in MODELS), np.median(found, axis=0).tolist()))


def _kept(errors: dict[str, float]) -> list[int]:
    """The models that the back-test does not rule out: all but those ten times worse than the best."""
    if not errors:
        return list(range(len(MODELS)))
    most = _RULED_OUT * min(errors.values()) + 1e-4
    return [k for k, model in enumerate(MODELS) if errors[model.id] <= most]


def _noise(x: Array, y: Array) -> float:
    """The spread of log loss about a straight line through neighbours, over the last points."""
    if x.size < 5:
        return 0.01
    last = slice(max(0, x.size - 20), x.size)
    z, logs = np.log(x[last]), np.log(y[last])
    share = (z[1:-1] - z[:-2]) / (z[2:] - z[:-2])
    off = logs[1:-1] - (1 - share) * logs[:-2] - share * logs[2:]
    return float(1.4826 * np.median(np.abs(off)) / np.sqrt(1.5))
