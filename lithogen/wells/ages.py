"""AgeTable: what one well says, as a function of age."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import ShapeError, require
from lithogen.grid import Spacing, Window, check_shape, three_integers
from lithogen.latent import N_CODE, N_RESIDUAL
from lithogen.rockphysics import N_FACIES, RockFamily, encode_residual
from lithogen.structure import Structure
from lithogen.structure.bodies import SEQUENCE_OFFSET_MS
from lithogen.wells.voxels import UNKNOWN, WellVoxels

# Ages are looked up in bins of this width: far finer than the 4 ms of a sample of usual strata.
BIN_MS = 0.25
# A kernel of 16 columns is three times as fast as one of 14.
N_ROW = 16
# A deviated track is evaluated in blocks of so many lines: few calls, few voxels too many.
BLOCK_LINES = 16
# Neighbouring ages so many times further apart than half a sample either side leave a gap.
MAX_GAP = 1.5

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AgeTable:
    """What one well says, as a function of age.

    Parameters
    ----------
    y_m, x_m : position of its samples along the iline and xline axes in metres, (n,).
    age_ms : age of its samples in ms as a structure gives it, (n,), any order.
    code : facies code per sample, float32 (n, 9), rows of NaN where unknown.
    residual : elastic residuals as `encode_residual` gives them, float32 (n, 3), NaN where unknown.
    index : absolute voxels that the samples are, int64 (n, 3); None where they are no voxels
        of the lattice.
    reach_ms : how far from its age a sample still speaks, (n,): half a sample times the rate of
        age there. By default half a sample of 4 ms at rate 1.

    Raises
    ------
    ShapeError : lengths that differ, or no sample.
    """

    y_m: Float
    x_m: Float
    age_ms: Float
    code: NDArray[np.float32]
    residual: NDArray[np.float32]
    index: NDArray[np.int64] | None = None
    reach_ms: Float | None = None

    def __post_init__(self) -> None:
        n = len(self.age_ms)
        require(n > 0, "the age table of a well has no sample; leave the well out", ShapeError)
        check_shape(self.y_m.shape, (n,), "y_m")
        check_shape(self.x_m.shape, (n,), "x_m")
        check_shape(self.code.shape, (n, N_CODE), "code")
        check_shape(self.residual.shape, (n, N_RESIDUAL), "residual")
        if self.index is not None:
            check_shape(self.index.shape, (n, 3), "index")
        if self.reach_ms is not None:
            check_shape(self.reach_ms.shape, (n,), "reach_ms")

    @classmethod
    def of(
        cls, voxels: WellVoxels, structure: Structure, spacing: Spacing, *,
        code: NDArray[np.float32], family: RockFamily,
    ) -> AgeTable:
        """Return the table of one well's voxels, a function of the well and the structure alone.

        Parameters
        ----------
        voxels : of one well. structure, spacing : give their ages.
        code : code of every facies, float32 (n_facies, 9).
        family : trends that residuals are relative to. Residuals need all three logs of a voxel.

        Raises
        ------
        ShapeError : a structure that is given as maps or a volume does not cover the well.
        """
        check_shape(code.shape, (N_FACIES, N_CODE), "code")
        age, rate = _ages(voxels, structure, spacing)
        has_facies = voxels.facies != UNKNOWN
        codes = np.where(has_facies[:, None], code[voxels.facies], np.float32(np.nan))
        has_all = np.asarray(np.isfinite([voxels.vp, voxels.vs, voxels.rho]).all(axis=0))
        residual = np.full((len(age), N_RESIDUAL), np.nan, dtype=np.float32)
        mine = voxels.take(has_all)
        residual[has_all] = encode_residual(
            mine.vp, mine.vs, mine.rho, family,
            structure.velocity.depth(mine.index[:, 2] * spacing.dt_s)).T
        y_m, x_m = (np.asarray(voxels.index[:, axis] * step, dtype=np.float64)
                    for axis, step in enumerate((spacing.dy_m, spacing.dx_m)))
        return cls(y_m, x_m, age, codes.astype(np.float32), residual, voxels.index,
                   0.5e3 * spacing.dt_s * rate)

    @property
    def is_vertical(self) -> bool:
        """Whether all samples have one lateral position."""
        return bool(np.ptp(self.y_m) == 0.0 and np.ptp(self.x_m) == 0.0)

    @cached_property
    def has_code(self) -> NDArray[np.bool_]:
        """Which samples have a facies."""
        return np.asarray(np.isfinite(self.code).all(axis=1))

    @cached_property
    def has_residual(self) -> NDArray[np.bool_]:
        """Which samples have all residuals."""
        return np.asarray(np.isfinite(self.residual).all(axis=1))

    @cached_property
    def rows(self) -> NDArray[np.float32]:
        """Row 0 says nothing, row i + 1 what sample i says: code, 1, residuals, 1, padding."""
        rows = np.zeros((len(self.age_ms) + 1, N_ROW), dtype=np.float32)
        rows[1:, :N_CODE][self.has_code] = self.code[self.has_code]
        rows[1:, N_CODE] = self.has_code
        first = N_CODE + 1
        rows[1:, first:first + N_RESIDUAL][self.has_residual] = self.residual[self.has_residual]
        rows[1:, first + N_RESIDUAL] = self.has_residual
        return rows

    @cached_property
    def lookup(self) -> AgeLookup:
        """Row for every bin of age."""
        reach = self.reach_ms if self.reach_ms is not None else np.full(len(self.age_ms), 2.0)
        return AgeLookup.of(self.age_ms, reach)


@dataclass(frozen=True, slots=True)
class AgeLookup:
    """The row of an `AgeTable` nearest to any age.

    Parameters
    ----------
    first : bin of age, within any sequence, of the first column.
    rows : int32 (n_sequence + 1, n_bin), 0 where the well says nothing: in the first and last
        bin and in the last sequence at any rate.
    """

    first: int
    rows: NDArray[np.int32]

    @classmethod
    def of(cls, age_ms: Float, reach_ms: Float) -> AgeLookup:
        """Tabulate the nearest sample, where one reaches the bin's centre or two enclose it."""
        age = np.asarray(age_ms, dtype=np.float64)
        number = np.floor(age / SEQUENCE_OFFSET_MS + 0.3).astype(np.int64)
        within = age - number * SEQUENCE_OFFSET_MS
        first = int(np.floor((within - reach_ms).min() / BIN_MS)) - 1
        last = int(np.floor((within + reach_ms).max() / BIN_MS)) + 1
        rows = np.zeros((int(number.max()) + 2, last - first + 1), dtype=np.int32)
        centres = (np.arange(first, last + 1) + 0.5) * BIN_MS
        for n in np.unique(number):
            mine = np.flatnonzero(number == n)
            mine = mine[np.argsort(within[mine], kind="stable")]
            sorted_ms, reach = within[mine], reach_ms[mine]
            after = np.searchsorted(sorted_ms, centres).clip(0, len(mine) - 1)
            before = np.maximum(after - 1, 0)
            miss = np.abs(np.stack([sorted_ms[before], sorted_ms[after]]) - centres)
            reaches = (miss <= np.stack([reach[before], reach[after]])).any(axis=0)
            # Between samples that follow each other nothing is unknown, though the rate of age
            # varies there and a track crosses layers; a missing sample is a gap twice as wide.
            gap = sorted_ms[after] - sorted_ms[before]
            is_between = (sorted_ms[before] <= centres) & (centres <= sorted_ms[after])
            reaches |= is_between & (gap <= MAX_GAP * (reach[before] + reach[after]))
            nearest = np.where(miss[0] <= miss[1], before, after)
            rows[n] = np.where(reaches, mine[nearest] + 1, 0)
        return cls(first, rows)


def age_tables(
    voxels: WellVoxels, structure: Structure, spacing: Spacing, *, code: NDArray[np.float32],
    family: RockFamily,
) -> tuple[AgeTable, ...]:
    """Return one table per well; see `AgeTable.of`."""
    return tuple(
        AgeTable.of(voxels.of_well(int(n)), structure, spacing, code=code, family=family)
        for n in np.unique(voxels.well))


def _ages(
    voxels: WellVoxels, structure: Structure, spacing: Spacing
) -> tuple[Float, Float]:
    """Age in ms and rate of age at the voxels of one well, block by block along its track."""
    age, rate = np.empty(len(voxels.well)), np.empty(len(voxels.well))
    blocks, owner = np.unique(voxels.index[:, :2] // BLOCK_LINES, axis=0, return_inverse=True)
    for number in range(len(blocks)):
        mine = np.flatnonzero(owner.reshape(-1) == number)
        low, high = voxels.index[mine].min(axis=0), voxels.index[mine].max(axis=0)
        window = Window(three_integers(low, "origin"), three_integers(high - low + 1, "shape"))
        try:
            structure.require_window(window)
        except ShapeError as exc:
            name = voxels.names[voxels.well[mine[0]]]
            raise ShapeError(f"well {name!r} leaves the given structure: {exc}") from exc
        fields = structure.evaluate(window, spacing)
        at = tuple((voxels.index[mine] - low).T)
        age[mine], rate[mine] = fields.age.numpy()[at], fields.rate.numpy()[at]
    return age, rate
