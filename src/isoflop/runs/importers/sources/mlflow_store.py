"""MLflow: a file store (``mlruns/``) or a SQLite store (``mlflow.db``), read as they lie, without MLflow.

Its client would need SQLAlchemy and migrate the schema of an older store; the tables and the files are documented and
simple, so they are read directly, SQLite in read-only mode. Nothing is written, MLflow need not be installed.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from isoflop.runs.importers.importer import Advance, Importer, typed, watched
from isoflop.runs.importers.tracked import LeftOut, Reading, TrackedRun, all_series
from isoflop.runs.notices import Notice, RunsError

_MAGIC = b"SQLite format 3\0"
_TABLES = {"experiments", "runs", "metrics", "params"}
_RUNS = (
    "SELECT r.run_uuid, r.name, r.status, r.lifecycle_stage, e.name FROM runs r "
    "LEFT JOIN experiments e USING (experiment_id) ORDER BY r.start_time, r.run_uuid"
)
_PARAMS = "SELECT key, value FROM params WHERE run_uuid = ?"
_METRICS = "SELECT key, step, value, is_nan FROM metrics WHERE run_uuid = ? ORDER BY timestamp, step"
_LARGEST = 1e308  # MLflow stores infinities as the largest floats


class MlflowStore(Importer):
    """MLflow stores."""

    id = "mlflow"
    title = "MLflow"
    accepts = "an mlruns/ folder, a SQLite file such as mlflow.db, or the folder that holds one of them"
    rank = 2

    def recognises(self, path: Path) -> bool:
        """A SQLite file with MLflow's tables, a folder of experiments, or a folder with one of these inside."""
        return _place(path) is not None

    def files(self, path: Path) -> list[Path]:
        """The SQLite file, or the folders of runs."""
        return _parts(_place(path))

    def read(self, path: Path, advance: Advance = None) -> Reading:
        """Every run that is not deleted."""
        place = _place(path)
        if place is None:
            raise RunsError(f"{path} is no MLflow store; give {self.accepts}")
        return _read_database(place) if place.is_file() else _read_files(place, advance)


IMPORTER = MlflowStore()


def _place(path: Path) -> Path | None:
    if path.is_file():
        return path if _is_database(path) else None
    if _run_folders(path):
        return path
    inside = [path / "mlruns", *sorted(path.glob("*.db"))] if path.is_dir() else []
    return next((each for each in inside if each.exists() and _place(each) is not None), None)


def _parts(place: Path | None) -> list[Path]:
    if place is None:
        return []
    return [place] if place.is_file() else _run_folders(place)


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            if stream.read(16) != _MAGIC:
                return False
        with closing(_open(path)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except (OSError, sqlite3.Error):
        return False
    return {name for (name,) in rows} >= _TABLES


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _read_database(path: Path) -> Reading:
    runs, left_out, notices = [], [], []
    try:
        with closing(_open(path)) as connection:
            for identifier, name, status, stage, experiment in connection.execute(_RUNS).fetchall():
                shown = name or identifier
                if stage == "deleted":
                    left_out.append(LeftOut(shown, "it is deleted in MLflow"))
                    continue
                params = connection.execute(_PARAMS, (identifier,)).fetchall()
                history = connection.execute(_METRICS, (identifier,)).fetchall()
                logged: dict[str, list[tuple[float, float]]] = {}
                for key, step, value, is_nan in history:
                    logged.setdefault(key, []).append((float(step), float("nan") if is_nan else _finite(value)))
                where = f"{path} ({experiment})"
                run, told = _run(shown, {key: typed(value) for key, value in params}, logged, status, where)
                runs.append(run)
                notices += told
    except sqlite3.Error as error:
        raise RunsError(f"{path} cannot be read as an MLflow store: {error}; is the file whole?") from None
    return Reading(tuple(runs), tuple(left_out), tuple(notices))


def _run_folders(store: Path) -> list[Path]:
    """The folders of runs: of a store, of an experiment, or of one run."""
    for pattern in ("*/*/meta.yaml", "*/meta.yaml", "meta.yaml"):
        found = [each.parent for each in sorted(store.glob(pattern)) if (each.parent / "metrics").is_dir()]
        if found:
            return found
    return []


def _read_files(store: Path, advance: Advance) -> Reading:
    runs, left_out, notices = [], [], []
    for folder in watched(_run_folders(store), advance):
        meta = _meta(folder / "meta.yaml")
        name = _text(folder / "tags" / "mlflow.runName") or meta.get("run_name") or folder.name
        if meta.get("lifecycle_stage") == "deleted":
            left_out.append(LeftOut(name, "it is deleted in MLflow"))
            continue
        params = {key: typed(text.strip()) for key, text in _tree(folder / "params").items()}
        logged: dict[str, list[tuple[float, float]]] = {}
        for key, text in _tree(folder / "metrics").items():
            for number, line in enumerate(text.splitlines(keepends=True), 1):
                parts = line.split() if line.endswith("\n") else []  # MLflow ends every line; another was cut
                try:
                    value, step = float(parts[1]), float(parts[2]) if len(parts) > 2 else 0.0
                except (ValueError, IndexError):
                    message = f"{folder / 'metrics' / key} line {number}: found {line[:40]!r}, not time, value, step"
                    notices.append(Notice("truncated_file", message, hint="the line is left out"))
                    continue
                logged.setdefault(key, []).append((step, _finite(value)))
        # RunStatus numbers of MLflow: 1 running, 3 finished, 4 failed, 5 killed
        run, told = _run(name, params, logged, "" if meta.get("status") == "3" else "UNFINISHED", str(folder))
        runs.append(run)
        notices += told
    return Reading(tuple(runs), tuple(left_out), tuple(notices))


def _run(
    name: str, params: dict[str, Any], logged: dict[str, list[tuple[float, float]]], status: str, where: str
) -> tuple[TrackedRun, list[Notice]]:
    notices = []
    for key, pairs in logged.items():
        if len(pairs) > 1 and all(step == 0 for step, _ in pairs):
            logged[key] = [(float("nan"), value) for _, value in pairs]
            notices.append(
                Notice("no_steps", f"run {name} logged {key!r} without steps: no curve, the last value counts")
            )
    metrics, told = all_series(logged, name)
    if status not in ("", "FINISHED"):
        notices.append(
            Notice("unfinished_run", f"run {name} is not finished in MLflow", hint="its last values are used")
        )
    if not params:
        notices.append(Notice("no_config", f"run {name} has no parameters in MLflow"))
    return TrackedRun(name, params, metrics, where=where), [*told, *notices]


def _finite(value: float) -> float:
    return value if abs(value) < _LARGEST else float("inf") * (1 if value > 0 else -1)


def _tree(folder: Path) -> dict[str, str]:
    """The text of every file below a folder by its path: a key with a slash is a folder."""
    if not folder.is_dir():
        return {}
    return {file.relative_to(folder).as_posix(): _raw(file) for file in sorted(folder.rglob("*")) if file.is_file()}


def _raw(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def _text(file: Path) -> str:
    return _raw(file).strip()


def _meta(file: Path) -> dict[str, str]:
    """The scalars of a meta.yaml, which MLflow writes one a line."""
    pairs = (line.partition(":")[::2] for line in _text(file).splitlines() if not line.startswith((" ", "-")))
    return {key.strip(): value.strip().strip("'\"") for key, value in pairs}
