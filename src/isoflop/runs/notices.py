"""What reading and checking runs has to say: coded notices, rows left out, and the one error of this room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class RunsError(ValueError):
    """Runs that cannot be used. The message is one line: what was found, where, what is accepted, what to try."""

    #: what the command line exits with
    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class Dropped(NamedTuple):
    """A row that was left out: its 1-based number in the source, and why."""

    row: int
    reason: str


#: notices that only say how the table was read; every other code asks to be looked at
INFORMATION = frozenset({"derived", "filtered", "grouped_by_name", "mapped_by_name", "step_axis"})


@dataclass(frozen=True)
class Notice:
    """A coded warning about a table of runs.

    >>> Notice("loss_missing", "2 runs have no loss", rows=(3, 9), hint="were they still running?").sentence()
    '2 runs have no loss (rows 3, 9); were they still running?'
    """

    code: str
    message: str
    rows: tuple[int, ...] = ()
    hint: str = ""

    def sentence(self) -> str:
        """The message, the rows and the hint in one line."""
        where = f" ({rows_in_words(self.rows)})" if self.rows else ""
        return f"{self.message}{where}" + (f"; {self.hint}" if self.hint else "")

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping."""
        return {**asdict(self), "rows": list(self.rows)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Notice:
        """The inverse of `to_dict`."""
        return cls(stored["code"], stored["message"], tuple(stored["rows"]), stored["hint"])


def count_of_rows(mask: NDArray[np.bool_]) -> str:
    """How many rows a mask chooses: ``1 row``, ``3 rows``."""
    count = int(mask.sum())
    return f"{count:,} row" + ("" if count == 1 else "s")


def rows_in_words(rows: Iterable[int], most: int = 8) -> str:
    """Row numbers for a sentence, the first few and how many more.

    >>> rows_in_words([4]), rows_in_words(range(1, 12), most=3)
    ('row 4', 'rows 1, 2, 3 and 8 more')
    """
    listed: Sequence[int] = [int(row) for row in rows]
    if len(listed) == 1:
        return f"row {listed[0]}"
    more = f" and {len(listed) - most:,} more" if len(listed) > most else ""
    return f"rows {', '.join(map(str, listed[:most]))}{more}"
