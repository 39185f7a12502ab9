"""Links and chains: known laws are recovered, and the uncertainty of every step goes through to the score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.downstream.simulated_ladder import CHANCE, ladder, large, models, true_loss, true_score

from isoflop.downstream.links import LINKS, fit_link
from isoflop.downstream.route import CannotForecast, Settings
from isoflop.downstream.task import TaskScores
from isoflop.downstream.two_step import chain_for

QUICK = Settings(resamples=60, starts=6, smooth=1, skip=0.0)


def test_a_noiseless_sigmoid_and_a_noiseless_exponential_are_recovered() -> None:
    loss = np.linspace(0.7, 1.8, 20)
    runs = np.arange(20)
    share = 0.2 + 0.8 / (1 + np.exp(5 * (loss - 1.0)))
    found = fit_link(LINKS["sigmoid"], loss, share, runs, Settings(resamples=0), "a test").values
    assert [found["k"], found["L_0"], found["a"], found["b"]] == pytest.approx([5.0, 1.0, -0.8, 1.0], rel=2e-2)
    error = 0.8 - 2.0 * np.exp(-1.5 * loss)
    found = fit_link(LINKS["exponential"], loss, 1 - error, runs, Settings(resamples=0), "a test").values
    assert [found["epsilon"], found["k"], found["gamma"]] == pytest.approx([0.8, 2.0, 1.5], rel=1e-4)


@pytest.mark.parametrize(
    ("loss", "share", "code"),
    [
        (np.linspace(1, 2, 4), np.linspace(0.3, 0.5, 4), "too_few_models"),
        (np.full(9, 1.5), np.linspace(0.3, 0.5, 9), "loss_constant"),
        (np.linspace(1, 2, 9), np.full(9, 0.3), "score_constant"),
    ],
)
def test_what_a_link_refuses(loss: np.ndarray, share: np.ndarray, code: str) -> None:
    with pytest.raises(CannotForecast) as refused:
        fit_link(LINKS["sigmoid"], loss, share, np.arange(len(loss)), Settings(), "a test")
    assert refused.value.code == code


def test_a_chain_forecasts_models_far_larger_than_the_ladder() -> None:
    chain = chain_for(ladder(), "quiz", QUICK)
    targets = large()
    made = chain.predict(N=targets.N, D=targets.D)
    assert chain.loss.law.id == "chinchilla" and chain.link.law.id == "accuracy_from_task_loss"
    assert made.value == pytest.approx(true_score(true_loss(targets.N, targets.D)), abs=0.03)
    low, high = made.interval(0.95)
    assert ((targets["quiz"] >= low) & (targets["quiz"] <= high)).all()


def test_intervals_widen_from_the_curve_to_a_new_model_and_from_known_losses_to_forecast_ones() -> None:
    noisy = models(np.geomspace(1e8, 1.5e9, 4), np.array([20.0, 40.0, 100.0, 200.0]), noise=0.03)
    chain = chain_for(noisy, "quiz", QUICK)
    targets = large()
    made = chain.predict(N=targets.N, D=targets.D)
    known = chain.from_loss(chain.expected_loss(N=targets.N, D=targets.D))

    def width(ends: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return np.asarray(ends[1] - ends[0])

    assert known.value == pytest.approx(made.value)
    assert (width(made.interval(0.95, new=False)) < width(made.interval(0.95))).all()
    assert (width(known.interval(0.95, new=False)) < width(made.interval(0.95, new=False))).all()


def test_few_examples_make_wider_intervals_for_a_new_model_but_not_for_the_curve() -> None:
    scores = ladder()
    few = scores.described(examples={"quiz": 60})
    wide, narrow = (chain_for(each, "quiz", QUICK).predict(N=[7e9], D=[7e11]) for each in (few, scores))
    assert np.ptp(wide.interval(0.95)) > 2 * np.ptp(narrow.interval(0.95))
    assert np.ptp(wide.interval(0.95, new=False)) == pytest.approx(np.ptp(narrow.interval(0.95, new=False)))
    assert wide.new.std() == pytest.approx(float(few.task("quiz").noise(wide.value)[0]), rel=0.35)


def test_a_metric_that_falls_is_forecast_as_its_mirror_image() -> None:
    scores = ladder()
    errors = replace(scores, values=1 - scores.values).described(
        direction={"quiz": "lower"}, chance={"quiz": 1 - CHANCE}
    )
    up = chain_for(scores, "quiz", QUICK).predict(N=[7e9], D=[7e11])
    down = chain_for(errors, "quiz", QUICK).predict(N=[7e9], D=[7e11])
    assert down.value == pytest.approx(1 - up.value, abs=1e-9)


def test_without_a_loss_or_with_unknown_resources_the_chain_says_why() -> None:
    bare = TaskScores.of({"quiz": [0.3] * 9}, N=[1e9] * 9, D=[1e10] * 9)
    with pytest.raises(CannotForecast, match="no model has a loss for quiz"):
        chain_for(bare, "quiz", QUICK)
    with pytest.raises(CannotForecast, match="needs D"):
        chain_for(ladder(), "quiz", QUICK).predict(N=[7e9], D=[np.nan])


def test_a_law_of_compute_is_used_where_sizes_do_not_vary() -> None:
    scores = ladder()
    only_compute = replace(scores, N=np.full_like(scores.N, np.nan), D=np.full_like(scores.D, np.nan))
    assert chain_for(only_compute, "quiz", QUICK).loss.law.input_names == ("C",)
