"""Filling the lattice: rows coarse to fine, positions outwards, block by block and only once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.diffusion.conditions import (
    N_ROW_SCALARS,
    RESIDUAL_GAIN,
    row_conditions,
    world_conditions,
)
from lithogen.diffusion.drawing import CellDrawer
from lithogen.diffusion.lattice import (
    LEVELS,
    N_CELL,
    N_POSITIONS,
    N_RESIDUALS,
    PASSES,
    Pass,
)
from lithogen.diffusion.numbers import cell_numbers, world_numbers
from lithogen.diffusion.row_cells import RowCells
from lithogen.diffusion.schedulers import MASKED
from lithogen.rockphysics import RockFamily
from lithogen.rockphysics.facies import N_FACIES
from lithogen.structure import Structure

# Rows that are drawn at once, whole blocks: torch shares longer arrays among its threads, in parts
# whose ends are rounded in another way.
MOST_ROWS = 160


class HardData(Protocol):
    """What is known of cells before they are drawn: the seam for wells and other data."""

    def cells(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return what is known of rows.

        Parameters
        ----------
        rows : ndarray of int64, shape (n,)
            Rows of the lattice.

        Returns
        -------
        facies : ndarray of int64, shape (n, N_POSITIONS)
            Codes, `MASKED` where unknown.
        residual : ndarray of float32, shape (n, N_POSITIONS, 3)
            As `encode_residual` gives them, NaN where unknown.
        """


@dataclass
class Lattice:
    """The Wheeler diagram of one world, drawn where it is asked for.

    Parameters
    ----------
    drawer : CellDrawer
        Network and schedulers.
    structure : Structure
        Gives the depth of every age, and the scenario.
    family : RockFamily
        Elastic trends.
    seed : int
        Names the numbers.
    known : HardData, optional
        Cells that are given.
    """

    drawer: CellDrawer
    structure: Structure
    family: RockFamily
    seed: int
    known: HardData | None = None
    _blocks: dict[tuple[int, int], Tensor] = field(default_factory=dict)
    _world: Tensor | None = None

    def rows(self, first: int, last: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Return facies and elastic residuals of rows first..last.

        Parameters
        ----------
        first, last : int
            Rows of the lattice.

        Returns
        -------
        facies : ndarray of int8, shape (n, N_POSITIONS)
        residual : ndarray of float32, shape (n, N_POSITIONS, 3)
            As `encode_residual` gives them.
        """
        with torch.inference_mode():
            cells = self._cells(first, last)
        facies = cells[..., :N_FACIES].argmax(dim=-1).to(torch.int8)
        residual = cells[..., N_FACIES:] / RESIDUAL_GAIN
        return facies.cpu().numpy(), residual.cpu().numpy()

    def _cells(self, first: int, last: int) -> Tensor:
        """Cells of rows first..last, (n, N_POSITIONS, N_CELL)."""
        demands = demands_of(first, last)
        known = _Known.to_fill(demands[0], self.drawer.device)
        for level in LEVELS:
            mine = [demand for demand in demands if demand.of.level is level]
            if level.number:
                known = known.refined()
            for demand in mine:
                self._draw_blocks(demand, known)
                for number in demand.blocks:
                    known.put(demand.of.rows(number), self._blocks[demand.of.number, number])
            known = known.cropped(mine[-1].first, mine[-1].last)
        return known.cells

    def _draw_blocks(self, demand: Demand, known: _Known) -> None:
        """Draw what is asked for and not there yet, several blocks at once."""
        of, plain = demand.of, []
        for number in demand.blocks:
            if (of.number, number) in self._blocks:
                continue
            given = self._given(of.rows(number))
            if given is None:
                plain.append(number)
            else:
                self._draw(of, [number], known, given)
        most = MOST_ROWS // of.block_rows
        for first in range(0, len(plain), most):
            self._draw(of, plain[first : first + most], known, None)

    def _given(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor] | None:
        """Known facies and residuals of rows, None without any."""
        if self.known is None:
            return None
        facies, residual = (torch.from_numpy(v).to(self.drawer.device)
                            for v in self.known.cells(rows))
        if bool((facies == MASKED).all()) and not bool(residual.isfinite().any()):
            return None
        return facies, residual * RESIDUAL_GAIN

    def _draw(self, of: Pass, numbers: list[int], known: _Known,
              given: tuple[Tensor, Tensor] | None) -> None:
        """Draw and keep some blocks, each (block_rows, N_POSITIONS, N_CELL)."""
        level, size = of.level, of.block_rows
        drawer, device = self.drawer.level(level.number), self.drawer.device
        rows = np.concatenate([of.rows(number) for number in numbers])
        window = known.at(rows[:, None] + of.offsets)
        told = torch.from_numpy(row_conditions(self.structure, self.family, rows)).to(device)
        drawn = RowCells(
            level, size, window, given,
            told[:, N_ROW_SCALARS:].reshape(len(rows), N_FACIES, N_RESIDUALS),
            drawer.first_layer(window, told, self._told_world().to(device), size),
            torch.from_numpy(cell_numbers(self.seed, rows)).to(device))
        for distance in range(N_POSITIONS):
            places = drawn.places(distance)
            if places is None:
                break
            time = self.drawer.unmasking.timestep(of.number, distance)
            drawn.put(places, drawer.draw(time, drawn.cells_at(places)))
        for place, number in enumerate(numbers):
            part = drawn.cells[place * size : (place + 1) * size]
            # A view would keep the whole group.
            self._blocks[of.number, number] = part.clone()

    def _told_world(self) -> Tensor:
        if self._world is None:
            is_told = bool(self.drawer.network.config["knows_scenario"])
            self._world = torch.from_numpy(world_conditions(
                self.structure.scenario if is_told else None,
                world_numbers(self.seed) if is_told else None))
        return self._world


@dataclass(frozen=True, slots=True)
class Demand:
    """What must be drawn in a pass, and which rows are known after it.

    Parameters
    ----------
    of : Pass
        Which pass.
    blocks : range
        Of its rows.
    first, last : int
        Between them all rows of this pass and of those before it are known.
    """

    of: Pass
    blocks: range
    first: int
    last: int


def demands_of(first: int, last: int) -> list[Demand]:
    """Return what rows first..last need of every pass, in the order of drawing."""
    out = []
    for one in reversed(PASSES):
        blocks = one.blocks(first, last)
        out.append(Demand(one, blocks, first, last))
        first = min(first, int(one.rows(blocks.start)[0]) - one.reach)
        last = max(last, int(one.rows(blocks.stop - 1)[-1]) + one.reach)
    return out[::-1]


class _Known:
    """Cells of consecutive rows of one spacing, (n, N_POSITIONS, N_CELL)."""

    def __init__(self, begin: int, stride: int, cells: Tensor) -> None:
        self.begin, self.stride, self.cells = begin, stride, cells

    @classmethod
    def to_fill(cls, demand: Demand, device: torch.device) -> _Known:
        """Return room for the rows of the coarsest level."""
        of, blocks = demand.of, demand.blocks
        n = len(blocks) * of.block_rows
        return cls(int(of.rows(blocks.start)[0]), of.step,
                   torch.zeros(n, N_POSITIONS, N_CELL, device=device))

    def refined(self) -> _Known:
        """Return the same cells with room for the new rows of the next level between them."""
        cells = self.cells.new_zeros(2 * len(self.cells) - 1, N_POSITIONS, N_CELL)
        cells[::2] = self.cells
        return _Known(self.begin, self.stride // 2, cells)

    def at(self, rows: NDArray[np.int64]) -> Tensor:
        """Return the cells of rows, (*rows.shape, N_POSITIONS, N_CELL)."""
        return self.cells[torch.from_numpy((rows - self.begin) // self.stride)]

    def put(self, rows: NDArray[np.int64], cells: Tensor) -> None:
        """Keep the cells of those rows of a block that lie inside."""
        at = (rows - self.begin) // self.stride
        inside = (at >= 0) & (at < len(self.cells))
        self.cells[torch.from_numpy(at[inside])] = cells[torch.from_numpy(inside)]

    def cropped(self, first: int, last: int) -> _Known:
        """Return the cells between two rows."""
        low, high = -(-first // self.stride), last // self.stride
        skip = low - self.begin // self.stride
        return _Known(low * self.stride, self.stride, self.cells[skip : skip + high - low + 1])
