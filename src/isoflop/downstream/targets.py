"""What is forecast: models given by their resources, a table of them, or the largest runs held out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.downstream.checkpoints import runs_of
from isoflop.downstream.routes import largest_compute
from isoflop.downstream.task import ScoresError, TaskScores

Array = NDArray[np.float64]

_NUMBERS, _LABELS = ("N", "D", "C"), ("family", "models")


def known_and_asked(
    scores: TaskScores, targets: Mapping[str, Any] | TaskScores | None, hold_out_above: float | None
) -> tuple[TaskScores, TaskScores]:
    """The runs to fit and the models to forecast.

    Raises
    ------
    ScoresError : neither or both of targets and a hold-out are given, nothing is left below or above it, targets that
        are none.
    """
    if hold_out_above is not None:
        if targets is not None:
            raise ScoresError("give either targets or hold_out_above: both say what is forecast")
        above = np.zeros(len(scores), dtype=np.bool_)
        for run in runs_of(scores):
            above[run] = scores.C[run[-1]] > hold_out_above
        if above.all() or not above.any():
            where = "below" if above.all() else "above"
            raise ScoresError(
                f"no run has a compute {where} {hold_out_above:g}; the largest is {largest_compute(scores):.3g}"
            )
        return scores.take(~above), scores.take(above)
    if isinstance(targets, TaskScores):
        return scores, targets.only(scores.task_names)
    if not targets:
        raise ScoresError(
            "nothing to forecast: give targets such as N=70B,D=1.4T (--at), or a compute above which the models are "
            "held out (--hold-out-above)"
        )
    return scores, targets_table(scores, targets)


def targets_table(scores: TaskScores, targets: Mapping[str, Any]) -> TaskScores:
    """Targets given by resources, as a table without scores."""
    unknown = [name for name in targets if name not in (*_NUMBERS, *_LABELS)]
    if unknown:
        raise ScoresError(f"targets: {unknown[0]!r} is unknown; accepted: N, D, C, family, models")
    numbers = {k: np.atleast_1d(np.asarray(v, dtype=np.float64)) for k, v in targets.items() if k in _NUMBERS}
    labels = {k: np.atleast_1d(np.asarray(v, dtype=np.str_)) for k, v in targets.items() if k in _LABELS}
    try:
        shape = np.broadcast_shapes(*(each.shape for each in (*numbers.values(), *labels.values())))
    except ValueError:
        sizes = ", ".join(f"{k} {len(v)}" for k, v in {**numbers, **labels}.items())
        raise ScoresError(f"targets of unequal length: {sizes}") from None
    for name, values in numbers.items():
        if not (np.isfinite(values) & (values > 0)).all():
            raise ScoresError(f"targets: {name} must be positive numbers, found {values.min():g}")
    given: dict[str, Any] = {name: np.broadcast_to(values, shape) for name, values in numbers.items()}
    names = (
        np.broadcast_to(labels["models"], shape) if "models" in labels else [f"target {k + 1}" for k in range(shape[0])]
    )
    return TaskScores.of(
        {name: np.full(shape, np.nan) for name in scores.task_names},
        **given,
        tasks=scores.tasks,
        models=list(names),
        family=list(np.broadcast_to(labels["family"], shape)) if "family" in labels else None,
        source="targets",
    )
