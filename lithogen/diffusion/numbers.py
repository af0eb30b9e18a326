"""The numbers behind a world: its latent, functions of seed, row and position alone.

A world is drawn from `N_WORLD_NUMBERS` numbers of the whole world and `N_CELL_NUMBERS` of every
cell of the lattice, all independent and standard normal. Whoever changes a world to fit data (wells
now, seismic later) changes these.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithogen.diffusion.conditions import N_WORLD_NUMBERS
from lithogen.diffusion.lattice import N_POSITIONS, N_RESIDUALS
from lithogen.rng import normal

# One number picks the facies of a cell, three its residuals.
N_CELL_NUMBERS = 1 + N_RESIDUALS

Float32 = NDArray[np.float32]


def world_numbers(seed: int) -> Float32:
    """Return the numbers of a whole world, float32 (N_WORLD_NUMBERS,)."""
    return normal(seed, "diffusion/world", np.arange(N_WORLD_NUMBERS))


def cell_numbers(seed: int, rows: NDArray[np.int64]) -> Float32:
    """Return the numbers of all cells of rows.

    Parameters
    ----------
    seed : int
        Names the world.
    rows : ndarray of int64, shape (n,)
        Rows of the lattice.

    Returns
    -------
    ndarray of float32, shape (n, N_POSITIONS, N_CELL_NUMBERS)
        Independent, standard normal.
    """
    return normal(seed, "diffusion/cell", np.asarray(rows)[:, None, None],
                  np.arange(N_POSITIONS)[:, None], np.arange(N_CELL_NUMBERS))
