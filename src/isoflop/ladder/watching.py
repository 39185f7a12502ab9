"""Seeing from outside what worker processes do: they write records and progress into the store, and here it is read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from isoflop.files import FileError
from isoflop.ladder.claims import Claimed
from isoflop.ladder.executor import Event, Settings
from isoflop.ladder.records import Record
from isoflop.ladder.rung import Job
from isoflop.ladder.store import Store

#: seconds between two looks
PAUSE = 0.2
AGAIN = "again, from its last state: the process before it died"


class Watch:
    """Turns what changed in the records of one run since the last look into events."""

    def __init__(self, store: Store, jobs: Sequence[Job], settings: Settings) -> None:
        self.store, self.jobs, self.run = store, tuple(jobs), settings.run
        self.attempts = settings.attempts
        self._seen: dict[str, tuple[str, int]] = {}
        self._begun: dict[str, int] = {}
        self._heard: dict[str, float] = {}
        self._began = time.time()

    def look(self) -> Iterator[Event]:
        """The events since the last look; records of other runs are none of them."""
        for job in self.jobs:
            failed, changed = [], False
            for rung in job.rungs:
                record = self.store.record_of(rung)
                if record.run != self.run or self._seen.get(rung.id) == (record.status, record.attempts):
                    continue
                self._seen[rung.id] = (record.status, record.attempts)
                if record.attempts > self._begun.get(job.id, 0):
                    self._begun[job.id] = record.attempts
                    yield Event("started", job.id, AGAIN if record.attempts > 1 else "")
                changed = True
                if record.finished:
                    yield Event("finished", job.id, record=record)
                elif record.status == "failed":
                    failed.append(record)
            if failed:
                yield Event("failed", job.id, failed[0].error)
            if changed and not self.store.unfinished(job):
                yield Event("ended", job.id)
                continue
            heard = self.store.progress(job)
            if heard and heard[1] > self._heard.get(job.id, self._began):
                self._heard[job.id] = heard[1]
                yield Event("progress", job.id, progress=heard[0])

    def follow(self, working: Callable[[], bool]) -> Iterator[Event]:
        """Look until nobody works any more; where files are slow, at most a sixth of the time."""
        while working():
            began = time.monotonic()
            yield from self.look()
            time.sleep(max(PAUSE, 5 * (time.monotonic() - began)))
        yield from self.look()

    def lost(self, why: str) -> Iterator[Event]:
        """Jobs of this run whose process died: to be begun again, or failed where that was tried often enough."""
        for job in self.jobs:
            gone = [record for record in map(self.store.record_of, job.rungs) if self._is_gone(record)]
            if not gone:
                continue
            again = all(record.attempts < self.attempts for record in gone)
            if again:
                yield Event("lost", job.id, f"{why}; it will go on from its last state")
                continue
            with suppress(Claimed, FileError), self.store.claim(job):
                self.store.fail(job, f"{why}, {self.attempts} times")
        yield from self.look()

    def _is_gone(self, record: Record) -> bool:
        return record.run == self.run and record.status == "interrupted"
