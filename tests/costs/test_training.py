"""Time, energy and money against what papers state for their runs; inverses; what cannot be computed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoflop.costs.devices import device
from isoflop.costs.errors import CostError
from isoflop.costs.training import (
    DAY,
    attention_flops,
    carbon,
    device_hours,
    energy,
    flops_in,
    hours_for,
    model_flops_utilisation,
    money,
    training_flops,
    training_time,
)

A100, H100 = device("A100"), device("H100")


def test_chinchilla_and_gopher() -> None:
    # Hoffmann et al. 2022: 70B on 1.4T tokens costs what Gopher's 280B on 300B did, 5.76e23, to a few per cent
    assert training_flops([70e9, 280e9], [1.4e12, 300e9]) == pytest.approx([5.88e23, 5.04e23])


@pytest.mark.parametrize(
    ("parameters", "tokens", "gpus", "reached", "days"),
    [(175e9, 300e9, 1024, 140e12, 34), (1e12, 450e9, 3072, 163e12, 84)],
)
def test_megatron_days(parameters: float, tokens: float, gpus: int, reached: float, days: float) -> None:
    # Narayanan et al. 2021 (arXiv 2104.04473), section 5.1, equation 4: 8 T P / (n X), with full recomputation
    flops = training_flops(parameters, tokens, recomputation="full")
    assert flops == 8.0 * parameters * tokens
    seconds = training_time(flops, A100, mfu=reached / 312e12, gpus=gpus)
    assert float(seconds / DAY) == pytest.approx(days, rel=0.015)


def test_palm_utilisation() -> None:
    # Chowdhery et al. 2022, section 4.1 and appendix B: 238.3K tokens/s on 6144 TPU v4 is an MFU of 46.2 %
    per_token = training_flops(540.35e9, 1.0, attention_flops(118, 48 * 256, 2048))
    used = model_flops_utilisation(per_token * 238.3e3, 1.0, device("TPU v4"), gpus=6144)
    assert float(used) == pytest.approx(0.462, abs=0.0005)


@pytest.mark.parametrize(("hours", "mwh"), [(82_432, 36), (135_168, 59), (530_432, 233), (1_022_362, 449)])
def test_llama_energy(hours: float, mwh: float) -> None:
    # Touvron et al. 2023 (arXiv 2302.13971), table 15
    assert float(energy(hours, A100)) / 1e3 == pytest.approx(mwh, abs=1.0)


def test_llama_carbon() -> None:
    assert float(carbon(energy(1_022_362, A100))) / 1e3 == pytest.approx(173, abs=0.6)


def test_deepseek_v3_money() -> None:
    # arXiv 2412.19437, table 1: 2.788M H800 hours at 2 dollars are 5.576M dollars
    assert float(money(2.788e6, device("H800"))) == pytest.approx(5.576e6)


positive = st.floats(1e3, 1e27)


@given(positive, st.floats(0.01, 1.0), st.integers(1, 10_000))
def test_budgets_turn_back_into_flops(flops: float, mfu: float, gpus: int) -> None:
    hours = device_hours(flops, H100, mfu)
    assert float(flops_in(hours, H100, mfu)) == pytest.approx(flops, rel=1e-12)
    assert float(hours_for(money(hours, H100), H100)) == pytest.approx(float(hours), rel=1e-12)
    seconds = training_time(flops, H100, mfu, gpus)
    assert float(model_flops_utilisation(flops, seconds, H100, gpus)) == pytest.approx(mfu, rel=1e-12)


def test_arrays_broadcast() -> None:
    flops = training_flops(np.array([[1e9], [2e9]]), np.array([1e10, 2e10, 3e10]))
    assert flops.shape == (2, 3)
    assert training_time(flops[..., None], H100, [0.3, 0.4, 0.5, 0.6], 8).shape == (2, 3, 4)


def test_selective_recomputation_does_attention_once_more() -> None:
    scores = attention_flops(2, 64, 128)
    none, selective, full = (
        float(training_flops(1e6, 10.0, scores, recomputation=how)) for how in ("none", "selective", "full")
    )
    assert selective - none == pytest.approx(10 * float(scores) / 3)  # a forward pass is a third
    assert full - none == pytest.approx(10 * (2e6 + float(scores) / 3))


@pytest.mark.parametrize("mfu", [0.0, -1.0, 1.2, float("nan")])
def test_utilisation_is_a_share(mfu: float) -> None:
    with pytest.raises(CostError, match=r"mfu must be in \(0, 1\]"):
        device_hours(1e20, H100, mfu)


def test_what_is_not_known() -> None:
    with pytest.raises(CostError, match="money needs a price"):
        money(1.0)
    with pytest.raises(CostError, match="the power of TPU v5e is not published"):
        energy(1.0, device("TPU v5e"))
    with pytest.raises(CostError, match="recomputation 'some' is unknown; accepted: none, selective, full"):
        training_flops(1.0, 1.0, recomputation="some")
    assert float(money(10.0, device("H200"), usd_per_hour=3.0)) == 30.0
