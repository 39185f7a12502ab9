"""The GPT line, LayerNorm and an MLP of two matrices: GPT-2, GPT-J, NeoX (Pythia), OPT, BLOOM, Falcon, Phi."""

from __future__ import annotations

from typing import Any

from isoflop.costs.architecture import Architecture
from isoflop.costs.config_fields import ConfigFields
from isoflop.costs.errors import CostError

_CONTEXT = ("max_position_embeddings", "n_positions", "n_ctx", "seq_length", "max_seq_len")


def _gpt(config: ConfigFields, tied: bool, **changes: Any) -> Architecture:
    d_model = config.size("hidden_size", "n_embd", "n_embed", "d_model")
    given: dict[str, Any] = {
        "d_model": d_model,
        "layers": changes.get("layers") or config.size("num_hidden_layers", "n_layer", "n_layers"),
        "heads": changes.get("heads") or config.size("num_attention_heads", "n_head", "n_heads"),
        "vocabulary": config.size("vocab_size"),
        "context": changes.get("context") or config.size(*_CONTEXT),
        "mlp_width": changes.get("mlp_width")
        or config.size("intermediate_size", "n_inner", "ffn_dim", default=4 * d_model),
        "tied": config.flag("tie_word_embeddings", tied),
        "norm": "layernorm",
        "qkv_bias": True,
        "attention_output_bias": True,
        "mlp_bias": True,
        **changes,
    }
    return Architecture(**given)


def gpt2(config: ConfigFields) -> Architecture:
    """Learned positions, tied output."""
    return _gpt(config, True, learned_positions=config.size("n_positions", "n_ctx", "max_position_embeddings"))


def gpt_bigcode(config: ConfigFields) -> Architecture:
    """StarCoder 1: GPT-2 with one head of keys and values."""
    heads = config.size("num_attention_heads", "n_head")
    few = 1 if config.flag("multi_query", True) else heads
    return _gpt(config, True, kv_heads=few, learned_positions=config.size("n_positions", "max_position_embeddings"))


def gpt_neox(config: ConfigFields) -> Architecture:
    """GPT-NeoX-20B and Pythia: parallel branches, a norm for each, untied output."""
    bias = config.flag("attention_bias", True)
    return _gpt(
        config,
        False,
        mlp_width=config.size("intermediate_size"),
        parallel=config.flag("use_parallel_residual", True),
        qkv_bias=bias,
        attention_output_bias=bias,
    )


def gptj(config: ConfigFields) -> Architecture:
    """Parallel branches after one norm, no biases in attention, a bias on the output layer."""
    return _gpt(
        config, False, norms_per_layer=1, parallel=True, qkv_bias=False, attention_output_bias=False, head_bias=True
    )


def opt(config: ConfigFields) -> Architecture:
    """Learned positions with two rows more than the context.

    Raises
    ------
    CostError : OPT-350m, whose embedding is narrower than the model.
    """
    if config.number("word_embed_proj_dim", default=config.size("hidden_size")) != config.size("hidden_size"):
        raise CostError(f"{config.where}: an embedding narrower than the model (word_embed_proj_dim) is not counted")
    bias = config.flag("enable_bias", True)
    affine = config.flag("layer_norm_elementwise_affine", True)
    final = config.flag("do_layer_norm_before", True) and not config.flag("_remove_final_layer_norm", False)
    return _gpt(
        config,
        True,
        learned_positions=config.size("max_position_embeddings") + 2,
        qkv_bias=bias,
        attention_output_bias=bias,
        mlp_bias=bias,
        norm="layernorm" if affine else "none",
        final_norm=final,
    )


def bloom(config: ConfigFields) -> Architecture:
    """ALiBi, so no positions; the embedding is normalised."""
    wide = config.size("hidden_size", "n_embed", "n_embd")
    return _gpt(config, True, embedding_norm=True, mlp_width=4 * wide, context=_context(config, 2048))


def falcon(config: ConfigFields) -> Architecture:
    """Parallel branches, no biases; few heads of keys and values."""
    heads = config.size("num_attention_heads", "n_head")
    new, parallel = config.flag("new_decoder_architecture", False), config.flag("parallel_attn", True)
    if new:
        kv_heads = config.size("num_kv_heads", "n_head_kv", default=heads)
    else:
        kv_heads = 1 if config.flag("multi_query", True) else heads
    norms = config.number("num_ln_in_parallel_attn", default=2 if new else 1) if parallel or new else 2
    bias = config.flag("bias", False)
    return _gpt(
        config,
        True,
        context=_context(config, 2048),
        mlp_width=config.size("ffn_hidden_size", default=4 * config.size("hidden_size")),
        kv_heads=kv_heads,
        norms_per_layer=norms,
        parallel=parallel,
        qkv_bias=bias,
        attention_output_bias=bias,
        mlp_bias=bias,
    )


def phi(config: ConfigFields) -> Architecture:
    """Phi-1, 1.5 and 2: parallel branches after one norm, biases everywhere, the output layer included."""
    heads = config.size("num_attention_heads")
    if config.flag("qk_layernorm", False):
        raise CostError(f"{config.where}: normalised queries and keys of phi (qk_layernorm) are not counted")
    kv_heads = config.size("num_key_value_heads", default=heads)
    return _gpt(config, False, kv_heads=kv_heads, norms_per_layer=1, parallel=True, head_bias=True)


def starcoder2(config: ConfigFields) -> Architecture:
    """Biases on request, grouped queries, tied output."""
    bias = config.flag("use_bias", True)
    kv_heads = config.size("num_key_value_heads", default=config.size("num_attention_heads"))
    return _gpt(config, True, kv_heads=kv_heads, qkv_bias=bias, attention_output_bias=bias, mlp_bias=bias)


def nemotron(config: ConfigFields) -> Architecture:
    """Squared ReLU: two matrices; LayerNorm with biases."""
    bias = config.flag("attention_bias", False)
    heads, d_model = config.size("num_attention_heads"), config.size("hidden_size")
    return _gpt(
        config,
        False,
        kv_heads=config.size("num_key_value_heads", default=heads),
        head_dim=config.size("head_dim", default=d_model // heads or 1),
        qkv_bias=bias,
        attention_output_bias=bias,
        mlp_bias=config.flag("mlp_bias", False),
    )


def gpt_neo(config: ConfigFields) -> Architecture:
    """GPT-Neo: GPT-3's shape with every other layer local; no biases on queries, keys and values."""
    layers = config.size("num_layers", "num_hidden_layers")
    listed = config.content.get("attention_layers")
    local = listed.count("local") if isinstance(listed, list) else layers // 2
    return _gpt(
        config,
        True,
        layers=layers,
        heads=config.size("num_heads", "num_attention_heads"),
        learned_positions=config.size("max_position_embeddings"),
        qkv_bias=False,
        window=config.number("window_size", default=256) if local else 0,
        windowed_layers=local,
    )


def mpt(config: ConfigFields) -> Architecture:
    """ALiBi, no biases, LayerNorm without biases.

    Raises
    ------
    CostError : biases or normalised queries and keys.
    """
    attention = config.content.get("attn_config") or {}
    if not config.flag("no_bias", True) or (isinstance(attention, dict) and attention.get("qk_ln")):
        raise CostError(f"{config.where}: an mpt with biases or qk_ln is not counted")
    ratio = config.size("expansion_ratio", default=4)
    return _gpt(
        config,
        True,
        norm="layernorm-without-bias",
        mlp_width=ratio * config.size("d_model", "hidden_size"),
        qkv_bias=False,
        attention_output_bias=False,
        mlp_bias=False,
    )


def _context(config: ConfigFields, usual: int) -> int:
    """For families whose positions need no table, so that their configs may leave the context out."""
    if config.find(*_CONTEXT) is None:
        config.assumed(
            f"the config states no context: {usual} tokens are taken, as {config.model_type} was trained with"
        )
    return config.size(*_CONTEXT, default=usual)


MODEL_TYPES = {
    "gpt2": gpt2,
    "gpt_bigcode": gpt_bigcode,
    "gpt_neox": gpt_neox,
    "gptj": gptj,
    "codegen": gptj,
    "gpt_neo": gpt_neo,
    "mpt": mpt,
    "opt": opt,
    "bloom": bloom,
    "falcon": falcon,
    "phi": phi,
    "starcoder2": starcoder2,
    "nemotron": nemotron,
}
