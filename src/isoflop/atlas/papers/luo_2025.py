"""Multi-power law: the loss under any learning-rate schedule, every fall of the rate with a gain that saturates."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isoflop.scaling_law import Example, FormulaLaw, Parameter, Published, PythonLaw, Source, Variable

LUO = Source(
    "A Multi-Power Law for Loss Curve Prediction Across Learning Rate Schedules", 2025, "Luo et al.", "arXiv:2503.12811"
)


def _published(size: str, *values: float) -> Published:
    return Published(
        f"luo2025_{size}",
        dict(zip(("L_0", "A", "alpha", "B", "C", "beta", "gamma"), values)),
        "published",
        LUO,
        where="best parameters in the authors' repository: README, all digits in src/config.py",
        data=f"{size} parameters; cosine and constant runs of 24 000 steps and a two-stage run, peak 3e-4",
        objective="Huber(1e-3) on log loss",
    )


PUBLISHED = (
    _published("25M", 3.04045406, 0.52468604, 0.50786857, 363.78751622, 2.06560812, 0.58279013, 0.64142257),
    _published("100M", 2.6514477, 0.60115152, 0.45295811, 437.9464276, 2.13245612, 0.59785199, 0.65523644),
    _published("400M", 2.37474466, 0.65421216, 0.42878731, 523.42464371, 2.02462735, 0.59350493, 0.63472457),
)
_PARAMETERS = (
    Parameter("L_0", "loss that no sum of rates goes below while the rate stays", role="floor", unit="nats per token"),
    Parameter("A", "weight of the forward term", unit="loss x [S1]^alpha"),
    Parameter("alpha", "exponent of the forward sum", 0.0, 10.0, "exponent", "1"),
    Parameter("B", "fall of the loss for each unit that the rate falls, in the end", unit="loss per learning rate"),
    Parameter("C", "how fast that fall comes", unit="[rate]^gamma per [S1]"),
    Parameter("beta", "exponent with which that fall saturates", 0.0, 10.0, "exponent", "1"),
    Parameter("gamma", "exponent of the rate fallen to: lower rates take longer", 0.0, 10.0, "exponent", "1"),
)
_PEAK_ONLY = "The constants were fitted at a peak of 3e-4 alone; the law takes every higher peak for better."
_SUM = (
    "In general the fall is the sum over steps k of (rate_(k-1) - rate_k) (1 - (1 + C rate_k^-gamma S_k)^-beta), S_k "
    "the sum of the rates from k on; the rises of the warm-up enter with their sign (they add some 0.1 nats). "
    "`isoflop curve` fits this law to curves and forecasts any schedule."
)
_GAIN = "(1 - (1 + C * {rate}**-gamma * {since})**-beta)"


@cache
def _nodes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Squares of Gauss-Legendre nodes on [0, 1] and their weights: nodes crowd where rates are low and gains turn."""
    nodes, weights = np.polynomial.legendre.leggauss(48)
    halved = (nodes + 1) / 2
    return halved**2, weights * halved


def _decayed(r: Mapping[str, NDArray[Any]], p: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """The loss at the end of a linear warm-up, a stable part and a linear decay, falls as integrals over the rate."""
    peak, last, warm, decay = (r[name][..., None] for name in ("LR", "LR_end", "warmup", "decay"))
    stable = r["S"][..., None] - warm - decay
    beta, gamma, scale = (p[name][..., None] for name in ("beta", "gamma", "C"))

    def gain(rate: NDArray[Any], since: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(1 - (1 + scale * rate**-gamma * since) ** -beta)

    after = peak * stable + (peak + last) / 2 * decay
    nodes, weights = _nodes()
    rising = peak * nodes
    rises = np.sum(weights * peak * gain(rising, (peak**2 - rising**2) / (2 * peak) * warm + after), -1)
    falling = last + (peak - last) * nodes
    area = (falling - last) * (falling + last) / (2 * (peak - last)) * decay
    falls = np.sum(weights * (peak - last) * gain(falling, area), -1)
    total = (peak * warm / 2 + after)[..., 0]
    return np.asarray(p["L_0"] + p["A"] * total ** -p["alpha"] + p["B"] * (rises - falls))


LAWS = (
    FormulaLaw(
        id="multi_power_law",
        title="Loss after one fall of the learning rate, with a gain that saturates as a power",
        text=(
            "L_0 + A / (S_before + S_after)**alpha"
            f" + B * LR * {_GAIN.format(rate='LR', since='(S_before + S_after)')}"
            f" - B * (LR - LR_low) * {_GAIN.format(rate='LR_low', since='S_after')}"
        ),
        inputs=(
            Variable("S_before", "learning rate x steps", "sum of the rates before the fall", low=0.0),
            Variable("S_after", "learning rate x steps", "sum of the rates since the fall", low=0.0),
            Variable("LR", "1", "the rate before the fall, reached from 0 at once", low=0.0),
            Variable("LR_low", "1", "the rate after the fall", low=0.0),
        ),
        parameters=_PARAMETERS,
        source=LUO,
        published=PUBLISHED,
        domain={"S_before": (1.0, 7.0), "S_after": (0.02, 2.0), "LR": (2.9e-4, 3.1e-4), "LR_low": (3e-5, 2.5e-4)},
        examples=(
            Example(
                {"S_before": 2.076, "S_after": 0.72, "LR": 3e-4, "LR_low": 9e-5}, 3.06816, "luo2025_100M", 1e-6,
                "two stages of 8 000 steps (3e-4, then 9e-5), the warm-up as one rise, reckoned",
            ),
        ),
        notes=(_SUM, _PEAK_ONLY),
        tags=("language", "schedule", "learning curve"),
        decreasing=("S_after",),
    ),
    PythonLaw(
        id="multi_power_law_decay",
        title="Final loss of a warm-up, a stable part and a linear decay by the multi-power law",
        text="L_0 + A / S1**alpha - B * sum_k (rate_(k-1) - rate_k) * (1 - (1 + C * rate_k**-gamma * S_k)**-beta)",
        latex_text=(
            r"L_0 + A S_1^{-\alpha} - B \sum_k (\eta_{k-1} - \eta_k)"
            r"\left(1 - (1 + C \eta_k^{-\gamma} S_k)^{-\beta}\right)"
        ),
        function=_decayed,
        inputs=(
            Variable("S", "steps", "steps in all", low=0.0),
            Variable("warmup", "steps", "steps over which the rate rises from 0", low=0.0),
            Variable("decay", "steps", "last steps, over which the rate falls linearly", low=0.0),
            Variable("LR", "1", "peak learning rate", low=0.0),
            Variable("LR_end", "1", "learning rate at the end, below the peak and above 0", low=0.0),
        ),
        parameters=_PARAMETERS,
        source=LUO,
        published=PUBLISHED,
        domain={
            "S": (16_000.0, 72_000.0), "warmup": (1000.0, 4000.0), "decay": (1000.0, 12_000.0),
            "LR": (2.9e-4, 3.1e-4), "LR_end": (1e-5, 1e-4),
        },
        examples=(
            Example(
                {"S": 24_000.0, "warmup": 2160.0, "decay": 4000.0, "LR": 3e-4, "LR_end": 3e-5}, 2.934099,
                "luo2025_100M", 1e-5, "the sum over every step of this schedule",
            ),
        ),
        notes=(_SUM, _PEAK_ONLY, "The sum is taken as an integral over the rate, within 4e-5 of that over steps."),
        tags=("language", "schedule", "learning curve"),
    ),
)  # fmt: skip
