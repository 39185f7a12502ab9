"""Importing: from a path to what a tracker left there, recognised or said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from isoflop.runs.importers.imported import Imported
from isoflop.runs.importers.importer import Advance, Importer
from isoflop.runs.importers.registry import importer, importers, paths_of, recognised
from isoflop.runs.importers.tracked import LeftOut, Reading
from isoflop.runs.mapping import parse_map
from isoflop.runs.notices import Notice, RunsError


def import_runs(
    path: str | Path,
    source: str | None = None,
    columns: Mapping[str, str] | Iterable[str] | None = None,
    *,
    output: str = "L",
    progress: Callable[[int], AbstractContextManager[Advance]] | None = None,
) -> Imported:
    """Read what an experiment tracker left under a path. Nothing is written there, and no network is touched.

    Parameters
    ----------
    path : a file, a folder, or a glob such as ``wandb/offline-run-*``.
    source : the importer's id, such as ``wandb``, ``tensorboard``, ``mlflow``; default: recognised by content.
    columns : {target: name of a metric or of a setting}, or texts ``target=name``: ``loss=eval/loss``,
        ``N=model/params``. What is not given is found by common names, or stays unknown; N is never guessed.
    output : the column that laws predict.
    progress : given the number of files, a context whose value is called with 1 after each.

    Raises
    ------
    RunsError : nothing there, nothing recognised, no such name; one line.
    """
    paths = paths_of(path)
    if not paths:
        raise RunsError(f"nothing is called {path}; give a file, a folder or a glob")
    chosen, *others = (importer(source),) if source else _recognised(path, paths)
    total = sum(len(chosen.files(each)) for each in paths)
    readings = []
    with progress(total) if progress is not None else nullcontext() as advance:
        for each in paths:
            if source or len(paths) == 1 or chosen.recognises(each):
                readings.append(chosen.read(each, advance))
            else:
                readings.append(Reading(left_out=(LeftOut(str(each), f"it holds nothing of {chosen.title}"),)))
    remarks = [notice for reading in readings for notice in reading.notices]
    if others:
        listed = " and ".join(each.title for each in others)
        remarks.append(Notice("other_sources", f"{path} holds {listed} too", hint=f"choose with source={others[0].id}"))
    imported = Imported(
        source=chosen.id,
        title=chosen.title,
        path=str(path),
        tracked=tuple(run for reading in readings for run in reading.runs),
        unreadable=tuple(each for reading in readings for each in reading.left_out),
        remarks=tuple(remarks),
        given=parse_map(columns, output),
        output=output,
    )
    if not imported.tracked:
        reasons = "; ".join(f"{each.name}: {each.reason}" for each in imported.unreadable[:3])
        raise RunsError(f"no run could be read from {path} ({chosen.title}): {reasons or 'it holds none'}")
    return imported


def _recognised(path: str | Path, paths: list[Path]) -> list[Importer]:
    found = next((known for each in paths if (known := list(recognised(each)))), [])
    if not found:
        listed = ", ".join(each.id for each in importers())
        raise RunsError(f"{path} is of no source that is known; say which with source: {listed}")
    return found
