"""Statistics of facies volumes: shares, changes between neighbours, isolated bodies, fill."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import ShapeError, require
from lithogen.grid import check_shape

Codes = NDArray[np.integer]
Float = NDArray[np.float64]


def facies_shares(facies: Codes, n_facies: int) -> Float:
    """Return the share of every facies, (n_facies,), sum 1.

    Parameters
    ----------
    facies : codes 0 to n_facies - 1, any shape.

    Raises
    ------
    ShapeError : no voxel.
    """
    require(facies.size > 0, "facies has no voxel, wanted at least one", ShapeError)
    return np.bincount(facies.ravel(), minlength=n_facies) / facies.size


def change_rate(facies: Codes, axis: int) -> Float:
    """Return how often facies change from one index of an axis to the next, (n - 1,).

    Parameters
    ----------
    facies : codes, (n_iline, n_xline, n_twt). axis : 0, 1 or 2.

    Returns
    -------
    Share of voxels whose facies differ from that of the next index; on average the reciprocal
    of the mean length of a bed along that axis, in voxels.
    """
    _three_axes(facies)
    others = tuple(a for a in range(3) if a != axis)
    return np.asarray((np.diff(facies, axis=axis) != 0).mean(axis=others), dtype=np.float64)


def small_body_share(facies: Codes, max_voxels: int = 64) -> float:
    """Return the share of the volume in bodies of fewer voxels than a number.

    Parameters
    ----------
    facies : codes, (n_iline, n_xline, n_twt).
    max_voxels : a body is small below this; bodies of one facies touch by faces. Bodies that
        touch a side of the volume are left out: they may go on.
    """
    from scipy.ndimage import label

    _three_axes(facies)
    small = 0
    for code in np.unique(facies):
        bodies, count = label(facies == code)
        sizes = np.bincount(bodies.ravel(), minlength=count + 1)
        is_whole = np.ones(count + 1, dtype=bool)
        for axis in range(3):
            for side in (0, -1):
                is_whole[np.unique(bodies.take(side, axis=axis))] = False
        is_whole[0] = False
        small += int(sizes[is_whole & (sizes < max_voxels)].sum())
    return small / facies.size


def share_inside(facies: Codes, code: int, inside: NDArray[np.bool_]) -> float:
    """Return the share of one facies among the voxels of a mask; NaN where the mask is empty.

    Parameters
    ----------
    facies : codes. code : the facies. inside : mask of the same shape.
    """
    check_shape(inside.shape, facies.shape, "inside")
    return float((facies[inside] == code).mean()) if inside.any() else float("nan")


def _three_axes(facies: Codes) -> None:
    require(facies.ndim == 3,
            f"facies has {facies.ndim} axes, wanted 3 (iline, xline, twt)", ShapeError)
