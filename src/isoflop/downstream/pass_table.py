"""The table of passes and samples: one row a model, with its size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.downstream.named_columns import named_columns
from isoflop.downstream.task import ScoresError
from isoflop.runs.cells import numbers_from_cells

Array = NDArray[np.float64]

_NAMES = {
    "N": ("n", "params", "parameters", "size"),
    "passes": ("passes", "passed", "successes"),
    "samples": ("samples", "tries", "attempts"),
    "capped": ("capped",),
}
_TRUE = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}


def read_passes(source: Any) -> tuple[Array, Array, Array, NDArray[np.bool_]]:
    """(K,) sizes N, passes, samples, and which models were capped, from a table with such columns.

    Raises
    ------
    ScoresError : a column is not there, or holds a cell that is empty.

    >>> read_passes({"N": ["70M", "1B"], "passes": [3, 3], "samples": [900, 40]})[0]
    array([7.e+07, 1.e+09])
    """
    cells, rows, description = named_columns(source, _NAMES)
    found = {}
    for target, names in _NAMES.items():
        if target not in cells:
            if target == "capped":
                found[target] = np.zeros(rows.size)
                continue
            raise ScoresError(f"{description} has no column {target}; accepted: {', '.join(names)}")
        values = cells[target]
        if target == "capped" and values.dtype.kind not in "iuf":
            values = np.ma.array([_TRUE.get(str(cell).strip().lower(), 0.0) for cell in np.ma.getdata(values)])
        found[target] = numbers_from_cells(values, rows, target, "error")[0]
        missing = np.flatnonzero(~np.isfinite(found[target]))
        if missing.size:
            raise ScoresError(f"row {rows[missing[0]]}: {target} is empty; a number is needed")
    return found["N"], found["passes"], found["samples"], found["capped"] > 0
