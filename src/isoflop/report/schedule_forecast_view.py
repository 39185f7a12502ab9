"""What a forecast of schedules says: the final loss under each, with its interval, lowest named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isoflop.report.schedule_fit_view import view as fit_view
from isoflop.report.sentences import percent
from isoflop.report.view import Cell, Interval, Number, Table, View

if TYPE_CHECKING:
    from isoflop.curves.schedule_forecast import ScheduleForecast
    from isoflop.report.figures import Figure

_MOST = 12


def view(forecast: ScheduleForecast) -> View:
    """The forecast as a view."""
    rows: list[tuple[Cell, ...]] = []
    for name, (value, low, high), rates in list(zip(forecast.names, forecast.final, forecast.rates))[:_MOST]:
        error = (high - low) / 4
        rows.append(
            (name, Number(float(value), error), Interval(float(low), float(high), error), Number(float(rates.max())),
             Number(float(rates[-1])))
        )  # fmt: skip
    best = forecast.best
    lead = [f"{len(forecast.loss)} schedules of {forecast.loss.shape[1]:,} steps, forecast from "
            f"{len(forecast.fit.curves)} runs under other schedules."]  # fmt: skip
    if len(forecast.loss) > 1:
        lead.append(f"Lowest at the end: {forecast.names[best]}, {forecast.final[best, 0]:.4f}.")
    more = f"{len(forecast.loss) - _MOST} more are in the file of -o" if len(forecast.loss) > _MOST else ""
    table = Table(
        ("schedule", "final loss", f"{percent(forecast.level)} interval", "peak rate", "last rate"),
        tuple(rows),
        more=more,
    )
    notices = (*forecast.fit.warnings, *forecast.warnings)
    return View(title="Loss under other schedules", lead=tuple(lead), tables=(table,), notices=notices)


def appendix(forecast: ScheduleForecast) -> tuple[View, ...]:
    """The fit behind it."""
    return (fit_view(forecast.fit),)


def figures(forecast: ScheduleForecast) -> dict[str, Figure]:
    """``schedules``: loss curves and their schedules; ``fit``: the fit behind them."""
    from isoflop.report.curve_figures import fit_figure, schedules_figure

    return {"schedules": schedules_figure(forecast), "fit": fit_figure(forecast.fit)}
