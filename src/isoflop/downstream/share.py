"""Any bounded metric as a share in [0, 1] where higher is better, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.downstream.route import CannotForecast
from isoflop.downstream.task import Task

Array = NDArray[np.float64]


def to_share(task: Task, score: Any) -> Array:
    """Scores as the share of the way from the worst to the best value of the metric.

    Raises
    ------
    CannotForecast : the metric has no largest value.

    >>> float(to_share(Task("errors", direction="lower"), 0.25))
    0.75
    """
    if not task.bounded:
        raise CannotForecast(
            "no_maximum", f"{task.name} has no maximum, so no curve that levels off can be fitted; state its maximum"
        )
    place = (np.asarray(score, dtype=np.float64) - task.minimum) / (task.maximum - task.minimum)
    return np.asarray(place if task.direction == "higher" else 1.0 - place)


def from_share(task: Task, share: Any) -> Array:
    """The inverse of `to_share`, after moving shares into [0, 1]."""
    place = np.clip(np.asarray(share, dtype=np.float64), 0.0, 1.0)
    place = place if task.direction == "higher" else 1.0 - place
    return np.asarray(task.minimum + (task.maximum - task.minimum) * place)


def chance_share(task: Task) -> float:
    """Chance as a share; 0 where nobody stated it."""
    return 0.0 if task.chance is None else float(to_share(task, task.chance))


def with_task_noise(task: Task, share: Array, drawn: Array, generator: np.random.Generator) -> Array:
    """Shares `drawn` about `share`, spread at least as widely as the task's finite number of examples spreads them.

    The scatter of models that a fit has seen includes that noise already; only what is missing is added.
    """
    noise = task.noise(from_share(task, share)) / (task.maximum - task.minimum)
    noise = np.nan_to_num(noise, nan=0.0)
    seen = np.var(drawn - share, axis=0)
    missing = np.sqrt(np.maximum(np.mean(noise**2, axis=0) - seen, 0.0))
    return np.asarray(drawn + missing * generator.standard_normal(drawn.shape))
