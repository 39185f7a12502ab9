"""The architecture of a decoder-only transformer, dense or of experts, and its parameters, exact to the unit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isoflop.costs.errors import CostError

Norm = Literal["rmsnorm", "layernorm", "layernorm-without-bias", "none"]
QueryKeyNorm = Literal["none", "head", "width"]

#: what parameters are grouped by, in the order of a forward pass
GROUPS = ("embedding", "positions", "attention", "mlp", "experts", "shared experts", "router", "norms", "head")
#: sizes beyond these are mistakes
MOST, MOST_LAYERS = 10**12, 10**5
_GAINS = {"rmsnorm": 1, "layernorm": 2, "layernorm-without-bias": 1, "none": 0}


@dataclass(frozen=True)
class Experts:
    """The mixture-of-experts layers of an architecture.

    Attributes
    ----------
    number, active : routed experts of a layer, and how many of them a token goes through.
    width : hidden width of one routed expert.
    shared, shared_width : experts that every token goes through, and the hidden width of all of them together.
    shared_gate : is their output weighted by a learned gate (Qwen2-MoE)?
    dense_layers : layers that have a plain MLP instead, such as DeepSeek's first.
    router_bias, bias : biases of the router; of the experts' matrices.
    """

    number: int
    active: int
    width: int
    shared: int = 0
    shared_width: int = 0
    shared_gate: bool = False
    dense_layers: int = 0
    router_bias: bool = False
    bias: bool = False

    def __post_init__(self) -> None:
        if min(self.number, self.active, self.width) <= 0:
            raise CostError(f"experts, active experts and their width must be > 0, found {self}")
        if self.active > self.number:
            raise CostError(f"{self.active} active experts were asked of {self.number}")


@dataclass(frozen=True)
class LatentAttention:
    """Multi-head latent attention: DeepSeek-V2 (arXiv 2405.04434), section 2.1. `q_lora_rank` 0: plain queries."""

    kv_lora_rank: int
    qk_nope_head_dim: int
    qk_rope_head_dim: int
    v_head_dim: int
    q_lora_rank: int = 0


@dataclass(frozen=True)
class Parameters:
    """Parameters by group: all of them, and those that take part in one token.

    The input embedding counts as active in full, as papers count it; a tied output layer is counted once, as embedding.
    """

    groups: Mapping[str, int]
    active_groups: Mapping[str, int]
    tied_head: int

    @property
    def total(self) -> int:
        """Every parameter."""
        return sum(self.groups.values())

    @property
    def active(self) -> int:
        """Without the routed experts that a token does not go through."""
        return sum(self.active_groups.values())

    def counted(self, convention: str = "total", active: bool = False) -> int:
        """N as `units.PARAMETER_CONVENTIONS` says: total, non_embedding or non_vocabulary.

        Raises
        ------
        CostError : an unknown convention.
        """
        groups = self.active_groups if active else self.groups
        everything = sum(groups.values())
        body = everything - groups["embedding"] - groups["positions"]
        known = {
            "total": everything,
            "non_embedding": body + self.tied_head,
            "non_vocabulary": body - groups["head"],
        }
        if convention not in known:
            raise CostError(f"parameters cannot be counted as {convention!r}; accepted: {', '.join(known)}")
        return known[convention]

    @property
    def non_embedding(self) -> int:
        """Without the input embedding and positions; the output layer counts, tied or not."""
        return self.counted("non_embedding")

    @property
    def non_vocabulary(self) -> int:
        """Without the input embedding, positions and the output layer."""
        return self.counted("non_vocabulary")


@dataclass(frozen=True)
class Architecture:
    """A decoder-only transformer, described as far as its parameters, FLOPs and memory depend on it.

    Attributes
    ----------
    d_model, layers, heads, vocabulary, context : sizes.
    kv_heads : `heads` by default; fewer mean grouped queries. head_dim : d_model / heads by default.
    mlp_width : hidden width of the MLP; 4 d_model by default, 8/3 d_model where it is gated (Shazeer 2020,
        arXiv 2002.05202).
    gated : has the MLP a third matrix (SwiGLU and its kin)?
    tied : is the output layer the input embedding?
    qkv_bias, attention_output_bias, mlp_bias, head_bias : which matrices have biases.
    norm, norms_per_layer, final_norm, embedding_norm : normalisations of width d_model.
    qk_norm : ``head``: one gain vector of head_dim for queries and one for keys; ``width``: as wide as all heads.
    sinks : one learned attention sink for each head.
    learned_positions : rows of a learned position table.
    parallel : attention and MLP read the same input (GPT-J, GPT-NeoX); changes no count.
    window, windowed_layers : layers that attend to the last `window` tokens only.
    experts, latent : mixture of experts; multi-head latent attention.

    Raises
    ------
    CostError : an impossible shape.

    >>> llama = Architecture(4096, 32, 32, 32000, 4096, mlp_width=11008, gated=True)
    >>> llama.parameters.total, llama.parameters.groups["attention"]
    (6738415616, 2147483648)
    """

    d_model: int
    layers: int
    heads: int
    vocabulary: int
    context: int
    kv_heads: int = 0
    head_dim: int = 0
    mlp_width: int = 0
    gated: bool = False
    tied: bool = False
    qkv_bias: bool = False
    attention_output_bias: bool = False
    mlp_bias: bool = False
    head_bias: bool = False
    norm: Norm = "rmsnorm"
    norms_per_layer: int = 2
    final_norm: bool = True
    embedding_norm: bool = False
    qk_norm: QueryKeyNorm = "none"
    sinks: bool = False
    learned_positions: int = 0
    parallel: bool = False
    window: int = 0
    windowed_layers: int = 0
    experts: Experts | None = None
    latent: LatentAttention | None = None
    name: str = ""

    def __post_init__(self) -> None:
        for name in ("d_model", "layers", "heads", "vocabulary", "context"):
            _check_size(name, getattr(self, name))
        for name, default in (
            ("kv_heads", self.heads),
            ("head_dim", self.d_model // self.heads),
            ("mlp_width", math.ceil(8 * self.d_model / 3) if self.gated else 4 * self.d_model),
        ):
            object.__setattr__(self, name, getattr(self, name) or default)
            _check_size(name, getattr(self, name))
        if self.heads % self.kv_heads:
            raise CostError(f"kv_heads must divide heads, found {self.kv_heads} kv_heads and {self.heads} heads")
        for name, accepted in (("norm", Norm), ("qk_norm", QueryKeyNorm)):
            if getattr(self, name) not in get_args(accepted):
                raise CostError(f"{name} {getattr(self, name)!r} is unknown; accepted: {', '.join(get_args(accepted))}")
        if self.experts and not 0 <= self.experts.dense_layers < self.layers:
            raise CostError(f"of {self.layers} layers, {self.experts.dense_layers} were asked to have no experts")
        if not 0 <= self.windowed_layers <= self.layers:
            raise CostError(f"of {self.layers} layers, {self.windowed_layers} were asked to have a window")

    @property
    def query_width(self) -> int:
        """Width of all queries together."""
        dim = self.latent.qk_nope_head_dim + self.latent.qk_rope_head_dim if self.latent else self.head_dim
        return self.heads * dim

    @property
    def value_width(self) -> int:
        """Width of all attended values together: the input of the attention's output layer."""
        return self.heads * (self.latent.v_head_dim if self.latent else self.head_dim)

    @property
    def moe_layers(self) -> int:
        """Layers with experts."""
        return self.layers - self.experts.dense_layers if self.experts else 0

    @property
    def granularity(self) -> float:
        """4 d_model over the width of an expert: G of Krajewski et al. 2024 (arXiv 2402.07871); nan if dense."""
        return 4 * self.d_model / self.experts.width if self.experts else math.nan

    @cached_property
    def parameters(self) -> Parameters:
        """The parameters by group."""
        matrices, vectors = self.matrices(), self._vectors()
        groups = {name: matrices[name] + vectors[name] for name in GROUPS}
        active = dict(groups)
        if self.experts:
            one, left = divmod(groups["experts"], self.experts.number)
            assert left == 0, "experts are alike"
            active["experts"] = one * self.experts.active
        tied_head = self.vocabulary * self.d_model if self.tied else 0
        return Parameters(MappingProxyType(groups), MappingProxyType(active), tied_head)

    def matrices(self) -> dict[str, int]:
        """Entries of the matrices by group, a tied output layer once; the embedding is a table, not a product."""
        d, experts = self.d_model, self.experts
        mlp = 3 if self.gated else 2
        return {
            "embedding": self.vocabulary * d,
            "positions": self.learned_positions * d,
            "attention": self.layers * self._attention_matrices(),
            "mlp": (self.layers - self.moe_layers) * mlp * d * self.mlp_width,
            "experts": self.moe_layers * mlp * d * experts.width * experts.number if experts else 0,
            "shared experts": self.moe_layers * d * (mlp * experts.shared_width + experts.shared_gate)
            if experts
            else 0,
            "router": self.moe_layers * d * experts.number if experts else 0,
            "norms": 0,
            "head": 0 if self.tied else self.vocabulary * d,
        }

    def multiplied(self) -> int:
        """Entries of the matrices that one token is multiplied by: active experts only, the output layer always."""
        entries = self.matrices()
        del entries["embedding"], entries["positions"]
        entries["head"] = self.vocabulary * self.d_model
        if self.experts:
            entries["experts"] = entries["experts"] // self.experts.number * self.experts.active
        return sum(entries.values())

    def attended(self, context: ArrayLike) -> NDArray[np.float64]:
        """Positions that a token at the end of `context` attends to, added over the layers."""
        seen = np.asarray(context, dtype=float)
        windowed = np.minimum(seen, self.window) if self.window else seen
        return np.asarray((self.layers - self.windowed_layers) * seen + self.windowed_layers * windowed)

    def _attention_matrices(self) -> int:
        d, latent = self.d_model, self.latent
        output = self.value_width * d
        if latent is None:
            return self.query_width * d + 2 * self.kv_heads * self.head_dim * d + output
        rank = latent.q_lora_rank
        query = rank * (d + self.query_width) if rank else d * self.query_width
        down = d * (latent.kv_lora_rank + latent.qk_rope_head_dim)
        up = latent.kv_lora_rank * self.heads * (latent.qk_nope_head_dim + latent.v_head_dim)
        return query + down + up + output

    def _vectors(self) -> dict[str, int]:
        """Biases, gains and sinks by group."""
        counts = dict.fromkeys(GROUPS, 0)
        counts["attention"] = self.layers * self._attention_vectors()
        hidden = 2 if self.gated else 1
        if self.mlp_bias:
            counts["mlp"] = (self.layers - self.moe_layers) * (hidden * self.mlp_width + self.d_model)
        if self.experts and self.experts.bias:
            one = hidden * self.experts.width + self.d_model
            counts["experts"] = self.moe_layers * self.experts.number * one
        if self.experts and self.experts.router_bias:
            counts["router"] = self.moe_layers * self.experts.number
        counts["norms"] = self._norms()
        counts["head"] = self.vocabulary if self.head_bias else 0
        return counts

    def _attention_vectors(self) -> int:
        d, latent = self.d_model, self.latent
        count = (d if self.attention_output_bias else 0) + (self.heads if self.sinks else 0)
        if not self.qkv_bias:
            return count
        if latent is None:
            return count + self.query_width + 2 * self.kv_heads * self.head_dim
        return count + latent.q_lora_rank + latent.kv_lora_rank + latent.qk_rope_head_dim

    def _norms(self) -> int:
        wide = self.layers * self.norms_per_layer + self.final_norm + self.embedding_norm
        count = _GAINS[self.norm] * wide * self.d_model
        if self.qk_norm == "head":
            count += self.layers * 2 * self.head_dim
        elif self.qk_norm == "width":
            count += self.layers * (self.heads + self.kv_heads) * self.head_dim
        if self.latent:
            count += self.layers * (self.latent.q_lora_rank + self.latent.kv_lora_rank)
        return count

    def to_dict(self) -> dict[str, Any]:
        """As a JSON-ready mapping, without what is at its default."""
        stored: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if value != each.default:
                stored[each.name] = dict(vars(value)) if isinstance(value, (Experts, LatentAttention)) else value
        return stored

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Architecture:
        """The inverse of `to_dict`.

        Raises
        ------
        CostError : an unknown field.
        """
        given = dict(stored)
        unknown = sorted(set(given) - {each.name for each in fields(cls)})
        if unknown:
            raise CostError(f"an architecture has no field {unknown[0]!r}")
        for name, kind in (("experts", Experts), ("latent", LatentAttention)):
            if given.get(name) is not None:
                given[name] = kind(**given[name])
        return cls(**given)


def _check_size(name: str, value: object) -> None:
    most = MOST_LAYERS if name == "layers" else MOST
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise CostError(f"{name} must be a whole number > 0, found {value!r}")
    if value > most:
        raise CostError(f"{name} must be at most {most:,}, found {value:.4g}")
