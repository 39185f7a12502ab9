"""Scaling law with learning-rate annealing: the fall is the running sum of the momentum of falling rates."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from isoflop.atlas.papers.tissue_2024 import TISSUE
from isoflop.curves.sampled import Sampled
from isoflop.curves.schedule_laws.registry import ScheduleLaw
from isoflop.curves.schedule_sums import momentum_areas

Array = NDArray[np.float64]

_IDLE_SHARE = 0.001  # of the steps may end at rate 0: the last step of a decay to zero
_NEXT_TO_NOTHING = 1e-3  # of the peak: rates below teach nothing, but the area goes on growing


class AnnealingLaw(ScheduleLaw):
    """L_0 + A S1^-alpha - G S2, with S2 the annealing area at one momentum (0.999 in the paper)."""

    id = "annealing"
    title = "Learning-rate annealing law"
    formula = "L_0 + A / S1**alpha - G * S2"
    source = TISSUE
    gain = "G"
    shape: Mapping[str, tuple[float, float, tuple[float, ...]]] = MappingProxyType(
        {"alpha": (0.02, 3.0, (0.25, 0.5, 1.0)), "momentum": (0.9, 0.99999, (0.99, 0.999, 0.9995))}
    )
    held_by_default: Mapping[str, float] = MappingProxyType({"momentum": 0.999})  # the paper's
    always_held = ("momentum",)

    def falls(self, rates: Array, shape: Mapping[str, Array]) -> Array:
        """S2 at every step."""
        if shape["momentum"].size == 1:
            return momentum_areas(rates, float(shape["momentum"][0]))[1]
        return np.concatenate([momentum_areas(row, float(each))[1] for row, each in zip(rates, shape["momentum"])])

    def sampled_falls(self, sampled: Sampled, shape: Mapping[str, Array]) -> Array:
        """S2 at the observed points, once for every distinct momentum."""
        made = np.empty((shape["momentum"].size, sampled.loss.size))
        for momentum in np.unique(shape["momentum"]):
            areas = [momentum_areas(rates, float(momentum))[1][0] for rates in sampled.full_rates]
            there = [area[sampled.steps[sampled.curve == k]] for k, area in enumerate(areas)]
            made[shape["momentum"] == momentum] = np.concatenate(there)
        return made

    def refusals(self, rates: Array) -> list[str]:
        """Padding at rate zero, where the area, and with it the forecast, goes on falling without any learning."""
        learning = np.flatnonzero(rates > _NEXT_TO_NOTHING * rates.max())
        idle = rates.size - 1 - (int(learning[-1]) if learning.size else -1)
        if idle <= max(1, _IDLE_SHARE * rates.size):
            return []
        return [
            f"its last {idle} of {rates.size} steps have a learning rate of (next to) 0, where the annealing law goes "
            f"on lowering the loss although nothing is learnt: refused; end the schedule at step {rates.size - idle}, "
            "or use the law multi_power"
        ]


LAW = AnnealingLaw()
