"""Continuity along isochrons: how alike a world is at one age and growing distance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import ShapeError, require
from lithogen.grid import check_shape

Float = NDArray[np.float64]

N_AGES = 300
# An age counts as present in a column where a sample lies this near: pinch-outs stay out.
NEAR_MS = 6.0


def age_panel(values: NDArray[np.floating], age: NDArray[np.floating]) -> Float:
    """Sample a section at ages common to all its columns.

    Parameters
    ----------
    values : (n_column, n_twt), any unit.
    age : relative geologic time in ms, same shape, from one sequence or several.

    Returns
    -------
    (n_column, 300); NaN where a column lacks that age. Ages are quantiles of the section's,
    so the gap between two sequences takes no place.
    """
    check_shape(age.shape, values.shape, "age")
    require(values.ndim == 2, f"values has {values.ndim} axes, wanted 2 (column, twt)", ShapeError)
    ages, columns = _common_ages(age)
    panel = np.full((len(values), N_AGES), np.nan)
    for row, (rising, _, is_there) in enumerate(columns):
        sampled = np.interp(ages, rising, values[row].astype(np.float64))
        panel[row] = np.where(is_there, sampled, np.nan)
    return panel


def facies_panel(facies: NDArray[np.integer], age: NDArray[np.floating]) -> NDArray[np.int64]:
    """Look facies up at ages common to all columns of a section.

    Parameters
    ----------
    facies : codes >= 0, (n_column, n_twt). age : as in `age_panel`.

    Returns
    -------
    (2, n_column, 300) codes of the nearest sample, and of the one on the other side of the age;
    -1 where a column lacks that age.
    """
    check_shape(age.shape, facies.shape, "age")
    require(facies.ndim == 2, f"facies has {facies.ndim} axes, wanted 2 (column, twt)", ShapeError)
    panel = np.full((2, len(facies), N_AGES), -1, dtype=np.int64)
    ages, columns = _common_ages(age)
    for row, (rising, nearest, is_there) in enumerate(columns):
        step = np.where(rising[nearest] < ages, 1, -1)
        other = np.clip(nearest + step, 0, len(rising) - 1)
        for place, sample in enumerate((nearest, other)):
            panel[place, row] = np.where(is_there, facies[row, sample], -1)
    return panel


Column = tuple[Float, NDArray[np.intp], NDArray[np.bool_]]


def columns_at_ages(
    age: NDArray[np.floating], ages: Float, near_ms: float = NEAR_MS
) -> Iterator[Column]:
    """Yield where ages lie in every column of a section.

    Parameters
    ----------
    age : of the samples in ms, (n_column, n_twt). ages : looked for, rising (n,).
    near_ms : how near a sample must be to count.

    Yields
    ------
    The column's ages made to rise (n_twt,), the index of the sample nearest to each of `ages`, and
    whether that one is near enough.
    """
    for column in age:
        rising = np.maximum.accumulate(column.astype(np.float64))
        after = np.clip(np.searchsorted(rising, ages), 1, len(rising) - 1)
        is_before = np.abs(rising[after - 1] - ages) < np.abs(rising[after] - ages)
        nearest = after - is_before
        yield rising, nearest, np.abs(rising[nearest] - ages) <= near_ms


def _common_ages(age: NDArray[np.floating]) -> tuple[Float, Iterator[Column]]:
    """Return the ages of a panel and, column by column, where they lie."""
    ages = np.quantile(age, np.linspace(0.02, 0.98, N_AGES))
    return ages, columns_at_ages(age, ages)


def detrend(values: NDArray[np.floating], length: int = 51) -> Float:
    """Subtract a running mean over time, so that unrelated columns correlate to zero.

    Parameters
    ----------
    values : (n_column, n_twt). length : odd number of samples of the mean.
    """
    from scipy.ndimage import uniform_filter1d

    whole = values.astype(np.float64)
    return np.asarray(whole - uniform_filter1d(whole, length, axis=1, mode="nearest"))


def correlation_along_age(
    values: NDArray[np.floating], age: NDArray[np.floating], lags: Sequence[int]
) -> dict[int, float]:
    """Correlation of a detrended property between columns a number of lines apart, at equal age.

    Parameters
    ----------
    values : (n_column, n_twt), e.g. log impedance.
    age : relative geologic time in ms, same shape.
    lags : distances in columns; those not below n_column are left out.

    Returns
    -------
    lag -> correlation, about 0 for unrelated columns and 1 for a layer cake.
    """
    panel = age_panel(detrend(values), age)
    out = {}
    for lag in lags:
        if lag >= len(panel):
            continue
        one, two = panel[:-lag], panel[lag:]
        both = np.isfinite(one) & np.isfinite(two)
        a, b = one[both] - one[both].mean(), two[both] - two[both].mean()
        out[lag] = float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))
    return out


def agreement_along_age(
    facies: NDArray[np.integer], age: NDArray[np.floating], lags: Sequence[int]
) -> dict[int, float]:
    """Agreement of facies at equal age, corrected for chance (Cohen's kappa).

    Parameters
    ----------
    facies : codes, (n_column, n_twt). age, lags : as in `correlation_along_age`.

    Source: Cohen (1960), A coefficient of agreement for nominal scales.
    """
    panel = facies_panel(facies, age)[0]
    out = {}
    for lag in lags:
        if lag >= len(panel):
            continue
        one, two = panel[:-lag], panel[lag:]
        both = (one >= 0) & (two >= 0)
        a, b = one[both], two[both]
        n = int(max(a.max(), b.max())) + 1
        share_a = np.bincount(a, minlength=n) / len(a)
        share_b = np.bincount(b, minlength=n) / len(b)
        chance = float((share_a * share_b).sum())
        out[lag] = float(((a == b).mean() - chance) / max(1.0 - chance, 1e-9))
    return out
