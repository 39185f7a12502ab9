"""What each family of models adds to a law, on the logistic scale, shrunk by what few models can tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: shares are kept this far from floor and ceiling before their logit is taken
_MARGIN = 0.02
_LONGEST = 3.0  # of logit: the residual of one odd model does not carry its family away
#: models beyond the first of their family, from which the spread inside families is told
_LEAST_REPEATS = 5


@dataclass(frozen=True, eq=False)
class FamilyOffsets:
    """Offsets by family.

    Attributes
    ----------
    by_family : {family: offset in logits}. between : standard deviation of families. errors : {family: standard error}.
    explained : share of the variance of residuals that lies between families; 0 where families tell nothing.
    """

    by_family: Mapping[str, float]
    errors: Mapping[str, float]
    between: float
    explained: float

    def moved(self, share: Array, families: NDArray[np.str_], floor: float) -> Array:
        """Shares (..., K) of models of these families (K,)."""
        if not self.by_family:
            return share
        offset = np.array([self.by_family.get(str(name), 0.0) for name in families])
        return _unlogit(_logit(share, floor) + offset, floor)

    def scattered(
        self, mean: Array, scatter: Array, families: NDArray[np.str_], floor: float, generator: np.random.Generator
    ) -> Array:
        """Draws (B, K) for new models: the law's `scatter`, which holds the differences of families, and without them
        where the family is known."""
        if not self.by_family:
            return mean + scatter
        known = np.array([str(name) in self.by_family for name in families])
        within = scatter * np.where(known, np.sqrt(1.0 - self.explained), 1.0)
        error = np.array([self.errors.get(str(name), 0.0) for name in families])
        moved = _logit(mean, floor) + error * generator.standard_normal((len(mean), 1))
        return _unlogit(moved, floor) + within

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping."""
        return {"by_family": dict(self.by_family), "between": self.between, "explained": self.explained}


def family_offsets(share: Array, residuals: Array, families: NDArray[np.str_], floor: float) -> FamilyOffsets:
    """Offsets from the `residuals` (R,) of a law that gives `share` (R,), by the method of moments.

    Each family's mean residual is multiplied by n / (n + within variance / between variance), its reliability.

    >>> level = np.full(40, 0.5)
    >>> found = family_offsets(level, np.repeat([0.1, -0.1], 20), np.repeat(["a", "b"], 20), 0.0)
    >>> round(found.by_family["a"], 2)
    0.4
    """
    names, labels, counts = np.unique(families, return_inverse=True, return_counts=True)
    if len(names) < 2 or len(share) - len(names) < _LEAST_REPEATS:
        return FamilyOffsets({}, {}, 0.0, 0.0)
    place = np.clip((share - floor) / (1.0 - floor), _MARGIN, 1.0 - _MARGIN)
    slope = (1.0 - floor) * place * (1.0 - place)
    z = np.clip(residuals / slope, -_LONGEST, _LONGEST)
    means = np.bincount(labels, z) / counts
    inside = np.bincount(labels, (z - means[labels]) ** 2).sum() / max(len(z) - len(names), 1)
    effective = (len(z) - (counts**2).sum() / len(z)) / (len(names) - 1)
    outside = (counts * (means - z.mean()) ** 2).sum() / (len(names) - 1)
    between = max((outside - inside) / effective, 0.0)
    if between == 0:
        return FamilyOffsets({}, {}, 0.0, 0.0)
    trust = counts / (counts + inside / between)
    errors = np.sqrt(between * (1.0 - trust))
    listed = names.tolist()
    return FamilyOffsets(
        dict(zip(listed, (trust * means).tolist())),
        dict(zip(listed, errors.tolist())),
        float(np.sqrt(between)),
        float(between / (between + inside)),
    )


def _logit(share: Array, floor: float) -> Array:
    place = np.clip((share - floor) / (1.0 - floor), 1e-6, 1.0 - 1e-6)
    return np.asarray(np.log(place / (1.0 - place)))


def _unlogit(logit: Array, floor: float) -> Array:
    return np.asarray(floor + (1.0 - floor) / (1.0 + np.exp(-logit)))
