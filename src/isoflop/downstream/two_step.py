"""Two steps: task loss from N and D (or C), task score from task loss; Bhagia et al. 2024, Gadre et al. 2024."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.downstream.chain import Chain
from isoflop.downstream.checkpoints import courses, smoothed_ends
from isoflop.downstream.links import LINKS, fit_link
from isoflop.downstream.route import CannotForecast, FittedRoute, Route, Settings, TaskPrediction, where_known
from isoflop.downstream.share import to_share
from isoflop.downstream.task import TaskScores
from isoflop.fitting import fit
from isoflop.fitting.result import Fit, FitError
from isoflop.runs import Notice, Runs

Array = NDArray[np.float64]

_BY_COMPUTE = "E + A / C**alpha"
#: distinct sizes and distinct token counts from which a law in both is fitted
_DISTINCT = 3  # different N and D, without which their exponents are not told apart
_LEAST_RUNS = 7  # two more than the constants of the law in N and D


@dataclass(frozen=True, eq=False)
class FittedTwoStep(FittedRoute):
    """A chain, and what its two fits have to say."""

    chain: Chain
    warnings: tuple[Notice, ...] = ()

    def predict(self, targets: TaskScores) -> TaskPrediction:
        """See `FittedRoute.predict`; N and D (or C) of the targets are read."""
        names = self.chain.loss.law.input_names
        return where_known(targets, names, lambda given, _: self.chain.predict(**given))

    def describe(self) -> dict[str, Any]:
        """The constants of both laws."""
        return self.chain.describe()


@dataclass(frozen=True)
class TwoStep(Route):
    """A loss law and one kind of link."""

    link: str
    baseline = False

    @property
    def id(self) -> str:  # type: ignore[override]
        """``two_step`` with the sigmoid, ``two_step_exponential`` with the other link."""
        return "two_step" if self.link == "sigmoid" else f"two_step_{self.link}"

    @property
    def title(self) -> str:  # type: ignore[override]
        """In words."""
        return f"two steps: loss law, then {LINKS[self.link].title}"

    def fit(self, scores: TaskScores, task: str, settings: Settings) -> FittedTwoStep:
        """See `Route.fit`."""
        chain = chain_for(scores, task, settings, link=self.link)
        return FittedTwoStep(chain, _told(chain))


ROUTES = (TwoStep("sigmoid"), TwoStep("exponential"))


def chain_for(
    scores: TaskScores, task: str, settings: Settings, *, link: str = "sigmoid", loss_law: str | None = None
) -> Chain:
    """Both steps fitted: the loss law on the ends of runs, the link on every checkpoint after the beginning.

    Parameters
    ----------
    loss_law : an id or formula; default chinchilla where N and D both vary, else a power law of C.

    Raises
    ------
    CannotForecast : no loss is known, too few models, a law that cannot be fitted.
    """
    described = scores.task(task)
    ends, loss, _ = smoothed_ends(scores, task, settings.smooth)
    if not np.isfinite(loss).any():
        raise CannotForecast("no_loss", f"no model has a loss for {task}; two steps need the task's loss or L")
    first = _loss_fit(ends, loss, settings, loss_law)
    x, score, runs = courses(scores, task, settings.smooth, settings.skip)
    form = LINKS[link]
    second = fit_link(form, x, to_share(described, score), runs, settings, scores.source)
    return Chain(described, first, second, form, settings.seed)


def _loss_fit(ends: TaskScores, loss: Array, settings: Settings, law: str | None) -> Fit:
    by_size = np.isfinite(loss) & np.isfinite(ends.N) & np.isfinite(ends.D)
    both = all(len(np.unique(getattr(ends, name)[by_size])) >= _DISTINCT for name in ("N", "D"))
    use_both = by_size.sum() >= _LEAST_RUNS and both
    chosen = law or ("chinchilla" if use_both else _BY_COMPUTE)
    kept = by_size if use_both or law else np.isfinite(loss) & np.isfinite(ends.C)
    if kept.sum() < 4:
        raise CannotForecast(
            "too_few_models", f"{int(kept.sum())} models have both a loss and known N, D or C; at least 4 are needed"
        )
    columns = {
        name: getattr(ends, name)[kept] for name in ("N", "D", "C") if np.isfinite(getattr(ends, name)[kept]).all()
    }
    table = Runs({**columns, "L": loss[kept]}, names=ends.models[kept], source=ends.source)
    try:
        return fit(
            table, chosen, bootstrap=settings.resamples, level=settings.level, starts=settings.starts,
            seed=settings.seed,
        )  # fmt: skip
    except (FitError, ValueError) as error:
        raise CannotForecast("loss_law_not_fitted", f"the loss law cannot be fitted: {error}") from None


def _told(chain: Chain) -> tuple[Notice, ...]:
    """The warnings of both fits that bear on the forecast, each with the step it belongs to."""
    matter = {"lonely", "not_converged", "collinear"}
    told = []
    for step, fitted in (("loss law", chain.loss), ("link", chain.link)):
        told += [
            Notice(f"{step.replace(' ', '_')}_{each.code}", f"{step}: {each.message}", each.rows, each.hint)
            for each in fitted.warnings
            if each.code in matter or (step == "link" and each.code == "not_identified")
        ]
    return tuple(told)
