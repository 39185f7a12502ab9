"""Multi-power law: every fall of the learning rate lowers the loss, with a gain that saturates as a power."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from isoflop.atlas.papers.luo_2025 import LUO, PUBLISHED
from isoflop.curves.sampled import Sampled
from isoflop.curves.schedule_laws.registry import ScheduleLaw
from isoflop.curves.schedule_sums import _drops, power_drops

Array = NDArray[np.float64]


class MultiPowerLaw(ScheduleLaw):
    """L_0 + A S1^-alpha - B sum_k (rate_(k-1) - rate_k) (1 - (1 + C rate_k^-gamma S_k)^-beta)."""

    id = "multi_power"
    title = "Multi-power law"
    formula = "L_0 + A / S1**alpha - B * sum_k (rate_(k-1) - rate_k) * (1 - (1 + C * rate_k**-gamma * S_k)**-beta)"
    source = LUO
    gain = "B"
    shape: Mapping[str, tuple[float, float, tuple[float, ...]]] = MappingProxyType(
        {
            "alpha": (0.02, 3.0, (0.35, 0.5, 0.8)),
            "C": (1e-3, 1e3, (0.5, 2.0, 8.0)),
            "beta": (0.05, 3.0, (0.3, 0.6, 1.0)),
            "gamma": (0.0, 2.0, (0.4, 0.65)),
        }
    )
    published = PUBLISHED
    #: medians of the three published sizes, which agree within 3 %
    held_by_default: Mapping[str, float] = MappingProxyType({"beta": 0.593, "gamma": 0.641})

    def falls(self, rates: Array, shape: Mapping[str, Array]) -> Array:
        """The drop sum at every step."""
        return power_drops(rates, shape["C"], shape["beta"], shape["gamma"])

    def sampled_falls(self, sampled: Sampled, shape: Mapping[str, Array]) -> Array:
        """The drop sum at the observed points, every shape with every curve in one recursion."""
        shapes, curves = shape["C"].size, sampled.rates.shape[0]
        parts = [np.tile(each, (shapes, 1)) for each in (sampled.rates, sampled.moved, sampled.lag, sampled.falls)]
        wide = [np.repeat(shape[name], curves) for name in ("C", "beta", "gamma")]
        drops = _drops(parts[0], parts[1], parts[2], parts[3], wide[0], wide[1], wide[2]).reshape(shapes, curves, -1)
        return np.concatenate([drops[:, k, where] for k, where in enumerate(sampled.points)], axis=1)


LAW = MultiPowerLaw()
