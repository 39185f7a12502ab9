"""torchrun: one rung over several devices, its weights, gradients and moments sharded by FSDP2. One job at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from isoflop.ladder.crew import work_with
from isoflop.ladder.executor import Event, Settings, check_options
from isoflop.ladder.rung import Job
from isoflop.ladder.store import Store
from isoflop.ladder.worker import settings_text
from isoflop.ladder.worker_process import WorkerProcess, shared_processors
from isoflop.runs.notices import RunsError

_OPTIONS = {"processes": "of each rung on this machine; default: the number of workers"}


@dataclass(frozen=True)
class Torchrun:
    """Jobs one after another; each is trained by ``processes`` processes that torchrun starts on this machine."""

    id: str = "torchrun"
    title: str = "one rung over several GPUs of this machine (FSDP2), one job after another"
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType(_OPTIONS))

    def run(self, store: Store, jobs: Sequence[Job], settings: Settings) -> Iterator[Event]:
        """As `Executor.run`."""
        check_options(self, settings)
        asked = settings.options.get("processes", str(settings.workers))
        if not asked.isdigit() or asked == "0":
            raise RunsError(f"torchrun: processes must be a whole number > 0, found {asked!r}")
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={asked}"]
        command += ["-m", "isoflop.ladder.sharded_worker", str(store.folder), settings_text(settings)]
        shares = shared_processors(replace(settings, workers=int(asked)))

        def hire(number: int, free: Sequence[Job]) -> WorkerProcess:
            return WorkerProcess(store, settings, number, [*command, free[0].id], shares)

        yield from work_with(store, jobs, replace(settings, workers=1), hire, one_job_each=True)


EXECUTOR = Torchrun()
