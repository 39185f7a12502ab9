"""Mixtures of experts: Mixtral, Qwen-MoE, OLMoE, Granite-MoE, gpt-oss, DeepSeek-V2 and V3 with latent attention."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from isoflop.costs.architecture import Architecture, Experts, LatentAttention
from isoflop.costs.config_fields import ConfigFields
from isoflop.costs.errors import CostError
from isoflop.costs.families.llama import llama_like, mistral, qwen2, qwen3

_NUMBER = ("num_local_experts", "num_experts", "n_routed_experts")


def _experts(config: ConfigFields, width: int, **more: Any) -> Experts:
    return Experts(config.size(*_NUMBER), config.size("num_experts_per_tok"), width, **more)


def mixtral(config: ConfigFields) -> Architecture:
    """Every layer has experts as wide as Mistral's MLP."""
    return replace(mistral(config), experts=_experts(config, config.size("intermediate_size")))


def olmoe(config: ConfigFields) -> Architecture:
    """Queries and keys are normalised over all heads together."""
    experts = _experts(config, config.size("intermediate_size"))
    return llama_like(config, qk_norm="width", mlp_bias=False, experts=experts)


def granitemoe(config: ConfigFields) -> Architecture:
    """Llama with experts."""
    return llama_like(config, mlp_bias=False, experts=_experts(config, config.size("intermediate_size")))


def qwen2_moe(config: ConfigFields) -> Architecture:
    """Narrow experts and one wide shared expert behind a gate."""
    made = qwen2(config)
    experts = _experts(
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
    return replace(made, experts=_experts(config, config.size("moe_intermediate_size"), dense_layers=plain))


def gpt_oss(config: ConfigFields) -> Architecture:
    """Biases everywhere, one attention sink a head, every other layer with a window."""
    experts = _experts(config, config.size("intermediate_size"), router_bias=True, bias=True)
    bias = config.flag("attention_bias", True)
    made = llama_like(
        config, qkv_bias=bias, attention_output_bias=bias, sinks=True, experts=experts, head_dim=config.size("head_dim")
    )
    window, layers = config.windows(made.layers, config.number("sliding_window", default=128), (made.layers + 1) // 2)
    return replace(made, window=window, windowed_layers=layers)


def deepseek(config: ConfigFields) -> Architecture:
    """Latent attention, narrow experts, shared experts, the first layers dense.

    The layers that predict further tokens (num_nextn_predict_layers) are left out, as in the published sizes.
    """
    layers = config.size("num_hidden_layers")
    if config.number("moe_layer_freq", default=1) != 1:
        raise CostError(f"{config.where}: moe_layer_freq must be 1, found {config.content['moe_layer_freq']!r}")
    width = config.size("moe_intermediate_size")
    shared = config.number("n_shared_experts")
    dense = min(config.number("first_k_dense_replace"), layers)
    experts = _experts(config, width, shared=shared, shared_width=shared * width, dense_layers=dense)
    latent = LatentAttention(
        kv_lora_rank=config.size("kv_lora_rank"),
        qk_nope_head_dim=config.size("qk_nope_head_dim"),
        qk_rope_head_dim=config.size("qk_rope_head_dim"),
        v_head_dim=config.size("v_head_dim"),
        q_lora_rank=config.number("q_lora_rank"),
    )
    heads = config.size("num_attention_heads")
    return llama_like(config, experts=experts, latent=latent, kv_heads=heads, head_dim=latent.v_head_dim)


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
    "deepseek_v2": deepseek,
    "deepseek_v3": deepseek,
}
