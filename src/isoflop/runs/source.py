"""Where runs come from: files of several kinds, globs, data frames, arrays. Each becomes one DuckDB view, locked in.

The connection lives in memory. Once the source is attached it may open nothing but the very files that were asked for,
and its settings are locked, so that an SQL expression of a user cannot reach the disk or the network.
"""

from __future__ import annotations

import glob
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isoflop.runs.notices import RunsError
from isoflop.runs.ragged import ragged_line
from isoflop.runs.spelling import nearest

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from isoflop.runs.importers.imported import Imported

#: the view that holds the source, with its row number first
VIEW = "source"
ROW = "__row"
_MISSING = "['', 'NA', 'N/A', 'null', 'NULL', 'None']"
_READERS = {
    "csv": f"read_csv({{files}}, header=true, skip=0, comment='', nullstr={_MISSING}, sample_size={{sample}}{{union}})",
    "json": "read_json({files}, sample_size=-1{union})",
    "parquet": "read_parquet({files}{union})",
}
_KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_ACCEPTED = "accepted: .csv .tsv .jsonl .ndjson .json (also .gz), .parquet, and globs of one kind"
#: files up to this size are read once into memory, larger ones are scanned where they lie
_IN_MEMORY_BYTES = 64 * 2**20
#: rows of a larger CSV file from which the types of its columns are guessed
_SAMPLED_ROWS = 200_000


@dataclass(frozen=True)
class Loaded:
    """A source inside a locked connection: its view, its columns with their DuckDB types, its number of rows.

    `imported` is what a tracker left there, where it is no plain table.
    """

    connection: DuckDBPyConnection
    description: str
    types: Mapping[str, str]
    total_rows: int
    imported: Imported | None = None

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self.types)


def load(source: object, max_rows: int) -> Loaded:
    """Attach a source to a fresh connection and lock it.

    Raises
    ------
    RunsError : not there, not readable, of an unknown kind, broken, empty, or (frames) larger than `max_rows`.
    """
    import duckdb

    imported = tracked(source)
    if imported is not None:
        loaded = load(imported.table(), max_rows)
        return replace(loaded, description=imported.path, imported=imported)
    files = _files(str(source)) if isinstance(source, (str, Path)) else []
    connection = duckdb.connect(
        ":memory:", config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )
    try:
        return _attached(connection, source, files, max_rows)
    except duckdb.Error as error:
        connection.close()
        raise RunsError(f"cannot read {_description(source)}: {one_line(error)}") from None
    except BaseException:
        connection.close()
        raise


def tracked(source: object) -> Imported | None:
    """What an experiment tracker left at a path, or None: a plain table, a frame, a dict of arrays."""
    if hasattr(source, "tracked"):
        imported: Imported = source  # type: ignore[assignment]
        return imported
    if not isinstance(source, (str, Path)):
        return None
    from isoflop.runs.importers.importing import import_runs
    from isoflop.runs.importers.registry import paths_of, recognised

    known = any(any(recognised(each)) for each in paths_of(source)[:1])
    return import_runs(source) if known else None


def _attached(connection: DuckDBPyConnection, source: object, files: list[str], max_rows: int) -> Loaded:
    if files:
        description = str(source)
        connection.execute(f"SET allowed_paths = {_list(files)}")
        attach = _attach_files(files)
    else:
        description, table = _in_memory(source, max_rows)
        connection.register("in_memory", table)
        attach = f"CREATE TABLE {VIEW} AS SELECT row_number() OVER () AS {ROW}, * FROM in_memory"
    connection.execute("SET enable_external_access = false")
    connection.execute(attach)
    if not files:
        connection.unregister("in_memory")
    connection.execute("SET lock_configuration = true")
    described = connection.execute(f"DESCRIBE {VIEW}").fetchall()
    types = {name: kind for name, kind, *_ in described if name != ROW}
    if len(types) == 1 and files and _kind(files[0]) == "csv":
        fault = ragged_line(Path(files[0]), next(iter(types)))
        if fault:
            raise RunsError(f"cannot read {description} as a table: {fault}")
    total = connection.execute(f"SELECT count(*) FROM {VIEW}").fetchone()
    if total is None or total[0] == 0:
        raise RunsError(f"{description} has no rows, only the columns {', '.join(types)}; one row per run is needed")
    return Loaded(connection, description, types, int(total[0]))


def _description(source: object) -> str:
    return str(source) if isinstance(source, (str, Path)) else f"the {type(source).__name__}"


def one_line(error: BaseException) -> str:
    """What an engine's message says first, in one line and without its class; of a CSV error the line and the cause."""
    text = str(error).strip() or type(error).__name__
    paragraph = text.split("\n\n")[0].splitlines()
    head, separator, rest = paragraph[0].partition(": ")
    first = (rest if separator and head.endswith("Error") else paragraph[0]).strip()
    if first.startswith("CSV Error on Line: ") and len(paragraph) > 1:
        return f"line {first.removeprefix('CSV Error on Line: ')}: {paragraph[-1].strip()}"
    return first


def quoted(name: str) -> str:
    """A column name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def _attach_files(files: list[str]) -> str:
    kinds = {_kind(name) for name in files}
    if len(kinds) > 1:
        raise RunsError(f"files of different kinds cannot be read together: {', '.join(sorted(kinds))}; {_ACCEPTED}")
    size = sum(Path(name).stat().st_size for name in files)
    small = size <= _IN_MEMORY_BYTES
    scan = _READERS[kinds.pop()].format(
        files=_list(files),
        sample=-1 if small else _SAMPLED_ROWS,
        union=", union_by_name=true" if len(files) > 1 else "",
    )
    return f"CREATE {'TABLE' if small else 'VIEW'} {VIEW} AS SELECT row_number() OVER () AS {ROW}, * FROM {scan}"


def _files(text: str) -> list[str]:
    """The absolute paths that a path or a glob names, each checked to be a readable file that is not empty."""
    path = Path(text).expanduser()
    try:
        matches = [] if path.exists() else sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - may be absolute
        found = [path] if path.exists() else [Path(name) for name in matches]
        if not found:
            raise RunsError(_not_found(text, path))
        for each in found:
            if each.is_dir():
                raise RunsError(f"{each} is a directory; give a file, or a glob such as '{each}/*.csv'")
            with each.open("rb") as handle:
                if not handle.read(1):
                    raise RunsError(f"{each} is empty; a table with a header and one row per run is needed")
    except PermissionError as error:
        raise RunsError(f"{error.filename or text} cannot be read: permission denied") from None
    except (OSError, ValueError) as error:
        if isinstance(error, RunsError):
            raise
        raise RunsError(f"{text!r} cannot be opened: {getattr(error, 'strerror', None) or error}") from None
    return [str(each.resolve()) for each in found]


def _not_found(text: str, path: Path) -> str:
    if "://" in text:
        return f"{text} is an address; isoflop reads local files, so download it first"
    if any(mark in text for mark in "*?["):
        return f"no file matches {text!r}"
    folder = path.parent
    guess = nearest(path.name, [each.name for each in folder.iterdir()]) if folder.is_dir() else None
    return f"there is no file {text}" + (f"; did you mean {folder / guess}?" if guess else "")


def _kind(name: str) -> str:
    suffixes = [suffix.lower() for suffix in Path(name).suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
        if suffixes and _KINDS.get(suffixes[-1]) == "parquet":
            raise RunsError(f"{name} cannot be read: a Parquet file is compressed inside; {_ACCEPTED}")
    kind = _KINDS.get(suffixes[-1]) if suffixes else None
    if kind is None:
        raise RunsError(f"{name} is of an unknown kind {''.join(suffixes[-1:])!r}; {_ACCEPTED}")
    return kind


def _list(files: list[str]) -> str:
    return "[" + ", ".join("'" + name.replace("'", "''") + "'" for name in files) + "]"


def _in_memory(source: object, max_rows: int) -> tuple[str, dict[str, np.ndarray[Any, Any]]]:
    """A description, and plain NumPy columns: numbers as they are, anything else as text or None."""
    if isinstance(source, Mapping):
        return "a dict of arrays", _plain_columns({str(name): np.asarray(cells) for name, cells in source.items()})
    if type(source).__name__ == "DuckDBPyRelation":
        relation: Any = source
        _refuse_too_many(int(relation.aggregate("count(*)").fetchall()[0][0]), max_rows, "a DuckDB relation")
        return "a DuckDB relation", _plain_columns(relation.fetchnumpy())
    import narwhals as nw

    try:
        frame: Any = nw.from_native(source)
    except TypeError:
        raise RunsError(
            f"runs cannot be read from {type(source).__name__}; give a path, a pandas or polars frame, "
            "or a dict of arrays"
        ) from None
    description = f"a {nw.get_native_namespace(frame).__name__} frame"
    if isinstance(frame, nw.LazyFrame):
        _refuse_too_many(int(frame.select(nw.len()).collect().item()), max_rows, description)
        frame = frame.collect()
    _refuse_too_many(len(frame), max_rows, description)
    numeric = {name: frame[name].dtype.is_numeric() or frame[name].dtype == nw.Boolean for name in frame.columns}
    return description, _plain_columns(
        {str(name): frame[name].to_numpy() if numeric[name] else _objects(frame[name]) for name in frame.columns}
    )


def _objects(series: Any) -> np.ndarray[Any, Any]:
    cells = np.empty(len(series), dtype=object)
    cells[:] = series.to_list()
    return cells


def _refuse_too_many(rows: int, max_rows: int, description: str) -> None:
    if rows > max_rows:
        raise RunsError(too_many(rows, max_rows, description, "filter or sample it first"))


def too_many(rows: int, max_rows: int, description: str, advice: str) -> str:
    """The sentence for a table that is larger than it may be."""
    return f"{description} gives {rows:,} rows, more than the limit of {max_rows:,}; {advice}, or raise max_rows"


def _plain_columns(columns: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    plain: dict[str, np.ndarray[Any, Any]] = {}
    for name, given in columns.items():
        cells = np.asarray(_unmasked(given) if np.ma.isMaskedArray(given) else given)
        if cells.ndim != 1:
            raise RunsError(f"column {name} must have one value per run, found an array of shape {cells.shape}")
        plain[name] = cells if cells.dtype.kind in "iufb" else _numbers_or_text(cells.tolist())
    lengths = {name: cells.size for name, cells in plain.items()}
    if len(set(lengths.values())) > 1:
        raise RunsError(f"columns of unequal length: {', '.join(f'{name} {size}' for name, size in lengths.items())}")
    if not lengths or not next(iter(lengths.values())):
        raise RunsError(f"the table has no rows, only the columns {', '.join(lengths) or 'of an empty dict'}")
    return plain


def _numbers_or_text(cells: list[Any]) -> np.ndarray[Any, Any]:
    """Float64 where every cell is a number or missing, otherwise text or None."""
    if all(cell is None or (isinstance(cell, (int, float)) and not isinstance(cell, bool)) for cell in cells):
        return np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)
    text = np.empty(len(cells), dtype=object)
    text[:] = [None if cell is None or cell != cell else str(cell) for cell in cells]
    return text


def _unmasked(values: Any) -> Any:
    return values.filled(np.nan) if values.dtype.kind == "f" else values.astype(object).filled(None)
