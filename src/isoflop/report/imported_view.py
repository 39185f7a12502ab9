"""What an import says: the runs found with what is known of each, what was left out and why; and their curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isoflop.report.figures import Figure, Line, Panel
from isoflop.report.sentences import kind_of
from isoflop.report.view import Cell, Number, Table, View

if TYPE_CHECKING:
    from isoflop.runs.importers.imported import Imported

#: more rows or lines than this tell a reader nothing
_MOST_ROWS, _MOST_LINES = 20, 12


def view(imported: Imported) -> View:
    """The import as a view."""
    resolved = imported.resolved
    shown = [name for name in ("N", "D", "C", "BS", "S", "LR", imported.output) if name in resolved.columns]
    rows: list[tuple[Cell, ...]] = []
    for row, run in enumerate(imported.tracked[:_MOST_ROWS]):
        cells: list[Cell] = [Number(float(resolved.columns[name][row]), kind=kind_of(name)) for name in shown]
        rows.append((run.name, *cells))
    more = len(imported) - _MOST_ROWS
    origins: list[tuple[Cell, ...]] = [(name, resolved.origins[name]) for name in shown]
    tables = [
        Table(("run", *shown), tuple(rows), more=f"and {more:,} more runs" if more > 0 else ""),
        Table(("column", "read from"), tuple(origins)),
    ]
    if imported.left_out:
        listed = imported.left_out[:_MOST_ROWS]
        tables.append(Table(("left out", "why"), tuple((each.name, each.reason) for each in listed), wrapped=True))
    return View(
        title=f"{len(imported):,} run{'s' * (len(imported) != 1)} from {imported.title}",
        lead=(f"{imported.sentence()}.", f"Conventions: {imported.conventions.sentence()}."),
        tables=tuple(table for table in tables if table.rows),
        notices=imported.notices,
    )


def figures(imported: Imported) -> dict[str, Figure]:
    """``curves``: the loss of each run against tokens, or against steps where tokens are not known."""
    curves = imported.curves
    shown = [run.name for run in imported.tracked if (~np.isnan(curves.of(run.name).loss)).sum() > 1][:_MOST_LINES]
    if not shown:
        return {}
    by_tokens = all(not np.isnan(curves.of(name).tokens).all() for name in shown)
    lines = []
    for place, name in enumerate(shown):
        curve = curves.of(name)
        x = curve.tokens if by_tokens else curve.step
        known = ~np.isnan(curve.loss) & (x > 0)
        lines.append(Line(x[known], curve.loss[known], name, place % 8))
    panel = Panel(
        tuple(lines), "training tokens" if by_tokens else "steps", imported.resolved.loss, x_log=True, y_log=True
    )
    return {"curves": Figure((panel,), f"The {imported.resolved.loss} of {len(shown)} runs as it was logged.")}
