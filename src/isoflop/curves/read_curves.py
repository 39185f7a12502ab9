"""read_curves(): loss curves from a table with one row a logged step; restarts are named, losses may be no numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.curves.curve import Curve, CurveError, Restarts, curve
from isoflop.runs import Notice, Runs
from isoflop.runs.notices import rows_in_words
from isoflop.runs.reading import MAX_ROWS, BadRows, read_runs
from isoflop.runs.source import load
from isoflop.runs.spelling import columns_in_words

Array = NDArray[np.float64]

#: target -> columns that are taken for it, in lower case without punctuation, the first that is there
_COMMON: Mapping[str, tuple[str, ...]] = {
    "step": (
        "step",
        "steps",
        "globalstep",
        "iteration",
        "iterations",
        "iter",
        "tokens",
        "ntokens",
        "ntrain",
        "examples",
    ),
    "loss": ("valloss", "validationloss", "evalloss", "testloss", "loss", "trainloss"),
    "rate": ("rate", "lr", "learningrate"),
    "total": ("total", "totalsteps", "maxsteps", "totaltokens"),
    "run": ("run", "runname", "runid", "name", "expname"),
    "record": ("record", "recorddir", "group", "experiment"),
}
_TOKENS = ("tokens", "ntokens")
_EXAMPLES = ("ntrain", "examples")
_WORDS = {"lr": "rate", "learning_rate": "rate", "steps": "step", "tokens": "step", "group": "record", "names": "run"}
_JUMP = 0.25  # neighbouring logged rates that differ by more: the rate jumped at the later one
_TOLD = frozenset({"filtered", "bad_rows_left_out"})


def read_curves(
    source: str | Path | Mapping[str, Any] | Any,
    map: Mapping[str, str] | Iterable[str] | None = None,
    where: str | None = None,
    *,
    restarts: Restarts = "refuse",
    warmup: int | None = None,
    bad_rows: BadRows = "error",
    max_rows: int = MAX_ROWS,
) -> tuple[Curve, ...]:
    """Every run of a table, as curves, in the order of their first rows.

    Parameters
    ----------
    source, where, bad_rows, max_rows : as for `read_runs`: CSV, TSV, JSONL, Parquet, a frame, a dict of arrays.
    map : {target: column or SQL}. Targets: step (or tokens), loss, rate (learning rate), total (where the run ends),
        run (which run a row belongs to), record (what groups runs). Others are found by common names.
    restarts : where steps of a run repeat or decrease: ``refuse``, or keep the ``first`` or ``last`` attempt.
    warmup : steps over which the rate rose from 0; logged rates rarely begin at step 0. Default: none is assumed, and
        the first logged rate holds from step 0.

    Raises
    ------
    RunsError, CurveError : one line that says what is wrong, in which row, and what is accepted.

    >>> read_curves({"step": [1, 2, 3], "loss": [4.0, 3.0, 2.5]})
    (<Curve: 3 points, steps 1 to 3, loss 4 to 2.5>,)
    """
    found = _columns(source, map, max_rows)
    steps = _read(source, found, "step", where, bad_rows, max_rows)
    losses = _read(source, found, "loss", where, "drop", max_rows)
    _refuse_text(losses, bad_rows)
    loss = _joined(steps, losses, losses.outputs)
    rates = _optional(source, found, "rate", where, max_rows, steps)
    totals = _optional(source, found, "total", where, max_rows, steps)
    plain = _plain(found["step"])
    unit = "tokens" if plain in _TOKENS else "examples" if plain in _EXAMPLES else "steps"
    names = steps.names if steps.names is not None else np.full(len(steps), "")
    groups = steps.group if "record" in found and steps.group is not None else np.full(len(steps), "")
    told = tuple(each for each in steps.notices if each.code in _TOLD)
    keys = np.char.add(np.char.add(groups, "\x00"), names) if len(steps) else names
    made = []
    for key in dict.fromkeys(keys.tolist()):
        mine = keys == key
        mine_rates = None if rates is None else rates[mine]
        made.append(
            _one(
                steps,
                loss,
                mine_rates,
                totals,
                mine,
                str(names[mine][0]),
                str(groups[mine][0]),
                unit,
                restarts,
                warmup,
                told,
            )
        )
    return tuple(made)


def _one(
    steps: Runs, loss: Array, rates: Array | None, totals: Array | None, mine: NDArray[np.bool_], name: str, group: str,
    unit: str, restarts: Restarts, warmup: int | None, told: tuple[Notice, ...],
) -> Curve:  # fmt: skip
    total = np.nan if totals is None else float(np.nanmax(np.append(totals[mine], -np.inf)))
    total = total if np.isfinite(total) else np.nan
    here = steps["step"][mine] if "step" in steps else steps.outputs[mine]
    notices = list(told)
    every = None
    if rates is not None and np.isfinite(rates).all() and unit == "steps":
        every, notice = rates_of_every_step(here, rates, warmup, total)
        notices += [notice]
    return curve(
        here, loss[mine], rates=every, total=total, name=name, group=group, unit=unit, restarts=restarts,
        rows=steps.rows[mine], notices=tuple(notices),
    )  # fmt: skip


def rates_of_every_step(
    steps: Array, logged: Array, warmup: int | None, total: float = float("nan")
) -> tuple[Array, Notice]:
    """The rate of every step from logged ones: straight between neighbours, a jump at the later one; and what was done.

    Before the first logged step the rate rises over `warmup` steps, then holds. Steps after the last logged one up to
    `total` are not invented.
    """
    order = np.argsort(steps, kind="stable")
    x, y = steps[order], logged[order]
    x, index = np.unique(x, return_index=True)
    y = y[index]
    every = np.arange(int(x[-1]) + 1, dtype=np.float64)
    rates = np.interp(every, x, y)
    jumps = np.abs(np.diff(y)) > _JUMP * np.maximum(y[1:], y[:-1])
    for k in np.flatnonzero(jumps):
        if warmup is None or x[k + 1] > warmup:
            rates[int(x[k]) : int(x[k + 1])] = y[k]
    said = "held from step 0"
    if warmup:
        rising = every < min(warmup, x[-1])
        rates[rising] = float(np.interp(warmup, x, y)) * every[rising] / warmup
        said = f"rising over {warmup} steps"
    message = f"learning rates between the {x.size} logged ones are interpolated, before the first {said}"
    hint = "give warmup=... (--warmup STEPS) if the rate rose from 0" if not warmup and x[0] > 0 else ""
    return rates, Notice("rates_interpolated", message, hint=hint)


def _columns(source: Any, given: Mapping[str, str] | Iterable[str] | None, max_rows: int) -> dict[str, str]:
    """{target: column}: as given, else by common names."""
    loaded = load(source, max_rows)
    loaded.connection.close()
    chosen = _given(given)
    by_plain = {_plain(name): name for name in reversed(loaded.columns)}
    for target, words in _COMMON.items():
        named = [by_plain[word] for word in words if word in by_plain and by_plain[word] not in chosen.values()]
        if target in chosen or not named:
            continue
        if target == "loss" and len(named) > 1 and "loss" in by_plain:
            named = [by_plain["loss"]]
        chosen[target] = named[0]
    for target in ("step", "loss"):
        if target not in chosen:
            listed = columns_in_words(loaded.columns, target)
            raise CurveError(
                f"no column of {loaded.description} is the {target} of a curve; {listed}; map it: {target}=COLUMN"
            )
    return chosen


def _given(given: Mapping[str, str] | Iterable[str] | None) -> dict[str, str]:
    items = [given] if isinstance(given, str) else given or ()
    pairs = items.items() if isinstance(items, Mapping) else (str(item).partition("=")[::2] for item in items)
    chosen: dict[str, str] = {}
    for word, expression in pairs:
        lowered = word.strip().lower()
        target = _WORDS.get(lowered, lowered)
        if target not in _COMMON or not expression.strip():
            raise CurveError(
                f"cannot read the map {word}={expression}; a curve has {', '.join(_COMMON)}; write "
                "TARGET=COLUMN, such as loss=val_loss"
            )
        if target in chosen:
            raise CurveError(f"{target} is mapped twice, to {chosen[target]!r} and to {expression!r}; give it once")
        chosen[target] = expression.strip()
    return chosen


def _read(
    source: Any, found: Mapping[str, str], target: str, where: str | None, bad_rows: BadRows, max_rows: int
) -> Runs:
    """One column of the table as the output of runs, with the labels."""
    labels = {"names": found["run"]} if "run" in found else {}
    if "record" in found:
        labels["group"] = found["record"]
    return read_runs(
        source, {target: found[target], **labels}, where, output=target, bad_rows=bad_rows, max_rows=max_rows
    )


def _refuse_text(losses: Runs, bad_rows: BadRows) -> None:
    text = [each.row for each in losses.dropped if each.reason.startswith("text")]
    if text and bad_rows == "error":
        raise CurveError(
            f"loss holds text in {rows_in_words(text)} of {losses.source}; numbers and nan are accepted: correct it, "
            "or leave such rows out with bad_rows='drop'"
        )


def _joined(steps: Runs, other: Runs, values: Array) -> Array:
    """Values of another reading at the rows of `steps`, nan where it left a row out."""
    made = np.full(len(steps), np.nan)
    place = np.searchsorted(steps.rows, other.rows)
    there = (place < len(steps)) & (steps.rows[np.minimum(place, len(steps) - 1)] == other.rows)
    made[place[there]] = values[there]
    return made


def _optional(
    source: Any, found: Mapping[str, str], target: str, where: str | None, max_rows: int, steps: Runs
) -> Array | None:
    if target not in found:
        return None
    read = _read(source, {target: found[target]}, target, where, "drop", max_rows)
    return _joined(steps, read, read.outputs)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
