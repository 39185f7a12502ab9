"""Mixtures of experts: Mixtral, Qwen-MoE, OLMoE, Granite-MoE, gpt-oss, MiniMax-M2, Phi-MoE, Llama 4, ERNIE 4.5."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from isoflop.costs.architecture import Architecture, Experts
from isoflop.costs.config_fields import ConfigFields
from isoflop.costs.errors import CostError
from isoflop.costs.families.llama import llama_like, mistral, qwen2, qwen3

_NUMBER = ("num_local_experts", "num_experts", "n_routed_experts")


def routed(config: ConfigFields, width: int, **more: Any) -> Experts:
    """The routed experts of a config."""
    return Experts(config.size(*_NUMBER), config.size("num_experts_per_tok"), width, **more)


def mixtral(config: ConfigFields) -> Architecture:
    """Every layer has experts as wide as Mistral's MLP."""
    return replace(mistral(config), experts=routed(config, config.size("intermediate_size")))


def olmoe(config: ConfigFields) -> Architecture:
    """Queries and keys are normalised over all heads together."""
    experts = routed(config, config.size("intermediate_size"))
    return llama_like(config, qk_norm="width", mlp_bias=False, experts=experts)


def granitemoe(config: ConfigFields) -> Architecture:
    """Llama with experts."""
    return llama_like(config, mlp_bias=False, experts=routed(config, config.size("intermediate_size")))


def qwen2_moe(config: ConfigFields) -> Architecture:
    """Narrow experts and one wide shared expert behind a gate."""
    made = qwen2(config)
    experts = routed(
        config,
        config.size("moe_intermediate_size"),
        shared=1,
        shared_width=config.size("shared_expert_intermediate_size"),
        shared_gate=True,
        dense_layers=_plain_layers(config, made.layers),
    )
    return replace(made, experts=experts, qkv_bias=config.flag("qkv_bias", True))


def qwen3_moe(config: ConfigFields) -> Architecture:
    """Narrow experts, none shared."""
    made = qwen3(config)
    plain = _plain_layers(config, made.layers)
    return replace(made, experts=routed(config, config.size("moe_intermediate_size"), dense_layers=plain))


def gpt_oss(config: ConfigFields) -> Architecture:
    """Biases everywhere, one attention sink a head, every other layer with a window."""
    experts = routed(config, config.size("intermediate_size"), router_bias=True, bias=True)
    bias = config.flag("attention_bias", True)
    made = llama_like(
        config, qkv_bias=bias, attention_output_bias=bias, sinks=True, experts=experts, head_dim=config.size("head_dim")
    )
    window, layers = config.windows(made.layers, config.number("sliding_window", default=128), (made.layers + 1) // 2)
    return replace(made, window=window, windowed_layers=layers)


def minimax_m2(config: ConfigFields) -> Architecture:
    """Queries and keys are normalised over all heads together."""
    norm = "width" if config.flag("use_qk_norm", True) else "none"
    return llama_like(config, qk_norm=norm, experts=routed(config, config.size("intermediate_size")))


def phimoe(config: ConfigFields) -> Architecture:
    """LayerNorm with biases."""
    experts = routed(config, config.size("intermediate_size"))
    return llama_like(config, norm="layernorm", head_bias=config.flag("lm_head_bias", False), experts=experts)


def llama4(config: ConfigFields) -> Architecture:
    """One shared expert as wide as a routed one; every interleave_moe_layer_step-th layer has experts.

    Chunks of attention are counted as a window of their length, which is the most that they attend to.
    """
    layers, width = config.layers, config.size("intermediate_size")
    step = config.size("interleave_moe_layer_step", default=1)
    listed = config.content.get("moe_layers")
    plain = layers - (len(listed) if isinstance(listed, list) and listed else layers // step)
    experts = routed(config, width, shared=1, shared_width=width, dense_layers=plain)
    made = llama_like(config, mlp_width=config.size("intermediate_size_mlp"), experts=experts)
    window, windowed = config.windows(layers, config.number("attention_chunk_size"), layers - layers // 4)
    return replace(made, window=window, windowed_layers=windowed)


def ernie_moe(config: ConfigFields) -> Architecture:
    """ERNIE 4.5: the router's balancing bias is counted, as its checkpoints hold it."""
    layers, width = config.layers, config.size("moe_intermediate_size")
    first, last = config.number("moe_layer_start_index"), config.number("moe_layer_end_index", default=layers - 1)
    step = config.size("moe_layer_interval", default=1)
    with_experts = sum((layer + 1) % step == 0 and first <= layer <= last for layer in range(layers))
    shared = config.number("moe_num_shared_experts")
    experts = Experts(
        config.size("moe_num_experts"),
        config.size("moe_k"),
        width,
        shared=shared,
        shared_width=shared * width,
        dense_layers=layers - with_experts,
        router_bias=True,
    )
    bias = config.flag("use_bias", False)
    return llama_like(
        config, tied=True, qkv_bias=bias, attention_output_bias=bias, mlp_bias=bias, experts=replace(experts, bias=bias)
    )


def _plain_layers(config: ConfigFields, layers: int) -> int:
    """Layers without experts: those listed in mlp_only_layers, and all but every decoder_sparse_step-th."""
    step = config.size("decoder_sparse_step", default=1)
    listed = config.content.get("mlp_only_layers") or []
    if not isinstance(listed, list):
        raise CostError(f"{config.where}: mlp_only_layers must be a list of layers, found {listed!r}")
    return sum(layer in listed or (layer + 1) % step != 0 for layer in range(layers))


MODEL_TYPES = {
    "mixtral": mixtral,
    "olmoe": olmoe,
    "granitemoe": granitemoe,
    "qwen2_moe": qwen2_moe,
    "qwen3_moe": qwen3_moe,
    "gpt_oss": gpt_oss,
    "minimax_m2": minimax_m2,
    "phimoe": phimoe,
    "llama4_text": llama4,
    "ernie4_5_moe": ernie_moe,
}
