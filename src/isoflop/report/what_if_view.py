"""What a what-if says: each change, the best plan that is left, and what it is worth in compute."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from isoflop.report.figures import Figure, Guide, Layer, Line, Panel
from isoflop.report.rounding import short
from isoflop.report.view import Cell, Number, Table, View

if TYPE_CHECKING:
    from isoflop.planning.what_if import Supposed, WhatIf

_ROUNDING = 1e-12  # relative: two searches that end in the same plan


def view(asked: WhatIf) -> View:
    """The comparison as a view."""
    numbers = [name for name in asked.names if name not in asked.plan.options]
    rows = tuple(_row(each, asked, numbers) for each in (asked.plan, *asked.supposed))
    columns = ("what if", asked.objective, "difference", "equivalent compute", *asked.plan.options, *numbers)
    obstacles = tuple((each.change, each.obstacle) for each in asked.supposed if each.obstacle)
    tables = [Table(columns, rows)]
    if obstacles:
        tables.append(Table(("what if", "why there is no plan"), obstacles))
    return View(
        title=f"What if: {asked.title}",
        lead=(
            "One thing changed at a time, every other choice re-optimised. Equivalent compute: the training compute "
            "that reaches the same loss when nothing else limits, against the plan's.",
        ),
        tables=tuple(tables),
        simulated=asked.simulated,
    )


def figures(asked: WhatIf, **options: Any) -> dict[str, Figure]:
    """``worth``: what each change does to the equivalent compute."""
    del options
    shown = [each for each in asked.supposed if math.isfinite(each.worth)]
    layers: list[Layer] = [Guide(0.0, "x")]
    for k, each in enumerate(shown):
        worth = 100 * (each.worth - 1)
        layers.append(Line(np.array([0.0, worth]), np.full(2, float(k)), colour=1 if worth < 0 else 0, width=8.0))
    names = tuple(each.change for each in shown) or ("nothing",)
    panel = Panel(tuple(layers), "equivalent compute gained, %", categories=names, y_range=(len(names) - 0.5, -0.5))
    caption = "What each change is worth, every other choice re-optimised; below zero is wasted compute."
    return {"worth": Figure((panel,), caption, (7.0, 1.5 + 0.35 * len(names)), simulated=asked.simulated)}


def _row(each: Supposed, asked: WhatIf, numbers: list[str]) -> tuple[Cell, ...]:
    difference = each.objective - asked.plan.objective
    if abs(difference) < _ROUNDING * abs(asked.plan.objective):
        difference = 0.0
    told: Cell = "" if each is asked.plan or math.isnan(difference) else f"{difference:+.2g}"
    worth = "" if math.isnan(each.worth) else f"{short(each.worth, digits=3)} x"
    labels = tuple(each.options.get(name, "") for name in asked.plan.options)
    values = tuple(Number(each.values.get(name, math.nan), kind="count" if name in ("N", "D") else "plain")
                   for name in numbers)  # fmt: skip
    loss = Number(each.objective, abs(asked.plan.objective) / 1e4)
    return (each.change, loss, told, worth, *labels, *values)
