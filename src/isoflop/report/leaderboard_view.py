"""What the observational laws of a leaderboard say: for each task how well the others tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isoflop.report.figures import Figure, Guide, Panel, Points
from isoflop.report.view import Cell, Table, View

if TYPE_CHECKING:
    from isoflop.downstream.leaderboard import Leaderboard
    from isoflop.downstream.observational_law import Observational


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
    """``forecasts`` against what was measured, held-out models of every task."""
    layers: list[Points | Guide] = []
    for colour, law in enumerate(made.laws[:8]):
        held = law.held_out if law.held_out.any() else law.fitted
        layers.append(Points(law.by_scores.value[held], law.observed[held], law.target.name, colour % 8))
    panel = Panel(tuple(layers), "forecast", "measured")
    return {"forecasts": Figure((panel,), "Forecasts from the other benchmarks against what was measured.")}


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
