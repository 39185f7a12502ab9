"""Newer kin of Llama that change a norm, a bias or the activation: GLM, EXAONE 4, OLMo 3, Command R7B, Seed-OSS ..."""

from __future__ import annotations

from dataclasses import replace

from isoflop.costs.architecture import Architecture
from isoflop.costs.config_fields import ConfigFields
from isoflop.costs.families.llama import cohere, llama_like, mistral


def with_windows(config: ConfigFields, made: Architecture, usual: int = 0) -> Architecture:
    """The layers that layer_types gives a window, or `usual` of them."""
    window, layers = config.windows(made.layers, config.number("sliding_window"), usual)
    return replace(made, window=window, windowed_layers=layers)


def glm(config: ConfigFields) -> Architecture:
    """Biases on queries, keys and values only."""
    return llama_like(config, attention_output_bias=False)


def glm4(config: ConfigFields) -> Architecture:
    """As GLM, with two more normalisations a layer."""
    return llama_like(config, attention_output_bias=False, norms_per_layer=4)


def exaone4(config: ConfigFields) -> Architecture:
    """Queries and keys are normalised in each head; three of four layers have a window in the larger model."""
    return with_windows(config, llama_like(config, qk_norm="head"))


def olmo3(config: ConfigFields) -> Architecture:
    """Queries and keys are normalised over all heads; three of four layers have a window."""
    made = llama_like(config, qk_norm="width", mlp_bias=False)
    return with_windows(config, made, made.layers - made.layers // 4)


def cohere2(config: ConfigFields) -> Architecture:
    """As Command R, with a window in three of four layers."""
    made = cohere(config)
    return with_windows(config, made, made.layers - made.layers // 4)


def seed_oss(config: ConfigFields) -> Architecture:
    """The bias after attention has a flag of its own."""
    return llama_like(config, attention_output_bias=config.flag("attention_out_bias", False))


def ernie(config: ConfigFields) -> Architecture:
    """One flag for every bias."""
    bias = config.flag("use_bias", False)
    return llama_like(config, tied=True, qkv_bias=bias, attention_output_bias=bias, mlp_bias=bias)


def arcee(config: ConfigFields) -> Architecture:
    """Squared ReLU instead of a gate."""
    return llama_like(config, gated=False)


def nanochat(config: ConfigFields) -> Architecture:
    """Squared ReLU, normalisations without gains."""
    return llama_like(config, gated=False, norm="none")


def windowed(config: ConfigFields) -> Architecture:
    """Llama, with windows where layer_types says so."""
    return with_windows(config, llama_like(config))


MODEL_TYPES = {
    "glm": glm,
    "glm4": glm4,
    "exaone4": exaone4,
    "olmo3": olmo3,
    "cohere2": cohere2,
    "seed_oss": seed_oss,
    "ernie4_5": ernie,
    "arcee": arcee,
    "nanochat": nanochat,
    "cwm": windowed,
    "helium": llama_like,
    "internlm3": llama_like,
    "ministral3": mistral,
}
