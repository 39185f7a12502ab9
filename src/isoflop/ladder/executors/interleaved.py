"""Several jobs in this process, taking turns: on a GPU each has its own CUDA stream, so that small models fill it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace

from isoflop.ladder.executor import TRAINER, Event, Settings, check_options
from isoflop.ladder.rung import Job
from isoflop.ladder.running import is_due, run_job
from isoflop.ladder.store import Store

#: as the trainer, but it gives way after every few steps
TAKING_TURNS = "isoflop.ladder.training:advance"


@dataclass(frozen=True)
class Interleaved:
    """``workers`` jobs at once in one process; each queues a few steps on the GPU and gives way to the next."""

    id: str = "interleaved"
    title: str = "several jobs in this process, each on its own CUDA stream"
    options: Mapping[str, str] = field(default_factory=dict)

    def run(self, store: Store, jobs: Sequence[Job], settings: Settings) -> Iterator[Event]:
        """As `Executor.run`."""
        check_options(self, settings)
        if settings.trainer == TRAINER:
            settings = replace(settings, trainer=TAKING_TURNS)
        waiting, working = deque(jobs), deque[Iterator[Event]]()
        with ExitStack() as ends:
            while waiting or working:
                while waiting and len(working) < settings.workers:
                    job = waiting.popleft()
                    if is_due(store, job, settings):
                        working.append(ends.enter_context(closing(run_job(store, job, settings, self.id))))  # type: ignore[type-var]
                if not working:
                    continue
                event = next(working[0], None)
                if event is None:
                    working.popleft()
                    continue
                working.rotate(-1)
                if event.kind != "turn":
                    yield event


EXECUTOR = Interleaved()
