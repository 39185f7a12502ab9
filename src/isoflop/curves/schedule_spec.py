"""Schedules as people write them: ``cosine:steps=72000,peak=3e-4,last=3e-5,warmup=2160``, or a table of rates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.atlas import schedules
from isoflop.curves.curve import CurveError
from isoflop.curves.read_curves import rates_of_every_step
from isoflop.runs.reading import read_runs
from isoflop.units import parse_quantity

Array = NDArray[np.float64]

_KINDS = ("constant", "cosine", "wsd")
_WANTED = {
    "constant": ("steps", "peak", "warmup"),
    "cosine": ("steps", "peak", "last", "warmup"),
    "wsd": ("steps", "peak", "last", "warmup", "decay", "shape"),
}
_MAKERS: Mapping[str, Any] = {
    "constant": schedules.constant,
    "cosine": schedules.cosine,
    "wsd": schedules.warmup_stable_decay,
}
_EXAMPLE = "cosine:steps=24000,peak=3e-4,last=3e-5,warmup=2160"


def parse_schedule(text: str) -> Array:
    """The learning rate of every step, (steps,), from a text or from a file with columns step and rate.

    Kinds: ``constant``, ``cosine``, ``wsd`` (warm-up, stable, decay, with ``decay`` steps of shape ``linear``,
    ``1-sqrt`` or ``exponential``). The warm-up rises from 0.

    Raises
    ------
    CurveError : an unknown kind or name, a missing or impossible value, a file without rates.

    >>> parse_schedule("wsd:steps=5,peak=1,decay=2").tolist()
    [1.0, 1.0, 1.0, 0.5, 0.0]
    """
    kind, colon, rest = text.partition(":")
    if not colon or kind.strip() not in _KINDS:
        if Path(text).suffix:
            return _from_file(text)
        raise CurveError(f"schedule {text!r}: accepted are {', '.join(_KINDS)} as in {_EXAMPLE}, or a file of rates")
    kind = kind.strip()
    given: dict[str, Any] = {}
    for part in filter(None, rest.split(",")):
        name, equals, value = (each.strip() for each in part.partition("="))
        if not equals or name not in _WANTED[kind] or name in given:
            raise CurveError(f"schedule {text!r}: found {part!r}; {kind} takes {', '.join(_WANTED[kind])}: {_EXAMPLE}")
        given[name] = value if name == "shape" else _number(text, name, value)
    missing = [name for name in ("steps", "peak") if name not in given]
    if missing:
        raise CurveError(f"schedule {text!r} has no {missing[0]}; write it as in {_EXAMPLE}")
    last_step = int(given.pop("steps")) - 1
    for name in ("warmup", "decay"):
        if name in given:
            given[name] = int(given[name])
    try:
        return np.asarray(_MAKERS[kind](last_step, given.pop("peak"), **given))
    except ValueError as error:
        raise CurveError(f"schedule {text!r}: {error}") from None


def _number(text: str, name: str, value: str) -> float:
    try:
        number = parse_quantity(value)
    except ValueError:
        raise CurveError(f"schedule {text!r}: {name} must be a number, found {value!r}") from None
    if number < 0 or (name == "steps" and number < 2):
        raise CurveError(f"schedule {text!r}: {name} must be positive, found {value}")
    return float(number)


def _from_file(path: str) -> Array:
    runs = read_runs(path, {"step": "step", "rate": _rate_column(path)}, output="step", needs=("rate",))
    order = np.argsort(runs.outputs)
    return rates_of_every_step(runs.outputs[order], runs["rate"][order], None)[0]


def _rate_column(path: str) -> str:
    from isoflop.runs.source import load

    loaded = load(path, 5_000_000)
    loaded.connection.close()
    lowered = {name.lower(): name for name in loaded.columns}
    for word in ("rate", "lr", "learning_rate"):
        if word in lowered and "step" in lowered:
            return lowered[word]
    raise CurveError(f"{path} must have the columns step and rate (or lr); there are {', '.join(loaded.columns)}")
