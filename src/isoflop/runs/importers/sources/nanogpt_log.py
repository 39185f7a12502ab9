"""nanoGPT and its kin: the lines that nanoGPT, modded-nanogpt and llm.c print or write to their logs.

nanoGPT: ``step 250: train loss 1.9, val loss 2.0``, ``iter 250: loss 1.9``, ``tokens per iteration will be: 16,384``;
modded-nanogpt: ``step:125/1750 val_loss:4.65``; llm.c: ``s:250 tel:4.1`` and ``s:250 trl:4.2 lr:0.0006``.
N is the sum of nanoGPT's decayed and non-decayed parameters (all of them); where only ``number of parameters: 29.94M``
is printed, which leaves the positions out, it is that, to the digits printed. The others state no N and no D.
"""

from __future__ import annotations

import re
from pathlib import Path

from isoflop.runs.importers.log_lines import Line, LogImporter, read_log
from isoflop.runs.importers.tracked import Fact, TrackedRun
from isoflop.runs.notices import Notice

_NUMBER = r"(nan|inf|-?\d+\.?\d*(?:e-?\d+)?)"
#: pattern -> the metrics of its groups after the step
_LINES: tuple[Line, ...] = (
    (re.compile(rf"^step (\d+): train loss {_NUMBER}, val loss {_NUMBER}"), ("train/loss", "val/loss")),
    (re.compile(rf"^iter (\d+): loss {_NUMBER}, time"), ("iter/loss",)),
    (re.compile(rf"^step:(\d+)/\d+ val[_ ]loss:{_NUMBER}"), ("val_loss",)),
    (re.compile(rf"^step:(\d+)/\d+ (?:train[_ ])?loss:{_NUMBER}"), ("train_loss",)),
    (re.compile(rf"^s:(\d+) tel:{_NUMBER}"), ("val_loss",)),
    (re.compile(rf"^s:(\d+) trl:{_NUMBER}(?: lr:{_NUMBER})?"), ("train_loss", "learning_rate")),
)
_BATCH = re.compile(r"^tokens per iteration will be: ([\d,]+)")
_PARAMETERS = re.compile(r"^number of parameters: ([\d.]+)M")
_GROUPS = re.compile(r"^num (non-)?decayed parameter tensors: \d+, with ([\d,]+) parameters")
#: modded-nanogpt's logs begin with the source code of the run, so the first loss comes late
_LOOKED_AT = 2 * 2**20


class NanogptLog(LogImporter):
    """Logs of nanoGPT, modded-nanogpt and llm.c."""

    id = "nanogpt"
    title = "nanoGPT, modded-nanogpt or llm.c logs"
    accepts = "a log (.log, .txt, .out), or a folder of logs"
    rank = 9
    folders = 3
    no_loss = "it has no line with a loss as nanoGPT, modded-nanogpt or llm.c write"

    def is_log(self, file: Path) -> bool:
        """As `LogImporter.is_log`."""
        return _is_log(file)

    def run(self, name: str, file: Path) -> tuple[TrackedRun, tuple[Notice, ...]]:
        """As `LogImporter.run`."""
        return _run(name, file)


IMPORTER = NanogptLog()


def _is_log(file: Path) -> bool:
    with file.open("rb") as stream:
        text = stream.read(_LOOKED_AT).decode("utf-8", errors="replace")
    return any(pattern.match(line) for line in text.splitlines() for pattern, _ in _LINES)


def _run(name: str, file: Path) -> tuple[TrackedRun, tuple[Notice, ...]]:
    facts: dict[str, Fact] = {}
    counted: dict[str, float] = {}
    log = read_log(name, file, _LINES)
    for line in log.others:
        if found := _BATCH.match(line):
            facts["BS"] = Fact(_whole(found[1]), "tokens per iteration")
        elif found := _PARAMETERS.match(line):
            facts["N"] = Fact(round(1e6 * float(found[1])), "number of parameters, as printed", "non_embedding")
        elif found := _GROUPS.match(line):
            counted[found[1] or ""] = _whole(found[2])
    if len(counted) == 2:
        facts["N"] = Fact(sum(counted.values()), "decayed and non-decayed parameters", "total")
    return TrackedRun(name, {}, log.metrics, facts, str(file)), log.notices


def _whole(text: str) -> float:
    return float(text.replace(",", ""))
