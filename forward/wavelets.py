"""Wavelets: centred arrays of odd length, the centre sample is time zero."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forward.checks import check_dt
from lithogen.errors import ShapeError, require

Wavelet = NDArray[np.float64]


def _half_times(dt_s: float, n: int) -> Wavelet:
    require(
        n == int(n) and n >= 3 and n % 2 == 1,
        f"wavelet length n is {n}, wanted an odd number of samples of at least 3",
        ShapeError,
    )
    return np.asarray(np.arange(int(n) // 2 + 1) * check_dt(dt_s))


def _mirror(half: Wavelet, sign: float = 1.0) -> Wavelet:
    return np.concatenate([sign * half[:0:-1], half])


def ricker(freq_hz: float, dt_s: float, n: int) -> Wavelet:
    """Zero-phase Ricker wavelet, peak 1 at the centre sample.

    Parameters
    ----------
    freq_hz : peak frequency in Hz, 0 < freq_hz < 0.5 / dt_s.
    dt_s : sample interval in seconds.
    n : odd number of samples, >= 3.

    Returns
    -------
    Array of shape (n,), float64, no unit.

    Raises
    ------
    ConfigError : `freq_hz` is not between 0 and Nyquist.
    ShapeError : `n` is even or below 3.

    Source: Ricker (1953).

    Examples
    --------
    >>> float(ricker(30.0, 0.004, 61)[30])
    1.0
    """
    time = _half_times(dt_s, n)
    require(
        0 < freq_hz < 0.5 / dt_s,
        f"freq_hz is {freq_hz}, wanted a frequency above 0 and below Nyquist {0.5 / dt_s:g} Hz",
    )
    square = np.square(math.pi * freq_hz * time)
    return _mirror(np.asarray((1.0 - 2.0 * square) * np.exp(-square)))


def ormsby(corners_hz: tuple[float, float, float, float], dt_s: float, n: int) -> Wavelet:
    """Zero-phase Ormsby wavelet (trapezoid spectrum), peak 1 at the centre sample.

    Parameters
    ----------
    corners_hz : low cut, low pass, high pass, high cut in Hz, increasing from >= 0 to <= Nyquist.
    dt_s : sample interval in seconds.
    n : odd number of samples, >= 3.

    Returns
    -------
    Array of shape (n,), float64, no unit.

    Raises
    ------
    ConfigError : the corners do not increase or exceed Nyquist.
    ShapeError : `n` is even or below 3.

    Source: Ryan (1994), "Ricker, Ormsby, Klauder, Butterworth: a choice of wavelets".

    Examples
    --------
    >>> ormsby((4, 10, 45, 75), 0.004, 81).shape
    (81,)
    """
    time = _half_times(dt_s, n)
    ordered = len(corners_hz) == 4 and all(np.diff(corners_hz) > 0) and corners_hz[0] >= 0
    require(
        ordered and corners_hz[-1] <= 0.5 / dt_s,
        f"corners_hz is {corners_hz}, wanted four increasing frequencies between 0 and Nyquist "
        f"{0.5 / dt_s:g} Hz",
    )
    f1, f2, f3, f4 = (float(f) for f in corners_hz)

    def ramp(f: float) -> Wavelet:
        return np.asarray(math.pi * f**2 * np.sinc(f * time) ** 2)

    half = (ramp(f4) - ramp(f3)) / (f4 - f3) - (ramp(f2) - ramp(f1)) / (f2 - f1)
    return _mirror(np.asarray(half / half[0]))


def _spectrum(freq_hz: ArrayLike, amplitude: ArrayLike) -> tuple[Wavelet, Wavelet]:
    grid = np.asarray(freq_hz, dtype=np.float64)
    level = np.asarray(amplitude, dtype=np.float64)
    require(
        grid.ndim == 1 and grid.size >= 3 and grid.shape == level.shape,
        f"freq_hz has shape {grid.shape} and amplitude {level.shape}, wanted one equal axis",
        ShapeError,
    )
    step = float(grid[1])
    require(
        grid[0] == 0 and step > 0 and np.allclose(np.diff(grid), step),
        "freq_hz is not a uniform grid starting at 0 Hz; interpolate the spectrum onto one",
    )
    require(
        bool(np.isfinite(level).all() and (level >= 0).all()),
        "amplitude has a negative or non-finite value, wanted a modulus",
    )
    return grid, level


def from_amplitude(
    freq_hz: ArrayLike, amplitude: ArrayLike, dt_s: float, n: int, *, phase_deg: float = 0.0
) -> Wavelet:
    """Wavelet of a given amplitude spectrum and a constant phase, tapered to zero at its ends.

    Parameters
    ----------
    freq_hz : frequencies in Hz, uniform from 0, shape (n_freq,).
    amplitude : modulus of the continuous Fourier transform, unit of the wavelet times seconds,
        >= 0, same shape. Amplitude above Nyquist of `dt_s` is not used.
    dt_s : sample interval in seconds.
    n : odd number of samples, >= 3.
    phase_deg : constant phase phi in w(t) = 2 int A cos(2 pi f t + phi) df; 90 makes the wavelet
        odd, 180 reverses its polarity.

    Returns
    -------
    Array of shape (n,), float64. Its samples do not depend on `dt_s`: w(t) is sampled.

    Raises
    ------
    ConfigError : the spectrum is negative, not finite or not on a uniform grid from 0.
    ShapeError : shapes differ, `n` is even, or `n` spans more than the grid resolves.

    Source: inverse Fourier integral by the trapezoid rule; cosine taper over the outer 20 %.

    Examples
    --------
    >>> import numpy as np
    >>> f = np.arange(126.0)
    >>> int(from_amplitude(f, np.exp(-((f - 30) / 15) ** 2), 0.004, 61).argmax())
    30
    """
    time = _half_times(dt_s, n)
    grid, level = _spectrum(freq_hz, amplitude)
    step = float(grid[1])
    require(
        2 * time[-1] <= 1.0 / step,
        f"a wavelet of {n} samples spans {2 * time[-1]:g} s, more than the {1 / step:g} s that a "
        f"{step:g} Hz grid resolves; use fewer samples",
        ShapeError,
    )
    weight = np.where(grid <= 0.5 / dt_s + 1e-9, 2.0 * step, 0.0)
    weight[0] = step
    angle = 2.0 * math.pi * time[:, None] * grid[None, :]
    even = (np.cos(angle) * (level * weight)).sum(axis=1)
    odd = (np.sin(angle) * (level * weight)).sum(axis=1)
    phase = math.radians(phase_deg)
    edge = np.clip((1.0 - time / time[-1]) / 0.2, 0.0, 1.0)
    taper = np.square(np.sin(0.5 * math.pi * edge))
    return np.asarray(
        math.cos(phase) * _mirror(even * taper) - math.sin(phase) * _mirror(odd * taper, -1.0)
    )
