"""rectified(): which model will be best after fine-tuning on all the data, told from a small part of it.

The rectified law of Lin et al. 2024 (arXiv:2402.02314), loss = E + B / (D_l + examples^beta), is fitted to every curve.
Far beyond the data its floor E is hardly identified and the law tends to bend too early; the authors' accept-then-stop
line (a straight line through the last points in log-log) never bends. They err on opposite sides, so the forecast is
their weighted geometric mean, with the weight that forecasts best inside the data at the same ratio; its interval comes
from the errors of those trials.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.atlas.registry import law_or_formula
from isoflop.downstream.fine_tuning_curves import FineTuningCurves, listed
from isoflop.downstream.many_curves import ManyFits, fit_many
from isoflop.files import write_json
from isoflop.fitting.result import FitError
from isoflop.presented import Presented
from isoflop.runs import Notice
from isoflop.scaling_law import Law

Array = NDArray[np.float64]

LAW = "rectified_fine_tuning"
ROUTES = ("weighted", "rectified", "accept_then_stop", "mean")
SCHEMA_VERSION = 1

_LEAST_POINTS = 5
_ACCEPT = 5.0  # k and delta of the authors' code: start from 3 points, accept a residual up to 5 standard deviations
_FIRST = 3
_DRAWS = 20_000
_FEW_TRIALS = 10


@dataclass(frozen=True, eq=False, repr=False)
class Rectified(Presented):
    """The rectified law of each model, and the forecast of its loss with more data.

    Attributes
    ----------
    curves : the whole table. limit : the most examples that were used. at : what was forecast.
    values : (M, 4) E, B, D_l, beta of each model.
    rmsd : (M,) root mean square of the residuals of log loss. agree : (M,) share of the starts at the optimum.
    route : which of `forecasts` counts. forecasts : {route: (M,) loss}. weight : of the law in ``weighted``.
    trial_errors : (T,) errors of log loss of the same forecasts made inside the data, at the same ratio.
    level : of the intervals. warnings : coded notices.
    """

    curves: FineTuningCurves
    limit: float
    at: float
    values: Array
    rmsd: Array
    agree: Array
    route: str
    forecasts: Mapping[str, Array]
    weight: float
    trial_errors: Array
    level: float = 0.95
    warnings: tuple[Notice, ...] = ()

    def __repr__(self) -> str:
        return (
            f"<Rectified: {len(self.curves)} models up to {self.limit:g} examples, best at {self.at:g}: {self.chosen}; "
            f"log-RMSD {self.mean_rmsd:.4f}>"
        )

    @property
    def forecast(self) -> Array:
        """(M,) forecast loss at `at` examples."""
        return self.forecasts[self.route]

    @property
    def mean_rmsd(self) -> float:
        """Mean over the models of the RMSD of log loss."""
        return float(self.rmsd.mean())

    @property
    def half_width(self) -> float:
        """Of the interval of log loss, from the trials inside the data; nan where they are too few."""
        count = len(self.trial_errors)
        if count < _FEW_TRIALS:
            return float("nan")
        place = min(1.0, np.ceil(self.level * (count + 1)) / count)  # the conformal quantile
        return float(np.quantile(np.abs(self.trial_errors), place, method="higher"))

    @property
    def low(self) -> Array:
        """(M,) lower ends of the interval."""
        return np.asarray(self.forecast * np.exp(-self.half_width))

    @property
    def high(self) -> Array:
        """(M,) upper ends of the interval."""
        return np.asarray(self.forecast * np.exp(self.half_width))

    @property
    def order(self) -> NDArray[np.intp]:
        """(M,) the models from best forecast to worst."""
        return np.argsort(self.forecast, kind="stable")

    @property
    def chosen(self) -> str:
        """The model with the lowest forecast."""
        return str(self.curves.models[self.order[0]])

    @cached_property
    def probability_best(self) -> Array:
        """(M,) probability that each model is the best at `at`, if errors are independent and as in the trials."""
        if len(self.trial_errors) < _FEW_TRIALS:
            return np.full(len(self.curves), np.nan)
        centred = self.trial_errors - np.median(self.trial_errors)
        drawn = np.random.default_rng(0).choice(centred, (_DRAWS, len(self.curves)))
        best = (np.log(self.forecast) - drawn).argmin(axis=1)
        return np.bincount(best, minlength=len(self.curves)) / _DRAWS

    @property
    def shortlist(self) -> tuple[str, ...]:
        """The fewest models that hold the best one with probability `level`; all where that is not known."""
        share = self.probability_best
        order = np.argsort(-share, kind="stable")
        if not np.isfinite(share).all():
            return tuple(map(str, self.curves.models[self.order]))
        needed = int(np.searchsorted(np.cumsum(share[order]), self.level)) + 1
        return tuple(map(str, self.curves.models[order[:needed]]))

    @property
    def observed(self) -> Array:
        """(M,) loss measured at `at`, used for nothing but the comparison; nan where there is none."""
        return self.curves.at(self.at) if self.at > self.limit else np.full(len(self.curves), np.nan)

    def score(self, forecast: Array | None = None) -> dict[str, float]:
        """How a forecast compares with what was measured at `at`: rank and linear correlation, relative accuracy
        (1 best chosen, 0 worst), rank of the chosen model, RMSD of log loss. Empty where nothing was measured."""
        predicted = self.forecast if forecast is None else forecast
        known = np.isfinite(self.observed) & np.isfinite(predicted)
        if known.sum() < 3:
            return {}
        from scipy.stats import spearmanr

        seen, told = self.observed[known], predicted[known]
        chosen = seen[told.argmin()]
        off = np.log(told / seen) if told.min() > 0 else np.full_like(seen, np.nan)
        return {
            "rank_correlation": float(spearmanr(told, seen).statistic),
            "pearson": float(np.corrcoef(told, seen)[0, 1]),
            "relative_accuracy": float((seen.max() - chosen) / (seen.max() - seen.min())),
            "rank_of_chosen": float(1 + np.sum(seen < chosen)),
            "log_rmsd": float(np.sqrt(np.mean(off**2))),
        }

    def predict(self, examples: Any) -> Array:
        """(M, ...) the fitted law at numbers of examples."""
        return evaluate(self.values, np.asarray(examples, dtype=np.float64))

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping."""
        return {
            "schema": "isoflop.rectified",
            "schema_version": SCHEMA_VERSION,
            "curves": self.curves.to_dict(),
            "limit": self.limit,
            "at": self.at,
            "parameters": list(rectified_law().parameter_names),
            "values": self.values.tolist(),
            "rmsd": self.rmsd.tolist(),
            "agree": self.agree.tolist(),
            "route": self.route,
            "forecasts": {name: listed(each) for name, each in self.forecasts.items()},
            "weight": self.weight,
            "trial_errors": self.trial_errors.tolist(),
            "level": self.level,
            "chosen": self.chosen,
            "shortlist": list(self.shortlist),
            "score": self.score(),
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Rectified:
        """The inverse of `to_dict`."""
        numbers = {k: np.array(stored[k], dtype=np.float64) for k in ("values", "rmsd", "agree", "trial_errors")}
        return cls(
            curves=FineTuningCurves.from_dict(stored["curves"]),
            forecasts={name: np.array(each, dtype=np.float64) for name, each in stored["forecasts"].items()},
            warnings=tuple(Notice.from_dict(each) for each in stored["warnings"]),
            limit=stored["limit"],
            at=stored["at"],
            route=stored["route"],
            weight=stored["weight"],
            level=stored["level"],
            **numbers,
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write as JSON."""
        write_json(path, self.to_dict())


def rectified_law() -> Law:
    """The law of Lin et al. 2024 from the atlas."""
    return law_or_formula(LAW)


def rectified(
    curves: FineTuningCurves,
    *,
    limit: float | None = None,
    at: float | None = None,
    route: str = "weighted",
    level: float = 0.95,
    progress: Callable[[int], None] | None = None,
) -> Rectified:
    """Fit the rectified law to each model and forecast its loss with more data.

    Parameters
    ----------
    limit : use no more examples than this; default: all of the table.
    at : forecast here; default: the largest number of the table. Losses measured there are compared, never fitted.
    route : ``rectified`` (the law), ``accept_then_stop`` (the authors' line), ``mean`` of the two in log loss, or
        ``weighted``, with the weight that is best inside the data; 1/2 where fewer than 10 forecasts can be tried.
    progress : called with 1 after each of the fits inside the data.

    Raises
    ------
    FitError : fewer than 5 numbers of examples up to `limit`, or an unknown route.

    >>> x = 100 * 2.0 ** np.arange(12)
    >>> losses = [[1 + b / (20 + n**0.5) for n in x] for b in (60, 80)]
    >>> rectified(FineTuningCurves.of(["a", "b"], x, losses), limit=x[-4]).chosen
    'a'
    """
    if route not in ROUTES:
        raise FitError(f"unknown route {route!r}; accepted: {', '.join(ROUTES)}")
    limit = float(curves.examples[-1]) if limit is None else float(limit)
    at = float(curves.examples[-1]) if at is None else float(at)
    examples, loss = curves.up_to(limit)
    if len(examples) < _LEAST_POINTS or np.isfinite(loss).sum(axis=1).min() < _LEAST_POINTS:
        fewest = int(np.isfinite(loss).sum(axis=1).min()) if loss.size else 0
        raise FitError(
            f"a model has {fewest or 'no'} loss{'es' * (fewest != 1)} up to {limit:g} examples; the rectified law "
            f"needs {_LEAST_POINTS} of each"
        )
    limit = float(examples[-1])
    fitted = fit_rectified(examples, loss)
    count = np.isfinite(loss).sum(axis=1)
    tried = _trials(examples, loss, at / limit, progress)
    weight = _weight(tried)
    forecasts = _forecasts(examples, loss, at, fitted, weight)
    share = {"rectified": 1.0, "accept_then_stop": 0.0, "mean": 0.5, "weighted": weight}[route]
    made = Rectified(
        curves, limit, at, fitted.values, np.sqrt(2 * fitted.objective / count), fitted.agree, route,
        forecasts, weight, share * tried[0] + (1 - share) * tried[1], level,
    )  # fmt: skip
    return Rectified(**{**made.__dict__, "warnings": (*curves.notices, *_notices(made))})


def fit_rectified(examples: Array, loss: Array) -> ManyFits:
    """The rectified law of each row of `loss` (M, R), least squares on log loss, from 75 starts each."""
    lowest = np.nanmin(loss, axis=1)
    starts = []
    for beta in (0.15, 0.3, 0.5, 0.8, 1.2):
        for half in np.geomspace(examples[0] / 3, examples[-1] * 3, 5):
            for share in (1e-3, 0.5, 0.9):
                floor = share * lowest
                basis = 1 / (half**beta + examples**beta)
                excess = np.maximum(loss - floor[:, None], 1e-3 * lowest[:, None])
                weight = np.exp(np.nanmean(np.log(excess / basis), axis=1))
                starts.append(np.stack([floor, weight, np.full_like(floor, half**beta), np.full_like(floor, beta)], 1))
    return fit_many(rectified_law(), {"examples": examples}, loss, np.stack(starts, axis=1))


def evaluate(values: Array, examples: Array) -> Array:
    """(M, ...) the rectified law with parameters `values` (M, 4)."""
    floor, weight, learned, beta = (values[:, k].reshape(-1, *(1,) * examples.ndim) for k in range(4))
    return np.asarray(floor + weight / (learned + examples**beta))


def accept_then_stop(examples: Array, loss: Array, at: float) -> Array:
    """(M,) forecasts by the authors' selection: a line in log-log through the last points, taking in earlier ones
    while they lie within 5 standard deviations of the line through those taken (Lin et al. 2024, algorithm 1)."""
    forecasts = np.empty(len(loss))
    for row, curve in enumerate(loss):
        known = np.isfinite(curve)
        x, y = np.log(examples[known]), np.log(curve[known])
        taken = _FIRST
        while taken < len(x):
            slope, level = np.polyfit(x[-taken:], y[-taken:], 1)
            spread = max(float(np.std(y[-taken:] - level - slope * x[-taken:])), 1e-12)
            if abs(y[-taken - 1] - level - slope * x[-taken - 1]) > _ACCEPT * spread:
                break
            taken += 1
        slope, level = np.polyfit(x[-taken:], y[-taken:], 1)
        forecasts[row] = np.exp(level + slope * np.log(at))
    return forecasts


def _forecasts(examples: Array, loss: Array, at: float, fitted: ManyFits, weight: float = 0.5) -> dict[str, Array]:
    bent, straight = evaluate(fitted.values, np.array([at]))[:, 0], accept_then_stop(examples, loss, at)
    weighted = bent**weight * straight ** (1 - weight)
    return {"rectified": bent, "accept_then_stop": straight, "mean": np.sqrt(bent * straight), "weighted": weighted}


def _weight(tried: Array) -> float:
    """The weight of the law with the least mean square error of the trials (2, T)."""
    if tried.shape[1] < _FEW_TRIALS:
        return 0.5
    grid = np.linspace(0, 1, 21)
    errors = grid[:, None] * tried[0] + (1 - grid[:, None]) * tried[1]
    return float(grid[(errors**2).mean(axis=1).argmin()])


def _trials(examples: Array, loss: Array, ratio: float, progress: Callable[[int], None] | None) -> Array:
    """(2, T) errors of log loss of the law and of the line, made from the first part of the data, as far ahead as the
    forecast asked for.

    Where the data do not reach that far, errors of shorter forecasts are stretched by the ratio of the distances in
    log examples.
    """
    errors = [np.empty((2, 0))]
    for cut in range(_LEAST_POINTS, len(examples)):
        ahead = np.flatnonzero(examples >= examples[cut - 1] * min(ratio, examples[-1] / examples[_LEAST_POINTS - 1]))
        known = np.isfinite(loss[:, :cut]).sum(axis=1) >= _LEAST_POINTS
        if ratio <= 1 or not ahead.size or not known.any():
            continue
        part, target = loss[known, :cut], int(ahead[0])
        made = _forecasts(examples[:cut], part, float(examples[target]), fit_rectified(examples[:cut], part))
        error = np.log(np.stack([made["rectified"], made["accept_then_stop"]]) / loss[known, target])
        shorter = max(1.0, np.log(ratio) / np.log(examples[target] / examples[cut - 1]))
        errors.append(shorter * error[:, np.isfinite(error).all(axis=0)])
        if progress is not None:
            progress(1)
    return np.concatenate(errors, axis=1)


def _notices(made: Rectified) -> list[Notice]:
    notices = []
    used = made.curves.up_to(made.limit)[1]
    risen = np.nanmin(used, axis=1) >= used[:, 0] * (1 - 1e-9)
    if risen.any():
        message = f"the loss of {int(risen.sum())} models never falls below that at the fewest examples"
        notices.append(Notice("loss_does_not_fall", message, hint="no law of falling loss describes them"))
    gone = made.values[:, 0] < 1e-3 * np.nanmin(made.curves.loss, axis=1)
    if gone.any():
        message = f"the floor E of {int(gone.sum())} of {len(gone)} models is 0: their curves have not bent yet"
        notices.append(
            Notice("floor_not_identified", message, hint="the law alone forecasts these too low or too high")
        )
    furthest = made.curves.examples[made.curves.examples <= made.limit]
    if made.at > made.limit and not np.isfinite(made.half_width):
        tried = len(made.trial_errors)
        message = f"{tried or 'no'} forecasts of this reach can be tried inside the data, too few for an interval"
        notices.append(Notice("no_interval", message, hint="add smaller numbers of examples or models"))
    elif made.at / made.limit > furthest[-1] / furthest[_LEAST_POINTS - 1]:
        message = f"{made.at / made.limit:.3g} times beyond the data, further than forecasts inside it could be tried"
        notices.append(
            Notice("far_beyond_trials", message, hint="the interval is that of shorter forecasts, stretched")
        )
    return notices
