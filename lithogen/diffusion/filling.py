"""Filling the lattice: rows coarse to fine, positions outwards, block by block and only once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
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
from lithogen.diffusion.drawing import CellDrawer, CellInput
from lithogen.diffusion.lattice import (
    LEVELS,
    MIDDLE,
    N_CELL,
    N_POSITIONS,
    N_RESIDUALS,
    Level,
)
from lithogen.diffusion.network import N_BESIDE_CELLS, N_LATERAL
from lithogen.diffusion.numbers import cell_numbers, world_numbers
from lithogen.diffusion.schedulers import MASKED
from lithogen.rockphysics import RockFamily
from lithogen.rockphysics.facies import N_FACIES
from lithogen.structure import Structure


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
        spans = block_spans(first, last)
        begin = LEVELS[0].rows(spans[0].start)[0]
        merged = torch.cat([self._block(LEVELS[0], number, None, 0) for number in spans[0]])
        for level, span in zip(LEVELS[1:], spans[1:], strict=True):
            new = torch.cat([self._block(level, number, merged, begin) for number in span])
            # Known rows from the one before the first new row to the one after the last.
            skip = (int(level.rows(span.start)[0]) - level.stride - begin) // level.step
            old = merged[skip : skip + len(new) + 1]
            begin += skip * level.step
            merged = torch.empty(2 * len(new) + 1, N_POSITIONS, N_CELL, device=new.device)
            merged[::2], merged[1::2] = old, new
        return merged[first - begin : last + 1 - begin]

    def _block(self, level: Level, number: int, merged: Tensor | None, begin: int) -> Tensor:
        key = (level.number, number)
        if key not in self._blocks:
            rows = level.rows(number)
            window = None
            if merged is not None:
                at = torch.from_numpy((rows[:, None] + level.offsets - begin) // level.step)
                window = merged[at]
            self._blocks[key] = self._draw(level, rows, window)
        return self._blocks[key]

    def _draw(self, level: Level, rows: NDArray[np.int64], window: Tensor | None) -> Tensor:
        """Draw the new rows of a block, (n_row, N_POSITIONS, N_CELL)."""
        drawer = self.drawer.level(level.number)
        device = self.drawer.device
        facies = residual = None
        if self.known is not None:
            facies, residual = (torch.from_numpy(v).to(device) for v in self.known.cells(rows))
            if bool((facies == MASKED).all()) and not bool(residual.isfinite().any()):
                facies = residual = None
            else:
                residual = residual * RESIDUAL_GAIN
        if window is None:
            window = torch.zeros(len(rows), 0, N_POSITIONS, N_CELL, device=device)
        told = torch.from_numpy(row_conditions(self.structure, self.family, rows)).to(device)
        block = _Block(
            level, window, facies, residual,
            told[:, N_ROW_SCALARS:].reshape(len(rows), N_FACIES, N_RESIDUALS),
            drawer.first_layer(window, told, self._told_world().to(device)),
            torch.from_numpy(cell_numbers(self.seed, rows)).to(device))
        for distance in range(N_POSITIONS):
            places = block.places(distance)
            if places is None:
                break
            time = self.drawer.unmasking.timestep(level.number, distance)
            block.put(places, drawer.draw(time, block.cells_at(places)))
        return block.cells

    def _told_world(self) -> Tensor:
        if self._world is None:
            is_told = bool(self.drawer.network.config["knows_scenario"])
            self._world = torch.from_numpy(world_conditions(
                self.structure.scenario if is_told else None,
                world_numbers(self.seed) if is_told else None))
        return self._world


def block_spans(first: int, last: int) -> list[range]:
    """Return the blocks of every level, coarsest first, that rows first..last depend on."""
    spans = []
    for level in reversed(LEVELS):
        span = level.blocks(first, last)
        spans.append(span)
        first = min(first, int(level.rows(span.start)[0]) - max(level.reach, level.stride))
        last = max(last, int(level.rows(span.stop - 1)[-1]) + max(level.reach, level.stride))
    return spans[::-1]


@dataclass(frozen=True, slots=True)
class _Places:
    """Cells of one pass over a block: row in the block, position, and where the row's start lies.

    Passes are of one size whatever is inside, so that products have one shape; cells that are
    not inside the profile are drawn and dropped.
    """

    row: Tensor
    position: Tensor
    direction: Tensor
    distance: int
    is_inside: Tensor | None


class _Block:
    """Rows of one level that are being drawn."""

    def __init__(
        self, level: Level, window: Tensor, facies: Tensor | None, residual: Tensor | None,
        trends: Tensor, first: Tensor, numbers: Tensor,
    ) -> None:
        self.level, self.window = level, window
        self.facies, self.residual = facies, residual
        self.trends, self.first, self.numbers = trends, first, numbers
        self.start = None if facies is None or residual is None else _starts(facies, residual)
        self.cells = torch.zeros(len(trends), N_POSITIONS, N_CELL, device=trends.device)

    def places(self, distance: int) -> _Places | None:
        """Return the cells that lie so many positions from their row's start, None without any."""
        n, device = len(self.trends), self.trends.device
        if self.start is None:
            return _middle_places(n, distance, device) if distance <= MIDDLE else None
        row, side = _rows_and_sides(n, distance, device)
        position = self.start[row] + distance * side
        is_inside = (position >= 0) & (position < N_POSITIONS)
        if not bool(is_inside.any()):
            return None
        return _Places(row, position.clamp(0, N_POSITIONS - 1), -side, distance, is_inside)

    def put(self, places: _Places, drawn: Tensor) -> None:
        """Keep drawn cells."""
        row, position = places.row, places.position
        if places.is_inside is not None:
            inside = places.is_inside
            row, position, drawn = row[inside], position[inside], drawn[inside]
        self.cells[row, position] = drawn

    def cells_at(self, places: _Places) -> CellInput:
        """Return what the cells of a pass are drawn from."""
        row, position, n = places.row, places.position, len(places.row)
        n_beside = N_BESIDE_CELLS
        lateral = torch.zeros(n, n_beside + N_LATERAL, device=row.device)
        neighbour = lateral[:, n_beside : n_beside + N_CELL]
        if places.distance > 0:
            near = (position + places.direction).clamp_(0, N_POSITIONS - 1)
            if self.window.shape[1]:
                seen = self.window[:, self.level.beside].transpose(1, 2)[row, near]
                lateral[:, : seen.shape[1] * N_CELL] = seen.reshape(n, -1)
            neighbour.copy_(self.cells[row, near])
            start: Tensor | int = MIDDLE if self.start is None else self.start[row]
            at = n_beside + N_CELL
            lateral[:, at : at + N_CELL] = self.cells[row, start]
            at += N_CELL
            lateral[:, at] = 1.0
            lateral[:, at + 1] = places.direction
            lateral[:, at + 2] = places.distance / (N_POSITIONS - 1)
        return CellInput(
            self.first[row, position], lateral, self.trends[row], neighbour,
            places.distance > 0, self.numbers[row, position],
            None if self.facies is None else self.facies[row, position],
            None if self.residual is None else self.residual[row, position])


@cache
def _rows_and_sides(n: int, distance: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Rows of a block and the side of their start, for all cells of a pass."""
    sides = torch.tensor([0] if distance == 0 else [-1, 1], device=device)
    row = torch.arange(n, device=device).repeat(len(sides))
    return row, sides.repeat_interleave(n)


@cache
def _middle_places(n: int, distance: int, device: torch.device) -> _Places:
    """Cells of a pass over rows that all begin in the middle."""
    row, side = _rows_and_sides(n, distance, device)
    return _Places(row, MIDDLE + distance * side, -side, distance, None)


def _starts(facies: Tensor, residual: Tensor) -> Tensor:
    """Return the position at which every row begins: the known one nearest to the middle."""
    is_known = (facies != MASKED) | residual.isfinite().any(dim=-1)
    away = (torch.arange(N_POSITIONS, device=facies.device) - MIDDLE).abs()
    cost = torch.where(is_known, away, away + N_POSITIONS)
    return cost.argmin(dim=1)
