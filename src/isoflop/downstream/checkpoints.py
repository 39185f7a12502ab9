"""From checkpoints to points of a fit: the smoothed end of each run, and its smoothed course without the beginning."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from isoflop.downstream.task import TaskScores

Array = NDArray[np.float64]


def runs_of(scores: TaskScores) -> list[NDArray[np.intp]]:
    """The rows of each model, its checkpoints in the order of D (unknown D: in the order of the table).

    Rows of one name and one D are no checkpoints of each other: each such row is a model of its own.
    """
    by_name: dict[str, list[int]] = {}
    for row, name in enumerate(scores.models.tolist()):
        by_name.setdefault(name, []).append(row)
    runs: list[NDArray[np.intp]] = []
    for rows in by_name.values():
        tokens = scores.D[rows]
        if len(rows) > 1 and len(np.unique(tokens[np.isfinite(tokens)])) == len(rows):
            runs.append(np.array(rows, dtype=np.intp)[np.argsort(tokens, kind="stable")])
        else:
            runs.extend(np.array([row], dtype=np.intp) for row in rows)
    return runs


def ends_of_runs(scores: TaskScores) -> TaskScores:
    """The last row of each run."""
    return scores.take(np.array([run[-1] for run in runs_of(scores)], dtype=np.intp))


def smoothed_ends(scores: TaskScores, task: str, smooth: int) -> tuple[TaskScores, Array, Array]:
    """The last row of each run, with loss and score averaged over its last `smooth` checkpoints."""
    loss, score = scores.loss_of(task), scores[task]
    runs = runs_of(scores)
    with np.errstate(invalid="ignore"):
        losses = np.array([_mean(loss[run[-smooth:]]) for run in runs])
        values = np.array([_mean(score[run[-smooth:]]) for run in runs])
    return scores.take(np.array([run[-1] for run in runs], dtype=np.intp)), losses, values


def courses(scores: TaskScores, task: str, smooth: int, skip: float) -> tuple[Array, Array, NDArray[np.intp]]:
    """Loss, score and number of the run at every checkpoint but the first `skip` of its run, as moving averages.

    The average is over the checkpoint and the `smooth` - 1 before it, fewer at the beginning (Bhagia et al. 2024).
    """
    loss, score = scores.loss_of(task), scores[task]
    parts: list[tuple[Array, Array, NDArray[np.intp]]] = []
    for number, run in enumerate(runs_of(scores)):
        known = run[np.isfinite(loss[run]) & np.isfinite(score[run])]
        kept = known[math.ceil(skip * len(known)) :] if len(known) > 1 else known
        if len(kept):
            label = np.full(len(kept), number, dtype=np.intp)
            parts.append((_moving(loss[kept], smooth), _moving(score[kept], smooth), label))
    if not parts:
        return np.empty(0), np.empty(0), np.empty(0, dtype=np.intp)
    x, y, labels = (np.concatenate(each) for each in zip(*parts))
    return x, y, labels


def _mean(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else math.nan


def _moving(values: Array, width: int) -> Array:
    """The mean of each value and the `width` - 1 before it, of fewer at the beginning."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - width, 0)
    return np.asarray((sums[ends] - sums[starts]) / (ends - starts))
