"""What a law of schedules is, and how the files of this folder are found."""

from __future__ import annotations

import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoflop.curves.curve import CurveError
from isoflop.curves.sampled import Sampled
from isoflop.curves.schedule_sums import as_rates
from isoflop.scaling_law import Published, Source

Array = NDArray[np.float64]


class ScheduleLaw(ABC):
    """loss(t) = L_0 + A * S1(t)^-alpha - gain * fall(t; theta), S1 the sum of the learning rates up to step t.

    Attributes
    ----------
    id, title, formula, source : for people.
    gain : the name of the weight of what falling rates give.
    shape : names of alpha and the further parameters that enter nonlinearly, with bounds and the values to start from.
    published : fitted constants with their provenance.
    held_by_default : parameters of the shape that up to two curves do not settle, and where they are held;
        always_held : those of them that stay held however many curves there are; free only in the variants of a fit.
    """

    id: str
    title: str
    formula: str
    source: Source
    gain: str
    shape: Mapping[str, tuple[float, float, tuple[float, ...]]]
    published: tuple[Published, ...] = ()
    held_by_default: Mapping[str, float] = MappingProxyType({})
    always_held: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every parameter: L_0, A, the gain, then the shape."""
        return ("L_0", "A", self.gain, *self.shape)

    @abstractmethod
    def falls(self, rates: Array, shape: Mapping[str, Array]) -> Array:
        """What falling rates give before the gain, at every step; (K, T). One shape for each schedule, or for all."""

    @abstractmethod
    def sampled_falls(self, sampled: Sampled, shape: Mapping[str, Array]) -> Array:
        """The same at the observed points only, for S shapes at once; (S, points)."""

    def sampled_log_loss(self, sampled: Sampled, values: Mapping[str, ArrayLike]) -> Array:
        """The log of the loss at the observed points for S sets of values at once; (S, points)."""
        columns = {name: np.atleast_1d(np.asarray(values[name], dtype=np.float64))[:, None] for name in self.names}
        learnt = sampled.summed[None, :] ** -columns["alpha"]
        falls = self.sampled_falls(sampled, {name: columns[name][:, 0] for name in self.shape})
        loss = columns["L_0"] + columns["A"] * learnt - columns[self.gain] * falls
        return np.asarray(np.log(np.maximum(loss, 1e-9)))

    def refusals(self, rates: Array) -> list[str]:
        """Why this law must not be asked about this schedule (T,); empty where it may."""
        return []

    def loss(self, rates: ArrayLike, values: Mapping[str, float]) -> Array:
        """The loss at every step of every schedule, (K, T); infinite while no learning has happened.

        Raises
        ------
        CurveError : a schedule on which this law is known to be wrong.
        """
        array = as_rates(rates)
        for k, each in enumerate(array):
            reasons = self.refusals(each)
            if reasons:
                which = f"schedule {k + 1}: " if len(array) > 1 else ""
                raise CurveError(f"{which}{reasons[0]}")
        shape = {name: np.asarray([float(values[name])]) for name in self.shape}
        with np.errstate(divide="ignore"):
            learnt = np.exp(-shape["alpha"][0] * np.log(np.cumsum(array, axis=-1)))
        loss: Array = values["L_0"] + values["A"] * learnt - values[self.gain] * self.falls(array, shape)
        return loss


@cache
def schedule_laws() -> Mapping[str, ScheduleLaw]:
    """Every law of schedules by id.

    >>> sorted(schedule_laws())
    ['annealing', 'multi_power']
    """
    folder = Path(__file__).parent
    found = {}
    for each in sorted(pkgutil.iter_modules([str(folder)]), key=lambda module: module.name):
        law = getattr(import_module(f"isoflop.curves.schedule_laws.{each.name}"), "LAW", None)
        if isinstance(law, ScheduleLaw):
            found[law.id] = law
    return found


def schedule_law(identifier: str) -> ScheduleLaw:
    """A law of schedules by its id.

    Raises
    ------
    CurveError : an unknown id.
    """
    known = schedule_laws()
    if identifier not in known:
        raise CurveError(f"no law of schedules is called {identifier!r}; there are {', '.join(sorted(known))}")
    return known[identifier]
