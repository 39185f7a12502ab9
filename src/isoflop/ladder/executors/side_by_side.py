"""Several worker processes on one machine or GPU: small rungs are launch-bound, so together they go faster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from isoflop.files import FileError
from isoflop.ladder.executor import Event, Settings, check_options
from isoflop.ladder.rung import Job
from isoflop.ladder.running import is_due
from isoflop.ladder.store import Store
from isoflop.ladder.watching import Watch
from isoflop.ladder.worker import FULL, settings_text

_PATIENCE = 10.0


@dataclass(frozen=True)
class SideBySide:
    """``workers`` processes; each takes the dearest job that nobody holds, until none is left.

    A worker that dies is replaced and its job goes on from its last state. When this process dies, they end too.
    """

    id: str = "side-by-side"
    title: str = "several worker processes on this machine or its GPU"
    options: Mapping[str, str] = field(default_factory=dict)

    def run(self, store: Store, jobs: Sequence[Job], settings: Settings) -> Iterator[Event]:
        """As `Executor.run`."""
        check_options(self, settings)
        watch = Watch(store, jobs, settings)
        crew = _Crew(store, settings, self.id, tuple(jobs))
        try:
            crew.fill()
            while crew.workers:
                yield from watch.follow(crew.all_at_work)
                for why in crew.dismiss():
                    yield from watch.lost(why)
                crew.fill()
        finally:
            crew.end()
        if crew.complaint:
            raise FileError(crew.complaint)


class _Crew:
    """The worker processes that live now."""

    def __init__(self, store: Store, settings: Settings, executor: str, jobs: tuple[Job, ...]) -> None:
        self.store, self.settings, self.executor, self.jobs = store, settings, executor, jobs
        self.workers: dict[int, tuple[subprocess.Popen[bytes], Path]] = {}
        self.complaint = ""
        self._hired = 0

    def fill(self) -> None:
        """Start workers up to their number, but no more than there are jobs that nobody holds."""
        if self.complaint:
            return
        free = [job for job in self.jobs if is_due(self.store, job, self.settings) and self.store.owner(job) is None]
        most = self.settings.workers + self.settings.attempts * len(self.jobs)
        for _ in range(min(self.settings.workers - len(self.workers), len(free))):
            if self._hired >= most:
                self.complaint = f"workers end before they begin a job; {self.store.folder / 'logs'} says why"
                return
            self._hire()

    def all_at_work(self) -> bool:
        """Does every worker live?"""
        return bool(self.workers) and all(process.poll() is None for process, _ in self.workers.values())

    def dismiss(self) -> Iterator[str]:
        """Forget the workers that ended; for each that died, or could do nothing, why."""
        for number, (process, log) in list(self.workers.items()):
            code = process.poll()
            if code is None:
                continue
            del self.workers[number]
            if process.stdin:
                process.stdin.close()
            if code == FULL:
                self.complaint = _last_line(log, f"{self.store.folder}: No space left on device")
            elif code == 2:
                self.complaint = _last_line(log, f"a worker ended and said nothing ({log})")
            elif code != 0:
                yield f"worker {number} {_how(code)}"

    def end(self) -> None:
        """End every worker that still lives; what they have recorded stays."""
        for process, _ in self.workers.values():
            process.terminate()
        for process, _ in self.workers.values():
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
            if process.stdin:
                process.stdin.close()

    def _hire(self) -> None:
        self._hired += 1
        logs = self.store.folder / "logs"
        logs.mkdir(exist_ok=True)
        log = logs / f"{self.settings.run}-worker-{self._hired}.log"
        wanted = [argument for job in self.jobs for argument in ("--job", job.id)]
        command = [sys.executable, "-m", "isoflop.ladder.worker", str(self.store.folder), "--executor", self.executor]
        command += ["--settings", settings_text(self.settings), "--with-parent", *wanted]
        with log.open("wb") as stream:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=stream, stderr=subprocess.STDOUT, env=_environment(self.settings)
            )
        self.workers[self._hired] = process, log


def _environment(settings: Settings) -> dict[str, str]:
    """Ours, with the processors shared among the workers where they calculate on them."""
    threads = settings.threads or max(1, (os.cpu_count() or 1) // settings.workers)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**os.environ, **{name: str(threads) for name in names}}


def _how(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def _last_line(log: Path, otherwise: str) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("isoflop: ")]
    return lines[-1].removeprefix("isoflop: ") if lines else otherwise


EXECUTOR = SideBySide()
