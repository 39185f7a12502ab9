"""What a forecast through choice probabilities says: the chain of metrics, and what the wrong answers do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isoflop.report.figures import Figure, Panel, Points
from isoflop.report.sentences import estimate_cells, percent
from isoflop.report.view import Table, View

if TYPE_CHECKING:
    from isoflop.downstream.choice_probability import ChoiceForecast

_NAMES = {
    "log_p_correct": "log probability of the right answer",
    "p_choices": "probability among the choices",
    "accuracy": "accuracy",
}


def view(made: ChoiceForecast) -> View:
    """The forecast as a view."""
    mean, spread = made.wrong_slope
    lead = (
        f"{made.items:,} items, {len(made.compute)} models, forecast at {made.at:.3g} FLOPs.",
        f"The log mass of the wrong answers moves by {mean:+.3f} per e-fold of compute, with a spread of {spread:.3f} "
        "over items.",
        f"Accuracy with the wrong answers held where the largest model has them: {made.naive_accuracy:.3f}.",
    )
    last = int(made.compute.argmax())
    rows = tuple(
        (title, f"{getattr(made.observed, step)[last]:.4g}", *estimate_cells(getattr(made, step)))
        for step, title in _NAMES.items()
    )
    table = Table(("metric", "largest model", "forecast", percent(made.level) + " interval"), rows)
    return View("Multiple choice, from the probability of each answer", lead=lead, tables=(table,),
                notices=made.warnings)  # fmt: skip


def figures(made: ChoiceForecast, **_: Any) -> dict[str, Figure]:
    """``chain``: each step of the chain against compute."""
    panels = []
    for k, (step, title) in enumerate(_NAMES.items()):
        told = getattr(made, step)
        low, high = np.array([told.low]), np.array([told.high])
        layers = (
            Points(made.compute, getattr(made.observed, step), "measured"),
            Points(np.array([made.at]), np.array([told.value]), "forecast", 0, low=low, high=high),
        )
        panels.append(Panel(layers, "training compute, FLOPs", title, x_log=True, place=(0, k)))
    return {"chain": Figure(tuple(panels), "From the right answer's probability to accuracy.", (10.5, 3.6))}
