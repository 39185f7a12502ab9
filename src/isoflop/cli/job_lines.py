"""One line a job while a ladder is trained: bars on a terminal, plain lines of what ended elsewhere. All on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from isoflop.cli.output import say

if TYPE_CHECKING:
    from isoflop.ladder.executor import Event

#: seconds between two lines of progress where nobody watches a terminal
PAUSE = 15.0


class PlainLines:
    """For logs: each start and end, and now and then a line of progress."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def show(self, event: Event) -> None:
        """Print the event, or let it pass."""
        if event.kind in ("turn", "ended"):
            return
        if event.kind == "progress":
            now = time.monotonic()
            if now - self._said.setdefault(event.job, now) < PAUSE:
                return
            self._said[event.job] = now
        say(event.line())


class Bars:
    """For a terminal: a bar for each job at work, and a line above them for each rung that ended."""

    def __init__(self, drawn: Any) -> None:
        self._drawn = drawn
        self._tasks: dict[str, Any] = {}

    def show(self, event: Event) -> None:
        """Move the bar of the job, or print what ended."""
        told = event.progress
        if told is not None:
            if event.job not in self._tasks:
                self._tasks[event.job] = self._drawn.add_task(event.job, total=told.steps, said="")
            said = f"loss {told.loss:.3f}  {told.tokens_per_second:,.0f} tok/s"
            if told.flops_utilisation == told.flops_utilisation:
                said += f"  MFU {told.flops_utilisation:.0%}"
            self._drawn.update(self._tasks[event.job], completed=told.step, total=told.steps, said=said)
        elif event.kind in ("finished", "failed", "lost", "taken"):
            self._drawn.console.print(event.line(), highlight=False, markup=False)
        if event.kind in ("failed", "lost", "ended"):
            task = self._tasks.pop(event.job, None)
            if task is not None:
                self._drawn.remove_task(task)


@contextmanager
def job_lines() -> Iterator[PlainLines | Bars]:
    """Bars where somebody watches, plain lines elsewhere."""
    if not sys.stderr.isatty():
        yield PlainLines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f}  {task.fields[said]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as drawn:
        yield Bars(drawn)
