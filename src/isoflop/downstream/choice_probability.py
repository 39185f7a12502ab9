"""choice_forecast(): multiple-choice accuracy through the probabilities of each answer, right and wrong.

Schaeffer et al. 2024 (arXiv:2406.04391): log probability of the right answer -> its probability -> its share among the
choices offered -> accuracy. Each step brings in the wrong answers, whose mass moves with scale in its own way for
every item; accuracy is lost to whoever forecasts the right answer only. Here each choice of each item has its own line
in log compute, and the steps are taken after forecasting, item by item.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.downstream.task import ScoresError
from isoflop.files import write_json
from isoflop.fitting.intervals import quantile_interval
from isoflop.fitting.power_law import read_estimate
from isoflop.fitting.result import Estimate
from isoflop.presented import Presented
from isoflop.runs import Notice

Array = NDArray[np.float64]

SCHEMA_VERSION = 1
STEPS = ("log_p_correct", "p_correct", "p_choices", "accuracy")
_LEAST_MODELS = 3


@dataclass(frozen=True, eq=False)
class ChoiceChain:
    """The chain of metrics of M models, each the mean over items: {step: (M,)} in the order of `STEPS`."""

    log_p_correct: Array
    p_correct: Array
    p_choices: Array
    accuracy: Array


def choice_chain(log_p: Any, right: Any) -> ChoiceChain:
    """The four metrics from (..., I, K) log probabilities of K choices of I items; `right` (I,) is the right choice.

    Items with fewer choices have nan for those they lack.

    Raises
    ------
    ScoresError : a probability above 1, a right choice that is not there.

    >>> chain = choice_chain(np.log([[[0.02, 0.06], [0.5, 0.1]]]), [0, 0])
    >>> chain.p_choices.round(4), chain.accuracy
    (array([0.5417]), array([0.5]))
    """
    table, place = _checked(log_p, right)
    correct = np.take_along_axis(table, np.broadcast_to(place[:, None], (*table.shape[:-1], 1)), axis=-1)[..., 0]
    top = np.nanmax(table, axis=-1)
    share = np.exp(correct - top) / np.nansum(np.exp(table - top[..., None]), axis=-1)
    best = np.argmax(np.where(np.isfinite(table), table, -np.inf), axis=-1) == place
    return ChoiceChain(correct.mean(-1), np.exp(correct).mean(-1), share.mean(-1), best.astype(np.float64).mean(-1))


def _checked(log_p: Any, right: Any) -> tuple[Array, NDArray[np.intp]]:
    table, place = np.asarray(log_p, dtype=np.float64), np.asarray(right, dtype=np.intp)
    if table.ndim < 2 or table.shape[-2] != len(place):
        raise ScoresError(f"log probabilities have shape {table.shape}; (models, {len(place)} items, choices) needed")
    if np.any(table > 1e-9):
        raise ScoresError(f"a log probability is {np.nanmax(table):.3g}; give natural logarithms, at most 0")
    if place.min(initial=0) < 0 or place.max(initial=0) >= table.shape[-1]:
        raise ScoresError(f"a right choice is number {place.max()}; there are {table.shape[-1]}, counted from 0")
    if not np.isfinite(table[..., np.arange(len(place)), place]).all():
        raise ScoresError("the right answer of an item has no log probability")
    return table, place


@dataclass(frozen=True, eq=False, repr=False)
class ChoiceForecast(Presented):
    """Multiple-choice metrics forecast through item-wise log probabilities.

    Attributes
    ----------
    compute : (M,) of the fitted models. at : of the forecast. observed : the chain of the fitted models.
    log_p_correct, p_choices, accuracy : forecasts with intervals. naive_accuracy : accuracy if the wrong answers kept
        the probabilities that the largest model gives them: what forecasting only the right answer means.
    wrong_slope : mean and spread over items of the slope of the wrong answers' log mass, per e-fold of compute.
    level : of intervals. items : their number. warnings : coded notices.
    """

    compute: Array
    at: float
    observed: ChoiceChain
    log_p_correct: Estimate
    p_choices: Estimate
    accuracy: Estimate
    naive_accuracy: float
    wrong_slope: tuple[float, float]
    items: int
    level: float = 0.95
    warnings: tuple[Notice, ...] = ()

    def __repr__(self) -> str:
        told = self.accuracy
        return f"<ChoiceForecast at {self.at:.3g} FLOPs: accuracy {told.value:.3f} ({told.low:.3f} to {told.high:.3f})>"

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping."""
        return {
            "schema": "isoflop.choice_forecast",
            "schema_version": SCHEMA_VERSION,
            "C": self.compute.tolist(),
            "at": self.at,
            "items": self.items,
            "observed": {step: getattr(self.observed, step).tolist() for step in STEPS},
            "log_p_correct": self.log_p_correct.to_dict(),
            "p_choices": self.p_choices.to_dict(),
            "accuracy": self.accuracy.to_dict(),
            "naive_accuracy": self.naive_accuracy,
            "wrong_slope": {"mean": self.wrong_slope[0], "spread": self.wrong_slope[1]},
            "level": self.level,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> ChoiceForecast:
        """The inverse of `to_dict`."""
        return cls(
            compute=np.array(stored["C"], dtype=np.float64),
            observed=ChoiceChain(*(np.array(stored["observed"][step], dtype=np.float64) for step in STEPS)),
            log_p_correct=read_estimate(stored["log_p_correct"]),
            p_choices=read_estimate(stored["p_choices"]),
            accuracy=read_estimate(stored["accuracy"]),
            wrong_slope=(stored["wrong_slope"]["mean"], stored["wrong_slope"]["spread"]),
            warnings=tuple(Notice.from_dict(each) for each in stored["warnings"]),
            **{name: stored[name] for name in ("at", "naive_accuracy", "items", "level")},
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write as JSON."""
        write_json(path, self.to_dict())


def choice_forecast(
    compute: Any, log_p: Any, right: Any, at: float, *, draws: int = 200, level: float = 0.95, seed: int = 0
) -> ChoiceForecast:
    """Forecast the chain of metrics at compute `at` FLOPs.

    Parameters
    ----------
    compute : (M,) training compute of the models. log_p : (M, I, K) log probabilities of the choices of each item under
        each model, over the whole vocabulary. right : (I,) the right choice.
    draws : of the lines' errors and of the items.

    Raises
    ------
    ScoresError : fewer than 3 different computes, a compute `at` that is not positive, missing or impossible
        probabilities.
    """
    table, place = _checked(log_p, right)
    c = np.asarray(compute, dtype=np.float64)
    if table.ndim != 3 or len(c) != len(table):
        raise ScoresError(f"log probabilities have shape {table.shape}; ({len(c)} models, items, choices) is needed")
    if len(np.unique(c)) < _LEAST_MODELS or not (np.isfinite(c).all() and (c > 0).all()):
        raise ScoresError(f"{len(np.unique(c))} different positive computes; item-wise lines need at least 3")
    if not (np.isfinite(at) and at > 0):
        raise ScoresError(f"the compute to forecast must be positive, found {at:g}")
    x = np.log(c)
    level_at, slope, covariance = _lines(x, table)
    distance = np.log(at) - x.mean()
    told = np.minimum(level_at + slope * distance, 0.0)
    generator = np.random.default_rng(seed)
    drawn = _drawn(told, covariance, 1 / len(x) + distance**2 / ((x - x.mean()) ** 2).sum(), draws, generator)
    chains = _resampled(drawn, place, generator)
    rows = np.arange(len(place))
    held = np.broadcast_to(table[int(c.argmax())], drawn.shape).copy()
    held[:, rows, place] = drawn[:, rows, place]
    naive = float(choice_chain(held, place).accuracy.mean())
    wrong = _wrong_slopes(x, table, place)
    made = ChoiceForecast(
        compute=c,
        at=float(at),
        observed=choice_chain(table, place),
        log_p_correct=_estimate(chains.log_p_correct, level),
        p_choices=_estimate(chains.p_choices, level),
        accuracy=_estimate(chains.accuracy, level),
        naive_accuracy=naive,
        wrong_slope=(float(wrong.mean()), float(wrong.std())),
        items=len(place),
        level=level,
    )
    return ChoiceForecast(**{**made.__dict__, "warnings": tuple(_notices(made))})


def _lines(x: Array, table: Array) -> tuple[Array, Array, Array]:
    """(I, K) levels and slopes of each choice of each item in log compute, and the (K, K) covariance of residuals,
    which all items share: with three or more models each line has few degrees of freedom of its own."""
    off = x - x.mean()
    level = table.mean(axis=0)
    slope = np.tensordot(off, table, axes=1) / (off**2).sum()
    residual = table - level - off[:, None, None] * slope
    flat = residual.reshape(-1, table.shape[-1])
    known = np.isfinite(flat).all(axis=1)
    freedom = max(known.sum() * (len(x) - 2) / len(x), 1.0)
    if known.any():
        covariance = flat[known].T @ flat[known] / freedom
    else:  # every item lacks some choice: no covariances, only the common variance
        covariance = np.eye(table.shape[-1]) * np.nanmean(flat**2) * len(x) / max(len(x) - 2, 1)
    return level, slope, covariance


def _drawn(told: Array, covariance: Array, leverage: float, draws: int, generator: np.random.Generator) -> Array:
    """(B, I, K) log probabilities of a new model: the lines' error and the model's own scatter."""
    factor = np.linalg.cholesky(covariance + 1e-12 * np.eye(len(covariance)))
    noise = generator.standard_normal((draws, *told.shape)) @ factor.T
    return np.asarray(np.minimum(told + np.sqrt(1 + leverage) * noise, 0.0))


def _resampled(drawn: Array, place: NDArray[np.intp], generator: np.random.Generator) -> ChoiceChain:
    """(B,) each metric over items drawn with replacement."""
    parts = []
    for each in drawn:
        chosen = generator.integers(0, len(place), len(place))
        parts.append(choice_chain(each[None, chosen], place[chosen]))
    return ChoiceChain(*(np.concatenate([getattr(part, step) for part in parts]) for step in STEPS))


def _estimate(drawn: Array, level: float) -> Estimate:
    """Accuracy at the mean is not the mean accuracy: the value is the mean over draws, not that of the lines."""
    low, high = quantile_interval(drawn, level)
    return Estimate(float(drawn.mean()), float(drawn.std(ddof=1)), float(low), float(high))


def _wrong_slopes(x: Array, table: Array, place: NDArray[np.intp]) -> Array:
    wrong = table.copy()
    wrong[:, np.arange(len(place)), place] = np.nan
    with np.errstate(divide="ignore"):
        mass = np.log(np.nansum(np.exp(wrong), axis=-1))
    off = x - x.mean()
    return np.asarray(off @ mass / (off**2).sum())


def _notices(made: ChoiceForecast) -> list[Notice]:
    notices = []
    gap = made.naive_accuracy - made.accuracy.value
    if abs(gap) > 0.02:
        message = (
            "with the wrong answers held where the largest model has them accuracy would be "
            f"{made.naive_accuracy:.3f}, with their own trends it is {made.accuracy.value:.3f}"
        )
        notices.append(Notice("wrong_answers_move", message))
    span = made.compute.max() / made.compute.min()
    if made.at > made.compute.max() * span:
        message = f"{made.at / made.compute.max():.3g} times beyond models that span a factor of {span:.3g}"
        notices.append(Notice("far", message))
    if made.items < 100:
        notices.append(Notice("few_items", f"{made.items} items", hint="the interval is wide for that alone"))
    return notices
