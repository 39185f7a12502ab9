"""From a loaded table to columns: SQL expressions evaluated safely, cells as numbers and labels, bad rows named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from isoflop.downstream.task import ScoresError
from isoflop.runs.cells import labels_from_cells, numbers_from_cells
from isoflop.runs.expressions import as_sql, type_of
from isoflop.runs.source import ROW, VIEW, Loaded, one_line, quoted

Array = NDArray[np.float64]
Labels = NDArray[np.str_]
BadRows = Literal["error", "drop"]

LABELS = ("names", "family", "task", "metric")
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL")


def fetch(
    loaded: Loaded, wanted: Mapping[str, str], where: str | None, source_rows: bool = True
) -> tuple[NDArray[np.int64], dict[str, Any]]:
    """The row numbers and the cells of {what: column or SQL expression}, of the rows that pass `where`.

    Raises
    ------
    RunsError : no such column, not one plain expression. ScoresError : no row is left.
    """
    import duckdb

    connection, columns = loaded.connection, loaded.columns
    # numbers become float64 before any arithmetic: 6*N*D overflows 64-bit integers
    casts = [
        f"CAST({quoted(name)} AS DOUBLE) AS {quoted(name)}"
        if kind.lstrip("U").partition("(")[0] in _INTEGERS
        else quoted(name)
        for name, kind in loaded.types.items()
    ]
    body = f"(SELECT {ROW}, {', '.join(casts)} FROM {VIEW}) AS source"
    chosen = []
    for place, (what, text) in enumerate(wanted.items()):
        sql = as_sql(connection, text, columns, what)
        type_of(connection, sql, f"(SELECT {ROW}, {', '.join(casts)} FROM {VIEW} LIMIT 0) AS source", columns, what)
        chosen.append(f"{sql} AS target_{place}")
    condition = f" WHERE {as_sql(connection, where, columns, 'where')}" if where else ""
    try:
        cells = connection.execute(
            f"SELECT {ROW}, {', '.join(chosen)} FROM {body}{condition} ORDER BY {ROW}"
        ).fetchnumpy()
    except duckdb.Error as error:
        raise ScoresError(f"cannot read {loaded.description}: {one_line(error)}") from None
    rows = np.asarray(cells[ROW], dtype=np.int64)
    if not rows.size:
        total = loaded.total_rows
        raise ScoresError(f"no row of {loaded.description} is left by where {where!r}; it has {total:,} rows")
    return rows, {what: cells[f"target_{place}"] for place, what in enumerate(wanted)}


def parsed(
    cells: Mapping[str, Any], rows: NDArray[np.int64], bad_rows: BadRows
) -> tuple[dict[str, Array], dict[str, Labels], dict[int, str]]:
    """Cells as {what: numbers} and {what: labels}, and the rows to leave out, each with its reason.

    Raises
    ------
    RunsError : text or infinity where a number belongs, unless `bad_rows` is ``drop``.
    """
    if bad_rows not in ("error", "drop"):
        raise ScoresError(f"bad_rows must be 'error' or 'drop', found {bad_rows!r}")
    numbers: dict[str, Array] = {}
    labels: dict[str, Labels] = {}
    dropped: dict[int, str] = {}
    for what, column in cells.items():
        if what in LABELS:
            labels[what] = labels_from_cells(column, rows)
            continue
        numbers[what], refused = numbers_from_cells(column, rows, what, bad_rows)
        infinite = np.isinf(numbers[what])
        if infinite.any() and bad_rows == "error":
            raise ScoresError(
                f"row {rows[infinite][0]}, column {what}: found infinity; leave the cell empty if it is not known"
            )
        dropped.update({int(row): f"text in {what}" for row in rows[refused]})
        dropped.update({int(row): f"infinity in {what}" for row in rows[infinite]})
    return numbers, labels, dropped
