"""Finding importers: every file of `sources/` defines one as ``IMPORTER``."""

from __future__ import annotations

import glob
import pkgutil
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from isoflop.runs.importers.importer import Importer
from isoflop.runs.notices import RunsError

SOURCES = "isoflop.runs.importers.sources"


def importers() -> tuple[Importer, ...]:
    """All importers, by rank and id."""
    return tuple(_registry().values())


def importer(identifier: str) -> Importer:
    """The importer of this id.

    Raises
    ------
    RunsError : there is none such.

    >>> importer("trainer").title
    'Hugging Face Trainer'
    """
    registry = _registry()
    if identifier in registry:
        return registry[identifier]
    near = get_close_matches(identifier, registry, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(registry)}"
    raise RunsError(f"no importer is called {identifier!r}; {hint}")


def recognised(path: Path) -> Iterator[Importer]:
    """The importers that know this path, the likeliest first."""
    for each in importers():
        try:
            if each.recognises(path):
                yield each
        except OSError:  # not readable: whoever reads it says so
            continue


def paths_of(source: str | Path) -> list[Path]:
    """The paths that a text names: itself, or what its glob matches."""
    path = Path(source).expanduser()
    try:
        if path.exists():
            return [path]
        return [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 - may be absolute
    except (OSError, ValueError):
        return []


@lru_cache(maxsize=1)
def _registry() -> Mapping[str, Importer]:
    package = import_module(SOURCES)
    found: dict[str, Importer] = {}
    for module in pkgutil.iter_modules(package.__path__):
        each = import_module(f"{SOURCES}.{module.name}").IMPORTER
        assert isinstance(each, Importer), f"{module.name}.py: IMPORTER is no Importer"
        assert each.id not in found, f"two files define the importer {each.id!r}"
        found[each.id] = each
    return MappingProxyType(dict(sorted(found.items(), key=lambda pair: (pair[1].rank, pair[0]))))
