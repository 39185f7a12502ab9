"""The columns of a small table by their common names, as cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.runs.source import ROW, VIEW, load, quoted

_MAX_ROWS = 20_000_000


def named_columns(source: Any, names: Mapping[str, Sequence[str]]) -> tuple[dict[str, Any], NDArray[np.int64], str]:
    """{target: cells} of those `names` {target: accepted names in lower case} that are there; row numbers; the source.

    >>> named_columns({"Params": [1, 2], "other": [0, 0]}, {"N": ("n", "params")})[0]["N"].tolist()
    [1, 2]
    """
    loaded = load(source, _MAX_ROWS)
    try:
        by_name = {name.strip().lower(): name for name in reversed(loaded.columns)}
        found = {
            target: next((by_name[name] for name in accepted if name in by_name), None)
            for target, accepted in names.items()
        }
        columns = {target: column for target, column in found.items() if column is not None}
        chosen = "".join(f", {quoted(column)} AS target_{k}" for k, column in enumerate(columns.values()))
        cells = loaded.connection.execute(f"SELECT {quoted(ROW)}{chosen} FROM {VIEW} ORDER BY 1").fetchnumpy()
    finally:
        loaded.connection.close()
    rows = np.asarray(cells[ROW], dtype=np.int64)
    listed = f"{loaded.description} (columns {', '.join(loaded.columns)})"
    return {target: cells[f"target_{k}"] for k, target in enumerate(columns)}, rows, listed
