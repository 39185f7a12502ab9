"""A metric as a sigmoid of several capabilities, fitted for many resamples at once, each with its own capabilities.

metric = floor + (ceiling - floor) * sigmoid(X w + b), as `metric_from_capabilities` of the atlas (Ruan et al. 2024),
with the floor at the chance level and the ceiling free between 0.8 and 1 of the range above it. The solver of
`isoflop.fitting` holds one table of inputs for a whole batch; here every resample rotates the components, so the same
damped Gauss-Newton steps are taken with inputs that differ from start to start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CEILINGS = (0.8, 1.0)  # the paper's bounds of the ceiling, as shares of the range above chance
_ITERATIONS = 80
_RIDGE = 1e-7  # on standardised weights, relative to the residuals: keeps perfectly separated models finite
_CLIP = 0.02


@dataclass(frozen=True, eq=False)
class CapabilityLink:
    """B fitted sigmoids of Q capabilities.

    Attributes
    ----------
    weights : (B, Q). offset : (B,). ceiling : (B,) on the metric's scale. floor : the chance level.
    cost : (B,) weighted mean of squared residuals.
    """

    weights: Array
    offset: Array
    ceiling: Array
    floor: float
    cost: Array

    def __call__(self, capabilities: Array) -> Array:
        """(B, X) the metric at `capabilities` (B, X, Q)."""
        z = np.einsum("bxq,bq->bx", capabilities, self.weights) + self.offset[:, None]
        return self.floor + (self.ceiling - self.floor)[:, None] * _sigmoid(z)


def fit_capability_link(
    capabilities: Array,
    metric: Array,
    weights: Array,
    *,
    floor: float = 0.0,
    maximum: float = 1.0,
    ceiling: Array | None = None,
) -> CapabilityLink:
    """Weighted least squares of `metric` (M,) on `capabilities` (B, M, Q) under `weights` (B, M).

    Models whose metric is nan do not count. `ceiling` (B,) holds the ceilings, on the metric's scale; without it they
    are fitted.

    >>> x = np.linspace(-2, 2, 30)[None, :, None]
    >>> link = fit_capability_link(x, 0.9 / (1 + np.exp(-3 * x[0, :, 0] + 1)), np.ones((1, 30)))
    >>> link.weights.round(3), link.offset.round(3), link.ceiling.round(3)
    (array([[3.]]), array([-1.]), array([0.9]))
    """
    known = np.isfinite(metric)
    share = np.where(known, weights, 0.0)
    share = share / share.sum(axis=1, keepdims=True)
    place = np.where(known, (np.nan_to_num(metric) - floor) / (maximum - floor), 0.0)
    mean = np.einsum("bm,bmq->bq", share, capabilities)
    spread = np.sqrt(np.einsum("bm,bmq->bq", share, (capabilities - mean[:, None, :]) ** 2))
    spread = np.maximum(spread, 1e-12)
    x = np.concatenate([(capabilities - mean[:, None, :]) / spread[:, None, :], np.ones((*share.shape, 1))], axis=2)
    beta = _first_guess(x, place, share)
    if ceiling is not None:
        beta[:, -1] = (ceiling - floor) / (maximum - floor)
    beta, cost = _gauss_newton(x, place, share, beta, ceiling is not None)
    scaled = beta[:, :-2] / spread
    return CapabilityLink(
        weights=scaled,
        offset=beta[:, -2] - np.einsum("bq,bq->b", scaled, mean),
        ceiling=floor + (maximum - floor) * beta[:, -1],
        floor=floor,
        cost=cost * (maximum - floor) ** 2,
    )


def with_open_ceilings(
    link: CapabilityLink,
    capabilities: Array,
    metric: Array,
    weights: Array,
    maximum: float,
    generator: np.random.Generator,
) -> CapabilityLink:
    """The resamples of `link` with the uncertainty of a ceiling that the models do not reach.

    Where no model is near the ceiling any value fits, and the fitted one says nothing. Each resample but the first is
    refitted at a ceiling drawn between the bounds, which takes its place with the probability exp(-n/2 log(cost ratio))
    that the models give it beside the fitted one.
    """
    if len(link.cost) < 2:
        return link
    shares = generator.uniform(*CEILINGS, len(link.cost) - 1)
    drawn = np.concatenate([link.ceiling[:1], link.floor + (maximum - link.floor) * shares])
    other = fit_capability_link(capabilities, metric, weights, floor=link.floor, maximum=maximum, ceiling=drawn)
    models = int(np.isfinite(metric).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        support = np.exp(np.minimum(-models / 2 * np.log(other.cost / link.cost), 0.0))
    taken = generator.uniform(size=len(link.cost)) < np.nan_to_num(support)
    taken[0] = False
    return CapabilityLink(
        weights=np.where(taken[:, None], other.weights, link.weights),
        offset=np.where(taken, other.offset, link.offset),
        ceiling=np.where(taken, other.ceiling, link.ceiling),
        floor=link.floor,
        cost=np.where(taken, other.cost, link.cost),
    )


def _sigmoid(z: Array) -> Array:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * z)))


def _first_guess(x: Array, place: Array, share: Array) -> Array:
    """(B, Q + 2) the line through the logits of clipped scores, and a ceiling of 0.95."""
    clipped = np.clip(place / 0.95, _CLIP, 1 - _CLIP)
    logit = np.log(clipped / (1 - clipped))
    weighted = x * share[:, :, None]
    matrix = np.matmul(weighted.transpose(0, 2, 1), x) + 1e-3 * np.eye(x.shape[2])
    line = np.linalg.solve(matrix, np.einsum("bmq,m->bq", weighted, logit)[:, :, None])[:, :, 0]
    return np.concatenate([line, np.full((len(x), 1), 0.95)], axis=1)


def _residual(x: Array, place: Array, beta: Array) -> tuple[Array, Array]:
    s = _sigmoid(np.einsum("bmq,bq->bm", x, beta[:, :-1]))
    return beta[:, -1:] * s - place, s


def _cost(r: Array, share: Array, beta: Array) -> Array:
    return np.asarray(np.einsum("bm,bm->b", share, r**2) + _RIDGE * (beta[:, :-2] ** 2).sum(axis=1))


def _gauss_newton(x: Array, place: Array, share: Array, beta: Array, held: bool) -> tuple[Array, Array]:
    batch, size = len(x), x.shape[2] + 1
    ridge = np.zeros(size)
    ridge[: size - 2] = _RIDGE
    damping = np.full(batch, 1e-2)
    r, s = _residual(x, place, beta)
    cost = _cost(r, share, beta)
    active = np.arange(batch)
    for _ in range(_ITERATIONS):
        xs, b, w = x[active], beta[active], share[active]
        slope = b[:, -1:] * s[active] * (1 - s[active])
        jacobian = np.concatenate([xs * slope[:, :, None], s[active][:, :, None]], axis=2)
        weighted = jacobian * w[:, :, None]
        gradient = np.einsum("bmp,bm->bp", weighted, r[active]) + ridge * b
        hessian = np.matmul(weighted.transpose(0, 2, 1), jacobian) + np.diag(ridge)
        at_top, at_bottom = b[:, -1] >= CEILINGS[1], b[:, -1] <= CEILINGS[0]
        stuck = held | (at_top & (gradient[:, -1] < 0)) | (at_bottom & (gradient[:, -1] > 0))
        hessian[stuck, -1, :] = hessian[stuck, :, -1] = 0.0
        gradient[stuck, -1] = 0.0
        diagonal = np.einsum("bpp->bp", hessian)
        positions = np.arange(size)
        hessian[:, positions, positions] = diagonal * (1 + damping[active, None]) + 1e-12
        step = np.clip(-np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0], -3.0, 3.0)
        trial = b + step
        trial[:, -1] = b[:, -1] if held else np.clip(trial[:, -1], *CEILINGS)
        new_r, new_s = _residual(xs, place, trial)
        new_cost = _cost(new_r, w, trial)
        better = new_cost < cost[active]
        gain = cost[active] - new_cost
        improved = active[better]
        beta[improved], r[improved], s[improved] = trial[better], new_r[better], new_s[better]
        damping[active] *= np.where(better, 0.3, 5.0)
        done = (better & (gain <= 1e-9 * cost[active])) | (damping[active] > 1e8)
        cost[improved] = new_cost[better]
        active = active[~done]
        if not active.size:
            break
    return beta, cost
