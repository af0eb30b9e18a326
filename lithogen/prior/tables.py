"""The prior's strata: rock properties over age and environment, from stacks of beds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lithogen.prior.beds import BedStack, beds_between, world_character
from lithogen.rockphysics import RockFamily, bed_properties
from lithogen.rockphysics.bounds import limit_velocities
from lithogen.rockphysics.facies import (
    CHALK,
    COAL,
    DOLOMITE,
    HETEROLITHIC,
    LIMESTONE,
    MARL,
    N_FACIES,
    SANDSTONE,
    SHALE,
)
from lithogen.rockphysics.reservoir import net_share
from lithogen.rockphysics.scatter import RHO_PER_VP
from lithogen.rockphysics.trends import POROSITY_LIMITS
from lithogen.scenario import Scenario
from lithogen.strata.blocks import ChunkedStrata
from lithogen.strata.tables import (
    CHUNK_MS,
    COLUMNS,
    ENVIRONMENT_LIMIT,
    ENVIRONMENTS,
    MAX_SPAN,
    N_ROWS,
    STEP_MS,
    BodyRock,
    ChunkTable,
    dominant,
    texture_of,
)
from lithogen.structure import Structure

Float = NDArray[np.float64]

LEVELS = np.linspace(-ENVIRONMENT_LIMIT, ENVIRONMENT_LIMIT, ENVIRONMENTS)
# Contacts of beds are gradual: mixing at deposition and what bioturbation and diagenesis move.
CONTACT_MS, WIDEST_CONTACT_MS = 1.32, 3.0
CONTACT_REACH = 3.0
# What a change of ln vp inside a bed does to ln vs, and to porosity (that of the change of rho).
SHEAR_PER_VP, POROSITY_PER_VP = 1.3, 0.4

DISTAL = {SANDSTONE: HETEROLITHIC, HETEROLITHIC: SHALE, LIMESTONE: MARL, MARL: SHALE,
          COAL: SHALE, DOLOMITE: LIMESTONE, CHALK: MARL}
PROXIMAL = {HETEROLITHIC: SANDSTONE, MARL: LIMESTONE, SHALE: HETEROLITHIC}
_DISTAL = np.array([DISTAL.get(f, f) for f in range(N_FACIES)])
_PROXIMAL = np.array([PROXIMAL.get(f, f) for f in range(N_FACIES)])


@dataclass(slots=True)
class PriorStrata(ChunkedStrata):
    """The strata of one world: tables by chunk of age, made when asked for.

    Parameters
    ----------
    seed, scenario : of strata and rock physics.
    structure : gives the depth at which an age lies where nothing is folded.
    """

    seed: int
    scenario: Scenario
    structure: Structure
    family: RockFamily
    _kept: OrderedDict[int, ChunkTable] = field(default_factory=OrderedDict)

    @property
    def bodies(self) -> Mapping[tuple[int, int], BodyRock]:
        """No body is known beforehand."""
        return {}

    def _make(self, number: int) -> ChunkTable:
        # Rows beyond both ends, which gradual contacts reach into.
        scale = min(CONTACT_MS * world_character(self.seed).contact, WIDEST_CONTACT_MS) / STEP_MS
        more = int(np.ceil(CONTACT_REACH * scale))
        n = N_ROWS + MAX_SPAN + 2 * more
        first = number * CHUNK_MS - more * STEP_MS
        age: Float = np.asarray(first + (np.arange(n) + 0.5) * STEP_MS, dtype=np.float64)
        beds = beds_between(self.seed, self.scenario, first, first + n * STEP_MS)
        owner = np.clip(np.searchsorted(beds.top_ms, age, side="right") - 1, 0, None)
        texture = np.concatenate([texture_of(self.seed, number + k) for k in (-1, 0, 1)])
        texture = texture[N_ROWS - more :][:n]
        facies = facies_by_environment(beds)[owner]
        rock = gradual(self._rock(beds, owner, age, facies), scale)
        rock = with_texture(rock, beds.inner[owner] * texture, texture)
        inner = slice(more, n - more)
        total = np.zeros((n - 2 * more + 1, ENVIRONMENTS, len(COLUMNS)))
        np.cumsum(rock[inner], axis=0, out=total[1:])
        return ChunkTable(
            np.ascontiguousarray(total.transpose(1, 0, 2), dtype=np.float32),
            dominant(facies[inner]),
        )

    def _rock(
        self, beds: BedStack, owner: NDArray[np.intp], age: Float, facies: NDArray[np.intp]
    ) -> Float:
        """Columns of `COLUMNS` but the texture of every row, (n, environments, columns - 1)."""
        local = beds.gradient[owner] * ((age - beds.top_ms[owner]) / beds.thickness_ms[owner] - 0.5)
        depth = self.structure.nominal_depth_m(age)
        shape = facies.shape

        def everywhere(values: Float) -> Float:
            return np.broadcast_to(values[:, None], shape)

        vp, vs, rho, phi = bed_properties(
            self.family, facies, everywhere(depth),
            ln_vp=everywhere(beds.ln_vp[owner] + local),
            ln_shear=everywhere(beds.ln_shear[owner]),
            ln_rho=everywhere(beds.ln_rho[owner] + RHO_PER_VP * local),
        )
        return np.stack([1e9 / (rho * vp**2), 1e9 / (rho * vs**2), rho, phi,
                         net_share(facies, phi)], axis=-1)


@lru_cache(maxsize=8)
def strata_of(seed: int, structure: Structure) -> PriorStrata:
    """Return the strata that a seed lays into a structure; recent ones are kept."""
    scenario = structure.scenario
    family = RockFamily.random(seed, scenario.burial_m, scenario.basin)
    return PriorStrata(seed, scenario, structure, family)


def facies_by_environment(beds: BedStack) -> NDArray[np.intp]:
    """Return the facies of every bed at every environment, (n_bed, environments)."""
    edge, own = beds.threshold[:, None], beds.facies[:, None]
    distal, proximal = _DISTAL[own], _PROXIMAL[own]
    out = np.where((edge < 0) & (edge > LEVELS), distal, own)
    return np.asarray(np.where((edge > 0) & (edge < LEVELS), proximal, out), dtype=np.intp)


def gradual(rows: Float, scale: float) -> Float:
    """Let the rock of neighbouring beds pass into one another.

    Parameters
    ----------
    rows : columns along age, (n, ...).
    scale : standard deviation of the passage in rows.
    """
    from scipy.ndimage import gaussian_filter1d

    return np.asarray(gaussian_filter1d(rows, scale, axis=0, truncate=CONTACT_REACH))


def with_texture(rows: Float, ln_vp: Float, texture: Float) -> Float:
    """Add what varies inside beds.

    Parameters
    ----------
    rows : columns of `COLUMNS` but the last, (n, environments, columns - 1).
    ln_vp : change of ln vp of every row, (n,); vs and density follow, as porosity would have it.
    texture : the last column, (n,).
    """
    rho = RHO_PER_VP * ln_vp
    factor = np.stack([-2.0 * ln_vp - rho, -2.0 * SHEAR_PER_VP * ln_vp - rho, rho], axis=-1)
    out = np.empty((*rows.shape[:2], len(COLUMNS)))
    out[..., :3] = rows[..., :3] * np.exp(factor)[:, None]
    out[..., 3] = np.clip(rows[..., 3] - POROSITY_PER_VP * ln_vp[:, None], 0.0,
                          POROSITY_LIMITS[1])
    out[..., 4] = rows[..., 4]
    out[..., 5] = texture[:, None]
    # Stiff rock may have been at the bound of its minerals before.
    density = out[..., 2]
    vp, vs = (np.sqrt(1e9 / (out[..., k] * density)) for k in (0, 1))
    vp, vs = limit_velocities(vp, vs, density, out[..., 3], None)
    out[..., 0], out[..., 1] = 1e9 / (density * vp**2), 1e9 / (density * vs**2)
    return out
