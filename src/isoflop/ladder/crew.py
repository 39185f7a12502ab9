"""Worker processes as a crew: hired, watched, replaced when they die, and sent home. What executors share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from isoflop.files import FileError
from isoflop.ladder.executor import Event, Settings
from isoflop.ladder.rung import Job
from isoflop.ladder.running import is_due
from isoflop.ladder.store import Store
from isoflop.ladder.watching import Watch


class End(NamedTuple):
    """How a worker ended: `died` says why it did, where it did; `fatal` why no worker could do any better."""

    died: str = ""
    fatal: str = ""


class Worker(Protocol):
    """A process somewhere that takes jobs from the store until none is left that nobody holds."""

    def ended(self) -> End | None:
        """None as long as it works."""

    def stop(self) -> None:
        """Send it home; what it has recorded stays."""


Hire = Callable[[int, Sequence[Job]], Worker]


def work_with(
    store: Store, jobs: Sequence[Job], settings: Settings, hire: Hire, *, one_job_each: bool = False
) -> Iterator[Event]:
    """Run what is pending of these jobs with `settings.workers` workers.

    Parameters
    ----------
    hire : starts a worker; it is given a number and the jobs that are free.
    one_job_each : a worker takes the first of the jobs that it is given and ends.

    Raises
    ------
    FileError : what a worker called fatal, or workers that end before they begin a job.
    """
    watch = Watch(store, jobs, settings)
    crew = _Crew(store, tuple(jobs), settings, hire, one_job_each)
    try:
        crew.fill()
        while crew.workers:
            yield from watch.follow(crew.all_at_work)
            for why in crew.dismiss():
                yield from watch.lost(why)
            crew.fill()
    finally:
        for worker in crew.workers.values():
            worker.stop()
    if crew.complaint:
        raise FileError(crew.complaint)


class _Crew:
    """The workers there are now."""

    def __init__(self, store: Store, jobs: tuple[Job, ...], settings: Settings, hire: Hire, single: bool) -> None:
        self.store, self.jobs, self.settings, self.hire, self.single = store, jobs, settings, hire, single
        self.workers: dict[int, Worker] = {}
        self.complaint = ""
        self._given: dict[int, Job] = {}
        self._hired = 0

    def fill(self) -> None:
        """Hire up to the number of workers, but no more than there are jobs that nobody holds."""
        if self.complaint:
            return
        given = self._given.values() if self.single else ()
        free = [
            job
            for job in self.jobs
            if is_due(self.store, job, self.settings) and self.store.owner(job) is None and job not in given
        ]
        most = self.settings.workers + self.settings.attempts * len(self.jobs)
        for place in range(min(self.settings.workers - len(self.workers), len(free))):
            if self._hired >= most:
                self.complaint = f"workers end before they begin a job; {self.store.folder / 'logs'} says why"
                return
            self._hired += 1
            self._given[self._hired] = free[place]
            self.workers[self._hired] = self.hire(self._hired, free[place:] if self.single else self.jobs)

    def all_at_work(self) -> bool:
        """Is there a crew, and does every worker of it work?"""
        return bool(self.workers) and all(worker.ended() is None for worker in self.workers.values())

    def dismiss(self) -> Iterator[str]:
        """Forget the workers that ended; for each that died, why."""
        for number, worker in list(self.workers.items()):
            end = worker.ended()
            if end is None:
                continue
            del self.workers[number], self._given[number]
            if end.fatal:
                self.complaint = end.fatal
            elif end.died:
                yield f"worker {number} {end.died}"
