"""Where wells disagree: every group of wells has strata of its own, and they interfinger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.diffusion.mapping import LatticeStrata
from lithogen.rng import normal
from lithogen.rockphysics import RockFamily
from lithogen.scenario import Scenario
from lithogen.strata.tables import BodyRock
from lithogen.structure import Structure

Float = NDArray[np.float64]

# Borders between groups lie elsewhere in every interval of age of this length, so that they are
# no wall through all layers: the groups' distances are multiplied by factors of this spread (ln).
INTERVAL_MS = 12.0
BORDER_SPREAD = 0.35


@dataclass(frozen=True, slots=True)
class RegionStrata:
    """Strata that are those of the nearest group of wells, with ragged borders.

    Parameters
    ----------
    parts : sequence of LatticeStrata
        Of every group; of one world.
    places_m : sequence of ndarray of float64, shape (n, 2)
        Places of the wells of every group along the iline and xline axes, m.
    """

    parts: Sequence[LatticeStrata]
    places_m: Sequence[Float]

    @property
    def seed(self) -> int:
        """Names the numbers of the lattices, and what fills bodies."""
        return self.parts[0].seed

    @property
    def structure(self) -> Structure:
        """Gives the depth at which an age lies where nothing is folded."""
        return self.parts[0].structure

    @property
    def scenario(self) -> Scenario:
        """Controls of the world."""
        return self.parts[0].scenario

    @property
    def family(self) -> RockFamily:
        """Elastic trends of the basin."""
        return self.parts[0].family

    @property
    def bodies(self) -> Mapping[tuple[int, int], BodyRock]:
        """Rock of bodies that wells have met, by number and planned facies."""
        return self.parts[0].bodies

    def voxel_means(
        self, age: Tensor, half_ms: Tensor, environment: Tensor, y_m: Float, x_m: Float
    ) -> tuple[Tensor, Tensor]:
        """Return the means of voxels and their dominant facies, see `block_means`."""
        owner = self.owners(age, y_m, x_m)
        here = torch.unique(owner).tolist()
        mean, facies = self.parts[here[0]].voxel_means(age, half_ms, environment, y_m, x_m)
        for number in here[1:]:
            more, label = self.parts[number].voxel_means(age, half_ms, environment, y_m, x_m)
            mine = owner == number
            mean = torch.where(mine[..., None], more, mean)
            facies = torch.where(mine, label, facies)
        return mean, facies

    def owners(self, age: Tensor, y_m: Float, x_m: Float) -> Tensor:
        """Return the number of the group that every voxel belongs to, (n_iline, n_xline, n_twt)."""
        interval = torch.floor(age * (1.0 / INTERVAL_MS)).to(torch.int64)
        first, last = int(interval.min()), int(interval.max())
        best = owner = torch.zeros(0)
        for number, places in enumerate(self.places_m):
            factor = np.exp(BORDER_SPREAD * normal(
                self.seed, "diffusion/border", number, np.arange(first, last + 1)))
            gap = np.hypot(places[:, 0, None, None] - y_m[:, None], places[:, 1, None, None] - x_m)
            distance = torch.from_numpy(gap.min(axis=0).astype(np.float32))
            cost = distance[..., None] * torch.from_numpy(factor)[interval - first]
            if number == 0:
                best, owner = cost, torch.zeros(cost.shape, dtype=torch.int64)
                continue
            is_nearer = cost < best
            best, owner = torch.where(is_nearer, cost, best), owner.masked_fill(is_nearer, number)
        return owner
