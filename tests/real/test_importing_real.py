"""Real validation curves of the modded-nanogpt records, written out again as the lines of its logs, and imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pytest

from isoflop.runs.importers.importing import import_runs

pytestmark = pytest.mark.real


def test_curves_of_the_records(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    table = real_data("modded-nanogpt") / "derived" / "track1_val_curves.parquet"
    columns = duckdb.sql(
        f"SELECT record_dir || '/' || run AS log, step, total_steps, val_loss, train_time_ms FROM '{table}' "
        "ORDER BY log, step"
    ).fetchnumpy()
    logs = np.unique(columns["log"])[::40]
    expected = {}
    for number, log in enumerate(logs):
        rows = columns["log"] == log
        steps, losses = columns["step"][rows], columns["val_loss"][rows]
        whole = zip(steps, columns["total_steps"][rows], losses, columns["train_time_ms"][rows])
        lines = [f"step:{s}/{t} val_loss:{v:.4f} train_time:{ms:.0f}ms step_avg:1.00ms\n" for s, t, v, ms in whole]
        (tmp_path / f"run{number}.txt").write_text("".join(lines))
        expected[f"run{number}"] = (steps, np.round(losses, 4))
    imported = import_runs(tmp_path)
    assert imported.source == "nanogpt" and len(imported) == len(logs) > 5
    for name, (steps, losses) in expected.items():
        curve = imported.curves.of(name)
        np.testing.assert_array_equal(curve.step, steps)
        np.testing.assert_allclose(curve.loss, losses, rtol=1e-12)
