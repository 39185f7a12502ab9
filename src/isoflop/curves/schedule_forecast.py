"""ScheduleForecast: loss curves under schedules that were not run, with intervals; and the best of many schedules."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoflop.curves.curve import Curve, CurveError
from isoflop.curves.sampled import sampled
from isoflop.curves.schedule_laws import schedule_law
from isoflop.curves.schedule_sums import as_rates
from isoflop.files import write_json
from isoflop.presented import Presented
from isoflop.runs import Notice

if TYPE_CHECKING:
    from isoflop.curves.schedule_fit import ScheduleFit

Array = NDArray[np.float64]

SCHEMA_VERSION = 1
_KNOTS = 48
_DRAWS = 40
#: how far these laws miss unseen schedules, as a standard deviation of log loss: 1.25 times the mean relative error
#: that Luo et al. 2025 publish for six schedules at three sizes (.0011, .0014, .0017)
_MISFIT = 0.00175


@dataclass(frozen=True, eq=False, repr=False)
class ScheduleForecast(Presented):
    """Loss curves under schedules that were not run.

    Attributes
    ----------
    fit : what forecast. rates, loss : (K, T), every step.
    knots : (k,), the steps at which intervals are given. low, high : (K, k), for the loss of a new run.
    names : of the schedules. level : of the intervals. warnings : coded notices.
    """

    fit: ScheduleFit
    rates: Array
    loss: Array
    knots: NDArray[np.intp]
    low: Array
    high: Array
    names: tuple[str, ...]
    level: float = 0.95
    warnings: tuple[Notice, ...] = ()

    def __repr__(self) -> str:
        return f"<ScheduleForecast by {self.fit.law}: {len(self.loss)} schedules of {self.loss.shape[1]} steps>"

    @property
    def final(self) -> Array:
        """(K, 3): the loss at the last step, and the ends of its interval."""
        return np.column_stack([self.loss[:, -1], self.low[:, -1], self.high[:, -1]])

    @property
    def best(self) -> int:
        """Which schedule ends lowest."""
        return int(np.argmin(self.loss[:, -1]))

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping; the losses at the knots, the schedules and the fit, from which all follows."""
        return {
            "schema": "isoflop.schedule_forecast",
            "schema_version": SCHEMA_VERSION,
            "fit": self.fit.to_dict(),
            "names": list(self.names),
            "level": self.level,
            "final": self.final.tolist(),
            "knots": self.knots.tolist(),
            "loss": self.loss[:, self.knots].tolist(),
            "low": self.low.tolist(),
            "high": self.high.tolist(),
            "rates": self.rates.tolist(),
            "warnings": [each.to_dict() for each in self.warnings],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> ScheduleForecast:
        """The inverse of `to_dict`: the losses are computed again from the fit.

        Raises
        ------
        CurveError : no such forecast, or one written by a newer isoflop.
        """
        from isoflop.curves.schedule_fit import ScheduleFit

        if stored.get("schema") != "isoflop.schedule_forecast" or stored.get("schema_version") != SCHEMA_VERSION:
            raise CurveError("this is no forecast of schedules that this isoflop reads")
        fit = ScheduleFit.from_dict(stored["fit"])
        return forecast_schedules(fit, stored["rates"], names=stored["names"], level=stored["level"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write as JSON, whole or not at all."""
        write_json(path, self.to_dict())


def forecast_schedules(
    fit: ScheduleFit, rates: ArrayLike, *, names: Sequence[str] = (), level: float = 0.95
) -> ScheduleForecast:
    """Loss curves under these schedules; what `ScheduleFit.forecast` calls.

    The interval joins resampled residuals, other defensible ways to fit, what sets the laws apart, the residuals
    themselves, the error found by holding back the end of the fitted curves (for steps beyond them), and how far such
    laws were published to miss schedules that they had not seen.
    """
    from scipy.stats import norm

    array = as_rates(rates)
    loss = fit.loss(array)
    knots = _knots(array)
    spread = np.array([_spread(fit, each, knots) for each in array])
    half = float(norm.ppf(0.5 + level / 2)) * spread
    middle = loss[:, knots]
    called = tuple(names) or tuple(f"schedule {k + 1}" for k in range(len(array)))
    if len(called) != len(array):
        raise CurveError(f"{len(array)} schedules have {len(called)} names; give one for each")
    return ScheduleForecast(
        fit,
        array,
        loss,
        knots,
        middle * np.exp(-half),
        middle * np.exp(half),
        called,
        level,
        tuple(_doubts(fit, array)),
    )


def _knots(rates: Array) -> NDArray[np.intp]:
    """Steps after every warm-up, evenly spread, the last one included."""
    begin = min(int(np.max(np.argmax(rates, axis=1))) + 1, rates.shape[1] - 1)
    return np.unique(np.linspace(begin, rates.shape[1] - 1, _KNOTS).astype(np.intp))


def _spread(fit: ScheduleFit, rates: Array, knots: NDArray[np.intp]) -> Array:
    """The standard deviation of log loss of a new run at the knots, (k,)."""
    data = sampled([Curve(knots.astype(np.float64), np.ones(knots.size), rates)], after=-1)
    centres, variances = [], []
    for member in fit.members:
        law, names = schedule_law(member.law), list(member.values)
        rows = [list(member.values.values()), *([each[name] for name in names] for each in member.variants)]
        table = np.vstack([np.asarray(rows), member.draws[:_DRAWS]])
        logs = law.sampled_log_loss(data, dict(zip(names, table.T)))
        moved = logs - logs[0]
        count = 1 + len(member.variants)
        of_fitting = np.sum(moved[1:count] ** 2, axis=0)  # each way to fit is a doubt of its own
        of_draws = np.mean(moved[count:] ** 2, axis=0) if len(moved) > count else np.zeros(knots.size)
        centres.append(logs[0])
        variances.append(of_fitting + of_draws + member.residual**2)
    weights = np.asarray(fit.weights)
    longest = max(float(each.steps[-1]) for each in fit.curves)
    beyond = fit.drift * np.log(np.maximum(knots / longest, 1.0))
    return np.asarray(np.sqrt(weights @ np.asarray(variances) + _apart(np.asarray(centres)) + beyond**2 + _MISFIT**2))


def _apart(centres: Array) -> Array:
    """The variance between the laws, each counted alike: neither the weights nor how few they are may hide it."""
    return np.var(centres, axis=0, ddof=1) if len(centres) > 1 else np.zeros(centres.shape[1])


def _doubts(fit: ScheduleFit, rates: Array) -> list[Notice]:
    """Where schedules leave what was fitted: a higher peak, a longer run, lower rates."""
    seen = [np.asarray(each.rates)[: int(each.steps[-1]) + 1] for each in fit.curves]
    peak, longest = max(float(each.max()) for each in seen), max(each.size for each in seen)
    notices = []
    if rates.max() > 1.01 * peak or np.min(rates.max(axis=1)) < 0.5 * peak:
        message = f"peak learning rates from {rates.max(axis=1).min():.3g} to {rates.max():.3g}; fitted at {peak:.3g}"
        hint = "these laws take every higher peak for better; trust them only at peaks that were run"
        notices.append(Notice("other_peak", message, hint=hint))
    if rates.shape[1] > 1.5 * longest:
        message = f"{rates.shape[1]:,} steps are {rates.shape[1] / longest:.2g} times the longest run fitted"
        notices.append(Notice("longer_run", message, hint="the floor L_0 decides there; widen what you believe"))
    return notices


def best_schedule(
    fit: ScheduleFit, steps: int, *, warmup: int | None = None, last: float | None = None, count: int = 20
) -> ScheduleForecast:
    """Warm-up, stable, decay schedules of this length at the fitted peak: every decay share and shape, best first.

    The peak is never varied: these laws take every higher rate for better, which is their degenerate optimum.

    Parameters
    ----------
    steps : of the run. warmup : steps; default the fitted runs' own. last : the lowest rate, default the lowest fitted.
    count : how many decay shares to try, for each of the shapes linear, 1-sqrt, exponential, and one cosine.

    Raises
    ------
    CurveError : no room for a decay after the warm-up.
    """
    from isoflop.atlas.schedules import cosine, warmup_stable_decay

    seen = [np.asarray(each.rates)[: int(each.steps[-1]) + 1] for each in fit.curves]
    peak = max(float(each.max()) for each in seen)
    warm = int(np.argmax(seen[0])) if warmup is None else warmup
    low = min(float(each[int(np.argmax(each)) :].min()) for each in seen) if last is None else last
    if steps <= warm + 10 or not 0 <= low < peak:
        raise CurveError(f"{steps} steps with a warm-up of {warm} and rates from {peak:g} to {low:g} leave no decay")
    rates, names = [cosine(steps - 1, peak, low, warm)], ["cosine"]
    for shape in ("linear", "1-sqrt", "exponential") if low > 0 else ("linear", "1-sqrt"):
        for share in np.linspace(1 / count, 1.0, count):
            decay = int(share * (steps - 1 - warm))
            rates.append(warmup_stable_decay(steps - 1, peak, low, warm, decay, shape))
            names.append(f"{shape} decay over the last {share:.0%}")
    table = np.asarray(rates)
    order = np.argsort(fit.loss(table)[:, -1], kind="stable")
    return forecast_schedules(fit, table[order], names=[names[k] for k in order])
