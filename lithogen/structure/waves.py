"""Smooth unbounded noise over the map: sums of plane waves with hashed parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithogen.rng import generator

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PlaneWaves:
    """A sum of cosines in the plane, with unit standard deviation.

    Parameters
    ----------
    wavenumber_x, wavenumber_y : angular wavenumbers in rad/m, shape (n_wave,).
    phase : radians, shape (n_wave,).
    amplitude : shape (n_wave,); sum(amplitude**2) / 2 == 1.
    """

    wavenumber_x: Float
    wavenumber_y: Float
    phase: Float
    amplitude: Float

    @classmethod
    def random(
        cls,
        seed: int,
        stream: str,
        *index: int,
        wavelength_m: tuple[float, float],
        n_wave: int = 8,
        azimuth_rad: float | None = None,
        aspect: float = 1.0,
    ) -> PlaneWaves:
        """Draw waves with log-uniform wavelengths.

        Parameters
        ----------
        seed, stream, index : which random numbers.
        wavelength_m : shortest and longest wavelength in metres.
        n_wave : number of waves.
        azimuth_rad, aspect : if given, wavenumbers across `azimuth_rad` are
            multiplied by `aspect` (< 1 stretches the field along that azimuth).
        """
        rng = generator(seed, stream, *index)
        low, high = np.log(wavelength_m)
        wavelength = np.exp(rng.uniform(low, high, n_wave))
        direction = rng.uniform(0.0, 2 * np.pi, n_wave)
        kx, ky = np.cos(direction), np.sin(direction)
        if azimuth_rad is not None:
            along = (kx * np.cos(azimuth_rad) + ky * np.sin(azimuth_rad)) * aspect
            across = -kx * np.sin(azimuth_rad) + ky * np.cos(azimuth_rad)
            kx = along * np.cos(azimuth_rad) - across * np.sin(azimuth_rad)
            ky = along * np.sin(azimuth_rad) + across * np.cos(azimuth_rad)
        phase = rng.uniform(0.0, 2 * np.pi, n_wave)
        # Long waves carry most of the relief; the weights keep unit variance.
        weight = wavelength**0.5
        weight = weight * np.sqrt(2.0 / np.sum(weight**2))
        scale = 2 * np.pi / wavelength
        return cls(kx * scale, ky * scale, phase, weight)

    def __call__(self, y_m: Float, x_m: Float) -> Float:
        """Evaluate on the lattice of two axes: y (n_iline,), x (n_xline,) -> (n_iline, n_xline)."""
        along_y = np.multiply.outer(self.wavenumber_y, y_m) + self.phase[:, None]
        along_x = np.multiply.outer(self.wavenumber_x, x_m)
        # cos(a + b) as outer products: n_wave * (ny + nx) cosines instead of n_wave * ny * nx.
        left = np.cos(along_y) * self.amplitude[:, None]
        right = np.sin(along_y) * self.amplitude[:, None]
        return np.asarray(left.T @ np.cos(along_x) - right.T @ np.sin(along_x))

    def gradient(self, y_m: Float, x_m: Float) -> tuple[Float, Float]:
        """Return the derivatives along y and along x, per metre, each (n_iline, n_xline)."""
        along_y = np.multiply.outer(self.wavenumber_y, y_m) + self.phase[:, None]
        along_x = np.multiply.outer(self.wavenumber_x, x_m)
        amplitude_y = (self.amplitude * self.wavenumber_y)[:, None]
        amplitude_x = (self.amplitude * self.wavenumber_x)[:, None]
        sin_y, cos_y = np.sin(along_y), np.cos(along_y)
        sin_x, cos_x = np.sin(along_x), np.cos(along_x)
        # d/dk cos(a + b) = -sin(a + b) = -(sin a cos b + cos a sin b)
        d_y = -((amplitude_y * sin_y).T @ cos_x + (amplitude_y * cos_y).T @ sin_x)
        d_x = -((amplitude_x * sin_y).T @ cos_x + (amplitude_x * cos_y).T @ sin_x)
        return np.asarray(d_y), np.asarray(d_x)
