"""The state of a half-trained job on disk: safetensors with a checksum; the last whole one survives any kill."""

from __future__ import annotations

import contextlib
import hashlib
import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from isoflop.files import FileError, PathLike, write_bytes

SCHEMA = "isoflop.checkpoint/1"
_KEPT = 2
_SUFFIX = ".safetensors"


def pack(arrays: Mapping[str, np.ndarray], values: Mapping[str, object]) -> bytes:
    """Named arrays and plain JSON values as one safetensors file; the checksum covers both.

    Raises
    ------
    FileError : safetensors is not installed. TypeError : a value that is not JSON.
    """
    text = json.dumps(dict(values))
    whole = {name: np.ascontiguousarray(array).reshape(np.shape(array)) for name, array in arrays.items()}
    described = {"schema": SCHEMA, "values": text, "sha256": _digest(whole, text)}
    content: bytes = _safetensors().numpy.save(whole, described)
    return content


def unpack(path: PathLike) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """What `pack` wrote.

    Raises
    ------
    FileError : the file cannot be read, is cut short or damaged, or is no checkpoint of ours; the message names it.
    """
    library = _safetensors()
    try:
        with library.safe_open(str(path), framework="numpy") as stored:
            described = stored.metadata() or {}
            arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - it is no mapping
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror or error}") from None
    except library.SafetensorError as error:
        raise FileError(f"{path} is cut short or damaged ({error})") from None
    if described.get("schema") != SCHEMA:
        raise FileError(f"{path} is no checkpoint that this version reads: schema {described.get('schema')!r}")
    if _digest(arrays, described.get("values", "")) != described.get("sha256"):
        raise FileError(f"{path} is damaged: its checksum does not agree with its content")
    return arrays, json.loads(described["values"])


class CheckpointFolder:
    """The checkpoints of one job, a `isoflop.ladder.progress.Keeper`: the last two whole states, newest first.

    A state is written beside the others, flushed to the disk and renamed, and only then is the oldest removed; so
    a kill or a full disk at any moment leaves the state before.

    Parameters
    ----------
    finished : the ids of the job's rungs that need not be trained again.
    writes : False in every process of a distributed job but the first: `save` then does nothing.
    """

    def __init__(
        self, folder: PathLike, finished: Callable[[], frozenset[str]] = frozenset, *, writes: bool = True
    ) -> None:
        self.folder, self._finished, self.writes = Path(folder), finished, writes

    def states(self) -> list[Path]:
        """The files there are, newest first."""
        return sorted((path for path in self.folder.glob(f"*{_SUFFIX}") if path.stem.isdigit()), reverse=True)

    def load(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """The newest state that is whole; a damaged one is named in a warning and the one before it is used."""
        for path in self.states():
            try:
                return unpack(path)
            except FileError as error:
                warnings.warn(f"{error}; the state before it is used", RuntimeWarning, stacklevel=2)
        return None

    def save(self, arrays: Mapping[str, np.ndarray], values: Mapping[str, object]) -> None:
        """Keep this state instead of the oldest.

        Raises
        ------
        FileError : the disk is full or the folder may not be written; the states before are untouched.
        """
        if not self.writes:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        kept = self.states()
        number = int(kept[0].stem) + 1 if kept else 1
        write_bytes(self.folder / f"{number:06d}{_SUFFIX}", pack(arrays, values))
        for path in self.states()[_KEPT:]:
            path.unlink(missing_ok=True)

    def finished(self) -> frozenset[str]:
        """Ids of the job's rungs that need not be trained again."""
        return self._finished()

    def clear(self) -> None:
        """Remove every state: the job is done."""
        for path in (*self.folder.glob(f"*{_SUFFIX}"), *self.folder.glob(".*")):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _sweep(self) -> None:
        """Remove what a killed writer left unfinished; only the holder of the job's claim writes here."""
        for path in self.folder.glob(f".*{_SUFFIX}.*"):
            path.unlink(missing_ok=True)


def _digest(arrays: Mapping[str, np.ndarray], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"\0{name} {array.dtype.str} {np.shape(arrays[name])}\0".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _safetensors() -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ImportError:
        raise FileError("checkpoints need safetensors, which is not installed: pip install 'isoflop[train]'") from None
    return safetensors
