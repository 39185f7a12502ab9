"""Slurm, through submitit: an array of workers; submitit's local executor runs the same on one machine."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from isoflop.ladder.crew import End, work_with
from isoflop.ladder.executor import Event, Settings, check_options
from isoflop.ladder.remote_task import RemoteTask
from isoflop.ladder.rung import Job
from isoflop.ladder.store import Store
from isoflop.runs.notices import RunsError

_OPTIONS = {
    "cluster": "slurm, or local for processes of this machine; default: slurm where sbatch is found",
    "partition": "of Slurm",
    "account": "of Slurm",
    "minutes": "a worker may take; it is queued again when they are over; default 60",
    "gpus": "of each worker; default 0",
    "cpus": "of each worker; default 1",
    "gigabytes": "of memory of each worker",
}


@dataclass(frozen=True)
class Slurm:
    """``workers`` jobs of Slurm; each takes jobs from the store, which must lie where every machine sees it.

    A worker that is preempted, or whose time is up, is queued again; its job goes on from its last state.
    """

    id: str = "slurm"
    title: str = "workers on a Slurm cluster through submitit (pip install 'isoflop[slurm]')"
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType(_OPTIONS))

    def run(self, store: Store, jobs: Sequence[Job], settings: Settings) -> Iterator[Event]:
        """As `Executor.run`."""
        check_options(self, settings)
        submit = _submitter(store, settings)
        yield from work_with(
            store, jobs, settings,
            lambda number, free: _SlurmWorker(submit.submit(RemoteTask.of(store, free, settings, self.id))),
        )  # fmt: skip


class _SlurmWorker:
    """A job of submitit as a worker."""

    def __init__(self, job: Any) -> None:
        self.job = job

    def ended(self) -> End | None:
        """As `isoflop.ladder.crew.Worker.ended`."""
        if not self.job.done():
            return None
        error = self.job.exception()
        if error is None:
            return End(fatal=str(self.job.result()))
        return End(died=f"({self.job.job_id}) ended as {self.job.state}; {self.job.paths.stderr} says why")

    def stop(self) -> None:
        """As `isoflop.ladder.crew.Worker.stop`."""
        with suppress(Exception):  # it may be gone already
            self.job.cancel()


def _submitter(store: Store, settings: Settings) -> Any:
    try:
        import submitit
    except ImportError:
        raise RunsError("the executor slurm needs submitit: pip install 'isoflop[slurm]'") from None
    options = settings.options
    cluster = options.get("cluster")
    if cluster not in (None, "slurm", "local"):
        raise RunsError(f"slurm: cluster must be slurm or local, found {cluster!r}")
    submit = submitit.AutoExecutor(folder=store.folder / "logs" / "slurm", cluster=cluster)
    asked = {
        "name": f"isoflop-{store.name}"[:60],
        "timeout_min": _number(options, "minutes", 60),
        "cpus_per_task": _number(options, "cpus", 1),
        "gpus_per_node": _number(options, "gpus", 0),
    }
    if "gigabytes" in options:
        asked["mem_gb"] = _number(options, "gigabytes", 1)
    for name in ("partition", "account"):
        if name in options:
            asked[f"slurm_{name}"] = options[name]
    submit.update_parameters(**asked)
    return submit


def _number(options: Mapping[str, str], name: str, default: int) -> int:
    try:
        return math.ceil(float(options.get(name, default)))
    except (ValueError, OverflowError):
        raise RunsError(f"slurm: {name} must be a number, found {options[name]!r}") from None


EXECUTOR = Slurm()
