"""Blocking: samples of a well become values of the voxels that it passes through."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import require
from lithogen.grid import Spacing
from lithogen.rockphysics import FACIES, N_FACIES
from lithogen.wells.voxels import LOGS, UNKNOWN, WellVoxels
from lithogen.wells.well import Well

Float = NDArray[np.float64]

# Share of the time a well spends in a voxel for which a value has to be known there.
MIN_KNOWN = 0.5
# Two wells in one voxel agree where their block averages differ by less, relative.
SAME_VALUE = 1e-3
_ROUNDING = 1e-9


def block_well(well: Well, spacing: Spacing, number: int, names: tuple[str, ...]) -> WellVoxels:
    """Return the voxels of one well.

    A sample speaks for the time halfway to its neighbours, at most half a voxel to either side,
    so that gaps stay gaps. The facies of a voxel is the one with the largest share of its time
    (that of the middle sample where two are equal). Logs are Backus averages over two-way time,
    like those of the prior; without density it is taken as constant. A value is unknown where
    less than half of the well's time in the voxel knows it.

    Parameters
    ----------
    well : samples. spacing : of the voxels. number, names : the well's place among all.

    Source: Backus (1962), J. Geophys. Res. 67: harmonic mean of the moduli, mean density.
    """
    sample, voxel, share = _pieces(well, spacing)
    index, owner = np.unique(voxel, axis=0, return_inverse=True)
    mean = _Mean(owner.reshape(-1), share, len(index))
    rho = well.rho_kg_m3[sample]
    vp, vs = (_velocity(log[sample], rho, mean) for log in (well.vp_m_s, well.vs_m_s))
    facies = _majority(well.facies[sample].astype(np.intp), sample, mean)
    logs = np.stack([vp, vs, mean(rho)]).astype(np.float32)
    found = WellVoxels(index, facies, logs[0], logs[1], logs[2],
                       np.full(len(index), number), names)
    return found.take((facies != UNKNOWN) | np.isfinite(logs).any(axis=0))


def _pieces(
    well: Well, spacing: Spacing
) -> tuple[NDArray[np.intp], NDArray[np.int64], Float]:
    """Cut the time that samples speak for at the edges of voxels: sample, voxel, share."""
    dt_s = spacing.dt_s
    gap = np.diff(well.twt_s) if len(well) > 1 else np.array([dt_s])
    half = np.minimum(0.5 * gap, 0.5 * dt_s)
    if len(well) == 1:
        half = half[:0]
    ends = (half[:1], half[-1:]) if len(half) else (np.array([0.5 * dt_s]),) * 2
    # In samples of the lattice, from the upper edge of voxel 0.
    top = (well.twt_s - np.concatenate([ends[0], half])) / dt_s + 0.5
    base = (well.twt_s + np.concatenate([half, ends[1]])) / dt_s + 0.5
    # Times that are whole voxels but for rounding must not reach into the next one.
    top, base = np.round(top, 6), np.round(base, 6)
    first = np.floor(top)
    upper = np.minimum(base, first + 1.0) - top
    lower = base - top - upper
    lines = np.stack([np.floor(well.iline + 0.5), np.floor(well.xline + 0.5)], axis=1)
    sample = np.tile(np.arange(len(well)), 2)
    voxel = np.column_stack([lines[sample], np.concatenate([first, first + 1.0])])
    share = np.concatenate([upper, lower])
    is_used = share > 0.0
    return sample[is_used], voxel[is_used].astype(np.int64), share[is_used]


class _Mean:
    """Time-weighted mean per voxel, NaN where too little of it is known."""

    def __init__(self, owner: NDArray[np.intp], share: Float, n: int) -> None:
        self.owner, self.share, self.n = owner, share, n
        self.least = MIN_KNOWN * np.bincount(owner, share, n) * (1.0 - _ROUNDING)

    def __call__(self, values: Float) -> Float:
        is_used = np.isfinite(values)
        weight = np.where(is_used, self.share, 0.0)
        known = np.bincount(self.owner, weight, self.n)
        total = np.bincount(self.owner, weight * np.where(is_used, values, 0.0), self.n)
        is_enough = (known > 0.0) & (known >= self.least)
        return np.where(is_enough, total / np.where(is_enough, known, 1.0), np.nan)


def _velocity(values: Float, rho: Float, mean: _Mean) -> Float:
    """Backus average of a velocity; where density is unknown, as if it were constant."""
    compliance = mean(1.0 / (rho * values**2))
    density = mean(np.where(np.isfinite(values), rho, np.nan))
    return np.asarray(np.where(np.isfinite(compliance), (compliance * density) ** -0.5,
                               mean(values**-2.0) ** -0.5))


def _majority(
    codes: NDArray[np.intp], sample: NDArray[np.intp], mean: _Mean
) -> NDArray[np.int8]:
    """Facies with the largest share of the time, where two are equal that of the middle sample."""
    is_known = codes != UNKNOWN
    owner, known = mean.owner[is_known], codes[is_known]
    table = np.bincount(owner * N_FACIES + known, mean.share[is_known], mean.n * N_FACIES)
    table = table.reshape(mean.n, N_FACIES)
    is_enough = (table.sum(axis=1) > 0.0) & (table.sum(axis=1) >= mean.least)
    table = np.round(table, 6)
    code = table.argmax(axis=1)
    # The first code in a tie would favour shale everywhere.
    order = np.lexsort((sample[is_known], owner))
    ends = np.searchsorted(owner[order], np.arange(mean.n + 1))
    has = np.flatnonzero(np.diff(ends))
    middle = known[order[(ends[has] + ends[has + 1]) // 2]]
    is_tie = table[has, middle] == table[has, code[has]]
    code[has] = np.where(is_tie, middle, code[has])
    return np.where(is_enough, code, UNKNOWN).astype(np.int8)


def merged(parts: list[WellVoxels], names: tuple[str, ...]) -> WellVoxels:
    """Join the voxels of several wells; a voxel that two share must tell one story.

    Raises
    ------
    ConfigError : two wells tell different things of a voxel; names both, the voxel and what.
    """
    stacked = {name: np.concatenate([getattr(part, name) for part in parts])
               for name in ("index", "facies", *LOGS, "well")}
    all_of = WellVoxels(**stacked, names=names)
    _, first, owner = np.unique(all_of.index, axis=0, return_index=True, return_inverse=True)
    kept, again = first[owner.reshape(-1)], np.arange(len(all_of.well))
    shared = kept != again
    one, two = kept[shared], again[shared]
    columns = {}
    for name in ("facies", *LOGS):
        values = getattr(all_of, name).copy()
        is_known = values != UNKNOWN if name == "facies" else np.isfinite(values)
        both = is_known[one] & is_known[two]
        limit = 0.0 if name == "facies" else SAME_VALUE * np.abs(values[one[both]])
        is_bad = np.abs(values[one[both]].astype(np.float64) - values[two[both]]) > limit
        if is_bad.any():
            at = int(np.flatnonzero(both)[np.argmax(is_bad)])
            _refuse_pair(all_of, name, int(one[at]), int(two[at]))
        fresh = is_known[two] & ~is_known[one]
        values[one[fresh]] = values[two[fresh]]
        columns[name] = values
    rows = np.delete(again, two)
    joined = WellVoxels(all_of.index, columns["facies"], columns["vp"], columns["vs"],
                        columns["rho"], all_of.well, names)
    return joined.take(rows)


def _refuse_pair(voxels: WellVoxels, name: str, one: int, two: int) -> None:
    told = [getattr(voxels, name)[row] for row in (one, two)]
    said = [FACIES[value] if name == "facies" else f"{value:g}" for value in told]
    who = [voxels.names[voxels.well[row]] for row in (one, two)]
    place = tuple(int(v) for v in voxels.index[one])
    require(False, f"wells {who[0]!r} and {who[1]!r} both pass voxel {place} and disagree on "
            f"{name}: {said[0]} and {said[1]}; correct a track or leave one of them out")
