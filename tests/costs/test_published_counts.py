"""Parameters of known models from their config values, to the unit, and against the models that transformers builds."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest
from tests.costs.published_architectures import PUBLISHED, Config

from isoflop.costs.architecture import Architecture
from isoflop.costs.config_file import architecture
from isoflop.costs.flops import forward_flops_per_token


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_parameter_counts_to_the_unit(name: str) -> None:
    config, published = PUBLISHED[name]
    read, _ = architecture(config)
    assert read.parameters.total == published
    assert Architecture.from_dict(read.to_dict()) == read


@pytest.mark.parametrize(
    ("name", "billions"),
    [("mixtral-8x7b", 12.9), ("deepseek-v2", 21.4), ("deepseek-v3", 37.6), ("olmoe-1b-7b", 1.3), ("gpt-oss-20b", 4.19)],
)
def test_active_parameters(name: str, billions: float) -> None:
    # Mixtral (arXiv 2401.04088) 12.9B, OLMoE (arXiv 2409.02060) 1.3B; DeepSeek-V2 and V3 state 21B and 37B
    digits = len(str(billions).partition(".")[2])
    assert round(architecture(PUBLISHED[name][0])[0].parameters.active / 1e9, digits) == billions


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("pythia-70m", 18_915_328), ("pythia-160m", 85_056_000), ("pythia-410m", 302_311_424),
        ("pythia-1b", 805_736_448), ("pythia-1.4b", 1_208_602_624), ("pythia-2.8b", 2_517_652_480),
        ("pythia-6.9b", 6_444_163_072), ("pythia-12b", 11_327_027_200),
    ],
)  # fmt: skip
def test_pythia_without_both_embeddings(name: str, published: int) -> None:
    # Biderman et al. 2023 (arXiv 2304.01373), table 1: non-embedding parameters
    assert architecture(PUBLISHED[name][0])[0].parameters.non_vocabulary == published


def on_meta(config: Config) -> tuple[Any, Any]:
    """The model of a config without memory, and its full config."""
    torch = pytest.importorskip("torch", reason="the count is compared with a real model's")
    transformers = pytest.importorskip("transformers", reason="the count is compared with a real model's")
    logging.getLogger("transformers").setLevel(logging.ERROR)
    content = dict(config)
    full = transformers.AutoConfig.for_model(content.pop("model_type"), **content)
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(full), full


_ONE_EACH = {config["model_type"]: name for name, (config, _) in PUBLISHED.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", _ONE_EACH.values())
def test_counts_equal_those_of_transformers(name: str) -> None:
    model, full = on_meta(PUBLISHED[name][0])
    read, _ = architecture(full.to_dict())
    assert read.parameters.total == sum(each.numel() for each in model.parameters())
    assert read == architecture(PUBLISHED[name][0])[0]


_SMALL = {"vocab_size": 160, "hidden_size": 48, "num_hidden_layers": 6, "num_attention_heads": 6,
          "num_key_value_heads": 2, "intermediate_size": 80, "max_position_embeddings": 64}  # fmt: skip
_VARIANTS: list[Config] = [
    {**_SMALL, "model_type": "llama", "attention_bias": True, "mlp_bias": True, "head_dim": 16},
    {**_SMALL, "model_type": "granite", "tie_word_embeddings": True},
    {**_SMALL, "model_type": "smollm3", "tie_word_embeddings": False, "pad_token_id": 0},
    {**_SMALL, "model_type": "gemma3_text", "head_dim": 12},
    {**_SMALL, "model_type": "qwen2_moe", "num_experts": 4, "num_experts_per_tok": 2, "decoder_sparse_step": 2,
     "moe_intermediate_size": 20, "shared_expert_intermediate_size": 30, "mlp_only_layers": [1]},
    {**_SMALL, "model_type": "qwen3_moe", "num_experts": 4, "mlp_only_layers": [0, 2], "num_experts_per_tok": 2,
     "moe_intermediate_size": 20},
    {**_SMALL, "model_type": "granitemoe", "num_local_experts": 4, "num_experts_per_tok": 2},
    {**_SMALL, "model_type": "cohere", "use_qk_norm": True},
    {**_SMALL, "model_type": "cohere"},
    {**_SMALL, "model_type": "stablelm", "use_qkv_bias": True},
    {**_SMALL, "model_type": "stablelm", "use_parallel_residual": True, "qk_layernorm": True},
    {**_SMALL, "model_type": "nemotron", "head_dim": 8},
    {**_SMALL, "model_type": "gpt_neox", "attention_bias": False, "use_parallel_residual": False},
    {**_SMALL, "model_type": "deepseek_v2", "num_key_value_heads": 6,
     "q_lora_rank": 20, "kv_lora_rank": 16, "qk_nope_head_dim": 8,
     "qk_rope_head_dim": 4, "v_head_dim": 12, "n_routed_experts": 8, "n_shared_experts": 2, "num_experts_per_tok": 2,
     "moe_intermediate_size": 24, "first_k_dense_replace": 2, "attention_bias": True},
    {**_SMALL, "model_type": "falcon", "new_decoder_architecture": True, "num_kv_heads": 2},
    {**_SMALL, "model_type": "falcon", "parallel_attn": False, "multi_query": False, "alibi": True, "bias": True},
    {**_SMALL, "model_type": "falcon", "parallel_attn": False, "multi_query": False, "alibi": True, "bias": True},
    {**_SMALL, "model_type": "glm", "attention_bias": True, "head_dim": 8, "pad_token_id": 0},
    {**_SMALL, "model_type": "glm4", "attention_bias": True, "head_dim": 8, "pad_token_id": 0},
    {**_SMALL, "model_type": "exaone4"},
    {**_SMALL, "model_type": "olmo3"},
    {**_SMALL, "model_type": "cohere2"},
    {**_SMALL, "model_type": "seed_oss", "attention_out_bias": True, "head_dim": 16},
    {**_SMALL, "model_type": "ernie4_5", "use_bias": True, "tie_word_embeddings": False},
    {**_SMALL, "model_type": "arcee", "mlp_bias": True},
    {**_SMALL, "model_type": "nanochat"},
    {**_SMALL, "model_type": "helium", "head_dim": 8},
    {**_SMALL, "model_type": "ministral3", "head_dim": 16},
    {**_SMALL, "model_type": "mpt", "d_model": 48, "n_heads": 6, "n_layers": 3, "max_seq_len": 32},
    {**_SMALL, "model_type": "gpt_neo", "num_layers": 6, "num_heads": 4, "attention_types": [[["global", "local"], 3]]},
    {"model_type": "codegen", "n_embd": 64, "n_layer": 2, "n_head": 4, "rotary_dim": 8, "vocab_size": 99},
    {**_SMALL, "model_type": "glm4_moe", "attention_bias": True, "use_qk_norm": True, "n_routed_experts": 8,
     "moe_intermediate_size": 24, "first_k_dense_replace": 2, "num_experts_per_tok": 2, "head_dim": 8},
    {**_SMALL, "model_type": "dots1", "n_routed_experts": 8, "moe_intermediate_size": 24, "n_shared_experts": 1,
     "first_k_dense_replace": 1, "num_experts_per_tok": 2},
    {**_SMALL, "model_type": "minimax_m2", "num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 8},
    {**_SMALL, "model_type": "phimoe", "num_local_experts": 4, "num_experts_per_tok": 2, "lm_head_bias": True,
     "attention_bias": True, "pad_token_id": 0},
    {**_SMALL, "model_type": "llama4_text", "num_local_experts": 4, "intermediate_size_mlp": 100, "head_dim": 8,
     "interleave_moe_layer_step": 2, "pad_token_id": 0},
    {**_SMALL, "model_type": "ernie4_5_moe", "moe_num_experts": 8, "moe_k": 2, "moe_intermediate_size": 24,
     "moe_num_shared_experts": 1, "moe_layer_start_index": 2, "moe_layer_end_index": 4, "pad_token_id": 0},
    {"model_type": "gpt_bigcode", "n_embd": 48, "n_layer": 3, "n_head": 4, "n_positions": 32, "vocab_size": 99},
    {"model_type": "gpt_bigcode", "n_embd": 48, "n_layer": 3, "n_head": 4, "multi_query": False, "vocab_size": 99},
    {"model_type": "opt", "hidden_size": 48, "num_attention_heads": 4, "ffn_dim": 60, "num_hidden_layers": 2,
     "enable_bias": False, "layer_norm_elementwise_affine": False, "vocab_size": 99, "word_embed_proj_dim": 48},
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("config", _VARIANTS, ids=lambda config: config["model_type"])
def test_variants_equal_those_of_transformers(config: Config) -> None:
    model, full = on_meta(config)
    read, _ = architecture(full.to_dict())
    assert read.parameters.total == sum(each.numel() for each in model.parameters())
    head = 0 if read.tied else model.get_output_embeddings().weight.numel()
    assert (read.parameters.groups["head"] - (read.vocabulary if read.head_bias else 0)) == head
    assert read.parameters.groups["embedding"] == model.get_input_embeddings().weight.numel()


@pytest.mark.slow
@pytest.mark.parametrize("config", _VARIANTS, ids=lambda config: config["model_type"])
def test_flops_of_variants(config: Config) -> None:
    model, full = on_meta({**config, "attn_implementation": "eager"})
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("cpu"):
        model = type(model)(full)
    if hasattr(model, "set_experts_implementation"):
        model.set_experts_implementation("eager")
    read, _ = architecture(full.to_dict())
    if read.experts and config["model_type"] == "llama4_text":
        # this implementation multiplies every token by every expert, and the others by zero
        read = replace(read, experts=replace(read.experts, active=read.experts.number))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.randint(1, read.vocabulary, (2, 24)))
    assert counter.get_total_flops() / 48 == pytest.approx(forward_flops_per_token(read, 24), rel=0.01)
