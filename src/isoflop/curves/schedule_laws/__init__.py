"""Laws of the loss under any learning-rate schedule, one file each, found by discovery: a file that defines `LAW`."""

from __future__ import annotations

from isoflop.curves.schedule_laws.registry import ScheduleLaw, schedule_law, schedule_laws

__all__ = ["ScheduleLaw", "schedule_law", "schedule_laws"]
