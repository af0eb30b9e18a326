"""Configuration of a stage-1 training run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lithogen.config import from_mapping, load_toml
from lithogen.errors import require


@dataclass(frozen=True, slots=True)
class LithoTraining:
    """Recipe of a stage-1 training run; stored with the weights.

    Parameters
    ----------
    seed : names worlds, crops, noise and initial weights.
    n_worlds : number of procedural worlds kept in memory.
    world_shape, crop_shape : voxels of a cached world and of a training crop.
    margin : voxels at the crop's sides that the loss leaves out.
    batch : crops a step.
    n_steps : optimiser steps.
    learning_rate, warm_up, decay_from : peak rate; linear warm-up steps; share of the run
        after which the rate falls linearly to 2 %.
    weight_decay, clip_norm : AdamW weight decay; gradient norm limit.
    ema : decay of the averaged weights.
    sigma_mean, sigma_std : logit-normal distribution of the noise level.
    max_weight : upper limit of the loss weight 1 / sigma**2.
    noise : "stratigraphic" (weights drawn over a range) or "white" (the control run).
    precision : "float32", "bfloat16", or "auto": bfloat16 where the device is fast in it.
    patch, coarsen, widths, n_blocks, n_voxel, n_embedding : architecture of LithoNet.
    log_every, save_every, sample_every : steps between log lines, checkpoints, pictures.

    Raises
    ------
    ConfigError : an entry is out of range.
    """

    seed: int = 2026
    n_worlds: int = 240
    world_shape: tuple[int, int, int] = (64, 64, 104)
    crop_shape: tuple[int, int, int] = (48, 48, 80)
    margin: int = 6
    batch: int = 2
    n_steps: int = 6000
    learning_rate: float = 1.5e-3
    warm_up: int = 100
    decay_from: float = 0.6
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    ema: float = 0.998
    sigma_mean: float = 0.8
    sigma_std: float = 1.2
    max_weight: float = 25.0
    noise: str = "stratigraphic"
    precision: str = "auto"
    patch: tuple[int, int, int] = (4, 4, 1)
    coarsen: tuple[int, int, int] = (1, 1, 4)
    widths: tuple[int, int] = (48, 64)
    n_blocks: tuple[int, int, int] = (1, 3, 1)
    n_voxel: int = 24
    n_embedding: int = 96
    log_every: int = 10
    save_every: int = 250
    sample_every: int = 500

    def __post_init__(self) -> None:
        for name in ("n_worlds", "batch", "n_steps", "log_every", "save_every", "sample_every"):
            require(getattr(self, name) >= 1, f"{name} is {getattr(self, name)}, wanted >= 1")
        require(self.noise in ("stratigraphic", "white"),
                f"noise is {self.noise!r}, wanted 'stratigraphic' or 'white'")
        require(self.precision in ("auto", "float32", "bfloat16"),
                f"precision is {self.precision!r}, wanted 'auto', 'float32' or 'bfloat16'")
        for axis, crop, whole, p, c in zip(
            ("iline", "xline", "twt"), self.crop_shape, self.world_shape, self.patch,
            self.coarsen, strict=True,
        ):
            require(2 * self.margin < crop <= whole and crop % (p * c) == 0,
                    f"crop_shape along {axis} is {crop}: wanted a multiple of {p * c}, above "
                    f"{2 * self.margin} and at most {whole}")

    @classmethod
    def from_toml(cls, path: Path | str) -> LithoTraining:
        """Read a recipe; unknown entries are refused."""
        return from_mapping(cls, load_toml(path))

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as a plain dict."""
        return dataclasses.asdict(self)
