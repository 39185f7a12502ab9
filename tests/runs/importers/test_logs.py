"""Runs from logs of nanoGPT, modded-nanogpt, llm.c and nanochat, in lines as those programs print them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import isoflop
from isoflop.runs.importers.importing import import_runs

NANOGPT = """\
Overriding: max_iters = 500
tokens per iteration will be: 16,384
Initializing a new model from scratch
number of parameters: 29.94M
num decayed parameter tensors: 26, with 30,031,872 parameters
num non-decayed parameter tensors: 13, with 4,992 parameters
using fused AdamW: True
step 0: train loss 10.8201, val loss 10.8312
iter 0: loss 10.8199, time 5321.12ms, mfu -100.00%
iter 10: loss 9.1000, time 321.12ms, mfu 20.00%
step 250: train loss 4.2500, val loss 4.3125
step 500: train loss 3.5000, val loss 3.6250
"""

NANOCHAT = """\
Vocab size: 32,768
Parameter counts:
wte                     : 25,165,824
lm_head                 : 25,165,824
transformer_matrices    : 84,934,656
scalars                 : 24
total                   : 135,266,328
Estimated FLOPs per token: 7.500000e+08
Calculated number of iterations from target data:param ratio: 4,000
Total number of training tokens: 2,097,152,000
Total training FLOPs estimate: 1.572864e+18
Total batch size 524,288 => gradient accumulation steps: 1
Step 00000 | Validation bpb: 3.300000
step 00000/04000 (0.00%) | loss: 10.397208 | lrm: 0.02 | dt: 900.00ms | tok/sec: 582,542 | bf16_mfu: 40.00 | epoch: 1
step 00001/04000 (0.03%) | loss: 10.200000 | lrm: 0.05 | dt: 300.00ms | tok/sec: 1,747,626 | bf16_mfu: 40.00 | epoch: 1
Step 02000 | Validation bpb: 0.900000
step 02000/04000 (50.00%) | loss: 3.000000 | lrm: 1.00 | dt: 300.00ms | tok/sec: 1,747,626 | bf16_mfu: 40.00 | epoch: 1
Step 02000 | CORE metric: 0.1500
"""

CARD = """\
# nanochat training report
## Base model training
timestamp: 2026-01-01 00:00:00

- depth: 12
- matrix_lr: 0.0200
- Number of parameters: 135,266,328
- Number of FLOPs per token: 7.500000e+08
- Calculated number of iterations: 4000
- Number of training tokens: 2,097,152,000
- Minimum validation bpb: 0.8500
- Final validation bpb: 0.8512
- CORE metric estimate: 0.1700

## Chat SFT
- Number of parameters: 7
"""


def test_nanogpt(tmp_path: Path) -> None:
    log = tmp_path / "gpt.log"
    log.write_text(NANOGPT)
    imported = import_runs(log)
    runs = imported.runs()
    assert (runs["N"][0], runs["D"][0], runs["L"][0]) == (30_036_864, 500 * 16384, 3.625)
    assert runs.conventions.N == "total"
    assert imported.curves.step.tolist() == [0, 250, 500]
    assert imported.curves.training_loss.tolist() == [10.8201, 4.25, 3.5]
    assert imported.curves.tokens.tolist() == [0, 250 * 16384, 500 * 16384]


def test_nanogpt_with_rounded_parameters_says_what_they_leave_out(tmp_path: Path) -> None:
    log = tmp_path / "gpt.txt"
    log.write_text("\n".join(line for line in NANOGPT.splitlines() if "decayed" not in line))
    runs = isoflop.read_runs(log)
    assert (runs["N"][0], runs.conventions.N) == (29_940_000, "non_embedding")


def test_modded_nanogpt_and_llmc_state_no_n_and_no_d(tmp_path: Path) -> None:
    (tmp_path / "modded.txt").write_text(
        "import os\nimport sys\n====\nstep:0/1490 val_loss:10.8258 train_time:0ms step_avg:0.02ms\n"
        "step:1/1490 train_time:85ms step_avg:85.10ms\n"
        "step:1490/1490 val_loss:3.2786 train_time:85603ms step_avg:57.45ms\n"
    )
    (tmp_path / "llmc.log").write_text("s:0 tel:11.0\ns:0 trl:11.1 lr:0.0006 norm:4.2\ns:19560 tel:3.2722\n")
    imported = import_runs(tmp_path)
    assert {run.name: run.metrics["val_loss"].last for run in imported.tracked} == {"modded": 3.2786, "llmc": 3.2722}
    unknown = [notice.message for notice in imported.notices if notice.code == "unknown_resource"]
    assert [message.partition(" is not known for any run")[0] for message in unknown] == [
        "N (parameters)",
        "D (tokens)",
    ]
    assert set(imported.runs()) == {"L", "S"}


def test_a_resumed_log_keeps_the_later_lines(tmp_path: Path) -> None:
    log = tmp_path / "gpt.log"
    log.write_text(NANOGPT + "step 250: train loss 4.1000, val loss 4.2000\nstep 500: train loss 3.4, val loss 3.5\n")
    imported = import_runs(log)
    assert imported.tracked[0].metrics["val/loss"].value.tolist() == [10.8312, 4.2, 3.5]
    assert "duplicate_steps" in {notice.code for notice in imported.remarks}


def test_a_log_cut_in_a_number(tmp_path: Path) -> None:
    log = tmp_path / "gpt.log"
    log.write_text(NANOGPT.rstrip("\n"))  # a whole line without its end
    assert import_runs(log).runs()["L"].tolist() == [3.625]
    log.write_text(NANOGPT.rstrip("\n")[:-2])
    imported = import_runs(log)
    assert imported.runs()["L"].tolist() == [4.3125]
    assert (
        imported.remarks[0].message
        == f"{log} ends in the middle of a line: 'step 500: train loss 3.5000, val loss 3.62'"
    )


def test_nanochat(tmp_path: Path) -> None:
    log = tmp_path / "d12.log"
    log.write_text(NANOCHAT)
    imported = import_runs(log)
    assert imported.source == "nanochat"
    runs = imported.runs()
    assert (runs["N"][0], runs["D"][0], runs["C"][0]) == (135_266_328, 2000 * 524_288, 7.5e8 * 2000 * 524_288)
    assert (runs["L"][0], runs.conventions.C) == (3.0, "counted")
    assert "training_loss" in {notice.code for notice in imported.notices}  # bits per byte are no nats
    chosen = import_runs(log, columns={"loss": "val/bpb", "N": "parameters.transformer_matrices"}).runs()
    assert (chosen["L"][0], chosen["N"][0]) == (0.9, 84_934_656)


def test_nanochat_report_card(tmp_path: Path, refusal: Callable[..., str]) -> None:
    card = tmp_path / "report.md"
    card.write_text(CARD)
    runs = import_runs(card, columns=["loss=val/bpb"]).runs()
    assert (runs["N"][0], runs["D"][0], runs["L"][0]) == (135_266_328, 2_097_152_000, 0.8512)
    assert runs["C"][0] == pytest.approx(7.5e8 * 2_097_152_000)
    assert refusal(card) == (
        f"none of 1 runs in {card} has a loss; the metrics are core_metric, val/bpb; name it: loss=METRIC"
    )


def test_a_table_in_a_text_file_is_still_a_table(tmp_path: Path) -> None:
    table = tmp_path / "runs.txt"
    table.write_text("N,D,loss\n1e6,1e8,4.0\n2e6,1e8,3.9\n")
    assert isoflop.read_runs(table)["N"].tolist() == [1e6, 2e6]
