"""From the lattice to tables that are looked up at the ages of voxels."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lithogen.diffusion.filling import Lattice
from lithogen.diffusion.lattice import N_POSITIONS, ROW_MS
from lithogen.rockphysics import RockFamily, decode_elastic
from lithogen.rockphysics.bounds import limit_velocities
from lithogen.rockphysics.reservoir import net_share, porosity_of
from lithogen.scenario import Scenario
from lithogen.strata.blocks import ChunkedStrata
from lithogen.strata.tables import (
    CHUNK_MS,
    COLUMNS,
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

STEPS_A_ROW = round(ROW_MS / STEP_MS)
CHUNK_ROWS = round(CHUNK_MS / ROW_MS)


@dataclass(slots=True)
class LatticeStrata(ChunkedStrata):
    """The strata of one world of stage 1: tables by chunk of age, made when asked for.

    Parameters
    ----------
    lattice : Lattice
        Facies and elastic residuals by row and position.
    bodies : mapping of (int, int) to BodyRock
        Rock of bodies that wells have met, by number and planned facies.
    """

    lattice: Lattice
    bodies: Mapping[tuple[int, int], BodyRock] = field(default_factory=dict)
    _kept: OrderedDict[int, ChunkTable] = field(default_factory=OrderedDict)

    @property
    def seed(self) -> int:
        """Names the numbers of the lattice, and what fills bodies."""
        return self.lattice.seed

    @property
    def structure(self) -> Structure:
        """Gives the depth at which an age lies where nothing is folded."""
        return self.lattice.structure

    @property
    def scenario(self) -> Scenario:
        """Controls of the world."""
        return self.lattice.structure.scenario

    @property
    def family(self) -> RockFamily:
        """Elastic trends of the basin."""
        return self.lattice.family

    def _make(self, number: int) -> ChunkTable:
        first = number * CHUNK_ROWS
        n_rows = CHUNK_ROWS + -(-MAX_SPAN // STEPS_A_ROW)
        facies, residual = self.lattice.rows(first, first + n_rows - 1)
        rock = self._rock(first + np.arange(n_rows), facies, residual)
        steps = np.repeat(rock, STEPS_A_ROW, axis=0)[: N_ROWS + MAX_SPAN]
        texture = np.concatenate([texture_of(self.seed, number),
                                  texture_of(self.seed, number + 1)[:MAX_SPAN]])
        total = np.zeros((N_ROWS + MAX_SPAN + 1, N_POSITIONS, len(COLUMNS)))
        np.cumsum(steps, axis=0, out=total[1:, :, :-1])
        total[1:, :, -1] = np.cumsum(texture)[:, None]
        labels = np.repeat(facies.astype(np.intp), STEPS_A_ROW, axis=0)[: N_ROWS + MAX_SPAN]
        return ChunkTable(np.ascontiguousarray(total.transpose(1, 0, 2), dtype=np.float32),
                          dominant(labels))

    def _rock(
        self, rows: NDArray[np.int64], facies: NDArray[np.int8], residual: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Columns of `COLUMNS` but the texture of every row, (n, N_POSITIONS, columns - 1)."""
        depth_m = self.structure.nominal_depth_m((rows + 0.5) * ROW_MS)
        code = np.ascontiguousarray(facies.T)
        vp, vs, rho = (v.astype(np.float64) for v in decode_elastic(
            np.ascontiguousarray(residual.transpose(2, 1, 0)), self.family, depth_m))
        porosity = porosity_of(code, rho.astype(np.float32), self.family, depth_m)
        vp, vs = limit_velocities(vp, vs, rho, porosity.astype(np.float64), None)
        columns = (1e9 / (rho * vp**2), 1e9 / (rho * vs**2), rho, porosity,
                   net_share(code, porosity))
        return np.asarray(np.stack(columns, axis=-1).transpose(1, 0, 2), dtype=np.float64)
