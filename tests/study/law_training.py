"""A trainer that trains nothing: a rung's loss is a known law's value with seed noise. What goes wrong is asked for by
the environment. Every rung that it finishes is a line of a log, so that a test sees what was trained, and when."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from isoflop.ladder.progress import Keeper, Outcome, Progress
from isoflop.ladder.rung import Job, Rung

E, A, ALPHA, B, BETA = 1.2, 25.0, 0.35, 60.0, 0.36
NOISE = 0.001


def loss_of(rung: Rung) -> float:
    """The law, with noise that follows from the rung's id."""
    tokens = rung.steps * rung.recipe.batch_tokens
    noise = np.random.default_rng(list(rung.id.encode())).standard_normal()
    off_rate = 0.02 * np.log(rung.recipe.learning_rate / 0.005) ** 2
    return float((E + A / rung.parameters**ALPHA + B / tokens**BETA + off_rate) * (1 + NOISE * noise))


def train(
    job: Job, corpus: Any, device: str = "cpu", *, keeper: Keeper | None = None, **extra: Any
) -> Iterator[Progress | Outcome]:  # fmt: skip
    """As `isoflop.ladder.training.train`."""
    log = Path(os.environ["STUDY_LOG"])
    finished = keeper.finished() if keeper else frozenset()
    for rung in job.rungs:
        if rung.id in finished:
            continue
        done = log.read_text().splitlines() if log.exists() else []
        if os.environ.get("STUDY_KILL") == str(len(done)):
            os.kill(os.getpid(), signal.SIGKILL)
        if os.environ.get("STUDY_FAIL") == rung.role:
            raise ValueError(f"rungs of role {rung.role} fail on purpose")
        with log.open("a") as lines:
            lines.write(f"{time.time()} {rung.role} {rung.id}\n")
        loss = float("nan") if os.environ.get("STUDY_DIVERGE") == rung.role else loss_of(rung)
        status = "done" if loss == loss else "diverged"
        curve = {"step": np.array([1.0]), "train_loss": np.array([loss]), "loss": np.array([loss])}
        yield Outcome(
            rung, status, loss, loss, {"text": loss}, {"text": loss}, curve, seconds=0.1, tokens_per_second=1e5
        )
