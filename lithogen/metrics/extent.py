"""Lateral extent of beds: how far a facies goes on along an isochron, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import require
from lithogen.grid import check_shape
from lithogen.metrics.continuity import facies_panel
from lithogen.metrics.facies import require_codes

Codes = NDArray[np.integer]
Float = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BedExtent:
    """Counts of walks along isochrons, one row a facies; those of several volumes may be added.

    Parameters
    ----------
    starts, arrivals : (n_facies, n_lag) walks of so many lines that fit into the volume, and
        those of them that never left the facies.
    steps, changes, losses : (n_facies,) steps from a line to the next, those into another
        facies, and those to a line that lacks the age (cut off, pinched out, faulted out).
    lengths : (n_facies, n_line + 1) whole runs of 0, 1, 2 ... lines, cut by no side.
    """

    starts: Counts
    arrivals: Counts
    steps: Counts
    changes: Counts
    losses: Counts
    lengths: Counts

    def __add__(self, other: BedExtent) -> BedExtent:
        check_shape(other.lengths.shape, self.lengths.shape, "lengths")
        check_shape(other.starts.shape, self.starts.shape, "starts")
        return BedExtent(*(getattr(self, name) + getattr(other, name)
                           for name in self.__slots__))

    def persistence(self) -> Float:
        """Return the share of voxels whose facies goes on unbroken for each lag, (n_lag,)."""
        return np.asarray(self.arrivals.sum(axis=0) / np.maximum(self.starts.sum(axis=0), 1))

    def ends(self) -> tuple[float, float]:
        """Return how often per line a bed ends in another facies, and for want of its age."""
        steps = max(int(self.steps.sum()), 1)
        return float(self.changes.sum() / steps), float(self.losses.sum() / steps)


def bed_extent(
    facies: Codes, age: NDArray[np.floating], lags: Sequence[int], *, n_facies: int,
    axis: int = 1, every: int = 8,
) -> BedExtent:
    """Walk along isochrons from line to line and count where the facies stays.

    Whole runs alone would be short ones, as long ones leave the volume; so the share of walks
    of a given length that stay in the facies is counted too, over walks that fit.

    Parameters
    ----------
    facies : codes 0 to n_facies - 1, (n_iline, n_xline, n_twt).
    age : relative geologic time in ms, same shape.
    lags : lengths of walks in lines, each from 1 to the number of lines less one.
    axis : 0 or 1, the axis along which to walk. every : sections to step over across it.

    Raises
    ------
    ShapeError, ConfigError : shapes differ; codes, lags or the axis out of range.
    """
    require_codes(facies, n_facies)
    check_shape(age.shape, facies.shape, "age")
    require(axis in (0, 1), f"axis is {axis}, wanted 0 (iline) or 1 (xline)")
    n_line = facies.shape[axis]
    require(len(lags) > 0 and min(lags) >= 1 and max(lags) < n_line,
            f"lags are {tuple(lags)}, wanted 1 to {n_line - 1} lines")
    sections = range(0, facies.shape[1 - axis], every)
    across = 1 - axis
    found = [_walks(facies_panel(np.take(facies, at, across), np.take(age, at, across)), lags,
                    n_facies) for at in sections]
    return sum(found[1:], start=found[0])


def _walks(panels: NDArray[np.int64], lags: Sequence[int], n_facies: int) -> BedExtent:
    panel = _followed(*panels)
    n_line = len(panel)
    is_there = panel >= 0
    stays = is_there[:-1] & (panel[1:] == panel[:-1])
    ahead = np.zeros(panel.shape, dtype=np.int64)
    for line in range(n_line - 2, -1, -1):
        ahead[line] = np.where(stays[line], ahead[line + 1] + 1, 0)

    def count(here: NDArray[np.bool_]) -> Counts:
        return np.bincount(panel[: len(here)][here], minlength=n_facies)

    starts = [count(is_there[: n_line - lag]) for lag in lags]
    arrivals = [count(is_there[: n_line - lag] & (ahead[: n_line - lag] >= lag)) for lag in lags]
    is_first = np.zeros(panel.shape, dtype=bool)
    is_first[1:] = is_there[1:] & ~stays
    # A run that reaches the last line may go on.
    is_first &= np.arange(n_line)[:, None] + ahead < n_line - 1
    place = panel[is_first] * (n_line + 1) + ahead[is_first] + 1
    lengths = np.bincount(place, minlength=n_facies * (n_line + 1)).reshape(n_facies, -1)
    leaves = is_there[:-1] & ~stays
    return BedExtent(np.stack(starts, axis=1), np.stack(arrivals, axis=1), count(is_there[:-1]),
                     count(leaves & is_there[1:]), count(leaves & ~is_there[1:]), lengths)


def _followed(nearest: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """Carry a facies on from line to line while the age has it on either side.

    Samples cut a dipping bed at other places in every column; the nearest sample alone would
    change along the edge of every bed that does not.
    """
    out = nearest.copy()
    for line in range(1, len(out)):
        before = out[line - 1]
        goes_on = (before >= 0) & ((nearest[line] == before) | (other[line] == before))
        out[line] = np.where(goes_on, before, nearest[line])
    return out
