"""What verdicts say: for each task its shape with its confidence, and whether it can be forecast."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from isoflop.report.figures import Band, Figure, Guide, Layer, Line, Panel, Points
from isoflop.report.view import Cell, Table, View

if TYPE_CHECKING:
    from isoflop.downstream.shapes import Shape
    from isoflop.downstream.verdict import MetricVerdict, Verdicts

_PANELS = 12
_COLUMNS = 4
_AXES = {"N": "parameters N", "D": "training tokens D", "C": "compute C, FLOPs"}
_WORDS = {"u": "U", "inverted_u": "inverted U"}


def view(made: Verdicts) -> View:
    """One row a task."""
    good = sum(each.forecastable for each in made.each)
    lead = (f"{good} of {len(made.each)} tasks can be forecast from these models.",)
    rows = tuple(_row(each) for each in made.each)
    columns = ("task", "models", "shape", "confidence", "falls at the end", "verdict", "why")
    title = f"Shapes and verdicts, {made.scores.source.rsplit('/', 1)[-1]}"
    table = Table(
        columns, rows, "Shapes in scale, up is better; confidence is the probability of the shape", wrapped=True
    )
    return View(title, lead=lead, tables=(table,), notices=made.scores.notices, simulated=made.scores.simulated)


def figures(made: Verdicts, **_: Any) -> dict[str, Figure]:
    """``shapes``: the scores of the first tasks with the curve and its 90 % band."""
    shapes = [each.shape for each in made.each if each.shape is not None][:_PANELS]
    if not shapes:
        return {}
    panels = tuple(shape_panel(each, (k // _COLUMNS, k % _COLUMNS)) for k, each in enumerate(shapes))
    rows = 1 + (len(panels) - 1) // _COLUMNS
    columns = min(len(panels), _COLUMNS)
    caption = "Scores, and the likely curves through them. Dashed: chance, and where a curve turns."
    return {"shapes": Figure(panels, caption, (2.8 * columns + 0.6, 2.3 * rows))}


def shape_word(name: str) -> str:
    """A shape as people write it."""
    return _WORDS.get(name, name)


def shape_panel(found: Shape, place: tuple[int, int] = (0, 0)) -> Panel:
    """Scores against scale with the curve."""
    noise = np.nan_to_num(found.task.noise(found.scores))
    bars = bool(noise.any())
    layers: list[Layer] = [
        Band(found.curve_at, found.curve_low, found.curve_high),
        Line(found.curve_at, found.curve, colour=0),
        Points(found.scale, found.scores, low=found.scores - noise if bars else None,
               high=found.scores + noise if bars else None),
    ]  # fmt: skip
    if found.task.chance is not None:
        layers.append(Guide(found.task.chance, dashed=True))
    if math.isfinite(found.turn):
        layers.append(Guide(found.turn, "x", dashed=True))
    title = f"{found.task.name}: {shape_word(found.name)} {found.confidence:.0%}"
    label = _AXES.get(found.scale_name, found.scale_name)
    return Panel(tuple(layers), label, "score", title=title, x_log=True, place=place)


def _row(each: MetricVerdict) -> tuple[Cell, ...]:
    word = "forecast" if each.forecastable else "not"
    said = [n.message for n in (each.reasons or each.cautions)]
    if each.shape is None:
        return (each.task.name, "", "", "", "", word, "; ".join(said))
    found = each.shape
    return (
        each.task.name,
        str(len(found.scale)),
        shape_word(found.name),
        f"{found.confidence:.0%}",
        f"{found.falling_at_end:.0%}",
        word,
        "; ".join(said),
    )
