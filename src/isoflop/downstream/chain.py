"""Chain: a loss law, a link and a task composed; the uncertainty of each goes through to the score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoflop.downstream.links import Link
from isoflop.downstream.route import CannotForecast, TaskPrediction
from isoflop.downstream.share import from_share, with_task_noise
from isoflop.downstream.task import Task
from isoflop.fitting.forecast import new_runs
from isoflop.fitting.result import Fit

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Chain:
    """From resources to loss to score.

    Attributes
    ----------
    task : what is forecast. loss : the fitted loss law. link : the fitted link. form : what kind of link.
    """

    task: Task
    loss: Fit
    link: Fit
    form: Link
    seed: int = 0

    def expected_loss(self, **resources: ArrayLike) -> Array:
        """The loss that the first law forecasts."""
        return self.loss.predict(**resources)

    def predict(self, **resources: ArrayLike) -> TaskPrediction:
        """Scores at resources (arrays of one length), each draw of the loss with an independent draw of the link.

        Draws of a new model add the scatter of single models about both laws and the noise of the task's examples.

        Raises
        ------
        CannotForecast : a resource is not known.
        """
        given = {
            name: np.atleast_1d(np.asarray(resources[name], dtype=np.float64)) for name in self.loss.law.input_names
        }
        unknown = [name for name, values in given.items() if not np.isfinite(values).all()]
        if unknown:
            raise CannotForecast("resource_unknown", f"the loss law needs {unknown[0]}, which is not known for a model")
        losses = self.loss.predict_draws(**given)
        return self._through(self.loss.predict(**given), losses, new_runs(self.loss, losses))

    def from_loss(self, loss: ArrayLike) -> TaskPrediction:
        """Scores at losses that are known: the second step alone."""
        known = np.atleast_1d(np.asarray(loss, dtype=np.float64))
        count = len(next(iter(self.link.draws.values())))
        draws = np.broadcast_to(known, (count, len(known)))
        return self._through(known, draws, draws)

    def _through(self, loss: Array, losses: Array, new_losses: Array) -> TaskPrediction:
        generator = np.random.default_rng([self.seed, 11])
        draws = self.link.draws
        count = len(next(iter(draws.values())))
        picked = generator.integers(count, size=len(losses))
        parameters = {name: values[picked, None] for name, values in draws.items()}
        value = self.form.share(self._link({name: np.array(v) for name, v in self.link.values.items()}, loss))
        mean = self._link(parameters, losses)
        single = self._link(parameters, new_losses)
        scattered = new_runs(self.link, single)
        shares = self.form.share(scattered)
        if count > 1:
            shares = with_task_noise(self.task, self.form.share(mean), shares, generator)
        beyond = bool(np.any((value < 0.0) | (value > 1.0)))
        means = from_share(self.task, self.form.share(mean))
        return TaskPrediction(from_share(self.task, value), means, from_share(self.task, shares), beyond)

    def _link(self, parameters: Mapping[str, Array], loss: Array) -> Array:
        return np.asarray(self.link.law.evaluate({self.form.loss: loss}, parameters), dtype=np.float64)

    def describe(self) -> dict[str, Any]:
        """The constants of both laws, with intervals."""
        return {
            "loss_law": self.loss.law.id,
            "loss": {name: each.to_dict() for name, each in self.loss.parameters.items()},
            "link": self.form.id,
            "link_parameters": {name: each.to_dict() for name, each in self.link.parameters.items()},
        }
