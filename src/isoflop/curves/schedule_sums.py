"""What schedule laws sum over a learning-rate schedule, for many schedules at once and in time linear in the steps."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_OCTAVE = float(np.log(2.0))
_SLOWEST = 2e-2  # the slowest exponential decays by this share over the schedule; it stands for all slower ones
_BELOW = 1e-4  # of the smallest c: slower exponentials all have weights that are a power of v
_FASTEST = 20.0  # exp(-20) of a weight no longer counts
_LOWEST_RATE = 1e-4  # of the peak: a rate below enters the power of the multi-power law as this one
_BLOCK_NUMBERS = 250_000  # working set of one block, to stay in the cache
_NEVER_DENORMAL = 1e-250


def as_rates(rates: ArrayLike) -> Array:
    """Schedules as an array (K, T); one schedule (T,) becomes (1, T).

    Raises
    ------
    ValueError : a rate that is negative, missing or infinite, or no step at all.
    """
    array = np.atleast_2d(np.asarray(rates, dtype=np.float64))
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"schedules are rows of learning rates, one a step; found an array of shape {array.shape}")
    bad = ~(np.isfinite(array) & (array >= 0))
    if bad.any():
        row, step = (int(k) for k in np.argwhere(bad)[0])
        raise ValueError(f"learning rates must be numbers >= 0; found {array[row, step]:g} at step {step}")
    return array


def falls_of(rates: Array) -> Array:
    """rates[t-1] - rates[t], 0 at the first step; (K, T). Rises, warm-up included, are negative falls."""
    return -np.diff(rates, axis=-1, prepend=rates[..., :1])


def momentum_areas(rates: ArrayLike, decay: float = 0.999) -> tuple[Array, Array]:
    """S1 and S2 of the annealing law at every step, warm-up counted in both; two arrays (K, T).

    m_t = decay m_(t-1) + fall_t, S2 = running sum of m, S1 = running sum of the rates. Tissue et al. 2024.

    >>> s1, s2 = momentum_areas([1.0, 1.0, 0.5, 0.0], decay=0.5)
    >>> s1[0].tolist(), s2[0].tolist()
    ([1.0, 2.0, 2.5, 2.5], [0.0, 0.0, 0.5, 1.25])
    """
    from scipy.signal import lfilter

    array = as_rates(rates)
    momentum = lfilter([1.0], [1.0, -decay], falls_of(array), axis=-1)
    return np.cumsum(array, axis=-1), np.cumsum(momentum, axis=-1)


def power_drops(
    rates: ArrayLike, scale: ArrayLike, beta: ArrayLike, gamma: ArrayLike, *, keep: ArrayLike | None = None
) -> Array:
    """The loss-drop sum of the multi-power law at every step; (K, T), or (K, kept steps).

    drop(t) = sum over k <= t of (rate_(k-1) - rate_k) (1 - (1 + scale rate_k^-gamma S_k(t))^-beta), where S_k(t) is the
    sum of the rates from step k to t. Luo et al. 2025, arXiv:2503.12811.

    The power is a mixture of exponentials, (1 + c s)^-beta = integral of exp(-v s) over a gamma density of v, taken at
    v = v0 2^j: every exponential then follows its own recursion, and each is the square of the one before. So the
    cost is steps times some forty nodes and not steps squared; the error of the quadrature is below 1e-5 of the drop.

    Parameters
    ----------
    rates : (T,) or (K, T), one rate a step, warm-up included.
    scale, beta, gamma : C, beta and gamma of the law, one number or one for each schedule.
    keep : steps to return; default all.
    """
    array = as_rates(rates)
    _, c, b, g = np.broadcast_arrays(np.zeros(len(array)), scale, beta, gamma)
    if len(c) > len(array):
        array = np.broadcast_to(array, (len(c), array.shape[1]))
    steps = None if keep is None else np.asarray(keep, dtype=np.intp)
    return _drops(array, array, array, falls_of(array), c, b, g, steps)


def _drops(
    rates: Array, moved: Array, lag: Array, falls: Array, scale: Array, beta: Array, gamma: Array,
    keep: NDArray[np.intp] | None = None,
) -> Array:  # fmt: skip
    """The same for steps of any length: `moved` is what a step adds to S, `lag` how long before its end the fall is."""
    schedules, steps = rates.shape
    lowest = np.maximum(rates.max(axis=1, keepdims=True) * _LOWEST_RATE, 1e-300)
    # log of 1 / c_k, where c_k multiplies s in the power (1 + c_k s)^-beta
    slow = gamma[:, None] * np.log(np.maximum(rates, lowest)) - np.log(scale)[:, None]
    total = float(np.max(moved.sum(axis=1)))
    halves = 1 if float(np.max(beta)) <= 1.2 else 2
    fastest = slow[falls != 0.0].max(initial=-np.inf)  # of the smallest c
    slowest = min(_SLOWEST / max(total, 1e-300), _BELOW * float(np.exp(-fastest)))
    made = np.zeros((schedules, steps))
    for start in range(halves):
        v0 = slowest * 2.0 ** (start / halves)
        made += _recursion(v0, _OCTAVE / halves, moved, lag, falls, slow, beta)
    return made if keep is None else made[:, keep]


def _recursion(v0: float, width: float, moved: Array, lag: Array, falls: Array, slow: Array, beta: Array) -> Array:
    """Nodes v0 2^j: the sum over them of weight (1 - exp(-v s)) for every fall, at every step; (K, T).

    A fall at rate r adds fall * weight_j to node j, with weight_j = width / Gamma(beta) (v_j / c)^beta exp(-v_j / c);
    every step then multiplies the node by exp(-v_j moved). The node below the first stands for all slower ones.
    """
    from scipy.special import gamma as gamma_function

    schedules, steps = moved.shape
    place = np.exp(slow + np.log(v0))  # v0 / c
    factor = falls * np.exp(beta[:, None] * (slow + np.log(v0))) * (width / gamma_function(beta))[:, None]
    # slower nodes are linear in s and their weights a geometric series: the first node takes them on
    below, lost = 2.0 ** -(1.0 + beta), 2.0**-beta
    first = below / (1.0 - below)
    mass = np.cumsum(falls * (width / _OCTAVE) + factor * (first - lost / (1.0 - lost))[:, None], axis=1)
    octaves = _octaves(place[falls != 0.0])
    level = (2.0 ** np.arange(octaves))[:, None] ** beta
    level[0] += first
    state = np.zeros((octaves, schedules))
    block = max(1, _BLOCK_NUMBERS // (octaves * schedules))
    room = np.empty((2, block, octaves, schedules))
    for begin in range(0, steps, block):
        part = slice(begin, min(begin + block, steps))
        count = part.stop - begin
        falling = falls[:, part] != 0.0
        live = max(_octaves(place[:, part][falling]), _last_in_use(state))
        decay, source, now = room[0, :count, :live], room[1, :count, :live], state[:live]
        _squared(v0 * moved[:, part].T, decay)
        if falling.any():
            _squared((place[:, part] + v0 * lag[:, part]).T, source)
            source *= factor[:, part].T[:, None, :]
        else:
            source[:] = 0.0
        now += _NEVER_DENORMAL
        for step in range(count):
            now *= decay[step]
            now += source[step]
            source[step] = now
        mass[:, part] -= np.einsum("tjk,jk->kt", source, level[:live])
    return mass


def _octaves(places: Array) -> int:
    """Nodes up to which weights exp(-2^j v0 / c) count for falls at these v0 / c."""
    if not places.size:
        return 1
    return int(np.clip(np.ceil(np.log2(_FASTEST / float(places.min()))), 1, 200))


def _last_in_use(state: Array) -> int:
    used = np.flatnonzero(np.abs(state).max(axis=1) > 10 * _NEVER_DENORMAL)
    return int(used[-1]) + 1 if used.size else 1


def _squared(exponent: Array, out: Array) -> None:
    """exp(-exponent 2^j) for every j into `out` (T, J, K), by squaring: the exponent keeps its relative error."""
    np.exp(-exponent, out=out[:, 0])
    for j in range(1, out.shape[1]):
        np.multiply(out[:, j - 1], out[:, j - 1], out=out[:, j])
