"""Distances between two distributions given as counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithogen.errors import ShapeError, require
from lithogen.grid import check_shape

Float = NDArray[np.float64]


def jensen_shannon(one: ArrayLike, two: ArrayLike) -> float:
    """Return the Jensen-Shannon divergence in bits: 0 for equal shares, 1 for nothing in common.

    Parameters
    ----------
    one, two : counts or shares >= 0 of the same outcomes, any one shape, sum > 0.

    Raises
    ------
    ShapeError : of different shapes. ConfigError : negative or without any count.

    Examples
    --------
    >>> jensen_shannon([1, 0], [0, 5])
    1.0

    Source: Lin (1991), Divergence measures based on the Shannon entropy.
    """
    p, q = _shares(one, "one"), _shares(two, "two")
    check_shape(q.shape, p.shape, "two")
    return max(float(_entropy(0.5 * (p + q)) - 0.5 * (_entropy(p) + _entropy(q))), 0.0)


def wasserstein(one: ArrayLike, two: ArrayLike) -> float:
    """Return the Wasserstein-1 distance of two histograms over 0, 1, 2 ..., in their steps.

    Parameters
    ----------
    one, two : counts or shares >= 0, (n,) each of any length, sum > 0.

    Raises
    ------
    ConfigError : negative or without any count.

    Examples
    --------
    >>> wasserstein([0, 1], [0, 0, 0, 7])
    2.0

    Source: area between the cumulative distributions; Vallender (1974).
    """
    p, q = _shares(one, "one"), _shares(two, "two")
    n = max(p.size, q.size)
    p, q = (np.pad(side, (0, n - side.size)) for side in (p, q))
    return float(np.abs(np.cumsum(p - q)).sum())


def _shares(counts: ArrayLike, name: str) -> Float:
    values = np.asarray(counts, dtype=np.float64)
    require(values.ndim >= 1, f"{name} is a single number, wanted counts (n,)", ShapeError)
    total = float(values.sum())
    require(bool((values >= 0).all()) and total > 0,
            f"{name} sums to {total:g} or has a negative count; wanted counts of at least one "
            "observation")
    return np.asarray(values / total)


def _entropy(shares: Float) -> float:
    seen = shares[shares > 0]
    return -float((seen * np.log2(seen)).sum())
