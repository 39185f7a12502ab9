"""Training speed on one GPU beside a plain torch.compile loop, in one run: `python -m benchmarks.gpu_training OUT`.

The reference is the same model and data in the loop that most people write: autocast to bfloat16, torch.compile,
fused AdamW, one batch copied from the host a step.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isoflop.ladder import sources
from isoflop.ladder.batches import order
from isoflop.ladder.interleaving import take_turns
from isoflop.ladder.model import Transformer
from isoflop.ladder.optimizers import group_of, rate_multiplier
from isoflop.ladder.progress import Outcome
from isoflop.ladder.rung import Job, Recipe, Rung
from isoflop.ladder.schedule import rates
from isoflop.ladder.stepper import Stepper
from isoflop.ladder.tokens import TokenCorpus, write_corpus
from isoflop.ladder.training import advance
from isoflop.runs.counting import TransformerShape

#: dense bfloat16 FLOP/s of an H200 that a large matrix product reaches here
PEAK = 790e12
CONTEXT, VOCABULARY = 512, 4096
SHAPES = {"1.3M": (128, 4), "5.8M": (256, 6), "15.7M": (384, 8), "33.6M": (512, 10), "88M": (768, 12)}


def shape(name: str, d_head: int = 64) -> TransformerShape:
    width, layers = SHAPES[name]
    return TransformerShape(width, layers, VOCABULARY, CONTEXT, heads=width // d_head)


def rung(name: str, batch: int, steps: int, seed: int = 0) -> Rung:
    recipe = Recipe(learning_rate=0.004, batch_tokens=batch, warmup_steps=50)
    return Rung(shape(name), batch * steps, recipe, seed)


def plain_loop(point: Rung, corpus: TokenCorpus, timed: int) -> tuple[float, float]:
    """Tokens per second over the last `timed` steps, and the mean training loss of the last 50."""
    torch.manual_seed(point.seed)
    model = Transformer(point.shape)
    model.initialise(torch.Generator().manual_seed(point.seed))
    model.cuda()
    groups: list[dict[str, Any]] = []
    for name, weight in model.named_parameters():
        multiplier = rate_multiplier(group_of(name), point.shape.d_model, point.recipe)
        decay = 0.0 if group_of(name) == "embedding" else point.recipe.weight_decay / multiplier
        groups.append({"params": [weight], "weight_decay": decay, "multiplier": multiplier})
    optimizer = torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.95), eps=1e-10, fused=True)
    compiled = torch.compile(model, dynamic=False)
    starts, multipliers = order(corpus, point, point.steps), rates(point)
    tokens, window = torch.from_numpy(np.asarray(corpus.train).astype(np.int32)), torch.arange(CONTEXT + 1)
    losses, began = [], 0.0
    for step in range(point.steps):
        if step == point.steps - timed:
            torch.cuda.synchronize()
            began = time.perf_counter()
        places = torch.from_numpy(starts[step])
        batch = tokens[places[:, None] + window].long().pin_memory().cuda(non_blocking=True)
        for group in optimizer.param_groups:
            group["lr"] = multipliers[step] * point.recipe.learning_rate * group["multiplier"]
        with torch.autocast("cuda", torch.bfloat16):
            objective, _ = compiled(batch[:, :-1].contiguous(), batch[:, 1:].contiguous())
        objective.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(objective.detach())
    torch.cuda.synchronize()
    speed = timed * point.recipe.batch_tokens / (time.perf_counter() - began)
    return speed, float(torch.stack(losses[-50:]).mean())


def ours(point: Rung, corpus: TokenCorpus, timed: int) -> tuple[float, float]:
    """The same through our stepper."""
    stepper = Stepper(Job((point,)), corpus, "cuda", True)
    stepper.set_rates(0, rates(point))
    stepper.run(point.steps - timed)
    torch.cuda.synchronize()
    began = time.perf_counter()
    stepper.run(timed)
    torch.cuda.synchronize()
    speed = timed * point.recipe.batch_tokens / (time.perf_counter() - began)
    return speed, float(stepper.read(point.steps - 50, point.steps)[0].mean())


def side_by_side(at_once: int, corpus: TokenCorpus, steps: int) -> float:
    """Tokens per second together, of so many 1.3 M models in one process."""
    steppers = [Stepper(Job((rung("1.3M", 16384, steps, seed),)), corpus, "cuda", True) for seed in range(at_once)]
    for stepper in steppers:
        stepper.run(8)
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(steps // 8 - 1):
        for stepper in steppers:
            stepper.run(8)
    torch.cuda.synchronize()
    return at_once * (steps // 8 - 1) * 8 * 16384 / (time.perf_counter() - began)


def tell(**row: object) -> dict[str, object]:
    print(json.dumps(row), flush=True)
    return row


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    corpus = write_corpus(sources.documents("python-source:24"), folder / "corpus", "python-source", VOCABULARY)
    rows = []
    for name, batch in (("1.3M", 16384), ("5.8M", 16384), ("15.7M", 65536), ("88M", 65536)):
        point = rung(name, batch, 300)
        n = point.parameters
        began = time.perf_counter()
        reference, reference_loss = plain_loop(point, corpus, 150)
        middle = time.perf_counter()
        speed, loss = ours(point, corpus, 150)
        rows.append(
            tell(
                model=name, batch=batch, plain=round(reference), ours=round(speed), ratio=round(speed / reference, 2),
                plain_mfu=round(6 * n * reference / PEAK, 3), mfu=round(6 * n * speed / PEAK, 3),
                plain_loss=round(reference_loss, 4), loss=round(loss, 4),
                seconds=[round(middle - began, 1), round(time.perf_counter() - middle, 1)],
            )
        )  # fmt: skip
    for at_once in (1, 2, 4, 8, 12):
        rows.append(tell(model="1.3M", at_once=at_once, together=round(side_by_side(at_once, corpus, 400))))
    jobs = [Job((rung("1.3M", 16384, 300, seed),)) for seed in range(6)]
    began = time.perf_counter()
    done = [
        event for event in take_turns((advance(job, corpus, "cuda") for job in jobs), 6) if isinstance(event, Outcome)
    ]
    rows.append(
        tell(interleaved=len(done), seconds=round(time.perf_counter() - began, 1), losses=[o.loss for o in done])
    )
    (folder / "gpu_training.json").write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "gpu-training"))
