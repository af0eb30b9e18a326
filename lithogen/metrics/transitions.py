"""Vertical transitions: which facies lies some samples below which."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import require
from lithogen.metrics.divergence import jensen_shannon
from lithogen.metrics.facies import require_codes

Codes = NDArray[np.integer]
Float = NDArray[np.float64]


def vertical_transitions(facies: Codes, n_facies: int, lag: int = 1) -> Float:
    """Return how often each pair of facies lies a number of samples apart.

    Parameters
    ----------
    facies : codes 0 to n_facies - 1, (n_iline, n_xline, n_twt).
    lag : samples between the upper and the lower one, 1 to n_twt - 1.

    Returns
    -------
    (n_facies, n_facies) shares of all pairs, row: upper facies; sum 1. Rows are not scaled to
    1 each, so that a facies weighs as much as there is of it.

    Raises
    ------
    ShapeError, ConfigError : not three axes; codes or the lag out of range.

    Examples
    --------
    >>> vertical_transitions(np.array([[[0, 0, 1]]]), 2).tolist()
    [[0.5, 0.5], [0.0, 0.0]]
    """
    require_codes(facies, n_facies)
    require(1 <= lag < facies.shape[2],
            f"lag is {lag}, wanted 1 to {facies.shape[2] - 1} samples")
    pair = facies[..., :-lag].astype(np.intp) * n_facies + facies[..., lag:]
    count = np.bincount(pair.ravel(), minlength=n_facies**2)
    return np.asarray(count.reshape(n_facies, n_facies) / pair.size)


def transition_divergence(one: Float, two: Float) -> float:
    """Return the Jensen-Shannon divergence in bits of two results of `vertical_transitions`."""
    return jensen_shannon(one, two)
