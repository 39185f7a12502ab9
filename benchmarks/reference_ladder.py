"""The reference ladder, as it was trained on one H200: `python -m benchmarks.reference_ladder STAGE CORPUS OUT [RATE]`.

Stages: ``sweep`` (learning rate at four widths), ``ladder`` (all nine domains; two largest rungs held out), ``more``
(code alone, seeds, schedules, repetition, known entropy). CORPUS is the folder of .jsonl.xz files; every finished rung
is one line of OUT/STAGE-WORKER.jsonl.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from isoflop.ladder import sources
from isoflop.ladder.interleaving import take_turns
from isoflop.ladder.progress import Outcome
from isoflop.ladder.rung import Job, Recipe, Rung, jobs_of
from isoflop.ladder.tokens import TokenCorpus, open_corpus, write_corpus
from isoflop.ladder.training import advance
from isoflop.runs.counting import TransformerShape

WORK = Path("/tmp/reference-ladder")
WORKERS, AT_ONCE = 3, 3
CURVE_ROWS = 120
#: name -> where its text is, entries of its vocabulary
CORPORA = {
    "nine-domains": ("jsonl:{0}", 2048),
    "code": ("jsonl:{0}#c_code,js_ts_code,python_code", 2048),
    "known-entropy": ("known-entropy:0#26", 256),
}
#: size -> width, layers
SIZES = {
    "Z": (64, 6), "A": (128, 2), "B": (128, 4), "C": (192, 4), "D": (192, 6),
    "E": (256, 6), "F": (320, 7), "G": (384, 8), "H": (448, 9), "I": (512, 10),
}  # fmt: skip
#: nominal budget in FLOPs -> sizes trained at it
BUDGETS = {1e14: "ZABCD", 3e14: "ZABCDE", 1e15: "ABCDEFG", 3e15: "CDEFGHI", 1e16: "EFGHI"}
HELD_OUT = {2e16: "H", 3e16: "I"}
CODE_BUDGETS = {1e14: "ZABCD", 3e14: "ABCDE", 1e15: "CDEFG", 3e15: "EFG"}
CODE_HELD_OUT = {1e16: "G"}
#: seeds 1 and 2 are trained at these budgets and sizes
SEED_BUDGETS = {1e14: "ZABCD", 3e14: "ZABCD", 1e15: "ABCDEF"}
WIDTHS = (64, 128, 256, 512)
RATES = tuple(0.002 * 2.0**power for power in range(5))
SWEEP_TOKENS = 8_000_000


def shape(width: int, layers: int, vocabulary: int = 2048) -> TransformerShape:
    return TransformerShape(width, layers, vocabulary, 256, heads=width // 64)


def grid(budgets: dict[float, str], recipe: Recipe, corpus: str, role: str, seed: int = 0) -> Iterator[Rung]:
    for budget, sizes in budgets.items():
        for size in sizes:
            model = shape(*SIZES[size])
            tokens = round(budget / 6 / model.parameters("non_embedding"))
            yield Rung(model, tokens, recipe, seed, corpus, role=role, budget=budget)


def ladder(rate: float) -> list[Job]:
    recipe = Recipe(learning_rate=rate)
    held_out = grid(HELD_OUT, recipe, "nine-domains", "held_out")
    return list(jobs_of([*grid(BUDGETS, recipe, "nine-domains", "ladder"), *held_out]))


def more(rate: float) -> list[Job]:
    """Code, seeds and repetition, cosine, branches trained alone, known entropy: what matters most comes first."""
    recipe = Recipe(learning_rate=rate)
    nine = list(grid(BUDGETS, recipe, "nine-domains", "ladder"))
    seeds = [rung for seed in (1, 2) for rung in grid(SEED_BUDGETS, recipe, "nine-domains", "ladder", seed)]
    held_out = grid(CODE_HELD_OUT, recipe, "code", "held_out")
    code = [*grid(CODE_BUDGETS, recipe, "code", "ladder"), *held_out]
    alone = [rung for rung in nine if (rung.shape.d_model, rung.shape.layers) in ((128, 4), (192, 4), (256, 6))]
    alone = [
        replace(rung, role="schedule") for rung in alone if rung.budget == (3e14 if rung.shape.d_model < 256 else 1e15)
    ]
    cosine = [rung.with_recipe(schedule="cosine", last_share=0.1) for rung in alone]
    zero = [rung.with_recipe(schedule="cosine", last_share=0.0) for rung in alone]
    repeated = [
        Rung(shape(*SIZES["E"]), passes * 6_000_000, recipe, 0, "nine-domains", 6_000_000, role="repetition")
        for passes in (1, 2, 4, 8, 16)
    ]
    process = [
        Rung(shape(width, layers, 256), 750_000 * 2**doubling, recipe, 0, "known-entropy")
        for width, layers in ((64, 1), (64, 2), (64, 4), (128, 2), (128, 4), (192, 4))
        for doubling in range(6)
    ]
    return [
        *jobs_of([*code, *seeds, *repeated]), *(Job((rung,)) for rung in [*cosine, *zero, *alone]), *jobs_of(process)
    ]  # fmt: skip


def sweep(rate: float) -> list[Job]:
    recipe = Recipe(learning_rate=rate)
    return [
        Job(
            (Rung(shape(width, 4), SWEEP_TOKENS, replace(recipe, learning_rate=peak), 0, "nine-domains", role="sweep"),)
        )
        for width in WIDTHS
        for peak in RATES
    ]


STAGES = {"sweep": sweep, "ladder": ladder, "more": more}


def row(outcome: Outcome) -> dict[str, object]:
    """One line of the table; its curve thinned."""
    length = len(outcome.curve["step"])
    kept = np.unique(np.r_[np.linspace(0, length - 1, CURVE_ROWS).round().astype(int)])
    validated = np.flatnonzero(np.isfinite(outcome.curve["loss"]))
    kept = np.unique(np.r_[kept, validated])
    curve = {
        name: [None if np.isnan(value) else float(f"{value:.6g}") for value in outcome.curve[name][kept]]
        for name in ("step", "learning_rate", "train_loss", "loss")
    }
    return {
        "id": outcome.rung.id, **outcome.rung.to_dict(), "parameters": outcome.rung.parameters,
        "steps": outcome.rung.steps,
        "status": outcome.status, "loss": outcome.loss, "bits_per_byte": outcome.bits_per_byte,
        "domain_losses": dict(outcome.domain_losses), "domain_bits_per_byte": dict(outcome.domain_bits_per_byte),
        "noise_scale": outcome.noise_scale, "seconds": outcome.seconds, "curve": curve,
    }  # fmt: skip


def corpus_of(name: str, folder: str) -> TokenCorpus:
    where, vocabulary = CORPORA[name]
    target = WORK / name
    if (target / "manifest.json").exists():
        return open_corpus(target)
    entropy = sources.entropy_of(where)
    return write_corpus(
        sources.documents(where.format(folder)), target, name, vocabulary, entropy=entropy,
        near_duplicates=name != "known-entropy",
    )  # fmt: skip


def work(stage: str, folder: str, out: Path, rate: float, worker: int, workers: int) -> None:
    """Train this worker's share of a stage."""
    import torch

    began = time.time()
    jobs = STAGES[stage](rate)[worker::workers]
    with (out / f"{stage}-{worker}.jsonl").open("a") as table:
        for name in dict.fromkeys(job.rungs[0].corpus for job in jobs):
            corpus = corpus_of(name, folder)
            mine = [job for job in jobs if job.rungs[0].corpus == name]
            device = "cuda" if torch.cuda.is_available() else "cpu"
            courses = (advance(job, corpus, device, report_every=20.0, peak_flops=790e12) for job in mine)
            for event in take_turns(courses, AT_ONCE):
                if event is None:
                    continue
                if isinstance(event, Outcome):
                    table.write(json.dumps(row(event)) + "\n")
                    table.flush()
                print(f"{time.time() - began:6.1f}", _line(event), flush=True)
    print(f"worker {worker} done after {time.time() - began:.1f} s", flush=True)


def _line(event: object) -> str:
    if isinstance(event, Outcome):
        return f"{event.rung.id} {event.rung.role} {event.status} {event.loss:.4f} in {event.seconds:.1f} s"
    return event.line()  # type: ignore[attr-defined, no-any-return]


def main() -> None:
    stage, folder, out = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    rate = float(sys.argv[4]) if len(sys.argv) > 4 else 0.008
    if len(sys.argv) > 5:
        work(stage, folder, out, rate, int(sys.argv[5]), WORKERS)
        return
    out.mkdir(parents=True, exist_ok=True)
    began = time.time()
    names = dict.fromkeys(job.rungs[0].corpus for job in STAGES[stage](rate))
    make = "from benchmarks.reference_ladder import corpus_of; corpus_of({0!r}, {1!r})"
    makers = [subprocess.Popen([sys.executable, "-c", make.format(name, folder)]) for name in names]
    assert all(maker.wait() == 0 for maker in makers)
    for name in names:
        corpus = corpus_of(name, folder)
        print(name, corpus.hash[:12], corpus.domains[-1].train[1], "training tokens", f"{time.time() - began:.0f} s")
        (out / f"{name}.json").write_text(json.dumps(corpus.to_dict()))
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.reference_ladder", stage, folder, str(out), str(rate)]
    workers = []
    for worker in range(WORKERS):
        log = (out / f"{stage}-{worker}.log").open("w")
        workers.append(subprocess.Popen([*command, str(worker)], stdout=log, stderr=subprocess.STDOUT))
    codes = [worker.wait() for worker in workers]
    print(stage, "workers ended with", codes, f"after {time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
