"""What sampling until r passes says: the rate of each model, the law in size, where it bends."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from isoflop.report.figures import Band, Figure, Line, Panel, Points
from isoflop.report.sentences import estimate_cells, percent
from isoflop.report.view import Cell, Markup, Number, Table, View

if TYPE_CHECKING:
    from isoflop.downstream.pass_until import PassUntil

_FORMULA = Markup(
    "rate = exp(-c * N**-alpha)", "<i>rate</i> = exp(&minus;<i>c N</i><sup>&minus;α</sup>)",
    r"\text{rate} = \exp(-c N^{-\alpha})",
)  # fmt: skip


def view(made: PassUntil) -> View:
    """The law as a view."""
    lowest = made.rates.value[made.used].min()
    lead = (
        f"{len(made.scale)} models; the smallest pass rate measured is {lowest:.2g}, by the unbiased estimate "
        "(r - 1)/(K - 1).",
    )
    constants = Table(
        ("constant", "value", percent(made.level) + " interval"),
        tuple((name, *estimate_cells(each)) for name, each in (("alpha", made.alpha), ("c", made.c))),
    )
    return View("Pass rates in model size", _FORMULA, lead, (constants, _rates(made)), made.warnings)


def figures(made: PassUntil, **_: Any) -> dict[str, Figure]:
    """``rates``: pass rates against size with the law; ``line``: log(-log rate), straight where the law holds."""
    x = np.geomspace(made.scale[0], made.scale[-1] * 4, 80)
    told, low, high = made.forecast(x)
    seen = made.rates.value > 0
    points = Points(made.scale[seen], made.rates.value[seen], "measured", low=made.rates.low[seen],
                    high=made.rates.high[seen])  # fmt: skip
    law = Panel((Band(x, low, high), Line(x, told, "law"), points), "parameters N", "pass rate", x_log=True, y_log=True)
    with np.errstate(divide="ignore"):
        inner = -np.log(made.rates.value[made.used])
        line = Panel(
            (Line(x, -np.log(told), "law"), Points(made.scale[made.used], inner, "measured")),
            "parameters N", "-log pass rate", x_log=True, y_log=True,
        )  # fmt: skip
    caption = "Pass rates by sampling until r passes, and the law continued four times beyond the largest model."
    return {"rates": Figure((law,), caption), "line": Figure((line,), "A straight line is the law.")}


def _rates(made: PassUntil) -> Table:
    told = made.forecast(made.scale)[0]
    rows: list[tuple[Cell, ...]] = []
    for k in range(len(made.scale)):
        rate = made.rates
        how = "capped" if rate.capped[k] else ""
        rows.append(
            (Number(made.scale[k], kind="count"), f"{made.passes[k]:.0f}", f"{made.samples[k]:,.0f}",
             f"{rate.value[k]:.3g}", f"{rate.low[k]:.2g} to {rate.high[k]:.2g}",
             f"{told[k]:.3g}" if math.isfinite(told[k]) else "", how)
        )  # fmt: skip
    columns = ("N", "passes", "samples", "pass rate", percent(made.level) + " interval", "law", "")
    return Table(columns, tuple(rows), "Pass rates with exact intervals").without_empty()
