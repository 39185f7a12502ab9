"""Weights & Biases, exported: CSV and JSON from its web page or its public API. No network, no wandb package.

Four kinds: a panel (``Step`` and columns ``RUN - METRIC``, with __MIN and __MAX), the table of runs (``Name``,
``State`` ...), the history of one run (``_step``, ``_runtime`` ...; the file's name is the run's), and the table
``name, summary, config`` of the public API's own example, whose cells are dictionaries as Python or JSON writes them.
"""

from __future__ import annotations

import ast
import csv
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from isoflop.runs.importers.importer import Advance, Importer, flat, opening, typed
from isoflop.runs.importers.tracked import LeftOut, Reading, Series, TrackedRun, all_series, by_step, series
from isoflop.runs.notices import Notice, RunsError

Row = Mapping[str, Any]
_SEPARATOR = " - "
_SUFFIXES = frozenset((".csv", ".json", ".jsonl"))
_LARGEST = 512 * 2**20
#: words that a JSON export has near its beginning
_TELLING = (("_step",), ("summary",), ("Name", "State"))
#: columns of the table of runs that are about the run and not from it
_ABOUT = frozenset(
    "Name State Notes User Tags Created Runtime Sweep ID Group Job Type Commit Hostname GPU Type GitHub".split()
)


class WandbExport(Importer):
    """Exported CSV and JSON."""

    id = "wandb-export"
    title = "Weights & Biases, exported tables"
    accepts = "a CSV or JSON file that was exported from Weights & Biases"

    def recognises(self, path: Path) -> bool:
        """A file whose columns are those of an export."""
        return path.is_file() and path.suffix in _SUFFIXES and _kind(_header(path)) is not None

    def files(self, path: Path) -> list[Path]:
        """The file itself."""
        return [path] if path.is_file() else []

    def read(self, path: Path, advance: Advance = None) -> Reading:
        """Every run in the file."""
        if not path.is_file():
            raise RunsError(f"{path} is a folder; give {self.accepts}")
        try:
            rows = _rows(path)
        except (ValueError, csv.Error, RecursionError) as error:
            raise RunsError(f"{path} cannot be read as an export: {error}; is it whole?") from None
        read = _kind(list(rows[0]) if rows else [])
        if read is None:
            raise RunsError(
                f"{path} has the columns of no export of Weights & Biases; read it as a plain table instead"
            )
        return read(path, rows)


IMPORTER = WandbExport()


def _header(path: Path) -> list[str]:
    """The names of the columns; of JSON those of its first row. Empty where it cannot be told."""
    text = opening(path)
    if path.suffix == ".csv":
        return next(csv.reader(text.splitlines()[:1]), [])
    if not any(all(f'"{word}"' in text for word in words) for words in _TELLING) or path.stat().st_size > _LARGEST:
        return []
    try:
        rows = _rows(path)
    except (ValueError, RecursionError):
        return []
    return list(rows[0]) if rows else []


def _kind(header: Sequence[str]) -> Callable[[Path, list[Row]], Reading] | None:
    names = set(header)
    if {"name", "summary", "config"} <= names:
        return _read_api_table
    if {"Name", "State"} <= names and names & {"Created", "Runtime", "Sweep", "User", "Tags"}:
        return _read_runs_table
    if "_step" in names and names & {"_runtime", "_timestamp"}:
        return _read_history
    if len(header) > 1 and all(_SEPARATOR in name for name in header[1:]) and any("__M" in name for name in header):
        return _read_panel
    return None


def _rows(path: Path) -> list[Row]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return list(csv.DictReader(stream))
    text = path.read_text(encoding="utf-8")
    stored = [json.loads(line) for line in text.splitlines() if line] if path.suffix == ".jsonl" else json.loads(text)
    if isinstance(stored, Mapping) and all(isinstance(column, Mapping) for column in stored.values()):
        stored = _from_columns(stored)  # as pandas writes a frame by default
    if not isinstance(stored, list) or not all(isinstance(row, Mapping) for row in stored):
        return []
    return stored


def _from_columns(stored: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    index = dict.fromkeys(row for column in stored.values() for row in column)
    return [{name: column.get(row) for name, column in stored.items()} for row in index]


def _number(cell: Any) -> float | None:
    """A cell as a number, or None where it is empty or text."""
    if isinstance(cell, str):
        cell = typed(cell.strip()) if cell.strip() else None
    return float(cell) if isinstance(cell, (int, float)) and not isinstance(cell, bool) else None


def _read_panel(path: Path, rows: list[Row]) -> Reading:
    """The first column is the horizontal axis; a run has one column, and two for the range of its group."""
    axis, *columns = list(rows[0])
    logged: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for column in columns:
        if column.endswith(("__MIN", "__MAX")):
            continue
        name, _, metric = column.rpartition(_SEPARATOR)
        cells = [(_number(row[axis]), _number(row[column])) for row in rows]
        pairs = [(step, value) for step, value in cells if step is not None and value is not None]
        if metric not in ("_step", axis):
            logged.setdefault(name, {})[metric] = pairs
    runs, notices = (
        [],
        [Notice("no_config", "a panel holds no settings: N is not in it", hint="export the table of runs")],
    )
    if axis not in ("Step", "_step", "train/global_step"):
        notices.append(Notice("axis", f"the steps of these curves are {axis!r}"))
    for name, metrics in logged.items():
        made, told = all_series(metrics, name)
        runs.append(TrackedRun(name, {}, made, where=str(path)))
        notices += told
    return Reading(tuple(runs), notices=tuple(notices))


def _read_runs_table(path: Path, rows: list[Row]) -> Reading:
    runs, notices = [], []
    for row in rows:
        numbers = {
            name: value for name, cell in row.items() if (value := _number(cell)) is not None and name not in _ABOUT
        }
        texts = {name: cell for name, cell in row.items() if isinstance(cell, str) and cell and name not in numbers}
        if row["State"] not in ("finished", ""):
            message = f"run {row['Name']} is {row['State']} in Weights & Biases"
            notices.append(Notice("unfinished_run", message, hint="its last values are used"))
        runs.append(TrackedRun(row["Name"], texts, _singles(numbers), where=str(path)))
    return Reading(tuple(runs), notices=tuple(notices))


def _read_history(path: Path, rows: list[Row]) -> Reading:
    logged = []
    for row in rows:
        numbers = {name: value for name, cell in flat(dict(row)).items() if (value := _number(cell)) is not None}
        kept = {name: value for name, value in numbers.items() if name and not name.startswith(("_", "Unnamed"))}
        logged.append((numbers.get("_step", math.nan), kept))
    pairs, axis = by_step(logged, path.stem)
    metrics, told = all_series(pairs, path.stem)
    notice = Notice("no_config", f"the history {path.name} holds no settings: N may not be in it")
    return Reading((TrackedRun(path.stem, {}, metrics, where=str(path)),), notices=(*axis, *told, notice))


def _read_api_table(path: Path, rows: list[Row]) -> Reading:
    runs, left_out = [], []
    for number, row in enumerate(rows, 1):
        name = str(row["name"])
        try:
            summary, config = _mapping(row["summary"]), _mapping(row["config"])
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            left_out.append(LeftOut(name, f"row {number}: its summary or config is no dictionary"))
            continue
        numbers = {key: float(value) for key, value in flat(summary).items() if isinstance(value, (int, float))}
        kept = {key: value for key, value in numbers.items() if not key.startswith("_")}
        runs.append(TrackedRun(name, flat(config), _singles(kept, numbers.get("_step", math.nan)), where=str(path)))
    return Reading(tuple(runs), tuple(left_out))


def _mapping(cell: Any) -> Mapping[str, Any]:
    """A dictionary, or its text as JSON or as a Python literal; nothing is executed."""
    if isinstance(cell, str):
        try:
            cell = json.loads(cell)
        except ValueError:
            cell = ast.literal_eval(cell)
    if not isinstance(cell, Mapping):
        raise ValueError("no dictionary")
    return cell


def _singles(numbers: Mapping[str, float], step: float = math.nan) -> dict[str, Series]:
    return {name: series([step], [value])[0] for name, value in numbers.items()}
