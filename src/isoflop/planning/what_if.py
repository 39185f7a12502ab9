"""what_if(): one choice changed, the others re-optimised: what it costs, in loss and in equivalent compute."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from typing import Any

import numpy as np

from isoflop.files import write_json
from isoflop.planning.plan import PlanError
from isoflop.planning.problem import Problem
from isoflop.planning.quantities import FormulaQuantity
from isoflop.planning.sensitivity import equivalent_compute
from isoflop.planning.solve import Found, search
from isoflop.presented import Presented

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Supposed:
    """One change and the best plan under it.

    Attributes
    ----------
    change : in words, ``N = 7e+09``. kind : choice, limit or given.
    objective : the best that is left; nan where no plan is, `obstacle` then says why.
    worth : its equivalent compute over that of the plan: 0.9 means a tenth of the compute is wasted, 1.1 gained.
    values, options : the plan under the change.
    """

    change: str
    kind: str
    objective: float
    worth: float
    values: Mapping[str, float]
    options: Mapping[str, str]
    obstacle: str = ""


@dataclass(frozen=True, eq=False)
class WhatIf(Presented):
    """The plan, and the plan under each supposed change.

    Attributes
    ----------
    title : the question. objective : what is made best. names : the choices, in order.
    plan : with nothing changed. supposed : one for each change, in the order asked.
    """

    title: str
    objective: str
    names: tuple[str, ...]
    plan: Supposed
    supposed: tuple[Supposed, ...]
    simulated: bool = False

    def __len__(self) -> int:
        return len(self.supposed)

    def __getitem__(self, index: int) -> Supposed:
        return self.supposed[index]

    def __repr__(self) -> str:
        told = "; ".join(f"{each.change}: {each.objective:.5g}, worth {each.worth:.3g}" for each in self.supposed)
        return f"<WhatIf {self.objective} {self.plan.objective:.5g}; {told}>"

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping; nan is None."""
        plan, *supposed = ({**asdict(each), "objective": _none(each.objective), "worth": _none(each.worth)}
                           for each in (self.plan, *self.supposed))  # fmt: skip
        return {
            "schema": "isoflop.what_if",
            "schema_version": SCHEMA_VERSION,
            "title": self.title,
            "objective": self.objective,
            "names": list(self.names),
            "plan": plan,
            "supposed": supposed,
            "simulated": self.simulated,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> WhatIf:
        """The inverse of `to_dict`."""
        plan, *supposed = (
            Supposed(**{**each, **{name: math.nan for name in ("objective", "worth") if each[name] is None}})
            for each in (stored["plan"], *stored["supposed"])
        )
        names = tuple(stored["names"])
        return cls(stored["title"], stored["objective"], names, plan, tuple(supposed), stored["simulated"])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the comparison as JSON, whole or not at all."""
        write_json(path, self.to_dict())


def _none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def what_if(problem: Problem, changes: Mapping[str, Iterable[float | str] | float | str]) -> WhatIf:
    """The best plan under each change, one at a time.

    Parameters
    ----------
    changes : name -> value or values. A choice (``N``, ``experts``, an option by label) is held there; a limit
        (``dollars``) is set to it; a given number (``serve_tokens``) is changed; ``tokens_per_parameter`` ties D to N.

    Raises
    ------
    PlanError : a name that the problem does not have; the message lists the nearest. A change that leaves no plan is
        no error: its `obstacle` says why.

    >>> from isoflop.planning.question import Question
    >>> made = what_if(Question(flops=5.76e23).problem(), {"N": 280e9})
    >>> round(made[0].worth, 2)
    0.53
    """
    found = search(problem)
    plan = _supposed(found, found, "nothing changed", "plan")
    made = []
    for name, values in changes.items():
        listed = [values] if isinstance(values, (int, float, str)) else list(values)
        made += [_changed(found, name, value) for value in listed]
    names = tuple(choice.name for choice in problem.choices)
    return WhatIf(problem.title, problem.objective, names, plan, tuple(made), problem.simulated)


def _changed(found: Found, name: str, value: float | str) -> Supposed:
    changed, kind = changed_problem(found.problem, name, value)
    text = f"{name} = {value:.4g}" if isinstance(value, (int, float)) else f"{name} = {value}"
    try:
        return _supposed(search(changed), found, text, kind)
    except PlanError as error:
        return Supposed(text, kind, math.nan, math.nan, {}, {}, str(error))


def changed_problem(problem: Problem, name: str, value: float | str) -> tuple[Problem, str]:
    """The problem with one thing changed, and whether that was a choice, a limit or a given number.

    Raises
    ------
    PlanError : nothing of this name, or no such option; the message lists the nearest.
    """
    choices = {choice.name: choice for choice in problem.choices}
    if name in choices and choices[name].options:
        wanted = f"{value:g}" if isinstance(value, (int, float)) else value
        kept = tuple(option for option in choices[name].options if option.label == wanted)
        if not kept:
            labels = ", ".join(option.label for option in choices[name].options)
            raise PlanError(f"{name} has no option {wanted!r}; there are {labels}")
        return problem.with_choices(replace(choices[name], options=kept)), "choice"
    number = _positive(name, value)
    if name in choices:
        return problem.with_given(**{name: number}), "choice"
    limits = {each.name: each for each in problem.constraints}
    if name in limits:
        return problem.with_constraints(replace(limits[name], limit=number)), "limit"
    if name in problem.given:
        return problem.with_given(**{name: number}), "given"
    if name == "tokens_per_parameter" and {"N", "D"} <= set(choices):
        tied = FormulaQuantity(name="D", formula=f"{number!r} * N", unit="tokens", meaning="tied to N")
        return problem.with_quantities(tied), "choice"
    known = sorted({*choices, *limits, *problem.given, "tokens_per_parameter"})
    near = get_close_matches(name, known, n=2)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
    raise PlanError(f"nothing here is called {name!r}; {hint}")


def _positive(name: str, value: float | str) -> float:
    if isinstance(value, str) or not 0 < float(value) < math.inf:
        raise PlanError(f"{name} = {value} cannot be supposed; give a positive number")
    return float(value)


def _supposed(found: Found, plan: Found, change: str, kind: str) -> Supposed:
    """The plan of `found`, its equivalent compute counted on the frontier of `plan`."""
    values = {name: each for name, each in found.values.items() if "." not in name and "_before_" not in name}
    objective = values[found.problem.objective]
    own = plan.values[plan.problem.objective]
    compute = equivalent_compute(plan.base, np.array([objective, own]))
    if plan.base.costs_itself:  # a cost is its own measure
        compute = np.array([own, objective])
    labels = dict(zip((choice.name for choice in found.problem.discrete), found.labels[found.best]))
    return Supposed(change, kind, objective, float(compute[0] / compute[1]), values, labels)
