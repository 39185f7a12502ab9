"""What a loss curve says: how long it is, what it lost, and what reading had to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isoflop.report.view import View

if TYPE_CHECKING:
    from isoflop.curves.curve import Curve
    from isoflop.report.figures import Figure


def view(curve: Curve) -> View:
    """The curve as a view."""
    seen = curve.finite
    lead = [f"{len(curve):,} losses, {curve.unit} {curve.steps[0]:,g} to {curve.steps[-1]:,g}."]
    if len(seen):
        low = int(np.argmin(seen.loss))
        lead.append(f"Last loss {seen.loss[-1]:.5g}, lowest {seen.loss[low]:.5g} at {curve.unit} {seen.steps[low]:,g}.")
    if np.isfinite(curve.total):
        lead.append(f"{curve.steps[-1] / curve.total:.0%} of a run that ends at {curve.total:,g}.")
    return View(title=f"Loss curve {curve.name}".strip(), lead=tuple(lead), notices=curve.notices)


def figures(curve: Curve) -> dict[str, Figure]:
    """``curve``: the losses."""
    from isoflop.report.curve_figures import curve_figure

    return {"curve": curve_figure(curve)}
