"""Variograms along the axes of a volume, of facies indicators and of properties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import ShapeError, require
from lithogen.metrics.facies import require_codes

Codes = NDArray[np.integer]
Float = NDArray[np.float64]


def variogram(values: NDArray[np.floating], axis: int, lags: Sequence[int]) -> Float:
    """Return half the mean squared difference at each lag, (n_lag,).

    Parameters
    ----------
    values : a property, e.g. log impedance, (n_iline, n_xline, n_twt).
    axis : 0, 1 or 2. lags : in voxels, each from 1 to the size less one.

    Raises
    ------
    ShapeError, ConfigError : not three axes; a lag that does not fit.

    Source: Matheron (1963), gamma(h) = E[(z(x + h) - z(x))^2] / 2.
    """
    _check(values.shape, axis, lags)
    # One pass per lag in single precision: the sums are of squares, nothing cancels.
    whole = np.moveaxis(values, axis, 0).astype(np.float32)
    return np.array([0.5 * float(np.mean(np.square(whole[lag:] - whole[:-lag]), dtype=np.float64))
                     for lag in lags])


def indicator_variogram(
    facies: Codes, axis: int, lags: Sequence[int], *, n_facies: int
) -> Float:
    """Return the variogram of every facies' indicator, (n_facies, n_lag).

    Parameters
    ----------
    facies : codes 0 to n_facies - 1, (n_iline, n_xline, n_twt).
    axis, lags : as in `variogram`.

    Returns
    -------
    Half the share of pairs of which exactly one is of the facies; summed over facies, the
    share of pairs that differ.

    Raises
    ------
    ShapeError, ConfigError : not three axes; codes or a lag out of range.

    Source: Journel (1983), Nonparametric estimation of spatial distributions.
    """
    require_codes(facies, n_facies)
    _check(facies.shape, axis, lags)
    whole = np.moveaxis(facies, axis, 0)
    out = np.empty((n_facies, len(lags)))
    for column, lag in enumerate(lags):
        one, two = whole[:-lag], whole[lag:]
        differs = one != two
        count = (np.bincount(one[differs], minlength=n_facies)
                 + np.bincount(two[differs], minlength=n_facies))
        out[:, column] = 0.5 * count / one.size
    return out


def _check(shape: tuple[int, ...], axis: int, lags: Sequence[int]) -> None:
    require(len(shape) == 3, f"volume has {len(shape)} axes, wanted 3 (iline, xline, twt)",
            ShapeError)
    require(axis in (0, 1, 2), f"axis is {axis}, wanted 0, 1 or 2")
    require(len(lags) > 0 and min(lags) >= 1 and max(lags) < shape[axis],
            f"lags are {tuple(lags)}, wanted 1 to {shape[axis] - 1} voxels along axis {axis}")
