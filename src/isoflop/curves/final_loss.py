"""forecast_curve(): the final loss of a run that is under way, with an interval."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.curves.curve import Curve, CurveError
from isoflop.curves.own_curve import RESOLUTION, WIDTH_95, ModelForecast, OwnForecast, own_forecast
from isoflop.curves.schedule_fit import ScheduleFit
from isoflop.curves.siblings import SiblingForecast, sibling_forecast
from isoflop.curves.watch import Alarm, watch
from isoflop.files import write_json
from isoflop.fitting.result import Estimate
from isoflop.presented import Presented
from isoflop.runs import Notice

Array = NDArray[np.float64]

SCHEMA_VERSION = 1
_EARLY = 0.1  # of a run: less is visible, and little can be said


@dataclass(frozen=True, eq=False, repr=False)
class CurveForecast(Presented):
    """The final loss of a run that is under way.

    Attributes
    ----------
    curve : the visible part. total : where the run ends. level : of the interval.
    final : the forecast with its interval; `se` is nan, the interval is a quantile and no multiple of it.
    method : ``schedule law``, ``siblings`` or ``own curve``.
    models : what each curve model says from the visible part, with its back-test error.
    siblings : the forecast from finished runs, or None.
    steps, path : (m,), the curve from the visible end to the total.
    alarms : of the visible part. warnings : coded notices.
    """

    curve: Curve
    total: float
    level: float
    final: Estimate
    method: str
    models: tuple[ModelForecast, ...]
    siblings: SiblingForecast | None
    steps: Array
    path: Array
    alarms: tuple[Alarm, ...] = ()
    warnings: tuple[Notice, ...] = ()

    def __repr__(self) -> str:
        return (
            f"<CurveForecast at {self.visible:.0%} of the run: {self.final.value:.4g} "
            f"({self.final.low:.4g} to {self.final.high:.4g}) at {self.curve.unit} {self.total:g} by {self.method}>"
        )

    @property
    def visible(self) -> float:
        """The share of the run that is visible."""
        return float(self.curve.steps[-1] / self.total)

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping with a schema version."""
        return {
            "schema": "isoflop.curve_forecast",
            "schema_version": SCHEMA_VERSION,
            "total": self.total,
            "visible": self.visible,
            "level": self.level,
            "final": self.final.to_dict(),
            "method": self.method,
            "models": [asdict(each) for each in self.models],
            "siblings": None if self.siblings is None else asdict(self.siblings),
            "steps": self.steps.tolist(),
            "path": self.path.tolist(),
            "alarms": [each.to_dict() for each in self.alarms],
            "warnings": [each.to_dict() for each in self.warnings],
            "curve": self.curve.to_dict(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> CurveForecast:
        """The inverse of `to_dict`.

        Raises
        ------
        CurveError : no such forecast, or one written by a newer isoflop.
        """
        if stored.get("schema") != "isoflop.curve_forecast" or stored.get("schema_version") != SCHEMA_VERSION:
            raise CurveError("this is no forecast of a curve that this isoflop reads; make one with `isoflop curve`")
        final = {name: _number(value) for name, value in stored["final"].items()}
        models = [
            ModelForecast(each["model"], each["formula"], each["final"], _number(each["back_test"]))
            for each in stored["models"]
        ]
        return cls(
            curve=Curve.from_dict(stored["curve"]),
            total=stored["total"],
            level=stored["level"],
            final=Estimate(**final),
            method=stored["method"],
            models=tuple(models),
            siblings=None if stored["siblings"] is None else SiblingForecast(**stored["siblings"]),
            steps=np.asarray(stored["steps"], dtype=np.float64),
            path=np.asarray(stored["path"], dtype=np.float64),
            alarms=tuple(Alarm(**each) for each in stored["alarms"]),
            warnings=tuple(Notice.from_dict(each) for each in stored["warnings"]),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write as JSON, whole or not at all."""
        write_json(path, self.to_dict())


def forecast_curve(
    curve: Curve,
    total: float | None = None,
    *,
    siblings: Sequence[Curve] = (),
    laws: ScheduleFit | None = None,
    level: float = 0.95,
) -> CurveForecast:
    """The final loss of a run from its visible part, and from what else is known.

    Laws of schedules decide where they are given and the run's learning rates are known up to its end: the law's last
    loss, moved by how far the visible part lies off the law. Else finished siblings do, three groups of them at least:
    see `isoflop.curves.siblings`. Else the median of the curve models: see `isoflop.curves.own_curve`; these know
    nothing of a learning rate that is still to fall, and then forecast too high.

    Parameters
    ----------
    curve : the visible part. total : where the run ends, in the curve's units; default the curve's own total.
    siblings : finished runs of the same kind; the runs of one `group` count as one.
    laws : from `fit_schedules` on other runs of the same model. level : of the interval.

    Raises
    ------
    CurveError : the end is unknown or lies before the last step, too few losses, a run without a number at its end.

    >>> from isoflop.curves.curve import curve
    >>> steps = np.arange(1, 51) * 20.0
    >>> round(forecast_curve(curve(steps, 2 + 5 * steps**-0.4), total=4000).final.value, 2)
    2.18
    """
    end = float(curve.total if total is None else total)
    if not np.isfinite(end):
        raise CurveError("where the run ends is unknown; give total=..., in the curve's steps (--total STEPS)")
    if end < curve.steps[-1]:
        raise CurveError(f"total is {end:g} {curve.unit}, but the curve goes to {curve.steps[-1]:g} already")
    if not 0 < level < 1:
        raise CurveError(f"level must lie between 0 and 1, found {level:g}")
    if not np.isfinite(curve.loss[-1]):
        raise CurveError(
            f"the last loss, at {curve.unit} {curve.steps[-1]:g}, is not a number; cut the run before it to forecast"
        )
    by_siblings = sibling_forecast(curve, end, siblings, level) if siblings else None
    own, refused = _own(curve, end)
    notices = _notices(curve, end, siblings, by_siblings, own, laws is not None)
    by_laws = _by_laws(curve, end, laws, level) if laws is not None else None
    if by_laws is not None:
        value, half, method = *by_laws, "schedule law"
    elif by_siblings is not None:
        value, half, method = by_siblings.log_final, by_siblings.half_width, "siblings"
    elif own is not None:
        value, half, method = own.log_final, _half(own, level), "own curve"
    else:
        raise refused or CurveError("there is nothing to forecast from")
    low, high = float(np.exp(value - half)), float(np.exp(value + half))
    if low <= RESOLUTION * np.nanmax(curve.loss):
        low = 0.0
    final = Estimate(float(np.exp(value)), float("nan"), low, high)
    steps, path = _path(curve, end, own, value)
    alarms = watch(curve, end).alarms
    if any(each.kind == "divergence" for each in alarms):
        message = "the run diverges, which no forecast here describes; this one says nothing"
        notices.insert(0, Notice("diverged", message, hint="cut the curve before the divergence (--until STEP)"))
    return CurveForecast(
        curve, end, level, final, method, own.models if own else (), by_siblings, steps, path,
        alarms, tuple(notices),
    )  # fmt: skip


def _own(curve: Curve, end: float) -> tuple[OwnForecast | None, CurveError | None]:
    try:
        return own_forecast(curve, end), None
    except CurveError as error:
        return None, error


def _by_laws(curve: Curve, end: float, laws: ScheduleFit, level: float) -> tuple[float, float]:
    """(log final, half width): the law's, moved by the median residual of the later third of the visible points."""
    if curve.rates is None or curve.rates.size < end:
        known = 0 if curve.rates is None else curve.rates.size
        raise CurveError(
            f"laws of schedules need the learning rate of every step up to {end:g}; {known} are known: give rates=... "
            "(--schedule)"
        )
    rates = curve.rates[: int(end) + 1]
    made = laws.forecast(rates, level=level)
    seen = curve.finite
    there = np.minimum(seen.steps.astype(np.intp), rates.size - 1)
    late = slice(-max(1, len(seen) // 3), None)
    off = float(np.median(np.log(seen.loss[late]) - np.log(made.loss[0][there[late]])))
    value, low, high = made.final[0]
    return float(np.log(value)) + off, 0.5 * float(np.log(high / low))


def _number(stored: float | None) -> float:
    return float("nan") if stored is None else stored


def _half(own: OwnForecast, level: float) -> float:
    from scipy.stats import norm

    return WIDTH_95 * own.spread * float(norm.ppf(0.5 + level / 2) / norm.ppf(0.975))


def _path(curve: Curve, end: float, own: OwnForecast | None, value: float) -> tuple[Array, Array]:
    """The curve from the visible end to the forecast: the models', bent in log steps to end at the forecast."""
    last = max(float(curve.loss[-1]), RESOLUTION * float(np.nanmax(curve.loss)))
    if own is not None:
        steps, path = own.steps, own.path
    else:
        steps = np.geomspace(curve.steps[-1], end, 24) if curve.steps[-1] > 0 else np.array([end])
        path = np.full(steps.size, last)
    if steps.size < 2:
        return steps, np.array([np.exp(value)])
    share = np.log(steps / steps[0]) / np.log(steps[-1] / steps[0])
    bent = np.log(path) + share * (value - np.log(path[-1])) + (1 - share) * (np.log(last) - np.log(path[0]))
    return steps, np.asarray(np.exp(bent))


def _notices(
    curve: Curve, end: float, siblings: Sequence[Curve], by_siblings: SiblingForecast | None, own: OwnForecast | None,
    by_laws: bool,
) -> list[Notice]:  # fmt: skip
    notices = [each for each in curve.notices if by_laws or each.code != "rates_interpolated"]
    visible = float(curve.steps[-1]) / end
    if visible < _EARLY:
        message = f"only {visible:.1%} of the run is visible"
        notices.append(Notice("early", message, hint="little can be said before a tenth"))
    if siblings and by_siblings is None:
        message = f"the {len(siblings)} siblings were not used: fewer than 3 groups finished and cover this point"
        notices.append(Notice("siblings_unused", message, hint="give finished runs with their totals"))
    if by_siblings is not None and by_siblings.reached < by_siblings.level:
        message = f"{by_siblings.groups} groups of siblings give {by_siblings.reached:.0%} by themselves"
        hint = f"the interval is widened to {by_siblings.level:.0%} as for a normal distribution; 19 groups give 95 %"
        notices.append(Notice("few_siblings", message, hint=hint))
    if by_siblings is not None and own is not None:
        apart = abs(own.log_final - by_siblings.log_final)
        if apart > _half(own, by_siblings.level) + by_siblings.half_width:
            message = f"this run's own curve points to {np.exp(own.log_final):.4g}, the siblings elsewhere"
            notices.append(Notice("unlike_siblings", message, hint="were the siblings trained on the same schedule?"))
    if by_siblings is None and not by_laws and curve.unit != "examples":
        message = "the curve alone does not say whether the learning rate still falls; if it does, the run ends lower"
        notices.append(Notice("schedule_unknown", message, hint="give finished siblings, or fit a law of schedules"))
    return notices
