"""Log probabilities of choices from tables and from samples of lm-evaluation-harness, and the command over them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from isoflop.cli.main import main
from isoflop.downstream.choice_tables import read_choices, read_samples
from isoflop.downstream.task import ScoresError

COMPUTE = [1e20, 3e20, 1e21]
LOG_P = -np.random.default_rng(0).gamma(3, 1, (3, 5, 3)).round(4)
RIGHT = [0, 2, 1, 1, 0]


def table(**changed: object) -> dict[str, object]:
    m, i, k = (each.ravel() for each in np.indices(LOG_P.shape))
    columns = {
        "flops": np.array(COMPUTE)[m], "item": i, "choice": np.array(["A", "B", "C"])[k], "log_p": LOG_P.ravel(),
        "right": (np.array(RIGHT)[i] == k).astype(int),
    }  # fmt: skip
    return {**columns, **changed}


def samples(folder: Path, nested: bool = False) -> list[Path]:
    paths = []
    for m, items in enumerate(LOG_P):
        paths.append(folder / f"samples_{m}.jsonl")
        lines = []
        for i, values in enumerate(items):
            responses = [[f"{value}", "False"] for value in values]
            told = {"resps": [[each] for each in responses]} if nested else {"filtered_resps": responses}
            lines.append(json.dumps({"doc_id": i, "target": str(RIGHT[i]) if nested else RIGHT[i], **told}))
        paths[-1].write_text("\n".join(lines) + "\n")
    return paths


def test_a_table_in_any_order_of_rows() -> None:
    order = np.random.default_rng(1).permutation(LOG_P.size)
    made = read_choices({name: np.asarray(column)[order] for name, column in table().items()})
    by_compute = np.argsort(made.compute)
    assert made.compute[by_compute].tolist() == COMPUTE
    assert np.array_equal(made.log_p[by_compute], LOG_P)
    assert made.right.tolist() == RIGHT


def test_compute_is_counted_from_size_and_tokens_and_items_may_have_fewer_choices() -> None:
    made = read_choices(
        {"N": ["1M"] * 3, "D": [1e6] * 3, "item": ["q", "q", "r"], "choice": [0, 1, 1], "log_p": [-1, -2, -1.5],
         "right": [False, True, True]}
    )  # fmt: skip
    assert made.compute.tolist() == [6e12]
    assert np.array_equal(made.log_p, [[[-1, -2], [np.nan, -1.5]]], equal_nan=True)


@pytest.mark.parametrize("nested", [False, True])
def test_samples_are_the_same_as_a_table(tmp_path: Path, nested: bool) -> None:
    made = read_samples(samples(tmp_path, nested), COMPUTE)
    assert np.array_equal(made.log_p, LOG_P) and made.right.tolist() == RIGHT and made.compute.tolist() == COMPUTE


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"right": np.zeros(LOG_P.size)}, "item 0 has 0 right choices"),
        ({"right": np.ones(LOG_P.size)}, "item 0 has 3 right choices"),
        ({"right": ["perhaps"] * LOG_P.size}, "row 1, column right: 'perhaps'"),
        ({"choice": ["A"] * LOG_P.size}, "row 2: choice A of item 0 is given twice"),
        ({"flops": [0.0] * LOG_P.size}, "row 1: the compute of the model is unknown"),
        (
            {"log_p": np.where(np.arange(LOG_P.size) == 4, np.nan, LOG_P.ravel())},
            "no log probability for a choice of 1",
        ),
        ({"model": ["m"] * LOG_P.size}, "given twice"),
    ],
)
def test_tables_that_do_not_say_it_are_refused(changed: dict[str, object], said: str) -> None:
    with pytest.raises(ScoresError, match=said):
        read_choices(table(**changed))


def test_samples_that_do_not_agree_are_refused(tmp_path: Path) -> None:
    paths = samples(tmp_path)
    with pytest.raises(ScoresError, match="3 files of samples but 2 computes"):
        read_samples(paths, COMPUTE[:2])
    lines = paths[1].read_text().splitlines()
    paths[1].write_text("\n".join(lines[:-1]))
    with pytest.raises(ScoresError, match="item 4 differs between"):
        read_samples(paths, COMPUTE)
    paths[1].write_text("\n".join([*lines, lines[0]]))
    with pytest.raises(ScoresError, match="line 6: item 0 is there twice"):
        read_samples(paths, COMPUTE)
    paths[1].write_text(json.dumps({"doc_id": 0, "target": "blue", "resps": [["a"]]}))
    with pytest.raises(ScoresError, match="line 1: no multiple-choice sample"):
        read_samples(paths, COMPUTE)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, paths = tmp_path / "page.html", [str(path) for path in samples(tmp_path)]
    given = [part for compute in COMPUTE for part in ("--compute", f"{compute:g}")]
    asked = ["multiple-choice", *paths, *given, "--at", "1e22", "--report", str(page), "--json"]
    assert not main(asked, standalone_mode=False)
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "isoflop.choice_forecast"
    assert told["accuracy"]["low"] <= told["accuracy"]["value"] <= told["accuracy"]["high"]
    assert "Multiple choice" in page.read_text()
    assert main(["multiple-choice", *paths, "--at", "1e22"], standalone_mode=False) == 2
    assert "need --compute for each" in capsys.readouterr().err
    assert main(["multiple-choice", *paths, *given, "--at", "0"], standalone_mode=False) == 2
    assert "must be positive" in capsys.readouterr().err
