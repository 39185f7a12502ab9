"""The table of passes and samples: one row a model, with its size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.downstream.task import ScoresError
from isoflop.runs.cells import numbers_from_cells
from isoflop.runs.source import ROW, VIEW, load, quoted

Array = NDArray[np.float64]

_NAMES = {
    "N": ("n", "params", "parameters", "size"),
    "passes": ("passes", "passed", "successes"),
    "samples": ("samples", "tries", "attempts"),
    "capped": ("capped",),
}
_TRUE = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}
_MAX_ROWS = 1_000_000


def read_passes(source: Any) -> tuple[Array, Array, Array, NDArray[np.bool_]]:
    """(K,) sizes N, passes, samples, and which models were capped, from a table with such columns.

    Raises
    ------
    ScoresError : a column is not there, or holds a cell that is empty.

    >>> read_passes({"N": ["70M", "1B"], "passes": [3, 3], "samples": [900, 40]})[0]
    array([7.e+07, 1.e+09])
    """
    loaded = load(source, _MAX_ROWS)
    try:
        columns = ", ".join(quoted(name) for name in loaded.columns)
        cells = loaded.connection.execute(f"SELECT {quoted(ROW)}, {columns} FROM {VIEW} ORDER BY 1").fetchnumpy()
    finally:
        loaded.connection.close()
    rows = np.asarray(cells.pop(ROW), dtype=np.int64)
    by_name = {name.strip().lower(): name for name in cells}
    found = {}
    for target, names in _NAMES.items():
        column = next((by_name[name] for name in names if name in by_name), None)
        if column is None:
            if target == "capped":
                found[target] = np.zeros(rows.size)
                continue
            raise ScoresError(
                f"{loaded.description} has no column {target}; accepted: {', '.join(names)} (found {', '.join(cells)})"
            )
        values = cells[column]
        if target == "capped" and values.dtype.kind not in "iuf":
            values = np.ma.array([_TRUE.get(str(cell).strip().lower(), 0.0) for cell in np.ma.getdata(values)])
        found[target] = numbers_from_cells(values, rows, column, "error")[0]
        missing = np.flatnonzero(~np.isfinite(found[target]))
        if missing.size:
            raise ScoresError(f"{loaded.description}, row {rows[missing[0]]}: {column} is empty; a number is needed")
    return found["N"], found["passes"], found["samples"], found["capped"] > 0
