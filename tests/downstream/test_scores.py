"""Reading scores: units in headers, percent, long tables, joins, and bad input that is named, never averaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from isoflop.downstream.scores import read_scores
from isoflop.downstream.task import ScoresError, TaskScores
from isoflop.runs import RunsError

BOARD = {
    "Model": ["a-1b", "a-7b", "b-13b"],
    "Family": ["a", "a", "b"],
    "#Params (B)": [1, 7, 13],
    "Pretraining Data Size (T)": [1.0, 2.0, 1.4],
    "FLOPs (1E21)": [6.0, 84.0, 109.2],
    "Average": [40.0, 50.0, 60.0],
    "MMLU": [26.0, 45.0, 60.0],
    "GSM8K": [0.5, 10.0, 30.0],
    "date": [2022, 2023, 2024],
}


def codes(scores: TaskScores) -> list[str]:
    return [notice.code for notice in scores.notices]


def told(scores: TaskScores, code: str) -> str:
    return next(notice.sentence() for notice in scores.notices if notice.code == code)


def test_a_leaderboard_is_read_with_the_units_of_its_headers() -> None:
    scores = read_scores(BOARD)
    assert scores.N.tolist() == [1e9, 7e9, 13e9] and scores.D.tolist() == [1e12, 2e12, 1.4e12]
    assert (scores.C / 1e21).tolist() == pytest.approx([6.0, 84.0, 109.2])
    assert scores.family.tolist() == ["a", "a", "b"] and scores.models.tolist() == BOARD["Model"]
    assert scores.task_names == ("MMLU", "GSM8K")  # neither the average nor the date


def test_percent_becomes_fractions_and_a_weak_score_in_percent_stays_percent() -> None:
    scores = read_scores(BOARD)
    assert scores["GSM8K"] == pytest.approx([0.005, 0.1, 0.3])
    assert "MMLU, GSM8K" in told(scores, "read_as_percent")


def test_percent_and_fractions_mixed_are_refused_with_the_rows_and_both_values() -> None:
    mixed = {"model": ["a", "b", "c"], "N": [1e8, 1e9, 1e10], "D": [1e9] * 3, "piqa": [61.0, 0.7, 75.0]}
    with pytest.raises(ScoresError, match=r"piqa is 61 in row 1 \(a\) but 0.7 in row 2 \(b\).*row 2 \(b\)"):
        read_scores(mixed)
    assert read_scores({**mixed, "piqa": [61.0, 70.0, 75.0]})["piqa"] == pytest.approx([0.61, 0.70, 0.75])


def test_columns_of_two_scales_are_named_and_a_stated_scale_is_obeyed() -> None:
    table = {"N": [1e8, 1e9], "D": [1e9, 1e9], "a": [61.0, 70.0], "b": [0.3, 0.4]}
    scores = read_scores(table)
    assert "a" in told(scores, "tasks_of_two_scales") and scores["b"].tolist() == [0.3, 0.4]
    assert read_scores(table, scale="percent")["b"] == pytest.approx([0.003, 0.004])
    with pytest.raises(ScoresError, match=r"row 1 .*task a: the score 61 lies outside 0 to 1"):
        read_scores(table, tasks=["a"], scale="fraction")


def test_scores_below_chance_are_named_and_kept() -> None:
    scores = read_scores({"N": [1e8, 1e9], "D": [1e9, 1e9], "piqa": [0.31, 0.6]}, examples={"piqa": 1000})
    assert "row 1" in told(scores, "below_chance") and "chance 0.5" in told(scores, "below_chance")
    assert scores["piqa"].tolist() == [0.31, 0.6]
    within_noise = read_scores({"N": [1e8, 1e9], "D": [1e9, 1e9], "piqa": [0.49, 0.6]}, examples={"piqa": 1000})
    assert "below_chance" not in codes(within_noise)


def test_unknown_n_or_d_is_named_and_stays_unknown() -> None:
    table = {"model": ["a", "b", "c"], "N": [1e8, None, 0.0], "D": [1e9, 2e9, None], "t": [0.3, 0.4, 0.5]}
    scores = read_scores(table)
    assert "N is unknown for 2 of 3 models (b, c)" in told(scores, "N_unknown")
    assert "(c)" in told(scores, "N_not_positive") and "(c)" in told(scores, "D_unknown")
    assert np.isnan(scores.C[1:]).all() and len(scores) == 3


def test_a_task_of_one_example_is_named() -> None:
    assert "t" in told(read_scores({"N": [1e8], "D": [1e9], "t": [1.0]}, examples={"*": 1}), "one_example")


def test_models_given_twice_are_kept_apart() -> None:
    scores = read_scores({"model": ["a", "a", "b"], "N": [1e8] * 3, "D": [1e9] * 3, "t": [0.3, 0.5, 0.4]})
    assert "(a)" in told(scores, "models_repeated") and scores["t"].tolist() == [0.3, 0.5, 0.4]


LONG = pd.DataFrame(
    {
        "model": ["a"] * 4 + ["b"] * 4,
        "task": ["piqa", "piqa", "quiz", "quiz"] * 2,
        "metric": ["acc", "acc_stderr"] * 4,
        "value": [0.6, 0.0114286, 0.30, 0.0324, 0.7, 0.0106912, 0.40, 0.0346],
        "params": [1e8] * 4 + [1e9] * 4,
        "tokens": [1e10] * 8,
    }
)


def test_a_long_table_becomes_a_row_for_each_model_and_errors_give_the_examples() -> None:
    scores = read_scores(LONG)
    assert scores.models.tolist() == ["a", "b"] and scores["piqa"].tolist() == [0.6, 0.7]
    assert scores.task("piqa").examples == pytest.approx(1838, abs=3)
    assert scores.task("quiz").examples == pytest.approx(201, abs=2)
    assert "acc" in told(scores, "metric_read")


def test_two_scores_of_one_model_on_one_task_are_refused_with_their_rows() -> None:
    twice = pd.concat([LONG, LONG.iloc[[0]].assign(value=0.65)])
    with pytest.raises(ScoresError, match=r"a has 2 scores of acc on piqa \(rows 1, 9\); they are not averaged"):
        read_scores(twice)


def test_checkpoints_of_a_long_table_are_told_apart_by_d() -> None:
    later = LONG.assign(tokens=2e10)
    scores = read_scores(pd.concat([LONG, later]))
    assert len(scores) == 4 and set(scores.D) == {1e10, 2e10}


def test_tasks_are_chosen_by_name_by_glob_and_by_sql() -> None:
    table = {"N": [1e8, 1e9], "D": [1e9, 1e9], "m_a": [0.2, 0.4], "m_b": [0.4, 0.6], "other": [0.1, 0.2]}
    assert read_scores(table, tasks=["m_*"]).task_names == ("m_a", "m_b")
    assert read_scores(table, tasks=["mean=(m_a+m_b)/2"])["mean"] == pytest.approx([0.3, 0.5])
    with pytest.raises(ScoresError, match="no column matches 'x_"):
        read_scores(table, tasks=["x_*"])
    with pytest.raises(RunsError, match="there is no column 'm_c'"):
        read_scores(table, tasks=["m_c"])


def test_losses_of_tasks_are_found_by_name_or_as_stated() -> None:
    table = {"N": [1e8, 1e9], "D": [1e9, 1e9], "t": [0.2, 0.4], "t_bpb": [1.2, 0.9], "u": [0.3, 0.4], "x": [2.0, 1.0]}
    scores = read_scores(table, tasks=["t", "u"], losses={"u": "x"})
    assert scores.loss_of("t").tolist() == [1.2, 0.9] and scores.loss_of("u").tolist() == [2.0, 1.0]


def test_a_second_table_gives_resources_by_name() -> None:
    models = {"model": ["a", "z"], "params": [1e8, 1e9], "tokens": [1e10, 1e10], "family": ["f", "f"]}
    scores = read_scores({"model": ["a", "b"], "t": [0.3, 0.4]}, models=models)
    assert scores.N[0] == 1e8 and np.isnan(scores.N[1]) and scores.family[0] == "f"
    assert "b" in told(scores, "models_not_joined")
    with pytest.raises(ScoresError, match="names must be equal"):
        read_scores({"model": ["x"], "t": [0.3]}, models=models)


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"direction": {"t": "lower"}}, ("direction", "lower")),
        ({"maximum": {"t": 10.0}}, ("maximum", 10.0)),
        ({"chance": {"*": 0.1}}, ("chance", 0.1)),
    ],
)
def test_what_a_user_states_of_a_task_is_taken(asked: dict[str, Any], wanted: tuple[str, Any]) -> None:
    scores = read_scores({"N": [1e8, 1e9], "D": [1e9, 1e9], "t": [0.3, 0.4]}, **asked)
    assert getattr(scores.task("t"), wanted[0]) == wanted[1]


def test_a_users_chance_goes_before_the_known_one_and_the_known_one_is_named() -> None:
    table = {"N": [1e8, 1e9], "D": [1e9, 1e9], "hellaswag": [0.3, 0.4]}
    assert "hellaswag 0.25" in told(read_scores(table), "chance_by_name")
    assert read_scores(table, chance={"hellaswag": 0.0}).task("hellaswag").chance == 0.0


def test_metrics_without_an_end_need_their_maximum() -> None:
    table = {"N": [1e8, 1e9], "D": [1e9, 1e9], "rating": [910.0, 1210.0], "t": [0.3, 0.4]}
    assert "rating" in told(read_scores(table), "no_shares")
    with pytest.raises(ScoresError, match="rating=inf"):
        read_scores(table, tasks=["rating"])
    kept = read_scores(table, tasks=["rating"], maximum={"rating": np.inf})
    assert kept["rating"].tolist() == [910.0, 1210.0]


def test_text_for_a_number_is_refused_or_dropped_and_recorded() -> None:
    table = pd.DataFrame({"N": ["1e8", "big", "1e9"], "D": [1e9] * 3, "t": [0.3, 0.4, 0.5]})
    with pytest.raises(RunsError, match="row 2, column N"):
        read_scores(table, {"N": "N"})
    scores = read_scores(table, {"N": "N"}, bad_rows="drop")
    assert len(scores) == 2 and scores.dropped[0].row == 2


def test_counts_in_other_units_are_suspected() -> None:
    assert "billions" in told(read_scores({"N": [1.0, 7.0], "D": [1e12, 2e12], "t": [0.3, 0.4]}), "units_suspect")


def test_files_are_read_as_frames_are(tmp_path: Path) -> None:
    LONG.to_parquet(tmp_path / "long.parquet")
    pd.DataFrame(BOARD).to_csv(tmp_path / "board.csv", index=False)
    assert np.array_equal(read_scores(tmp_path / "long.parquet").values, read_scores(LONG).values)
    assert np.array_equal(read_scores(tmp_path / "board.csv").values, read_scores(BOARD).values)
    with pytest.raises(RunsError, match="there is no file"):
        read_scores(tmp_path / "none.csv")
