"""Recipe of a training run of stage 1."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lithogen.config import from_mapping, load_toml
from lithogen.diffusion.lattice import LEVELS
from lithogen.errors import require

PRECISIONS = ("float32", "bfloat16", "auto")


@dataclass(frozen=True, slots=True)
class RowTraining:
    """Recipe of a stage-1 training run; stored with the weights.

    Parameters
    ----------
    seed : int
        Names worlds, cells, noise and first weights.
    n_worlds, n_held_out : int
        Worlds of the prior that are learned from, and that decide when a level stops.
    n_rows : int
        Rows of each world, a multiple of 512 and more than twice the longest view.
    batch, n_noise : int
        Cells a level and step; noise levels a cell.
    n_steps : int
        Optimiser steps.
    learning_rate, warm_up, decay_from : float, int, float
        Peak rate; linear warm-up steps; share of the run after which it falls linearly to 1 %.
    weight_decay, clip_norm, ema : float
        Of AdamW; limit of the gradient's norm; decay of the averaged weights.
    jitter : float
        Noise on known residuals, in halves of `RESIDUAL_UNIT`.
    unknown : float
        Share of cells that are not told the scenario, and not told the world's numbers.
    replay : float
        Share of the prior's cells in a step on own models.
    sharpen : float
        Factor on ln of chances of facies, see `sharpening`: 1 leaves them as learned.
    width, head_width : int
        Of the network.
    precision : str
        Of products: "float32", "bfloat16", or "auto" for what the processor is faster in;
        weights and sums stay float32.
    log_every, save_every, judge_every : int
        Steps between log lines, checkpoints, and looks at the held-out worlds.

    Raises
    ------
    ConfigError
        An entry is out of range.
    """

    seed: int = 2101
    n_worlds: int = 8000
    n_held_out: int = 400
    n_rows: int = 4096
    batch: int = 512
    n_noise: int = 2
    n_steps: int = 20000
    learning_rate: float = 2e-3
    warm_up: int = 200
    decay_from: float = 0.4
    weight_decay: float = 0.02
    clip_norm: float = 4.0
    ema: float = 0.998
    jitter: float = 0.02
    unknown: float = 0.1
    replay: float = 0.4
    sharpen: float = 1.0
    width: int = 192
    head_width: int = 128
    precision: str = "auto"
    log_every: int = 50
    save_every: int = 1000
    judge_every: int = 250

    def __post_init__(self) -> None:
        for name in ("n_worlds", "n_held_out", "batch", "n_noise", "n_steps", "width",
                     "head_width", "log_every", "save_every", "judge_every"):
            require(getattr(self, name) >= 1, f"{name} is {getattr(self, name)}, wanted >= 1")
        least = 2 * max(level.reach for level in LEVELS)
        require(self.n_rows % 512 == 0 and self.n_rows > least,
                f"n_rows is {self.n_rows}, wanted a multiple of 512 above {least}")
        require(self.precision in PRECISIONS,
                f"precision is {self.precision!r}, wanted one of {', '.join(PRECISIONS)}")
        for name in ("unknown", "replay"):
            share = getattr(self, name)
            require(0.0 <= share <= 1.0, f"{name} is {share}, wanted 0 to 1")
        require(0.5 <= self.sharpen <= 2.0, f"sharpen is {self.sharpen}, wanted 0.5 to 2")
        require(0.0 <= self.decay_from < 1.0, f"decay_from is {self.decay_from}, wanted 0 to 1")

    @classmethod
    def from_toml(cls, path: Path | str) -> RowTraining:
        """Read a recipe; unknown entries are refused."""
        return from_mapping(cls, load_toml(path))

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as a plain dict."""
        return dataclasses.asdict(self)
