"""Curves: loss, tokens and learning rate over the steps of several runs, as one long table of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.runs.importers.tracked import Column


@dataclass(frozen=True, eq=False)
class Curves:
    """One row for each logged loss of each run. All arrays have one length; nan is unknown.

    Attributes
    ----------
    run : the name of the run.
    step : optimiser steps taken.
    tokens : training tokens seen by then.
    loss : the output of the runs, or on its steps the training loss where `training_loss` says so.
    training_loss : the loss on the text trained on, at the same step; nan where it was not logged there.
    learning_rate : as last logged at or before that step.
    """

    run: NDArray[np.str_]
    step: Column
    tokens: Column
    loss: Column
    training_loss: Column
    learning_rate: Column

    def __len__(self) -> int:
        return int(self.step.size)

    def of(self, name: str) -> Curves:
        """The curve of one run."""
        mask = self.run == name
        return Curves(**{column: values[mask] for column, values in self.to_columns().items()})

    def to_columns(self) -> Mapping[str, NDArray[Any]]:
        """The arrays by name."""
        names = ("run", "step", "tokens", "loss", "training_loss", "learning_rate")
        return {name: getattr(self, name) for name in names}

    def write(self, path: str | Path) -> str:
        """Write .parquet or .csv, whole or not at all; returns the path."""
        from isoflop.runs.importers.tables import write_table

        return write_table(path, self.to_columns())
