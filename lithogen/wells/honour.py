"""Honouring: the voxels of wells take the wells' values, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import require
from lithogen.grid import Window, check_shape
from lithogen.latent import N_CODE, N_PARTS
from lithogen.wells.ages import AgeTable
from lithogen.wells.voxels import LOGS, UNKNOWN, WellVoxels, is_inside


@dataclass(frozen=True, slots=True)
class ExactVoxels:
    """The well voxels of a window, for replacement while sampling.

    Parameters
    ----------
    index : place inside the window (iline, xline, twt), int64 (n, 3).
    code : float32 (n, 9), rows of NaN where the facies is unknown.
    parts : of the residuals, float32 (n, 7), NaN where unknown.
    """

    index: NDArray[np.int64]
    code: NDArray[np.float32]
    parts: NDArray[np.float32]


def exact(
    tables: Sequence[AgeTable], parts: Sequence[NDArray[np.float32]], window: Window
) -> ExactVoxels:
    """Return what wells say exactly about the voxels of a window, halo included.

    Parameters
    ----------
    tables : of wells on the lattice (`AgeTable.index` is not None).
    parts : of the residuals of each, (n, 7), see `lithogen.latent.parts_of_samples`.
    window : absolute box, e.g. a tile with its halo.

    Raises
    ------
    ConfigError : a table has no voxels.
    """
    index, code, known = [], [], []
    for table, part in zip(tables, parts, strict=True):
        require(table.index is not None, "an age table has no voxels to be honoured; make it "
                "with AgeTable.of")
        places: NDArray[np.int64] = table.index  # type: ignore[assignment]
        mine = is_inside(places, window)
        index.append(places[mine] - np.array(window.origin))
        code.append(table.code[mine])
        known.append(part[mine])
    if not index:
        return ExactVoxels(np.empty((0, 3), np.int64), np.empty((0, N_CODE), np.float32),
                           np.empty((0, N_PARTS), np.float32))
    return ExactVoxels(np.concatenate(index), np.concatenate(code), np.concatenate(known))


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
