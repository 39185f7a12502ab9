"""Loss curves as Parquet: columns of float64, through pyarrow, which is imported when a curve is written or read."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoflop.files import FileError


def pack(curve: Mapping[str, ArrayLike]) -> bytes:
    """Named columns of one length as a Parquet file.

    Raises
    ------
    FileError : pyarrow is not installed, or the columns differ in length.
    """
    arrow, parquet = _pyarrow()
    columns = {name: np.asarray(values, dtype=np.float64).ravel() for name, values in curve.items()}
    lengths = {name: column.size for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise FileError(f"the columns of a curve must have one length, found {lengths}")
    content = io.BytesIO()
    parquet.write_table(arrow.table(columns), content, compression="zstd")
    return content.getvalue()


def unpack(path: Path) -> dict[str, NDArray[np.float64]]:
    """The columns of a curve.

    Raises
    ------
    FileError : the file is not there, or is damaged.
    """
    arrow, parquet = _pyarrow()
    try:
        table = parquet.read_table(io.BytesIO(path.read_bytes()))
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}") from None
    except arrow.ArrowException as error:
        raise FileError(f"{path} is damaged or no Parquet file ({str(error).splitlines()[0]})") from None
    return {name: table[name].to_numpy().astype(np.float64) for name in table.column_names}


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise FileError("loss curves need pyarrow, which is not installed: pip install 'isoflop[train]'") from None
    return pyarrow, pyarrow.parquet
