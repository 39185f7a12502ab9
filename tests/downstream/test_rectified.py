"""The rectified law: exact recovery, honest comparison, the interval, refusals, the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isoflop.cli.main import main
from isoflop.downstream.fine_tuning_curves import FineTuningCurves, read_fine_tuning
from isoflop.downstream.rectified import Rectified, accept_then_stop, evaluate, fit_rectified, rectified
from isoflop.fitting.result import FitError
from isoflop.runs import RunsError

EXAMPLES = 100 * 2.0 ** np.arange(13)


def simulated(noise: float = 0.004, models: int = 6, seed: int = 0) -> FineTuningCurves:
    generator = np.random.default_rng(seed)
    values = np.stack(
        [
            generator.uniform(0.8, 1.4, models),
            generator.uniform(60, 200, models),
            generator.uniform(30, 80, models),
            generator.uniform(0.4, 0.55, models),
        ],
        axis=1,
    )
    loss = evaluate(values, EXAMPLES) * np.exp(noise * generator.standard_normal((models, len(EXAMPLES))))
    return FineTuningCurves.of([f"model {k}" for k in range(models)], EXAMPLES, loss)


@given(floor=st.floats(0.5, 2.0), half=st.floats(300, 30_000), beta=st.floats(0.3, 0.9), drop=st.floats(0.5, 3.0))
@settings(max_examples=25)
def test_noiseless_curves_are_recovered(floor: float, half: float, beta: float, drop: float) -> None:
    truth = np.array([[floor, drop * (half**beta + 100**beta), half**beta, beta]])
    fitted = fit_rectified(EXAMPLES, evaluate(truth, EXAMPLES))
    assert evaluate(fitted.values, EXAMPLES) == pytest.approx(evaluate(truth, EXAMPLES), rel=1e-4)
    assert fitted.objective[0] < 1e-7


def test_nothing_beyond_the_limit_enters_the_forecast() -> None:
    curves = simulated()
    spoilt = curves.loss.copy()
    spoilt[:, -3:] *= 3.0
    other = FineTuningCurves.of(list(curves.models), EXAMPLES, spoilt)
    limit = float(EXAMPLES[-4])
    assert rectified(curves, limit=limit).forecast == pytest.approx(rectified(other, limit=limit).forecast)


def test_choice_on_simulated_curves_is_in_the_shortlist_and_scored() -> None:
    made = rectified(simulated(), limit=float(EXAMPLES[-4]))
    best = made.curves.models[made.observed.argmin()]
    assert best in made.shortlist
    assert made.score()["rank_correlation"] > 0.8
    inside = (made.low <= made.observed) & (made.observed <= made.high)
    assert inside.mean() >= 5 / 6
    assert made.probability_best.sum() == pytest.approx(1.0)


def test_a_power_law_is_continued_straight() -> None:
    loss = (5 * EXAMPLES**-0.1)[None]
    assert accept_then_stop(EXAMPLES[:8], loss[:, :8], EXAMPLES[-1]) == pytest.approx(loss[:, -1], rel=1e-9)


def test_missing_cells_are_skipped_and_other_models_do_not_care() -> None:
    curves = simulated()
    holed = curves.loss.copy()
    holed[0, 3] = np.nan
    made = rectified(FineTuningCurves.of(list(curves.models), EXAMPLES, holed))
    whole = rectified(curves)
    assert made.values[1:] == pytest.approx(whole.values[1:], rel=1e-3)
    assert made.forecast[0] == pytest.approx(whole.forecast[0], rel=0.02)


def test_zero_examples_are_told_and_left_out() -> None:
    curves = simulated()
    loss = np.concatenate([np.full((6, 1), 50.0), curves.loss], axis=1)
    made = FineTuningCurves.of(list(curves.models), [0, *EXAMPLES], loss)
    assert made.examples[0] == 100
    assert [notice.code for notice in made.notices] == ["zero_shot_left_out"]
    assert rectified(made).values == pytest.approx(rectified(curves).values)


def test_round_trip_and_view(tmp_path: Path) -> None:
    made = rectified(simulated(), limit=float(EXAMPLES[-4]))
    again = Rectified.from_dict(json.loads(json.dumps(made.to_dict())))
    assert again.to_dict() == made.to_dict()
    assert "Best at" in made.summary()
    assert made.report(str(tmp_path / "page.html"))


def test_long_and_wide_tables_are_the_same(tmp_path: Path) -> None:
    curves = simulated(models=2)
    wide = {"model": list(curves.models), **{f"{x:.0f}": curves.loss[:, k] for k, x in enumerate(EXAMPLES)}}
    long = {
        "model": np.repeat(curves.models, len(EXAMPLES)),
        "examples": np.tile(EXAMPLES, 2),
        "loss": curves.loss.ravel(),
    }
    assert read_fine_tuning(wide).loss == pytest.approx(read_fine_tuning(long).loss)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"a": [1.0], "b": [2.0]}, "no column of models"),
        ({"model": ["a"], "loss": [2.0]}, "neither columns named by numbers"),
        ({"model": ["a", "a"], "examples": [10, 10], "loss": [2.0, 3.0]}, "2 losses at 10"),
        ({"model": ["a"], "10": [2.0], "20": [0.0], "40": [1.0], "80": [1.0]}, "20 examples: loss 0"),
        ({"model": ["a", "a"], "10": [2.0, 1.0], "20": [1.0, 1.0]}, "model a is there 2 times"),
        ({"model": ["a"], "10": [2.0], "20": [1.0]}, "at least 4"),
    ],
)
def test_bad_tables_are_named(table: dict[str, object], said: str) -> None:
    with pytest.raises(RunsError, match=said):
        read_fine_tuning(table)


def test_losses_that_do_not_fall_are_said() -> None:
    made = rectified(FineTuningCurves.of(["a", "b"], EXAMPLES, np.outer([1.0, 1.1], EXAMPLES**0.05)))
    assert "loss_does_not_fall" in {notice.code for notice in made.warnings}


def test_too_few_points_below_the_limit_are_refused() -> None:
    with pytest.raises(FitError, match="needs 5"):
        rectified(simulated(), limit=800)


def test_what_cannot_be_tried_has_no_interval_and_one_notice_says_so() -> None:
    made = rectified(simulated(models=2), limit=1600, at=409600)
    codes = [notice.code for notice in made.warnings]
    assert "no_interval" in codes and "far_beyond_trials" not in codes
    assert np.isnan(made.half_width) or np.isinf(made.half_width)


def test_command_writes_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    curves, path = simulated(models=3), tmp_path / "curves.csv"
    lines = ["model," + ",".join(f"{x:.0f}" for x in EXAMPLES)]
    lines += [f"{name}," + ",".join(map(str, row)) for name, row in zip(curves.models, curves.loss)]
    path.write_text("\n".join(lines))
    stored, picture = tmp_path / "made.json", tmp_path / "made.png"
    asked = ["rectified", str(path), "--limit", "51200", "-o", str(stored), "--plot", str(picture), "--json"]
    assert not main(asked, standalone_mode=False)
    told = json.loads(capsys.readouterr().out)
    assert told["chosen"] == Rectified.from_dict(json.loads(stored.read_text())).chosen
    assert picture.stat().st_size > 1000
