"""Tasks and the table of scores: what a task refuses, noise, checkpoints, the way through JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoflop.downstream.checkpoints import courses, ends_of_runs, runs_of, smoothed_ends
from isoflop.downstream.share import from_share, to_share
from isoflop.downstream.task import ScoresError, Task, TaskScores


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"direction": "up"}, "accepted: higher, lower"),
        ({"chance": 25.0}, "on the scale of the scores"),
        ({"examples": 0}, "at least 1"),
        ({"minimum": 1.0}, "is not below the maximum"),
    ],
)
def test_what_a_task_refuses(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(ScoresError, match=told):
        Task("piqa", **asked)


def test_noise_is_binomial_on_the_range_of_the_metric() -> None:
    right = np.random.default_rng(0).binomial(400, 0.3, size=20_000) / 400
    assert Task("t", examples=400).noise(0.3) == pytest.approx(right.std(), rel=0.02)
    assert Task("t", examples=400, maximum=100.0).noise(30.0) == pytest.approx(100 * right.std(), rel=0.02)
    assert np.isnan(Task("t").noise(0.3)) and np.isnan(Task("t", maximum=np.inf, examples=9).noise(0.3))


@given(st.floats(0, 1), st.sampled_from(["higher", "lower"]), st.floats(-3, 3), st.floats(0.1, 9))
def test_shares_go_both_ways_and_up_is_better(share: float, direction: Any, low: float, width: float) -> None:
    task = Task("t", direction, minimum=low, maximum=low + width)
    assert to_share(task, from_share(task, share)) == pytest.approx(share, abs=1e-9)
    assert to_share(task, task.best) == pytest.approx(1.0)


def ladder() -> TaskScores:
    """Two runs of three checkpoints, out of order, and one model given twice with the same D."""
    return TaskScores.of(
        {"t": [0.3, 0.2, 0.1, 0.5, 0.6, 0.7, 0.8, 0.9]},
        N=[1e8] * 3 + [1e9] * 3 + [2e9] * 2,
        D=[3e9, 2e9, 1e9, 1e10, 2e10, 3e10, 1e10, 1e10],
        losses={"t": [1.0, 1.2, 1.4, 0.9, 0.8, 0.7, 0.5, 0.5]},
        models=["a"] * 3 + ["b"] * 3 + ["c"] * 2,
    )


def test_checkpoints_of_a_run_are_in_the_order_of_tokens_and_rows_of_one_d_are_no_checkpoints() -> None:
    assert [run.tolist() for run in runs_of(ladder())] == [[2, 1, 0], [3, 4, 5], [6], [7]]
    assert ends_of_runs(ladder())["t"].tolist() == [0.3, 0.7, 0.8, 0.9]


def test_ends_are_means_of_the_last_checkpoints() -> None:
    _, loss, score = smoothed_ends(ladder(), "t", 2)
    assert score == pytest.approx([0.25, 0.65, 0.8, 0.9])
    assert loss == pytest.approx([1.1, 0.75, 0.5, 0.5])


def test_courses_skip_the_beginning_and_average_only_inside_a_run() -> None:
    x, y, run = courses(ladder(), "t", 2, 0.1)
    assert run.tolist() == [0, 0, 1, 1, 2, 3]
    assert y == pytest.approx([0.2, 0.25, 0.6, 0.65, 0.8, 0.9])
    assert x == pytest.approx([1.2, 1.1, 0.8, 0.75, 0.5, 0.5])


def test_a_table_goes_through_json_unchanged() -> None:
    table = ladder().described(chance={"t": 0.25}, examples={"t": 100}).with_notice("odd", "something", [1])
    back = TaskScores.from_dict(json.loads(json.dumps(table.to_dict())))
    assert back.to_dict() == table.to_dict()
    assert back.tasks == table.tasks and np.array_equal(back.values, table.values)


def test_compute_follows_from_n_and_d_and_is_kept_where_given() -> None:
    table = TaskScores.of({"t": [0.1, 0.2, 0.3]}, N=[1e8, 1e9, 1e9], D=[1e9, np.nan, 1e9], C=[np.nan, np.nan, 5e18])
    assert table.C[0] == pytest.approx(6e17) and np.isnan(table.C[1]) and table.C[2] == 5e18


def test_an_unknown_task_is_named_with_the_nearest() -> None:
    with pytest.raises(ScoresError, match="did you mean 'hellaswag'"):
        TaskScores.of({"hellaswag": [0.1], "piqa": [0.2]}, N=[1e8])["helaswag"]
    with pytest.raises(ScoresError, match="has shape"):
        TaskScores.of({"a": [0.1, 0.2]}, N=[1e8])
