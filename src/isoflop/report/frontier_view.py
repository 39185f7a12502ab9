"""What a frontier says: the best plan at each value of a limit, and the price of a smaller model as good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isoflop.report.figures import Figure, Line, Panel, Points
from isoflop.report.rounding import short
from isoflop.report.view import Cell, Number, Table, View

if TYPE_CHECKING:
    from isoflop.planning.frontier import Frontier

_ROWS = 13


def view(frontier: Frontier) -> View:
    """The frontier as a view."""
    return View(
        title=f"Frontier: {frontier.objective} against {frontier.limit}",
        lead=(
            f"{frontier.title}. Each row is the best plan at its limit, nothing rounded.",
            *_trade_sentence(frontier),
        ),
        tables=(_table(frontier), _trade(frontier)),
        simulated=frontier.simulated,
    )


def figures(frontier: Frontier, **options: Any) -> dict[str, Figure]:
    """``frontier``: objective against the limit, and training against serving at the plan's loss."""
    del options
    x = np.array([each.limit for each in frontier.points])
    y = np.array([each.objective for each in frontier.points])
    plan = Points(np.array([frontier.plan.limit]), np.array([frontier.plan.objective]), "the plan", marker="diamond")
    unit = f", {frontier.limit_unit}" if frontier.limit_unit not in ("", frontier.limit) else ""
    panels = [Panel((Line(x, y, colour=0), plan), f"{frontier.limit}{unit}", frontier.objective, x_log=True,
                    y_log=bool(np.all(y > 0)))]  # fmt: skip
    caption = f"The best {frontier.objective} at each {frontier.limit}."
    if frontier.trade:
        training, active = np.array(frontier.trade).T
        here = (
            frontier.plan.values.get("training_flops", np.nan),
            frontier.plan.values.get("active_parameters", np.nan),
        )
        layers = (
            Line(training, active, colour=1),
            Points(np.array([here[0]]), np.array([here[1]]), "the plan", marker="diamond"),
        )
        panels.append(Panel(layers, "training compute, FLOPs", "parameters that a token uses", x_log=True, y_log=True,
                            place=(0, 1)))  # fmt: skip
        caption += " Right: models of the plan's own loss, from the cheapest to train to ever smaller to serve."
    return {"frontier": Figure(tuple(panels), caption, (4.8 * len(panels), 3.6), simulated=frontier.simulated)}


def _table(frontier: Frontier) -> Table:
    listed = frontier.points
    picked = np.unique(np.linspace(0, len(listed) - 1, min(_ROWS, len(listed))).astype(int))
    shown = [name for name in ("N", "D", "tokens_per_parameter", "training_flops", "serving_flops", "dollars")
             if name in frontier.plan.values and name != frontier.limit]  # fmt: skip
    options = tuple(frontier.plan.options)
    rows: list[tuple[Cell, ...]] = []
    for k in picked:
        each = listed[int(k)]
        counts = (Number(each.values[name], kind="count" if name in ("N", "D") else "plain") for name in shown)
        labels = (each.options[name] for name in options)
        rows.append((Number(each.limit), Number(each.objective, each.objective / 1e4), *labels, *counts))
    return Table((frontier.limit, frontier.objective, *options, *shown), tuple(rows))


def _trade(frontier: Frontier) -> Table:
    if not frontier.trade:
        return Table((), ())
    first = frontier.trade[0]
    picked = np.unique(np.linspace(0, len(frontier.trade) - 1, 6).astype(int))
    rows = tuple(
        (
            Number(frontier.trade[k][0]),
            f"{short(frontier.trade[k][0] / first[0], digits=3)} x",
            Number(frontier.trade[k][1], kind="count"),
            f"{short(100 * frontier.trade[k][1] / first[1], digits=3)} %",
        )
        for k in picked.tolist()
    )
    columns = ("training FLOPs", "of the least", "active parameters", "of the cheapest to train")
    return Table(columns, rows, "Serving against training, at the plan's loss")


def _trade_sentence(frontier: Frontier) -> tuple[str, ...]:
    if len(frontier.trade) < 2:
        return ()
    (least, largest), (most, smallest) = frontier.trade[0], frontier.trade[-1]
    return (
        f"At the plan's loss, {short(most / least, digits=2)} times the least training compute buys a model of "
        f"{short(100 * smallest / largest, digits=2)} % of the parameters, cheaper to serve by as much.",
    )
