"""Cells of rows: every position is filled once, outwards, beside one that is known."""

from __future__ import annotations

import pytest
import torch

from lithogen.diffusion.lattice import LEVELS, MIDDLE, N_CELL, N_POSITIONS
from lithogen.diffusion.row_cells import RowCells
from lithogen.diffusion.schedulers import MASKED
from lithogen.rockphysics.facies import N_FACIES

BLOCK_ROWS, WIDTH = 4, 8


def cells_of(start: int | None, n_blocks: int = 1) -> RowCells:
    """Rows that begin at a known position, or, with None, of which nothing is known."""
    n, given = n_blocks * BLOCK_ROWS, None
    if start is not None:
        facies = torch.full((n, N_POSITIONS), MASKED)
        facies[:, start] = 1
        given = facies, torch.full((n, N_POSITIONS, 3), torch.nan)
    return RowCells(LEVELS[-1], BLOCK_ROWS, torch.zeros(n, len(LEVELS[-1].offsets), N_POSITIONS,
                                                        N_CELL), given,
                    torch.zeros(n, N_FACIES, 3), torch.zeros(n, N_POSITIONS, WIDTH),
                    torch.zeros(n, N_POSITIONS, 4))


@pytest.mark.parametrize("start", [None, *range(N_POSITIONS)])
def test_positions_are_filled_outwards_from_the_start_beside_known_ones(start) -> None:
    cells, begin = cells_of(start), MIDDLE if start is None else start
    known: set[tuple[int, int]] = set()
    for distance in range(N_POSITIONS):
        places = cells.places(distance)
        if places is None:
            break
        inside = (torch.ones_like(places.row, dtype=torch.bool)
                  if places.is_inside is None else places.is_inside)
        new = set()
        for row, position, direction in zip(
                places.row[inside].tolist(), places.position[inside].tolist(),
                places.direction[inside].tolist(), strict=True):
            assert abs(position - begin) == distance
            assert (row, position) not in known | new
            assert direction == 0 if distance == 0 else (row, position + direction) in known
            new.add((row, position))
        known |= new
    assert known == {(row, k) for row in range(BLOCK_ROWS) for k in range(N_POSITIONS)}


def test_the_cells_of_a_block_stand_together_as_if_it_were_alone() -> None:
    alone, three = cells_of(None), cells_of(None, 3)
    for distance in range(MIDDLE + 1):
        one, all_of_them = alone.places(distance), three.places(distance)
        assert one is not None and all_of_them is not None
        n = three.cells_at(all_of_them).n_together
        assert n == len(one.row) and len(all_of_them.row) == 3 * n
        for block in range(3):
            part = slice(block * n, (block + 1) * n)
            assert torch.equal(all_of_them.row[part], one.row + block * BLOCK_ROWS)
            assert torch.equal(all_of_them.position[part], one.position)
