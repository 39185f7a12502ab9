"""Training logs as a source: files found by their suffix, lines that match a pattern made metrics over steps."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

from isoflop.runs.importers.importer import Advance, Importer, watched
from isoflop.runs.importers.tracked import LeftOut, Reading, Series, TrackedRun, all_series
from isoflop.runs.notices import Notice, RunsError

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


class LogImporter(Importer):
    """An importer of text logs, one run a file. Abstract: a source says what its logs look like and what they state.

    Attributes
    ----------
    suffixes : of the files that are looked at.
    folders : how many folders deep they are looked for.
    no_loss : why a file without a loss is left out.
    """

    suffixes: ClassVar[frozenset[str]] = frozenset((".log", ".txt", ".out"))
    folders: ClassVar[int] = 2
    no_loss: ClassVar[str]

    @abstractmethod
    def is_log(self, file: Path) -> bool:
        """Does this file hold lines of the source?"""

    @abstractmethod
    def run(self, name: str, file: Path) -> tuple[TrackedRun, tuple[Notice, ...]]:
        """The run of one file, and remarks."""

    def recognises(self, path: Path) -> bool:
        """A log with lines of the source, or a folder with one."""
        return any(file.suffix in self.suffixes and self.is_log(file) for file in self.files(path)[:8])

    def files(self, path: Path) -> list[Path]:
        """The logs."""
        if path.is_file():
            return [path]  # a file that is named may be called anything
        found = (file for depth in range(self.folders) for file in path.glob("*/" * depth + "*"))
        return sorted(file for file in found if file.suffix in self.suffixes and file.is_file())

    def read(self, path: Path, advance: Advance = None) -> Reading:
        """One run for each log."""
        files = self.files(path)
        if not files:
            raise RunsError(f"no log in {path}; give {self.accepts}")
        runs, left_out = [], []
        notices: list[Notice] = []
        for file in watched(files, advance):
            name = file.stem if len(files) == 1 else file.relative_to(path).with_suffix("").as_posix()
            run, told = self.run(name, file)
            if run.metrics:
                runs.append(run)
                notices += told
            else:
                left_out.append(LeftOut(str(file), self.no_loss))
        return Reading(tuple(runs), tuple(left_out), tuple(notices))
