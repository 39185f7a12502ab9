"""What the observational laws of a leaderboard say: for each task how well the others tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isoflop.report.figures import Figure, Line, Panel, Points
from isoflop.report.view import Cell, Table, View

if TYPE_CHECKING:
    from isoflop.downstream.leaderboard import Leaderboard
    from isoflop.downstream.observational_law import Observational

_PANELS, _COLUMNS = 12, 4


def view(made: Leaderboard) -> View:
    """One row a task."""
    rows = tuple(_row(each) for each in made.laws)
    columns = (
        "task", "fitted", "PC1", "held out", "rank correlation", "mean abs. error", "inside", "by compute: rank",
        "mean abs. error ", "to look at",
    )  # fmt: skip
    caption = "Each task told from the others: from scores on them, and from family and compute alone"
    title = f"Observational laws of {len(made.laws)} tasks, {len(made.scores)} models"
    lead = (f"{len(made.refused)} tasks could not be fitted.",) if made.refused else ()
    table = Table(columns, rows, caption).without_empty()
    return View(title, lead=lead, tables=(table,), notices=made.warnings, simulated=made.scores.simulated)


def figures(made: Leaderboard, **_: Any) -> dict[str, Figure]:
    """``forecasts``: a panel a task, forecasts against what was measured, of held-out models where there are any."""
    panels = tuple(_panel(law, (k // _COLUMNS, k % _COLUMNS)) for k, law in enumerate(made.laws[:_PANELS]))
    rows = 1 + (len(panels) - 1) // _COLUMNS
    held = "held-out" if any(law.held_out.any() for law in made.laws) else "fitted"
    caption = f"Forecasts from the other benchmarks against what was measured, {held} models; the line is equality."
    size = (2.6 * min(len(panels), _COLUMNS) + 0.6, 2.4 * rows + 0.2)
    return {"forecasts": Figure(panels, caption, size, simulated=made.scores.simulated)}


def _panel(law: Observational, place: tuple[int, int]) -> Panel:
    chosen = law.held_out if law.held_out.any() else law.fitted
    told, seen = law.by_scores.value[chosen], law.observed[chosen]
    low, high = law.by_scores.low[chosen], law.by_scores.high[chosen]
    ends = np.array([min(told.min(), seen.min()), max(told.max(), seen.max())])
    layers = (
        Line(ends, ends, colour="muted", width=1.0),
        Points(seen, told, colour=0, low=low, high=high, size=3.0, opacity=0.6),
    )
    return Panel(layers, "measured", "forecast", title=law.target.name, place=place)


def _row(law: Observational) -> tuple[Cell, ...]:
    scored, by_compute = law.score("scores"), law.score("compute")
    codes = ", ".join(n.code for n in law.warnings if n.code in ("no_signal_yet", "no_common_capability"))

    def text(table: dict[str, float], key: str) -> str:
        return f"{table[key]:.3f}" if key in table and np.isfinite(table[key]) else ""

    return (
        law.target.name,
        str(int(law.fitted.sum())),
        f"{law.components.share[0, 0]:.0%}",
        f"{scored['models']:.0f}" if scored else "",
        text(scored, "rank_correlation"),
        text(scored, "mean_absolute_error"),
        f"{scored['covered']:.0%}" if scored else "",
        text(by_compute, "rank_correlation"),
        text(by_compute, "mean_absolute_error"),
        codes,
    )
