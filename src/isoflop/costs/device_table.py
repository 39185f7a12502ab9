"""The table of devices as a result: what is known of each, from where, and what an hour is said to cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isoflop.costs.devices import Device, devices
from isoflop.costs.errors import CostError
from isoflop.presented import Presented

SCHEMA = "isoflop.device_table"


@dataclass(frozen=True)
class DeviceTable(Presented):
    """Devices, in the order of the table."""

    devices: tuple[Device, ...]

    def __len__(self) -> int:
        return len(self.devices)

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping, each device in the units of the TOML table."""
        return {"schema": SCHEMA, "devices": [each.to_dict() for each in self.devices]}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> DeviceTable:
        """The inverse of `to_dict`.

        Raises
        ------
        CostError : it is no table of devices.
        """
        if stored.get("schema") != SCHEMA:
            raise CostError(f"this is no table of devices (its schema is {stored.get('schema')!r})")
        rows = stored.get("devices")
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise CostError("this table of devices is damaged: it has no list of devices")
        return cls(tuple(Device.from_dict(each) for each in rows))


def device_table(path: str | Path | None = None) -> DeviceTable:
    """Every known device; those of the TOML file `path` are added, and override fields of the same name.

    Raises
    ------
    CostError : the file cannot be read or is no table of devices.

    >>> len(device_table()) > 20
    True
    """
    return DeviceTable(tuple(devices(path).values()))
