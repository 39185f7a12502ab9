"""shape(): which way a metric goes with scale - rising, inverse, U, inverted U, broken or flat - and how sure that is.

A broken metric turns up: flat or slow first, then at least three times as steep. One that flattens is a rising one.

Small tables of few models and noisy means do not bear a test of one shape against another, so shapes are weighed by
Bayes' rule. Hypotheses: nothing changes; one line in log scale; two lines that meet at a bend, anywhere between the
models. Changes have normal priors on the scale of the metric; models scatter about the curve by the noise of their
examples and by an unknown amount besides. All are Gaussian given the bend and the scatter, so their evidence is exact
and is summed over a grid of both; draws of the two slopes then give the probability of each shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.downstream.task import ScoresError, Task
from isoflop.presented import Presented
from isoflop.runs import Notice

Array = NDArray[np.float64]

SHAPES = ("rising", "inverse", "u", "inverted_u", "broken", "flat")
#: prior probability of no change, one line, two lines
_PRIOR = (0.2, 0.4, 0.4)
_CHANGE = 0.2  # prior standard deviation of a change, as a share of the metric's range
_NOTHING = 0.01  # of the range: a smaller change over a part of the models is none
_BREAK = 3.0  # a rise that becomes this much steeper is broken; one that flattens is an ordinary saturating rise
_BENDS, _DRAWS = 15, 6000
_SCATTERS = np.array([1e-3, 3e-3, 0.01, 0.02, 0.04, 0.08, 0.16])  # of the range, equally likely
_SURE = 0.5
#: probability of falling at the largest models from which nothing is extrapolated
FALLING = 0.5


@dataclass(frozen=True, eq=False, repr=False)
class Shape(Presented):
    """The shape of one metric in scale, oriented so that up is better.

    Attributes
    ----------
    task : the metric. scale, scores : (K,) the models, sorted by scale; `scale_name` says of what (N, C).
    name : the most probable of `SHAPES`. probabilities : {shape: probability}.
    falling_at_end : probability that the metric gets worse at the largest models.
    turn : scale of the bend under the two-line hypothesis, median; nan where there is none.
    change : mean change of the metric from the smallest to the largest model; positive is better.
    curve_at, curve_low, curve, curve_high : (G,) the curve with a 90 % band, on a grid inside the models.
    warnings : coded notices.
    """

    task: Task
    scale: Array
    scores: Array
    scale_name: str
    name: str
    probabilities: Mapping[str, float]
    falling_at_end: float
    turn: float
    change: float
    curve_at: Array
    curve_low: Array
    curve: Array
    curve_high: Array
    warnings: tuple[Notice, ...] = ()

    def __repr__(self) -> str:
        return f"<Shape of {self.task.name}: {self.name} ({self.confidence:.0%}), {len(self.scale)} models>"

    @property
    def confidence(self) -> float:
        """Probability of the named shape."""
        return float(self.probabilities[self.name])

    @property
    def extrapolates(self) -> bool:
        """May a law be continued beyond the largest model? Not from a falling part, and not where nothing changes."""
        return not self.refusal

    @property
    def refusal(self) -> tuple[str, str] | tuple[()]:
        """The code and the sentence that refuse extrapolation, or nothing."""
        if self.falling_at_end >= FALLING or self.name in ("inverse", "inverted_u"):
            shape = {"inverse": "falls with scale", "inverted_u": "has turned down"}.get(self.name, "falls at the end")
            return "falling", (
                f"{self.task.name} {shape} (probability {self.falling_at_end:.0%} of falling at the largest models); "
                "a falling part may go on or turn up again, so nothing is extrapolated from it"
            )
        if self.name == "flat":
            return (
                "flat",
                f"{self.task.name} shows no change with scale (most likely shape: flat, {self.confidence:.0%})",
            )
        if self.name == "u" and self.rising_part.sum() < 3:
            return "turned_too_late", (
                f"{self.task.name} has turned up only at its {int(self.rising_part.sum())} largest models; 3 are needed"
            )
        return ()

    @property
    def rising_part(self) -> NDArray[np.bool_]:
        """(K,) the models from which a law may be continued: all, or of a U those beyond its bend."""
        if self.name != "u" or not np.isfinite(self.turn):
            return np.ones(len(self.scale), dtype=np.bool_)
        return np.asarray(self.scale >= self.turn * (1 - 1e-9))

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping."""
        refusal = self.refusal
        return {
            "schema": "isoflop.shape",
            "task": self.task.to_dict(),
            "scale_name": self.scale_name,
            "scale": self.scale.tolist(),
            "scores": self.scores.tolist(),
            "shape": self.name,
            "confidence": self.confidence,
            "probabilities": dict(self.probabilities),
            "falling_at_end": self.falling_at_end,
            "turn": self.turn if np.isfinite(self.turn) else None,
            "change": self.change,
            "extrapolates": self.extrapolates,
            "refusal": {"code": refusal[0], "reason": refusal[1]} if refusal else None,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }


def shape(scale: Any, scores: Any, task: Task | None = None, *, scale_name: str = "N", noise: Any = None) -> Shape:
    """The shape of `scores` (K,) of one task in `scale` (K,), parameters or FLOPs, smaller models first or not.

    Parameters
    ----------
    task : direction, range and examples of the metric; default: a share where more is better. A metric without a
        largest or smallest value (log-odds) is measured by its own spread.
    noise : (K,) standard error of each score; default: from the task's number of examples, else unknown.

    Raises
    ------
    ScoresError : fewer than 3 different scales, or a scale that is no positive number.

    >>> shape([1e8, 1e9, 1e10, 1e11], [0.30, 0.42, 0.55, 0.71], Task("t", examples=2000)).name
    'rising'
    """
    task = task or Task("metric")
    x, y = np.asarray(scale, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    known = np.isfinite(y) & np.isfinite(x)
    errors = task.noise(y) if noise is None else np.broadcast_to(np.asarray(noise, dtype=np.float64), y.shape)
    x, y, errors = x[known], y[known], errors[known]
    if np.any(x <= 0):
        raise ScoresError(f"{task.name}: a model's {scale_name} is {x.min():g}; scales are positive numbers")
    if len(np.unique(x)) < 3:
        raise ScoresError(f"{task.name}: {len(np.unique(x))} different {scale_name}; a shape needs at least 3")
    order = np.argsort(x, kind="stable")
    x, y, errors = x[order], y[order], np.nan_to_num(errors[order])
    sign = 1.0 if task.direction == "higher" else -1.0
    unit = _unit(y, task)
    draws = _posterior(np.log(x), sign * y / unit, errors / unit)
    return _named(task, x, y, scale_name, draws, sign * unit, bool(np.any(errors > 0)))


def _unit(y: Array, task: Task) -> float:
    """What a change of 1 is: the metric's range, or five times the spread of its values where it has none."""
    if task.bounded:
        return float(task.maximum - task.minimum)
    return max(5.0 * float(y.std()), 1e-9 * max(float(np.abs(y).max()), 1e-300))


@dataclass(frozen=True, eq=False)
class _Draws:
    """Draws from the posterior: level at the bend, slopes below and above it, place of the bend in log scale, and which
    hypothesis (0 nothing, 1 one line, 2 two lines)."""

    level: Array
    below: Array
    above: Array
    bend: Array
    lines: NDArray[np.intp]


def _posterior(log_scale: Array, y: Array, noise: Array) -> _Draws:
    low, width = log_scale[0], log_scale[-1] - log_scale[0]
    x = (log_scale - low) / width
    inner = np.unique(x)
    bends = np.linspace(inner[1] - 0.5 * (inner[1] - inner[0]), inner[-2] + 0.5 * (inner[-1] - inner[-2]), _BENDS)
    designs, priors, places = [], [], []
    kinds: list[int] = []
    flat = 1e-12
    for kind, place in ((0, 0.5), (1, 0.5), *((2, float(b)) for b in bends)):
        off = x - place
        columns = [np.ones_like(x), np.minimum(off, 0.0), np.maximum(off, 0.0)]
        if kind == 1:
            columns = [columns[0], off, np.zeros_like(x)]
        change = _CHANGE if kind else flat
        spread = (1.0, change, flat) if kind == 1 else (1.0, change / place, change / (1 - place))
        designs.append(np.stack(columns, axis=1))
        priors.append(np.square(spread))
        kinds.append(kind)
        places.append(place)
    chosen, means, covariances = _mixture(np.array(designs), np.array(priors), np.array(kinds), y, noise)
    generator = np.random.default_rng(0)
    part, grid = np.unravel_index(generator.choice(chosen.size, _DRAWS, p=chosen.ravel()), chosen.shape)
    factor = np.linalg.cholesky(covariances + 1e-18 * np.eye(3))
    beta = means[part, grid] + np.einsum("dij,dj->di", factor[part, grid], generator.standard_normal((_DRAWS, 3)))
    lines = np.array(kinds)[part]
    below, above = beta[:, 1], np.where(lines == 1, beta[:, 1], beta[:, 2])
    below, above = np.where(lines == 0, 0.0, below), np.where(lines == 0, 0.0, above)
    return _Draws(beta[:, 0], below, above, np.array(places)[part], lines)


def _mixture(
    designs: Array, priors: Array, kinds: NDArray[np.intp], y: Array, noise: Array
) -> tuple[Array, Array, Array]:
    """(H, S) posterior probability of each hypothesis and scatter, (H, S, 3) means and (H, S, 3, 3) covariances of the
    coefficients. The level's prior has mean 0 after the scores are centred."""
    centre = y.mean()
    r = y - centre
    variance = noise[None, :] ** 2 + _SCATTERS[:, None] ** 2  # (S, K)
    spread = np.einsum("hkp,hp,hjp->hkj", designs, priors, designs)
    total = spread[:, None] + np.eye(len(y)) * variance[None, :, :, None]  # (H, S, K, K)
    sign, logdet = np.linalg.slogdet(total)
    assert (sign > 0).all()
    solved = np.linalg.solve(total, np.broadcast_to(r[:, None], (*total.shape[:2], len(y), 1)))[..., 0]
    evidence = -0.5 * (logdet + solved @ r)
    share = np.array(_PRIOR)[kinds] / np.array([np.sum(kinds == kind) for kind in kinds])
    weight = np.log(share)[:, None] + evidence
    chosen = np.exp(weight - weight.max())
    gain = np.einsum("hp,hkp->hpk", priors, designs)  # prior covariance times design
    means = np.einsum("hpk,hsk->hsp", gain, solved)
    taken = np.einsum("hpk,hskq->hspq", gain, np.linalg.solve(total, np.broadcast_to(
        gain.transpose(0, 2, 1)[:, None], (*total.shape[:2], len(y), 3))))  # fmt: skip
    covariances = priors[:, None, :, None] * np.eye(3) - taken
    covariances = 0.5 * (covariances + covariances.transpose(0, 1, 3, 2))
    values, vectors = np.linalg.eigh(covariances)
    covariances = (vectors * np.maximum(values, 0.0)[..., None, :]) @ vectors.transpose(0, 1, 3, 2)
    means[..., 0] += centre
    return chosen / chosen.sum(), means, covariances


def _shapes_of(draws: _Draws) -> NDArray[np.str_]:
    first, last = draws.below * draws.bend, draws.above * (1 - draws.bend)
    up1, up2, down1, down2 = first > _NOTHING, last > _NOTHING, first < -_NOTHING, last < -_NOTHING
    broken = (draws.lines == 2) & up2 & ~down1 & (draws.above > _BREAK * np.maximum(draws.below, 0.0))
    return np.select(
        [down1 & up2, up1 & down2, down1 | down2, broken, up1 | up2],
        ["u", "inverted_u", "inverse", "broken", "rising"],
        "flat",
    )


def _named(
    task: Task, scale: Array, scores: Array, scale_name: str, draws: _Draws, unit: float, noise_known: bool
) -> Shape:
    named = _shapes_of(draws)
    probabilities = {each: float(np.mean(named == each)) for each in SHAPES}
    best = max(probabilities, key=lambda each: probabilities[each])
    falling = draws.above * (1 - draws.bend) < -_NOTHING
    bent = named == best
    span = np.log(scale[-1] / scale[0])
    turn = float("nan")
    if best in ("u", "inverted_u", "broken"):
        turn = float(scale[0] * np.exp(span * np.median(draws.bend[bent & (draws.lines == 2)])))
    grid = np.linspace(0, 1, 41)
    off = grid[None, :] - draws.bend[:, None]
    curves = (
        draws.level[:, None] + draws.below[:, None] * np.minimum(off, 0) + draws.above[:, None] * np.maximum(off, 0)
    )
    low, middle, high = np.sort(unit * np.percentile(curves, [5, 50, 95], axis=0), axis=0)
    warnings = []
    if probabilities[best] < _SURE:
        second = sorted(probabilities, key=lambda each: -probabilities[each])[1]
        message = f"{task.name}: {best} is only {probabilities[best]:.0%} likely, {second} {probabilities[second]:.0%}"
        warnings.append(Notice("shape_not_clear", message, hint="more models, or more examples, would tell"))
    if not noise_known:
        message = f"{task.name}: the noise of a score is not known"
        warnings.append(Notice("noise_unknown", message, hint="say of how many examples it is a mean"))
    return Shape(
        task=task, scale=scale, scores=scores, scale_name=scale_name, name=best, probabilities=probabilities,
        falling_at_end=float(falling.mean()), turn=turn,
        change=float(abs(unit) * np.mean(draws.below * draws.bend + draws.above * (1 - draws.bend))),
        curve_at=scale[0] * np.exp(span * grid), curve_low=low, curve=middle, curve_high=high,
        warnings=tuple(warnings),
    )  # fmt: skip
