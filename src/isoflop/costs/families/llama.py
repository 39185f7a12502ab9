"""Llama and its kin: RMSNorm, gated MLP, rotary positions, grouped queries; also what an unknown type is taken for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from isoflop.costs.architecture import Architecture, Norm
from isoflop.costs.config_fields import ConfigFields


def llama_like(config: ConfigFields, tied: bool = False, **changes: Any) -> Architecture:
    """The shape that most configs of today describe; `changes` are fields of the architecture."""
    heads = config.size("num_attention_heads")
    d_model = config.size("hidden_size")
    config.windows(config.layers, 0, 0)  # refuses layers that are no attention
    attention_bias = config.flag("attention_bias", False)
    given: dict[str, Any] = {
        "d_model": d_model,
        "layers": config.layers,
        "heads": heads,
        "vocabulary": config.size("vocab_size"),
        "context": config.size("max_position_embeddings", "n_positions"),
        "kv_heads": config.size("num_key_value_heads", default=heads),
        "head_dim": config.size("head_dim", default=d_model // heads or 1),
        "mlp_width": config.size("intermediate_size"),
        "gated": True,
        "tied": config.flag("tie_word_embeddings", tied),
        "qkv_bias": attention_bias,
        "attention_output_bias": attention_bias,
        "mlp_bias": config.flag("mlp_bias", False),
        **changes,
    }
    return Architecture(**given)


def mistral(config: ConfigFields) -> Architecture:
    """Every layer has the window, if there is one; no biases."""
    made = llama_like(config, qkv_bias=False, attention_output_bias=False, mlp_bias=False)
    window, layers = config.windows(made.layers, config.number("sliding_window"), made.layers)
    return replace(made, window=window, windowed_layers=layers)


def qwen2(config: ConfigFields) -> Architecture:
    """Biases on queries, keys and values only."""
    made = llama_like(config, qkv_bias=True, attention_output_bias=False, mlp_bias=False)
    return _late_windows(config, made)


def qwen3(config: ConfigFields) -> Architecture:
    """Queries and keys are normalised in each head."""
    given: dict[str, Any] = {}
    if config.model_type == "qwen3":
        given["head_dim"] = config.size("head_dim", default=128)
    made = llama_like(config, qk_norm="head", mlp_bias=False, **given)
    return _late_windows(config, made)


def gemma(config: ConfigFields) -> Architecture:
    """The output layer is the embedding."""
    return llama_like(config, tied=True, mlp_bias=False, head_dim=config.size("head_dim", default=256))


def gemma2(config: ConfigFields) -> Architecture:
    """Two more normalisations a layer; every other layer has a window."""
    made = llama_like(config, True, mlp_bias=False, norms_per_layer=4, head_dim=config.size("head_dim", default=256))
    window, layers = config.windows(made.layers, config.number("sliding_window", default=4096), (made.layers + 1) // 2)
    return replace(made, window=window, windowed_layers=layers)


def gemma3(config: ConfigFields) -> Architecture:
    """As Gemma 2, with normalised queries and keys; one layer in `sliding_window_pattern` sees everything."""
    config.fill(vocab_size=262208, num_attention_heads=8, num_key_value_heads=4, max_position_embeddings=131072)
    made = gemma2(config)
    pattern = config.size("sliding_window_pattern", "_sliding_window_pattern", default=6)
    window, layers = config.windows(
        made.layers, config.number("sliding_window", default=4096), made.layers - made.layers // pattern
    )
    return replace(made, qk_norm="head", window=window, windowed_layers=layers)


def olmo(config: ConfigFields) -> Architecture:
    """OLMo 1 normalises without learned gains."""
    return llama_like(config, norm="none", mlp_bias=False)


def olmo2(config: ConfigFields) -> Architecture:
    """Queries and keys are normalised over all heads together."""
    return llama_like(config, qk_norm="width", mlp_bias=False)


def phi3(config: ConfigFields) -> Architecture:
    """Fused matrices without biases."""
    made = llama_like(config, qkv_bias=False, attention_output_bias=False, mlp_bias=False)
    window, layers = config.windows(made.layers, config.number("sliding_window"), made.layers)
    return replace(made, window=window, windowed_layers=layers)


def smollm3(config: ConfigFields) -> Architecture:
    """Llama, with the embedding as the output layer."""
    return llama_like(config, tied=True)


def stablelm(config: ConfigFields) -> Architecture:
    """LayerNorm with biases; biases on queries, keys and values if asked; one norm a layer if branches are parallel."""
    parallel = config.flag("use_parallel_residual", False)
    return llama_like(
        config,
        norm="layernorm",
        norms_per_layer=1 if parallel else 2,
        parallel=parallel,
        qkv_bias=config.flag("use_qkv_bias", False),
        attention_output_bias=False,
        mlp_bias=False,
        qk_norm="width" if config.flag("qk_layernorm", False) else "none",
    )


def cohere(config: ConfigFields) -> Architecture:
    """Command R: parallel branches after one LayerNorm without bias."""
    return llama_like(
        config,
        tied=True,
        norm="layernorm-without-bias",
        norms_per_layer=1,
        parallel=True,
        mlp_bias=False,
        qk_norm="width" if config.flag("use_qk_norm", False) else "none",
    )


def unknown(config: ConfigFields) -> Architecture:
    """Whatever has Llama's fields; the norm is told from its epsilon, the gate from the activation."""
    if config.find("tie_word_embeddings") is None:
        config.assumed("tie_word_embeddings is not in the config: the output layer is taken for a matrix of its own")
    norm: Norm = "layernorm" if "layer_norm_eps" in config.content or "norm_epsilon" in config.content else "rmsnorm"
    activation = str(config.find("hidden_act", "hidden_activation", "activation_function") or "silu")
    gated = not activation.startswith(("relu", "gelu_new", "xielu")) and (norm, activation) != ("layernorm", "gelu")
    made = llama_like(config, norm=norm, gated=gated)
    window, layers = config.windows(made.layers, config.number("sliding_window"), 0)
    return replace(made, window=window, windowed_layers=layers)


def _late_windows(config: ConfigFields, made: Architecture) -> Architecture:
    """Qwen: layers from max_window_layers on have the window, where it is used at all."""
    if not config.flag("use_sliding_window", False):
        return made
    from_layer = config.number("max_window_layers", default=made.layers)
    late = max(made.layers - from_layer, 0)
    window, layers = config.windows(made.layers, config.number("sliding_window"), late)
    return replace(made, window=window, windowed_layers=layers)


MODEL_TYPES = {
    "llama": llama_like,
    "granite": llama_like,
    "mistral": mistral,
    "ministral": mistral,
    "qwen2": qwen2,
    "qwen3": qwen3,
    "gemma": gemma,
    "gemma2": gemma2,
    "gemma3_text": gemma3,
    "olmo": olmo,
    "olmo2": olmo2,
    "phi3": phi3,
    "smollm3": smollm3,
    "stablelm": stablelm,
    "cohere": cohere,
}
