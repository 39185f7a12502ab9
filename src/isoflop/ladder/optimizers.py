"""Optimizers over one flat vector of weights: AdamW in one fused pass, Muon for hidden matrices; width transfer.

All weights lie in one float32 vector, sorted by group and shape, and the model's parameters are views of it (or of its
bfloat16 copy). A step is then a handful of kernels whatever the depth, a snapshot is three vectors, and a whole step
can be captured in one CUDA graph.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from isoflop.ladder.rung import Recipe

EPSILON = 1e-10
#: quintic Newton-Schulz coefficients and momentum of Muon (Jordan et al. 2024)
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
MUON_MOMENTUM = 0.95
#: rate of the embedding as a multiple of the hidden rate at the base width
EMBEDDING_RATE = 4.0


@dataclass(frozen=True)
class Segment:
    """A stretch of the flat vector: `count` matrices of one shape in one group, with its rate and decay multipliers."""

    group: str
    first: int
    last: int
    count: int
    matrix: tuple[int, int]
    rate: float
    decay: float


def group_of(name: str) -> str:
    """``embedding``, ``head`` or ``hidden``."""
    return name.split(".")[0] if name.startswith(("embedding", "head")) else "hidden"


def rate_multiplier(group: str, width: int, recipe: Recipe) -> float:
    """Rate of a group as a multiple of the recipe's (muP for Adam, Yang et al. 2022, arXiv 2203.03466, table 8)."""
    transfer = recipe.base_width / width if recipe.width_transfer else 1.0
    return EMBEDDING_RATE if group == "embedding" else transfer


class FlatWeights:
    """The model's weights in one float32 vector; `attach` makes the parameters views of it or of a copy of it."""

    def __init__(self, model: nn.Module, recipe: Recipe, width: int) -> None:
        self.parameters = sorted(
            model.named_parameters(), key=lambda entry: (group_of(entry[0]), tuple(entry[1].shape), entry[0])
        )
        self.segments: list[Segment] = []
        first = 0
        for name, weight in self.parameters:
            group, matrix = group_of(name), (weight.shape[0], weight.shape[1])
            rate = rate_multiplier(group, width, recipe)
            # decoupled decay is rate x decay per step: kept the same at every width; none on the embedding
            decay = 0.0 if group == "embedding" else recipe.weight_decay / rate
            last = first + weight.numel()
            before = self.segments[-1] if self.segments else None
            if before and (before.group, before.matrix) == (group, matrix):
                self.segments[-1] = Segment(group, before.first, last, before.count + 1, matrix, rate, decay)
            else:
                self.segments.append(Segment(group, first, last, 1, matrix, rate, decay))
            first = last
        self.size = first

    def flat(self, device: torch.device | str) -> Tensor:
        """The weights as they are now, (size,), float32."""
        return torch.cat([weight.detach().reshape(-1) for _, weight in self.parameters]).to(device, torch.float32)

    def attach(self, vector: Tensor) -> None:
        """Make every parameter a view of `vector`."""
        first = 0
        for _, weight in self.parameters:
            weight.data = vector[first : first + weight.numel()].view(weight.shape)
            first += weight.numel()

    def gathered(self, gradients: tuple[Tensor, ...]) -> Tensor:
        """Gradients, in the order of `parameters`, as one float32 vector."""
        return torch.cat([gradient.reshape(-1) for gradient in gradients]).float()


def adamw(
    weights: Tensor,
    gradient: Tensor,
    first: Tensor,
    second: Tensor,
    step: Tensor,
    rate: Tensor,
    recipe: Recipe,
    decay: float,
) -> None:
    """One AdamW step in place (Loshchilov and Hutter 2019): decoupled decay, bias correction; step counts from 1."""
    first.lerp_(gradient, 1 - recipe.beta1)
    second.lerp_(gradient.square(), 1 - recipe.beta2)
    mean = first / (1 - recipe.beta1**step)
    root = (second / (1 - recipe.beta2**step)).sqrt()
    weights.mul_(1 - rate * decay).sub_(rate * mean / (root + EPSILON))


def orthogonalised(matrices: Tensor, rounds: int = 5) -> Tensor:
    """Each of (count, rows, columns) moved towards the nearest semi-orthogonal matrix by Newton-Schulz."""
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(rounds):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    out: Tensor = x.mT if tall else x
    return out


def muon(weights: Tensor, gradient: Tensor, momentum: Tensor, rate: Tensor, decay: float, segment: Segment) -> None:
    """One Muon step in place for matrices of one shape (Jordan et al. 2024), sized as AdamW's (Liu et al. 2025)."""
    momentum.lerp_(gradient, 1 - MUON_MOMENTUM)
    ahead = gradient.lerp(momentum, MUON_MOMENTUM).view(segment.count, *segment.matrix)
    kind = torch.bfloat16 if weights.is_cuda else torch.float32
    update = orthogonalised(ahead.to(kind)).float().reshape(-1)
    weights.mul_(1 - rate * decay).sub_(rate * 0.2 * max(segment.matrix) ** 0.5 * update)


def update(
    flat: FlatWeights,
    weights: Tensor,
    gradient: Tensor,
    moments: tuple[Tensor, Tensor],
    step: Tensor,
    rate: Tensor,
    recipe: Recipe,
) -> Tensor:
    """Clip the gradient and take one step in place; returns the gradient's norm before clipping."""
    norm: Tensor = gradient.norm()
    if recipe.clip:
        gradient = gradient * (recipe.clip / norm.clamp(min=recipe.clip))
    for segment in flat.segments:
        part = slice(segment.first, segment.last)
        scaled = rate * segment.rate
        if recipe.optimizer == "muon" and segment.group == "hidden":
            # the orthogonal step has a size of its own: no width transfer is due
            muon(weights[part], gradient[part], moments[0][part], rate, recipe.weight_decay, segment)
        else:
            adamw(
                weights[part], gradient[part], moments[0][part], moments[1][part], step, scaled, recipe, segment.decay
            )
    return norm
