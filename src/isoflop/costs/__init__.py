"""What a choice costs: parameters, FLOPs, memory, serving, time, energy and money, each formula with its source.

The functions of `training`, `memory` and `serving` are pure and take NumPy arrays that broadcast, for the planner;
`Architecture` counts a model exactly; `count()` puts everything about one model side by side.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isoflop.costs.devices import Device, device
    from isoflop.costs.errors import CostError

_HOMES = {
    "Device": "devices",
    "CostError": "errors",
    "device": "devices",
}

__all__ = ["CostError", "Device", "device"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"isoflop.costs.{_HOMES[name]}"), name)
    raise AttributeError(f"isoflop.costs has no {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
