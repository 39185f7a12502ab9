"""Lines of a training log: those that match a pattern become metrics over steps, the others are handed back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from isoflop.runs.importers.tracked import Series, all_series
from isoflop.runs.notices import Notice

#: a pattern whose groups are the step and then the values of these metrics
Line = tuple[re.Pattern[str], tuple[str, ...]]


class Logged(NamedTuple):
    """The metrics of a log, the lines that are none, and remarks."""

    metrics: dict[str, Series]
    others: list[str]
    notices: tuple[Notice, ...]


def read_log(name: str, file: Path, lines: Sequence[Line]) -> Logged:
    """Every line of a log.

    A last line without an end whose number has fewer digits than the one before was cut while it was written: it is
    left out, and a notice says so.
    """
    pairs: dict[str, list[tuple[float, float]]] = {}
    texts: dict[str, str] = {}
    others: list[str] = []
    notices: list[Notice] = []
    with file.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            for pattern, names in lines:
                if found := pattern.match(line):
                    step, *values = found.groups()
                    if not line.endswith("\n") and found.end() == len(line) and _shorter(values, names, texts):
                        message = f"{file} ends in the middle of a line: {line[:60]!r}"
                        notices.append(Notice("truncated_file", message, hint="that line is left out"))
                        break
                    for key, value in zip(names, values):
                        if value is not None:
                            texts[key] = value
                            pairs.setdefault(key, []).append((float(step), float(value)))
                    break
            else:
                others.append(line.rstrip("\n"))
    metrics, told = all_series(pairs, name)
    return Logged(metrics, others, (*told, *notices))


def _shorter(values: Sequence[str | None], names: Sequence[str], texts: dict[str, str]) -> bool:
    """Has the last value fewer decimals than the same metric had before?"""
    last, before = values[-1] or "", texts.get(names[-1], "")
    return len(last.partition(".")[2]) < len(before.partition(".")[2])
