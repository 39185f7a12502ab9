"""DeepSeek-V2 and V3 with latent attention (Kimi K2 too); GLM-4.5 and dots.llm1, which have their experts only."""

from __future__ import annotations

from isoflop.costs.architecture import Architecture, Experts, LatentAttention
from isoflop.costs.config_fields import ConfigFields
from isoflop.costs.errors import CostError
from isoflop.costs.families.llama import llama_like
from isoflop.costs.families.mixtures import routed


def deepseek(config: ConfigFields) -> Architecture:
    """Latent attention, narrow experts, shared experts, the first layers dense.

    The layers that predict further tokens (num_nextn_predict_layers) are left out, as in the published sizes.
    """
    experts = _narrow(config)
    latent = LatentAttention(
        kv_lora_rank=config.size("kv_lora_rank"),
        qk_nope_head_dim=config.size("qk_nope_head_dim"),
        qk_rope_head_dim=config.size("qk_rope_head_dim"),
        v_head_dim=config.size("v_head_dim"),
        q_lora_rank=config.number("q_lora_rank"),
    )
    heads = config.size("num_attention_heads")
    return llama_like(config, experts=experts, latent=latent, kv_heads=heads, head_dim=latent.v_head_dim)


def glm4_moe(config: ConfigFields) -> Architecture:
    """GLM-4.5: biases on queries, keys and values if asked, normalised queries and keys if asked."""
    norm = "head" if config.flag("use_qk_norm", False) else "none"
    return llama_like(config, attention_output_bias=False, qk_norm=norm, experts=_narrow(config))


def dots1(config: ConfigFields) -> Architecture:
    """dots.llm1: normalised queries and keys."""
    return llama_like(config, qk_norm="head", experts=_narrow(config))


def _narrow(config: ConfigFields) -> Experts:
    """Narrow routed experts, shared ones, the first layers dense.

    Raises
    ------
    CostError : experts not in every layer after the first ones.
    """
    if config.number("moe_layer_freq", default=1) != 1:
        raise CostError(f"{config.where}: moe_layer_freq must be 1, found {config.content['moe_layer_freq']!r}")
    width, shared = config.size("moe_intermediate_size"), config.number("n_shared_experts")
    dense = min(config.number("first_k_dense_replace"), config.layers)
    return routed(config, width, shared=shared, shared_width=shared * width, dense_layers=dense)


MODEL_TYPES = {
    "deepseek_v2": deepseek,
    "deepseek_v3": deepseek,
    "kimi_k2": deepseek,
    "glm4_moe": glm4_moe,
    "dots1": dots1,
}
