"""What a fit of laws of schedules says: the parameters of each law, how well it fits, what was held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isoflop.report.sentences import estimate_cells
from isoflop.report.view import Cell, Table, View

if TYPE_CHECKING:
    from isoflop.curves.schedule_fit import ScheduleFit
    from isoflop.report.figures import Figure


def view(fit: ScheduleFit) -> View:
    """The fit as a view."""
    from isoflop.curves.schedule_laws import schedule_law

    names = ", ".join(each.name or "a run" for each in fit.curves)
    points = sum(len(each) for each in fit.curves)
    lead = [f"Fitted to {points:,} losses of {len(fit.curves)} runs: {names}; the warm-up enters every sum."]
    rows: list[tuple[Cell, ...]] = []
    for member in fit.members:
        law = schedule_law(member.law)
        lead.append(
            f"{law.title}: loss = {law.formula}; residuals {100 * member.residual:.2g} %, "
            f"{member.agree} of {member.starts} starts agree."
        )
        for name, each in member.parameters.items():
            held = "held" if name in member.held else ""
            rows.append((member.law, name, *estimate_cells(each), held))
    if len(fit.members) > 1:
        shares = ", ".join(f"{each.law} {weight:.2f}" for each, weight in zip(fit.members, fit.weights))
        lead.append(f"A forecast is the mean of the laws, weighted by forecasts of held-back ends: {shares}.")
    table = Table(("law", "parameter", "value", "95 % interval", ""), tuple(rows), caption="Parameters").without_empty()
    return View(
        title=f"Laws of schedules fitted to {len(fit.curves)} curves", lead=tuple(lead), tables=(table,),
        notices=fit.warnings,
    )  # fmt: skip


def figures(fit: ScheduleFit) -> dict[str, Figure]:
    """``fit``: observed and fitted losses, and residuals."""
    from isoflop.report.curve_figures import fit_figure

    return {"fit": fit_figure(fit)}
