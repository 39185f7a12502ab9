"""Shape classes of the pilot of the Inverse Scaling Prize: a class with its confidence for each task and metric.

The sizes of the API models are not published; those below are the ones that Gao (EleutherAI, 2021) inferred from
evaluations and that are commonly used. The pilot's readme gives no shapes: those asserted below are plain to the eye.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from isoflop.downstream.task import Task
from isoflop.downstream.verdict import MetricVerdict, verdict

pytestmark = pytest.mark.real
RealData = Callable[[str], Path]

SIZES = {
    "gpt2": 1.24e8, "gpt2-medium": 3.55e8, "gpt2-large": 7.74e8, "gpt2-xl": 1.558e9,
    "ada": 3.5e8, "babbage": 1.3e9, "curie": 6.7e9, "davinci": 1.75e11,
    "opt-125m": 1.25e8, "opt-350m": 3.5e8, "opt-1.3b": 1.3e9, "opt-2.7b": 2.7e9,
    "text-ada-001": 3.5e8, "text-babbage-001": 1.3e9, "text-curie-001": 6.7e9, "text-davinci-001": 1.75e11,
}  # fmt: skip
#: (experiment, metric): its shape
PLAIN = {
    ("boolq-0shot-gpt3", "mean_correct"): "rising",
    ("boolq-1shot-gpt3", "mean_correct"): "rising",
    ("lambada_gpt2", "mean_loss"): "rising",
    ("conjunction-fallacy-0shot-gpt3", "mean_correct"): "inverted_u",
    ("conjunction-fallacy-0shot-gpt2", "mean_correct"): "flat",
    ("scope-neglect-0shot-gpt3", "mean_correct"): "u",
    ("QA-v1-reversed-gpt3", "mean_correct"): "inverse",
    ("snli-gpt2", "mean_loss"): "inverse",
}


@cache
def pilot(path: Path) -> dict[tuple[str, str], MetricVerdict]:
    rows = defaultdict(list)
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for metric in ("mean_correct", "mean_loss", "mean_logodds"):
                if row[metric]:
                    rows[row["experiment"], metric].append(row)
    made = {}
    for (experiment, metric), each in rows.items():
        examples = int(each[0]["n"])
        if metric == "mean_correct":
            task = Task(experiment, examples=examples)
        else:
            task = Task(experiment, "lower" if metric == "mean_loss" else "higher", None, -np.inf, np.inf)
        made[experiment, metric] = verdict(
            [SIZES[row["model"]] for row in each], [float(row[metric]) for row in each], task
        )
    return made


def test_every_task_has_a_shape_with_confidence(real_data: RealData) -> None:
    made = pilot(real_data("inverse-scaling-pilot") / "derived" / "means.csv")
    shaped = {key: each.shape for key, each in made.items() if each.shape is not None}
    for (experiment, metric), each in shaped.items():
        print(f"{experiment:34} {metric:13} {each.name:11} {each.confidence:.2f} falls {each.falling_at_end:.2f}")
    counted = Counter(each.name for each in shaped.values())
    print(dict(counted), f"{len(made) - len(shaped)} with fewer than 3 sizes")
    assert len(shaped) >= 85
    assert all(0.2 < each.confidence <= 1 for each in shaped.values())
    assert {"rising", "inverse", "inverted_u", "u", "flat"} <= set(counted)


def test_shapes_that_are_plain(real_data: RealData) -> None:
    made = pilot(real_data("inverse-scaling-pilot") / "derived" / "means.csv")
    for key, expected in PLAIN.items():
        found = made[key].shape
        assert found is not None
        assert found.name == expected, key


def test_nothing_is_extrapolated_from_a_falling_part(real_data: RealData) -> None:
    """Where the last two sizes fall by more than 3 standard errors of a share, no forecast is allowed."""
    made = pilot(real_data("inverse-scaling-pilot") / "derived" / "means.csv")
    falling = 0
    for (_, metric), each in made.items():
        if each.shape is None:
            assert not each.forecastable
            continue
        drop = each.shape.scores[-2] - each.shape.scores[-1]
        if metric == "mean_correct" and drop > 3 * np.hypot(*each.task.noise(each.shape.scores[-2:])):
            falling += 1
            assert not each.forecastable
        if each.shape.name in ("inverse", "inverted_u"):
            assert "falling" in {reason.code for reason in each.reasons}
    assert falling >= 3
