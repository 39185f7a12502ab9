"""Figures of loss curves: what is visible, what is forecast, where alarms are, and curves under other schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isoflop.report.figures import Band, Figure, Guide, Layer, Line, Note, Panel, Points

if TYPE_CHECKING:
    from isoflop.curves.curve import Curve
    from isoflop.curves.final_loss import CurveForecast
    from isoflop.curves.schedule_fit import ScheduleFit
    from isoflop.curves.schedule_forecast import ScheduleForecast
    from isoflop.curves.watch import CurveWatch

Array = NDArray[np.float64]

_MOST_SCHEDULES = 6
_DRAWN = 600
_AFTER = 0.02  # of the steps: the first falls of a loss would hide everything else


def curve_figure(curve: Curve) -> Figure:
    """The losses against the steps."""
    return Figure((_panel(curve, (), curve.steps[-1]),), "The loss of the run.", (7.0, 4.2))


def forecast_figure(forecast: CurveForecast) -> Figure:
    """The visible part, the path to the end, and the interval there."""
    value = forecast.final
    end = np.array([forecast.total])
    layers: list[Layer] = [
        Line(forecast.steps, forecast.path, f"forecast by {forecast.method}", 0, dashed=True),
        Points(end, np.array([value.value]), "", 0, low=np.array([value.low]), high=np.array([value.high]), size=6.0),
        *_alarm_notes(forecast),
    ]
    level = f"{100 * forecast.level:g} %"
    caption = f"The visible {forecast.visible:.0%} of the run; its final loss with the {level} interval."
    return Figure((_panel(forecast.curve, layers, forecast.total),), caption, (7.0, 4.2))


def watch_figure(watched: CurveWatch) -> Figure:
    """The losses with what raised an alarm."""
    panel = _panel(watched.curve, _alarm_notes(watched), watched.curve.steps[-1])
    return Figure((panel,), "The loss of the run; alarms where they were raised.", (7.0, 4.2))


def fit_figure(fit: ScheduleFit) -> Figure:
    """Observed and fitted losses of every curve, residuals below."""
    layers: list[Layer] = []
    below: list[Layer] = [Guide(0.0)]
    for k, each in enumerate(fit.curves):
        rates = np.asarray(each.rates)
        made = fit.loss(rates)[0]
        seen = each.finite
        warm = int(np.argmax(rates))
        seen = seen.take(seen.steps > warm)
        at = seen.steps.astype(np.intp)
        layers += [
            Points(seen.steps, seen.loss, each.name or f"run {k + 1}", k, size=2.6, opacity=0.6),
            Line(seen.steps, made[at], "", "ink", width=1.0),
        ]
        below.append(Line(seen.steps, 100 * (seen.loss / made[at] - 1), "", k, width=1.0))
    panels = (
        Panel(tuple(layers), "", "loss", hide_x=True),
        Panel(tuple(below), "step", "observed over fitted, %", place=(1, 0)),
    )
    return Figure(panels, "Losses (points) and the fitted law (lines).", (7.0, 5.4), heights=(3.0, 1.2), share_x=True)


def schedules_figure(forecast: ScheduleForecast) -> Figure:
    """The forecast loss curves with bands, and their schedules below."""
    steps = np.arange(forecast.loss.shape[1], dtype=np.float64)
    kept = np.unique(np.linspace(0, steps.size - 1, _DRAWN).astype(np.intp))
    after = kept[kept >= forecast.knots[0]]
    above: list[Layer] = []
    below: list[Layer] = []
    for k in range(min(len(forecast.loss), _MOST_SCHEDULES)):
        x = forecast.knots.astype(np.float64)
        above += [
            Band(x, forecast.low[k], forecast.high[k], colour=k, opacity=0.15),
            Line(steps[after], forecast.loss[k, after], forecast.names[k], k),
        ]
        below.append(Line(steps[kept], forecast.rates[k, kept], "", k))
    more = len(forecast.loss) - _MOST_SCHEDULES
    said = f" The first {_MOST_SCHEDULES} of {len(forecast.loss)} schedules are drawn." if more > 0 else ""
    panels = (
        Panel(tuple(above), "", "loss", hide_x=True),
        Panel(tuple(below), "step", "learning rate", place=(1, 0)),
    )
    caption = f"Forecast losses with {100 * forecast.level:g} % bands for a new run, and the schedules.{said}"
    return Figure(panels, caption, (7.0, 5.4), heights=(3.0, 1.3), share_x=True)


def _panel(curve: Curve, more: list[Layer] | tuple[Layer, ...], end: float) -> Panel:
    seen = curve.finite
    late = seen.take(seen.steps >= _AFTER * end) if np.any(seen.steps >= _AFTER * end) else seen
    drawn = late if len(late) >= 2 else seen
    layers = (
        Line(drawn.steps, drawn.loss, "", "ink", width=1.0),
        Points(drawn.steps, drawn.loss, curve.name or "visible", "ink", size=3.0, pixels=len(drawn) > 2000),
        *more,
    )
    return Panel(layers, curve.unit, "loss")


def _alarm_notes(source: CurveForecast | CurveWatch) -> list[Layer]:
    curve, notes = source.curve, list[Layer]()
    for alarm in source.alarms:
        at = int(np.argmin(np.abs(curve.steps - alarm.step)))
        level = curve.loss[at] if np.isfinite(curve.loss[at]) else np.nanmedian(curve.loss)
        here = (np.array([alarm.step]), np.array([float(level)]))
        notes += [Points(*here, "", 3, marker="cross", size=8.0), Note(alarm.step, float(level), alarm.kind, 3)]
    return notes
