"""One model on several devices: FSDP2 shards weights, gradients and moments over the processes of a torchrun group.

The same model, order of tokens, rates and AdamW as `isoflop.ladder.stepper`; each process takes rows of every batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from isoflop.ladder.batches import order, validation_windows
from isoflop.ladder.model import Transformer
from isoflop.ladder.optimizers import EPSILON, parts_of
from isoflop.ladder.rung import Job
from isoflop.ladder.stepper import VALIDATION_BATCH, State, tokens_on, unpack
from isoflop.ladder.tokens import TokenCorpus
from isoflop.runs.notices import RunsError

_MOMENTS = ("exp_avg", "exp_avg_sq")


class ShardedStepper:
    """As `isoflop.ladder.stepper.Stepper`, with every tensor of the state sharded over the processes of the group.

    Parameters
    ----------
    job, corpus, device : the same in every process; ``cuda`` takes the device of the local rank.
    compiled : compile each block.

    Raises
    ------
    RunsError : Muon, which needs whole matrices, or a batch that does not divide among the processes.
    """

    def __init__(self, job: Job, corpus: TokenCorpus, device: str, compiled: bool) -> None:
        rung = job.rungs[-1]
        self.recipe, self.shape, self.corpus, self.device = rung.recipe, rung.shape, corpus, device
        self.rank, self.world = dist.get_rank(), dist.get_world_size()
        _check(job, self.world)
        steps = max(last for _, last in job.branches)
        self.order = order(corpus, rung, steps)
        self.model = self._sharded_model(rung.seed, compiled)
        self.optimizer = self._optimizer()
        self.rates = np.zeros(steps)
        self.losses, self.norms = np.full(steps, np.nan), np.full(steps, np.nan)
        self.position = 0
        self.tokens = tokens_on(corpus, device, "train")
        self.window = torch.arange(self.shape.context + 1, device=device)

    def _sharded_model(self, seed: int, compiled: bool) -> Transformer:
        """The model of that seed, drawn whole as on one device, then sharded block by block."""
        model = Transformer(self.shape)
        model.initialise(torch.Generator().manual_seed(seed))
        kind = self.device.split(":")[0]
        model.to(self.device)
        mesh = init_device_mesh(kind, (self.world,))
        halves = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
        policy = halves if kind == "cuda" else MixedPrecisionPolicy()
        for block in model.blocks:
            if compiled:
                block.compile()
            fully_shard(block, mesh=mesh, mp_policy=policy, reshard_after_forward=True)
        # resharded as well, so that after a validation its parameters are shards again
        fully_shard(model, mesh=mesh, mp_policy=policy, reshard_after_forward=True)
        return model

    def _optimizer(self) -> torch.optim.AdamW:
        """torch's AdamW with the rates and decays of `parts_of`; moments are there from the start."""
        weights = dict(self.model.named_parameters())
        groups = [
            {"params": [weights[name] for name in part.names], "weight_decay": part.decay, "rate": part.rate}
            for part in parts_of(self.model, self.recipe, self.shape.d_model)
        ]
        betas = (self.recipe.beta1, self.recipe.beta2)
        optimizer = torch.optim.AdamW(groups, lr=0.0, betas=betas, eps=EPSILON, foreach=True)
        for weight in self.model.parameters():
            state = {name: torch.zeros_like(weight) for name in _MOMENTS}
            optimizer.state[weight] = {"step": torch.tensor(0.0), **state}
        return optimizer

    def _step(self) -> None:
        rows = self.order[self.position]
        mine = torch.from_numpy(rows[self.rank :: self.world].copy()).to(self.device)
        taken = unpack(self.tokens[mine[:, None] + self.window])
        objective, losses = self.model(taken[:, :-1], taken[:, 1:], self.recipe.z_loss)
        objective.backward()
        norm = self._clip()
        for group in self.optimizer.param_groups:
            group["lr"] = float(self.rates[self.position]) * self.recipe.learning_rate * group["rate"]
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        told = losses.detach().mean()
        dist.all_reduce(told)
        self.losses[self.position], self.norms[self.position] = float(told) / self.world, norm
        self.position += 1

    def _clip(self) -> float:
        """Clip by the norm of the whole gradient, as on one device; returns it."""
        gradients = [weight.grad for weight in self.model.parameters() if weight.grad is not None]
        squares = torch.stack([_local(gradient).float().square().sum() for gradient in gradients]).sum()
        dist.all_reduce(squares)
        norm = math.sqrt(float(squares))
        if self.recipe.clip and norm > self.recipe.clip:
            for gradient in gradients:
                gradient.mul_(self.recipe.clip / norm)
        return norm

    def set_rates(self, first: int, rates: Any) -> None:
        """Rates over the peak of the steps from `first` on."""
        self.rates[first : first + rates.size] = rates

    def run(self, steps: int) -> None:
        """Take so many steps."""
        for _ in range(steps):
            self._step()

    def read(self, first: int, last: int) -> tuple[Any, Any]:
        """Training losses and gradient norms of steps [first, last): the same in every process."""
        return self.losses[first:last].copy(), self.norms[first:last].copy()

    def agreed(self, flag: bool) -> bool:
        """What the first process says: clocks differ, and all must take the same turn."""
        told = torch.tensor([float(flag)], device=self.device)
        dist.broadcast(told, 0)
        return bool(told)

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        for name, weight in self.model.named_parameters():
            yield f"weights/{name}", weight
            for moment in _MOMENTS:
                yield f"{moment}/{name}", self.optimizer.state[weight][moment]

    def snapshot(self) -> tuple[Any, ...]:
        """A copy of this process' shards, and the position."""
        return (*(_local(tensor).detach().clone() for _, tensor in self._tensors()), self.position)

    @torch.no_grad()
    def restore(self, state: tuple[Any, ...]) -> None:
        """Back to a snapshot."""
        for (_, tensor), kept in zip(self._tensors(), state):
            _local(tensor).copy_(kept)
        self._go_to(int(state[-1]))

    def arrays(self) -> State:
        """The whole state, gathered from all processes; each of them must ask."""
        state: State = {
            name: (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).detach().cpu().numpy().copy()
            for name, tensor in self._tensors()
        }
        state["position"] = np.array([self.position])
        return state

    @torch.no_grad()
    def load(self, state: Mapping[str, Any]) -> None:
        """The state that `arrays` gave, also where it came from another number of processes."""
        for name, tensor in self._tensors():
            whole = torch.from_numpy(np.asarray(state[name])).to(self.device)
            if isinstance(tensor, DTensor):
                whole = distribute_tensor(whole, tensor.device_mesh, tensor.placements)
            _local(tensor).copy_(_local(whole))
        self._go_to(int(np.asarray(state["position"])[0]))

    def _go_to(self, position: int) -> None:
        self.position = position
        for weight in self.model.parameters():
            self.optimizer.state[weight]["step"].fill_(float(position))

    @torch.no_grad()
    def validate(self, tokens_per_domain: int) -> dict[str, tuple[float, float]]:
        """For each domain the loss in nats per token and bits per byte; each process takes its share of the windows."""
        found = {}
        lengths = torch.from_numpy(self.corpus.token_bytes).to(self.device)
        tokens = tokens_on(self.corpus, self.device, "validation")
        rows = max(1, VALIDATION_BATCH // self.shape.context)
        for name, starts in validation_windows(self.corpus, self.shape.context, tokens_per_domain).items():
            padded = np.resize(starts, -(-starts.size // self.world) * self.world)
            mine, real = padded[self.rank :: self.world], np.arange(padded.size)[self.rank :: self.world] < starts.size
            sums = torch.zeros(2, dtype=torch.float64, device=self.device)
            for first in range(0, mine.size, rows):
                places = torch.from_numpy(mine[first : first + rows].copy()).to(self.device)
                counted = torch.from_numpy(real[first : first + rows].copy()).to(self.device)
                window = unpack(tokens[places[:, None] + self.window])
                losses = self.model(window[:, :-1], window[:, 1:])[1].view(len(places), -1)
                sums[0] += losses[counted].double().sum()
                sums[1] += lengths[window[counted][:, 1:]].sum()
            dist.all_reduce(sums)
            nats, text = sums.tolist()
            found[name] = nats / (starts.size * self.shape.context), nats / (np.log(2.0) * max(text, 1.0))
        return found

    def noise_scale(self) -> float:
        """Not measured here."""
        return float("nan")


def _check(job: Job, world: int) -> None:
    recipe, context = job.rungs[-1].recipe, job.rungs[-1].shape.context
    if recipe.optimizer != "adamw":
        raise RunsError(f"{job.id}: {recipe.optimizer} needs whole matrices; several devices a rung take adamw")
    sequences = recipe.batch_tokens // context
    if sequences % world:
        raise RunsError(f"{job.id}: a batch of {sequences} sequences does not divide among {world} processes")


def _local(tensor: Tensor) -> Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
