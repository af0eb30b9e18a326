"""Meandering centre lines: local functions of the station along flow, so they never end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import j0, j1, jv

from lithogen.rng import uniform

Float = NDArray[np.float64]

# Above this angle neighbouring bends of a sine-generated curve come too close to each other.
MAX_SWING_RAD = 1.6
# Columns are looked up in blocks of this many by this many first.
_BLOCK = 8
# Neighbours on each side that a vertex needs for its tangent and curvature.
_MARGIN = 2


@dataclass(frozen=True, slots=True)
class Ripple:
    """A smooth function of one coordinate without bounds: a sum of cosines.

    Parameters
    ----------
    wavenumber : rad/m, shape (n_wave,).
    phase : radians, shape (n_wave,).
    amplitude : shape (n_wave,); its standard deviation is sqrt(sum(amplitude**2) / 2).
    """

    wavenumber: Float
    phase: Float
    amplitude: Float

    @classmethod
    def random(
        cls, rng: np.random.Generator, wavelength_m: tuple[float, float], *,
        deviation: float = 1.0, n_wave: int = 4,
    ) -> Ripple:
        """Draw log-uniform wavelengths in metres; `deviation` is the standard deviation."""
        return cls.drawn(rng.uniform(size=2 * n_wave), wavelength_m, deviation)

    @classmethod
    def drawn(cls, u: Float, wavelength_m: tuple[float, float], deviation: float) -> Ripple:
        """Build from uniform numbers in (0, 1), two a wave; otherwise as `random`."""
        n_wave = len(u) // 2
        low, high = wavelength_m
        wavelength = low * (high / low) ** u[:n_wave]
        amplitude = np.full(n_wave, deviation * (2.0 / n_wave) ** 0.5)
        return cls(2.0 * np.pi / wavelength, 2.0 * np.pi * u[n_wave:], amplitude)

    def __call__(self, station_m: Float) -> Float:
        """Evaluate at stations in metres, any shape."""
        angle = self.wavenumber[:, None] * np.ravel(station_m)
        angle += self.phase[:, None]
        np.cos(angle, out=angle)
        return np.asarray(self.amplitude @ angle).reshape(np.shape(station_m))

    @property
    def bound(self) -> float:
        """Largest absolute value that it can take."""
        return float(np.abs(self.amplitude).sum())


@dataclass(frozen=True, slots=True)
class CutOffs:
    """Which bends were cut off at their neck: bend `m` of a line, hashed."""

    seed: int
    stream: str
    index: tuple[int, ...]
    chance: float

    def __call__(self, bend: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether each bend was cut off; two neighbours never are."""
        draw = uniform(self.seed, self.stream, *self.index, bend)
        return np.asarray((draw < 2.0 * self.chance) & (bend % 2 == 0))


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

    def where(self, is_kept: NDArray[np.bool_]) -> Projection:
        """Return the columns that are kept."""
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
        count = is_rival.sum(axis=1)
        # Most rivals first, so that the n-th rivals are those of the first so many blocks.
        order = np.argsort(-count, kind="stable")
        here, count, is_rival = here[order], count[order], is_rival[order]
        rival = np.nonzero(is_rival)[1]
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
        return member[is_near], rival[np.repeat(start, is_near.sum(axis=1)) + turns]


@dataclass(frozen=True, slots=True)
class Stretch:
    """What storeys of one lane have in common: ripples at stations, each of shape (n,).

    Parameters
    ----------
    station_m : places along the mean flow, evenly spaced.
    swing : relative change of the swing; `lag` : change of the phase, radians.
    shift_m : shift across the flow, in m.
    """

    station_m: Float
    swing: Float
    lag: Float
    shift_m: Float

    def between(self, low_m: float, high_m: float) -> Stretch | None:
        """Return the least stretch with all stations whose shift lies between two, or None."""
        here = np.flatnonzero((self.shift_m > low_m) & (self.shift_m < high_m))
        if here.size == 0:
            return None
        # One station more for ends that lie between two, and those that `trace` drops.
        first, last = max(here[0] - _MARGIN - 1, 0), here[-1] + _MARGIN + 2
        return Stretch(*(getattr(self, name)[first:last] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Meander:
    """A sine-generated curve whose swing, pace and symmetry change from bend to bend.

    Parameters
    ----------
    wavelength_m : mean length of two bends along the mean flow, m.
    swing_rad : largest angle to the mean flow, 0-1.6; sinuosity is near 1 / J0(swing).
    swing : relative change of the swing along the line.
    lag : change of the phase along the line, radians.
    phase_rad : phase at station zero.
    skew : how far apexes lean downstream (< 0) or upstream (> 0), about -0.6 to 0.6.
    offset_m : mean position across the flow.
    wiggle, wander : shifts across the flow in m, at the scale of bends and of many bends.
    cut : bends that have been cut off; None for none.

    Source: Langbein and Leopold (1966), theta = swing sin(2 pi s / arc), here integrated term
    by term with the Jacobi-Anger expansion.
    """

    wavelength_m: float
    swing_rad: float
    swing: Ripple
    lag: Ripple
    phase_rad: float
    skew: float
    offset_m: float
    wiggle: Ripple
    wander: Ripple
    cut: CutOffs | None = None

    @property
    def sinuosity(self) -> float:
        """Length of the line over the straight way, without its small irregularities."""
        return float(1.0 / j0(self.swing_rad))

    @property
    def reach_along_m(self) -> float:
        """How far a point of the line can lie from its station, along the flow, in m."""
        angle = self.swing_rad * (1.0 + self.swing.bound)
        bend = 0.5 * float(jv(2, angle) + 0.5 * jv(4, angle)) / (np.pi * float(j0(angle)))
        return self.wavelength_m * (bend + abs(self.skew) * amplitude_of(angle) ** 2)

    @property
    def reach_across_m(self) -> float:
        """How far the line can lie from its offset and wander, across the flow, in m."""
        largest = self.swing_rad * (1.0 + self.swing.bound)
        return self.wavelength_m * amplitude_of(largest) + self.wiggle.bound

    def phases(self, station_m: Float) -> Float:
        """Return the phase in radians; bend m has its apex at m pi."""
        return self._phases(station_m, self.lag(station_m))

    def _phases(self, station_m: Float, lag: Float) -> Float:
        turn = 2.0 * np.pi / self.wavelength_m
        return np.asarray(turn * station_m + self.phase_rad + lag)

    def positions(self, station_m: Float, phase: Float) -> Float:
        """Return the points (along, across) at stations, shape (n, 2)."""
        shift = self.wiggle(station_m) + self.wander(station_m)
        return self._positions(station_m, phase, self.swing(station_m), shift)

    def _positions(self, station_m: Float, phase: Float, swing: Float, shift_m: Float) -> Float:
        angle = self.swing_rad * (1.0 + swing)
        if self.cut is not None:
            bend = np.rint(phase / np.pi)
            is_cut = self.cut(bend.astype(np.int64))
            angle = angle * (1.0 - 0.7 * is_cut * np.cos(phase - np.pi * bend) ** 2)
        # Bessel functions of order 2 to 4 by their recurrence; exact enough for angle >= 0.05.
        angle = np.maximum(angle, 0.05)
        b0, b1 = j0(angle), j1(angle)
        b2 = 2.0 * b1 / angle - b0
        b3 = 4.0 * b2 / angle - b1
        b4 = 6.0 * b3 / angle - b2
        scale = self.wavelength_m / (np.pi * b0)
        across = -scale * (b1 * np.cos(phase) + b3 / 3.0 * np.cos(3.0 * phase))
        along = 0.5 * scale * (b2 * np.sin(2.0 * phase) + 0.5 * b4 * np.sin(4.0 * phase))
        along = station_m + along - self.skew * across**2 / self.wavelength_m
        return np.stack([along, across + self.offset_m + shift_m], axis=-1)

    def stretch(self, first_m: float, last_m: float, step_m: float) -> Stretch:
        """Return the ripples of the line between two stations, at whole multiples of `step_m`.

        Lines that differ in swing_rad, phase_rad, offset_m and cut alone can share it.
        """
        first = int(np.floor(first_m / step_m)) - _MARGIN
        last = int(np.ceil(last_m / step_m)) + _MARGIN
        station: Float = step_m * np.arange(first, last + 1, dtype=np.float64)
        shift = self.wiggle(station) + self.wander(station)
        return Stretch(station, self.swing(station), self.lag(station), shift)

    def phase_along(self, stretch: Stretch) -> Float:
        """Return the phases at the vertices of `trace`."""
        return self._phases(stretch.station_m, stretch.lag)[_MARGIN:-_MARGIN]

    def trace(self, stretch: Stretch) -> Centreline:
        """Return the vertices of the line along a stretch, less two at each end."""
        phase = self._phases(stretch.station_m, stretch.lag)
        point = self._positions(stretch.station_m, phase, stretch.swing, stretch.shift_m)
        half = 0.5 * (point[2:] - point[:-2])
        length = np.hypot(half[:, 0], half[:, 1])
        tangent = half / length[:, None]
        turn = (
            tangent[:-2, 0] * tangent[2:, 1] - tangent[:-2, 1] * tangent[2:, 0]
        ) / (2.0 * length[1:-1])
        inner = slice(_MARGIN, -_MARGIN)
        return Centreline(
            point[inner], tangent[1:-1], turn, stretch.station_m[inner], phase[inner],
            length[1:-1],
        )

    def centreline(self, first_m: float, last_m: float, step_m: float) -> Centreline:
        """Return the vertices between two stations, at whole multiples of `step_m`."""
        return self.trace(self.stretch(first_m, last_m, step_m))


def swing_of(sinuosity: float) -> float:
    """Return the swing in radians of a sine-generated curve of a sinuosity, 1 to 2.2.

    Source: Langbein and Leopold (1966): sinuosity = 1 / J0(swing).
    """
    swing = np.linspace(0.0, MAX_SWING_RAD, 161)
    return float(np.interp(sinuosity, 1.0 / j0(swing), swing))


def amplitude_of(swing_rad: float) -> float:
    """Return the largest distance from the mean flow over the wavelength, see `Meander`."""
    b0, b1 = float(j0(swing_rad)), float(j1(swing_rad))
    b3 = float(jv(3, swing_rad))
    return (b1 + b3 / 3.0) / (np.pi * b0)


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


def slow_azimuth(seed: int, stream: str, interval: int) -> float:
    """Return the flow azimuth of an interval: one of the world, turning slowly with age."""
    knot, rest = divmod(interval, 6)
    index = ([0, 1, 1, 2], [0, knot, knot + 1, interval])
    world, low, high, own = (float(draw) for draw in uniform(seed, stream, *index))
    # Value noise between knots six intervals apart, blended smoothly.
    share = rest / 6.0
    slow = low + (high - low) * share * share * (3.0 - 2.0 * share) - 0.5
    return 2.0 * np.pi * world + 1.6 * slow + 0.5 * (own - 0.5)
