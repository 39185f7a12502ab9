"""One of the processes that train a job together: ``torchrun -m isoflop.ladder.sharded_worker FOLDER SETTINGS JOB``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from isoflop.ladder.executor import Settings
from isoflop.ladder.rung import Job
from isoflop.ladder.running import open_corpus_of, resolved_device, run_job
from isoflop.ladder.store import Store
from isoflop.ladder.worker import complaint, end_with_parent

TRAINER = "isoflop.ladder.sharded_worker:train"


def train(job: Job, corpus: Any, device: str, **given: Any) -> Iterator[object]:
    """What the first process trains with: it tells the others to begin, and then does its share as they do."""
    import torch.distributed as dist

    from isoflop.ladder.sharded import ShardedStepper
    from isoflop.ladder.training import train as train_alone

    dist.broadcast_object_list([True], 0)
    yield from train_alone(job, corpus, device, parallel=ShardedStepper, **given)


def main(folder: str, text: str, name: str) -> int:
    """Train one job of the store in step with the other processes of the group; only the first one writes."""
    import torch
    import torch.distributed as dist

    end_with_parent()
    settings = Settings(**json.loads(text))
    device = resolved_device(settings.device)
    if device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    store = Store.open(folder)
    if dist.get_rank() == 0:
        _lead(store, store.job(name), replace(settings, trainer=TRAINER, device=device))
    else:
        _follow(store, store.job(name), device, settings.compiled)
    dist.destroy_process_group()
    return 0


def _lead(store: Store, job: Job, settings: Settings) -> None:
    """The first process: it holds the claim, keeps the states and writes the records."""
    import torch.distributed as dist

    begun = False
    try:
        for event in run_job(store, job, settings, "torchrun"):
            begun = begun or event.kind == "started"
            print(event.line(), flush=True)
            if event.kind == "failed":
                os._exit(1)  # the others wait for a message that never comes: torchrun ends them
    except Exception as error:
        code = complaint(error)
        sys.stderr.flush()
        os._exit(code)
    if not begun:
        dist.broadcast_object_list([False], 0)


def _follow(store: Store, job: Job, device: str, compiled: bool | None) -> None:
    """Every other process: the same steps on its share of each batch; it writes nothing."""
    import torch.distributed as dist

    from isoflop.ladder.sharded import ShardedStepper
    from isoflop.ladder.training import train as train_alone

    told: list[Any] = [None]
    dist.broadcast_object_list(told, 0)
    if not told[0]:
        return
    keeper = store.keeper(job, writes=False)
    corpus = open_corpus_of(store, job)
    for _ in train_alone(job, corpus, device, keeper=keeper, compiled=compiled, parallel=ShardedStepper):
        pass


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
