"""Lateral resolution of a migrated image: which dips the aperture lets it hold, and the oracle.

A migrated image holds a dip only if the ray that leaves its reflector at right angles reaches the
surface within the aperture. In wavenumbers: a component of frequency f has at most |k| = 2 f p, p
being the ray parameter at the edge of the aperture. Frequencies are counted in cycles per sample
and wavenumbers in cycles per trace, so that one number says it all, the spread

    u = dt / (2 dx p): |k| <= f / u.

It is the shortest lateral wavelength in traces over the period in samples; the migrated Fresnel
zone has half of that as its radius at half amplitude, more or less.

Source: Berryhill (1977), Diffraction response for nonzero separation of source and receiver;
Lindsey (1989), The Fresnel zone and its interpretive significance; Beylkin (1985), Imaging of
discontinuities in the inverse scattering problem; Yilmaz (2001), Seismic data analysis, 4.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from forward.checks import check_dt
from lithogen.errors import ShapeError, require

Floats = NDArray[np.float64]
# Largest spread: at 4 ms, 25 m and 3500 m/s the one of an aperture of 1 km at 4 s.
MAX_SPREAD = 2.0
# Steepest dip that is migrated, degrees.
MAX_DIP_DEG = 60.0
# Share of the half-amplitude wavenumber where the taper of the aperture begins and where it ends.
TAPER = (0.46, 1.54)
# Spreads of the oracle's bank lie this far apart; between them images are interpolated.
LEVEL = 0.05


def lateral_spread(
    *,
    twt_s: ArrayLike,
    velocity_m_s: ArrayLike,
    aperture_m: float,
    bin_m: float,
    dt_s: float,
    max_dip_deg: float = MAX_DIP_DEG,
) -> Floats:
    """Spread of a migrated image at two-way times.

    Parameters
    ----------
    twt_s : two-way times, s, >= 0, (n_twt,). velocity_m_s : RMS velocity down to them, one number
        or (n_twt,). aperture_m : radius of the migration aperture at half amplitude, m.
    bin_m : distance of traces, the same along both lateral axes, m. dt_s : sample interval, s.
    max_dip_deg : steepest dip that is migrated, 1..90 degrees.

    Returns
    -------
    (n_twt,) traces per sample: dt / (2 dx p), p = x / (v^2 sqrt(t^2 / 4 + x^2 / v^2)) the slope
    of the diffraction hyperbola at the edge of the aperture, at most sin(dip) / v.

    Raises
    ------
    ShapeError, ConfigError : bad input, or a spread above `MAX_SPREAD`.

    Examples
    --------
    >>> spread = lateral_spread(twt_s=[1.0, 2.0], velocity_m_s=2500.0, aperture_m=1500.0,
    ...                         bin_m=25.0, dt_s=0.004)
    >>> [round(float(u), 2) for u in spread]
    [0.26, 0.39]
    """
    dt = check_dt(dt_s)
    for name, value, highest in (
        ("aperture_m", aperture_m, 1e5), ("bin_m", bin_m, 1e3), ("max_dip_deg", max_dip_deg, 90.0)
    ):
        require(math.isfinite(value) and 1.0 <= value <= highest,
                f"{name} is {value}, wanted 1 to {highest:g}")
    time = np.atleast_1d(np.asarray(twt_s, dtype=np.float64))
    velocity = np.asarray(velocity_m_s, dtype=np.float64)
    require(time.ndim == 1 and velocity.shape in ((), time.shape),
            f"velocity_m_s has shape {velocity.shape}, wanted one number or {time.shape}",
            ShapeError)
    for name, values, least in (("twt_s", time, 0.0), ("velocity_m_s", velocity, 100.0)):
        bad = np.flatnonzero(~(np.isfinite(values) & (values >= least)))
        require(bad.size == 0,
                f"{name} is {values.reshape(-1)[bad[:1]]} at index {bad[:1].tolist()}, wanted "
                f"{least:g} or more")
    hyperbola = aperture_m / (velocity**2 * np.sqrt(time**2 / 4 + (aperture_m / velocity) ** 2))
    steepest = math.sin(math.radians(max_dip_deg)) / velocity
    spread = dt / (2.0 * bin_m * np.minimum(hyperbola, steepest))
    return check_spread(spread, len(time))


def check_spread(spread: ArrayLike, n_twt: int) -> Floats:
    """Return a spread as (n_twt,) float64.

    Raises
    ------
    ShapeError : it is neither one number nor (n_twt,).
    ConfigError : not finite, negative or above `MAX_SPREAD`.

    Examples
    --------
    >>> check_spread(0.5, 2).tolist()
    [0.5, 0.5]
    """
    given = np.asarray(spread, dtype=np.float64)
    require(given.shape in ((), (n_twt,)),
            f"spread has shape {given.shape}, wanted one number or ({n_twt},)", ShapeError)
    values = np.array(np.broadcast_to(given, (n_twt,)))
    bad = np.flatnonzero(~((values >= 0) & (values <= MAX_SPREAD)))
    require(bad.size == 0,
            f"spread is {values[bad[:1]]} at sample {bad[:1].tolist()}, wanted 0 to {MAX_SPREAD:g}"
            " traces per sample; widen the aperture or model fewer samples")
    return values


def angle_spread(spread: Tensor, angles_deg: Sequence[float]) -> Tensor:
    """Return the spread (n_twt,) of angle stacks, (angle, n_twt).

    A reflection at incidence angle a resolves as one of frequency f cos(a) does.

    Raises
    ------
    ConfigError : the spread of an angle is above `MAX_SPREAD`.

    Examples
    --------
    >>> angle_spread(torch.ones(1), (0.0, 40.0))[:, 0].numpy().round(2).tolist()
    [1.0, 1.309999942779541]
    """
    cosine = [math.cos(math.radians(angle)) for angle in angles_deg]
    largest = float(spread.detach().max()) / min(cosine)
    require(largest <= MAX_SPREAD,
            f"spread is {largest:.3g} traces per sample at {max(angles_deg):g} degrees, wanted at "
            f"most {MAX_SPREAD:g}; widen the aperture or leave out the angle")
    return torch.stack([spread / value for value in cosine])


def illumination(share: ArrayLike) -> Floats:
    """Weight of a component whose wavenumber is this share of the half-amplitude one.

    Examples
    --------
    >>> illumination([0.0, 1.0, 2.0]).round(3).tolist()
    [1.0, 0.5, 0.0]
    """
    start, stop = TAPER
    place = np.clip((np.asarray(share, dtype=np.float64) - start) / (stop - start), 0.0, 1.0)
    return np.asarray(np.cos(0.5 * np.pi * place) ** 2)


def migrated(
    reflectivity: ArrayLike, wavelet: ArrayLike, spread: ArrayLike, sine: float = 0.5
) -> Floats:
    """Migrated image of a reflectivity: the oracle of layer C.

    Every component (k, w) of the image, w being its vertical frequency, was recorded at the
    frequency f = sqrt(w^2 + (u k s)^2), s being the sine of the half-amplitude dip: it has the
    wavelet's amplitude at f, and the weight of its dip. Traces at the edges go on beyond them.

    Parameters
    ----------
    reflectivity : (iline, xline, twt). wavelet : (n,), n odd, the centre is time zero.
    spread : one number or (n_twt,), see `lateral_spread`. sine : of the half-amplitude dip.

    Returns
    -------
    (iline, xline, twt) float64; with a spread of 0 the convolutional model.

    Examples
    --------
    >>> spike = np.zeros((9, 9, 16)); spike[4, 4, 8] = 1.0
    >>> image = migrated(spike, [0.0, 1.0, 0.0], 1.0)
    >>> bool(image[4, 4, 8] > image[4, 5, 8] > 0)
    True
    """
    rc = np.asarray(reflectivity, dtype=np.float64)
    taps = np.asarray(wavelet, dtype=np.float64)
    values = check_spread(spread, rc.shape[-1])
    reach = [0 if n == 1 else 24 for n in rc.shape[:2]]
    padded = np.pad(rc, [(r, r) for r in reach] + [(0, 0)], mode="edge")
    n_time = 2 * (rc.shape[-1] + len(taps))
    size = [n + 2 * r for n, r in zip(padded.shape[:2], reach, strict=True)]
    found = np.fft.fft2(np.fft.rfft(padded, n_time, axis=2), s=size, axes=(0, 1))
    number = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) for n in size), indexing="ij"))[..., None]
    vertical = np.fft.rfftfreq(n_time)
    inner = tuple(slice(r, r + n) for r, n in zip(reach, rc.shape[:2], strict=True))
    out = np.zeros(rc.shape)
    for level, weight in _levels(values):
        frequency = np.hypot(vertical, level * sine * number)
        share = level * number / np.maximum(frequency, 1e-12)
        response = wavelet_spectrum(taps, frequency) * illumination(share)
        image = np.fft.irfft(np.fft.ifft2(found * response, axes=(0, 1)), n_time, axis=2)
        out += weight * image[(*inner, slice(0, rc.shape[-1]))]
    return out


def wavelet_spectrum(wavelet: Floats, cycles: Floats) -> NDArray[np.complex128]:
    """Spectrum of a wavelet (n,), centre at time zero, at any frequencies; 0 beyond Nyquist.

    Examples
    --------
    >>> wavelet_spectrum(np.eye(1, 3, 1)[0], np.asarray([0.1, 0.7])).real.round(9).tolist()
    [1.0, 0.0]
    """
    n = 16 * len(wavelet)
    around = np.roll(np.pad(wavelet, (0, n - len(wavelet))), -(len(wavelet) // 2))
    table, grid = np.fft.rfft(around), np.fft.rfftfreq(n)
    real = np.interp(cycles, grid, table.real, right=0.0)
    return np.asarray(real + 1j * np.interp(cycles, grid, table.imag, right=0.0))


def _levels(values: Floats) -> list[tuple[float, Floats]]:
    """Return spreads of a bank and, for each, its weight at every sample (linear interpolation)."""
    place = values / LEVEL
    below = np.floor(place)
    out = []
    for step in sorted({*below.tolist(), *np.ceil(place).tolist()}):
        weight = np.maximum(1.0 - np.abs(place - step), 0.0)
        if weight.any():
            out.append((step * LEVEL, weight))
    return out
