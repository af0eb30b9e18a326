"""Age projection: a well speaks along its beds, at any distance, about voxels of its own ages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.errors import ShapeError, require
from lithogen.grid import Spacing, Window, check_shape
from lithogen.rockphysics import N_FACIES, RESIDUALS, RockFamily, encode_residual
from lithogen.structure import Structure
from lithogen.structure.bodies import SEQUENCE_OFFSET_MS
from lithogen.wells.voxels import UNKNOWN, WellVoxels, is_inside

N_CODE = N_FACIES - 1
N_RESIDUAL = len(RESIDUALS)
# Channels of `well_maps`: code, residuals, confidence of both, and whether it is a well voxel.
N_WELL = N_CODE + N_RESIDUAL + 3
# Layers say much about a place kilometres away: the prior agrees with itself at 6 km nearly as
# well as at 2 km.
DECAY_M = 5000.0
RANGE_M = 25000.0
# Ages are looked up in bins of this width: far finer than the 4 ms of a sample of usual strata.
BIN_MS = 0.25
# A kernel of 16 columns is three times as fast as one of 14.
_ROW = 16
# Voxels worked on at a time: the temporary arrays stay small beside a tile.
_CHUNK = 1 << 16

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AgeTable:
    """What one well says, as a function of age.

    Parameters
    ----------
    y_m, x_m : position of its samples along the iline and xline axes in metres, (n,).
    age_ms : age of its samples in ms as a structure gives it, (n,), any order.
    code : facies code per sample, float32 (n, 9), rows of NaN where unknown.
    residual : elastic residuals in units of their scatter, float32 (n, 3), NaN where unknown.
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
        family : trends that residuals are relative to. Residuals need the facies and all three
            logs of a voxel; without the facies the logs have no residual, and are unknown here.

        Raises
        ------
        ShapeError : a structure that is given as maps or a volume does not cover the well.
        """
        check_shape(code.shape, (N_FACIES, N_CODE), "code")
        age, rate = _ages(voxels, structure, spacing)
        has_facies = voxels.facies != UNKNOWN
        codes = np.where(has_facies[:, None], code[voxels.facies], np.float32(np.nan))
        has_all = has_facies & np.isfinite([voxels.vp, voxels.vs, voxels.rho]).all(axis=0)
        residual = np.full((len(age), N_RESIDUAL), np.nan, dtype=np.float32)
        mine = voxels.take(has_all)
        residual[has_all] = encode_residual(
            mine.facies, mine.vp, mine.vs, mine.rho, family,
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
        rows = np.zeros((len(self.age_ms) + 1, _ROW), dtype=np.float32)
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
        """Tabulate the nearest sample, where that or its neighbour reaches the bin's centre."""
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
    """Age in ms and rate of age at the voxels of one well, column by column of its track."""
    age, rate = np.empty(len(voxels.well)), np.empty(len(voxels.well))
    columns, owner = np.unique(voxels.index[:, :2], axis=0, return_inverse=True)
    for number, (iline, xline) in enumerate(columns):
        mine = np.flatnonzero(owner.reshape(-1) == number)
        twt = voxels.index[mine, 2]
        window = Window((int(iline), int(xline), int(twt.min())), (1, 1, int(np.ptp(twt)) + 1))
        try:
            structure.require_window(window)
        except ShapeError as exc:
            name = voxels.names[voxels.well[mine[0]]]
            raise ShapeError(f"well {name!r} leaves the given structure: {exc}") from exc
        fields = structure.evaluate(window, spacing)
        age[mine] = fields.age[0, 0].numpy()[twt - window.origin[2]]
        rate[mine] = fields.rate[0, 0].numpy()[twt - window.origin[2]]
    return age, rate


def well_maps(
    tables: Sequence[AgeTable], age: Tensor, sequence: Tensor, window: Window, spacing: Spacing
) -> Tensor:
    """Tell every voxel what the wells nearby hold at its own age.

    Parameters
    ----------
    tables : one per well; none is allowed.
    age : age in ms, float32 (n_iline, n_xline, n_twt), as in `StructureFields`.
    sequence : sequence number, int8, same shape.
    window, spacing : where the voxels lie.

    Returns
    -------
    float32 (n_iline, n_xline, n_twt, 15) on the device of `age`: 9 channels of facies code times
    confidence, 3 elastic residuals times confidence, confidence of the facies, confidence of the
    residuals, and 1 where a voxel is one of a well. Confidence is exp(-distance / 5000 m) of the
    nearest well that knows, 0 beyond 25 km; several wells are averaged with the square of their
    confidence. A well says nothing where its ages do not reach; where a fault repeats its ages,
    the sample nearest in age speaks. Every voxel is a function of its own age and place alone,
    made of operations that are exact or tabulated, so a window equals the crop of a larger one.

    Raises
    ------
    ShapeError : age or sequence do not have the shape of the window.
    """
    check_shape(age.shape, window.shape, "age")
    check_shape(sequence.shape, window.shape, "sequence")
    out = torch.empty((*window.shape, N_WELL), dtype=torch.float32, device=age.device)
    y_m, x_m, _ = window.axes(spacing)
    near = [table for table in tables if _distance_to_box(table, y_m, x_m) <= RANGE_M]
    if not near:
        out.zero_()
    else:
        speakers = _Speakers.of(near, y_m, x_m, age.device)
        step = max(1, _CHUNK // (window.shape[1] * window.shape[2]))
        for start in range(0, window.shape[0], step):
            part = slice(start, start + step)
            speakers.write(out[part], age[part], sequence[part], part)
    for table in tables:
        _write_own(out, table, window)
    return out


@cache
def confidence_table() -> NDArray[np.float32]:
    """Return exp(-d / 5000 m) at distances of 0, 1, ... 25000 m, then 0; float32 (25002,)."""
    table = np.exp(-np.arange(int(RANGE_M) + 2) / DECAY_M)
    table[-1] = 0.0
    return np.asarray(table, dtype=np.float32)


def _distance_to_box(table: AgeTable, y_m: Float, x_m: Float) -> float:
    """Distance in m from the nearest sample of a well to the columns of a window."""
    gap_y = np.maximum(np.maximum(y_m[0] - table.y_m, table.y_m - y_m[-1]), 0.0)
    gap_x = np.maximum(np.maximum(x_m[0] - table.x_m, table.x_m - x_m[-1]), 0.0)
    # Rounding to whole metres may bring a voxel into range that lies just outside.
    return float(np.sqrt(gap_y**2 + gap_x**2).min()) - 1.0


def _write_own(out: Tensor, table: AgeTable, window: Window) -> None:
    """At a well's own voxels its own word counts, in full."""
    if table.index is None:
        return
    mine = np.flatnonzero(is_inside(table.index, window))
    if mine.size == 0:
        return
    flat = np.ravel_multi_index(tuple((table.index[mine] - window.origin).T), window.shape)
    at = torch.from_numpy(flat).to(out.device)
    values, voxels = torch.from_numpy(table.rows[mine + 1]).to(out.device), out.view(-1, N_WELL)
    voxels[at, -1] = 1.0
    first, source = 0, 0
    for width, channel in ((N_CODE, N_WELL - 3), (N_RESIDUAL, N_WELL - 2)):
        known = values[:, source + width] > 0
        voxels[at[known], first:first + width] = values[known, source:source + width]
        voxels[at[known], channel] = 1.0
        first, source = first + width, source + width + 1


@dataclass(frozen=True, slots=True)
class _Speakers:
    """The wells near a window, on its device.

    `rows` holds the rows of all wells, one below the other, `knows` their two flags and `places`
    the place of their samples in metres; lookups give rows of this stack.
    """

    tables: list[AgeTable]
    rows: Tensor
    knows: tuple[Tensor, Tensor]
    places: tuple[Tensor, Tensor]
    lookups: list[Tensor]
    axes: list[tuple[Tensor, Tensor]]
    confidence: Tensor

    @classmethod
    def of(
        cls, tables: list[AgeTable], y_m: Float, x_m: Float, device: torch.device
    ) -> _Speakers:
        rows = torch.from_numpy(np.concatenate([t.rows for t in tables])).to(device)
        starts = np.cumsum([0, *(len(t.rows) for t in tables)])
        lookups = [torch.from_numpy((t.lookup.rows + start).astype(np.int32).ravel()).to(device)
                   for t, start in zip(tables, starts, strict=False)]

        # Metres from the first sample of each well, for which single precision is enough.
        def metres(values: Float, origin: float) -> Tensor:
            return torch.from_numpy((values - origin).astype(np.float32)).to(device)

        axes = [(metres(y_m, t.y_m[0]), metres(x_m, t.x_m[0])) for t in tables]
        places = (torch.cat([metres(np.r_[t.y_m[0], t.y_m], t.y_m[0]) for t in tables]),
                  torch.cat([metres(np.r_[t.x_m[0], t.x_m], t.x_m[0]) for t in tables]))
        knows = (rows[:, N_CODE].contiguous(), rows[:, N_CODE + 1 + N_RESIDUAL].contiguous())
        confidence = torch.from_numpy(confidence_table().copy()).to(device)
        return cls(tables, rows, knows, places, lookups, axes, confidence)

    def write(self, out: Tensor, age: Tensor, sequence: Tensor, part: slice) -> None:
        """Fill the ilines `part` of the window, (n_iline, n_xline, n_twt, 15)."""
        number = sequence.to(torch.int32)
        bins = (age - number * SEQUENCE_OFFSET_MS).mul_(1.0 / BIN_MS).floor_().to(torch.int32)
        count, n = len(self.tables), age.numel()
        place = torch.empty((n, count), dtype=torch.int32, device=age.device)
        weight = torch.empty((n, count), dtype=torch.float32, device=age.device)
        best = [torch.zeros(n, device=age.device) for _ in self.knows]
        for well, table in enumerate(self.tables):
            n_sequence, n_bin = table.lookup.rows.shape
            at = (bins - table.lookup.first).clamp_(0, n_bin - 1)
            at += number.clamp(max=n_sequence - 1) * n_bin
            row = self.lookups[well].index_select(0, at.reshape(-1))
            trust = self._trust(well, row, part, age.shape)
            place[:, well] = row
            torch.mul(trust, trust, out=weight[:, well])
            for top, known in zip(best, self.knows, strict=True):
                torch.maximum(top, known.index_select(0, row).mul_(trust), out=top)
        total = torch.nn.functional.embedding_bag(
            place, self.rows, per_sample_weights=weight, mode="sum")
        flat, first, source = out.view(n, N_WELL), 0, 0
        for width, top in zip((N_CODE, N_RESIDUAL), best, strict=True):
            # The sum of the weights of those that know stands behind their channels.
            end = source + width
            scale = top / total[:, end].clamp(min=1e-12)
            torch.mul(total[:, source:end], scale[:, None], out=flat[:, first:first + width])
            first, source = first + width, end + 1
        flat[:, first], flat[:, first + 1] = best
        flat[:, first + 2] = 0.0

    def _trust(self, well: int, row: Tensor, part: slice, shape: torch.Size) -> Tensor:
        """Confidence in one well at the voxels that its rows `row` speak to, flat."""
        y_m, x_m = self.axes[well]
        gap_y, gap_x = y_m[part, None, None], x_m[None, :, None]
        if not self.tables[well].is_vertical:
            there_y, there_x = (p.index_select(0, row).reshape(shape) for p in self.places)
            gap_y, gap_x = gap_y - there_y, gap_x - there_x
        metres = (gap_y * gap_y + gap_x * gap_x).sqrt_().round_().clamp_(max=RANGE_M + 1.0)
        trust = self.confidence.index_select(0, metres.to(torch.int32).reshape(-1))
        return trust.reshape(metres.shape).expand(shape).reshape(-1)
