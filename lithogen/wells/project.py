"""Age projection: a well speaks along its beds, at any distance, about voxels of its own ages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.grid import Spacing, Window, check_shape
from lithogen.latent import (
    CODE_TRUST,
    IS_WELL,
    N_CODE,
    N_RESIDUAL,
    N_WELL,
    RESIDUAL_TRUST,
)
from lithogen.structure.bodies import SEQUENCE_OFFSET_MS
from lithogen.wells.ages import BIN_MS, AgeTable, age_tables
from lithogen.wells.voxels import is_inside

# Layers say much about a place kilometres away: the prior agrees with itself at 6 km nearly as
# well as at 2 km.
DECAY_M = 5000.0
RANGE_M = 25000.0
# Voxels worked on at a time: the temporary arrays stay small beside a tile.
_CHUNK = 1 << 16

Float = NDArray[np.float64]

__all__ = ["DECAY_M", "N_WELL", "RANGE_M", "AgeTable", "age_tables", "well_maps"]


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
    voxels[at, IS_WELL] = 1.0
    first, source = 0, 0
    for width, channel in ((N_CODE, CODE_TRUST), (N_RESIDUAL, RESIDUAL_TRUST)):
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
