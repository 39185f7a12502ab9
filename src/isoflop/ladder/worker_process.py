"""A worker as a child process of ours: started with its log, read when it ends; it ends when we do."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from isoflop.ladder.crew import End
from isoflop.ladder.executor import Settings
from isoflop.ladder.store import Store
from isoflop.ladder.worker import FULL

_PATIENCE = 10.0


class WorkerProcess:
    """A child process with a log in the store.

    Parameters
    ----------
    command : as `subprocess` takes it. It is given a pipe as standard input, which ends when this process does.
    number : of the worker, for the name of its log.
    """

    def __init__(
        self, store: Store, settings: Settings, number: int, command: Sequence[str], variables: Mapping[str, str]
    ) -> None:
        self.folder = store.folder
        logs = store.folder / "logs"
        logs.mkdir(exist_ok=True)
        self.log = logs / f"{settings.run}-worker-{number}.log"
        with self.log.open("wb") as stream:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, **variables},
            )

    def ended(self) -> End | None:
        """As `isoflop.ladder.crew.Worker.ended`."""
        code = self.process.poll()
        if code is None:
            return None
        self._close()
        if code == 0:
            return End()
        if code < 0:
            return End(died=f"was ended by {signal.Signals(-code).name}")
        said = self._complaint() or (f"{self.folder}: No space left on device" if code == FULL else "")
        return End(fatal=said) if said else End(died=f"ended with code {code} ({self.log})")

    def stop(self) -> None:
        """As `isoflop.ladder.crew.Worker.stop`."""
        self.process.terminate()
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._close()

    def _close(self) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()

    def _complaint(self) -> str:
        """The last line of ours in the log; '' where there is none."""
        printed = self.log.read_text(errors="replace").splitlines()
        lines = [line for line in printed if line.startswith("isoflop: ")]
        return lines[-1].removeprefix("isoflop: ") if lines else ""


def shared_processors(settings: Settings) -> dict[str, str]:
    """Environment variables that give each worker its share of the processors."""
    threads = settings.threads or max(1, (os.cpu_count() or 1) // settings.workers)
    return dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
