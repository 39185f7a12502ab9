"""Links from loss to task score: a sigmoid, or an error that falls exponentially; fitted with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isoflop.atlas import law as find_law
from isoflop.downstream.route import CannotForecast, Settings
from isoflop.fitting import fit
from isoflop.fitting.result import Fit, FitError
from isoflop.runs import Runs
from isoflop.scaling_law import CalibratedLaw, Law

Array = NDArray[np.float64]

_ANCHOR = "a perfect model"
_LEAST_POINTS = 6  # two more than the constants of the sigmoid
_FLAT = 1e-9  # relative: what rounding makes


@dataclass(frozen=True)
class Link:
    """A law from loss to the share of a task's score.

    Attributes
    ----------
    id : of the link. law : its id in the atlas. loss : what the law calls its input. output : what it gives.
    error : it gives 1 - share. anchored : the point (loss 0, share 1), a perfect model, is added to what is fitted.
    """

    id: str
    title: str
    law: str
    loss: str
    output: str
    error: bool = False
    anchored: bool = False

    def share(self, value: Array) -> Array:
        """What the law gives, as a share."""
        return 1.0 - value if self.error else value

    def find(self) -> Law:
        """The law in the atlas."""
        found = find_law(self.law)
        return found.law if isinstance(found, CalibratedLaw) else found


LINKS: Mapping[str, Link] = {
    link.id: link
    for link in (
        Link(
            "sigmoid",
            "sigmoid of the loss, Bhagia et al. 2024",
            "accuracy_from_task_loss",
            "task_loss",
            "accuracy",
            anchored=True,
        ),
        Link("exponential", "exponential error, Gadre et al. 2024", "downstream_error", "L", "error", error=True),
    )
}


def fit_link(link: Link, loss: Array, share: Array, runs: NDArray[np.intp], settings: Settings, source: str) -> Fit:
    """Fit a link by least squares to shares (R,) at losses (R,); `runs` (R,) numbers the model of each row.

    Resamples draw whole models, since the checkpoints of one are no independent rows.

    Raises
    ------
    CannotForecast : too few points, or a share or a loss that does not move.

    >>> loss = np.linspace(0.7, 1.6, 12)
    >>> share = 0.25 + 0.75 / (1 + np.exp(6 * (loss - 0.9)))
    >>> found = fit_link(LINKS["sigmoid"], loss, share, np.arange(12), Settings(resamples=0), "a doctest")
    >>> round(found.values["k"], 2)
    6.0
    """
    if len(loss) < _LEAST_POINTS:
        raise CannotForecast(
            "too_few_models", f"{len(loss)} models have both loss and score; {_LEAST_POINTS} are needed"
        )
    if np.ptp(loss) < _FLAT * abs(float(np.mean(loss))):
        raise CannotForecast("loss_constant", "all models have the same loss: there is nothing to link the score to")
    if np.ptp(share) < _FLAT:
        raise CannotForecast("score_constant", "all models have the same score: there is nothing to forecast")
    names = np.array([f"model {number}" for number in runs.tolist()], dtype=np.str_)
    x, y = loss, link.share(share)
    if link.anchored:
        # the law has no value trouble at 0, but a table of runs wants positive resources
        x, y, names = np.append(x, 1e-9), np.append(y, 1.0), np.append(names, _ANCHOR)
    table = Runs({link.loss: np.asarray(x), link.output: np.asarray(y)}, output=link.output, group=names, source=source)
    try:
        return fit(
            table, link.find(), objective="least_squares", bootstrap=settings.resamples, level=settings.level,
            starts=settings.starts, seed=settings.seed,
        )  # fmt: skip
    except FitError as error:
        raise CannotForecast("link_not_fitted", f"the link cannot be fitted: {error}") from None
