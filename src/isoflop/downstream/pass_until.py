"""pass_until(): rare successes seen by sampling until r passes, and the law of their rate in model size.

Hu et al. 2023 (arXiv:2310.03262): a task that a small model solves once in ten thousand tries scores 0 on any
benchmark, but its pass rate is measurable, and log(-log rate) is linear in log N. Sampling until r passes gives every
model the same relative error. Their r/K is biased upward, about twofold at r = 2; (r - 1)/(K - 1) is unbiased for
r >= 2.
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
from isoflop.fitting.power_law import estimate, line, read_estimate, scatter_between
from isoflop.fitting.result import Estimate
from isoflop.presented import Presented
from isoflop.runs import Notice

Array = NDArray[np.float64]

SCHEMA_VERSION = 1
_BENDS = 2.0  # standard errors from which the curvature of log(-log rate) is said


@dataclass(frozen=True, eq=False)
class PassRates:
    """Pass rates of K models: estimate, ends of an exact interval, and whether sampling was cut off before r passes."""

    value: Array
    low: Array
    high: Array
    capped: NDArray[np.bool_]


def pass_rates(passes: Any, samples: Any, capped: Any = False, *, level: float = 0.95) -> PassRates:
    """Pass rates from sampling until the r-th pass.

    Parameters
    ----------
    passes : (K,) passes seen: r, or fewer where `capped`.
    samples : (K,) samples drawn, the last one included.
    capped : (K,) sampling ended at a limit on samples, not at a pass. The estimate is then passes / samples with a
        binomial interval.
    level : of the interval: exact (negative binomial), from the beta distribution.

    Raises
    ------
    ScoresError : numbers that are not whole, more passes than samples, or a single pass that ended the sampling: there
        is no unbiased estimate from it.

    >>> found = pass_rates([2, 10], [10_000, 400])
    >>> found.value.round(6)
    array([0.0001  , 0.022556])
    """
    r, n = np.broadcast_arrays(np.asarray(passes, dtype=np.float64), np.asarray(samples, dtype=np.float64))
    cut = np.broadcast_to(np.asarray(capped, dtype=np.bool_), r.shape)
    _check(r, n, cut)
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    value = np.where(cut, r / n, (r - 1) / np.maximum(n - 1, 1))
    low = np.where(r > 0, betaincinv(np.maximum(r, 1), n - r + 1, tail), 0.0)
    failures = n - r
    high_passes = np.where(cut, r + 1, r)
    high = np.where(failures > 0, betaincinv(high_passes, np.maximum(failures, 0.5), 1 - tail), 1.0)
    return PassRates(np.asarray(value), np.asarray(low), np.asarray(high), np.asarray(cut))


def _check(r: Array, n: Array, capped: NDArray[np.bool_]) -> None:
    whole = np.isfinite(r) & np.isfinite(n) & (r % 1 == 0) & (n % 1 == 0) & (n >= 1) & (r >= 0)
    if not whole.all():
        k = int(np.argmin(whole))
        raise ScoresError(f"model {k + 1}: {r.flat[k]:g} passes in {n.flat[k]:g} samples; both are whole numbers")
    if np.any(r > n):
        k = int(np.argmax(r > n))
        raise ScoresError(f"model {k + 1}: {r.flat[k]:g} passes in only {n.flat[k]:g} samples")
    single = ~capped & (r < 2)
    if single.any():
        k = int(np.argmax(single))
        raise ScoresError(
            f"model {k + 1}: sampling ended at {r.flat[k]:g} passes; at least 2 are needed for an unbiased rate, or "
            "say that it was capped"
        )


def passes_needed(relative_error: float) -> int:
    """The r at which the rate's relative standard error is about `relative_error`: r = 2 + 1 / error^2, rare passes.

    >>> passes_needed(0.5), passes_needed(0.1)
    (6, 102)
    """
    if not relative_error > 0:
        raise ScoresError(f"a relative error must be positive, found {relative_error:g}")
    return int(np.ceil(2 + 1 / relative_error**2))


def smallest_rate(samples: int, relative_error: float = 0.5) -> float:
    """The smallest pass rate that this many samples resolve to a relative error, on average: r / samples.

    >>> smallest_rate(100_000)
    6e-05
    """
    return passes_needed(relative_error) / samples


@dataclass(frozen=True, eq=False, repr=False)
class PassUntil(Presented):
    """The law rate = exp(-c N^-alpha) through measured pass rates.

    Attributes
    ----------
    scale : (K,) model sizes, sorted. passes, samples : (K,). rates : what they say.
    centre : mean log N. level_at_centre, slope : (1 + B,) the line log(-log rate) = level - alpha (log N - centre).
    scatter : of models about the line, beyond what sampling explains.
    curvature : of log(-log rate) in log N, with its standard error; negative: rates rise faster than the law.
    used : (K,) models in the fit: those with a pass.
    level : of intervals. warnings : coded notices.
    """

    scale: Array
    passes: Array
    samples: Array
    rates: PassRates
    centre: float
    level_at_centre: Array
    slope: Array
    scatter: float
    curvature: Estimate
    used: NDArray[np.bool_]
    level: float = 0.95
    warnings: tuple[Notice, ...] = ()
    seed: int = 0

    def __repr__(self) -> str:
        return f"<PassUntil: {len(self.scale)} models, alpha={self.alpha.value:.3g}, c={self.c.value:.3g}>"

    @property
    def alpha(self) -> Estimate:
        """The exponent of N."""
        return estimate(float(-self.slope[0]), -self.slope[1:], self.level)

    @property
    def c(self) -> Estimate:
        """Minus the log pass rate at N = 1."""
        drawn = np.exp(np.minimum(self.level_at_centre - self.slope * self.centre, 700))
        return estimate(float(drawn[0]), drawn[1:], self.level)

    def forecast(self, scale: Any) -> tuple[Array, Array, Array]:
        """The pass rate at sizes (X,): the law, and the ends of the interval of a new model.

        Raises
        ------
        ScoresError : a size that is not positive.
        """
        sizes = np.atleast_1d(np.asarray(scale, dtype=np.float64))
        if not (np.isfinite(sizes) & (sizes > 0)).all():
            raise ScoresError(f"sizes to forecast must be positive, found {sizes.min():g}")
        distance = np.log(sizes) - self.centre
        line_at = self.level_at_centre[:, None] + self.slope[:, None] * distance
        generator = np.random.default_rng(self.seed + 1)
        new = line_at[1:] + self.scatter * generator.standard_normal(line_at[1:].shape)
        low, high = quantile_interval(np.exp(-np.exp(new)), self.level)
        return np.exp(-np.exp(line_at[0])), low, high

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping."""
        return {
            "schema": "isoflop.pass_until",
            "schema_version": SCHEMA_VERSION,
            "N": self.scale.tolist(),
            "passes": self.passes.tolist(),
            "samples": self.samples.tolist(),
            "capped": self.rates.capped.tolist(),
            "rate": self.rates.value.tolist(),
            "low": self.rates.low.tolist(),
            "high": self.rates.high.tolist(),
            "used": self.used.tolist(),
            "centre": self.centre,
            "level_at_centre": self.level_at_centre.tolist(),
            "slope": self.slope.tolist(),
            "c": self.c.to_dict(),
            "alpha": self.alpha.to_dict(),
            "scatter": self.scatter,
            "curvature": self.curvature.to_dict(),
            "level": self.level,
            "seed": self.seed,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> PassUntil:
        """The inverse of `to_dict`."""
        names = ("N", "passes", "samples", "level_at_centre", "slope", "rate", "low", "high")
        arrays = {name: np.array(stored[name], dtype=np.float64) for name in names}
        capped = np.array(stored["capped"], dtype=np.bool_)
        return cls(
            scale=arrays["N"],
            passes=arrays["passes"],
            samples=arrays["samples"],
            level_at_centre=arrays["level_at_centre"],
            slope=arrays["slope"],
            rates=PassRates(arrays["rate"], arrays["low"], arrays["high"], capped),
            curvature=read_estimate(stored["curvature"]),
            used=np.array(stored["used"], dtype=np.bool_),
            warnings=tuple(Notice.from_dict(each) for each in stored["warnings"]),
            **{name: stored[name] for name in ("centre", "scatter", "level", "seed")},
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write as JSON."""
        write_json(path, self.to_dict())


def pass_until(
    scale: Any,
    passes: Any,
    samples: Any,
    capped: Any = False,
    *,
    bootstrap: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> PassUntil:
    """Pass rates of K models and their law in size.

    Parameters
    ----------
    scale : (K,) parameters N. passes, samples, capped : as of `pass_rates`.
    bootstrap : draws of the measured rates, from the gamma distribution of the time to the r-th rare pass.

    Raises
    ------
    ScoresError : fewer than 3 models with a pass and a rate below 1.

    >>> sizes = np.array([1e8, 3e8, 1e9, 3e9])
    >>> rates = np.exp(-9 * (sizes / 1e8) ** -0.5)
    >>> round(pass_until(sizes, 500, np.ceil(500 / rates)).alpha.value, 2)
    0.5
    """
    n, r, k = np.broadcast_arrays(*(np.asarray(each, dtype=np.float64) for each in (scale, passes, samples)))
    cut = np.broadcast_to(np.asarray(capped, dtype=np.bool_), n.shape)
    order = np.argsort(n, kind="stable")
    n, r, k, cut = n[order], r[order], k[order], cut[order]
    if not (np.isfinite(n).all() and (n > 0).all()):
        raise ScoresError("a model's size N is unknown or not positive; give N of every model")
    rates = pass_rates(r, k, cut, level=level)
    used = (r > 0) & (rates.value < 1) & (rates.value > 0)
    if len(np.unique(n[used])) < 3:
        raise ScoresError(
            f"{len(np.unique(n[used]))} sizes have a pass and a rate below 1; the law needs at least 3, sample longer"
        )
    x, u = np.log(n[used]), np.log(-np.log(rates.value[used]))
    error = _error(r[used], rates.value[used])
    centre = float(x.mean())
    scatter = scatter_between(x, u, error)
    weights = 1 / (error**2 + scatter**2)
    generator = np.random.default_rng(seed)
    shape = np.where(cut[used], r[used] + 0.5, r[used])
    drawn = generator.standard_gamma(shape, (bootstrap, int(used.sum()))) / k[used]
    drawn = np.log(-np.log(np.clip(drawn, 1e-300, 1 - 1e-12))) + scatter * generator.standard_normal(drawn.shape)
    level_at, slope = line(x[None], np.concatenate([u[None], drawn]), weights[None], centre)
    made = PassUntil(
        n, r, k, rates, centre, level_at, slope, scatter, _curvature(x - centre, u, weights), used, level, (), seed
    )
    return PassUntil(**{**made.__dict__, "warnings": tuple(_notices(made))})


def _error(r: Array, rate: Array) -> Array:
    """Standard error of log(-log rate): that of log rate, sqrt((1 - rate) / r), over \\|log rate\\|."""
    return np.asarray(np.sqrt((1 - rate) / r) / np.abs(np.log(rate)))


def _curvature(x: Array, u: Array, weights: Array) -> Estimate:
    if len(np.unique(x)) < 4:
        return Estimate(float("nan"))
    design = np.stack([np.ones_like(x), x, x**2], axis=1)
    covariance = np.linalg.inv(design.T @ (weights[:, None] * design))
    value = float((covariance @ design.T @ (weights * u))[2])
    error = float(np.sqrt(covariance[2, 2]))
    return Estimate(value, error, value - 1.96 * error, value + 1.96 * error)


def _notices(made: PassUntil) -> list[Notice]:
    notices = []
    cut = made.rates.capped
    if cut.any():
        message = f"{int(cut.sum())} models were cut off before their passes"
        notices.append(Notice("capped", message, hint="their rate is passes / samples; draw more samples"))
    silent = made.passes == 0
    if silent.any():
        told = made.forecast(made.scale[silent])[0]
        above = told > made.rates.high[silent]
        message = f"{int(silent.sum())} models never passed; they bound the law but are not fitted"
        notices.append(Notice("never_passed", message))
        if above.any():
            message = f"the law lies above what {int(above.sum())} models without a pass allow"
            notices.append(Notice("law_too_high", message, hint="the rate falls faster towards small models"))
    bent = made.curvature
    if np.isfinite(bent.se) and abs(bent.value) > _BENDS * bent.se:
        how = "faster" if bent.value < 0 else "more slowly"
        message = (
            f"pass rates rise {how} with N than the law (curvature {bent.value:.3g}, standard error {bent.se:.2g})"
        )
        hint = "accelerated emergence: the forecast is too low" if bent.value < 0 else "the forecast is too high"
        notices.append(Notice("not_a_straight_line", message, hint=hint))
    return notices
