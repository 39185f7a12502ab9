"""The study that `isoflop demo` runs: models that two cores train in minutes, on text that every machine has."""

from __future__ import annotations

from isoflop.ladder.setup import LadderSetup
from isoflop.study.setup import StudySetup

#: FLOPs by 6ND. Budgets and rates were chosen on two seeds so that the whole study costs about 250 seconds of one core
BUDGETS = (0.75e11, 1.5e11, 3e11)


def demo_setup(seed: int = 0, bootstrap: int = 1000) -> StudySetup:
    """An isoFLOP grid of bytes models on the interpreter's own source, and two larger rungs held out.

    Muon is the optimizer: on budgets this small AdamW spends most steps on the first, steep part of the loss curve,
    which lies off every law.

    >>> len(demo_setup().ladder.rungs()), len(demo_setup().ladder.held_out_rungs())
    (15, 2)
    """
    ladder = LadderSetup(
        budgets=BUDGETS,
        sizes=5,
        span=5.0,
        tokens_per_parameter=8.0,
        held_out=(2.0, 4.0),
        corpus="python-source:12",
        context=64,
        learning_rate="0.005",
        optimizer="muon",
        batch_tokens=512,
        warmup_steps=50,
        random_seed=seed,
    )
    return StudySetup(ladder, bootstrap=bootstrap, seed=seed)
