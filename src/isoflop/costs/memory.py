"""Memory of a device in training: weights, gradients, optimiser and activations under every way of splitting the work.

Bytes as float64; arrays broadcast. What is not counted: fragmentation, buffers of communication and of kernels, and the
layer that fully-sharded training gathers while it is at work.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoflop.costs.errors import CostError, one_of

Array = NDArray[np.float64]

SOURCES = {
    "states": "Rajbhandari et al. 2020, ZeRO (arXiv 1910.02054), section 3.1 and figure 1",
    "activations": "Korthikanti et al. 2022 (arXiv 2205.05198), section 4 and table 2",
    "expected experts": "counted: independent uniform routing",
}
RECOMPUTATION = ("none", "selective", "full")


class Optimiser(NamedTuple):
    """Bytes per parameter; `vocabulary_states` where embeddings and output layer have another optimiser."""

    weights: float
    gradients: float
    master: float
    states: float
    vocabulary_states: float
    source: str


#: what training keeps of each parameter
OPTIMISERS: Mapping[str, Optimiser] = MappingProxyType(
    {
        "adamw": Optimiser(2, 2, 4, 8, 8, "ZeRO (arXiv 1910.02054), section 3.1: 2 + 2 + 12 bytes"),
        "adamw-fp32-gradients": Optimiser(2, 4, 4, 8, 8, "Megatron-LM: 18 bytes, gradients are summed in FP32"),
        "adamw-fp32": Optimiser(4, 4, 0, 8, 8, "counted: everything in FP32"),
        "adamw-bf16": Optimiser(2, 2, 0, 4, 4, "counted: everything in BF16, no master weights"),
        "adamw-8bit": Optimiser(2, 2, 4, 2, 2, "Dettmers et al. 2021 (arXiv 2110.02861): states of one byte"),
        "muon": Optimiser(2, 2, 4, 4, 8, "Jordan et al. 2024, Muon: one momentum; vocabulary with AdamW"),
        "lion": Optimiser(2, 2, 4, 4, 4, "Chen et al. 2023, Lion (arXiv 2302.06675): one momentum"),
        "sgd": Optimiser(2, 2, 4, 0, 0, "counted: no states"),
    }
)


class MemoryUse(NamedTuple):
    """Bytes on the fullest device, by what they hold."""

    weights: Array
    gradients: Array
    optimiser: Array
    activations: Array

    @property
    def total(self) -> Array:
        """The sum."""
        return np.asarray(self.weights + self.gradients + self.optimiser + self.activations)


def optimiser_named(name: str) -> Optimiser:
    """The optimiser of this name.

    Raises
    ------
    CostError : no such optimiser.
    """
    return OPTIMISERS[one_of(name, tuple(OPTIMISERS), "optimiser")]


def parameters_per_device(
    parameters: ArrayLike,
    vocabulary_parameters: ArrayLike = 0.0,
    head_parameters: ArrayLike = 0.0,
    expert_parameters: ArrayLike = 0.0,
    tensor_parallel: ArrayLike = 1,
    pipeline_parallel: ArrayLike = 1,
    expert_parallel: ArrayLike = 1,
) -> tuple[Array, Array, Array]:
    """Parameters on the first pipeline stage before data-parallel sharding: (layers, vocabulary, experts).

    `parameters` counts everything. The first stage holds the input embedding `vocabulary_parameters` beside its share
    of the layers; the output layer `head_parameters` is on the last stage.
    """
    n, vocabulary, head, experts, t, p, e = _floats(
        parameters, vocabulary_parameters, head_parameters, expert_parameters, tensor_parallel, pipeline_parallel,
        expert_parallel,
    )  # fmt: skip
    body = (n - vocabulary - head - experts) / (t * p)
    words = (vocabulary + np.where(p == 1, head, 0.0)) / t
    return np.asarray(body), np.asarray(words), np.asarray(experts / (t * p * e))


def model_states(
    parameters: ArrayLike,
    optimiser: str = "adamw",
    zero_stage: int = 0,
    data_parallel: ArrayLike = 1,
    tensor_parallel: ArrayLike = 1,
    pipeline_parallel: ArrayLike = 1,
    vocabulary_parameters: ArrayLike = 0.0,
    head_parameters: ArrayLike = 0.0,
    expert_parameters: ArrayLike = 0.0,
    expert_parallel: ArrayLike = 1,
) -> tuple[Array, Array, Array]:
    """Bytes of (weights, gradients, optimiser) on the fullest device.

    `zero_stage` 1 shards the optimiser over the data-parallel devices, 2 also gradients, 3 also weights (FSDP).

    Raises
    ------
    CostError : an unknown optimiser or stage.

    >>> states = model_states(7.5e9, "adamw", zero_stage=1, data_parallel=64)
    >>> float(round(sum(states) / 1e9, 1))  # figure 1 of the ZeRO paper: 31.4 GB
    31.4
    """
    if zero_stage not in (0, 1, 2, 3):
        raise CostError(f"zero_stage must be 0, 1, 2 or 3, found {zero_stage}")
    kept = optimiser_named(optimiser)
    body, words, experts = parameters_per_device(
        parameters, vocabulary_parameters, head_parameters, expert_parameters, tensor_parallel, pipeline_parallel,
        expert_parallel,
    )  # fmt: skip
    dp, ep = _floats(data_parallel, expert_parallel)

    def sharded(bytes_each: float, bytes_of_words: float, from_stage: int) -> Array:
        over, over_experts = (dp, np.maximum(dp / ep, 1.0)) if zero_stage >= from_stage else (1.0, 1.0)
        return np.asarray((bytes_each * body + bytes_of_words * words) / over + bytes_each * experts / over_experts)

    return (
        sharded(kept.weights, kept.weights, 3),
        sharded(kept.gradients, kept.gradients, 2),
        sharded(kept.master + kept.states, kept.master + kept.vocabulary_states, 1),
    )


def layer_activations(
    d_model: ArrayLike,
    heads: ArrayLike,
    context: ArrayLike,
    key_width: ArrayLike | None = None,
    query_width: ArrayLike | None = None,
    mlp_width: ArrayLike | None = None,
    gated: bool = False,
    dropout: bool = False,
    routed: ArrayLike = 0.0,
    latent_width: ArrayLike = 0.0,
) -> tuple[Array, Array, Array]:
    """Bytes that one layer keeps per token for the backward pass, in 16 bits: three parts.

    (1) what tensor parallelism leaves whole: inputs of normalisations, of attention and of the MLP, dropout masks;
    (2) what it splits: queries, keys, values, the attended values, the hidden layer of the MLP;
    (3) attention scores, 2 context heads and with dropout 5 (split as well; flash attention or selective
    recomputation keep none). With dropout, MHA and an MLP of 4 d_model: 10 h, 24 h and 5 a s (Korthikanti et al.,
    equations 1 and 2). A gated MLP keeps gate, up, activated gate and product; `routed` experts of a token each keep
    their input and output beside the hidden layers, whose widths `mlp_width` adds up; `latent_width` is that of the
    compressed queries, keys and values of latent attention.
    """
    h, a, s, copies, latent = _floats(d_model, heads, context, routed, latent_width)
    q = h if query_width is None else np.asarray(query_width, dtype=float)
    kv = q if key_width is None else np.asarray(key_width, dtype=float)
    f = 4.0 * h if mlp_width is None else np.asarray(mlp_width, dtype=float)
    whole = (10.0 if dropout else 8.0) * h + 4.0 * copies * h + 4.0 * latent
    split = 4.0 * q + 4.0 * kv + (8.0 if gated else 4.0) * f
    return whole, split, np.asarray((5.0 if dropout else 2.0) * a * s)


def activation_memory(
    layers: ArrayLike,
    d_model: ArrayLike,
    heads: ArrayLike,
    context: ArrayLike,
    micro_batch: ArrayLike = 1,
    *,
    tensor_parallel: ArrayLike = 1,
    pipeline_parallel: ArrayLike = 1,
    context_parallel: ArrayLike = 1,
    sequence_parallel: bool = True,
    recomputation: str = "none",
    micro_batches: ArrayLike = np.inf,
    virtual_stages: ArrayLike = 1,
    vocabulary: ArrayLike = 0,
    dropout: bool = False,
    gated: bool = False,
    key_width: ArrayLike | None = None,
    query_width: ArrayLike | None = None,
    mlp_width: ArrayLike | None = None,
    routed: ArrayLike = 0.0,
    latent_width: ArrayLike = 0.0,
) -> Array:
    """Bytes of activations on the first pipeline stage, where most micro-batches are in flight.

    `micro_batch` is in sequences per device. `recomputation` ``selective`` keeps no attention scores (nor does flash
    attention), ``full`` keeps the input of each layer only. `vocabulary` > 0 adds the logits in FP32 where one stage
    does everything. One-forward-one-backward schedule; `virtual_stages` > 1 interleaves it.

    Raises
    ------
    CostError : an unknown recomputation.

    >>> bytes_ = activation_memory(1, 12288, 96, 2048, tensor_parallel=8, dropout=True)
    >>> float(bytes_ / (2048 * 12288 / 8))  # 34 + 5 a s / h
    114.0
    """
    one_of(recomputation, RECOMPUTATION, "recomputation")
    n, h, s, b, t, p, c, m, v, entries = _floats(
        layers, d_model, context, micro_batch, tensor_parallel, pipeline_parallel, context_parallel,
        micro_batches, virtual_stages, vocabulary,
    )  # fmt: skip
    whole, split, scores = layer_activations(
        d_model, heads, context, key_width, query_width, mlp_width, gated, dropout, routed, latent_width
    )
    spread = t if sequence_parallel else np.asarray(1.0)
    if recomputation == "full":
        per_token = 2.0 * h / spread
    else:
        per_token = whole / spread + (split + (scores if recomputation == "none" else 0.0)) / t
    interleaved = np.where(v > 1, 1.0 + (p - 1.0) / (p * v), 1.0)
    in_flight = np.minimum(p, m) * interleaved
    head = np.where((p == 1) & (entries > 0), 4.0 * h / spread + 4.0 * entries / t, 0.0)
    masks = h * p / spread if dropout and np.any(entries > 0) else 0.0
    return np.asarray(s * b / c * (n / p * in_flight * per_token + head + masks))


def memory_per_device(
    parameters: ArrayLike,
    layers: ArrayLike,
    d_model: ArrayLike,
    heads: ArrayLike,
    context: ArrayLike,
    micro_batch: ArrayLike = 1,
    *,
    optimiser: str = "adamw",
    zero_stage: int = 0,
    data_parallel: ArrayLike = 1,
    tensor_parallel: ArrayLike = 1,
    pipeline_parallel: ArrayLike = 1,
    context_parallel: ArrayLike = 1,
    expert_parallel: ArrayLike = 1,
    sequence_parallel: bool = True,
    recomputation: str = "selective",
    vocabulary_parameters: ArrayLike = 0.0,
    head_parameters: ArrayLike = 0.0,
    expert_parameters: ArrayLike = 0.0,
    vocabulary: ArrayLike = 0,
    gated: bool = False,
    dropout: bool = False,
    key_width: ArrayLike | None = None,
    query_width: ArrayLike | None = None,
    mlp_width: ArrayLike | None = None,
    routed: ArrayLike = 0.0,
    latent_width: ArrayLike = 0.0,
    micro_batches: ArrayLike = np.inf,
) -> MemoryUse:
    """Bytes on the fullest device in training: `model_states` and `activation_memory` together.

    Raises
    ------
    CostError : an unknown optimiser, stage or recomputation.

    >>> use = memory_per_device(7e9, 32, 4096, 32, 4096, zero_stage=3, data_parallel=8, recomputation="full")
    >>> float(round(use.total / 1e9, 1))
    15.1
    """
    states = model_states(
        parameters, optimiser, zero_stage, np.asarray(data_parallel) * np.asarray(context_parallel), tensor_parallel,
        pipeline_parallel, vocabulary_parameters, head_parameters, expert_parameters, expert_parallel,
    )  # fmt: skip
    activations = activation_memory(
        layers,
        d_model,
        heads,
        context,
        micro_batch,
        tensor_parallel=tensor_parallel,
        pipeline_parallel=pipeline_parallel,
        context_parallel=context_parallel,
        sequence_parallel=sequence_parallel,
        recomputation=recomputation,
        micro_batches=micro_batches,
        vocabulary=vocabulary,
        dropout=dropout,
        gated=gated,
        key_width=key_width,
        query_width=query_width,
        mlp_width=mlp_width,
        routed=routed,
        latent_width=latent_width,
    )
    return MemoryUse(*states, activations)


def _floats(*values: ArrayLike) -> tuple[Array, ...]:
    return tuple(np.asarray(value, dtype=float) for value in values)
