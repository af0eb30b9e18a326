"""Connectivity: which voxels of a facies belong to one body, and how large bodies are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import require
from lithogen.metrics.facies import require_codes

Codes = NDArray[np.integer]
Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Connectivity:
    """Connectivity of every facies; NaN where a facies, or a pair of it, is absent.

    Parameters
    ----------
    tau : (3, n_facies, n_lag), along iline, xline and twt: of the pairs of voxels of a facies
        at a lag, the share that belongs to one body.
    largest : (n_facies,) share of a facies that lies in its largest body.
    """

    tau: Float
    largest: Float


def connectivity(facies: Codes, lags: Sequence[int], *, n_facies: int) -> Connectivity:
    """Label the bodies of every facies, joined by faces, and count pairs within one.

    Parameters
    ----------
    facies : codes 0 to n_facies - 1, (n_iline, n_xline, n_twt).
    lags : in voxels, each from 1 to the smallest size less one.

    Raises
    ------
    ShapeError, ConfigError : not three axes; codes or a lag out of range.

    Source: Renard and Allard (2013), Connectivity metrics for subsurface flow and transport.
    """
    from scipy.ndimage import label

    require_codes(facies, n_facies)
    require(len(lags) > 0 and min(lags) >= 1 and max(lags) < min(facies.shape),
            f"lags are {tuple(lags)}, wanted 1 to {min(facies.shape) - 1} voxels")
    tau = np.full((3, n_facies, len(lags)), np.nan)
    largest = np.full(n_facies, np.nan)
    for code in np.unique(facies):
        bodies, count = label(facies == code)
        sizes = np.bincount(bodies.ravel(), minlength=count + 1)[1:]
        largest[code] = sizes.max() / sizes.sum()
        for axis in range(3):
            along = np.moveaxis(bodies, axis, 0)
            for column, lag in enumerate(lags):
                one, two = along[:-lag], along[lag:]
                both = (one > 0) & (two > 0)
                if pairs := int(both.sum()):
                    tau[axis, code, column] = int(((one == two) & both).sum()) / pairs
    return Connectivity(tau, largest)
