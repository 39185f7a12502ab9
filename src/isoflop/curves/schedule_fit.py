"""fit_schedules(): laws of schedules estimated on one or two curves, which forecast the loss under any other."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoflop.curves.curve import Curve, CurveError
from isoflop.curves.sampled import Sampled, sampled
from isoflop.curves.schedule_backtest import back_test, drift_of, moves, weights_of
from isoflop.curves.schedule_forecast import ScheduleForecast, forecast_schedules
from isoflop.curves.schedule_laws import ScheduleLaw, schedule_law, schedule_laws
from isoflop.curves.schedule_solver import Optimum, optimum
from isoflop.files import write_json
from isoflop.fitting.result import Estimate
from isoflop.presented import Presented
from isoflop.runs import Notice

Array = NDArray[np.float64]

SCHEMA_VERSION = 1
BOTH = "both"


@dataclass(frozen=True, eq=False)
class LawFit:
    """One law of schedules estimated on curves.

    Attributes
    ----------
    law : id, see `isoflop.curves.schedule_laws`.
    values : {parameter: value}; held : those that were not fitted.
    draws : (B, P), values on resampled residuals, in the order of `values`.
    variants : the values under other defensible ways to fit: every shape free, late steps weighing more.
    residual : the robust spread of the residuals of log loss. objective : the minimum.
    starts, agree : polished starts, and how many reached the optimum.
    """

    law: str
    values: Mapping[str, float]
    held: tuple[str, ...]
    draws: Array
    variants: tuple[Mapping[str, float], ...]
    residual: float
    objective: float
    starts: int
    agree: int

    @property
    def parameters(self) -> dict[str, Estimate]:
        """{parameter: value, standard error, 95 % interval over resampled residuals}; held ones without."""
        made = {}
        for k, (name, value) in enumerate(self.values.items()):
            if name in self.held or len(self.draws) < 2:
                made[name] = Estimate(value)
                continue
            low, high = np.percentile(self.draws[:, k], [2.5, 97.5])
            made[name] = Estimate(value, float(np.std(self.draws[:, k])), float(low), float(high))
        return made

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping."""
        return {
            "law": self.law,
            "values": dict(self.values),
            "parameters": {name: each.to_dict() for name, each in self.parameters.items()},
            "held": list(self.held),
            "residual": self.residual,
            "objective": self.objective,
            "starts": self.starts,
            "agree": self.agree,
            "variants": [dict(each) for each in self.variants],
            "draws": self.draws.tolist(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> LawFit:
        """The inverse of `to_dict`."""
        return cls(
            law=stored["law"],
            values=dict(stored["values"]),
            held=tuple(stored["held"]),
            draws=np.asarray(stored["draws"], dtype=np.float64).reshape(-1, len(stored["values"])),
            variants=tuple(dict(each) for each in stored["variants"]),
            residual=stored["residual"],
            objective=stored["objective"],
            starts=stored["starts"],
            agree=stored["agree"],
        )


@dataclass(frozen=True, eq=False, repr=False)
class ScheduleFit(Presented):
    """Laws of schedules estimated on curves; a forecast is the weighted mean of theirs.

    Attributes
    ----------
    law : the id that was asked for, ``both`` for two laws.
    members : one fit a law. curves : what they were fitted on.
    weights : of the laws, from how well each forecasts the later part of the curves (`schedule_backtest`).
    drift : the error of log loss found there for each e-fold of steps beyond what was fitted; 0 where unknown.
    delta : where Huber turns from square to linear. warnings : coded notices. seed : of every random choice.
    """

    law: str
    members: tuple[LawFit, ...]
    curves: tuple[Curve, ...]
    weights: tuple[float, ...]
    drift: float = 0.0
    warnings: tuple[Notice, ...] = ()
    delta: float = 1e-3
    seed: int = 0

    def __repr__(self) -> str:
        said = "; ".join(
            f"{each.law}: " + ", ".join(f"{name}={value:.4g}" for name, value in each.values.items())
            for each in self.members
        )
        return f"<ScheduleFit to {len(self.curves)} curves by {said}>"

    def loss(self, rates: ArrayLike) -> Array:
        """The loss at every step of every schedule, (K, T), without intervals: time linear in the steps.

        Raises
        ------
        CurveError : a schedule on which this law is known to be wrong.
        """
        made: Array | float = 0.0
        for member, weight in zip(self.members, self.weights):
            loss = schedule_law(member.law).loss(rates, member.values)
            made = made + weight * loss if weight else made
        return np.asarray(made)

    def forecast(self, rates: ArrayLike, *, names: Sequence[str] = (), level: float = 0.95) -> ScheduleForecast:
        """Loss curves under these schedules, with intervals; see `ScheduleForecast`.

        Parameters
        ----------
        rates : (T,) or (K, T), one learning rate a step from step 0 on, warm-up included.

        Raises
        ------
        CurveError : a schedule on which this law is known to be wrong (zero-rate padding under the annealing law).
        """
        return forecast_schedules(self, rates, names=names, level=level)

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping with a schema version."""
        return {
            "schema": "isoflop.schedule_fit",
            "schema_version": SCHEMA_VERSION,
            "law": self.law,
            "members": [each.to_dict() for each in self.members],
            "weights": list(self.weights),
            "drift": self.drift,
            "delta": self.delta,
            "warnings": [each.to_dict() for each in self.warnings],
            "curves": [each.to_dict() for each in self.curves],
            "seed": self.seed,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> ScheduleFit:
        """The inverse of `to_dict`.

        Raises
        ------
        CurveError : no fit of schedules, or one written by a newer isoflop.
        """
        if stored.get("schema") != "isoflop.schedule_fit" or stored.get("schema_version") != SCHEMA_VERSION:
            raise CurveError("this is no fit of schedules that this isoflop reads; make one with `isoflop curve --law`")
        return cls(
            law=stored["law"],
            members=tuple(LawFit.from_dict(each) for each in stored["members"]),
            curves=tuple(Curve.from_dict(each) for each in stored["curves"]),
            weights=tuple(stored["weights"]),
            drift=stored["drift"],
            warnings=tuple(Notice.from_dict(each) for each in stored["warnings"]),
            delta=stored["delta"],
            seed=stored["seed"],
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write as JSON, whole or not at all."""
        write_json(path, self.to_dict())


def fit_schedules(
    curves: Curve | Sequence[Curve],
    law: str = BOTH,
    *,
    hold: Mapping[str, float] | None = None,
    after: float | None = None,
    delta: float = 1e-3,
    starts: int = 4,
    draws: int = 200,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> ScheduleFit:
    """Fit laws of schedules on the curves of one or more runs of one model.

    Robust (Huber on log loss), from seeds by projection whose best are polished; intervals from residuals resampled in
    blocks, since neighbouring points of a curve err alike. The warm-up enters both sums; losses within it are left out.

    Parameters
    ----------
    curves : with learning rates for every step. Two with different schedules (a constant and one that falls) are
        enough; one constant run alone says nothing about falling rates and is refused.
    law : ``multi_power``, ``annealing`` or ``both`` (default): the mean of their forecasts, weighted by how well each
        forecasts the last 40, 30 and 20 % of these curves from what comes before.
    hold : {parameter of the shape: value} not to fit, for one law. Default: two curves cannot settle every exponent,
        so up to two curves a law holds those it names in `held_by_default` at published values; ``{}`` fits everything.
    after : leave out losses up to this step; default: the warm-up.
    delta : where Huber turns from square to linear.
    starts : seeds that are polished. draws : resamples.

    Raises
    ------
    CurveError : no learning rates, only constant schedules, an unknown law or parameter, too few points.
    """
    several = [curves] if isinstance(curves, Curve) else list(curves)
    chosen = list(schedule_laws().values()) if law == BOTH else [schedule_law(law)]
    if hold and law == BOTH:
        raise CurveError(f"hold is for one law; name it with law=..., one of {', '.join(schedule_laws())}")
    data = sampled(several, after)
    members: list[LawFit] = []
    notices: list[Notice] = []
    for each in chosen:
        _check(several, each, data)
        member, best = _fit_one(each, data, len(several), hold, delta, starts, draws, seed, progress)
        members.append(member)
        notices += _notices(best, member)
    held = [{name: each.values[name] for name in each.held} for each in members]
    parts = back_test(several, chosen, held, after=after, delta=delta, progress=progress)
    weights = weights_of(parts, len(chosen))
    if len(several) == 1:
        notices.append(Notice("one_curve", "one curve was fitted", hint="a second schedule makes forecasts much surer"))
    if not parts:
        said = "no part of the curves could be held back" + ("; the laws weigh alike" if len(chosen) > 1 else "")
        notices.append(Notice("no_back_test", said, hint="curves with more losses after the rate begins to fall"))
    weighed = tuple(float(each) for each in weights)
    drift = drift_of(parts, weights)
    return ScheduleFit(law, tuple(members), tuple(several), weighed, drift, tuple(notices), delta, seed)


def _fit_one(
    law: ScheduleLaw, data: Sampled, curves: int, hold: Mapping[str, float] | None, delta: float, starts: int,
    draws: int, seed: int, progress: Callable[[int], None] | None,
) -> tuple[LawFit, Optimum]:  # fmt: skip
    held = dict(law.held_by_default if curves <= 2 else {}) if hold is None else dict(hold)
    if hold is None:
        held.update({name: law.held_by_default[name] for name in law.always_held})
    unknown = [name for name in held if name not in law.shape]
    if unknown:
        raise CurveError(f"{law.id} has no parameter {unknown[0]!r} to hold; accepted are {', '.join(law.shape)}")
    even = np.ones(data.loss.size)
    best = optimum(law, data, fixed=held, delta=delta, starts=starts, weights=even, progress=progress)
    late = 2.0 * data.steps / data.steps.max()
    others = [
        optimum(law, data, fixed={}, delta=delta, starts=1, weights=even, progress=progress),
        optimum(law, data, fixed=held, delta=delta, starts=1, weights=late, progress=progress),
    ]
    spread = 1.4826 * float(np.median(np.abs(best.residuals)))
    resampled = _resampled(best, data, tuple(held), draws, seed)
    variants = tuple(each.values for each in others)
    member = LawFit(
        law.id, best.values, tuple(held), resampled, variants, spread, best.objective, best.starts, best.agree
    )
    return member, best


def _check(curves: Sequence[Curve], law: ScheduleLaw, data: Sampled) -> None:
    if data.loss.size < 2 * len(law.names):
        raise CurveError(
            f"{data.loss.size} losses after the warm-up are too few for the {len(law.names)} parameters of {law.id}; "
            f"at least {2 * len(law.names)} are needed"
        )
    if np.any(data.loss <= 0):
        raise CurveError(f"a loss of {data.loss.min():g} has no logarithm; laws of schedules need losses above 0")
    if not any(moves(each) for each in curves):
        raise CurveError(
            "every learning rate is constant after its warm-up, which does not settle what a falling rate gives; add a "
            "run whose learning rate falls (cosine, linear, two stages)"
        )


def _resampled(best: Optimum, data: Sampled, held: tuple[str, ...], draws: int, seed: int) -> Array:
    """(B, P): one Gauss-Newton step on residuals resampled in blocks with random signs (a wild block bootstrap)."""
    names = list(best.values)
    free = [k for k, name in enumerate(names) if name not in held and name not in best.at_bound]
    jacobian = best.jacobian[:, free]
    size = np.maximum(np.linalg.norm(jacobian, axis=0), 1e-300)
    inverse = np.linalg.pinv(jacobian / size, rcond=1e-6)
    generator = np.random.default_rng(seed)
    block = np.zeros(data.loss.size, dtype=np.intp)
    count = 0
    for k in range(len(data.points)):
        mine = np.flatnonzero(data.curve == k)
        length = max(1, int(np.ceil(mine.size ** (2 / 3))))
        block[mine] = count + np.arange(mine.size) // length
        count += int(block[mine][-1]) - count + 1
    signs = generator.normal(size=(draws, count))[:, block]
    steps = (signs * best.residuals) @ inverse.T / size
    values = np.tile(np.asarray(list(best.values.values())), (draws, 1))
    limit = 0.5 * np.abs(values[:, free]) + 1e-12
    values[:, free] += np.clip(steps, -limit, limit)
    return values


def _notices(best: Optimum, member: LawFit) -> list[Notice]:
    notices = []
    if member.held:
        listed = ", ".join(f"{name} = {member.values[name]:g}" for name in member.held)
        message = f"{member.law}: not fitted but held at published values: {listed}"
        notices.append(Notice("held", message, hint="hold={} with one law fits them too"))
    if best.agree < max(1, best.starts // 2):
        message = f"{member.law}: only {best.agree} of {best.starts} starts reached the best optimum"
        notices.append(Notice("starts_disagree", message, hint="try more starts, or a second curve"))
    stuck = [name for name in best.at_bound if name not in member.held]
    if stuck:
        message = f"{member.law}: at a bound, so not settled by these curves: {', '.join(stuck)}"
        notices.append(Notice("at_bound", message, hint="add a curve with another schedule"))
    return notices
