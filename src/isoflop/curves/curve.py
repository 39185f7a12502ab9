"""Curve: the loss of one run, step by step, with its learning rates where they are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoflop.presented import Presented
from isoflop.runs import Notice
from isoflop.runs.notices import rows_in_words

Array = NDArray[np.float64]
Restarts = Literal["refuse", "first", "last"]
RESTARTS = ("refuse", "first", "last")
SCHEMA_VERSION = 1


class CurveError(ValueError):
    """A curve that cannot be used. The message is one line: what was found, where, what is accepted, what to try."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


@dataclass(frozen=True, eq=False, repr=False)
class Curve(Presented):
    """The loss of one run.

    Attributes
    ----------
    steps : (n,), strictly increasing: steps, tokens or examples, as `unit` says.
    loss : (n,), nan or infinite where the run said so.
    rates : (T,), the learning rate of every step from step 0 on, or None where unknown.
    total : where the run ends or will end, nan where unknown.
    name, group : of the run, and of the record or experiment that it belongs to.
    unit : of the steps. rows : (n,), 1-based rows of the source.
    notices : what reading had to say.
    """

    steps: Array
    loss: Array
    rates: Array | None = None
    total: float = float("nan")
    name: str = ""
    group: str = ""
    unit: str = "steps"
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    notices: tuple[Notice, ...] = ()

    def __repr__(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        if not len(self):
            return f"<Curve{name}: empty>"
        return (
            f"<Curve{name}: {len(self)} points, {self.unit} {self.steps[0]:g} to {self.steps[-1]:g}, "
            f"loss {self.loss[0]:.4g} to {self.loss[-1]:.4g}>"
        )

    def __len__(self) -> int:
        return int(self.steps.size)

    @property
    def finite(self) -> Curve:
        """Only the points whose loss is a number."""
        return self if np.isfinite(self.loss).all() else self.take(np.isfinite(self.loss))

    @property
    def progress(self) -> Array:
        """Steps as a share of the whole run (of the last step where the total is unknown), (n,)."""
        return self.steps / (self.total if np.isfinite(self.total) else self.steps[-1])

    def take(self, chosen: NDArray[Any]) -> Curve:
        """The points that a mask or index chooses."""
        rows = self.rows[chosen] if self.rows.size else self.rows
        return replace(self, steps=self.steps[chosen], loss=self.loss[chosen], rows=rows)

    def until(self, step: float) -> Curve:
        """The points up to and including this step; total and learning rates are kept.

        >>> curve([10, 20, 30], [3.0, 2.5, 2.3]).until(20).loss.tolist()
        [3.0, 2.5]
        """
        return self.take(self.steps <= step)

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping."""
        return {
            "schema": "isoflop.curve",
            "schema_version": SCHEMA_VERSION,
            "name": self.name,
            "group": self.group,
            "unit": self.unit,
            "total": self.total if np.isfinite(self.total) else None,
            "steps": self.steps.tolist(),
            "loss": [float(each) if np.isfinite(each) else None for each in self.loss],
            "rates": None if self.rates is None else self.rates.tolist(),
            "rows": self.rows.tolist(),
            "notices": [each.to_dict() for each in self.notices],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Curve:
        """The inverse of `to_dict`; an infinite loss comes back as missing.

        Raises
        ------
        CurveError : no curve of ours.
        """
        if stored.get("schema") != "isoflop.curve" or stored.get("schema_version") != SCHEMA_VERSION:
            raise CurveError("this is no curve that this isoflop reads; read one with isoflop.read_curves")
        return cls(
            steps=np.asarray(stored["steps"], dtype=np.float64),
            loss=np.asarray([np.nan if each is None else each for each in stored["loss"]], dtype=np.float64),
            rates=None if stored["rates"] is None else np.asarray(stored["rates"], dtype=np.float64),
            total=np.nan if stored["total"] is None else float(stored["total"]),
            name=stored["name"],
            group=stored["group"],
            unit=stored["unit"],
            rows=np.asarray(stored["rows"], dtype=np.int64),
            notices=tuple(Notice.from_dict(each) for each in stored["notices"]),
        )


def curve(
    steps: ArrayLike,
    loss: ArrayLike,
    *,
    rates: ArrayLike | None = None,
    total: float = float("nan"),
    name: str = "",
    group: str = "",
    unit: str = "steps",
    restarts: Restarts = "refuse",
    rows: ArrayLike | None = None,
    notices: tuple[Notice, ...] = (),
) -> Curve:
    """A checked curve from arrays.

    Parameters
    ----------
    steps, loss : (n,). A loss may be nan or infinite: the alarm names it. Steps must increase.
    rates : (T,), the learning rate of every step from step 0 on.
    total : where the run will end.
    restarts : what to do where a step repeats or decreases, as after a restart from a checkpoint. ``refuse`` (default);
        ``last``: the later attempt replaces what it repeats; ``first``: rows that go back over ground already covered
        are left out. Either is noted with its rows.
    rows : (n,), 1-based rows of the source, for messages.

    Raises
    ------
    CurveError : no points, a step that is no number, a restart that is refused, a total before the last step.

    >>> curve([1, 2, 3, 2, 3, 4], [9.0, 8.0, 7.0, 8.1, 7.1, 6.0], restarts="last").loss.tolist()
    [9.0, 8.1, 7.1, 6.0]
    """
    where, values = np.asarray(steps, dtype=np.float64), np.asarray(loss, dtype=np.float64)
    called = f" of run {name!r}" if name else ""
    if where.ndim != 1 or where.shape != values.shape or not where.size:
        raise CurveError(f"a curve needs as many steps as losses, at least one; found {where.shape} and {values.shape}")
    numbers = np.arange(1, where.size + 1) if rows is None else np.asarray(rows, dtype=np.int64)
    bad = ~np.isfinite(where) | (where < 0)
    if bad.any():
        raise CurveError(
            f"steps{called} must be numbers >= 0; found {where[bad][0]:g} in {rows_in_words(numbers[bad])}"
        )
    kept, told = _without_restarts(where, numbers, restarts, called)
    chosen = None if rates is None else np.asarray(rates, dtype=np.float64)
    if chosen is not None and not (chosen.ndim == 1 and chosen.size and np.all(np.isfinite(chosen) & (chosen >= 0))):
        raise CurveError(f"learning rates{called} must be numbers >= 0, one for every step from step 0 on")
    made = Curve(where[kept], values[kept], chosen, float(total), name, group, unit, numbers[kept], (*notices, *told))
    if np.isfinite(made.total) and made.total < made.steps[-1]:
        raise CurveError(
            f"total{called} is {made.total:g} {unit}, but the curve goes to {made.steps[-1]:g}; give the end"
        )
    return made


def _without_restarts(
    steps: Array, rows: NDArray[np.int64], restarts: Restarts, called: str
) -> tuple[NDArray[np.intp], list[Notice]]:
    """Which points are kept, in order, and a notice where some were left out."""
    if restarts not in RESTARTS:
        raise CurveError(f"restarts must be one of {', '.join(RESTARTS)}; found {restarts!r}")
    everything = np.arange(steps.size)
    back = np.flatnonzero(np.diff(steps) <= 0) + 1
    if not back.size:
        return everything, []
    first = int(back[0])
    fault = f"steps{called} do not increase: {steps[first - 1]:g} is followed by {steps[first]:g}"
    if restarts == "refuse":
        raise CurveError(
            f"{fault} in {rows_in_words(rows[back])}; after a restart keep one attempt with restarts='last' (the later "
            "one; --restarts last) or 'first'; several runs in one table need a column of names (--map run=...)"
        )
    if restarts == "first":
        highest = np.maximum.accumulate(steps)
        fresh = np.ones(steps.size, dtype=np.bool_)
        fresh[1:] = steps[1:] > highest[:-1]
    else:
        ahead = np.minimum.accumulate(steps[::-1])[::-1]
        fresh = np.ones(steps.size, dtype=np.bool_)
        fresh[:-1] = steps[:-1] < ahead[1:]
    word = "later" if restarts == "last" else "earlier"
    count = f"{back.size} restart{'s' if back.size > 1 else ''}{called}"
    message = f"{count}: {fault.partition(': ')[2]}; the {word} attempt is kept"
    return everything[fresh], [Notice("restarted", message, tuple(int(each) for each in rows[~fresh]))]
