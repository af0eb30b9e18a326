"""Assembles the network's input: the known cells around new ones, and what is told of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from lithogen.diffusion.lattice import MOST_OFFSETS, N_CELL, N_POSITIONS, Level
from lithogen.diffusion.network import N_BESIDE_CELLS, N_INPUT, N_MATES, N_WINDOW
from lithogen.rockphysics.facies import N_FACIES


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known around n new cells of one level.

    Parameters
    ----------
    window : Tensor, shape (n, n_offset, N_CELL)
        Known rows at the cells' own positions, at `Level.offsets`.
    mates : Tensor, shape (n, n_mate, N_CELL)
        New rows of the same level, at `Level.mates`; zeros for cells of the first pass.
    beside : Tensor, shape (n, n_beside, N_CELL)
        The nearest of these rows at the neighbouring position; zeros where there is none.
    neighbour, start : Tensor, shape (n, N_CELL)
        The cell of the same row at the neighbouring position, and that at which the row began.
    direction : Tensor, shape (n,)
        Where the neighbour lies: -1, 1, or 0 where there is none.
    distance : Tensor, shape (n,)
        Positions from the one at which the row began.
    position : Tensor of int64, shape (n,)
        Of the cells on the profile.
    """

    window: Tensor
    mates: Tensor
    beside: Tensor
    neighbour: Tensor
    start: Tensor
    direction: Tensor
    distance: Tensor
    position: Tensor


def cells_of(facies: Tensor, residual: Tensor) -> Tensor:
    """Return cells as the network sees them: facies as one of ten, then the residuals.

    Parameters
    ----------
    facies : Tensor of integers, shape (...,)
        Codes.
    residual : Tensor, shape (..., 3)
        Residuals times `RESIDUAL_GAIN`.
    """
    return torch.cat([one_hot(facies.long(), N_FACIES).to(residual.dtype), residual], dim=-1)


def write_context(out: Tensor, level: Level, around: Surroundings, row: Tensor, world: Tensor
                  ) -> None:
    """Write the network's input for cells of one level.

    Parameters
    ----------
    out : Tensor, shape (n, N_INPUT)
        Holds zeros; filled in place.
    level : Level
        The cells' level.
    around : Surroundings
        Known cells.
    row : Tensor, shape (n, N_ROW_CONDITIONS)
        Of `row_conditions`.
    world : Tensor, shape (n, N_WORLD_CONDITIONS) or one that broadcasts to it
        Of `world_conditions`.
    """
    n = len(out)
    n_offset = len(level.offsets)
    if n_offset:
        lead = (MOST_OFFSETS - n_offset) // 2 * N_CELL
        out[:, lead : lead + n_offset * N_CELL] = around.window.reshape(n, -1)
        n_mates = around.mates.shape[1] * N_CELL
        out[:, N_WINDOW : N_WINDOW + n_mates] = around.mates.reshape(n, -1)
        n_beside = around.beside.shape[1] * N_CELL
        at = N_WINDOW + N_MATES
        out[:, at : at + n_beside] = around.beside.reshape(n, -1)
    at = N_WINDOW + N_MATES + N_BESIDE_CELLS
    parts = (
        around.neighbour, around.start,
        torch.stack([around.direction.abs(), around.direction,
                     around.distance / (N_POSITIONS - 1)], dim=1),
        one_hot(around.position, N_POSITIONS), row, world.expand(n, -1),
    )
    for part in parts:
        out[:, at : at + part.shape[1]] = part
        at += part.shape[1]
    if at != N_INPUT:
        raise RuntimeError(f"the network's input has {at} entries, wanted {N_INPUT}")
