"""Taking turns: several trainings in one process, so that on a GPU small models fill it together."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from typing import TypeVar

T = TypeVar("T")


def take_turns(courses: Iterable[Generator[T, None, None]], at_once: int) -> Iterator[T]:
    """Draw from `at_once` generators in turn until all are at their end; the next begins when one ends.

    Parameters
    ----------
    courses : made one by one as they are needed, so a lazy iterable starts nothing before its turn.

    >>> list(take_turns(((letter for letter in word) for word in ("abc", "d", "ef")), 2))
    ['a', 'd', 'b', 'c', 'e', 'f']
    """
    waiting, working = iter(courses), deque[Generator[T, None, None]]()
    with ExitStack() as ends:
        while True:
            while len(working) < at_once and (course := next(waiting, None)) is not None:
                working.append(ends.enter_context(closing(course)))
            if not working:
                return
            course = working.popleft()
            try:
                event = next(course)
            except StopIteration:
                continue
            working.append(course)
            yield event
