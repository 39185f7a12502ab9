"""The figure of task forecasts: for each task the scores against compute, what was forecast, and what came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isoflop.report.figures import Figure, Guide, Layer, Panel, Points

if TYPE_CHECKING:
    from isoflop.downstream.task_forecasts import TaskForecast, TaskForecasts

Array = NDArray[np.float64]

_MOST, _COLUMNS = 12, 3
_MANY = 2000


def task_figures(made: TaskForecasts) -> dict[str, Figure]:
    """``tasks``: a panel for each task, the first twelve."""
    axis, label = _axis(made)
    if axis is None:
        return {}
    shown = made.forecasts[:_MOST]
    columns = min(_COLUMNS, len(shown))
    panels = tuple(_panel(made, each, axis, label, (k // columns, k % columns), k) for k, each in enumerate(shown))
    rows = -(-len(shown) // columns)
    caption = (
        "Grey: models that were fitted. Coloured: forecasts with the honest interval of a new model. Diamonds: what "
        "the targets scored. The horizontal line is chance."
    )
    if len(made.forecasts) > _MOST:
        caption += f" The first {_MOST} of {len(made.forecasts)} tasks."
    size = (3.3 * columns + 0.6, 2.6 * rows + 0.6)
    return {"tasks": Figure(panels, caption, size, simulated=made.scores.simulated)}


def _axis(made: TaskForecasts) -> tuple[str | None, str]:
    for name, label in (("C", "compute, FLOPs"), ("N", "parameters")):
        if np.isfinite(getattr(made.scores, name)).any():
            return name, label
    return None, ""


def _panel(
    made: TaskForecasts, each: TaskForecast, axis: str, label: str, place: tuple[int, int], number: int
) -> Panel:
    score = made.scores[each.task.name]
    x, targets = getattr(made.scores, axis), getattr(made.targets, axis)
    seen = np.isfinite(x) & np.isfinite(score)
    layers: list[Layer] = [
        Points(
            x[seen], score[seen], "fitted" if not number else "", "muted", size=3.0, opacity=0.5, pixels=len(x) > _MANY
        )
    ]
    at = np.isfinite(targets) & np.isfinite(each.value)
    if at.any():
        name = "forecast" if not number else ""
        layers.append(Points(targets[at], each.value[at], name, 0, low=each.low[at], high=each.high[at], size=5.0))
    came = np.isfinite(targets) & np.isfinite(each.observed)
    if came.any():
        name = "observed" if not number else ""
        layers.append(Points(targets[came], each.observed[came], name, 1, marker="diamond", size=4.5))
    if each.task.chance is not None:
        layers.append(Guide(each.task.chance, dashed=True))
    title = f"{each.task.name}: {'not forecast' if each.verdict.judgement == 'refused' else each.route}"
    return Panel(tuple(layers), label, "score", title=title, x_log=True, place=place)
