"""Ladders of small models whose task loss and score follow known laws, and the larger models beyond them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoflop.downstream.task import Task, TaskScores

Array = NDArray[np.float64]

CHANCE, EXAMPLES = 0.25, 2000
TASK = Task("quiz", chance=CHANCE, examples=EXAMPLES)


def true_loss(n: Array, d: Array) -> Array:
    """Bits per byte."""
    return np.asarray(0.45 + 20.0 / n**0.23 + 60.0 / d**0.24)


def true_score(loss: Array) -> Array:
    """A sigmoid from chance to one."""
    return np.asarray(CHANCE + (1 - CHANCE) / (1 + np.exp(6.0 * (loss - 0.95))))


def models(sizes: Array, ratios: Array, seed: int = 0, noise: float = 0.003) -> TaskScores:
    """One model for each size and each ratio of tokens to parameters."""
    generator = np.random.default_rng(seed)
    n, m = (grid.ravel() for grid in np.meshgrid(sizes, ratios))
    loss = true_loss(n, m * n) * np.exp(noise * generator.standard_normal(len(n)))
    score = generator.binomial(EXAMPLES, true_score(loss)) / EXAMPLES
    names = [f"{a:.2g} at {b:g}" for a, b in zip(n, m)]
    return TaskScores.of({"quiz": score}, N=n, D=m * n, losses={"quiz": loss}, tasks=[TASK], models=names)


def ladder(seed: int = 0) -> TaskScores:
    """16 small models."""
    return models(np.geomspace(1e8, 1.5e9, 4), np.array([20.0, 40.0, 100.0, 200.0]), seed)


def large(seed: int = 100) -> TaskScores:
    """Three models of 7B to 30B."""
    return models(np.array([7e9, 13e9, 30e9]), np.array([100.0]), seed)
