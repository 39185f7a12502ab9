"""What training costs: FLOPs, device-hours, days, energy, carbon and money. Arrays in, arrays out, all broadcast.

Time and money are linear in FLOPs at a given utilisation, so each function has an inverse for budgets.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoflop.costs.devices import Device
from isoflop.costs.errors import CostError, one_of

Array = NDArray[np.float64]

HOUR, DAY = 3600.0, 86400.0
#: power usage effectiveness of LLaMA's estimate: Touvron et al. 2023 (arXiv 2302.13971), section 6
POWER_USAGE_EFFECTIVENESS = 1.1
#: kg of CO2 equivalent per kWh, the average of the United States used there
CARBON_INTENSITY = 0.385

SOURCES = {
    "training_flops": "Kaplan et al. 2020 (arXiv 2001.08361), section 2.1: 6 N D, forward 2 and backward 4; "
    "attention as in Chowdhery et al. 2022, PaLM (arXiv 2204.02311), appendix B",
    "training_time": "Chowdhery et al. 2022 (arXiv 2204.02311), appendix B: model FLOPs utilisation",
    "energy": "Touvron et al. 2023 (arXiv 2302.13971), section 6: device-hours x watts x PUE",
}


def training_flops(
    parameters: ArrayLike, tokens: ArrayLike, attention_flops_per_token: ArrayLike = 0.0, recomputation: str = "none"
) -> Array:
    """FLOPs of a training run: 6 N D, plus attention scores where they are given.

    Parameters
    ----------
    parameters : N that takes part in each token: the active parameters of a mixture of experts.
    tokens : D, repetitions included.
    attention_flops_per_token : forward and backward, 12 x layers x heads x d_head x context (`attention_flops`).
    recomputation : ``none``, ``selective`` (attention once more) or ``full`` (the forward pass once more): what the
        hardware does, not the model FLOPs that utilisation is counted in.

    >>> float(training_flops(70e9, 1.4e12))
    5.88e+23
    """
    n, d, attention = (np.asarray(each, dtype=float) for each in (parameters, tokens, attention_flops_per_token))
    dense, scores = {"none": (6.0, 1.0), "selective": (6.0, 4.0 / 3.0), "full": (8.0, 4.0 / 3.0)}[
        one_of(recomputation, ("none", "selective", "full"), "recomputation")
    ]
    return np.asarray(dense * n * d + scores * attention * d)


def attention_flops(layers: ArrayLike, attention_width: ArrayLike, context: ArrayLike) -> Array:
    """Training FLOPs per token of scores and weighted values: 12 x layers x (heads x d_head) x context (PaLM, app. B).

    >>> float(attention_flops(96, 12288, 2048))
    28991029248.0
    """
    l, width, s = (np.asarray(each, dtype=float) for each in (layers, attention_width, context))
    return np.asarray(12.0 * l * width * s)


def device_hours(flops: ArrayLike, device: Device, mfu: ArrayLike, precision: str = "bf16") -> Array:
    """Hours of one device: FLOPs / (peak x mfu). `mfu` is the share of the dense peak that model FLOPs reach.

    Raises
    ------
    CostError : the device has no such precision, or mfu is not in (0, 1].

    >>> from isoflop.costs import device
    >>> float(device_hours(5.88e23, device("H100"), mfu=0.4).round())
    412708.0
    """
    share = np.asarray(mfu, dtype=float)
    if not np.all((share > 0) & (share <= 1)):
        raise CostError(f"mfu must be in (0, 1], found {share}; 0.4 means 40 % of the peak")
    return np.asarray(np.asarray(flops, dtype=float) / (device.peak(precision) * share) / HOUR)


def flops_in(hours: ArrayLike, device: Device, mfu: ArrayLike, precision: str = "bf16") -> Array:
    """The FLOPs that fit in so many device-hours: the inverse of `device_hours`."""
    return np.asarray(np.asarray(hours, dtype=float) / device_hours(1.0, device, mfu, precision))


def training_time(
    flops: ArrayLike, device: Device, mfu: ArrayLike, gpus: ArrayLike = 1, precision: str = "bf16"
) -> Array:
    """Seconds of wall time on `gpus` devices.

    >>> from isoflop.costs import device
    >>> seconds = training_time(8 * 175e9 * 300e9, device("A100"), mfu=140 / 312, gpus=1024)
    >>> float((seconds / 86400).round(1))  # Narayanan et al. 2021, section 5.1: 34 days
    33.9
    """
    return np.asarray(device_hours(flops, device, mfu, precision) * HOUR / np.asarray(gpus, dtype=float))


def model_flops_utilisation(
    flops: ArrayLike, seconds: ArrayLike, device: Device, gpus: ArrayLike = 1, precision: str = "bf16"
) -> Array:
    """The share of the dense peak that a run reached: model FLOPs / (seconds x gpus x peak)."""
    work, time, number = (np.asarray(each, dtype=float) for each in (flops, seconds, gpus))
    return np.asarray(work / (time * number * device.peak(precision)))


def money(hours: ArrayLike, device: Device | None = None, usd_per_hour: ArrayLike | None = None) -> Array:
    """Dollars for device-hours, at `usd_per_hour` or the device's example price.

    Raises
    ------
    CostError : neither price is known.
    """
    return np.asarray(np.asarray(hours, dtype=float) * price_of(device, usd_per_hour))


def hours_for(usd: ArrayLike, device: Device | None = None, usd_per_hour: ArrayLike | None = None) -> Array:
    """The device-hours that money buys: the inverse of `money`."""
    return np.asarray(np.asarray(usd, dtype=float) / price_of(device, usd_per_hour))


def price_of(device: Device | None, usd_per_hour: ArrayLike | None) -> Array:
    """The user's price, or else the device's example price.

    Raises
    ------
    CostError : neither is known.
    """
    if usd_per_hour is not None:
        return np.asarray(usd_per_hour, dtype=float)
    if device is None:
        raise CostError("money needs a price: give usd_per_hour, or a device with one")
    return np.asarray(device.usd_per_hour)


def energy(hours: ArrayLike, device: Device, power_usage_effectiveness: float = POWER_USAGE_EFFECTIVENESS) -> Array:
    """kWh drawn by the data centre: device-hours x maximum watts x PUE / 1000. An upper estimate: devices draw less.

    Raises
    ------
    CostError : the device's power is not known.

    >>> from isoflop.costs import device
    >>> float((energy(1_022_362, device("A100")) / 1000).round())  # LLaMA-65B: 449 MWh in the paper
    450.0
    """
    if np.isnan(device.watts):
        raise CostError(f"the power of {device.name} is not published; give watts in a TOML table")
    return np.asarray(np.asarray(hours, dtype=float) * device.watts * power_usage_effectiveness / 1e3)


def carbon(kwh: ArrayLike, intensity: float = CARBON_INTENSITY) -> Array:
    """kg of CO2 equivalent at `intensity` kg per kWh (0.385, the average of the United States, as LLaMA's paper)."""
    return np.asarray(np.asarray(kwh, dtype=float) * intensity)
