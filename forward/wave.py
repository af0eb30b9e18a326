"""Exploding-reflector modelling and reverse-time migration with deepwave: real images for layer C.

Reflectors explode at time zero in a medium of half the velocity; what a line of receivers at the
surface records is sent back, reversed in time, into the same medium, and the field at time zero is
the migrated image. The recording is tapered from the middle of the line outwards, so the traces in
the middle are images of that aperture; others have a one-sided one.

Source: Loewenthal et al. (1976), The wave equation applied to migration; Baysal, Kosloff and
Sherwood (1983), Reverse time migration; deepwave (Richardson), for the wave equation.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from forward.resolution import illumination, lateral_spread
from lithogen.errors import ConfigError

Floats = NDArray[np.float64]
# Cells of the grid: metres down, and per trace.
CELL_M, CELLS_A_TRACE = 3.5, 3
# Pulses are put on the grid and read from it with a sinc of this half width, in cells.
_SINC = 6


@dataclass(frozen=True, slots=True)
class Line:
    """A 2-D acquisition over an earth whose velocity grows with depth.

    Parameters
    ----------
    velocity_m_s, gradient_per_s : velocity at the surface, and its growth per metre of depth.
    top_m : depth of the first sample. aperture_m : radius at half amplitude.
    bin_m, dt_s : distance of traces, sample interval in two-way time.

    Examples
    --------
    >>> round(float(Line().spread(2)[0]), 2)
    0.37
    """

    velocity_m_s: float = 2000.0
    gradient_per_s: float = 0.5
    top_m: float = 1000.0
    aperture_m: float = 1000.0
    bin_m: float = 25.0
    dt_s: float = 0.004

    def twt_s(self, n_twt: int) -> Floats:
        """Two-way times of the samples, s."""
        first = 2 / self.gradient_per_s * math.log1p(
            self.gradient_per_s * self.top_m / self.velocity_m_s)
        return np.asarray(first + self.dt_s * np.arange(n_twt), dtype=np.float64)

    def depth_m(self, n_twt: int) -> Floats:
        """Depths of the samples, m."""
        grown = np.expm1(0.5 * self.gradient_per_s * self.twt_s(n_twt))
        return np.asarray(self.velocity_m_s / self.gradient_per_s * grown)

    def spread(self, n_twt: int) -> Floats:
        """Spread of the samples, see `forward.resolution.lateral_spread`."""
        time = self.twt_s(n_twt)
        turned = self.gradient_per_s * time
        rms = self.velocity_m_s * np.sqrt(np.expm1(turned) / turned)
        return lateral_spread(twt_s=time, velocity_m_s=rms, aperture_m=self.aperture_m,
                              bin_m=self.bin_m, dt_s=self.dt_s, max_dip_deg=75.0)


def wave_image(reflectivity: ArrayLike, wavelet: ArrayLike, line: Line) -> Floats:
    """Model and migrate a section.

    Parameters
    ----------
    reflectivity : (xline, twt); traces fill their bins. wavelet : (n,), n odd, at `line.dt_s`, the
        centre is time zero. line : velocity, depth and aperture.

    Returns
    -------
    (xline, twt) float64, in the unit of the wavelet: flat reflectors have the amplitude of the
    convolutional model. Traces away from the middle have a one-sided aperture.

    Raises
    ------
    ConfigError : deepwave is missing.

    Examples
    --------
    >>> wave_image(np.zeros((120, 64)), [1.0], Line()).shape  # doctest: +SKIP
    (120, 64)
    """
    deepwave = import_deepwave()
    rc = np.asarray(reflectivity, dtype=np.float64)
    grid = _Grid(line, *rc.shape)
    field, before = grid.pulse(rc)
    options: dict[str, Any] = {"accuracy": 8, "pml_width": 20, "pml_freq": 30.0}
    with warnings.catch_warnings():
        # It asks for six cells a wavelength at accuracy 4; the test against a flat earth holds.
        warnings.simplefilter("ignore", UserWarning)
        data = deepwave.scalar(
            grid.velocity, [CELL_M, grid.cell_m], grid.step_s, receiver_locations=grid.surface,
            wavefield_0=field, wavefield_m1=before, nt=grid.n_step, **options)[-1]
        back = grid.sent_back(data[0].numpy().astype(np.float64), np.asarray(wavelet))
        image = deepwave.scalar(
            grid.velocity, [CELL_M, grid.cell_m], grid.step_s, source_amplitudes=back,
            source_locations=grid.surface, nt=grid.n_step - 1, **options)[0]
    return grid.read(image[0].numpy())


def import_deepwave() -> ModuleType:
    """Import deepwave, an optional dependency."""
    try:
        import deepwave
    except ImportError as exc:
        raise ConfigError(
            "wave equation images need deepwave; install lithogen[wave]"
        ) from exc
    module: ModuleType = deepwave
    return module


class _Grid:
    """The grid of the wave equation and the way from and to samples."""

    def __init__(self, line: Line, n_trace: int, n_twt: int) -> None:
        self.line, self.n_trace = line, n_trace
        self.cell_m = line.bin_m / CELLS_A_TRACE
        depth = line.depth_m(n_twt)
        n_depth = int(depth[-1] / CELL_M) + 20
        down = CELL_M * np.arange(n_depth)
        self.half = 0.5 * (line.velocity_m_s + line.gradient_per_s * down)
        at_samples = 0.5 * (line.velocity_m_s + line.gradient_per_s * depth)
        # Amplitude of a wave that goes up, from its depth to the surface (WKB).
        self.root = np.sqrt(at_samples / self.half[0])
        self.pulse_m = at_samples * line.dt_s
        self.to_depth = _sinc_weights(depth / CELL_M, n_depth)
        self.velocity = torch.as_tensor(
            np.repeat(self.half[:, None], n_trace * CELLS_A_TRACE, 1), dtype=torch.float32)
        self.step_s = 0.45 * min(CELL_M, self.cell_m) / self.half.max()
        self.n_step = int((line.twt_s(n_twt)[-1] + 0.2) / self.step_s)
        across = torch.arange(n_trace * CELLS_A_TRACE)
        self.surface = torch.stack([torch.zeros_like(across), across], -1)[None]

    def pulse(self, rc: Floats) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the field at time zero, at rest, and the one a step earlier."""
        fine = np.repeat(rc, CELLS_A_TRACE, axis=0)
        field = (2 * (fine * self.root * self.pulse_m) @ self.to_depth / CELL_M).T
        bent = _second(field, 0) / CELL_M**2 + _second(field, 1) / self.cell_m**2
        before = field + 0.5 * np.square(self.step_s * self.half[:, None]) * bent
        first, second = (torch.as_tensor(np.ascontiguousarray(v), dtype=torch.float32)[None]
                         for v in (field, before))
        return first, second

    def sent_back(self, data: Floats, wavelet: NDArray[Any]) -> torch.Tensor:
        """Convolve a recording with the wavelet, taper, turn it round in time; as sources."""
        from scipy.signal import oaconvolve

        half = int(len(wavelet) // 2 * self.line.dt_s / self.step_s)
        steps = np.arange(-half, half + 1) * self.step_s / self.line.dt_s + len(wavelet) // 2
        fine: Floats = np.dot(wavelet, _sinc_weights(np.arange(len(wavelet)), 0, steps))
        shaped: Floats = oaconvolve(data, fine[None], "same", axes=1)
        shaped *= self.step_s / self.line.dt_s
        n_last = int(0.1 / self.step_s)
        shaped[:, -n_last:] *= np.cos(np.linspace(0, 0.5 * np.pi, n_last)) ** 2
        n = self.n_trace * CELLS_A_TRACE
        offset = np.abs(self.cell_m * (np.arange(n) - 0.5 * (n - 1))) / self.line.aperture_m
        shaped *= illumination(offset)[:, None]
        slope = np.gradient(shaped, self.step_s, axis=1)[:, ::-1]
        amplitude = 2.0 / (self.half[0] * CELL_M) * slope
        return torch.as_tensor(np.ascontiguousarray(amplitude), dtype=torch.float32)[None]

    def read(self, image: NDArray[np.float32]) -> Floats:
        """Return samples of the middle of every bin from a field with its absorbing borders."""
        n_depth, n = self.to_depth.shape[1], self.n_trace * CELLS_A_TRACE
        down, across = (image.shape[0] - n_depth) // 2, (image.shape[1] - n) // 2
        inner = image[down : down + n_depth, across : across + n].astype(np.float64)
        read: Floats = np.dot(inner.T, self.to_depth.T) / self.root
        return read[CELLS_A_TRACE // 2 :: CELLS_A_TRACE]


def _sinc_weights(place: NDArray[Any], n: int, at: Floats | None = None) -> Floats:
    """Kaiser-windowed sinc between `place` (n_in,) and 0..n-1, or `at`: (n_in, n)."""
    where = np.arange(n, dtype=np.float64) if at is None else at
    far = where[None] - np.asarray(place, dtype=np.float64)[:, None]
    inside = np.sqrt(np.clip(1 - (far / _SINC) ** 2, 0, 1))
    window = np.where(np.abs(far) < _SINC, np.i0(6.0 * inside) / np.i0(6.0), 0.0)
    return np.asarray(np.sinc(far) * window)


def _second(field: Floats, axis: int) -> Floats:
    """Second difference of fourth order along an axis, zero beyond the edges."""
    out = -2.5 * field
    for distance, weight in ((1, 4 / 3), (2, -1 / 12)):
        padded = np.pad(field, [(distance, distance) if a == axis else (0, 0) for a in (0, 1)])
        n = field.shape[axis]
        out += weight * (padded.take(range(n), axis)
                         + padded.take(range(2 * distance, n + 2 * distance), axis))
    return np.asarray(out)


