"""What a choice costs: parameters, FLOPs, memory, serving, time, energy and money, each formula with its source.

The functions of `training`, `memory` and `serving` are pure and take NumPy arrays that broadcast, for the planner;
`Architecture` counts a model exactly; `count()` puts everything about one model side by side.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isoflop.costs.architecture import Architecture, Experts, LatentAttention, Parameters
    from isoflop.costs.devices import Device, Price, device
    from isoflop.costs.errors import CostError
    from isoflop.costs.flops import flops_per_token
    from isoflop.costs.model_count import Count, count

_HOMES = {
    "Architecture": "architecture",
    "Experts": "architecture",
    "LatentAttention": "architecture",
    "Parameters": "architecture",
    "Device": "devices",
    "Price": "devices",
    "device": "devices",
    "CostError": "errors",
    "flops_per_token": "flops",
    "Count": "model_count",
    "count": "model_count",
}

__all__ = [
    "Architecture",
    "CostError",
    "Count",
    "Device",
    "Experts",
    "LatentAttention",
    "Parameters",
    "Price",
    "count",
    "device",
    "flops_per_token",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"isoflop.costs.{_HOMES[name]}"), name)
    raise AttributeError(f"isoflop.costs has no {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
