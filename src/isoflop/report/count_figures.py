"""The figures of a count: parameters and training memory by part; serving time and throughput against the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from isoflop.report.figures import Band, Figure, Guide, Layer, Line, Note, Panel, Points

if TYPE_CHECKING:
    from isoflop.costs.model_count import Count


def count_figures(count: Count) -> dict[str, Figure]:
    """``parts`` and ``serving``."""
    return {"parts": _parts(count), "serving": _serving(count)}


def _parts(count: Count) -> Figure:
    groups = {name: value for name, value in count.architecture.parameters.groups.items() if value}
    active = count.architecture.parameters.active_groups
    unit, divisor = _unit(max(groups.values()))
    layers: list[Layer] = []
    for k, (name, value) in enumerate(groups.items()):
        layers.append(_bar(0.0, active[name] / divisor, k, 0))
        if active[name] < value:
            layers.append(_bar(active[name] / divisor, value / divisor, k, 0, 0.3))
    left = Panel(tuple(layers), f"parameters, {unit}", title="Parameters", categories=tuple(groups))
    use = {name: float(value) / 1e9 for name, value in count.memory._asdict().items()}
    bars: list[Layer] = [
        Guide(count.device.memory / 1e9, "x", f"{count.device.name}: {count.device.memory / 1e9:g} GB", dashed=True)
    ]
    start = 0.0
    for k, held in enumerate(use.values()):
        bars.append(_bar(start, start + held, k, 2))
        start += held
    bars.append(_bar(0.0, start, len(use), 2))
    right = Panel(tuple(bars), "GB on a device", title="Memory in training", categories=(*use, "total"), place=(0, 1))
    idle = count.architecture.parameters.active < count.architecture.parameters.total
    told = " Pale: parameters that one token does not go through." if idle else ""
    caption = f"Parameters by group, and what training keeps in the memory of each device.{told}"
    return Figure((left, right), caption, (8.6, 3.4))


def _bar(start: float, end: float, position: int, colour: int, opacity: float = 0.85) -> Band:
    """A horizontal bar."""
    middle = np.full(2, float(position))
    return Band(np.array([start, end]), middle - 0.3, middle + 0.3, colour=colour, opacity=opacity)


def _unit(value: float) -> tuple[str, float]:
    for unit, divisor in (("billions", 1e9), ("millions", 1e6), ("thousands", 1e3)):
        if value >= divisor:
            return unit, divisor
    return "", 1.0


def _serving(count: Count) -> Figure:
    serve = count.serving
    fits = count.largest_batch
    top = max(4 * max(fits, 1), serve.batch, 64)
    batch = np.unique(np.round(np.geomspace(1, top, 60)))
    step = count.decode(batch)
    time, rate = 1e3 * step.seconds, batch / step.seconds
    chosen = float(1e3 * count.decode().seconds)
    inside = batch <= fits
    panels = []
    for k, (y, label, mine) in enumerate(
        ((time, "ms per token", chosen), (rate, "tokens a second", 1e3 * serve.batch / chosen))
    ):
        layers: list[Layer] = [Line(batch, y, "beyond the memory" if not inside.all() else "", "muted", dashed=True)]
        if inside.any():
            layers.append(Line(batch[inside], y[inside], "fits into memory", 0, width=2.2))
        layers.append(Points(np.array([float(serve.batch)]), np.array([mine]), "asked for", marker="diamond", size=6.0))
        layers.append(Note(float(serve.batch), mine, f"batch {serve.batch:,}", side="right"))
        panels.append(Panel(tuple(layers), "batch, sequences", label, x_log=True, y_log=True, place=(0, k)))
    caption = (
        f"The roofline's bound on {serve.gpus} x {count.device.name} with {serve.context:,} tokens of context: time of "
        "a decoding step, and tokens made, against the batch."
    )
    return Figure(tuple(panels), caption, (8.6, 3.4))
