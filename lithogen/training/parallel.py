"""Data-parallel training: one process a device, gradients averaged after every step.

Start with `torchrun --standalone --nproc-per-node N --no-python lithogen train litho ...` or
`accelerate launch --no_python ...`: both set RANK, WORLD_SIZE and LOCAL_RANK. Without them there is
one process, and nothing here does anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lithogen.errors import ConfigError, LithogenError, require


class RanksError(LithogenError):
    """The processes of a parallel run do not agree."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """Place of a process among those of a run.

    Parameters
    ----------
    rank : its number, 0 <= rank < count.
    count : number of processes, >= 1.
    device : where it computes.
    """

    rank: int
    count: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this process writes logs, checkpoints and weights."""
        return self.rank == 0


def is_first_process() -> bool:
    """Return whether this process is the one that writes, before it has joined the others."""
    return _number("RANK", 0) == 0


@contextmanager
def joined() -> Iterator[Ranks]:
    """Yield this process's place in the run; leave the run at the end.

    The backend is nccl where there are accelerators, one for every process of a machine, and
    gloo on processors. One process alone opens no connection.

    Raises
    ------
    ConfigError : the launcher's variables are not numbers, or fewer accelerators than processes.
    """
    rank, count, local = _number("RANK", 0), _number("WORLD_SIZE", 1), _number("LOCAL_RANK", 0)
    require(0 <= rank < count, f"RANK is {rank} of WORLD_SIZE {count}, wanted 0 to {count - 1}; "
            "start with torchrun or accelerate launch")
    has_gpu = torch.cuda.is_available()
    require(not has_gpu or local < torch.cuda.device_count(),
            f"process {local} of this machine has no accelerator of its own, there are "
            f"{torch.cuda.device_count() if has_gpu else 0}; start no more processes than that")
    device = torch.device("cuda", local) if has_gpu else torch.device("cpu")
    if count == 1:
        yield Ranks(0, 1, device)
        return
    if has_gpu:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if has_gpu else "gloo", rank=rank, world_size=count)
    try:
        yield Ranks(rank, count, device)
    finally:
        dist.destroy_process_group()


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    try:
        return int(text)
    except ValueError as exc:
        raise ConfigError(f"environment variable {name} is {text!r}, wanted a whole number; "
                          "start with torchrun or accelerate launch") from exc


@torch.no_grad()
def mean_gradients(model: nn.Module, ranks: Ranks) -> None:
    """Replace every gradient by its mean over the processes, the same bits in each of them.

    With batches of equal size this is the gradient of the mean loss over all their crops.

    Parameters
    ----------
    model : its parameters' `grad` are changed in place; one that has none counts as zero, and
        stays without where no process has one.
    ranks : the run.
    """
    if ranks.count == 1:
        return
    parameters = [p for p in model.parameters() if p.requires_grad]
    # One message: hundreds of small ones cost more than the sum itself.
    has_one = torch.tensor([float(p.grad is not None) for p in parameters], device=ranks.device)
    flat = torch.cat([has_one, *(_gradient(p).reshape(-1) for p in parameters)])
    dist.all_reduce(flat)
    flat /= ranks.count
    has_any, *parts = torch.split(flat, [len(parameters), *(p.numel() for p in parameters)])
    for parameter, part, share in zip(parameters, parts, has_any.tolist(), strict=True):
        # Without a gradient anywhere an optimiser leaves a parameter alone; of zeros it would not.
        parameter.grad = (_gradient(parameter).copy_(part.reshape(parameter.shape)) if share > 0
                          else None)


def _gradient(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


@torch.no_grad()
def mean_figure(value: Tensor, ranks: Ranks) -> Tensor:
    """Return the mean of a scalar over the processes, on its device."""
    total = value.detach().clone()
    if ranks.count > 1:
        dist.all_reduce(total)
        total /= ranks.count
    return total


@torch.no_grad()
def check_same_weights(model: nn.Module, ranks: Ranks) -> None:
    """Check that all processes hold the same weights, bit for bit.

    Raises
    ------
    RanksError : they do not, in any process of the run.
    """
    if ranks.count == 1:
        return
    for name, value in model.state_dict().items():
        first = value.detach().clone().contiguous()
        dist.broadcast(first, src=0)
        differs = torch.tensor(float(not torch.equal(first, value)), device=ranks.device)
        dist.all_reduce(differs)
        require(float(differs) == 0.0, f"weights {name} of {int(differs)} processes differ from "
                "those of the first; give all of them the same recipe, weights and checkpoint",
                RanksError)
