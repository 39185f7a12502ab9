"""Ray: workers on the machines of a cluster, or on a local one that is started for the run."""

from __future__ import annotations

import os
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
    "address": "of a running cluster, such as ray://head:10001 or auto; default: a local one, ended after the run",
    "gpus": "of each worker; a share such as 0.25 puts four on a GPU; default 0",
    "cpus": "of each worker; default 1",
    "variables": "names of environment variables that workers are given, with commas",
}


@dataclass(frozen=True)
class RayCluster:
    """``workers`` Ray tasks; each takes jobs from the store, which must lie where every machine sees it.

    A task whose process or machine dies is replaced, and its job goes on from its last state.
    """

    id: str = "ray"
    title: str = "workers on a Ray cluster (pip install 'isoflop[ray]')"
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType(_OPTIONS))

    def run(self, store: Store, jobs: Sequence[Job], settings: Settings) -> Iterator[Event]:
        """As `Executor.run`."""
        check_options(self, settings)
        gpus, cpus = (_amount(settings, name, default) for name, default in (("gpus", 0.0), ("cpus", 1.0)))
        ray = _ray()
        ours = not ray.is_initialized()
        if ours:
            _start(ray, settings, cpus)
        variables = [name for name in settings.options.get("variables", "").split(",") if name]
        handed_on = {name: os.environ[name] for name in variables if name in os.environ}
        remote = ray.remote(_run).options(
            num_cpus=cpus, num_gpus=gpus, max_retries=0, runtime_env={"env_vars": handed_on} if handed_on else None
        )
        try:
            yield from work_with(
                store, jobs, settings,
                lambda number, free: _RayWorker(ray, remote.remote(RemoteTask.of(store, free, settings, self.id))),
            )  # fmt: skip
        finally:
            if ours:
                ray.shutdown()


def _run(task: RemoteTask) -> str:
    return task()


class _RayWorker:
    """A task of Ray as a worker."""

    def __init__(self, ray: Any, reference: Any) -> None:
        self.ray, self.reference = ray, reference

    def ended(self) -> End | None:
        """As `isoflop.ladder.crew.Worker.ended`."""
        ready, _ = self.ray.wait([self.reference], timeout=0)
        if not ready:
            return None
        try:
            return End(fatal=self.ray.get(self.reference))
        except self.ray.exceptions.RayError as error:
            return End(died=f"of Ray died ({type(error).__name__})")

    def stop(self) -> None:
        """As `isoflop.ladder.crew.Worker.stop`."""
        with suppress(Exception):  # it may be gone already, and the cluster with it
            self.ray.cancel(self.reference, force=True)


def _start(ray: Any, settings: Settings, cpus: float) -> None:
    """Join the cluster, or start one on this machine with room for the workers."""
    quiet = {"configure_logging": False, "log_to_driver": False}
    address = settings.options.get("address")
    try:
        if address:
            ray.init(address=address, **quiet)
        else:
            room = max(1, round(cpus * settings.workers))
            ray.init(address="local", num_cpus=room, include_dashboard=False, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = address or "on this machine"
        raise RunsError(f"no Ray cluster {where}: {' '.join(str(error).split())[:200]}") from None


def _amount(settings: Settings, name: str, default: float) -> float:
    try:
        amount = float(settings.options.get(name, default))
    except ValueError:
        amount = -1.0
    if not 0 <= amount < 1e6:
        raise RunsError(f"ray: {name} must be a number of 0 or more, found {settings.options[name]!r}")
    return amount


def _ray() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError:
        raise RunsError("the executor ray needs Ray, which is not installed: pip install 'isoflop[ray]'") from None
    return ray


EXECUTOR = RayCluster()
