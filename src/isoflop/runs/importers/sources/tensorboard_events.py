"""TensorBoard: event files (``events.out.tfevents.*``); each folder that holds some is a run.

Scalars of both styles are read by TensorBoard's own loader. Settings come from the hparams plugin, from texts that are
JSON objects (as the Hugging Face Trainer logs its arguments), and from ``hparams.yaml`` beside (as Lightning does).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from isoflop.runs.importers.importer import Advance, Importer, flat, library, watched
from isoflop.runs.importers.tracked import LeftOut, Reading, TrackedRun, all_series
from isoflop.runs.notices import Notice, RunsError

_DEPTHS = ("", "*/", "*/*/", "*/*/*/")
_PATTERN = "*tfevents*"
_LENGTH, _FRAME = 12, 16  # bytes of a record's length with its checksum; of the frame around its content


@dataclass
class _Folder:
    """What the event files of one folder say, in the order of writing."""

    config: dict[str, Any] = field(default_factory=dict)
    logged: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    hparams: bool = False
    unstepped: bool = True
    events: int = 0


class TensorBoardEvents(Importer):
    """Event files."""

    id = "tensorboard"
    title = "TensorBoard event files"
    accepts = "an events.out.tfevents file, or a folder of run folders such as runs/"
    rank = 4

    def recognises(self, path: Path) -> bool:
        """An event file, or a folder with one up to three levels below."""
        if path.is_file():
            return "tfevents" in path.name
        return any(next(path.glob(depth + _PATTERN), None) is not None for depth in _DEPTHS)

    def files(self, path: Path) -> list[Path]:
        """The event files."""
        return _files(path)

    def read(self, path: Path, advance: Advance = None) -> Reading:
        """One run for each folder with event files; the folder that ``add_hparams`` makes belongs to the one above."""
        files = _files(path)
        if not files:
            raise RunsError(f"no event file in {path}; give {self.accepts}")
        loader = library("tensorboard.backend.event_processing.event_file_loader", "tensorboard", files[0].name)
        folders: dict[Path, _Folder] = {}
        left_out: list[LeftOut] = []
        notices: list[Notice] = []
        for file in watched(files, advance):
            folder = folders.setdefault(file.parent, _Folder())
            before = folder.events
            for event in loader.LegacyEventFileLoader(str(file)).Load():
                folder.events += 1
                for value in event.summary.value:
                    _take(value, float(event.step), folder)
            fault = _fault(file, folder.events - before)
            if folder.events == before:
                left_out.append(LeftOut(str(file), fault or "it holds no events"))
            elif fault:
                message = f"{file} {fault} after {folder.events - before:,} events"
                notices.append(Notice("truncated_file", message, hint="what came before is used"))
        _join_hparams(folders)
        root = path.parent if path.is_file() else path
        runs = []
        for where, folder in folders.items():
            name = str(where.relative_to(root)) if where != root else where.resolve().name
            if not folder.logged:
                if folder.events:
                    left_out.append(LeftOut(name, "its event files hold no scalars"))
                continue
            metrics, told = all_series(folder.logged, name)
            config = {**_yaml(where / "hparams.yaml"), **folder.config}
            notices += told
            if not config:
                notices.append(Notice("no_config", f"run {name} has no settings: no hparams, no hparams.yaml"))
            runs.append(TrackedRun(name, config, metrics, where=str(where)))
        return Reading(tuple(runs), tuple(left_out), tuple(notices))


IMPORTER = TensorBoardEvents()


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted({file for depth in _DEPTHS for file in path.glob(depth + _PATTERN)})


def _take(value: Any, step: float, folder: _Folder) -> None:
    plugin = value.metadata.plugin_data.plugin_name
    if value.HasField("simple_value"):
        folder.logged.setdefault(value.tag, []).append((step, float(value.simple_value)))
        folder.unstepped &= step == 0
    elif plugin == "hparams":
        folder.hparams = True
        folder.config.update(_hparams(value.metadata.plugin_data.content))
    elif plugin == "text":
        folder.config.update(_settings_in(value))
    elif plugin == "scalars" or (value.tag in folder.logged and value.HasField("tensor")):
        number = _number(value.tensor)
        if number is not None:
            folder.logged.setdefault(value.tag, []).append((step, number))
            folder.unstepped &= step == 0


def _number(tensor: Any) -> float | None:
    array = library("tensorboard.util.tensor_util", "tensorboard", "a scalar").make_ndarray(tensor)
    return float(array) if array.size == 1 and array.dtype.kind in "iuf" else None


def _hparams(content: bytes) -> dict[str, Any]:
    stored = library("tensorboard.plugins.hparams.plugin_data_pb2", "tensorboard", "hparams").HParamsPluginData()
    stored.ParseFromString(content)
    if stored.WhichOneof("data") != "session_start_info":
        return {}
    values = stored.session_start_info.hparams
    return flat({name: getattr(value, value.WhichOneof("kind") or "null_value") for name, value in values.items()})


def _settings_in(value: Any) -> dict[str, Any]:
    """The settings in a text that is a JSON object; any other text says nothing."""
    texts = value.tensor.string_val
    try:
        stored = json.loads(texts[0].decode("utf-8").strip()) if len(texts) else None
    except (ValueError, RecursionError):
        return {}
    return flat(stored) if isinstance(stored, dict) else {}


def _join_hparams(folders: dict[Path, _Folder]) -> None:
    """Fold the folder that ``add_hparams`` made, which holds nothing at any step, into the run above it."""
    for where in sorted(folders):
        folder, above = folders[where], folders.get(where.parent)
        if above is not None and folder.hparams and folder.unstepped:
            above.config.update(folder.config)
            for tag, pairs in folder.logged.items():
                above.logged.setdefault(tag, pairs)
            del folders[where]


def _yaml(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        stored = import_module("yaml").safe_load(file.read_text(encoding="utf-8"))
    except (ImportError, ValueError, OSError):
        return {}
    except Exception as error:
        if type(error).__module__.startswith("yaml"):  # python objects and other things that are no plain settings
            return {}
        raise
    return flat(stored) if isinstance(stored, dict) else {}


def _records(file: Path) -> Iterator[int]:
    """Where each record ends, as its frame says."""
    size, place = file.stat().st_size, 0
    with file.open("rb") as stream:
        while place + _LENGTH <= size:
            stream.seek(place)
            place += _FRAME + int.from_bytes(stream.read(8), "little")
            yield place


def _fault(file: Path, read: int) -> str:
    """What is wrong with an event file of which `read` records were read, or nothing: the loader itself just stops."""
    size, end, whole = file.stat().st_size, 0, 0
    if size == 0:
        return "is empty"
    for place in _records(file):
        if place > size:
            break
        end, whole = place, whole + 1
    if read < whole:
        return f"is damaged: record {read + 1:,} of {whole:,} cannot be read"
    return "" if end == size else f"ends in the middle of a record, at byte {end:,} of {size:,}"
