"""What watching a run says: its alarms, or that there are none, and how likely it stands still."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from isoflop.report.view import Cell, Number, Table, View

if TYPE_CHECKING:
    from isoflop.curves.watch import Alarm, CurveWatch
    from isoflop.report.figures import Figure


def view(watched: CurveWatch) -> View:
    """The watch as a view."""
    curve = watched.curve
    lead = [f"{len(watched.alarms)} alarms." if len(watched.alarms) != 1 else "1 alarm."]
    if not watched.alarms:
        lead = ["No alarm: no loss that is no number, no spike, no divergence, no plateau."]
    if np.isfinite(watched.plateau):
        lead.append(
            f"If it goes on as in its later half, the rest changes the loss by {-100 * watched.gain:+.2g} %; "
            f"that it gains less than {100 * watched.tolerance:g} % has probability {watched.plateau:.0%}."
        )
    return View(
        title=f"Watch of {curve.name or 'the run'}, {len(curve):,} losses",
        lead=tuple(lead),
        tables=tuple(alarm_table(watched.alarms, curve.unit)),
        notices=tuple(each for each in curve.notices if each.code != "rates_interpolated"),
    )


def alarm_table(alarms: Sequence[Alarm], unit: str) -> list[Table]:
    """The alarms, where there are some."""
    if not alarms:
        return []
    rows: list[tuple[Cell, ...]] = [
        (each.kind.replace("_", " "), Number(each.step, exact=True), str(each.row or ""), each.message)
        for each in alarms
    ]
    return [Table(("alarm", unit, "row", "what was seen"), tuple(rows), caption="Alarms", wrapped=True).without_empty()]


def figures(watched: CurveWatch) -> dict[str, Figure]:
    """``curve``: the losses with the alarms."""
    from isoflop.report.curve_figures import watch_figure

    return {"curve": watch_figure(watched)}
