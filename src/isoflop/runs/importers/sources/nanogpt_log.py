"""nanoGPT and its kin: the lines that nanoGPT, modded-nanogpt and llm.c print or write to their logs.

nanoGPT: ``step 250: train loss 1.9, val loss 2.0``, ``iter 250: loss 1.9``, ``tokens per iteration will be: 16,384``;
modded-nanogpt: ``step:125/1750 val_loss:4.65``; llm.c: ``s:250 tel:4.1`` and ``s:250 trl:4.2 lr:0.0006``.
N is the sum of nanoGPT's decayed and non-decayed parameters (all of them); where only ``number of parameters: 29.94M``
is printed, which leaves the positions out, it is that, to the digits printed. The others state no N and no D.
"""

from __future__ import annotations

import re
from pathlib import Path

from isoflop.runs.importers.importer import Advance, Importer, watched
from isoflop.runs.importers.log_lines import Line, read_log
from isoflop.runs.importers.tracked import Fact, LeftOut, Reading, TrackedRun
from isoflop.runs.notices import Notice, RunsError

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
_SUFFIXES = frozenset((".log", ".txt", ".out"))
#: modded-nanogpt's logs begin with the source code of the run, so the first loss comes late
_LOOKED_AT = 2 * 2**20


class NanogptLog(Importer):
    """Logs of nanoGPT, modded-nanogpt and llm.c."""

    id = "nanogpt"
    title = "nanoGPT, modded-nanogpt or llm.c logs"
    accepts = "a log (.log, .txt, .out), or a folder of logs"
    rank = 9

    def recognises(self, path: Path) -> bool:
        """A log with lines of one of these kinds, or a folder with one."""
        return any(_is_log(file) for file in _files(path)[:8])

    def files(self, path: Path) -> list[Path]:
        """The logs."""
        return _files(path)

    def read(self, path: Path, advance: Advance = None) -> Reading:
        """One run for each log."""
        files = _files(path)
        if not files:
            raise RunsError(f"no log in {path}; give {self.accepts}")
        runs, left_out = [], []
        notices: list[Notice] = []
        for file in watched(files, advance):
            name = file.stem if len(files) == 1 else file.relative_to(path).with_suffix("").as_posix()
            run, told = _run(name, file)
            if run.metrics:
                runs.append(run)
                notices += told
            else:
                left_out.append(
                    LeftOut(str(file), "it has no line with a loss as nanoGPT, modded-nanogpt or llm.c write")
                )
        return Reading(tuple(runs), tuple(left_out), tuple(notices))


IMPORTER = NanogptLog()


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = (file for depth in ("", "*/", "*/*/") for file in path.glob(f"{depth}*"))
    return sorted(file for file in found if file.suffix in _SUFFIXES and file.is_file())


def _is_log(file: Path) -> bool:
    if file.suffix not in _SUFFIXES:
        return False
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
