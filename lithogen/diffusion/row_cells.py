"""The cells of rows that are being drawn: which come next, and what is known around them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from lithogen.diffusion.drawing import CellInput
from lithogen.diffusion.lattice import MIDDLE, N_CELL, N_POSITIONS, Level
from lithogen.diffusion.network import N_BESIDE_CELLS, N_LATERAL
from lithogen.diffusion.schedulers import MASKED


@dataclass(frozen=True, slots=True)
class Places:
    """Cells of one distance: row among those drawn, position, and where the row's start lies.

    Blocks follow each other, with as many cells each whatever is inside, so that products have one
    shape; cells that are not inside the profile are drawn and dropped.
    """

    row: Tensor
    position: Tensor
    direction: Tensor
    distance: int
    is_inside: Tensor | None


class RowCells:
    """Rows of one pass that are being drawn: one block or several.

    Parameters
    ----------
    level : Level
        Whose rows these are.
    block_rows : int
        Rows of a block, which stand together.
    window : Tensor, shape (n_row, n_offset, N_POSITIONS, N_CELL)
        Rows around them, at `Pass.offsets`.
    given : tuple of (n_row, N_POSITIONS) and (n_row, N_POSITIONS, 3) Tensors, or None
        Known facies and residuals, as `HardData.cells` gives them; None without any.
    trends : Tensor, shape (n_row, N_FACIES, 3)
        Residuals of the trends of all facies.
    first : Tensor, shape (n_row, N_POSITIONS, width)
        Of `LevelDrawer.first_layer`.
    numbers : Tensor, shape (n_row, N_POSITIONS, 4)
        Of `cell_numbers`.
    """

    def __init__(
        self, level: Level, block_rows: int, window: Tensor, given: tuple[Tensor, Tensor] | None,
        trends: Tensor, first: Tensor, numbers: Tensor,
    ) -> None:
        self.level, self.block_rows, self.window = level, block_rows, window
        self.facies: Tensor | None = None
        self.residual: Tensor | None = None
        if given is not None:
            self.facies, self.residual = given
        self.trends, self.first, self.numbers = trends, first, numbers
        self.start = None if given is None else _starts(*given)
        self.cells = torch.zeros(len(trends), N_POSITIONS, N_CELL, device=trends.device)

    def places(self, distance: int) -> Places | None:
        """Return the cells that lie so many positions from their row's start, None without any."""
        n, device = len(self.trends), self.trends.device
        if self.start is None:
            return (_middle_places(n, self.block_rows, distance, device)
                    if distance <= MIDDLE else None)
        row, side = _rows_and_sides(n, self.block_rows, distance, device)
        position = self.start[row] + distance * side
        is_inside = (position >= 0) & (position < N_POSITIONS)
        if not bool(is_inside.any()):
            return None
        return Places(row, position.clamp(0, N_POSITIONS - 1), -side, distance, is_inside)

    def put(self, places: Places, drawn: Tensor) -> None:
        """Keep drawn cells."""
        row, position = places.row, places.position
        if places.is_inside is not None:
            inside = places.is_inside
            row, position, drawn = row[inside], position[inside], drawn[inside]
        self.cells[row, position] = drawn

    def cells_at(self, places: Places) -> CellInput:
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
            places.distance > 0, self._rows_beside(row, position), self.numbers[row, position],
            None if self.facies is None else self.facies[row, position],
            None if self.residual is None else self.residual[row, position],
            self.block_rows * len(row) // len(self.trends))

    def _rows_beside(self, row: Tensor, position: Tensor) -> Tensor:
        """The nearest known cells above and below, (n, 2, N_CELL)."""
        n_offset = len(self.level.offsets)
        if not n_offset:
            return self.cells.new_zeros(len(row), 2, N_CELL)
        middle = n_offset // 2
        return self.window[:, middle - 1 : middle + 1].transpose(1, 2)[row, position]


@cache
def _rows_and_sides(
    n: int, block_rows: int, distance: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Rows and the side of their start, for all cells of a distance, block by block."""
    sides = torch.tensor([0] if distance == 0 else [-1, 1], device=device)
    block = torch.arange(n, device=device).view(-1, 1, block_rows)
    row = block.expand(-1, len(sides), -1).reshape(-1)
    return row, sides.repeat_interleave(block_rows).repeat(n // block_rows)


@cache
def _middle_places(
    n: int, block_rows: int, distance: int, device: torch.device
) -> Places:
    """Cells of a distance, of rows that all begin in the middle."""
    row, side = _rows_and_sides(n, block_rows, distance, device)
    return Places(row, MIDDLE + distance * side, -side, distance, None)


def _starts(facies: Tensor, residual: Tensor) -> Tensor:
    """Return the position at which every row begins: the known one nearest to the middle."""
    is_known = (facies != MASKED) | residual.isfinite().any(dim=-1)
    away = (torch.arange(N_POSITIONS, device=facies.device) - MIDDLE).abs()
    cost = torch.where(is_known, away, away + N_POSITIONS)
    return cost.argmin(dim=1)
