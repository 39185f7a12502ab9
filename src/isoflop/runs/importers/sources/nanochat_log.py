"""nanochat: what its base training prints, and the report card that it writes.

The printed loss is the smoothed training loss in nats per token; validation is in bits per byte and called ``val/bpb``,
as in nanochat's own tracking, so it is never taken for a loss in nats: name it if laws are to predict it. N is every
parameter; the groups are settings such as ``parameters.transformer_matrices``. C is counted by nanochat itself.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from isoflop.runs.importers.importer import typed
from isoflop.runs.importers.log_lines import LogImporter, read_log
from isoflop.runs.importers.tracked import Fact, Series, TrackedRun, series
from isoflop.runs.notices import Notice

_STEP = re.compile(r"^step (\d+)(?:/\d+)? \([\d.]+%\) \| loss: ([\d.naif]+) \| lrm: ([\d.]+)")
_BPB = re.compile(r"^Step (\d+) \| Validation bpb: ([\d.naif]+)")
_CORE = re.compile(r"^Step (\d+) \| CORE metric: ([\d.naif-]+)")
_STATED = re.compile(
    r"^(?:- )?(Number of parameters|Total batch size|Estimated FLOPs per token|Number of FLOPs per token"
    r"|Total number of training tokens|Number of training tokens|Calculated number of iterations"
    r"|Total training FLOPs estimate|Total training flops|Final validation bpb|CORE metric estimate)[: ]+([\d.,e+-]+)",
    re.IGNORECASE,
)
_GROUP = re.compile(r"^([a-z_]+) *: ([\d,]+)$")
_SETTING = re.compile(r"^- ([a-z_]+): (\S.*)$")
_LINES = ((_STEP, ("train/loss", "train/lrm")), (_BPB, ("val/bpb",)), (_CORE, ("core_metric",)))
_FINAL = (("val/bpb", "final validation bpb"), ("core_metric", "core metric estimate"))
_LOOKED_AT = 2**20


class NanochatLog(LogImporter):
    """Logs and report cards of nanochat."""

    id = "nanochat"
    title = "nanochat logs"
    accepts = "a log of base training (.log, .txt, .out), a report card (.md), or a folder of them"
    rank = 8
    suffixes = frozenset((".log", ".txt", ".out", ".md"))
    no_loss = "it has no line of nanochat's base training with a loss"

    def is_log(self, file: Path) -> bool:
        """As `LogImporter.is_log`."""
        return _is_log(file)

    def run(self, name: str, file: Path) -> tuple[TrackedRun, tuple[Notice, ...]]:
        """As `LogImporter.run`."""
        return _run(name, file)


IMPORTER = NanochatLog()


def _is_log(file: Path) -> bool:
    with file.open("rb") as stream:
        lines = stream.read(_LOOKED_AT).decode("utf-8", errors="replace").splitlines()
    if file.suffix == ".md":
        return any(line.startswith("- Number of FLOPs per token") for line in lines)
    return any(pattern.match(line) for line in lines for pattern in (_STEP, _BPB))


def _run(name: str, file: Path) -> tuple[TrackedRun, tuple[Notice, ...]]:
    stated: dict[str, float] = {}
    config: dict[str, Any] = {}
    card = file.suffix == ".md"
    log = read_log(name, file, () if card else _LINES)
    in_base = not card
    for line in log.others:
        if line.startswith("## "):
            in_base = line.lower().startswith("## base model training")
        elif not in_base:
            continue
        elif found := _STATED.match(line):
            stated[found[1].lower()] = float(found[2].replace(",", "").rstrip("."))
        elif found := _GROUP.match(line):
            config[f"parameters.{found[1]}"] = float(found[2].replace(",", ""))
        elif card and (found := _SETTING.match(line)):
            config[found[1]] = typed(found[2].replace(",", ""))
    metrics = dict(log.metrics)
    end = stated.get("calculated number of iterations", float("nan"))
    for key, words in _FINAL:
        if words in stated:
            metrics[key] = series([end], [stated[words]])[0]
    return TrackedRun(name, config, metrics, _facts(stated, config, metrics), str(file)), log.notices


def _facts(stated: dict[str, float], config: dict[str, Any], metrics: dict[str, Series]) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    total = config.get("parameters.total", stated.get("number of parameters"))
    if total:
        facts["N"] = Fact(float(total), "number of parameters", "total")
    planned = stated.get("total number of training tokens", stated.get("number of training tokens"))
    steps = stated.get("calculated number of iterations")
    batch = stated.get("total batch size") or (planned / steps if planned and steps else None)
    last = max((entry.last_step for entry in metrics.values() if entry.last_step > 0), default=0.0)
    if batch:
        facts["BS"] = Fact(batch, "total batch size")
    seen = batch * last if batch and last else planned
    if seen:
        facts["D"] = Fact(seen, "total batch size x steps" if batch and last else "number of training tokens")
        per_token = stated.get("estimated flops per token", stated.get("number of flops per token"))
        if per_token:
            facts["C"] = Fact(per_token * seen, "FLOPs per token x tokens", "counted")
    return facts
