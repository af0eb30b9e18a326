"""Bed thickness: lengths of runs of one facies along two-way time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithogen.metrics.facies import require_codes

Codes = NDArray[np.integer]
Counts = NDArray[np.int64]


def bed_thickness(facies: Codes, n_facies: int) -> Counts:
    """Count beds by facies and thickness.

    Parameters
    ----------
    facies : codes 0 to n_facies - 1, (n_iline, n_xline, n_twt).

    Returns
    -------
    (n_facies, n_twt + 1) numbers of beds of 0, 1, 2 ... samples. Beds that touch the top or the
    base of the volume are left out: they may go on. Counts of several volumes of one height may
    be added; `divergence.wasserstein` compares two rows.

    Raises
    ------
    ShapeError, ConfigError : not three axes; codes out of range.

    Examples
    --------
    >>> bed_thickness(np.array([[[0, 1, 1, 0, 0]]]), 2)[1].tolist()
    [0, 0, 1, 0, 0, 0]
    """
    require_codes(facies, n_facies)
    n_twt = facies.shape[2]
    columns = facies.reshape(-1, n_twt)
    # Every column begins with a bed, so runs never join two columns.
    is_top = np.ones(columns.shape, dtype=bool)
    is_top[:, 1:] = columns[:, 1:] != columns[:, :-1]
    first = np.flatnonzero(is_top)
    length = np.diff(first, append=columns.size)
    is_whole = (first % n_twt != 0) & ((first + length) % n_twt != 0)
    code = columns.reshape(-1)[first[is_whole]].astype(np.intp)
    count = np.bincount(code * (n_twt + 1) + length[is_whole], minlength=n_facies * (n_twt + 1))
    return np.asarray(count.reshape(n_facies, n_twt + 1), dtype=np.int64)
