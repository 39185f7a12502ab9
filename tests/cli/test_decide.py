"""`isoflop decide`: the list, one decision, its JSON, picture and report, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Isoflop = Callable[..., Result]


def test_decisions_are_listed(isoflop: Isoflop) -> None:
    text = isoflop("decide").stdout
    listed = json.loads(isoflop("decide", "--json").stdout)
    assert len(listed) >= 20 and all(each["id"] in text for each in listed)
    assert {"vocabulary", "experts", "precision"} <= {each["id"] for each in listed if each["free_in_a_plan"]}


def test_one_decision_describes_itself(isoflop: Isoflop) -> None:
    text = isoflop("decide", "epochs", "--describe").stdout
    assert "unique_tokens" in text and "needed" in text and "N, D, U" in text
    assert json.loads(isoflop("decide", "epochs", "--describe", "--json").stdout)["law_inputs"] == ["N", "D", "U"]


def test_an_answer_as_text_and_json(isoflop: Isoflop) -> None:
    given = ("flops=9.25956e21", "unique_tokens=25B")
    text = isoflop("decide", "epochs", *given).stdout
    assert "6.803B" in text and "9.07" in text and "data_constrained@muennighoff2023" in text
    content = json.loads(isoflop("decide", "epochs", *given, "--json").stdout)
    found = {each["name"]: each for each in content["quantities"]}
    assert found["epochs"]["value"] == pytest.approx(9.074, abs=1e-3)
    assert found["N"]["near_low"] < found["N"]["value"] < found["N"]["near_high"]
    assert content["evidence"] == "one paper" and content["laws"][0]["provenance"] == "published"


def test_words_with_dashes_and_the_users_law(isoflop: Isoflop, fit_json: Path) -> None:
    assert "share" in isoflop("decide", "qat-share", "N=1B", "D=40B").stdout
    text = isoflop("decide", "parameters_and_tokens", "flops=1e21", "--law", fit_json).stdout
    assert "interval" in text and "hypothesis" in text
    assert "chinchilla@hoffmann2022" in isoflop(
        "decide", "serving_load", "flops=1e21", "serve_tokens=1T", "--law", "chinchilla@hoffmann2022"
    ).stdout  # fmt: skip


@pytest.mark.slow
def test_picture_file_and_report(isoflop: Isoflop, tmp_path: Path) -> None:
    picture, page, saved = tmp_path / "a.png", tmp_path / "a.html", tmp_path / "a.json"
    done = isoflop(
        "decide", "vocabulary", "N=70B", "width=8192", "--plot", picture, "--report", page, "-o", saved
    )  # fmt: skip
    assert done.exit_code == 0 and picture.read_bytes().startswith(b"\x89PNG")
    assert "Vocabulary size" in page.read_text(encoding="utf-8")
    again = tmp_path / "again.html"
    assert isoflop("report", saved, "-o", again).exit_code == 0
    assert "Vocabulary size" in again.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("vocabulry",), "did you mean vocabulary"),
        (("epochs", "flops=1e21"), "needs unique_tokens"),
        (("epochs", "flops=1e21", "unique_tokens=many"), "unique_tokens"),
        (("epochs", "flops=-1", "unique_tokens=1B"), "must be above 0"),
        (("vocabulary", "N=1B", "width=1024", "--law", "chinchilla@epoch2024"), "takes no law of yours"),
        (("vocabulary", "N=1B", "width=1024", "--plot", "a.txt"), "--plot"),
        (("width_transfer", "base_width=256", "width=512", "--plot", "/tmp/isoflop-no-picture.png"), "no picture"),
    ],
)
def test_one_line_for_every_mistake(isoflop: Isoflop, arguments: tuple[str, ...], words: str) -> None:
    done = isoflop("decide", *arguments)
    assert done.exit_code != 0 and words in done.stderr and "Traceback" not in done.stderr
