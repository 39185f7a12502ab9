"""Training FLOPs per token of an architecture under every convention in use, each with its source and its assumptions.

A convention is one row of `CONVENTIONS`. Forward and backward, a multiply-add is two operations. Closed forms are
evaluated as printed, with the architecture's own numbers: where an architecture breaks a form's assumptions (grouped
queries, a gated MLP, experts), `exact` is the count to trust.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from isoflop.costs.architecture import Architecture
from isoflop.costs.errors import CostError


class Convention(NamedTuple):
    """One way to count: the function of (architecture, context), the formula in plain text, and where it is printed."""

    evaluate: Callable[[Architecture, float], float]
    formula: str
    source: str
    assumes: str = ""


def flops_per_token(architecture: Architecture, convention: str = "exact", context: float | None = None) -> float:
    """Training FLOPs per token, forward and backward.

    Parameters
    ----------
    convention : a row of `CONVENTIONS`.
    context : tokens of a training sequence; default: the architecture's.

    Raises
    ------
    CostError : an unknown convention.

    >>> gpt3 = Architecture(12288, 96, 96, 50257, 2048)
    >>> round(flops_per_token(gpt3, "megatron") / flops_per_token(gpt3, "exact"), 4)
    1.0
    """
    if convention not in CONVENTIONS:
        raise CostError(f"FLOPs cannot be counted as {convention!r}; accepted: {', '.join(CONVENTIONS)}")
    return float(CONVENTIONS[convention].evaluate(architecture, architecture.context if context is None else context))


def forward_flops_per_token(architecture: Architecture, context: float) -> float:
    """Exact FLOPs of a forward pass per token: 2 per entry of every matrix, scores and weighted values over `context`.

    No causal saving, as kernels of common libraries are counted; softmax, normalisation and activation left out. What
    `torch.utils.flop_counter` counts on the model itself.
    """
    scores = attention_flops_per_layer_position(architecture) * float(architecture.attended(context))
    return 2.0 * architecture.multiplied() + scores


def attention_flops_per_layer_position(architecture: Architecture) -> float:
    """Forward FLOPs of one layer per (token, attended position): 2 query widths for the score, 2 value widths."""
    return 2.0 * (architecture.query_width + architecture.value_width)


def holds(architecture: Architecture, convention: str) -> bool:
    """Does the architecture keep the assumptions of a closed form: MHA, an MLP of 8 d_model^2 entries, no experts?"""
    if not CONVENTIONS[convention].assumes:
        return True
    plain = architecture.experts is None and architecture.latent is None and not architecture.windowed_layers
    attention = architecture.kv_heads == architecture.heads and architecture.query_width == architecture.d_model
    mlp = (3 if architecture.gated else 2) * architecture.mlp_width / (8 * architecture.d_model)
    return plain and attention and abs(mlp - 1.0) < 0.02


def _exact(a: Architecture, s: float) -> float:
    return 3.0 * forward_flops_per_token(a, s)


def _six_n(a: Architecture, s: float) -> float:
    return 6.0 * a.parameters.active


def _six_n_non_embedding(a: Architecture, s: float) -> float:
    return 6.0 * a.parameters.counted("non_embedding", active=True)


def _kaplan(a: Architecture, s: float) -> float:
    return 6.0 * a.parameters.counted("non_vocabulary", active=True) + 6.0 * a.layers * s * a.query_width


def _palm(a: Architecture, s: float) -> float:
    return 6.0 * a.parameters.active + 12.0 * a.layers * a.query_width * s


def _chinchilla(a: Architecture, s: float) -> float:
    vocabulary = 2.0 * a.vocabulary * a.d_model
    body = 2.0 * a.multiplied()  # logits included
    attended = float(a.attended(s))
    scores = attention_flops_per_layer_position(a) * attended
    softmax = 3.0 * a.heads * attended
    return 3.0 * (vocabulary + body + scores + softmax)


def _megatron(a: Architecture, s: float) -> float:
    h, l, v = float(a.d_model), float(a.layers), float(a.vocabulary)
    return 72.0 * l * h * h * (1.0 + s / (6.0 * h) + v / (12.0 * h * l))


def _megatron_recomputed(a: Architecture, s: float) -> float:
    h, l, v = float(a.d_model), float(a.layers), float(a.vocabulary)
    return 96.0 * l * h * h * (1.0 + s / (6.0 * h) + v / (16.0 * h * l))


def _deepseek(a: Architecture, s: float) -> float:
    h, l = float(a.d_model), float(a.layers)
    return 72.0 * l * h * h + 12.0 * l * h * s


_PLAIN = "multi-head attention and an MLP of 8 d_model^2 entries in every layer"

#: name -> how to count, in the order in which a table shows them
CONVENTIONS: dict[str, Convention] = {
    "exact": Convention(
        _exact,
        "3 x (2 x matrix entries + 2 layers (query + value width) context)",
        "counted: every matrix product, as torch.utils.flop_counter does",
    ),
    "6N": Convention(_six_n, "6 N, embeddings included", "Kaplan et al. 2020 (arXiv 2001.08361), section 2.1"),
    "6N non-embedding": Convention(
        _six_n_non_embedding,
        "6 N, without the input embedding",
        "Porian et al. 2024 (arXiv 2406.19146): the output layer counts",
    ),
    "kaplan": Convention(
        _kaplan,
        "6 N + 6 layers context attention_width, N without vocabulary",
        "Kaplan et al. 2020 (arXiv 2001.08361), section 2.1 and table 1",
    ),
    "palm": Convention(
        _palm,
        "6 N + 12 layers heads d_head context",
        "Chowdhery et al. 2022, PaLM (arXiv 2204.02311), appendix B",
    ),
    "chinchilla": Convention(
        _chinchilla,
        "3 x (embedding + projections + scores + softmax + values + MLP + logits)",
        "Hoffmann et al. 2022 (arXiv 2203.15556), appendix F",
    ),
    "megatron": Convention(
        _megatron,
        "72 l h^2 (1 + s / 6h + V / 12hl)",
        "Korthikanti et al. 2022 (arXiv 2205.05198), appendix A, equation 7",
        _PLAIN,
    ),
    "megatron recomputed": Convention(
        _megatron_recomputed,
        "96 l h^2 (1 + s / 6h + V / 16hl): hardware FLOPs with full recomputation",
        "Narayanan et al. 2021 (arXiv 2104.04473), section 5.1, equation 3",
        _PLAIN,
    ),
    "deepseek M": Convention(
        _deepseek,
        "72 l h^2 + 12 l h s: non-embedding FLOPs per token, M",
        "DeepSeek-AI 2024, DeepSeek LLM (arXiv 2401.02954), section 3.2, equation 2",
        _PLAIN,
    ),
}
