"""config.json values of known models and their published parameter counts.

The counts are those of the released checkpoints (the number of stored values, as model hubs state it; Pythia: the table
of its README). Configs are the values of the released config.json files that a count depends on.
"""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]


def _gpt2(n_embd: int, n_layer: int, n_head: int) -> Config:
    return {"model_type": "gpt2", "n_embd": n_embd, "n_layer": n_layer, "n_head": n_head, "n_positions": 1024,
            "vocab_size": 50257}  # fmt: skip


def _pythia(hidden_size: int, layers: int, heads: int, vocabulary: int) -> Config:
    return {"model_type": "gpt_neox", "hidden_size": hidden_size, "num_hidden_layers": layers,
            "num_attention_heads": heads, "intermediate_size": 4 * hidden_size, "vocab_size": vocabulary,
            "max_position_embeddings": 2048, "tie_word_embeddings": False, "use_parallel_residual": True}  # fmt: skip


def _llama(
    hidden: int, layers: int, heads: int, kv: int, mlp: int, vocabulary: int, context: int, kind: str = "llama",
    tied: bool = False, **more: Any,
) -> Config:  # fmt: skip
    return {"model_type": kind, "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
            "num_key_value_heads": kv, "intermediate_size": mlp, "vocab_size": vocabulary,
            "max_position_embeddings": context, "tie_word_embeddings": tied, "rms_norm_eps": 1e-5, **more}  # fmt: skip


#: name -> (config.json values, published parameters)
PUBLISHED: dict[str, tuple[Config, int]] = {
    "gpt2": (_gpt2(768, 12, 12), 124_439_808),
    "gpt2-medium": (_gpt2(1024, 24, 16), 354_823_168),
    "gpt2-large": (_gpt2(1280, 36, 20), 774_030_080),
    "gpt2-xl": (_gpt2(1600, 48, 25), 1_557_611_200),
    "pythia-70m": (_pythia(512, 6, 8, 50304), 70_426_624),
    "pythia-160m": (_pythia(768, 12, 12, 50304), 162_322_944),
    "pythia-410m": (_pythia(1024, 24, 16, 50304), 405_334_016),
    "pythia-1b": (_pythia(2048, 16, 8, 50304), 1_011_781_632),
    "pythia-1.4b": (_pythia(2048, 24, 16, 50304), 1_414_647_808),
    "pythia-2.8b": (_pythia(2560, 32, 32, 50304), 2_775_208_960),
    "pythia-6.9b": (_pythia(4096, 32, 32, 50432), 6_857_302_016),
    "pythia-12b": (_pythia(5120, 36, 40, 50688), 11_846_072_320),
    "gpt-neox-20b": (_pythia(6144, 44, 64, 50432), 20_554_567_680),
    "llama-2-7b": (_llama(4096, 32, 32, 32, 11008, 32000, 4096), 6_738_415_616),
    "llama-2-13b": (_llama(5120, 40, 40, 40, 13824, 32000, 4096), 13_015_864_320),
    "llama-2-70b": (_llama(8192, 80, 64, 8, 28672, 32000, 4096), 68_976_648_192),
    "llama-3-8b": (_llama(4096, 32, 32, 8, 14336, 128256, 8192), 8_030_261_248),
    "llama-3-70b": (_llama(8192, 80, 64, 8, 28672, 128256, 8192), 70_553_706_496),
    "llama-3.1-405b": (_llama(16384, 126, 128, 8, 53248, 128256, 131072), 405_853_388_800),
    "llama-3.2-1b": (_llama(2048, 16, 32, 8, 8192, 128256, 131072, tied=True, head_dim=64), 1_235_814_400),
    "llama-3.2-3b": (_llama(3072, 28, 24, 8, 8192, 128256, 131072, tied=True, head_dim=128), 3_212_749_824),
    "tinyllama-1.1b": (_llama(2048, 22, 32, 4, 5632, 32000, 2048), 1_100_048_384),
    "mistral-7b": (_llama(4096, 32, 32, 8, 14336, 32000, 32768, "mistral", sliding_window=4096), 7_241_732_096),
    "mixtral-8x7b": (
        _llama(4096, 32, 32, 8, 14336, 32000, 32768, "mixtral", num_local_experts=8, num_experts_per_tok=2),
        46_702_792_704,
    ),
    "mixtral-8x22b": (
        _llama(6144, 56, 48, 8, 16384, 32000, 65536, "mixtral", num_local_experts=8, num_experts_per_tok=2),
        140_620_634_112,
    ),
    "qwen2.5-0.5b": (_llama(896, 24, 14, 2, 4864, 151936, 32768, "qwen2", tied=True), 494_032_768),
    "qwen2.5-1.5b": (_llama(1536, 28, 12, 2, 8960, 151936, 131072, "qwen2", tied=True), 1_543_714_304),
    "qwen2.5-3b": (_llama(2048, 36, 16, 2, 11008, 151936, 32768, "qwen2", tied=True), 3_085_938_688),
    "qwen2.5-7b": (_llama(3584, 28, 28, 4, 18944, 152064, 131072, "qwen2"), 7_615_616_512),
    "qwen2.5-14b": (_llama(5120, 48, 40, 8, 13824, 152064, 131072, "qwen2"), 14_770_033_664),
    "qwen2.5-32b": (_llama(5120, 64, 40, 8, 27648, 152064, 131072, "qwen2"), 32_763_876_352),
    "qwen2.5-72b": (_llama(8192, 80, 64, 8, 29568, 152064, 131072, "qwen2"), 72_706_203_648),
    "qwen3-0.6b": (_llama(1024, 28, 16, 8, 3072, 151936, 40960, "qwen3", tied=True, head_dim=128), 596_049_920),
    "qwen3-8b": (_llama(4096, 36, 32, 8, 12288, 151936, 40960, "qwen3", head_dim=128), 8_190_735_360),
    "qwen3-30b-a3b": (
        _llama(2048, 48, 32, 4, 6144, 151936, 40960, "qwen3_moe", head_dim=128, num_experts=128,
               num_experts_per_tok=8, moe_intermediate_size=768, decoder_sparse_step=1, mlp_only_layers=[]),
        30_532_122_624,
    ),
    "qwen1.5-moe-a2.7b": (
        _llama(2048, 24, 16, 16, 5632, 151936, 8192, "qwen2_moe", num_experts=60, num_experts_per_tok=4,
               moe_intermediate_size=1408, shared_expert_intermediate_size=5632, decoder_sparse_step=1),
        14_315_784_192,
    ),
    "gemma-2b": (_llama(2048, 18, 8, 1, 16384, 256000, 8192, "gemma", tied=True, head_dim=256), 2_506_172_416),
    "gemma-7b": (_llama(3072, 28, 16, 16, 24576, 256000, 8192, "gemma", tied=True, head_dim=256), 8_537_680_896),
    "gemma-2-2b": (_llama(2304, 26, 8, 4, 9216, 256000, 8192, "gemma2", tied=True, head_dim=256), 2_614_341_888),
    "gemma-2-9b": (_llama(3584, 42, 16, 8, 14336, 256000, 8192, "gemma2", tied=True, head_dim=256), 9_241_705_984),
    "gemma-2-27b": (_llama(4608, 46, 32, 16, 36864, 256000, 8192, "gemma2", tied=True, head_dim=128), 27_227_128_320),
    "gemma-3-1b": (
        _llama(1152, 26, 4, 1, 6912, 262144, 32768, "gemma3_text", tied=True, head_dim=256, sliding_window=512),
        999_885_952,
    ),
    "phi-3-mini": (_llama(3072, 32, 32, 32, 8192, 32064, 4096, "phi3"), 3_821_079_552),
    "olmo-1b": (_llama(2048, 16, 16, 16, 8192, 50304, 2048, "olmo", tied=True), 1_176_764_416),
    "olmo-2-7b": (_llama(4096, 32, 32, 32, 11008, 100352, 4096, "olmo2"), 7_298_617_344),
    "olmoe-1b-7b": (
        _llama(2048, 16, 16, 16, 1024, 50304, 4096, "olmoe", num_experts=64, num_experts_per_tok=8),
        6_919_161_856,
    ),
    "deepseek-v2": (
        _llama(5120, 60, 128, 128, 12288, 102400, 163840, "deepseek_v2", q_lora_rank=1536, kv_lora_rank=512,
               qk_nope_head_dim=128, qk_rope_head_dim=64, v_head_dim=128, n_routed_experts=160, n_shared_experts=2,
               num_experts_per_tok=6, moe_intermediate_size=1536, first_k_dense_replace=1, moe_layer_freq=1),
        235_741_434_880,
    ),
    "deepseek-v2-lite": (
        _llama(2048, 27, 16, 16, 10944, 102400, 163840, "deepseek_v2", q_lora_rank=None, kv_lora_rank=512,
               qk_nope_head_dim=128, qk_rope_head_dim=64, v_head_dim=128, n_routed_experts=64, n_shared_experts=2,
               num_experts_per_tok=6, moe_intermediate_size=1408, first_k_dense_replace=1, moe_layer_freq=1),
        15_706_484_224,
    ),
    "deepseek-v3": (
        _llama(7168, 61, 128, 128, 18432, 129280, 163840, "deepseek_v3", q_lora_rank=1536, kv_lora_rank=512,
               qk_nope_head_dim=128, qk_rope_head_dim=64, v_head_dim=128, n_routed_experts=256, n_shared_experts=1,
               num_experts_per_tok=8, moe_intermediate_size=2048, first_k_dense_replace=3, moe_layer_freq=1),
        671_026_419_200 - 58 * 256,  # without the balancing bias of the router, which no gradient moves
    ),
    "gpt-oss-20b": (
        _llama(2880, 24, 64, 8, 2880, 201088, 131072, "gpt_oss", head_dim=64, num_local_experts=32,
               num_experts_per_tok=4, sliding_window=128, attention_bias=True),
        20_914_757_184,
    ),
    "gpt-oss-120b": (
        _llama(2880, 36, 64, 8, 2880, 201088, 131072, "gpt_oss", head_dim=64, num_local_experts=128,
               num_experts_per_tok=4, sliding_window=128, attention_bias=True),
        116_829_156_672,
    ),
    "gpt-j-6b": (
        {"model_type": "gptj", "n_embd": 4096, "n_layer": 28, "n_head": 16, "n_positions": 2048, "vocab_size": 50400,
         "tie_word_embeddings": False},
        6_050_882_784,
    ),
    "bloom": (
        {"model_type": "bloom", "n_embed": 14336, "num_attention_heads": 112, "n_layer": 70, "seq_length": 2048,
         "vocab_size": 250880},
        176_247_271_424,
    ),
    "opt-125m": (
        {"model_type": "opt", "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "ffn_dim": 3072,
         "vocab_size": 50272, "max_position_embeddings": 2048, "word_embed_proj_dim": 768},
        125_239_296,
    ),
    "falcon-7b": (
        {"model_type": "falcon", "hidden_size": 4544, "num_hidden_layers": 32, "num_attention_heads": 71,
         "vocab_size": 65024, "multi_query": True, "parallel_attn": True, "bias": False, "alibi": False,
         "new_decoder_architecture": False},
        6_921_720_704,
    ),
    "phi-2": (
        {"model_type": "phi", "hidden_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 32,
         "intermediate_size": 10240, "vocab_size": 51200, "max_position_embeddings": 2048,
         "tie_word_embeddings": False},
        2_779_683_840,
    ),
    "starcoder2-3b": (
        _llama(3072, 30, 24, 2, 12288, 49152, 16384, "starcoder2", tied=True, use_bias=True), 3_030_371_328,
    ),
}  # fmt: skip
