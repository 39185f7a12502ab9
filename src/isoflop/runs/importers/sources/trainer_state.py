"""Hugging Face Trainer: ``trainer_state.json`` of an output folder, with config.json and weights beside it.

D is ``num_input_tokens_seen`` where it was logged, else total_flos / (6 x parameters without embeddings), because the
Trainer counts total_flos so (Trainer.floating_point_ops). N is counted from the header of ``model.safetensors``: every
parameter, a tied one once. ``training_args.bin`` is a pickle and is never opened.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isoflop.runs.importers.importer import Advance, Importer, flat, watched
from isoflop.runs.importers.tracked import Fact, LeftOut, Reading, TrackedRun, all_series
from isoflop.runs.notices import Notice, RunsError

_STATE = "trainer_state.json"
#: last parts of the names of embedding matrices, input and positions, in the models of the transformers library
_EMBEDDINGS = frozenset("embed_tokens wte wpe embed_in embed_positions word_embeddings position_embeddings".split())
_LARGEST_HEADER = 100 * 2**20


class TrainerState(Importer):
    """``trainer_state.json``."""

    id = "trainer"
    title = "Hugging Face Trainer"
    accepts = "trainer_state.json, or a folder of output folders with checkpoint-*/trainer_state.json"
    rank = 3

    def recognises(self, path: Path) -> bool:
        """A trainer_state.json, or a folder with one up to two levels below."""
        return bool(_files(path))

    def files(self, path: Path) -> list[Path]:
        """The latest state of each output folder."""
        return list(_latest(_files(path)).values())

    def read(self, path: Path, advance: Advance = None) -> Reading:
        """One run for each output folder, from its latest checkpoint."""
        files = _latest(_files(path) or ([path] if path.suffix == ".json" else []))
        if not files:
            raise RunsError(f"no {_STATE} in {path}; give {self.accepts}")
        runs, left_out, notices = [], [], []
        for (name, file), _ in zip(files.items(), watched(files.values(), advance)):
            try:
                state = json.loads(file.read_text(encoding="utf-8"))
                history = state["log_history"]
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                left_out.append(LeftOut(str(file), f"it is no whole Trainer state ({type(error).__name__}: {error})"))
                continue
            run, told = _run(name, file, state, history)
            runs.append(run)
            notices += told
        return Reading(tuple(runs), tuple(left_out), tuple(notices))


IMPORTER = TrainerState()


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.name == _STATE else []
    return sorted(each for depth in ("", "*/", "*/*/") for each in path.glob(depth + _STATE))


def _latest(files: list[Path]) -> dict[str, Path]:
    """By output folder the state of the highest checkpoint; the folder's own state, written at the end, goes first."""
    chosen: dict[Path, tuple[float, Path]] = {}
    for file in files:
        folder, rank = file.parent, math.inf
        if folder.name.startswith("checkpoint-"):
            number = folder.name.partition("-")[2]
            folder, rank = folder.parent, float(number) if number.isdigit() else -1.0
        if folder not in chosen or rank > chosen[folder][0]:
            chosen[folder] = (rank, file)
    names = [folder.name for folder in chosen]
    return {
        folder.resolve().name if names.count(folder.name) == 1 else str(folder): file
        for folder, (_, file) in chosen.items()
    }


def _run(
    name: str, file: Path, state: Mapping[str, Any], history: list[Mapping[str, Any]]
) -> tuple[TrackedRun, list[Notice]]:
    logged: dict[str, list[tuple[float, float]]] = {}
    for entry in history:
        step = float(entry.get("step", math.nan))
        for key, value in entry.items():
            if key != "step" and isinstance(value, (int, float)):
                logged.setdefault(key, []).append((step, float(value)))
    metrics, told = all_series(logged, name)
    notices = list(told)
    config = _config(file.parent)
    if not config:
        notices.append(Notice("no_config", f"run {name} has no config.json beside {file.name}"))
    settings = {key: value for key, value in state.items() if isinstance(value, (int, float)) and key != "total_flos"}
    settings.pop("num_input_tokens_seen", None)
    facts = _facts(file.parent, state)
    metrics.pop("total_flos", None)
    return TrackedRun(name, {**settings, **config}, metrics, facts, str(file)), notices


def _facts(folder: Path, state: Mapping[str, Any]) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    flops, seen = float(state.get("total_flos") or 0), float(state.get("num_input_tokens_seen") or 0)
    counted = _parameters(folder)
    if flops > 0:
        facts["C"] = Fact(flops, "total_flos: 6 x parameters without embeddings x tokens", "counted")
    if seen > 0:
        facts["D"] = Fact(seen, "num_input_tokens_seen")
    if counted is not None:
        total, embedding, file = counted
        facts["N"] = Fact(total, f"counted in {file}", "total")
        if flops > 0 and seen <= 0 and embedding > 0:
            facts["D"] = Fact(flops / (6.0 * (total - embedding)), f"total_flos / (6 x parameters of {file})")
    return facts


def _config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    try:
        stored = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (ValueError, OSError):
        return {}
    return flat(stored) if isinstance(stored, dict) else {}


def _parameters(folder: Path) -> tuple[float, float, str] | None:
    """All parameters, those of embeddings among them, and the file that says so; from headers, never the weights."""
    files = sorted(folder.glob("model*.safetensors"))
    total = embedding = 0
    for file in files:
        with file.open("rb") as stream:
            start = stream.read(8)
            size = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 0 < size <= _LARGEST_HEADER:
                return None
            try:
                header = json.loads(stream.read(size))
            except ValueError:
                return None
        for name, tensor in header.items():
            if name != "__metadata__":
                count = math.prod(tensor["shape"])
                total += count
                parts = name.split(".")
                embedding += count if len(parts) > 1 and parts[-2] in _EMBEDDINGS else 0
    shown = "model.safetensors" if len(files) == 1 else f"{len(files)} safetensors files"
    return (float(total), float(embedding), shown) if total else None
