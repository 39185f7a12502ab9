"""What the shape of a metric says: every shape with its probability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isoflop.report.figures import Figure
from isoflop.report.verdicts_view import shape_panel, shape_word
from isoflop.report.view import Table, View

if TYPE_CHECKING:
    from isoflop.downstream.shapes import Shape


def view(made: Shape) -> View:
    """The shape with the probabilities of the others."""
    lead = [f"{made.task.name} is {shape_word(made.name)} in {made.scale_name} with probability {made.confidence:.0%}."]
    if made.refusal:
        lead.append(f"{made.refusal[1]}.")
    ordered = sorted(made.probabilities.items(), key=lambda item: -item[1])
    rows = tuple((shape_word(name), f"{share:.0%}") for name, share in ordered)
    return View(f"Shape of {made.task.name}", lead=tuple(lead), tables=(Table(("shape", "probability"), rows),),
                notices=made.warnings)  # fmt: skip


def figures(made: Shape, **_: Any) -> dict[str, Figure]:
    """``shape``: scores against scale."""
    return {"shape": Figure((shape_panel(made),))}
