"""Wells as hard data: rows of the lattice that are known before the others are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithogen.diffusion.lattice import N_POSITIONS, N_RESIDUALS, ROW_MS
from lithogen.diffusion.schedulers import MASKED
from lithogen.grid import Spacing
from lithogen.rockphysics import RockFamily, encode_residual
from lithogen.rockphysics.facies import SHALE
from lithogen.strata.tables import ENVIRONMENT_LIMIT, ENVIRONMENTS, BodyRock
from lithogen.structure import Structure
from lithogen.wells.ages import nearest_samples, well_ages
from lithogen.wells.voxels import UNKNOWN, WellVoxels

Float32 = NDArray[np.float32]

# Wells whose facies differ in more than this share of the cells that both know disagree: layers
# between them change in a way that the structure does not know of.
MOST_MISMATCH = 0.2
LEAST_COMMON = 8


@dataclass(frozen=True, slots=True)
class WellRows:
    """What wells know of the lattice.

    Parameters
    ----------
    row : ndarray of int64, shape (n,)
        Rows, increasing.
    facies : ndarray of int64, shape (n, N_POSITIONS)
        Codes, `MASKED` where unknown.
    residual : ndarray of float32, shape (n, N_POSITIONS, 3)
        As `encode_residual` gives them, NaN where unknown.
    """

    row: NDArray[np.int64]
    facies: NDArray[np.int64]
    residual: Float32

    def cells(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], Float32]:
        """Return what is known of rows, see `filling.HardData`."""
        facies = np.full((len(rows), N_POSITIONS), MASKED, dtype=np.int64)
        residual = np.full((len(rows), N_POSITIONS, N_RESIDUALS), np.nan, dtype=np.float32)
        at = np.searchsorted(self.row, rows).clip(0, max(len(self.row) - 1, 0))
        found = self.row[at] == rows if len(self.row) else np.zeros(len(rows), bool)
        facies[found], residual[found] = self.facies[at[found]], self.residual[at[found]]
        return facies, residual

    def joined(self, other: WellRows) -> WellRows:
        """Return what both know; where both know a cell, this one's."""
        rows = np.union1d(self.row, other.row)
        facies, residual = self.cells(rows)
        more, more_residual = other.cells(rows)
        facies = np.where(facies == MASKED, more, facies)
        return WellRows(rows, facies, np.where(np.isnan(residual), more_residual, residual))

    def mismatch(self, other: WellRows) -> float:
        """Return in what share of the cells that both know facies differ, 0 where too few are."""
        rows = np.intersect1d(self.row, other.row)
        mine, theirs = self.cells(rows)[0], other.cells(rows)[0]
        both = (mine != MASKED) & (theirs != MASKED)
        if both.sum() < LEAST_COMMON:
            return 0.0
        return float((mine[both] != theirs[both]).mean())


def well_rows(
    voxels: WellVoxels, structure: Structure, spacing: Spacing, family: RockFamily
) -> WellRows:
    """Return the rows that the voxels of one well know.

    Parameters
    ----------
    voxels : WellVoxels
        Of one well.
    structure, spacing : Structure, Spacing
        Of the world.
    family : RockFamily
        Trends that residuals are relative to.

    Returns
    -------
    WellRows
        Every row that a voxel spans holds the voxel's facies and residuals, at the position of
        its environment. Voxels in bodies tell nothing of layers.

    Raises
    ------
    ShapeError
        A structure that is given as maps or a volume does not cover the well.
    """
    ages = well_ages(voxels, structure, spacing)
    if not ages.is_layer.any():
        return WellRows(np.zeros(0, np.int64), np.zeros((0, N_POSITIONS), np.int64),
                        np.zeros((0, N_POSITIONS, N_RESIDUALS), np.float32))
    layer = np.flatnonzero(ages.is_layer)
    age, reach = ages.age_ms[layer], ages.reach_ms[layer]
    spans = [np.arange(np.floor(low / ROW_MS), np.ceil(high / ROW_MS) + 1)
             for low, high in zip(age - 1.5 * reach, age + 1.5 * reach, strict=True)]
    rows = np.unique(np.concatenate(spans)).astype(np.int64)
    sample = nearest_samples(age, reach, np.asarray((rows + 0.5) * ROW_MS))
    rows, sample = rows[sample >= 0], layer[sample[sample >= 0]]
    scale = (ENVIRONMENTS - 1) / (2.0 * ENVIRONMENT_LIMIT)
    place = np.round((ages.environment + ENVIRONMENT_LIMIT) * scale)
    position = place.clip(0, N_POSITIONS - 1).astype(np.int64)[sample]
    facies = np.full((len(rows), N_POSITIONS), MASKED, dtype=np.int64)
    known = voxels.facies[sample].astype(np.int64)
    facies[np.arange(len(rows)), position] = np.where(known == UNKNOWN, MASKED, known)
    residual = np.full((len(rows), N_POSITIONS, N_RESIDUALS), np.nan, dtype=np.float32)
    own = residuals_at_nominal_depth(voxels, ages.age_ms, structure, spacing, family)
    residual[np.arange(len(rows)), position] = own[sample]
    return WellRows(rows, facies, residual)


def residuals_at_nominal_depth(
    voxels: WellVoxels, age_ms: NDArray[np.float64], structure: Structure, spacing: Spacing,
    family: RockFamily,
) -> Float32:
    """Return the residuals that voxels would have where their layers are not folded, (n, 3).

    The mapping carries elastic values of a layer along the trend of its facies to the depth of a
    voxel; this carries them back.
    """
    here = structure.velocity.depth(voxels.index[:, 2] * spacing.dt_s)
    nominal = structure.nominal_depth_m(age_ms)
    facies = np.where(voxels.facies == UNKNOWN, SHALE, voxels.facies)
    slope = family.slopes(here)[np.arange(len(here)), facies]
    factor = np.exp(slope[:, :3] * (here - nominal)[:, None])
    vp, vs, rho = ((log / factor[:, n]).astype(np.float32)
                   for n, log in enumerate((voxels.vp, voxels.vs, voxels.rho)))
    return np.ascontiguousarray(encode_residual(vp, vs, rho, family, nominal).T)


def bodies_met(
    voxels: WellVoxels, structure: Structure, spacing: Spacing, family: RockFamily
) -> dict[tuple[int, int], BodyRock]:
    """Return the rock of the bodies that wells have met, by number and planned facies.

    Facies is the most frequent one of the wells' voxels in the body; ln vp the mean there over the
    trend of that facies, or 0 where no well has vp. Bodies whose facies no well tells are left to
    chance.

    Parameters are those of `well_rows`, for all wells.
    """
    wells = [voxels.of_well(int(n)) for n in np.unique(voxels.well)]
    ages = [well_ages(mine, structure, spacing) for mine in wells]
    place = np.concatenate([np.stack([a.body, a.body_facies], axis=1) for a in ages])
    facies = np.concatenate([mine.facies for mine in wells])
    vp = np.concatenate([mine.vp for mine in wells])
    sample = np.concatenate([mine.index[:, 2] for mine in wells])
    depth_m = structure.velocity.depth(sample * spacing.dt_s)
    is_told = (place[:, 0] > 0) & (facies != UNKNOWN)
    out = {}
    for number, planned in np.unique(place[is_told], axis=0):
        mine = is_told & (place == (number, planned)).all(axis=1)
        code = int(np.bincount(facies[mine].astype(np.intp)).argmax())
        mine &= (facies == code) & np.isfinite(vp)
        ln_vp = 0.0
        if mine.any():
            ln_vp = float(np.log(vp[mine] / family.trend(depth_m[mine])[0][:, code]).mean())
        out[int(number), int(planned)] = BodyRock(code, ln_vp)
    return out


@dataclass(frozen=True, slots=True)
class WellGroup:
    """Wells that agree on the layers between them, and where they are.

    Parameters
    ----------
    rows : WellRows
        What they know together.
    places_m : ndarray of float64, shape (n, 2)
        Places of their tracks along the iline and xline axes, m.
    """

    rows: WellRows
    places_m: NDArray[np.float64]


def group_wells(
    voxels: WellVoxels, structure: Structure, spacing: Spacing, family: RockFamily
) -> list[WellGroup]:
    """Return groups of wells that agree, in the order of their first wells.

    Parameters are those of `well_rows`, for all wells.
    """
    steps = np.array([spacing.dy_m, spacing.dx_m])
    groups: list[WellGroup] = []
    for number in np.unique(voxels.well):
        mine = voxels.of_well(int(number))
        rows = well_rows(mine, structure, spacing, family)
        places = np.unique(mine.index[:, :2], axis=0) * steps
        for n, group in enumerate(groups):
            if group.rows.mismatch(rows) <= MOST_MISMATCH:
                groups[n] = WellGroup(group.rows.joined(rows),
                                      np.concatenate([group.places_m, places]))
                break
        else:
            groups.append(WellGroup(rows, places))
    return _informed(groups)


def _informed(groups: Sequence[WellGroup]) -> list[WellGroup]:
    """Let every group know of the others what it does not know itself, the nearest first."""
    out = []
    for group in groups:
        centre = group.places_m.mean(axis=0)
        others = sorted((o for o in groups if o is not group),
                        key=lambda o: float(np.hypot(*(o.places_m.mean(axis=0) - centre))))
        rows = group.rows
        for other in others:
            rows = rows.joined(other.rows)
        out.append(WellGroup(rows, group.places_m))
    return out
