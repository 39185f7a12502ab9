"""The end of a curve from finished sibling runs: what they still lost from this point on, with a conformal interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from isoflop.curves.curve import Curve

Array = NDArray[np.float64]

LEAST_GROUPS = 3
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the difference at the visible point that is still there at the end
_IGNORED = (0.0, 0.01, 0.03)  # differences of log loss up to this say nothing: they are made up for by the end
_NEAREST = (3, 6, 12, 1000)  # groups
_MOST_PER_GROUP = 3
_LEAST_ERROR = 2e-4  # of log loss, below which no error is believed
_LATE = 0.8  # of the visible steps: the points after it are compared, their mean
_LOSS_IN_DISTANCE = 5.0  # a difference of 1 % in visible loss counts as one of 5 % in length


@dataclass(frozen=True)
class SiblingForecast:
    """The forecast from siblings.

    Attributes
    ----------
    log_final : of the loss. half_width : of the interval of log loss. error : median \\|error\\| over groups left out.
    share, band, nearest : chosen by leaving groups out: how much of a difference lasts, how much of it is ignored,
        from how many groups.
    groups, runs : that took part.
    level : that the interval was made for. reached : the level that so few groups can give by themselves.
    """

    log_final: float
    half_width: float
    error: float
    share: float
    band: float
    nearest: int
    groups: int
    runs: int
    level: float
    reached: float


@dataclass(frozen=True, eq=False)
class _Finished:
    """Log loss at the visible point and at the end, log length and group of every usable sibling, (n,) each."""

    here: Array
    final: Array
    length: Array
    group: NDArray[np.intp]


def sibling_forecast(
    curve: Curve, total: float, siblings: Sequence[Curve], level: float = 0.95
) -> SiblingForecast | None:
    """The loss at `total` from siblings that finished, or None where fewer than 3 groups can be used.

    forecast = median log final + share * soft(d), over the siblings of the nearest groups, where d is how far this run
    lies above their median log loss over the last fifth of what is visible, and soft(d) is d beyond an ignored band.
    How many groups are near, the share and the band are chosen, and the interval is taken, from every group forecast by
    the others. The interval is the conformal quantile of their errors, each over (typical error + |d|): a run unlike
    its siblings gets a wider one. With too few groups, the largest error is widened as for a normal law.
    """
    seen = np.isfinite(curve.loss) & (curve.steps > 0) & (curve.loss > 0)
    if not seen.any():
        return None
    steps, loss = curve.steps[seen], curve.loss[seen]
    late = steps >= _LATE * steps[-1]
    here = float(np.mean(np.log(loss[late])))
    known = _finished(siblings, steps[late] / total)
    groups = np.unique(known.group)
    if groups.size < LEAST_GROUPS:
        return None
    sizes = [each for k, each in enumerate(_NEAREST) if k == 0 or _NEAREST[k - 1] < groups.size - 1]
    others = [known.group != each for each in known.group]
    middles = np.array([_middles(known, known.here[j], known.length[j], others[j], sizes) for j in range(len(others))])
    final, apart = middles[:, :, 0], known.here[:, None] - middles[:, :, 1]
    (share, band, k), errors = _choice(known, final, apart)
    everyone = np.ones(known.here.size, dtype=np.bool_)
    middle = _middles(known, here, float(np.log(total)), everyone, sizes)[k]
    away = here - middle[1]
    value = float(middle[0] + share * _soft(np.array(away), band))
    by_group = np.array([np.sqrt(np.mean(errors[known.group == each] ** 2)) for each in groups])
    typical = max(float(np.median(by_group)), _LEAST_ERROR)
    scores = np.abs(errors) / (typical + np.abs(apart[:, k]))
    quantile, reached = _conformal(np.array([np.max(scores[known.group == each]) for each in groups]), level)
    half = quantile * (typical + abs(float(away)))
    return SiblingForecast(
        value, half, typical, share, band, int(min(sizes[k], groups.size)), int(groups.size), int(known.here.size),
        level, reached,
    )  # fmt: skip


def _finished(siblings: Sequence[Curve], places: Array) -> _Finished:
    """Every finished sibling, its mean log loss at these shares of the run."""
    here, final, length, names = [], [], [], []
    count: dict[str, int] = {}
    for k, each in enumerate(siblings):
        usable = np.isfinite(each.loss) & (each.steps > 0) & (each.loss > 0)
        x, y = each.steps[usable], each.loss[usable]
        end = each.total if np.isfinite(each.total) else (x[-1] if x.size else np.nan)
        name = each.group or each.name or f"sibling {k + 1}"
        if x.size < 2 or x[-1] < 0.999 * end or places[0] * end < 0.5 * x[0] or count.get(name, 0) >= _MOST_PER_GROUP:
            continue
        count[name] = count.get(name, 0) + 1
        here.append(float(np.mean(_log_loss_at(x, y, places * end))))
        final.append(np.log(y[-1]))
        length.append(np.log(end))
        names.append(name)
    order = {name: k for k, name in enumerate(dict.fromkeys(names))}
    group = np.array([order[name] for name in names], dtype=np.intp)
    return _Finished(np.array(here), np.array(final), np.array(length), group)


def _log_loss_at(x: Array, y: Array, where: Array) -> Array:
    """Log loss at steps, straight in log steps, also a little before the first point."""
    logs, values, at = np.log(x), np.log(y), np.log(where)
    before = values[0] + (at - logs[0]) * (values[1] - values[0]) / (logs[1] - logs[0])
    return np.where(at >= logs[0], np.interp(at, logs, values), before)


def _middles(known: _Finished, here: float, length: float, allowed: NDArray[np.bool_], sizes: list[int]) -> Array:
    """(sizes, 2): median final and median visible log loss of the nearest so many groups."""
    index = np.flatnonzero(allowed)
    away = np.abs(length - known.length[index]) + _LOSS_IN_DISTANCE * np.abs(here - known.here[index])
    order = index[np.argsort(away, kind="stable")]
    names, first = np.unique(known.group[order], return_index=True)
    rank = np.zeros(int(names[-1]) + 1, dtype=np.intp)
    rank[names[np.argsort(first)]] = np.arange(names.size)
    place = rank[known.group[order]]
    chosen = [order[place < size] for size in sizes]
    return np.array([(np.median(known.final[used]), np.median(known.here[used])) for used in chosen])


def _soft(apart: Array, band: float) -> Array:
    return np.asarray(np.sign(apart) * np.maximum(np.abs(apart) - band, 0.0))


def _choice(known: _Finished, final: Array, apart: Array) -> tuple[tuple[float, float, int], Array]:
    """The (share, band, size) with the least mean root error over groups, and the errors of the runs under it."""
    groups = int(known.group.max()) + 1
    weights = (1.0 / np.bincount(known.group, minlength=groups))[known.group] / groups
    best: tuple[float, tuple[float, float, int], Array] | None = None
    for share, band, k in product(_SHARES, _IGNORED, range(final.shape[1])):
        errors = final[:, k] + share * _soft(apart[:, k], band) - known.final
        score = float(np.sum(weights * np.sqrt(np.abs(errors))))
        if best is None or score < best[0] * 0.98:
            best = (score, (share, band, k), errors)
    assert best is not None
    return best[1], best[2]


def _conformal(errors: Array, level: float) -> tuple[float, float]:
    """Half the interval from the errors of n groups, and the level that n groups can give."""
    from scipy.stats import norm

    n = errors.size
    reached = n / (n + 1)
    if reached >= level:
        return float(np.sort(errors)[min(n - 1, int(np.ceil((n + 1) * level)) - 1)]), level
    return float(errors.max() * norm.ppf(0.5 + level / 2) / norm.ppf(0.5 + reached / 2)), reached
