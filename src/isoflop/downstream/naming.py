"""Names of models and tasks in a sentence: the first few, and how many more."""

from __future__ import annotations

from collections.abc import Iterable


def names_in_words(names: Iterable[object], most: int = 6) -> str:
    """The first few distinct names, and how many more.

    >>> names_in_words(["a", "b", "b", "c"], most=2)
    'a, b and 1 more'
    """
    listed = list(dict.fromkeys(str(name) for name in names))
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
