"""watch(): alarms of a run in progress: losses that are no numbers, spikes, divergence, a plateau."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.curves.curve import Curve, CurveError
from isoflop.files import write_json
from isoflop.presented import Presented

Array = NDArray[np.float64]

SCHEMA_VERSION = 1
_BEFORE = 12  # points that say what is usual
_LEAST_BEFORE = 4
_RISES = 6.0  # times the rise that one step in five exceeds: some 7 standard deviations of white noise
_SPIKE = 0.10  # of log loss: no smaller rise is a spike, however quiet the curve
_DIVERGED = 0.05
_LASTS = 3  # points in a row above everything before
_WINDOW = 0.5  # of the visible points tell a plateau, the later ones
_LEAST_WINDOW = 12


@dataclass(frozen=True)
class Alarm:
    """One thing wrong with a run.

    Attributes
    ----------
    kind : ``not_a_number``, ``spike``, ``divergence`` or ``plateau``.
    step, row : where it was seen, the row 0 where unknown. message : one sentence.
    probability : that it is so, by the run's own noise (1 where no estimate is needed).
    """

    kind: str
    step: float
    row: int
    message: str
    probability: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping."""
        return asdict(self)


@dataclass(frozen=True, eq=False, repr=False)
class CurveWatch(Presented):
    """What watching a run found.

    Attributes
    ----------
    curve : that was watched. alarms : in order of steps; none for a run that goes well.
    plateau : the probability that the rest of the run gains less than `tolerance` (nan: too short to say).
    gain : the share of the loss that the rest is expected to gain if it goes on as in its later half.
    tolerance : the gain below which going on is called a plateau.
    """

    curve: Curve
    alarms: tuple[Alarm, ...]
    plateau: float
    gain: float
    tolerance: float

    def __repr__(self) -> str:
        kinds = ", ".join(f"{each.kind} at {each.step:g}" for each in self.alarms) or "no alarm"
        return f"<CurveWatch of {len(self.curve)} points: {kinds}>"

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping with a schema version."""
        return {
            "schema": "isoflop.curve_watch",
            "schema_version": SCHEMA_VERSION,
            "alarms": [each.to_dict() for each in self.alarms],
            "plateau": self.plateau if np.isfinite(self.plateau) else None,
            "gain": self.gain if np.isfinite(self.gain) else None,
            "tolerance": self.tolerance,
            "curve": self.curve.to_dict(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> CurveWatch:
        """The inverse of `to_dict`.

        Raises
        ------
        CurveError : no watch, or one written by a newer isoflop.
        """
        if stored.get("schema") != "isoflop.curve_watch" or stored.get("schema_version") != SCHEMA_VERSION:
            raise CurveError("this is no watch that this isoflop reads; make one with `isoflop curve FILE --watch`")
        plateau, gain = (np.nan if stored[name] is None else float(stored[name]) for name in ("plateau", "gain"))
        alarms = tuple(Alarm(**each) for each in stored["alarms"])
        return cls(Curve.from_dict(stored["curve"]), alarms, plateau, gain, stored["tolerance"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write as JSON, whole or not at all."""
        write_json(path, self.to_dict())


def watch(curve: Curve, total: float | None = None, *, tolerance: float = 0.002) -> CurveWatch:
    """Alarms of a run, by its own noise and in shares of its loss; a run that only falls raises none.

    Parameters
    ----------
    curve : so far. total : where it ends; default the curve's own total, else twice the last step.
    tolerance : the share of the loss that the rest of the run must still gain not to be called a plateau.

    Raises
    ------
    CurveError : a tolerance that is not positive.

    >>> from isoflop.curves.curve import curve
    >>> [each.kind for each in watch(curve(range(1, 9), [4, 3.6, 3.4, 3.3, 3.2, 3.15, 5.9, float("nan")])).alarms]
    ['spike', 'not_a_number']
    """
    if not (np.isfinite(tolerance) and tolerance > 0):
        raise CurveError(f"tolerance must be positive, found {tolerance:g}; 0.002 stands for 0.2 % of the loss")
    alarms = [*_not_numbers(curve), *_spikes(curve), *_divergence(curve)]
    stuck = {each.kind for each in alarms} & {"divergence"}
    end = total if total is not None else curve.total
    probability, gain, last = _plateau(curve, end, tolerance)
    if probability >= 0.95 and not stuck:
        message = (
            f"the loss stands still: the rest of the run gains less than {100 * tolerance:g} % with probability "
            f"{probability:.0%} if it goes on as in its later half; a learning rate that falls later may still lower it"
        )
        alarms.append(Alarm("plateau", last, _row(curve, len(curve) - 1), message, probability))
    return CurveWatch(curve, tuple(sorted(alarms, key=lambda each: each.step)), probability, gain, tolerance)


def _row(curve: Curve, index: int) -> int:
    return int(curve.rows[index]) if curve.rows.size else 0


def _not_numbers(curve: Curve) -> list[Alarm]:
    bad = np.flatnonzero(~np.isfinite(curve.loss))
    if not bad.size:
        return []
    first = int(bad[0])
    more = f", and at {bad.size - 1} more" if bad.size > 1 else ""
    message = f"the loss is not a number at {curve.unit} {curve.steps[first]:g}{more}"
    return [Alarm("not_a_number", float(curve.steps[first]), _row(curve, first), message)]


def _spikes(curve: Curve) -> list[Alarm]:
    """Each first point that lies far above what the points before it made usual."""
    index = np.flatnonzero(np.isfinite(curve.loss) & (curve.loss > 0))
    logs = np.log(curve.loss[index])
    alarms: list[Alarm] = []
    calm = True
    for k in range(_LEAST_BEFORE, index.size):
        before = logs[max(0, k - _BEFORE) : k]
        usual = float(np.median(before))
        rise = logs[k] - max(usual, float(before[-1]) if calm else usual)
        high = rise > max(_SPIKE, _usual_rise(before))
        if high and calm:
            step = float(curve.steps[index[k]])
            message = f"the loss jumps by {np.expm1(rise):.0%} to {curve.loss[index[k]]:.4g} at {curve.unit} {step:g}"
            alarms.append(Alarm("spike", step, _row(curve, int(index[k])), message))
        calm = not high
    return alarms


def _usual_rise(before: Array) -> float:
    """How far a point may lie above those before it by noise alone; falls say nothing."""
    return _RISES * float(np.quantile(np.maximum(np.diff(before), 0.0), 0.8)) if before.size > 1 else 0.0


def _divergence(curve: Curve) -> list[Alarm]:
    """The last points all lie clearly above the best, and do not come back."""
    index = np.flatnonzero(np.isfinite(curve.loss) & (curve.loss > 0))
    if index.size < _LEAST_BEFORE + _LASTS:
        return []
    logs = np.log(curve.loss[index])
    best = int(np.argmin(logs))
    after = logs[best + 1 :]
    margin = max(_DIVERGED, _usual_rise(logs[max(0, best - _BEFORE) : best + 1]))
    above = after > logs[best] + margin
    run = int(np.argmin(above[::-1])) if not above.all() else above.size
    if run < _LASTS or after[-1] < float(np.median(after[-run:])) - 0.5 * (float(after.max()) - logs[best]):
        return []
    where = int(index[index.size - run])
    message = (
        f"the loss has been above its best of {np.exp(logs[best]):.4g} by {np.expm1(after[-1] - logs[best]):.0%} and "
        f"more since {curve.unit} {curve.steps[where]:g}: the run diverges"
    )
    return [Alarm("divergence", float(curve.steps[where]), _row(curve, where), message)]


def _plateau(curve: Curve, total: float, tolerance: float) -> tuple[float, float, float]:
    """(probability, expected gain, last step): a line of log loss in log steps through the later half of the points."""
    from scipy.stats import t as student

    seen = np.isfinite(curve.loss) & (curve.loss > 0) & (curve.steps > 0)
    x, y = curve.steps[seen], curve.loss[seen]
    last = float(x[-1]) if x.size else float("nan")
    use = max(_LEAST_WINDOW, int(np.ceil(_WINDOW * x.size)))
    if x.size < use or (np.isfinite(total) and total <= 1.02 * last):
        return float("nan"), float("nan"), last
    z, logs = np.log(x[-use:]), np.log(y[-use:])
    ahead = np.log(total / last) if np.isfinite(total) else np.log(2.0)
    centred = z - z.mean()
    slope = float(centred @ logs / (centred @ centred))
    off = logs - logs.mean() - slope * centred
    alike = float(np.clip(off[1:] @ off[:-1] / max(float(off @ off), 1e-300), 0.0, 0.95))
    independent = max(3.0, use * (1 - alike) / (1 + alike))
    sd = np.sqrt(float(off @ off) / max(use - 2, 1) / float(centred @ centred) * use / independent)
    gain = -slope * ahead
    if sd <= 1e-12:
        return float(gain < tolerance), float(-np.expm1(-gain)), last
    return float(student.cdf((tolerance - gain) / (sd * ahead), independent - 2)), float(-np.expm1(-gain)), last
