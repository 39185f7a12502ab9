"""The learning rate of every step of a rung, as a share of its peak."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoflop.atlas import schedules
from isoflop.ladder.rung import Rung, decay_steps, warmup_steps

Array = NDArray[np.float64]


def rates(rung: Rung) -> Array:
    """Rate of each step over the peak, (steps,): the first step is already above 0, the last above `last_share`.

    >>> from isoflop.ladder.rung import Recipe
    >>> from isoflop.runs.counting import TransformerShape
    >>> recipe = Recipe(batch_tokens=1024, warmup_steps=2, decay_share=0.5, decay_shape="linear")
    >>> rates(Rung(TransformerShape(64, 2, 256, 128), 8 * 1024, recipe)).round(2).tolist()
    [0.5, 1.0, 1.0, 1.0, 0.8, 0.6, 0.4, 0.2]
    """
    recipe, warmup = rung.recipe, warmup_steps(rung)
    # entry i of a schedule is the rate of step i, from no rate yet to fully decayed: both ends are left out
    whole = rung.steps + 1
    if recipe.schedule == "cosine":
        return schedules.cosine(whole, 1.0, recipe.last_share, warmup)[1:-1]
    if recipe.schedule == "constant":
        return schedules.constant(whole, 1.0, warmup)[1:-1]
    return schedules.warmup_stable_decay(
        whole, 1.0, recipe.last_share, warmup, decay_steps(rung) + 1, recipe.decay_shape
    )[1:-1]


def trunk_rates(steps: int, warmup: int) -> Array:
    """The trunk's rates over the peak, (steps,): warm-up, then constant."""
    return np.minimum(1.0, (np.arange(steps) + 1.0) / max(warmup, 1))
