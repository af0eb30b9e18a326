"""Meandering centre lines: local functions of the station along flow, so they never end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import j0, j1, jv

from lithogen.rng import uniform
from lithogen.structure.bodies._beside import Centreline

Float = NDArray[np.float64]

# Above this angle neighbouring bends of a sine-generated curve come too close to each other.
MAX_SWING_RAD = 1.6
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
        if self.cut is not None and self.cut.chance > 0.0:
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
    # By recurrence, as there: exact enough for swing >= 0.05.
    swing = max(swing_rad, 0.05)
    b3 = 4.0 * (2.0 * b1 / swing - b0) / swing - b1
    return (b1 + b3 / 3.0) / (np.pi * b0)


def slow_azimuth(seed: int, stream: str, interval: int) -> float:
    """Return the flow azimuth of an interval: one of the world, turning slowly with age."""
    knot, rest = divmod(interval, 6)
    index = ([0, 1, 1, 2], [0, knot, knot + 1, interval])
    world, low, high, own = (float(draw) for draw in uniform(seed, stream, *index))
    # Value noise between knots six intervals apart, blended smoothly.
    share = rest / 6.0
    slow = low + (high - low) * share * share * (3.0 - 2.0 * share) - 0.5
    return 2.0 * np.pi * world + 1.6 * slow + 0.5 * (own - 0.5)
