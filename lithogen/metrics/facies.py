"""Statistics of facies volumes: shares, changes between neighbours, isolated bodies, spread."""

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
    facies, max_voxels : as in `isolated_volume`, over all facies.
    """
    _three_axes(facies)
    return float(isolated_volume(facies, int(facies.max()) + 1, max_voxels).sum())


def isolated_volume(facies: Codes, n_facies: int, max_voxels: int = 64) -> Float:
    """Return the share of the volume in small bodies, facies by facies, (n_facies,).

    Parameters
    ----------
    facies : codes 0 to n_facies - 1, (n_iline, n_xline, n_twt).
    max_voxels : a body is small below this; bodies of one facies touch by faces. Bodies that
        touch a side of the volume are left out: they may go on.

    Raises
    ------
    ShapeError, ConfigError : not three axes; codes out of range.
    """
    from scipy.ndimage import label

    require_codes(facies, n_facies)
    small = np.zeros(n_facies)
    for code in np.unique(facies):
        bodies, count = label(facies == code)
        sizes = np.bincount(bodies.ravel(), minlength=count + 1)
        is_whole = np.ones(count + 1, dtype=bool)
        for axis in range(3):
            for side in (0, -1):
                is_whole[np.unique(bodies.take(side, axis=axis))] = False
        is_whole[0] = False
        small[code] = sizes[is_whole & (sizes < max_voxels)].sum()
    return small / facies.size


def fray(facies: Codes, patch: int, axis: int) -> tuple[float, float]:
    """Return how often facies change at the borders of a network's patches, and within them.

    Parameters
    ----------
    facies : codes, (n_iline, n_xline, n_twt), beginning at a border of patches.
    patch : indices a patch spans, at least 2 and below the size. axis : 0, 1 or 2.

    Returns
    -------
    Mean `change_rate` at borders and elsewhere; equal where patches leave no trace.

    Raises
    ------
    ConfigError : there is no border or nothing within.
    """
    rates = change_rate(facies, axis)
    require(2 <= patch <= len(rates),
            f"patch is {patch}, wanted 2 to {len(rates)} indices of axis {axis}")
    border = np.arange(patch - 1, len(rates), patch)
    return float(rates[border].mean()), float(np.delete(rates, border).mean())


def spread_ratio(made: Float, wanted: Float, min_spread: float = 0.005) -> Float:
    """Return the spread of facies shares between worlds over the spread that it should have.

    Parameters
    ----------
    made, wanted : shares, (n_world, n_facies), of generated and of reference worlds.
    min_spread : facies whose reference shares spread less (standard deviation) give NaN.

    Returns
    -------
    (n_facies,) ratios of standard deviations; below 1 where worlds are too much alike.

    Raises
    ------
    ShapeError : other axes, or fewer than two worlds.
    """
    require(made.ndim == 2 == wanted.ndim and min(len(made), len(wanted)) > 1
            and made.shape[1] == wanted.shape[1],
            f"shares have shapes {made.shape} and {wanted.shape}, wanted (n_world, n_facies) of "
            "at least two worlds each", ShapeError)
    reference = np.std(wanted, axis=0)
    known = reference > min_spread
    return np.where(known, np.std(made, axis=0) / np.where(known, reference, 1.0), np.nan)


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


def require_codes(facies: Codes, n_facies: int) -> None:
    """Check that a volume has three axes, a voxel, and codes 0 to n_facies - 1.

    Raises
    ------
    ShapeError, ConfigError : it does not.
    """
    _three_axes(facies)
    require(facies.size > 0, "facies has no voxel, wanted at least one", ShapeError)
    low, high = int(facies.min()), int(facies.max())
    require(low >= 0 and high < n_facies,
            f"facies holds codes {low} to {high}, wanted 0 to {n_facies - 1}")
