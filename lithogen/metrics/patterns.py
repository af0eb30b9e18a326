"""Multipoint patterns: the 2 x 2 x 2 arrangements of facies in two sets of crops."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import ShapeError, require
from lithogen.grid import check_shape
from lithogen.metrics.divergence import jensen_shannon

Codes = NDArray[np.integer]


def pattern_divergence(one: Codes, two: Codes, n_facies: int) -> float:
    """Return the Jensen-Shannon divergence in bits of the 2 x 2 x 2 patterns of two sets.

    The estimate is not zero for two samples of one distribution, and grows the fewer patterns
    are counted; so both sets must hold equally many, and a value only means something beside
    that of two reference sets of the same size.

    Parameters
    ----------
    one, two : codes 0 to n_facies - 1, (n_crop, n_iline, n_xline, n_twt), of one shape.

    Raises
    ------
    ShapeError : sets differ in shape, or crops are smaller than a pattern.
    ConfigError : codes out of range.

    Source: Boisvert, Pyrcz and Deutsch (2010), Multiple point metrics to assess categorical
    variable models; Lin (1991) for the divergence.
    """
    check_shape(two.shape, one.shape, "two")
    found = [np.unique(_patterns(crops, n_facies, name), return_counts=True)
             for crops, name in ((one, "one"), (two, "two"))]
    keys = np.union1d(found[0][0], found[1][0])
    counts = np.zeros((2, len(keys)))
    for row, (present, count) in enumerate(found):
        counts[row, np.searchsorted(keys, present)] = count
    return jensen_shannon(counts[0], counts[1])


def _patterns(crops: Codes, n_facies: int, name: str) -> NDArray[np.uint32]:
    """Return the number of every 2 x 2 x 2 pattern, its eight codes read as digits."""
    require(crops.ndim == 4 and len(crops) > 0 and min(crops.shape[1:]) >= 2,
            f"{name} has shape {crops.shape}, wanted (n_crop, n_iline, n_xline, n_twt) of at "
            "least one crop of 2 x 2 x 2", ShapeError)
    low, high = int(crops.min()), int(crops.max())
    require(low >= 0 and high < n_facies <= 16,
            f"{name} holds codes {low} to {high} of {n_facies} facies, wanted 0 to "
            f"{n_facies - 1} of at most 16")
    number = crops.astype(np.uint32)
    # Four bits a code: pairs along twt, then xline, then iline fill 32 bits.
    for axis, bits in ((3, 4), (2, 8), (1, 16)):
        size = number.shape[axis]
        upper, lower = (np.take(number, range(k, size - 1 + k), axis=axis) for k in (0, 1))
        number = (upper << np.uint32(bits)) | lower
    return number.ravel()


def pattern_kinds(facies: Codes) -> NDArray[np.float64]:
    """Return shares of four kinds of 2 x 2 x 2 patterns; they sum to 1.

    Parameters
    ----------
    facies : codes, (n_iline, n_xline, n_twt).

    Returns
    -------
    (4,): one facies; changes along twt only; two facies and a change along lines; three facies or
    more and a change along lines. The last is where beds meet or an edge is not clean.

    Raises
    ------
    ShapeError : smaller than a pattern.

    Examples
    --------
    >>> beds = np.broadcast_to(np.array([0, 0, 3]), (2, 2, 3))
    >>> pattern_kinds(beds)
    array([0.5, 0.5, 0. , 0. ])
    """
    require(facies.ndim == 3 and min(facies.shape) >= 2,
            f"facies has shape {facies.shape}, wanted (n_iline, n_xline, n_twt) of at least "
            "2 x 2 x 2", ShapeError)
    corners = np.stack([facies[i:facies.shape[0] - 1 + i, j:facies.shape[1] - 1 + j]
                        for i in (0, 1) for j in (0, 1)])
    is_level = (corners == corners[0]).all(axis=0)
    is_flat = is_level[..., :-1] & is_level[..., 1:]
    codes = np.sort(np.concatenate([corners[..., :-1], corners[..., 1:]]), axis=0)
    n_facies = 1 + (np.diff(codes, axis=0) != 0).sum(axis=0)
    kinds = (n_facies == 1, is_flat & (n_facies > 1), ~is_flat & (n_facies == 2),
             ~is_flat & (n_facies > 2))
    return np.array([kind.mean() for kind in kinds])
