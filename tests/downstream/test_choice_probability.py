"""The chain from log probabilities to accuracy: identities, a world where wrong answers move, refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoflop.atlas.registry import law
from isoflop.downstream.choice_probability import choice_chain, choice_forecast
from isoflop.downstream.task import ScoresError

ITEMS, CHOICES = 400, 4


def world(compute: np.ndarray, wrong: float, seed: int = 0, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """(M, I, K) log probabilities: the right answer gains .25 per e-fold, the wrong ones `wrong` and their own."""
    generator = np.random.default_rng(seed)
    right = generator.integers(0, CHOICES, ITEMS)
    level = -5 + 0.8 * generator.standard_normal((ITEMS, CHOICES))
    slope = wrong + 0.08 * generator.standard_normal((ITEMS, CHOICES))
    slope[np.arange(ITEMS), right] = 0.25
    x = np.log(compute / 1e20)
    table = level + slope * x[:, None, None] + noise * generator.standard_normal((len(x), ITEMS, CHOICES))
    return np.minimum(table, -1e-3), right


@given(p=st.lists(st.floats(1e-6, 0.24), min_size=4, max_size=4), right=st.integers(0, 3))
def test_one_item_is_the_law_of_the_atlas(p: list[float], right: int) -> None:
    chain = choice_chain(np.log([[p]]), [right])
    wrong = sum(p) - p[right]
    assert chain.p_choices[0] == pytest.approx(
        law("choice_probability@definition")(p_correct=p[right], p_incorrect=wrong)
    )
    assert chain.p_correct[0] == pytest.approx(p[right])
    assert chain.accuracy[0] == float(p.index(max(p)) == right)


def test_items_with_fewer_choices() -> None:
    table = np.log([[[0.1, 0.3, np.nan], [0.2, 0.1, 0.05]]])
    chain = choice_chain(table, [1, 0])
    assert chain.p_choices[0] == pytest.approx((0.75 + 0.2 / 0.35) / 2)
    assert chain.accuracy[0] == 1.0


def test_a_larger_model_is_forecast_where_wrong_answers_rise_too() -> None:
    """The wrong answers gain almost as much as the right one: accuracy hardly moves, whoever holds them is far off."""
    compute = np.array([1e20, 3e20, 1e21, 3e21])
    everything, right = world(np.append(compute, 3e22), 0.2)
    made = choice_forecast(compute, everything[:-1], right, 3e22)
    truth = choice_chain(everything, right)
    assert made.accuracy.low <= truth.accuracy[-1] <= made.accuracy.high
    assert made.log_p_correct.low <= truth.log_p_correct[-1] <= made.log_p_correct.high
    assert made.p_choices.value == pytest.approx(truth.p_choices[-1], abs=0.03)
    assert abs(made.naive_accuracy - truth.accuracy[-1]) > 3 * abs(made.accuracy.value - truth.accuracy[-1])
    assert "wrong_answers_move" in {notice.code for notice in made.warnings}
    assert made.wrong_slope[0] == pytest.approx(0.2, abs=0.03)


def test_fewer_items_widen_the_interval() -> None:
    compute = np.array([1e20, 3e20, 1e21, 3e21])
    table, right = world(compute, 0.0)
    wide = choice_forecast(compute, table[:, :40], right[:40], 1e22).accuracy
    narrow = choice_forecast(compute, table, right, 1e22).accuracy
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_json_and_view() -> None:
    compute = np.array([1e20, 1e21, 1e22])
    made = choice_forecast(compute, *world(compute, 0.1), 1e23, draws=30)
    told = json.loads(json.dumps(made.to_dict()))
    assert told["items"] == ITEMS
    assert "wrong answers" in made.summary()
    assert made.plot() is not None


def test_refusals() -> None:
    compute = np.array([1e20, 1e21, 1e22])
    table, right = world(compute, 0.1)
    with pytest.raises(ScoresError, match="at least 3"):
        choice_forecast(compute[:2], table[:2], right, 1e23)
    with pytest.raises(ScoresError, match="natural logarithms"):
        choice_forecast(compute, np.exp(table) + 1, right, 1e23)
    with pytest.raises(ScoresError, match="items"):
        choice_forecast(compute, table, right[:-1], 1e23)
    table[0, 0, right[0]] = np.nan
    with pytest.raises(ScoresError, match="no log probability"):
        choice_forecast(compute, table, right, 1e23)
    with pytest.raises(ScoresError, match="counted from 0"):
        choice_chain(table, np.full(ITEMS, 4))
