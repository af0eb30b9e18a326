"""Changes between neighbouring lines that stand above each other, as at a fault."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithogen.grid import check_shape

# So many samples above each other look like a fault.
LONG_RUN = 6


def stacked_changes(
    facies: NDArray[np.integer], ok: NDArray[np.bool_], long_run: int = LONG_RUN
) -> tuple[int, int]:
    """Count changes of facies between neighbouring lines, and those in long vertical runs.

    Parameters
    ----------
    facies : ndarray of integers, shape (n_iline, n_xline, n_twt)
        Codes.
    ok : ndarray of bool, same shape
        Where they count: away from faults and bodies, see `beads.undisturbed`.
    long_run : int
        Samples of a run that count as long.

    Returns
    -------
    n_changes, n_in_long_runs : int

    Raises
    ------
    ShapeError
        The arrays differ in shape.

    Examples
    --------
    >>> wall = np.zeros((1, 2, 8), dtype=int)
    >>> wall[0, 1] = 1
    >>> stacked_changes(wall, np.ones((1, 2, 8), dtype=bool))
    (8, 8)
    """
    check_shape(ok.shape, facies.shape, "ok")
    total = long = 0
    for axis in (0, 1):
        n = facies.shape[axis]
        before, after = (np.take(ok, np.arange(n - 1) + k, axis=axis) for k in (0, 1))
        changes = (np.diff(facies, axis=axis) != 0) & before & after
        rows = np.pad(changes.reshape(-1, facies.shape[-1]), ((0, 0), (1, 1))).astype(np.int8)
        edges = np.diff(rows, axis=1)
        length = np.argwhere(edges == -1)[:, 1] - np.argwhere(edges == 1)[:, 1]
        total += int(length.sum())
        long += int(length[length >= long_run].sum())
    return total, long
