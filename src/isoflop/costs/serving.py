"""What serving costs: FLOPs, bytes and key-value cache per token, roofline time on a device, tokens per dollar.

One decoding step makes one token for each of `batch` sequences. Its time is the roofline's: the longer of computing and
of reading weights and cache, on `gpus` devices that split both evenly. Arrays broadcast.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoflop.costs.devices import Device
from isoflop.costs.training import HOUR, price_of

Array = NDArray[np.float64]

SOURCES = {
    "serving_flops": "Sardana et al. 2023 (arXiv 2401.00448), section 2: 2 N per token",
    "forward_flops": "Kaplan et al. 2020 (arXiv 2001.08361), table 1, without the mean over a causal mask",
    "kv_cache": "Pope et al. 2022 (arXiv 2211.05102), section 2; MLA: DeepSeek-V2 (arXiv 2405.04434), section 2.1",
    "roofline": "Williams, Waterman and Patterson 2009 (doi 10.1145/1498765.1498785)",
    "experts": "counted: expected number of distinct experts under independent uniform routing",
}


class Step(NamedTuple):
    """One decoding step of a batch, or one prompt: FLOPs, bytes moved and held by all devices together, and seconds."""

    flops: Array
    bytes_moved: Array
    memory: Array
    seconds: Array
    compute_seconds: Array
    memory_seconds: Array

    @property
    def memory_bound(self) -> NDArray[np.bool_]:
        """Is reading the longer part?"""
        return np.asarray(self.memory_seconds >= self.compute_seconds)

    def fits(self, device: Device, gpus: ArrayLike = 1) -> NDArray[np.bool_]:
        """Do weights and cache fit into the devices' memory?"""
        return np.asarray(self.memory <= device.memory * np.asarray(gpus, dtype=float))


def serving_flops(active_parameters: ArrayLike, tokens: ArrayLike) -> Array:
    """FLOPs of serving so many tokens, context left out: 2 N D (Sardana et al. 2023).

    >>> float(serving_flops(70e9, 1e12))
    1.4e+23
    """
    return np.asarray(2.0 * np.asarray(active_parameters, dtype=float) * np.asarray(tokens, dtype=float))


def forward_flops(
    active_parameters: ArrayLike, layers: ArrayLike = 0, attention_width: ArrayLike = 0, context: ArrayLike = 0
) -> Array:
    """FLOPs of one token with `context` tokens before it: 2 N + 4 layers attention_width context.

    `attention_width` is heads x d_head (with different widths of keys and values, their mean). N leaves out what is
    only looked up: the input embedding.
    """
    n, l, width, s = (np.asarray(each, dtype=float) for each in (active_parameters, layers, attention_width, context))
    return np.asarray(2.0 * n + 4.0 * l * width * s)


def kv_cache_per_token(layers: ArrayLike, kv_heads: ArrayLike, head_dim: ArrayLike, bits: ArrayLike = 16) -> Array:
    """Bytes of keys and values per token of context: 2 layers kv_heads head_dim.

    >>> float(kv_cache_per_token(80, 8, 128)) / 1024  # Llama-2-70B: 320 KiB
    320.0
    """
    l, heads, width, b = (np.asarray(each, dtype=float) for each in (layers, kv_heads, head_dim, bits))
    return np.asarray(2.0 * l * heads * width * b / 8.0)


def latent_cache_per_token(
    layers: ArrayLike, kv_lora_rank: ArrayLike, qk_rope_head_dim: ArrayLike, bits: ArrayLike = 16
) -> Array:
    """Bytes that multi-head latent attention keeps per token: layers (kv_lora_rank + qk_rope_head_dim)."""
    l, rank, rope, b = (np.asarray(each, dtype=float) for each in (layers, kv_lora_rank, qk_rope_head_dim, bits))
    return np.asarray(l * (rank + rope) * b / 8.0)


def experts_touched(experts: ArrayLike, active: ArrayLike, tokens: ArrayLike) -> Array:
    """Expected number of distinct experts that `tokens` tokens choose: E (1 - (1 - k / E)^tokens).

    >>> float(experts_touched(8, 2, 1)), float(experts_touched(8, 2, 1000))
    (2.0, 8.0)
    """
    e, k, b = (np.asarray(each, dtype=float) for each in (experts, active, tokens))
    return np.asarray(e * (1.0 - (1.0 - k / e) ** b))


def weights_read(
    total_parameters: ArrayLike,
    tokens: ArrayLike = 1,
    expert_parameters: ArrayLike = 0.0,
    experts: ArrayLike = 1,
    active_experts: ArrayLike = 1,
) -> Array:
    """Parameters that a pass over `tokens` tokens reads: all but the experts that none of them chose."""
    n, routed, e = (np.asarray(each, dtype=float) for each in (total_parameters, expert_parameters, experts))
    return np.asarray(n - routed * (1.0 - experts_touched(e, active_experts, tokens) / e))


def decode_step(
    device: Device,
    active_parameters: ArrayLike,
    total_parameters: ArrayLike | None = None,
    *,
    batch: ArrayLike = 1,
    context: ArrayLike = 0,
    cache_per_token: ArrayLike = 0.0,
    attention_flops_per_position: ArrayLike = 0.0,
    weight_bits: ArrayLike = 16,
    precision: str = "bf16",
    gpus: ArrayLike = 1,
    expert_parameters: ArrayLike = 0.0,
    experts: ArrayLike = 1,
    active_experts: ArrayLike = 1,
    lookup_parameters: ArrayLike = 0.0,
    compute_efficiency: ArrayLike = 1.0,
    bandwidth_efficiency: ArrayLike = 1.0,
) -> Step:
    """One decoding step: one new token for each of `batch` sequences that hold `context` tokens.

    `cache_per_token` is in bytes (`kv_cache_per_token`), `attention_flops_per_position` 4 layers attention_width;
    `lookup_parameters` (an input embedding of its own) are held, not read. The
    efficiencies are shares of the device's stated peaks; 1 gives the bound that no implementation beats.

    Raises
    ------
    CostError : the device does not calculate in this precision.

    >>> from isoflop.costs import device
    >>> step = decode_step(device("H100"), 8e9, batch=1)
    >>> float(round(step.seconds * 1e3, 2)), bool(step.memory_bound)
    (4.78, True)
    """
    n, b, s, cache = (np.asarray(each, dtype=float) for each in (active_parameters, batch, context, cache_per_token))
    total = n if total_parameters is None else np.asarray(total_parameters, dtype=float)
    weight_bytes = np.asarray(weight_bits, dtype=float) / 8.0
    flops = b * (2.0 * n + np.asarray(attention_flops_per_position, dtype=float) * s)
    read = weights_read(total, b, expert_parameters, experts, active_experts) - np.asarray(lookup_parameters)
    moved = read * weight_bytes + b * cache * (s + 1.0)
    held = total * weight_bytes + b * cache * (s + 1.0)
    return _step(flops, moved, held, device, precision, gpus, compute_efficiency, bandwidth_efficiency)


def prefill(
    device: Device,
    active_parameters: ArrayLike,
    total_parameters: ArrayLike | None = None,
    *,
    tokens: ArrayLike,
    batch: ArrayLike = 1,
    cache_per_token: ArrayLike = 0.0,
    attention_flops_per_position: ArrayLike = 0.0,
    weight_bits: ArrayLike = 16,
    precision: str = "bf16",
    gpus: ArrayLike = 1,
    lookup_parameters: ArrayLike = 0.0,
    compute_efficiency: ArrayLike = 1.0,
    bandwidth_efficiency: ArrayLike = 1.0,
) -> Step:
    """Reading prompts of `tokens` tokens: the time to the first token. Causal attention sees half the positions."""
    n, b, s, cache = (np.asarray(each, dtype=float) for each in (active_parameters, batch, tokens, cache_per_token))
    total = n if total_parameters is None else np.asarray(total_parameters, dtype=float)
    weight_bytes = np.asarray(weight_bits, dtype=float) / 8.0
    flops = b * s * (2.0 * n + np.asarray(attention_flops_per_position, dtype=float) * (s + 1.0) / 2.0)
    held = total * weight_bytes + b * s * cache
    moved = held - np.asarray(lookup_parameters, dtype=float) * weight_bytes
    return _step(flops, moved, held, device, precision, gpus, compute_efficiency, bandwidth_efficiency)


def largest_batch(
    device: Device,
    weight_bytes: ArrayLike,
    cache_per_token: ArrayLike,
    context: ArrayLike,
    gpus: ArrayLike = 1,
) -> Array:
    """Sequences of `context` tokens whose cache fits beside the weights; 0 where the weights alone do not fit."""
    free = device.memory * np.asarray(gpus, dtype=float) - np.asarray(weight_bytes, dtype=float)
    each = np.asarray(cache_per_token, dtype=float) * (np.asarray(context, dtype=float) + 1.0)
    return np.asarray(np.floor(np.maximum(free, 0.0) / each))


def usd_per_token(
    seconds_per_step: ArrayLike,
    batch: ArrayLike,
    device: Device | None = None,
    gpus: ArrayLike = 1,
    usd_per_hour: ArrayLike | None = None,
) -> Array:
    """Dollars per token made: devices are paid by time, a step makes `batch` tokens.

    Raises
    ------
    CostError : no price is known.
    """
    seconds, b, number = (np.asarray(each, dtype=float) for each in (seconds_per_step, batch, gpus))
    return np.asarray(seconds * number * price_of(device, usd_per_hour) / HOUR / b)


def tokens_per_dollar(
    seconds_per_step: ArrayLike,
    batch: ArrayLike,
    device: Device | None = None,
    gpus: ArrayLike = 1,
    usd_per_hour: ArrayLike | None = None,
) -> Array:
    """1 / `usd_per_token`."""
    return np.asarray(1.0 / usd_per_token(seconds_per_step, batch, device, gpus, usd_per_hour))


def _step(
    flops: Array,
    moved: Array,
    held: Array,
    device: Device,
    precision: str,
    gpus: ArrayLike,
    compute_efficiency: ArrayLike,
    bandwidth_efficiency: ArrayLike,
) -> Step:
    number = np.asarray(gpus, dtype=float)
    compute = flops / (device.peak(precision) * number * np.asarray(compute_efficiency, dtype=float))
    memory = moved / (device.bandwidth * number * np.asarray(bandwidth_efficiency, dtype=float))
    return Step(*(np.asarray(e) for e in (flops, moved, held, np.maximum(compute, memory), compute, memory)))
