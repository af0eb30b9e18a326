"""Columns beside a line: which vertex of it is nearest, how far away, and on which side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

# Columns are looked up in blocks of this many by this many.
_BLOCK = 8


@dataclass(frozen=True, slots=True)
class Centreline:
    """Vertices of a centre line in a flow frame (along, across), in metres.

    Parameters
    ----------
    position, tangent : shape (n, 2); tangents have length 1.
    curvature : 1/m, > 0 where it bends to the left, shape (n,).
    station_m : coordinate along the mean flow, shape (n,).
    phase : phase of the meander in radians, pi a bend, shape (n,).
    length_m : distance to the next vertex, shape (n,).
    """

    position: Float
    tangent: Float
    curvature: Float
    station_m: Float
    phase: Float
    length_m: Float


@dataclass(frozen=True, slots=True)
class Projection:
    """Columns near a centre line and where they lie along and beside it.

    Parameters
    ----------
    line : the centre line.
    column : flat index of the columns, shape (n,).
    offset_m : signed distance from the line, > 0 on the left, shape (n,).
    vertex : nearest vertex of the line, shape (n,).
    step : nearest point of the line, in vertices from the nearest one, -0.5 to 0.5, shape (n,).
    """

    line: Centreline
    column: NDArray[np.intp]
    offset_m: Float
    vertex: NDArray[np.intp]
    step: Float

    def along(self, values: Float) -> Float:
        """Interpolate values that are given on the vertices of the line to the columns."""
        slope = np.empty_like(values)
        slope[1:-1] = 0.5 * (values[2:] - values[:-2])
        slope[0], slope[-1] = values[1] - values[0], values[-1] - values[-2]
        found = slope.take(self.vertex)
        found *= self.step
        found += values.take(self.vertex)
        return found

    @property
    def station_m(self) -> Float:
        """Station of the nearest point of the line, shape (n,)."""
        return self.along(self.line.station_m)

    @property
    def phase(self) -> Float:
        """Phase of the meander at the nearest point of the line, shape (n,)."""
        return self.along(self.line.phase)

    @property
    def curvature(self) -> Float:
        """Curvature of the line at its nearest point, 1/m, shape (n,)."""
        return self.along(self.line.curvature)

    def where(self, is_kept: NDArray[np.bool_] | NDArray[np.intp]) -> Projection:
        """Return the columns that are kept: a mask, or places among them."""
        return Projection(
            self.line, self.column[is_kept], self.offset_m[is_kept], self.vertex[is_kept],
            self.step[is_kept],
        )


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a lattice in a flow frame, in blocks that can be passed over quickly.

    Parameters
    ----------
    along, across : places in m, row by row of the lattice, shape (n,).
    n_xline : number of columns in a row of the lattice.
    block : columns of each block, shape (n_block, columns a block); -1 beyond the lattice.
    centre, radius_m : of the blocks, shape (2, n_block), and the largest of all.
    box_m : least and largest (along, across) of the columns.
    """

    along: Float
    across: Float
    n_xline: int
    block: NDArray[np.intp]
    centre: Float
    radius_m: float
    box_m: tuple[Float, Float]

    @classmethod
    def from_axes(cls, y_m: Float, x_m: Float, azimuth_rad: float) -> Columns:
        """Build from lateral axes in m and the azimuth of the flow from the x axis."""
        middle, half, member = [], [], []
        for axis in (y_m, x_m):
            start = np.arange(0, len(axis), _BLOCK)
            low = np.minimum.reduceat(axis, start)
            high = np.maximum.reduceat(axis, start)
            middle.append(0.5 * (low + high))
            half.append(float(0.5 * (high - low).max()))
            index = start[:, None] + np.arange(_BLOCK)
            member.append(np.where(index < len(axis), index, -1))
        row, col = member[0][:, None, :, None], member[1][None, :, None, :]
        block = np.where((row < 0) | (col < 0), -1, row * len(x_m) + col)
        along, across = (part.ravel() for part in flow_frame(y_m, x_m, azimuth_rad))
        centre = np.stack([part.ravel() for part in flow_frame(middle[0], middle[1], azimuth_rad)])
        radius = 1.001 * float(np.hypot(half[0], half[1])) + 1e-6
        box = (np.array([along.min(), across.min()]), np.array([along.max(), across.max()]))
        return cls(along, across, len(x_m), block.reshape(-1, _BLOCK**2), centre, radius, box)

    def nearest(
        self, point: Float, reach_m: float
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the columns within `reach_m` of some points, and the nearest point of each.

        Parameters
        ----------
        point : (along, across) in m, shape (n_point, 2).
        reach_m : largest distance in m.

        Notes
        -----
        A point v can be the nearest of a column in a block (centre c, radius r) only if the
        column lies on its side of the bisector between it and the point u nearest to c, so
        only if |c - v|^2 - |c - u|^2 <= 2 r |u - v|. Few points pass that, and all that do are
        compared, so the answer is exact.
        """
        # Squares from a place nearby, less those of the block alone: one product of matrices.
        local = point - point[0]
        centre = self.centre - point[0][:, None]
        own = (local**2).sum(axis=1)
        square = centre.T @ (-2.0 * local.T)
        square += own
        first = square.argmin(axis=1)
        least = square[np.arange(len(first)), first]
        limit = (reach_m + self.radius_m) ** 2 - (centre**2).sum(axis=0)
        here = np.flatnonzero(least <= limit)
        apart = own[:, None] + own - 2.0 * (local @ local.T)
        apart = 2.0 * self.radius_m * np.sqrt(np.maximum(apart, 0.0))
        bound = apart[first[here]]
        # A margin for rounding.
        bound += least[here][:, None] + 0.01
        np.minimum(bound, limit[here][:, None], out=bound)
        is_rival = square[here] <= bound
        count = np.count_nonzero(is_rival, axis=1)
        # Most rivals first, so that the n-th rivals are those of the first so many blocks.
        order = np.argsort(-count, kind="stable")
        here, count, is_rival = here[order], count[order], is_rival[order]
        rival = np.flatnonzero(is_rival) % len(point)
        start = np.cumsum(count) - count
        return self._closest(here, point, (rival, start, count), reach_m)

    def _closest(
        self, here: NDArray[np.intp], point: Float,
        rivals: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]], reach_m: float,
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the columns of blocks within reach of their rivals, and the nearest of them."""
        rival, start, count = rivals
        if count.size == 0:
            return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
        member = self.block[here]
        # Squared distances less what all rivals of a column have in common.
        local = point - point[0]
        along, across = self.along[member] - point[0, 0], self.across[member] - point[0, 1]
        one, two = -2.0 * local[rival, 0], -2.0 * local[rival, 1]
        own = (local**2).sum(axis=1)[rival]
        least = np.full(member.shape, np.inf)
        square, other = np.empty_like(least), np.empty_like(least)
        # The turn is kept in the last bits of the square: they matter in ties alone.
        low_bits = (1 << int(count[0]).bit_length()) - 1
        sizes = np.searchsorted(-count, -np.arange(count[0]), side="left")
        for turn, size in enumerate(sizes.tolist()):
            place = start[:size, None] + turn
            part = square[:size]
            np.multiply(along[:size], one[place], out=part)
            np.multiply(across[:size], two[place], out=other[:size])
            part += other[:size]
            part += own[place]
            bits = part.view(np.int64)
            bits &= ~low_bits
            bits |= turn
            np.minimum(least[:size], part, out=least[:size])
        along *= along
        across *= across
        along += across
        along += least
        is_near = (along <= reach_m**2) & (member >= 0)
        turns = least.view(np.int64)[is_near] & low_bits
        return member[is_near], rival[np.repeat(start, np.count_nonzero(is_near, axis=1)) + turns]


def project(
    columns: Columns, line: Centreline, reach_m: float,
    is_used: NDArray[np.bool_] | None = None,
) -> Projection:
    """Return the columns within `reach_m` of a line, and where they lie on it.

    Parameters
    ----------
    columns : columns in the frame of the line.
    line : its vertices; columns before the first and after the last are left out.
    reach_m : largest distance in m.
    is_used : which of the vertices to look at, shape (n,); all by default.
    """
    low, high = columns.box_m
    is_close = ((line.position > low - reach_m) & (line.position < high + reach_m)).all(axis=1)
    used = np.flatnonzero(is_close if is_used is None else is_close & is_used)
    if used.size == 0 or len(line.station_m) < 3:
        none = np.zeros(0, dtype=np.intp)
        return Projection(line, none, np.zeros(0), none, np.zeros(0))
    column, vertex = columns.nearest(line.position[used], reach_m)
    vertex = used[vertex]
    tangent_x, tangent_y = (line.tangent[:, axis].take(vertex) for axis in (0, 1))
    away_x = columns.along.take(column) - line.position[:, 0].take(vertex)
    away_y = columns.across.take(column) - line.position[:, 1].take(vertex)
    offset = away_y * tangent_x - away_x * tangent_y
    step = (away_x * tangent_x + away_y * tangent_y) / line.length_m.take(vertex)
    # Stations turn with the bend: those inside it lie closer together by 1 - curvature offset.
    step /= np.maximum(1.0 - line.curvature.take(vertex) * offset, 0.3)
    is_end = (vertex == 0) & (step < -0.5) | (vertex == len(line.station_m) - 1) & (step > 0.5)
    found = Projection(line, column, offset, vertex, np.clip(step, -0.5, 0.5))
    return found.where(~is_end) if is_end.any() else found


def flow_frame(y_m: Float, x_m: Float, azimuth_rad: float) -> tuple[Float, Float]:
    """Return coordinates along and across an azimuth from the x axis, each (n_iline, n_xline)."""
    cos, sin = np.cos(azimuth_rad), np.sin(azimuth_rad)
    return np.add.outer(y_m * sin, x_m * cos), np.add.outer(y_m * cos, -x_m * sin)
