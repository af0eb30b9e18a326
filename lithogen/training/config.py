"""Configuration of a stage-1 training run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lithogen.config import from_mapping, load_toml
from lithogen.errors import require
from lithogen.schedulers import renewed_place


@dataclass(frozen=True, slots=True)
class LithoTraining:
    """Recipe of a stage-1 training run; stored with the weights.

    Parameters
    ----------
    seed : names worlds, crops, noise and initial weights.
    n_worlds : number of procedural worlds kept in memory.
    world_shape, crop_shape : voxels of a cached world and of a training crop.
    margin : voxels at the crop's sides (iline, xline, twt) that the loss leaves out.
    batch, micro_batch : crops a step, and how many of them are worked on at a time.
    n_steps : optimiser steps.
    learning_rate, warm_up, decay_from : peak rate; linear warm-up steps; share of the run
        after which the rate falls linearly to 2 %.
    weight_decay, clip_norm : AdamW weight decay; gradient norm limit.
    ema : decay of the averaged weights.
    sigma_mean, sigma_std : logit-normal distribution of the noise level.
    max_weight : upper limit of the loss weight 1 / sigma**2.
    facies_weight : weight of the cross entropy of facies against the error of residuals.
    other_spacing : share of worlds at 2 ms or 12.5 m instead of 4 ms and 25 m.
    unknown_controls : share of crops whose scenario the network is not told.
    wells : share of crops with one to three wells.
    teacher, teacher_steps : folder of weights to distil ("shipped" or "fast": those of the
        package), and its steps; "" for none.
    levels : noise levels that a student learns, from 1 downwards; () for all.
    renewed : whether a student has its noise renewed on the way, see `lithogen.schedulers`.
    noise : "stratigraphic" (weights drawn over a range) or "white" (the control run).
    fine : range of `NoiseWeights.fine` in crops; a student always has that of generation.
    precision : "float32", "bfloat16", or "auto": bfloat16 where the device is fast in it.
    head : "facies" (probabilities of facies and residuals) or "latent" (the clean latent).
    rescale : standardise the latent anew by these worlds, with `--init` too.
    patch, coarsen, widths, n_blocks, kernels, token_kernels, n_voxel, n_hidden, taps, lift,
        n_embedding : architecture of LithoNet.
    log_every, save_every, sample_every : steps between log lines, checkpoints, pictures.

    Raises
    ------
    ConfigError : an entry is out of range.
    """

    seed: int = 2026
    n_worlds: int = 240
    world_shape: tuple[int, int, int] = (64, 64, 104)
    crop_shape: tuple[int, int, int] = (48, 48, 80)
    margin: tuple[int, int, int] = (6, 6, 6)
    batch: int = 2
    micro_batch: int = 2
    n_steps: int = 6000
    learning_rate: float = 1.5e-3
    warm_up: int = 100
    decay_from: float = 0.6
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    ema: float = 0.998
    sigma_mean: float = 0.8
    sigma_std: float = 1.2
    max_weight: float = 4.0
    facies_weight: float = 1.0
    other_spacing: float = 0.25
    unknown_controls: float = 0.1
    wells: float = 0.3
    teacher: str = ""
    teacher_steps: int = 8
    levels: tuple[float, ...] = ()
    renewed: bool = False
    noise: str = "stratigraphic"
    fine: tuple[float, float] = (1.0, 1.0)
    precision: str = "auto"
    head: str = "facies"
    rescale: bool = False
    patch: tuple[int, int, int] = (4, 4, 1)
    coarsen: tuple[int, int, int] = (1, 1, 4)
    widths: tuple[int, int] = (48, 64)
    n_blocks: tuple[int, int, int] = (1, 3, 1)
    kernels: tuple[tuple[int, int, int], tuple[int, int, int]] = ((3, 3, 3), (3, 3, 3))
    token_kernels: tuple[tuple[int, int, int], ...] = ()
    n_voxel: int = 24
    n_hidden: int = 0
    taps: tuple[int, int] = (1, 1)
    lift: str = "fold"
    n_embedding: int = 96
    log_every: int = 10
    save_every: int = 250
    sample_every: int = 500

    def __post_init__(self) -> None:
        for name in ("n_worlds", "batch", "micro_batch", "n_steps", "log_every", "save_every",
                     "sample_every"):
            require(getattr(self, name) >= 1, f"{name} is {getattr(self, name)}, wanted >= 1")
        for name, known in (
            ("noise", ("stratigraphic", "white")), ("head", ("facies", "latent")),
            ("lift", ("fold", "linear", "both")),
            ("precision", ("auto", "float32", "bfloat16")),
        ):
            value = getattr(self, name)
            require(value in known, f"{name} is {value!r}, wanted one of {', '.join(known)}")
        require(len(self.fine) == 2 and 0.0 <= self.fine[0] <= self.fine[1] <= 1.0,
                f"fine is {self.fine}, wanted a range in 0 to 1")
        require(all(0.0 < level <= 1.0 for level in self.levels),
                f"levels is {self.levels}, wanted noise levels above 0 and at most 1")
        require(not self.renewed or renewed_place(self.levels) is not None,
                f"renewed is set, but none of levels {self.levels} is one to renew noise at")
        for name in ("other_spacing", "unknown_controls", "wells"):
            share = getattr(self, name)
            require(0.0 <= share <= 1.0, f"{name} is {share}, wanted 0 to 1")
        for axis, crop, whole, p, c, m in zip(
            ("iline", "xline", "twt"), self.crop_shape, self.world_shape, self.patch,
            self.coarsen, self.margin, strict=True,
        ):
            require(0 <= 2 * m < crop <= whole and crop % (p * c) == 0,
                    f"crop_shape along {axis} is {crop}: wanted a multiple of {p * c}, above "
                    f"{2 * m} (twice the margin) and at most {whole}")

    @property
    def inner(self) -> tuple[slice, slice, slice]:
        """What the margin of a crop leaves."""
        i, j, k = (slice(m, size - m) for m, size in
                   zip(self.margin, self.crop_shape, strict=True))
        return i, j, k

    @classmethod
    def from_toml(cls, path: Path | str) -> LithoTraining:
        """Read a recipe; unknown entries are refused."""
        return from_mapping(cls, load_toml(path))

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as a plain dict."""
        return dataclasses.asdict(self)
