"""count(): the figures of one model together, as text, JSON, picture, report and file; the command and its errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.costs.published_architectures import PUBLISHED

import isoflop
from isoflop.cli.main import main
from isoflop.cli.results import load_result
from isoflop.costs.config_file import architecture
from isoflop.costs.errors import CostError
from isoflop.costs.flops import CONVENTIONS
from isoflop.costs.model_count import Count, count
from isoflop.report.page import page


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(main, [str(each) for each in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The config of Mixtral, in its folder."""
    folder = tmp_path / "Mixtral-8x7B"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(PUBLISHED["mixtral-8x7b"][0]))
    return folder


def test_the_command_prints_everything(config: Path) -> None:
    shown = run("count", config, "--tokens", "2T", "--mfu", "0.4", "--gpus", "512", "--zero", "3").stdout
    assert "Mixtral-8x7B: 46,702,792,704 parameters" in shown and "12,879,925,248 active" in shown
    for word in (*CONVENTIONS, "experts", "router", "activations", "hours of H100 SXM", "tokens per dollar"):
        assert word in shown, word
    assert "[serving_memory] serving holds" in shown and "[training_memory]" in shown


@pytest.mark.slow
def test_json_and_what_is_written(config: Path, tmp_path: Path) -> None:
    stored, report, picture = tmp_path / "count.json", tmp_path / "count.html", tmp_path / "count.png"
    result = run(
        "count", config, "--json", "-o", stored, "--report", report, "--plot", picture, "--context", "4096",
        "--device", "H200", "--price", "2.5", "--tokens", "1T", "--mfu", ".5",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    content = json.loads(result.stdout)
    assert content["parameters"]["total"] == PUBLISHED["mixtral-8x7b"][1]
    assert sum(content["parameters"]["groups"].values()) == content["parameters"]["total"]
    assert set(content["flops_per_token"]) == set(CONVENTIONS) == set(content["assumptions_hold"])
    assert content["assumptions_hold"]["exact"] and not content["assumptions_hold"]["megatron"]
    memory = content["training_memory"]
    assert memory["total"] == pytest.approx(
        sum(memory[part] for part in ("weights", "gradients", "optimiser", "activations"))
    )
    cost = content["run"]
    assert cost["flops"] == pytest.approx(content["flops_per_token"]["exact"] * 1e12)
    assert cost["usd"] == pytest.approx(2.5 * cost["device_hours"])
    assert cost["days"] == pytest.approx(cost["device_hours"] / 24)
    assert picture.read_bytes().startswith(b"\x89PNG") and "<svg" in report.read_text()
    assert json.loads(stored.read_text())["parameters"] == content["parameters"]
    loaded = load_result(str(stored))
    assert isinstance(loaded, Count) and loaded.to_dict() == content
    assert run("report", stored, "-o", tmp_path / "again.html").exit_code == 0


def test_a_shape_instead_of_a_config() -> None:
    shape = ("--d-model", 512, "--layers", 8, "--heads", 8, "--vocabulary", 32000, "--context", 1024)
    words = tuple(str(each) for each in shape)
    plain = json.loads(run("count", *words, "--plain", "--tied", "--json").stdout)
    assert plain["parameters"]["non_vocabulary"] == 12 * 8 * 512**2 + 17 * 512
    mixture = json.loads(
        run("count", *words, "--experts", "16", "--active-experts", "2", "--expert-width", "256",
            "--shared-experts", "1", "--json").stdout
    )  # fmt: skip
    groups = mixture["parameters"]["groups"]
    assert groups["experts"] == 8 * 16 * 3 * 512 * 256 and groups["shared experts"] == 8 * 3 * 512 * 256
    assert groups["router"] == 8 * 16 * 512 and groups["mlp"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give a config.json, or a whole shape: --d-model, --layers, --heads, --vocabulary, --context missing"),
        (("nowhere.json",), "cannot read nowhere.json"),
        (("CONFIG", "--layers", "3"), "a config and --layers were given"),
        (("CONFIG", "--device", "H10"), "no device is called 'H10'; the nearest are H100 SXM"),
        (("CONFIG", "--devices", "no.toml"), "cannot read no.toml"),
        (("CONFIG", "--precision", "fp4"), "no peak of H100 SXM is known in 'fp4'"),
        (("CONFIG", "--gpus", "6", "--tensor-parallel", "4"), "6 devices cannot be split 4 ways"),
        (("CONFIG", "--gpus", "6", "--expert-parallel", "4"), "which 4 does not divide"),
        (("CONFIG", "--optimiser", "adam"), "optimiser 'adam' is unknown"),
        (("CONFIG", "--recomputation", "most"), "recomputation 'most' is unknown"),
        (("CONFIG", "--price", "-1"), "a price must be > 0 dollars an hour, found -1"),
        (("CONFIG", "--mfu", "1.5"), "--mfu"),
        (("CONFIG", "--weight-bits", "0"), "weight_bits of serving must be > 0"),
        (("CONFIG", "--tokens", "many"), "--tokens: 'many' is not a quantity"),
        (("CONFIG", "--plot", "x.txt"), "a name that ends in .png"),
        (("--d-model", "8", "--layers", "1", "--heads", "1", "--vocabulary", "8", "--context", "8", "--experts", "2"),
         "needs --experts and --active-experts"),
        (("--d-model", "8", "--layers", "1", "--heads", "1", "--vocabulary", "8", "--context", "8",
          "--shared-experts", "2"), "need --experts"),
    ],
)  # fmt: skip
def test_errors_are_one_line(config: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run("count", *(str(config) if each == "CONFIG" else each for each in arguments))
    assert result.exit_code == 2 and message in result.stderr
    assert result.stderr.count("\n") == 1 and not result.stdout


def test_sequences_and_their_activations_are_split(config: Path) -> None:
    def made(**split: Any) -> Count:
        return isoflop.count(config, gpus=16, context=8192, **split)

    whole, halved = made(), made(context_parallel=2)
    assert float(halved.memory.activations) == pytest.approx(float(whole.memory.activations) / 2, rel=1e-9)
    assert halved.training.data_parallel == 8 and "2 context-parallel" in halved.summary()
    split, kept = made(tensor_parallel=8), made(tensor_parallel=8, sequence_parallel=False)
    assert float(kept.memory.activations) > 1.5 * float(split.memory.activations)
    assert "no sequence parallelism" in kept.summary() and "sequence" not in split.summary().split("Memory of")[1][:120]
    assert Count.from_dict(json.loads(json.dumps(kept.to_dict()))).training == kept.training
    shown = run("count", config, "--gpus", "16", "--context-parallel", "2", "--no-sequence-parallel", "--json").stdout
    assert (
        json.loads(shown)["training"]["context_parallel"] == 2
        and not json.loads(shown)["training"]["sequence_parallel"]
    )


def test_prices_are_the_users(config: Path, tmp_path: Path) -> None:
    table = tmp_path / "mine.toml"
    table.write_text('[[device]]\nname = "H100"\nprice = 1.0\n')
    mine = count(config, devices=table, tokens=1e12, mfu=0.4, serve_gpus=2)
    assert mine.run and mine.run.usd == pytest.approx(mine.run.device_hours)
    seconds = float(mine.decode().seconds)
    assert float(mine.usd_per_million_tokens()) == pytest.approx(1e6 * seconds * 2 / 3600)


def test_what_is_not_known_is_left_out(config: Path) -> None:
    made = count(config, device="TPU v5e", tokens=1e12, mfu=0.4)
    assert made.run and made.run.days > 0 and made.to_dict()["run"]["kwh"] is None
    assert "dollars" not in made.summary() and "MWh" not in made.summary()
    assert "hours of" not in count(config, tokens=1e12).summary()
    assert count(config).run is None


def test_public_names_and_every_rendering() -> None:
    made = isoflop.count(PUBLISHED["deepseek-v2"][0], device="H800", gpus=64, zero_stage=3, tensor_parallel=8)
    for style in ("text", "html", "latex"):
        assert "235,741,434,880" in made.summary(style)
    for which in ("parts", "serving"):
        assert made.plot(which=which).figure.axes
    text = page([made])
    assert "How FLOPs are counted" in text and "arXiv 2104.04473" in text and text.count("<svg") == 2
    assert isoflop.device("H800").name == made.device.name and isoflop.Architecture is type(made.architecture)


def test_deepseek_v2_as_published() -> None:
    # arXiv 2405.04434, section 3.2.3: 172.8K H800 hours per trillion tokens, context 4096
    exact = count(PUBLISHED["deepseek-v2"][0], device="H800", context=4096).flops_per_token["exact"]
    used = exact * 1e12 / (172.8e3 * 3600 * 989.4e12)
    assert 0.25 < used < 0.4


def test_a_stored_count_of_another_kind() -> None:
    with pytest.raises(CostError, match="this is no count"):
        Count.from_dict({"schema": "isoflop.fit"})
    good = count(PUBLISHED["gpt2"][0]).to_dict()
    for damage in ({"device": None}, {"training": {"context": 3, "speed": 1}}, {"notices": 3}, {"serving": {}}):
        with pytest.raises(CostError, match="this count is damaged"):
            Count.from_dict({**good, **damage})
    assert architecture(PUBLISHED["gpt2"][0])[0] == count(PUBLISHED["gpt2"][0]).architecture
