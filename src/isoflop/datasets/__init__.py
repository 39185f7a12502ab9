"""Real data sets that ship with isoflop: trained by us, each with a card that says how."""

from __future__ import annotations

from isoflop.datasets.reference import datasets, h200_reference, h200_reference_curves, h200_reference_forecast

__all__ = ["datasets", "h200_reference", "h200_reference_curves", "h200_reference_forecast"]
