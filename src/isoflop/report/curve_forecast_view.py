"""What a forecast of a run under way says: the final loss with its interval, by which method, and alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isoflop.report.curve_watch_view import alarm_table
from isoflop.report.sentences import percent
from isoflop.report.view import Cell, Number, Table, View

if TYPE_CHECKING:
    from isoflop.curves.final_loss import CurveForecast
    from isoflop.report.figures import Figure


def view(forecast: CurveForecast) -> View:
    """The forecast as a view."""
    value = forecast.final
    name = forecast.curve.name or "the run"
    lead = [
        f"Final loss {value.value:.4f} ({percent(forecast.level)} interval {value.low:.4f} to {value.high:.4f}) at "
        f"{forecast.curve.unit} {forecast.total:,g}; {forecast.visible:.0%} of it is visible, where the loss is "
        f"{forecast.curve.loss[-1]:.4f}.",
        _by(forecast),
    ]
    if not forecast.alarms:
        lead.append("No alarm: the visible part has no spike, no divergence, no plateau.")
    tables = [*alarm_table(forecast.alarms, forecast.curve.unit), *_models(forecast)]
    return View(title=f"Final loss of {name}", lead=tuple(lead), tables=tuple(tables), notices=forecast.warnings)


def _by(forecast: CurveForecast) -> str:
    found = forecast.siblings
    if forecast.method == "schedule law":
        return "By laws of schedules, moved by how far the visible part lies off them."
    if found is None:
        return (
            "By the median of the curve models below, each fitted to the visible part with late points weighing more."
        )
    lasts = f"{found.share:.0%} of its distance from them" + (f" beyond {found.band:.0%}" if found.band else "")
    return (
        f"By {found.runs} finished siblings in {found.groups} groups: that of the nearest {found.nearest}, plus "
        f"{lasts}; groups left out in turn were forecast within {100 * found.error:.2g} % (median)."
    )


def _models(forecast: CurveForecast) -> list[Table]:
    if not forecast.models:
        return []
    rows: list[tuple[Cell, ...]] = [
        (each.model, each.formula, Number(each.final),
         f"{100 * each.back_test:.2g} %" if np.isfinite(each.back_test) else "")
        for each in sorted(forecast.models, key=lambda each: each.back_test)
    ]  # fmt: skip
    caption = "Models of the run's own curve; back-test: error on the visible end, per factor e of steps ahead"
    return [Table(("model", "formula", "final loss", "back-test"), tuple(rows), caption=caption).without_empty()]


def figures(forecast: CurveForecast) -> dict[str, Figure]:
    """``curve``: the visible part and the forecast."""
    from isoflop.report.curve_figures import forecast_figure

    return {"curve": forecast_figure(forecast)}
