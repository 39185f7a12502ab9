"""`isoflop ladder plan`: designs become a folder with rungs and corpus; what cannot be is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.ladder.conftest import rung

from isoflop.cli.main import main
from isoflop.ladder.planned import CorpusChoice, held_out
from isoflop.ladder.rung import Recipe
from isoflop.ladder.store import Store
from isoflop.runs import RunsError


def plan(*arguments: object) -> Result:
    result = CliRunner().invoke(main, ["ladder", "plan", *(str(each) for each in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_a_grid_is_written_and_grows(tmp_path: Path, small_corpus: Path) -> None:
    study = tmp_path / "study"
    common = ("--corpus", small_corpus, "--sizes", 3, "--span", 4, "--set", "batch_tokens=2048")
    assert plan(study, "--budgets", "1e12", "--dry-run", *common).exit_code == 0 and not study.exists()
    made = plan(study, "--budgets", "1e12,4e12", "--hold-out", 1, "--seeds", 2, *common, "--json")
    assert made.exit_code == 0 and "see a token more than 4 times" in made.stderr
    assert json.loads(made.stdout)["counts"]["planned"] == 12
    store = Store.open(study)
    assert {each.budget for each in store.rungs if each.role == "held_out"} == {4e12}
    assert {each.recipe for each in store.rungs} == {Recipe(batch_tokens=2048)}
    assert store.corpus_folder("small").samefile(small_corpus)
    assert plan(study, "--models", "6e4", "--factors", "1,2", *common).exit_code == 0
    assert len(Store.open(study).rungs) == 14


def test_a_source_is_tokenised_into_the_study(tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    for number in range(40):
        (texts / f"{number}.txt").write_text(f"text {number} of a few words\n" * 30)
    study = tmp_path / "study"
    made = plan(study, "--models", "6e4", "--factors", "1", "--corpus", f"folder:{texts}", "--set", "batch_tokens=1024")
    assert made.exit_code == 0, made.stderr
    store = Store.open(study)
    assert store.corpora[store.rungs[0].corpus].startswith("corpora/"), "the folder can be moved as a whole"
    assert CorpusChoice(str(store.corpus_folder(store.rungs[0].corpus))).entries == 256


def test_the_runs_of_a_design_become_rungs(tmp_path: Path, small_corpus: Path) -> None:
    path = tmp_path / "design.json"
    path.write_text(json.dumps({"schema": "isoflop.design", "runs": [{"N": 6e4, "D": 2e6, "seeds": 2, "flops": 1e12}]}))
    made = plan(tmp_path / "study", "--proposed", path, "--corpus", small_corpus, "--set", "batch_tokens=2048")
    assert made.exit_code == 0, made.stderr
    assert [each.seed for each in Store.open(tmp_path / "study").rungs] == [0, 1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give one of --budgets"),
        (("--budgets", "1e12", "--models", "1e5"), "give one of --budgets"),
        (("--budgets", "1e12", "--set", "rate=1"), "a recipe has no rate"),
        (("--budgets", "1e12"), "steps"),
        (("--budgets", "1e12", "--set", "batch_tokens=2048", "--hold-out", "1"), "leaves no"),
        (("--budgets", "1e12", "--corpus", "library:x", "--set", "batch_tokens=2048"), "no source of text"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned(arguments: tuple[str, ...], said: str, tmp_path: Path) -> None:
    result = plan(tmp_path / "study", *arguments)
    assert result.exit_code == 2 and said in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "study" / "ladder.json").exists()


def test_another_vocabulary_is_refused(small_corpus: Path) -> None:
    with pytest.raises(RunsError, match="has 256 entries of vocabulary, asked for were 4096"):
        _ = CorpusChoice(str(small_corpus), 4096).entries


def test_models_are_held_out_where_there_are_no_budgets() -> None:
    rungs = held_out([rung(32), rung(48), rung(48, seed=1), rung(32, tokens=20_480)], 1)
    assert [each.role for each in rungs] == ["ladder", "held_out", "held_out", "ladder"]


def test_a_source_of_known_entropy_keeps_all_its_documents(tmp_path: Path) -> None:
    corpus = CorpusChoice("known-entropy:0#0.2")
    made = corpus.made(tmp_path)
    assert made.entropy is not None and made.entropy > 0
    assert corpus.made(tmp_path).hash == made.hash, "made once"
    assert made.train.size + made.validation.size > 150_000
