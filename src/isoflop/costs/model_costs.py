"""The memory and serving costs of one architecture: what `memory` and `serving` say of its numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoflop.costs.architecture import Architecture
from isoflop.costs.devices import Device
from isoflop.costs.memory import MemoryUse, memory_per_device
from isoflop.costs.serving import Step, decode_step, prefill

Array = NDArray[np.float64]


def training_memory(
    architecture: Architecture, context: ArrayLike, micro_batch: ArrayLike = 1, **split: Any
) -> MemoryUse:
    """Bytes on the fullest device while the architecture is trained.

    Parameters
    ----------
    context, micro_batch : tokens of a sequence, sequences of a micro-batch on one device.
    split : the keywords of `memory.memory_per_device`: optimiser, zero_stage, data_parallel, tensor_parallel,
        pipeline_parallel, context_parallel, expert_parallel, sequence_parallel, recomputation, micro_batches, dropout.

    Raises
    ------
    CostError : an unknown optimiser, stage or recomputation.

    >>> llama = Architecture(4096, 32, 32, 32000, 4096, mlp_width=11008, gated=True)
    >>> use = training_memory(llama, 4096, optimiser="adamw", recomputation="full")
    >>> round(float(use.weights + use.gradients + use.optimiser) / 6738415616, 6)  # 16 bytes per parameter
    16.0
    """
    groups = architecture.parameters.groups
    query, key, value = _widths(architecture)
    experts = architecture.experts
    share = architecture.moe_layers / architecture.layers
    width, routed = float(architecture.mlp_width), 0.0
    if experts:
        width = (1.0 - share) * width + share * (experts.active * experts.width + experts.shared_width)
        routed = share * experts.active
    latent = architecture.latent
    return memory_per_device(
        architecture.parameters.total,
        architecture.layers,
        architecture.d_model,
        architecture.heads,
        context,
        micro_batch,
        vocabulary_parameters=groups["embedding"] + groups["positions"],
        head_parameters=groups["head"],
        expert_parameters=groups["experts"],
        vocabulary=architecture.vocabulary,
        gated=architecture.gated,
        # queries and the input of the output layer; keys and values: `memory` takes two of each
        query_width=(query + value) / 2.0,
        key_width=(key + (key if latent is None else value)) / 2.0,
        mlp_width=width,
        routed=routed,
        latent_width=latent.q_lora_rank + latent.kv_lora_rank + latent.qk_rope_head_dim if latent else 0,
        **split,
    )


def cache_per_token(architecture: Architecture, context: ArrayLike = 0, bits: ArrayLike = 16) -> Array:
    """Bytes of cache per token of a context of this length (layers with a window stop growing), per sequence.

    Keys and values of every layer, or what multi-head latent attention compresses them to.

    >>> float(cache_per_token(Architecture(8192, 80, 64, 32000, 4096, kv_heads=8)))
    327680.0
    """
    latent = architecture.latent
    if latent:
        entries = latent.kv_lora_rank + latent.qk_rope_head_dim
    else:
        entries = 2 * architecture.kv_heads * architecture.head_dim
    return np.asarray(entries * np.asarray(bits, dtype=float) / 8.0 * _layers_seen(architecture, context))


def attention_flops_per_position(architecture: Architecture, context: ArrayLike = 0) -> Array:
    """Forward FLOPs of decoding per position of a context of this length.

    Latent attention is decoded in its compressed space, as DeepSeek-V2 (arXiv 2405.04434), section 2.1.2, absorbs the
    projections: a score over kv_lora_rank + qk_rope_head_dim, a sum over kv_lora_rank.
    """
    latent = architecture.latent
    if latent:
        wide = architecture.heads * (2.0 * latent.kv_lora_rank + latent.qk_rope_head_dim)
    else:
        wide = float(architecture.query_width + architecture.value_width)
    return np.asarray(2.0 * wide * _layers_seen(architecture, context))


def decode(
    architecture: Architecture,
    device: Device,
    *,
    batch: ArrayLike = 1,
    context: ArrayLike = 0,
    cache_bits: ArrayLike = 16,
    **options: Any,
) -> Step:
    """One decoding step: a token for each of `batch` sequences that hold `context` tokens.

    `options` are keywords of `serving.decode_step`: weight_bits, precision, gpus, compute_efficiency,
    bandwidth_efficiency.

    Raises
    ------
    CostError : the device does not calculate in this precision.

    >>> from isoflop.costs.devices import device
    >>> llama = Architecture(8192, 80, 64, 128256, 8192, kv_heads=8, mlp_width=28672, gated=True)
    >>> step = decode(llama, device("H100"), batch=16, context=4096, gpus=4)
    >>> bool(step.memory_bound), bool(step.fits(device("H100"), 4)), float((step.seconds * 1e3).round(1))
    (True, True, 12.0)
    """
    experts = architecture.experts
    routed: dict[str, Any] = {}
    if experts:
        routed = {
            "expert_parameters": architecture.parameters.groups["experts"],
            "experts": experts.number,
            "active_experts": experts.active,
        }
    return decode_step(
        device,
        architecture.multiplied(),
        architecture.parameters.total,
        batch=batch,
        context=context,
        cache_per_token=cache_per_token(architecture, np.asarray(context, dtype=float) + 1.0, cache_bits),
        attention_flops_per_position=attention_flops_per_position(architecture, context),
        lookup_parameters=_looked_up(architecture),
        **routed,
        **options,
    )


def read_prompt(
    architecture: Architecture,
    device: Device,
    *,
    tokens: ArrayLike,
    batch: ArrayLike = 1,
    cache_bits: ArrayLike = 16,
    **options: Any,
) -> Step:
    """Reading `batch` prompts of `tokens` tokens each: its seconds are the time to the first token.

    Logits are made for the last position only; every expert is read.

    Raises
    ------
    CostError : the device does not calculate in this precision.
    """
    head = architecture.vocabulary * architecture.d_model
    spared = head * (1.0 - 1.0 / np.asarray(tokens, dtype=float))
    attended = 2.0 * (architecture.query_width + architecture.value_width) * _layers_seen(architecture, tokens)
    return prefill(
        device,
        architecture.multiplied() - spared,
        architecture.parameters.total,
        tokens=tokens,
        batch=batch,
        cache_per_token=cache_per_token(architecture, tokens, cache_bits),
        attention_flops_per_position=attended,
        lookup_parameters=_looked_up(architecture),
        **options,
    )


def _layers_seen(architecture: Architecture, context: ArrayLike) -> Array:
    """Layers, those with a window counted by the share of the context that they see."""
    length = np.maximum(np.asarray(context, dtype=float), 1.0)
    return np.asarray(architecture.attended(length) / length)


def _looked_up(architecture: Architecture) -> int:
    groups = architecture.parameters.groups
    return groups["positions"] + (0 if architecture.tied else groups["embedding"])


def _widths(architecture: Architecture) -> tuple[float, float, float]:
    """Of queries, keys, attended values."""
    keys = architecture.query_width if architecture.latent else architecture.kv_heads * architecture.head_dim
    return float(architecture.query_width), float(keys), float(architecture.value_width)
