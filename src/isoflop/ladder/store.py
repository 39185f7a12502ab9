"""The store: one folder a study, with its rungs, their records and curves, checkpoints, and who works on what.

    ladder.json            the rungs, and where each corpus lies
    rungs/<rung>.json      the record of a rung
    curves/<rung>.parquet  its loss curve
    checkpoints/<job>/     the last two states of a half-trained job
    claims/<job>.lock      held by the process that trains the job
    progress/<job>.json    the last line of progress
    logs/                  what worker processes printed

Every file appears by atomic rename; a rung counts as done once its record says so, and its curve is written before.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoflop.files import FileError, PathLike, read_json, write_bytes, write_json
from isoflop.ladder import claims, curve_files, provenance
from isoflop.ladder.checkpoint import CheckpointFolder
from isoflop.ladder.progress import Outcome, Progress
from isoflop.ladder.records import (
    FINISHED,
    Record,
    flops_per_token,
    parameter_groups,
    read_record,
    summary_of,
    write_record,
)
from isoflop.ladder.rung import Job, Rung, jobs_of
from isoflop.runs.notices import RunsError

if TYPE_CHECKING:
    from isoflop.runs.table import Runs

SCHEMA = "isoflop.ladder/1"
_HINT = "the folder of a ladder holds a ladder.json; `isoflop ladder plan` makes one"


class Store:
    """A ladder on disk. Any number of processes may open one folder and work on it.

    Parameters
    ----------
    folder : as `create` made it.

    Raises
    ------
    FileError : no ladder there, or one that this version cannot read; the message names the file.
    """

    def __init__(self, folder: PathLike) -> None:
        self.folder = Path(folder)
        stored = read_json(self.folder / "ladder.json", _HINT)
        self.rungs, self.corpora, self.name = _ladder(stored, self.folder)
        self.jobs = jobs_of(self.rungs)
        self._job_of = {rung.id: job for job in self.jobs for rung in job.rungs}

    @classmethod
    def open(cls, folder: PathLike) -> Store:
        """The ladder in this folder; as ``Store(folder)``."""
        return cls(folder)

    @classmethod
    def create(
        cls, folder: PathLike, rungs: Iterable[Rung], corpora: Mapping[str, PathLike] | None = None, name: str = ""
    ) -> Store:
        """A new ladder, or the one that is there with these rungs added to it.

        Parameters
        ----------
        rungs : each is kept once.
        corpora : for each name that a rung gives as its corpus, the folder of its tokens.
        name : of the study, for people.

        Raises
        ------
        RunsError : no rung, or two different rungs with one id. FileError : the folder may not be written.
        """
        place = Path(folder)
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(f"cannot make the folder {place}: {error.strerror}") from None
        with claims.claim(place / "claims" / "ladder.json.lock", patience=30.0):
            known = cls(place) if (place / "ladder.json").exists() else None
            chosen = {rung.id: rung for rung in (known.rungs if known else ())}
            for rung in rungs:
                other = chosen.setdefault(rung.id, rung)
                if other.to_dict() != rung.to_dict():
                    raise RunsError(
                        f"two different rungs are both called {rung.id} ({_difference(other, rung)}); "
                        "keep one, or set their tokens or seeds further apart"
                    )
            if not chosen:
                raise RunsError("a ladder needs at least one rung")
            places = {**(known.corpora if known else {}), **{key: str(path) for key, path in (corpora or {}).items()}}
            write_json(
                place / "ladder.json",
                {
                    "schema": SCHEMA,
                    "name": name or (known.name if known else place.resolve().name),
                    "corpora": places,
                    "rungs": [{"id": identifier, **rung.to_dict()} for identifier, rung in chosen.items()],
                },
            )
        return cls(place)

    # ---- what there is ----

    def record_of(self, rung: Rung) -> Record:
        """The record of a rung, `planned` where nobody began it; `interrupted` where the process that ran it is gone.

        Raises
        ------
        FileError : the record is damaged or belongs to another rung.
        """
        record = read_record(self._record_path(rung), rung)
        if record is None:
            return self._planned(rung)
        if record.status == "running" and self.owner(self._job_of[rung.id]) is None:
            again = read_record(self._record_path(rung), rung) or record  # it may have ended between the two looks
            return replace(again, status="interrupted") if again.status == "running" else again
        return record

    def records(self) -> tuple[Record, ...]:
        """The record of every rung, in the order of the ladder."""
        return tuple(self.record_of(rung) for rung in self.rungs)

    def unfinished(self, job: Job) -> tuple[Rung, ...]:
        """The rungs of a job that must still be trained."""
        return tuple(rung for rung in job.rungs if not self.record_of(rung).finished)

    def pending(self) -> tuple[Job, ...]:
        """The jobs with a rung to train, dearest first; whether or not somebody is at work on them."""
        return tuple(job for job in self.jobs if self.unfinished(job))

    def job(self, identifier: str) -> Job:
        """The job of this id.

        Raises
        ------
        RunsError : there is none.
        """
        for job in self.jobs:
            if job.id == identifier:
                return job
        raise RunsError(f"{self.folder} has no job {identifier!r}; its jobs are {', '.join(j.id for j in self.jobs)}")

    def curve(self, rung: Rung) -> dict[str, Any]:
        """The loss curve of a finished rung; columns as in `Outcome`.

        Raises
        ------
        FileError : there is none yet, or it is damaged.
        """
        return curve_files.unpack(self._curve_path(rung))

    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes of the rungs that are done or diverged, with their curves, in the order of the ladder."""
        return tuple(record.outcome(self.curve(record.rung)) for record in self.records() if record.status in FINISHED)

    def runs(self, roles: Iterable[str] = (), corpus: str = "") -> Runs:
        """The finished rungs as a table for the fit; `isoflop.ladder.table.runs_of` says which columns."""
        from isoflop.ladder.table import runs_of

        return runs_of(self, tuple(roles), corpus)

    def corpus_folder(self, name: str) -> Path:
        """Where the tokens of this corpus lie; a relative path is taken from the study's folder.

        Raises
        ------
        RunsError : ladder.json does not say.
        """
        if name not in self.corpora:
            listed = ", ".join(self.corpora) or "none"
            raise RunsError(f"{self.folder / 'ladder.json'} does not say where corpus {name!r} lies; it knows {listed}")
        return self.folder / self.corpora[name]

    # ---- working on a job ----

    def owner(self, job: Job) -> claims.Owner | None:
        """The process at work on a job; None where there is none."""
        return claims.holder(self._claim_path(job))

    @contextmanager
    def claim(self, job: Job) -> Iterator[claims.Owner]:
        """Hold a job while the block runs; freed at once when the process dies, even by kill -9.

        Raises
        ------
        isoflop.ladder.claims.Claimed : another process holds it.
        """
        with claims.claim(self._claim_path(job)) as owner:
            yield owner

    def keeper(self, job: Job, *, writes: bool = True) -> CheckpointFolder:
        """Where the job's half-trained state is kept; a `Keeper`."""

        def finished() -> frozenset[str]:
            return frozenset(rung.id for rung in job.rungs if self.record_of(rung).finished)

        return CheckpointFolder(self.folder / "checkpoints" / job.id, finished, writes=writes)

    def begin(self, job: Job, run: str = "", **known: Any) -> None:
        """Record the job's unfinished rungs as running; `known` are fields of `Record`. The caller holds the claim."""
        for rung in self.unfinished(job):
            for path in (self._record_path(rung), self._curve_path(rung)):
                sweep(path)
            before = self.record_of(rung)
            attempts = 1 + (before.attempts if before.run == run else 0)
            begun = replace(self._planned(rung), status="running", run=run, attempts=attempts, started=time.time())
            self._write(replace(begun, code=provenance.code(), **known))

    def record(self, outcome: Outcome) -> Record:
        """Write the curve, then the record of a rung that is done or diverged.

        Raises
        ------
        FileError : the disk is full or the folder may not be written: the rung then counts as not done.
        """
        rung = outcome.rung
        assert outcome.status in FINISHED, outcome.status
        begun = read_record(self._record_path(rung), rung) or self._planned(rung)
        write_bytes(self._made(self._curve_path(rung)), curve_files.pack(outcome.curve))
        record = replace(begun, **summary_of(outcome), ended=time.time(), error="")
        self._write(record)
        return record

    def fail(self, job: Job, error: str) -> None:
        """Record the job's unfinished rungs as failed, with one line that says why."""
        for rung in self.unfinished(job):
            begun = read_record(self._record_path(rung), rung) or self._planned(rung)
            self._write(replace(begun, status="failed", error=" ".join(error.split()), ended=time.time()))

    def note(self, progress: Progress) -> None:
        """Keep the last line of progress for whoever looks; never fails."""
        with suppress(FileError, OSError):
            path = self._made(self._progress_path(progress.job))
            beside = path.with_suffix(f".{os.getpid()}")
            beside.write_text(json.dumps({**vars(progress), "time": time.time()}))  # not worth a flush to the disk
            beside.replace(path)

    def progress(self, job: Job) -> tuple[Progress, float] | None:
        """The last line of progress of a job and when it was written; None where there is none."""
        try:
            stored = read_json(self._progress_path(job.id))
            moment = float(stored.pop("time"))
            return Progress(**stored), moment
        except (FileError, TypeError, KeyError, ValueError):
            return None

    # ---- places ----

    def _planned(self, rung: Rung) -> Record:
        return Record(
            rung,
            self._job_of[rung.id].id,
            parameters=parameter_groups(rung.shape),
            flops_per_token=flops_per_token(rung.shape),
        )

    def _write(self, record: Record) -> None:
        write_record(self._made(self._record_path(record.rung)), record)

    def _record_path(self, rung: Rung) -> Path:
        return self.folder / "rungs" / f"{rung.id}.json"

    def _curve_path(self, rung: Rung) -> Path:
        return self.folder / "curves" / f"{rung.id}.parquet"

    def _claim_path(self, job: Job) -> Path:
        return self.folder / "claims" / f"{job.id}.lock"

    def _progress_path(self, job: str) -> Path:
        return self.folder / "progress" / f"{job}.json"

    def _made(self, path: Path) -> Path:
        """The path, its folder made if it is not there."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(f"cannot make the folder {path.parent}: {error.strerror}") from None
        return path


def sweep(path: Path) -> None:
    """Remove what killed writers of this file left unfinished beside it; only for who holds the claim."""
    for unfinished in path.parent.glob(f".{path.name}.*"):
        unfinished.unlink(missing_ok=True)


def _ladder(stored: Mapping[str, Any], folder: Path) -> tuple[tuple[Rung, ...], dict[str, str], str]:
    """The rungs, corpora and name of a ladder.json."""
    path = folder / "ladder.json"
    if stored.get("schema") != SCHEMA:
        raise FileError(
            f"{path} is no ladder that this version reads: schema {stored.get('schema')!r}, wanted {SCHEMA!r}"
        )
    rungs = []
    for number, described in enumerate(stored.get("rungs") or (), 1):
        try:
            rung = Rung.from_dict({key: value for key, value in described.items() if key != "id"})
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise FileError(f"{path}, rung {number}: {' '.join(str(error).split())}") from None
        if described.get("id") != rung.id:
            raise FileError(
                f"{path}, rung {number}: called {described.get('id')!r}, but its config makes {rung.id!r}; "
                "the file was changed by hand or written by another version"
            )
        rungs.append(rung)
    if not rungs:
        raise FileError(f"{path} has no rungs; `isoflop ladder plan` makes them")
    corpora = {str(name): str(place) for name, place in (stored.get("corpora") or {}).items()}
    return tuple(rungs), corpora, str(stored.get("name") or folder.resolve().name)


def _difference(one: Rung, other: Rung) -> str:
    mine, theirs = one.to_dict(), other.to_dict()
    return ", ".join(f"{name} {mine[name]} and {theirs[name]}" for name in mine if mine[name] != theirs[name])
