"""Trained networks on disk: checked by SHA-256, safetensors only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from torch import Tensor

from lithogen.config import read_verified, sha256_hex
from lithogen.errors import WeightsError, require
from lithogen.models.litho_net import LithoNet

WEIGHTS_NAME = "diffusion_pytorch_model.safetensors"


def load_denoiser(root: Path) -> tuple[LithoNet, str]:
    """Load a LithoNet and the SHA-256 of its weights.

    Parameters
    ----------
    root : folder of weights, config.json and MANIFEST.json, or of a pipeline around it.

    Raises
    ------
    WeightsError : files are missing, corrupt or of another architecture.
    """
    from safetensors.torch import load

    folder = root / "denoiser" if (root / "denoiser").is_dir() else root
    content = read_verified(folder, WEIGHTS_NAME)
    config = json.loads(read_verified(folder, "config.json"))
    try:
        model: LithoNet = LithoNet.from_config(config)
        model.load_state_dict({k: v.float() for k, v in load(content).items()})
    except (RuntimeError, ValueError, TypeError, KeyError) as exc:
        raise WeightsError(f"weights in {folder} do not fit this version: {exc}") from exc
    return model, sha256_hex(content)


def entries_of(module: Any) -> dict[str, Any]:
    """Return the configuration of a network or scheduler but private entries.

    Those are of diffusers: lists in the order of a set.
    """
    return {name: value for name, value in module.config.items() if not name.startswith("_")}


def another(model: LithoNet, **changes: Any) -> LithoNet:
    """Return an untrained network of a model's configuration, with some entries changed.

    diffusers forgets what was registered over a default when it makes a network of a configuration,
    so defaults are given by name here.
    """
    made: LithoNet = LithoNet.from_config(entries_of(model) | changes)
    return made


def with_scale(model: LithoNet, mean: Tensor, std: Tensor) -> LithoNet:
    """Return a network of the same weights with another standardisation of the latent.

    Parameters
    ----------
    mean, std : of every channel, (n_latent,).

    Raises
    ------
    WeightsError : the network has another number of channels.
    """
    n_latent = int(dict(model.config)["n_latent"])
    require(len(mean) == n_latent, f"the weights have {n_latent} latent channels, wanted "
            f"{len(mean)}; train anew", WeightsError)
    scaled = another(
        model, latent_mean=tuple(mean.tolist()), latent_std=tuple(std.tolist()))
    scaled.load_state_dict(model.state_dict())
    return scaled
