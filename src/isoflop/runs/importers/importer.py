"""What an importer is: it recognises a path, and reads the runs that a tracker left there."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from isoflop.runs.importers.tracked import Reading
from isoflop.runs.notices import RunsError

#: called with 1 for each file that was read
Advance = Callable[[int], None] | None


class Importer:
    """A source of runs. Abstract: a file of `sources/` defines one and names its instance ``IMPORTER``.

    Attributes
    ----------
    id, title : short name, and what it is in words.
    accepts : what a path must be, for messages.
    rank : of several that recognise a folder the lowest is taken: a tracker before the logs that it keeps.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    accepts: ClassVar[str]
    rank: ClassVar[int] = 5

    @abstractmethod
    def recognises(self, path: Path) -> bool:
        """Does this path hold what the source writes? Cheap, and never an error."""

    @abstractmethod
    def files(self, path: Path) -> list[Path]:
        """The files, or folders, under the path that are read one after the other. Empty: nothing of this source."""

    @abstractmethod
    def read(self, path: Path, advance: Advance = None) -> Reading:
        """Every run under the path, and what could not be read with the reason. `advance` is told of each file read.

        Raises
        ------
        RunsError : nothing there is of this source, or the library that reads it is missing.
        """


def watched(files: Iterable[Path], advance: Advance) -> Iterator[Path]:
    """The files; after each `advance` is called."""
    for file in files:
        yield file
        if advance is not None:
            advance(1)


def opening(path: Path, size: int = 65536) -> str:
    """The first characters of a file, for recognising it."""
    with path.open("rb") as stream:
        return stream.read(size).decode("utf-8-sig", errors="replace")


def library(module: str, extra: str, what: str) -> ModuleType:
    """An optional library, imported now.

    Raises
    ------
    RunsError : it is not installed; one line that names the extra.
    """
    try:
        return import_module(module)
    except ImportError:
        package = module.partition(".")[0]
        raise RunsError(f"reading {what} needs {package}; install it: pip install 'isoflop[{extra}]'") from None


def flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dots between the names; what is no number, text or truth value is left out.

    >>> flat({"model": {"layers": 2, "names": ["a"]}, "lr": 0.1})
    {'model.layers': 2, 'lr': 0.1}
    """
    found: dict[str, Any] = {}
    for name, value in nested.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            found.update(flat(value, f"{key}."))
        elif isinstance(value, (str, int, float, bool)):
            found[key] = value
    return found


def typed(text: str) -> Any:
    """A configuration value that a tracker stored as text: a number where it is one.

    >>> typed("3e-4"), typed("adam")
    (0.0003, 'adam')
    """
    try:
        return float(text)
    except ValueError:
        return text
