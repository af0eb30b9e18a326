"""Checkpoints: safetensors and JSON, written atomically, resumed exactly."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lithogen.config import atomic_path
from lithogen.errors import WeightsError

CHECKPOINT = "checkpoint.safetensors"


def save_checkpoint(
    folder: Path, step: int, model: nn.Module, average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer, extra: dict[str, Tensor],
) -> None:
    """Write weights, averaged weights, optimiser state and further tensors into one file."""
    groups = {"model": model.state_dict(), "average": average, "extra": extra}
    tensors = {f"{kind}/{name}": value.detach().cpu().contiguous()
               for kind, group in groups.items() for name, value in group.items()}
    for index, slots in optimizer.state_dict()["state"].items():
        for name, value in slots.items():
            tensors[f"optimizer/{index}/{name}"] = torch.as_tensor(value).cpu().contiguous()
    with atomic_path(folder / CHECKPOINT) as temporary:
        save_file(tensors, temporary, metadata={"step": str(step)})


def require_checkpoint(folder: Path) -> None:
    """Check that a folder holds a checkpoint.

    Raises
    ------
    WeightsError
        There is none.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        raise WeightsError(f"no checkpoint {path} to resume from; start without --resume")


def load_checkpoint(
    folder: Path, model: nn.Module, average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer, extra: dict[str, Tensor],
) -> int:
    """Restore a checkpoint in place and return its step.

    Raises
    ------
    WeightsError
        There is none, or it belongs to another architecture.
    """
    require_checkpoint(folder)
    path = folder / CHECKPOINT
    groups: dict[str, dict[str, Tensor]] = {
        "model": {}, "average": {}, "optimizer": {}, "extra": {}}
    for name, value in load_file(path).items():
        kind, rest = name.split("/", 1)
        groups[kind][rest] = value
    try:
        model.load_state_dict(groups["model"])
    except RuntimeError as exc:
        raise WeightsError(f"{path} belongs to another architecture: {exc}") from exc
    for kind, mine in (("average", average), ("extra", extra)):
        for name, value in mine.items():
            value.copy_(groups[kind][name])
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in groups["optimizer"].items():
        index, slot = name.split("/", 1)
        state.setdefault(int(index), {})[slot] = value
    current = optimizer.state_dict()
    optimizer.load_state_dict({"state": state, "param_groups": current["param_groups"]})
    with safe_open(path, framework="pt") as handle:
        return int(handle.metadata()["step"])
