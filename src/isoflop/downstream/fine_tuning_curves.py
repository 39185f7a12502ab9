"""The table of fine-tuning curves: loss of each model after fine-tuning on more and more examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.runs import Notice, RunsError
from isoflop.runs.cells import labels_from_cells, numbers_from_cells
from isoflop.runs.source import ROW, VIEW, load, quoted

Array = NDArray[np.float64]

_MODEL = ("model", "name", "config name", "models", "checkpoint")
_SIZE = ("size", "params", "parameters", "n")
_MAX_ROWS = 100_000


@dataclass(frozen=True, eq=False)
class FineTuningCurves:
    """Test loss of M models fine-tuned on R numbers of examples.

    Attributes
    ----------
    models : (M,) names. examples : (R,) increasing, none 0. loss : (M, R) nats; nan where not measured.
    zero_shot : (M,) loss before fine-tuning; nan where unknown. It never enters a fit: it does not lie on the law.
    size : (M,) parameters; nan where unknown.
    source : where the table came from. notices : what reading has to say.
    """

    models: NDArray[np.str_]
    examples: Array
    loss: Array
    zero_shot: Array
    size: Array
    source: str = "arrays"
    notices: tuple[Notice, ...] = ()

    @classmethod
    def of(
        cls,
        models: Sequence[str],
        examples: Any,
        loss: Any,
        *,
        size: Any = None,
        source: str = "arrays",
    ) -> FineTuningCurves:
        """From arrays: (M,) names, (R,) numbers of examples (0 for zero-shot), (M, R) losses.

        Raises
        ------
        RunsError : shapes that do not fit, repeated models or numbers, losses that are not positive, too few numbers.

        >>> FineTuningCurves.of(["a"], [0, 100, 200, 400, 800], [[4.0, 3.0, 2.9, 2.7, 2.5]]).zero_shot
        array([4.])
        """
        names = np.asarray(models, dtype=np.str_)
        counts, losses = np.asarray(examples, dtype=np.float64), np.asarray(loss, dtype=np.float64)
        sizes = np.full(len(names), np.nan) if size is None else np.asarray(size, dtype=np.float64)
        _check(names, counts, losses, source)
        order = np.argsort(counts)
        counts, losses = counts[order], losses[:, order]
        zero_shot = np.full(len(names), np.nan)
        notices: tuple[Notice, ...] = ()
        if counts[0] == 0:
            zero_shot, counts, losses = losses[:, 0], counts[1:], losses[:, 1:]
            message = "the column of 0 examples is the loss before fine-tuning; it is not fitted"
            notices = (Notice("zero_shot_left_out", message),)
        if len(counts) < 4:
            raise RunsError(f"{source}: {len(counts)} numbers of examples above 0; a curve needs at least 4")
        return cls(names, counts, losses, zero_shot, sizes, source, notices)

    def __len__(self) -> int:
        return len(self.models)

    def up_to(self, limit: float) -> tuple[Array, Array]:
        """(R',) numbers of examples up to `limit`, and (M, R') losses there."""
        chosen = self.examples <= limit * (1 + 1e-9)
        return self.examples[chosen], self.loss[:, chosen]

    def at(self, examples: float) -> Array:
        """(M,) losses measured at this number of examples; nan where there is none."""
        near = np.flatnonzero(np.isclose(self.examples, examples, rtol=1e-6))
        return np.asarray(self.loss[:, near[0]]) if near.size else np.full(len(self), np.nan)

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping."""
        return {
            "models": self.models.tolist(),
            "examples": self.examples.tolist(),
            "loss": listed(self.loss),
            "zero_shot": listed(self.zero_shot),
            "size": listed(self.size),
            "source": self.source,
            "notices": [notice.to_dict() for notice in self.notices],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> FineTuningCurves:
        """The inverse of `to_dict`."""
        numbers = {k: np.array(stored[k], dtype=np.float64) for k in ("examples", "loss", "zero_shot", "size")}
        notices = tuple(Notice.from_dict(each) for each in stored["notices"])
        return cls(
            models=np.array(stored["models"], dtype=np.str_), source=stored["source"], notices=notices, **numbers
        )


def listed(values: Array) -> Any:
    """Numbers as nested lists with null for nan."""
    cells = values.astype(object)
    cells[~np.isfinite(values)] = None
    return cells.tolist()


def _check(names: NDArray[np.str_], counts: Array, losses: Array, source: str) -> None:
    if losses.shape != (len(names), len(counts)):
        raise RunsError(f"{source}: losses have shape {losses.shape}; {len(names)} models x {len(counts)} are needed")
    if not np.all(np.isfinite(counts)) or np.any(counts < 0) or np.any(counts % 1):
        raise RunsError(f"{source}: numbers of examples must be whole and not negative")
    for what, values in (("model", names), ("number of examples", counts)):
        found, times = np.unique(values, return_counts=True)
        if times.max(initial=0) > 1:
            raise RunsError(f"{source}: {what} {found[times.argmax()]} is there {times.max()} times; one is needed")
    bad = np.argwhere(np.isinf(losses) | (losses <= 0))
    if bad.size:
        row, column = bad[0]
        raise RunsError(
            f"{source}: model {names[row]}, {counts[column]:g} examples: loss {losses[row, column]:g}; "
            "losses are positive numbers"
        )


def read_fine_tuning(source: str | Path | Mapping[str, Any] | Any) -> FineTuningCurves:
    """Read a table with one row a model and one column for each number of examples (``200``, ``400`` ...), or one
    with the columns model, examples and loss.

    Raises
    ------
    RunsError : it is not there, holds neither, or holds losses that cannot be used.

    >>> table = {"model": ["a", "a", "a", "a"], "examples": [1, 2, 4, 8], "loss": [3.0, 2.8, 2.7, 2.6]}
    >>> read_fine_tuning(table).loss
    array([[3. , 2.8, 2.7, 2.6]])
    """
    loaded = load(source, _MAX_ROWS)
    try:
        columns = ", ".join(quoted(name) for name in loaded.columns)
        cells = loaded.connection.execute(f"SELECT {quoted(ROW)}, {columns} FROM {VIEW} ORDER BY 1").fetchnumpy()
    finally:
        loaded.connection.close()
    rows = np.asarray(cells.pop(ROW), dtype=np.int64)
    named = {name.strip().lower(): name for name in cells}
    model = next((named[each] for each in _MODEL if each in named), None)
    if model is None:
        raise RunsError(f"{loaded.description} has no column of models; call it model (found {', '.join(cells)})")
    names = labels_from_cells(cells[model], rows)
    wide = [name for name in cells if name.strip().isdigit()]

    def numbers(name: str) -> Array:
        return numbers_from_cells(cells[name], rows, name, "error")[0]

    if len(wide) >= 2:
        size = next((named[each] for each in _SIZE if each in named), None)
        losses = np.stack([numbers(name) for name in wide], axis=1)
        sizes = numbers(size) if size else None
        return FineTuningCurves.of(
            list(names), [float(name) for name in wide], losses, size=sizes, source=loaded.description
        )
    if {"examples", "loss"} <= set(named):
        return _from_long(names, numbers(named["examples"]), numbers(named["loss"]), loaded.description)
    raise RunsError(
        f"{loaded.description} has neither columns named by numbers of examples (200, 400 ...) nor the columns "
        f"examples and loss (found {', '.join(cells)})"
    )


def _from_long(names: NDArray[np.str_], examples: Array, loss: Array, source: str) -> FineTuningCurves:
    models, model_index = np.unique(names, return_inverse=True)
    counts, count_index = np.unique(examples, return_inverse=True)
    table = np.full((len(models), len(counts)), np.nan)
    seen = np.zeros(table.shape, dtype=np.int64)
    np.add.at(seen, (model_index, count_index), 1)
    if seen.max(initial=0) > 1:
        row, column = np.unravel_index(int(seen.argmax()), seen.shape)
        raise RunsError(
            f"{source}: model {models[row]} has {seen[row, column]} losses at {counts[column]:g} examples; keep one"
        )
    table[model_index, count_index] = loss
    return FineTuningCurves.of(list(models), counts, table, source=source)
