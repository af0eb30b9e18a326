"""Honouring: the voxels of wells take the wells' values, exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithogen.grid import Window, check_shape
from lithogen.wells.voxels import LOGS, UNKNOWN, WellVoxels


def overwrite(
    voxels: WellVoxels, window: Window, *, facies: NDArray[np.int8], vp: NDArray[np.float32],
    vs: NDArray[np.float32], rho: NDArray[np.float32],
) -> int:
    """Give the well voxels of a final model the wells' values, in place.

    A facies of a well replaces the model's, and logs replace elastic values, each log where it is
    known. What a well does not know stays as the model has it.

    Parameters
    ----------
    voxels : of all wells. window : of the arrays.
    facies, vp, vs, rho : model (n_iline, n_xline, n_twt); m/s, m/s, kg/m3. Changed in place.

    Returns
    -------
    Number of well voxels in the window.

    Raises
    ------
    ShapeError : an array has not the window's shape.
    """
    elastic = {"vp": vp, "vs": vs, "rho": rho}
    check_shape(facies.shape, window.shape, "facies")
    for name, values in elastic.items():
        check_shape(values.shape, window.shape, name)
    mine = voxels.inside(window)
    i, j, k = (mine.index - np.array(window.origin)).T
    has_facies = mine.facies != UNKNOWN
    facies[i[has_facies], j[has_facies], k[has_facies]] = mine.facies[has_facies]
    for name in LOGS:
        log = getattr(mine, name)
        is_known = np.isfinite(log)
        elastic[name][i[is_known], j[is_known], k[is_known]] = log[is_known]
    return len(mine.well)
