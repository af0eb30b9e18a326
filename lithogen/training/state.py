"""Checkpoints: safetensors and JSON, written atomically, resumed exactly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lithogen.config import atomic_path
from lithogen.errors import WeightsError

CHECKPOINT = "checkpoint.safetensors"


def save_checkpoint(
    folder: Path, step: int, model: nn.Module, average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer, extra: dict[str, Any],
) -> None:
    """Write weights, averaged weights and optimiser state of a step into one file."""
    tensors: dict[str, Tensor] = {}
    for name, value in model.state_dict().items():
        tensors[f"model/{name}"] = value.detach().cpu().contiguous()
    for name, value in average.items():
        tensors[f"average/{name}"] = value.detach().cpu().contiguous()
    for index, slots in optimizer.state_dict()["state"].items():
        for name, value in slots.items():
            tensors[f"optimizer/{index}/{name}"] = torch.as_tensor(value).cpu().contiguous()
    metadata = {"step": str(step), "extra": json.dumps(extra)}
    with atomic_path(folder / CHECKPOINT) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def load_checkpoint(
    folder: Path, model: nn.Module, average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
) -> int:
    """Restore a checkpoint in place and return its step.

    Raises
    ------
    WeightsError : there is none, or it belongs to another architecture.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        raise WeightsError(f"no checkpoint {path} to resume from; start without --resume")
    tensors = load_file(path)
    groups: dict[str, dict[str, Tensor]] = {"model": {}, "average": {}, "optimizer": {}}
    for name, value in tensors.items():
        kind, rest = name.split("/", 1)
        groups[kind][rest] = value
    try:
        model.load_state_dict(groups["model"])
    except RuntimeError as exc:
        raise WeightsError(f"{path} belongs to another architecture: {exc}") from exc
    for name in average:
        average[name].copy_(groups["average"][name])
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in groups["optimizer"].items():
        index, slot = name.split("/", 1)
        state.setdefault(int(index), {})[slot] = value
    current = optimizer.state_dict()
    optimizer.load_state_dict({"state": state, "param_groups": current["param_groups"]})
    return int(checkpoint_metadata(folder)["step"])


def checkpoint_metadata(folder: Path) -> dict[str, str]:
    """Return step and extra JSON of a checkpoint."""
    from safetensors import safe_open

    with safe_open(folder / CHECKPOINT, framework="pt") as handle:
        return dict(handle.metadata())
