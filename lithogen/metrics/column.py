"""The stratigraphic column of a world: its usual facies at every age."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import ShapeError, require
from lithogen.grid import check_shape

Codes = NDArray[np.integer]

BIN_MS = 4.0


class Column(NamedTuple):
    """Most frequent facies by age.

    Parameters
    ----------
    bins : (n,) whole numbers, increasing; bin k holds ages from 4 k to 4 (k + 1) ms.
    facies : (n,) codes.
    """

    bins: NDArray[np.int64]
    facies: NDArray[np.int64]


def stratigraphic_column(
    facies: Codes, age: NDArray[np.floating], *, is_counted: NDArray[np.bool_] | None = None,
    min_voxels: int = 64,
) -> Column:
    """Return the most frequent facies of every age in a volume.

    Parameters
    ----------
    facies : codes >= 0, any shape. age : relative geologic time in ms, same shape.
    is_counted : which voxels to look at, e.g. those outside of bodies; by default all.
    min_voxels : ages with fewer are left out.

    Raises
    ------
    ShapeError : shapes differ.
    """
    check_shape(age.shape, facies.shape, "age")
    if is_counted is not None:
        check_shape(is_counted.shape, facies.shape, "is_counted")
        facies, age = facies[is_counted], age[is_counted]
    if facies.size == 0:
        return Column(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    n_facies = int(facies.max()) + 1
    bins, row = np.unique(np.floor(age.ravel() / BIN_MS).astype(np.int64), return_inverse=True)
    count = np.bincount(row.ravel() * n_facies + facies.ravel(), minlength=len(bins) * n_facies)
    count = count.reshape(len(bins), n_facies)
    is_known = count.sum(axis=1) >= min_voxels
    return Column(bins[is_known], np.argmax(count[is_known], axis=1))


def column_agreement(one: Column, two: Column) -> float:
    """Return the agreement of two columns at equal age, corrected for chance.

    Returns
    -------
    Cohen's kappa over the ages that both have: 1 for one column, about 0 for unrelated ones;
    NaN where both hold the same single facies.

    Raises
    ------
    ShapeError : no age in common.

    Source: Cohen (1960), A coefficient of agreement for nominal scales.
    """
    _, mine, theirs = np.intersect1d(one.bins, two.bins, return_indices=True)
    require(len(mine) > 0, "the columns have no age in common, wanted windows that overlap in "
            "age", ShapeError)
    a, b = one.facies[mine], two.facies[theirs]
    n_facies = int(max(a.max(), b.max())) + 1
    share_a, share_b = (np.bincount(side, minlength=n_facies) / len(side) for side in (a, b))
    chance = float((share_a * share_b).sum())
    if chance == 1.0:
        return float("nan")
    return (float((a == b).mean()) - chance) / (1.0 - chance)
