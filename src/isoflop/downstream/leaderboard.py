"""leaderboard(): an observational law for every task of a table, each told from the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from isoflop.downstream.observational import observational
from isoflop.downstream.observational_law import Observational
from isoflop.downstream.task import ScoresError, TaskScores
from isoflop.files import write_json
from isoflop.presented import Presented
from isoflop.runs import Notice

SCHEMA_VERSION = 1


@dataclass(frozen=True, eq=False, repr=False)
class Leaderboard(Presented):
    """The observational laws of a table's tasks.

    Attributes
    ----------
    scores : the table. laws : one for each task that could be fitted. refused : {task: why it could not}.
    warnings : coded notices.
    """

    scores: TaskScores
    laws: tuple[Observational, ...]
    refused: dict[str, str]
    warnings: tuple[Notice, ...] = ()

    def __repr__(self) -> str:
        return f"<Leaderboard of {len(self.scores)} models: {len(self.laws)} laws, {len(self.refused)} refused>"

    def __getitem__(self, task: str) -> Observational:
        """The law of a task.

        Raises
        ------
        ScoresError : there is none, and why.
        """
        for each in self.laws:
            if each.target.name == task:
                return each
        raise ScoresError(f"there is no law of {task}: {self.refused.get(task, 'no such task')}")

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping."""
        return {
            "schema": "isoflop.leaderboard",
            "schema_version": SCHEMA_VERSION,
            "scores": self.scores.to_dict(),
            "options": dict(self.laws[0].options),
            "laws": [{k: v for k, v in each.to_dict().items() if k not in ("scores", "options")} for each in self.laws],
            "refused": self.refused,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Leaderboard:
        """The laws again, from the table, the options and the seed that stored ones were made with."""
        options = {name: value for name, value in stored["options"].items() if name != "capabilities"}
        return leaderboard(TaskScores.from_dict(stored["scores"]), **options)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write as JSON."""
        write_json(path, self.to_dict())


def leaderboard(
    scores: TaskScores,
    *,
    limit: float | None = None,
    progress: Callable[[int], None] | None = None,
    **options: Any,
) -> Leaderboard:
    """Fit an observational law of every task from the other tasks; `options` as of `observational`.

    Raises
    ------
    ScoresError : no task could be fitted.
    """
    laws, refused = [], {}
    for task in scores.task_names:
        try:
            laws.append(observational(scores, task, limit=limit, **options))
        except ScoresError as error:
            refused[task] = str(error)
        if progress is not None:
            progress(1)
    if not laws:
        raise ScoresError(f"no task could be fitted; {next(iter(refused.values()), 'the table has no tasks')}")
    shared = {notice.code: notice for each in laws for notice in each.warnings if notice.code == "compute_unknown"}
    told = [Notice("not_fitted", f"{task}: {why}") for task, why in refused.items()]
    return Leaderboard(scores, tuple(laws), refused, (*shared.values(), *told))
