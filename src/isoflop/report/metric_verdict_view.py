"""What one verdict says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isoflop.report.figures import Figure
from isoflop.report.verdicts_view import shape_panel
from isoflop.report.view import View

if TYPE_CHECKING:
    from isoflop.downstream.verdict import MetricVerdict


def view(made: MetricVerdict) -> View:
    """The verdict with its reasons."""
    return View(f"Verdict on {made.task.name}", lead=(f"{made.task.name} {made.sentence}.",),
                notices=(*made.reasons, *made.cautions))  # fmt: skip


def figures(made: MetricVerdict, **_: Any) -> dict[str, Figure]:
    """``shape``: scores against scale."""
    return {"shape": Figure((shape_panel(made.shape),))} if made.shape else {}
