"""Study: what came out of one turn of the cycle: the rungs, the fit, the forecast against the truth, the next plan."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from isoflop.files import PathLike, write_json
from isoflop.fitting.profiles import Profiles
from isoflop.fitting.result import Fit, FitError
from isoflop.ladder.ladder_status import LadderStatus
from isoflop.ladder.records import plain
from isoflop.planning.plan import Plan, plan
from isoflop.presented import Presented
from isoflop.runs.notices import Notice, RunsError
from isoflop.study.held_out_forecast import HeldOutForecast, HeldOutPoint
from isoflop.study.setup import StudySetup

SCHEMA, SCHEMA_VERSION = "isoflop.study", 1
_NAN = float("nan")


@dataclass(frozen=True)
class Verdict:
    """A forecast against what came out.

    Attributes
    ----------
    point : the forecast. truth : the loss that came out, nan while the rung is not trained (or diverged).
    """

    point: HeldOutPoint
    truth: float

    @property
    def relative_error(self) -> float:
        """Forecast over truth - 1."""
        return self.point.value / self.truth - 1.0

    @property
    def inside(self) -> bool | None:
        """Did the truth fall into the interval of one new run? None where either is not known."""
        if not (math.isfinite(self.truth) and math.isfinite(self.point.new_low)):
            return None
        return self.point.new_low <= self.truth <= self.point.new_high


@dataclass(frozen=True, eq=False)
class Study(Presented):
    """One turn of the cycle.

    Attributes
    ----------
    name, folder : of the study. setup : what it was asked to do.
    status : every rung with its loss and cost. learning_rate : of all rungs, at the base width, as it was chosen.
    fit : the law on the rungs that were not held out; the forecast was made from it.
    forecast : of the rungs held out, written before they were trained. truth : {rung: loss} of those that are done.
    whole : the law on all rungs; the plan is made from it.
    profiles : isoFLOP profiles of the ladder's rungs, where they have two usable budgets.
    warnings : coded, with what to do.
    """

    name: str
    folder: str
    setup: StudySetup
    status: LadderStatus
    learning_rate: float
    fit: Fit
    forecast: HeldOutForecast
    truth: Mapping[str, float]
    whole: Fit
    profiles: Profiles | None
    warnings: tuple[Notice, ...] = ()

    def __repr__(self) -> str:
        errors = ", ".join(f"{100 * each.relative_error:+.2f} %" for each in self.verdicts)
        return f"<Study {self.name}: {len(self.fit.runs)} rungs fitted, {len(self.verdicts)} held out; errors {errors}>"

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Each forecast against its truth, the largest rung last."""
        found = [Verdict(point, self.truth.get(point.rung, _NAN)) for point in self.forecast.points]
        return tuple(sorted(found, key=lambda each: each.point.flops))

    @cached_property
    def plan(self) -> Plan:
        """The compute-optimal split of the largest budget so far, and of the next one."""
        largest = float((6.0 * self.whole.runs["N"] * self.whole.runs["D"]).max())
        return plan(self.whole, [largest, self.setup.step_up * largest])

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping with a schema version; nan becomes null."""
        described = {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "name": self.name,
            "folder": self.folder,
            "setup": self.setup.to_dict(),
            "learning_rate": self.learning_rate,
            "held_out": self.held_out_rows(),
            "plan": self.plan.to_dict(),
            "status": self.status.to_dict(),
            "forecast": self.forecast.to_dict(),
            "fit": self.fit.to_dict(),
            "whole": self.whole.to_dict(),
            "profiles": self.profiles.to_dict() if self.profiles else None,
            "warnings": [notice.to_dict() for notice in self.warnings],
        }
        ready: dict[str, Any] = plain(described)
        return ready

    def held_out_rows(self) -> list[dict[str, Any]]:
        """Forecast, truth, relative error and whether the interval held it, as plain values."""
        return [
            {
                "rung": each.point.rung,
                "N": each.point.N,
                "D": each.point.D,
                "flops": each.point.flops,
                "forecast": {"value": each.point.value, "low": each.point.mean_low, "high": each.point.mean_high},
                "new_run": {"low": each.point.new_low, "high": each.point.new_high},
                "extrapolation": each.point.reach,
                "truth": each.truth,
                "relative_error": each.relative_error,
                "inside": each.inside,
            }
            for each in self.verdicts
        ]

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Study:
        """The inverse of `to_dict`.

        Raises
        ------
        RunsError : no study, or one written by another version, or damaged.
        """
        found = stored.get("schema"), stored.get("schema_version")
        if found != (SCHEMA, SCHEMA_VERSION):
            raise RunsError(f"not a study that this version reads: found {found[0]!r} {found[1]!r}")
        try:
            return cls(
                stored["name"],
                stored["folder"],
                StudySetup.from_dict(stored["setup"]),
                LadderStatus.from_dict(stored["status"]),
                _number(stored["learning_rate"]),
                Fit.from_dict(stored["fit"]),
                HeldOutForecast.from_dict(stored["forecast"]),
                {row["rung"]: row["truth"] for row in stored["held_out"] if row["truth"] is not None},
                Fit.from_dict(stored["whole"]),
                Profiles.from_dict(stored["profiles"]) if stored["profiles"] else None,
                tuple(Notice.from_dict(notice) for notice in stored["warnings"]),
            )
        except (KeyError, TypeError, AttributeError, FitError) as error:
            raise RunsError(f"the study is damaged: {type(error).__name__} {error}; run it again") from None

    def save(self, path: PathLike) -> None:
        """Write as JSON; `isoflop report` shows it again."""
        write_json(path, self.to_dict())


def _number(value: float | None) -> float:
    return _NAN if value is None else float(value)
