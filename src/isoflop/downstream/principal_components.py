"""Principal components of a table of benchmark scores with missing cells, for many resamples of the models at once.

Missing cells are filled by iterative principal components (as Ruan et al. 2024, arXiv:2405.10938): start from the mean
of the benchmark, fit one component, replace the missing cells by what it says, repeat. Every step works on a batch of
weightings of the models, so that 500 bootstraps are 500 small eigenproblems solved by one call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.downstream.task import ScoresError

Array = NDArray[np.float64]

_ROUNDS = 60
_SETTLED = 1e-6
_LEAST_SEEN = 3  # models that must have a score on a benchmark


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """Components of K benchmarks under B weightings of the models.

    Attributes
    ----------
    mean : (B, K) weighted means. scale : (K,) what scores were divided by: 1, or their standard deviations.
    directions : (B, K, Q) unit columns; each points to where the sum of the benchmarks rises.
    share : (B, K) share of the variance along each of all K components.
    filled : (M, K) the table with its missing cells filled, under the first weighting.
    """

    mean: Array
    scale: Array
    directions: Array
    share: Array
    filled: Array

    @property
    def components(self) -> int:
        """How many are kept."""
        return int(self.directions.shape[2])

    def scores(self, values: Any) -> Array:
        """(B, X, Q) coordinates of models with benchmark scores `values` (X, K), missing ones filled.

        A model with missing scores gets the coordinates that fit its known ones best (least squares along the first
        component, then the others from the filled row), under each weighting.
        """
        table = np.asarray(values, dtype=np.float64)
        centred = table[None] / self.scale - (self.mean / self.scale)[:, None, :]
        known = np.isfinite(centred)
        if not known.all():
            first = self.directions[:, None, :, 0]
            weight = known * first**2
            place = (np.where(known, centred, 0.0) * first).sum(-1) / np.maximum(weight.sum(-1), 1e-12)
            centred = np.where(known, centred, place[..., None] * first)
        return np.asarray(np.matmul(centred, self.directions))

    def to_dict(self) -> dict[str, Any]:
        """The first weighting, as a JSON-ready mapping."""
        return {
            "mean": self.mean[0].tolist(),
            "scale": self.scale.tolist(),
            "directions": self.directions[0].tolist(),
            "share": self.share[0].tolist(),
        }


def principal_components(
    values: Any, weights: Any = None, *, components: int = 3, standardise: bool = False
) -> PrincipalComponents:
    """Principal components of `values` (M, K), nan where missing, under `weights` (B, M) or all equal.

    Parameters
    ----------
    components : how many to keep, at most K.
    standardise : divide each benchmark by its standard deviation first. The paper does not: a benchmark on which
        models differ more then counts more.

    Raises
    ------
    ScoresError : fewer models than components + 1, or a benchmark that fewer than 3 models have.

    >>> line = np.outer(np.linspace(-1, 1, 9), [3.0, 4.0])
    >>> found = principal_components(line, components=1)
    >>> found.directions[0, :, 0].round(3), found.share[0].round(3)
    (array([0.6, 0.8]), array([1., 0.]))
    """
    table = np.asarray(values, dtype=np.float64)
    models, benchmarks = table.shape
    kept = min(components, benchmarks)
    if models <= kept:
        raise ScoresError(f"{models} models have scores; {kept} principal components need at least {kept + 1}")
    seen = np.isfinite(table)
    if benchmarks and seen.sum(axis=0).min() < _LEAST_SEEN:
        thin = int(seen.sum(axis=0).argmin())
        raise ScoresError(
            f"benchmark number {thin + 1} has scores of {seen[:, thin].sum()} models; {_LEAST_SEEN} are needed, or "
            "leave it out"
        )
    scale = np.nanstd(table, axis=0) if standardise else np.ones(benchmarks)
    scale = np.where(scale > 0, scale, 1.0)
    given = np.ones((1, models)) if weights is None else np.asarray(weights, dtype=np.float64)
    share = given / given.sum(axis=1, keepdims=True)
    filled, mean, vectors, variances = _settle(table / scale, seen, share)
    directions = vectors[:, :, :kept]
    signs = np.where(directions.sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    total = np.maximum(variances.sum(axis=1, keepdims=True), 1e-300)
    return PrincipalComponents(
        mean=mean * scale,
        scale=scale,
        directions=directions * signs,
        share=np.asarray(variances / total),
        filled=filled[0] * scale,
    )


def _settle(table: Array, seen: NDArray[np.bool_], share: Array) -> tuple[Array, Array, Array, Array]:
    """(1, M, K) table filled under the first weighting, (B, K) means, (B, K, K) directions by falling variance, (B, K)
    variances.

    Only models with missing cells change from round to round; what the others add to the moments is one product.
    """
    centre = np.nanmean(table, axis=0)
    table = table - centre  # moments about zero then lose no digits
    whole = seen.all(axis=1)
    full, holed, lacking = table[whole], table[~whole], ~seen[~whole]
    outer = (full[:, :, None] * full[:, None, :]).reshape(len(full), -1)
    first_moment, second_moment = share[:, whole] @ full, share[:, whole] @ outer
    second_moment = second_moment.reshape(len(share), table.shape[1], table.shape[1])
    low, high = np.nanmin(table, axis=0), np.nanmax(table, axis=0)
    margin = (high - low) / 2  # a filled score may lie beyond those seen, but not run away
    zeroed = np.where(seen, table, 0.0)
    start = share @ zeroed / np.maximum(share @ seen, 1e-12)
    filled = np.where(lacking, start[:, None, :], holed)
    mass = share[:, ~whole]
    row, column = np.nonzero(lacking)
    first = np.ones((len(share), table.shape[1])) / np.sqrt(table.shape[1])
    for turn in range(_ROUNDS if row.size else 0):
        mean, covariance = _moments(first_moment, second_moment, filled, mass)
        first = _leading(covariance, first, 20 if turn == 0 else 2)
        along = np.matmul(filled - mean[:, None, :], first[:, :, None])[:, :, 0]
        told = mean[:, column] + along[:, row] * first[:, column]
        told = np.clip(told, (low - margin)[column], (high + margin)[column])
        moved = float(np.abs(told - filled[:, row, column]).max())
        filled[:, row, column] = told
        if moved < _SETTLED:
            break
    mean, covariance = _moments(first_moment, second_moment, filled, mass)
    variances, vectors = np.linalg.eigh(covariance)
    whole_table = np.array(table[None])
    whole_table[0, ~whole] = filled[0]
    return whole_table + centre, mean + centre, vectors[:, :, ::-1], np.maximum(variances[:, ::-1], 0.0)


def _moments(first: Array, second: Array, filled: Array, mass: Array) -> tuple[Array, Array]:
    """(B, K) means and (B, K, K) covariances from the moments of whole rows and the filled ones."""
    weighted = filled * mass[:, :, None]
    mean = first + weighted.sum(axis=1)
    covariance = second + np.matmul(weighted.transpose(0, 2, 1), filled) - mean[:, :, None] * mean[:, None, :]
    return mean, covariance


def _leading(covariance: Array, vector: Array, steps: int) -> Array:
    """(B, K) leading directions, by power steps from those of the round before."""
    for _ in range(steps):
        vector = np.matmul(covariance, vector[:, :, None])[:, :, 0]
        vector = vector / np.maximum(np.linalg.norm(vector, axis=1, keepdims=True), 1e-300)
    return vector
