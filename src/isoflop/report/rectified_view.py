"""What rectified fits say: which model to fine-tune, how sure that is, the law of each model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from isoflop.report.figures import Band, Figure, Guide, Layer, Line, Panel, Points
from isoflop.report.rounding import short
from isoflop.report.sentences import formula_of, percent
from isoflop.report.view import Cell, Interval, Number, Table, View

if TYPE_CHECKING:
    from isoflop.downstream.rectified import Rectified

_SHOWN = 12
_DRAWN = 6
_ROUTE_NAMES = {
    "rectified": "the rectified law",
    "accept_then_stop": "accept-then-stop lines",
    "mean": "the mean of the rectified law and accept-then-stop lines",
    "weighted": "the rectified law and accept-then-stop lines, weighted by forecasts inside the data",
}


def view(made: Rectified) -> View:
    """The choice of a model as a view."""
    from isoflop.downstream.rectified import rectified_law

    ahead = made.at / made.limit
    count = f"{len(made.curves)} models" if len(made.curves) > 1 else "1 model"
    reach = f"{short(ahead, digits=3)} times the data" if ahead > 1 else "within the data"
    lead = [
        f"Best at {made.at:,.0f} examples, {reach}: {made.chosen}, by {_ROUTE_NAMES[made.route]}.",
        f"The law leaves a log-RMSD of {made.mean_rmsd:.4f} on {count} up to {made.limit:,.0f} examples.",
    ]
    if math.isfinite(made.half_width) and len(made.curves) > 1:
        names = made.shortlist
        lead.insert(1, f"With {percent(made.level)} probability the best is among {len(names)}: {', '.join(names)}.")
    if scored := made.score():
        lead.append(
            f"Against the losses measured there, which no fit saw: rank correlation "
            f"{scored['rank_correlation']:.3f}, Pearson {scored['pearson']:.3f}, relative accuracy of the choice "
            f"{scored['relative_accuracy']:.3f}; the chosen model is number {scored['rank_of_chosen']:.0f}."
        )
    tables: tuple[Table, ...] = (_models(made, _SHOWN),)
    if scored:
        tables = (*tables, _routes(made))
    title = f"Fine-tuning of {count}, from {made.curves.source.rsplit('/', 1)[-1]}"
    return View(title, formula_of(rectified_law()), tuple(lead), tables, made.warnings)


def appendix(made: Rectified) -> tuple[View, ...]:
    """Every model, where the view shows only the first."""
    if len(made.curves) <= _SHOWN:
        return ()
    return (View("All models", tables=(_models(made, len(made.curves)),)),)


def figures(made: Rectified, **_: Any) -> dict[str, Figure]:
    """``curves``: measured losses and laws of the best models; ``ranking``: forecasts of all with intervals."""
    return {"curves": _curves(made), "ranking": _ranking(made)}


def _models(made: Rectified, most: int) -> Table:
    scored = np.isfinite(made.observed).any()
    rows: list[tuple[Cell, ...]] = []
    for k in made.order[:most].tolist():
        spread = made.forecast[k] * made.half_width / 2
        cells: list[Cell] = [
            str(made.curves.models[k]),
            Number(made.forecast[k], spread),
            Interval(made.low[k], made.high[k], spread),
            f"{100 * made.probability_best[k]:.0f} %" if math.isfinite(made.probability_best[k]) else "",
        ]
        if scored:
            cells.append(Number(made.observed[k]))
        rows.append((*cells, *(Number(each) for each in _without_dust(made, k)), f"{made.rmsd[k]:.4f}"))
    measured = ("measured",) if scored else ()
    columns = ("model", "forecast loss", percent(made.level) + " interval", "is best", *measured, "E", "B", "D_l",
               "beta", "log-RMSD")  # fmt: skip
    more = f"{len(made.curves) - most} more models" if len(made.curves) > most else ""
    return Table(columns, tuple(rows), f"Loss at {made.at:,.0f} examples, best first", more).without_empty()


def _without_dust(made: Rectified, k: int) -> list[float]:
    """The parameters of a model; a floor below a millionth of the losses is 0."""
    floor, *others = made.values[k].tolist()
    return [floor if floor > 1e-6 * made.forecast[k] else 0.0, *others]


def _routes(made: Rectified) -> Table:
    known = made.curves.up_to(made.limit)[1][:, -1]
    ways = {**made.forecasts, "last value": known, "zero-shot": made.curves.zero_shot, "size": -made.curves.size}
    rows: list[tuple[Cell, ...]] = []
    for name, forecast in ways.items():
        scored = made.score(forecast)
        if scored:
            error = "" if name == "size" else f"{scored['log_rmsd']:.3f}"
            rows.append(
                (name, f"{scored['rank_correlation']:.3f}", f"{scored['pearson']:.3f}",
                 f"{scored['relative_accuracy']:.3f}", f"{scored['rank_of_chosen']:.0f}", error)
            )  # fmt: skip
    columns = ("chosen by", "rank correlation", "Pearson", "relative accuracy", "rank of chosen", "log-RMSD")
    return Table(columns, tuple(rows), f"Ways to choose from {made.limit:,.0f} examples, against what was measured")


def _curves(made: Rectified) -> Figure:
    layers: list[Layer] = []
    used, loss = made.curves.up_to(made.limit)
    later = made.curves.examples[len(used) :]
    x = np.geomspace(used[0], max(made.at, made.curves.examples[-1]), 120)
    laws = made.predict(x)
    for colour, k in enumerate(made.order[:_DRAWN].tolist()):
        name = str(made.curves.models[k])
        layers.append(Points(used, loss[k], name, colour))
        if later.size:
            layers.append(Points(later, made.curves.loss[k, len(used) :], colour=colour, marker="ring"))
        layers.append(Line(x, laws[k], colour=colour, width=1.2))
        if math.isfinite(made.half_width) and made.at > made.limit:
            ends = np.array([made.limit, made.at])
            start = laws[k][np.argmin(np.abs(x - made.limit))]
            layers.append(Band(ends, np.array([start, made.low[k]]), np.array([start, made.high[k]]), colour=colour,
                               opacity=0.08))  # fmt: skip
    layers.append(Guide(made.limit, "x", "fitted up to here", dashed=True))
    panel = Panel(tuple(layers), "fine-tuning examples", "test loss, nats", x_log=True, y_log=True)
    caption = f"The {min(_DRAWN, len(made.curves))} best by forecast, each with its law; rings were not fitted."
    return Figure((panel,), caption)


def _ranking(made: Rectified) -> Figure:
    order = made.order[:40]
    y = np.arange(len(order), dtype=np.float64)
    interval = math.isfinite(made.half_width)
    low, high = (made.low[order], made.high[order]) if interval else (None, None)
    layers: list[Layer] = [Points(made.forecast[order], y, "forecast", 0, low=low, high=high, bars="x")]
    if np.isfinite(made.observed).any():
        layers.append(Points(made.observed[order], y, "measured", 1, marker="diamond"))
    names = tuple(str(each) for each in made.curves.models[order])
    panel = Panel(tuple(layers), f"loss at {made.at:,.0f} examples", categories=names)
    return Figure((panel,), "Models by forecast loss.", (7.0, 1.2 + 0.22 * len(names)))
