"""Spectrum of the reflectivity of lithogen's own worlds: what a wavelet is estimated against."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forward.checks import check_dt
from lithogen.config import from_mapping, write_json
from lithogen.errors import ConfigError, ShapeError, require

Floats = NDArray[np.float64]
SHIPPED = Path(__file__).parent / "reflectivity.json"
GRID_HZ = 1.0
_WINDOW_S = 0.512


@dataclass(frozen=True, slots=True)
class Reflectivity:
    """Power spectrum of normal-incidence reflection coefficients.

    Parameters
    ----------
    freq_hz : uniform grid from 0 to Nyquist of `dt_s`.
    psd : power spectral density over that of white coefficients of the same variance; mean 1.
    rc_std : standard deviation of the coefficients at `dt_s`.
    dt_s : sample interval in seconds. source : how it was measured. version : of the file.

    Raises
    ------
    ConfigError : lengths differ, or a value is not positive and finite.

    Examples
    --------
    >>> Reflectivity((0.0, 125.0), (1.0, 1.0), 0.04, 0.004, "white").rc_std
    0.04
    """

    freq_hz: tuple[float, ...]
    psd: tuple[float, ...]
    rc_std: float
    dt_s: float
    source: str
    version: int = 1

    def __post_init__(self) -> None:
        require(self.version == 1, f"reflectivity version is {self.version}, this package reads 1")
        require(
            len(self.freq_hz) == len(self.psd) >= 2,
            f"freq_hz has {len(self.freq_hz)} values and psd {len(self.psd)}, wanted as many",
        )
        values = np.asarray([*self.psd, self.rc_std, self.dt_s], dtype=np.float64)
        require(
            bool(np.isfinite(values).all() and (values > 0).all()),
            "psd, rc_std and dt_s must be positive and finite",
        )

    def density(self, freq_hz: ArrayLike) -> Floats:
        """Power per hertz and second (unit 1/s) at frequencies; flat beyond the grid.

        White coefficients of standard deviation s every dt have density s^2 / dt; with this
        unit the density of an interface series does not depend on the sampling of the world.
        """
        shape = np.interp(np.asarray(freq_hz, dtype=np.float64), self.freq_hz, self.psd)
        return np.asarray(shape * self.rc_std**2 / self.dt_s)

    def save(self, path: Path | str) -> None:
        """Write strict JSON atomically."""
        write_json(path, asdict(self))


def reflectivity_psd(
    vp: ArrayLike, rho: ArrayLike, dt_s: float, *, source: str = "lithogen worlds"
) -> Reflectivity:
    """Measure the reflectivity spectrum of worlds.

    Parameters
    ----------
    vp, rho : (..., twt), m/s and kg/m3; several worlds may be stacked on the leading axes.
    dt_s : sample interval in seconds.
    source : text kept in the result.

    Returns
    -------
    Reflectivity on a 1 Hz grid: Welch (512 ms Hann windows, half overlap), Gaussian-smoothed
    by 2 Hz in log power.

    Raises
    ------
    ShapeError : fewer samples than one window, or shapes differ. ConfigError : no contrast.

    Source: Welch (1967). Coefficient (I2 - I1) / (I2 + I1) of impedance I = vp * rho.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> out = reflectivity_psd(np.exp(8 + 0.1 * rng.standard_normal((50, 256))), np.ones((50, 256)),
    ...                        0.004)
    >>> 0.06 < out.rc_std < 0.08
    True
    """
    speed, density = np.asarray(vp, dtype=np.float64), np.asarray(rho, dtype=np.float64)
    size = round(_WINDOW_S / check_dt(dt_s))
    require(
        speed.shape == density.shape and speed.ndim >= 1 and speed.shape[-1] > size,
        f"vp has shape {speed.shape} and rho {density.shape}, wanted equal shapes with more than "
        f"{size} samples in twt",
        ShapeError,
    )
    impedance = (speed * density).reshape(-1, speed.shape[-1])
    rc = np.diff(impedance, axis=1) / (impedance[:, 1:] + impedance[:, :-1])
    std = float(rc.std())
    require(np.isfinite(std) and std > 0, f"reflection coefficients have standard deviation {std}")
    taper = np.hanning(size)
    total, count = np.zeros(size // 2 + 1), 0
    for first in range(0, rc.shape[1] - size + 1, size // 2):
        power = np.square(np.abs(np.fft.rfft(rc[:, first : first + size] * taper, axis=1)))
        total, count = total + power.sum(axis=0), count + len(rc)
    density_rc = total / count / np.square(taper).sum() / std**2
    grid = np.arange(0.0, 0.5 / dt_s + 1e-9, GRID_HZ)
    return _pack(grid, np.interp(grid, np.fft.rfftfreq(size, dt_s), density_rc), std, dt_s, source)


def well_like_reflectivity(
    *, slope: float = 1.6, rc_std: float = 0.039, corner_hz: float = 4.0, dt_s: float = 0.004
) -> Reflectivity:
    """Reflectivity of log impedance with the power-law spectrum of wells.

    Parameters
    ----------
    slope : log impedance has power (f^2 + corner^2)^(-slope / 2).
    rc_std : standard deviation of the coefficients.
    corner_hz : below it the power levels off. dt_s : sample interval in seconds.

    Source: coefficients are half the difference of log impedance, whose power is multiplied by
    sin^2(pi f dt); slope and standard deviation are medians of 15 wells blocked to 4 ms.

    Examples
    --------
    >>> well_like_reflectivity().rc_std
    0.039
    """
    grid = np.arange(0.0, 0.5 / check_dt(dt_s) + 1e-9, GRID_HZ)
    power = (grid**2 + corner_hz**2) ** (-0.5 * slope) * np.sin(np.pi * grid * dt_s) ** 2
    source = f"well-like model: log-impedance slope {slope:g}, corner {corner_hz:g} Hz"
    return _pack(grid, power, rc_std, dt_s, source)


def _pack(grid: Floats, power: Floats, std: float, dt_s: float, source: str) -> Reflectivity:
    from scipy.ndimage import gaussian_filter1d

    # A floor 40 dB down: no wavelet may be asked to lift what the earth hardly reflects.
    floored = np.maximum(power, 1e-4 * power.max())
    smooth = np.exp(gaussian_filter1d(np.log(floored), 2.0 / GRID_HZ, mode="nearest"))
    values = smooth / smooth.mean()
    return Reflectivity(
        tuple(float(f) for f in grid),
        tuple(float(f"{v:.6g}") for v in values),
        float(f"{std:.6g}"),
        float(dt_s),
        source,
    )


def load_reflectivity(path: Path | str) -> Reflectivity:
    """Read a file that `Reflectivity.save` wrote.

    Raises
    ------
    ConfigError : missing, not JSON, or with unknown entries.
    """
    try:
        return from_mapping(Reflectivity, json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError) as exc:
        if isinstance(exc, (ConfigError, ShapeError)):
            raise
        raise ConfigError(f"cannot read reflectivity {path}: {exc}") from exc


@cache
def shipped_reflectivity() -> Reflectivity:
    """Return the reflectivity spectrum that comes with the package."""
    return load_reflectivity(SHIPPED)


def measure_worlds(
    worlds: Sequence[tuple[ArrayLike, ArrayLike]], dt_s: float, *, source: str = ""
) -> Reflectivity:
    """Measure several (vp, rho) volumes of one shape together (see `reflectivity_psd`).

    Raises
    ------
    ShapeError : no volumes, or unequal shapes. ConfigError : no contrast, or not finite.
    """
    shapes = {np.shape(value) for world in worlds for value in world}
    require(len(shapes) == 1, f"worlds have shapes {sorted(shapes)}, wanted one shape", ShapeError)
    speeds, densities = zip(*worlds, strict=True)
    text = source or f"{len(worlds)} lithogen worlds"
    return reflectivity_psd(np.stack(speeds), np.stack(densities), dt_s, source=text)
