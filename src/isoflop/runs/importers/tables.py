"""Tables of arrays as CSV or Parquet files, written by DuckDB beside the target and renamed into place."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from isoflop.files import FileError, write_bytes

_FORMATS = {".csv": "FORMAT csv, HEADER true", ".parquet": "FORMAT parquet"}


def write_table(path: str | Path, columns: Mapping[str, NDArray[Any]]) -> str:
    """Write the columns, nan as an empty cell; returns the path.

    Raises
    ------
    FileError : another suffix than .csv or .parquet, or a place that cannot be written to.
    """
    import duckdb

    target = Path(path)
    kind = _FORMATS.get(target.suffix.lower())
    if kind is None:
        raise FileError(f"cannot write {target}: found the suffix {target.suffix!r}, accepted are .csv and .parquet")
    arrays = {f"c{k}": _plain(values) for k, values in enumerate(columns.values())}
    selected = ", ".join(
        f'{_missing(f"c{k}", values)} AS "{name.replace(chr(34), chr(34) * 2)}"'
        for k, (name, values) in enumerate(columns.items())
    )
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(":memory:") as connection:
        written = Path(folder, "table")
        connection.register("arrays", arrays)
        connection.execute(f"COPY (SELECT {selected} FROM arrays) TO '{written}' ({kind})")
        write_bytes(target, written.read_bytes())
    return str(target)


def _missing(column: str, values: NDArray[Any]) -> str:
    return f"CASE WHEN isnan({column}) THEN NULL ELSE {column} END" if values.dtype.kind == "f" else column


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    return values if values.dtype.kind in "fi" else values.astype(object)


def unique_columns(columns: Mapping[str, NDArray[Any]], others: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """`columns` and then `others`; of these, one whose name is taken (SQL is blind to case) gets ``metric.`` before it.

    >>> list(unique_columns({"N": [1.0]}, {"n": [2.0], "acc": [0.5]}))
    ['N', 'metric.n', 'acc']
    """
    made = dict(columns)
    taken = {name.lower() for name in made}
    for name, values in others.items():
        free = name
        while free.lower() in taken:
            free = f"metric.{free}"
        made[free] = values
        taken.add(free.lower())
    return made
