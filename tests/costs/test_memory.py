"""Training memory against the tables of its papers, against what PyTorch keeps of a real layer, and what must hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isoflop.costs.architecture import Architecture, Experts, LatentAttention
from isoflop.costs.errors import CostError
from isoflop.costs.memory import (
    OPTIMISERS,
    activation_memory,
    layer_activations,
    memory_per_device,
    model_states,
    parameters_per_device,
)
from isoflop.costs.model_costs import training_memory


@pytest.mark.parametrize(("stage", "gigabytes"), [(0, 120.0), (1, 31.4), (2, 16.6), (3, 1.9)])
def test_zero_figure_1(stage: int, gigabytes: float) -> None:
    # Rajbhandari et al. 2020, figure 1: 7.5B parameters, 64 data-parallel devices, Adam in mixed precision
    states = model_states(7.5e9, "adamw", stage, data_parallel=64)
    assert round(float(sum(states)) / 1e9, 1) == gigabytes


# heads, d_model, layers of the models of Korthikanti et al. 2022, table 3; context 2048 and tensor parallel 8
GPT3, MT_NLG = (96, 12288, 96), (128, 20480, 105)


@pytest.mark.parametrize(("model", "scores", "saved"), [(GPT3, 80, 70), (MT_NLG, 64, 65)])
def test_korthikanti_scores_of_known_models(model: tuple[int, int, int], scores: float, saved: float) -> None:
    # section 5: 5 a s / h is 80 for GPT-3 and 64 for MT-NLG; selective recomputation saves 70 % and 65 %
    heads, d_model, _ = model
    _, _, kept = layer_activations(d_model, heads, 2048, dropout=True)
    assert round(float(kept) / d_model) == scores
    none, selective = (
        float(activation_memory(1, d_model, heads, 2048, tensor_parallel=8, recomputation=how, dropout=True))
        for how in ("none", "selective")
    )
    assert round(100 * (1 - selective / none)) == saved


@pytest.mark.parametrize(
    ("sequence_parallel", "recomputation", "formula"),
    [
        (False, "none", lambda t, r: 10 + 24 / t + r / t),
        (True, "none", lambda t, r: (34 + r) / t),
        (False, "selective", lambda t, r: 10 + 24 / t),
        (True, "selective", lambda t, r: 34 / t),
        (False, "full", lambda t, r: 2),
    ],
)
@pytest.mark.parametrize("t", [1, 2, 8])
def test_korthikanti_table_2(sequence_parallel: bool, recomputation: str, formula: Any, t: int) -> None:
    heads, h, s, b = 96, 12288, 2048, 3
    split = {"tensor_parallel": t, "sequence_parallel": sequence_parallel, "recomputation": recomputation}
    made = activation_memory(1, h, heads, s, b, dropout=True, **split)
    assert float(made) == pytest.approx(s * b * h * formula(t, 5 * heads * s / h), rel=1e-12)


def test_the_first_stage_holds_as_many_layers_as_there_are() -> None:
    # section 4.2.3: with p stages, L / p layers of p micro-batches; interleaving costs 1 + (p - 1) / (p m) of it
    whole = activation_memory(96, 1024, 16, 512, pipeline_parallel=1)
    staged = activation_memory(96, 1024, 16, 512, pipeline_parallel=[2, 8])
    assert staged == pytest.approx(float(whole))
    few = activation_memory(96, 1024, 16, 512, pipeline_parallel=8, micro_batches=2)
    assert float(few) == pytest.approx(float(whole) / 4)
    mixed = activation_memory(96, 1024, 16, 512, pipeline_parallel=8, virtual_stages=3)
    assert float(mixed) == pytest.approx(float(whole) * (1 + 7 / 24))


@pytest.mark.slow
@pytest.mark.parametrize(("gated", "dropout"), [(False, 0.1), (True, 0.0), (False, 0.0)])
def test_against_what_torch_keeps(gated: bool, dropout: float) -> None:
    torch = pytest.importorskip("torch", reason="compared with the tensors that autograd keeps of a real layer")
    batch, context, d_model, heads, mlp = 2, 64, 128, 8, 192 if gated else 512
    kept = kept_by_autograd(torch, batch, context, d_model, heads, mlp, gated, dropout)
    parts = layer_activations(d_model, heads, context, mlp_width=mlp, gated=gated, dropout=dropout > 0)
    predicted = float(sum(parts)) * batch * context
    if dropout:  # on a processor the masks take two bytes instead of one
        predicted += batch * context * (2 * d_model + heads * context)
    statistics = 2 * 2 * 2 * batch * context  # mean and deviation of each normalisation, which papers leave out
    assert kept == predicted + statistics


def kept_by_autograd(
    torch: Any, batch: int, context: int, d_model: int, heads: int, mlp: int, gated: bool, dropout: float
) -> int:
    """Bytes of the distinct tensors, weights left out, that one pre-norm layer in BF16 keeps for its backward pass."""
    functional = torch.nn.functional
    shapes = [(d_model, d_model)] * 4 + [(mlp, d_model)] * (2 if gated else 1) + [(d_model, mlp)]
    weights = [torch.randn(*shape, dtype=torch.bfloat16, requires_grad=True) for shape in shapes]
    q, k, v, o, *up, down = weights
    x = torch.randn(batch, context, d_model, dtype=torch.bfloat16, requires_grad=True)
    own = {each.untyped_storage().data_ptr() for each in weights}
    seen: dict[int, Any] = {}

    def keep(tensor: Any) -> Any:
        if tensor.untyped_storage().data_ptr() not in own:
            seen[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    def by_head(y: Any, matrix: Any) -> Any:
        return (y @ matrix.T).view(batch, context, heads, -1).transpose(1, 2)

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        y = functional.layer_norm(x, (d_model,))
        scores = (by_head(y, q) @ by_head(y, k).transpose(-1, -2)).softmax(-1)
        attended = functional.dropout(scores, dropout) if dropout else scores
        mixed = (attended @ by_head(y, v)).transpose(1, 2).reshape(batch, context, d_model) @ o.T
        z = x + (functional.dropout(mixed, dropout) if dropout else mixed)
        y = functional.layer_norm(z, (d_model,))
        hidden = functional.silu(y @ up[0].T) * (y @ up[1].T) if gated else functional.gelu(y @ up[0].T)
        out = hidden @ down.T
        _ = z + (functional.dropout(out, dropout) if dropout else out)
        return sum(each.untyped_storage().nbytes() for each in seen.values())


sizes = st.integers(0, 4).map(lambda power: 2**power)


@given(sizes, sizes, sizes, st.sampled_from(sorted(OPTIMISERS)), st.integers(0, 2), st.booleans())
def test_splitting_never_needs_more(d: int, t: int, p: int, optimiser: str, stage: int, sequence: bool) -> None:
    def use(**split: Any) -> float:
        split = {"data_parallel": d, "tensor_parallel": t, "pipeline_parallel": p, "zero_stage": stage} | split
        made = memory_per_device(
            7e9, 32, 4096, 32, 2048, 2, optimiser=optimiser, sequence_parallel=sequence,
            vocabulary_parameters=1.3e8, head_parameters=1.3e8, **split,
        )  # fmt: skip
        assert all(np.all(part >= 0) for part in made)
        assert float(made.total) == pytest.approx(float(sum(made)))
        return float(made.total)

    now = use()
    assert use(zero_stage=stage + 1) <= now
    assert use(data_parallel=2 * d) <= now
    assert use(tensor_parallel=2 * t) < now
    assert use(pipeline_parallel=2 * p) < now
    assert use(recomputation="full") < use(recomputation="selective") < use(recomputation="none")


@given(sizes, sizes, st.integers(0, 3), st.sampled_from(sorted(OPTIMISERS)))
def test_all_devices_together_hold_the_whole(d: int, t: int, stage: int, optimiser: str) -> None:
    weights, gradients, kept = model_states(
        1e9, optimiser, stage, data_parallel=d, tensor_parallel=t, vocabulary_parameters=1e8, head_parameters=1e8
    )
    each = OPTIMISERS[optimiser]
    copies = [d if stage < first else 1 for first in (3, 2, 1)]
    more = (each.vocabulary_states - each.states) * 2e8
    assert float(weights) * d * t == pytest.approx(each.weights * 1e9 * copies[0])
    assert float(gradients) * d * t == pytest.approx(each.gradients * 1e9 * copies[1])
    assert float(kept) * d * t == pytest.approx(((each.master + each.states) * 1e9 + more) * copies[2])


def test_bytes_per_parameter() -> None:
    def each(name: str) -> float:
        return float(sum(model_states(1.0, name)))

    assert {name: each(name) for name in OPTIMISERS} == {
        "adamw": 16, "adamw-fp32-gradients": 18, "adamw-fp32": 16, "adamw-bf16": 8, "adamw-8bit": 10, "muon": 12,
        "lion": 12, "sgd": 8,
    }  # fmt: skip


def test_experts_are_split_over_their_own_devices() -> None:
    body, words, experts = parameters_per_device(100.0, 10.0, 10.0, 60.0, pipeline_parallel=2, expert_parallel=4)
    assert (float(body), float(words), float(experts)) == (10.0, 10.0, 7.5)
    alone = parameters_per_device(100.0, 10.0, 10.0, 60.0)
    assert sum(float(part) for part in alone) == 100.0
    # sharding the optimiser of experts that eight devices already split leaves dp / ep copies
    use = model_states(100.0, "adamw", 1, data_parallel=8, expert_parameters=60.0, expert_parallel=4)
    assert float(use[2]) == pytest.approx(12 * 40 / 8 + 12 * 15 / 2)


def test_an_architecture_is_counted_in_full() -> None:
    gpt = Architecture(1024, 24, 16, 50000, 1024, norm="layernorm", tied=True, learned_positions=1024)
    use = training_memory(gpt, 1024, 4, dropout=True, recomputation="none")
    n = gpt.parameters.total
    assert float(use.weights + use.gradients + use.optimiser) == 16 * n
    logits = 4 * 1024 * 4 * (1024 + 50000) + 1024 * 4 * 1024  # output layer, and the mask on the embedding
    assert float(use.activations) == pytest.approx(1024 * 4 * 1024 * (24 * (34 + 5 * 16)) + logits)


def test_latent_attention_and_experts_keep_what_they_make() -> None:
    latent = LatentAttention(64, 32, 16, 32, q_lora_rank=96)
    experts = Experts(8, 2, 128, shared=1, shared_width=128, dense_layers=1)
    made = Architecture(256, 4, 8, 1000, 128, mlp_width=512, gated=True, experts=experts, latent=latent)
    use = training_memory(made, 128, recomputation="selective", pipeline_parallel=4)
    whole = 8 * 256 + 4 * (2 * 0.75) * 256 + 4 * (64 + 16 + 96)
    split = 2 * (2 * 8 * 48 + 2 * 8 * 32) + 8 * (0.25 * 512 + 0.75 * (2 * 128 + 128))
    assert float(use.activations) == pytest.approx(128 * 4 * (whole + split))


def test_arrays_broadcast() -> None:
    made = memory_per_device(
        np.array([1e9, 7e9])[:, None], [[12], [32]], [[2048], [4096]], [[16], [32]], [512, 2048, 8192],
        zero_stage=3, data_parallel=[1, 8, 64],
    )  # fmt: skip
    assert made.total.shape == (2, 3) and np.all(np.isfinite(made.total))


def test_what_cannot_be() -> None:
    with pytest.raises(CostError, match="zero_stage must be 0, 1, 2 or 3, found 4"):
        model_states(1.0, zero_stage=4)
    with pytest.raises(CostError, match="optimiser 'adam' is unknown; accepted: adamw"):
        model_states(1.0, "adam")
    with pytest.raises(CostError, match="recomputation 'some' is unknown"):
        activation_memory(1, 1, 1, 1, recomputation="some")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "precision"), [("adamw-fp32", "float32"), ("adamw-bf16", "bfloat16")])
def test_states_are_those_of_a_real_optimiser(name: str, precision: str) -> None:
    torch = pytest.importorskip("torch", reason="compared with the states of a real optimiser")
    layer = torch.nn.Linear(64, 32, bias=False, dtype=getattr(torch, precision))
    optimiser = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(1, 64, dtype=getattr(torch, precision))).sum().backward()
    optimiser.step()
    weight = layer.weight
    states = sum(each.nbytes for each in optimiser.state[weight].values() if each.shape == weight.shape)
    assert weight.nbytes + weight.grad.nbytes + states == float(sum(model_states(weight.numel(), name)))
