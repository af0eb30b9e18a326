"""Amplitude spectra of generated seismic against a survey, in decibels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lithogen.errors import ConfigError, ShapeError, require
from viz.selection import step_of
from viz.style import new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Float = NDArray[np.float64]
# Traces (..., twt), or a spectrum that is already measured: (freq_hz, amplitude).
Traces = xr.DataArray | xr.Dataset | NDArray[Any]
Spectrum = tuple[NDArray[Any], NDArray[Any]]

BAND_DB = 25.0
FLOOR_DB = -60.0
SIZE_IN = (8.0, 5.0)
GENERATED_COLOUR, SURVEY_COLOUR = "#c0392b", "#1f3b57"


def mean_spectrum(seismic: Traces, dt_s: float | None = None) -> tuple[Float, Float, int]:
    """Root-mean-square amplitude spectrum over all live traces.

    Parameters
    ----------
    seismic : array (..., n_twt), a DataArray with twt last, or a Dataset with "seismic".
    dt_s : sample interval in seconds; read from the twt coordinate by default.

    Returns
    -------
    freq_hz (n,), amplitude (n,) in the unit of `seismic`, and the number of traces used.
    Traces with a NaN, and traces of zeros, are left out.

    Raises
    ------
    ConfigError : dt_s is missing or not positive, or no trace is live.
    ShapeError : twt is not the last axis, or has fewer than 16 samples.

    Source: Hann-tapered periodogram, Welch (1967), one segment per trace.

    Examples
    --------
    >>> freq_hz, amplitude, count = mean_spectrum(np.eye(3, 32), dt_s=0.004)
    >>> count, float(freq_hz[-1])
    (3, 125.0)
    """
    values, dt_s = _traces(seismic, dt_s)
    n_twt = values.shape[-1]
    require(n_twt >= 16, f"traces have {n_twt} samples, wanted at least 16", ShapeError)
    is_live = np.isfinite(values).all(axis=-1) & (values != 0).any(axis=-1)
    live = values[is_live].astype(np.float64)
    require(
        len(live) > 0, "no live trace: each has a NaN or only zeros; pass traces with data"
    )
    power = np.abs(np.fft.rfft(live * np.hanning(n_twt), axis=-1)) ** 2
    amplitude = np.asarray(np.sqrt(power.mean(axis=0)), dtype=np.float64)
    freq_hz = np.asarray(np.fft.rfftfreq(n_twt, dt_s), dtype=np.float64)
    return freq_hz, amplitude, len(live)


def _traces(seismic: Traces, dt_s: float | None) -> tuple[NDArray[Any], float]:
    if isinstance(seismic, xr.Dataset):
        if "seismic" not in seismic:
            raise ConfigError(
                f"the Dataset holds {list(seismic.data_vars)}, wanted 'seismic'; pass one variable"
            )
        seismic = seismic["seismic"]
    if isinstance(seismic, xr.DataArray):
        require(
            bool(seismic.dims) and seismic.dims[-1] == "twt",
            f"axes are {seismic.dims}, wanted 'twt' last; call .transpose(..., 'twt')",
            ShapeError,
        )
        if dt_s is None and "twt" in seismic.coords:
            dt_s = step_of(np.asarray(seismic["twt"].values, dtype=np.float64))
    values = np.atleast_2d(np.asarray(seismic))
    if dt_s is None or not dt_s > 0:
        raise ConfigError(f"dt_s is {dt_s}, wanted the sample interval in seconds, e.g. 0.004")
    return values.reshape(-1, values.shape[-1]), dt_s


def plot_spectra(
    generated: Traces | Spectrum,
    survey: Traces | Spectrum | None = None,
    *,
    dt_s: float | None = None,
    survey_dt_s: float | None = None,
    distance_db: tuple[float, float] | None = None,
    survey_name: str = "survey",
    axes: Axes | None = None,
) -> Axes:
    """Draw amplitude spectra in dB; the survey's peak is 0 dB.

    With a survey, the generated curve is shifted by the median difference inside the band
    where the survey lies within 25 dB of its peak (shaded): gain is no difference.

    Parameters
    ----------
    generated, survey : traces (..., twt), or a measured spectrum (freq_hz, amplitude).
    dt_s, survey_dt_s : sample intervals in seconds; from the twt coordinates by default.
    distance_db : log-spectral distance (mean, largest) in dB to print, as measured by
        `forward.spectra.log_spectral_distance`.
    survey_name : name in the legend.
    axes : Axes to draw into; a new figure by default.

    Returns
    -------
    The Axes.

    Raises
    ------
    ConfigError : no sample interval, no live trace, or no common band.
    ShapeError : twt is not the last axis.

    Examples
    --------
    >>> axes = plot_spectra(ds, survey, survey_dt_s=0.004)  # doctest: +SKIP
    """
    freq_hz, level_db, text = _level_db(generated, dt_s)
    drawn = new_axes(axes, SIZE_IN)
    if survey is not None:
        real_hz, real_db, real_text = _level_db(survey, survey_dt_s or dt_s)
        low_hz, high_hz = _band_hz(real_hz, real_db)
        is_common = (freq_hz >= low_hz) & (freq_hz <= high_hz)
        require(
            bool(is_common.any()),
            f"the survey's band {low_hz:.1f} to {high_hz:.1f} Hz holds no frequency of the "
            "generated spectrum; generate more samples or a finer dt",
        )
        same_hz = np.interp(freq_hz[is_common], real_hz, real_db)
        level_db = level_db - np.median(level_db[is_common] - same_hz)
        drawn.axvspan(
            low_hz, high_hz, color=SURVEY_COLOUR, alpha=0.08, lw=0,
            label=f"{BAND_DB:g}-dB band, {low_hz:.0f} to {high_hz:.0f} Hz",
        )
        drawn.plot(real_hz, real_db, color=SURVEY_COLOUR, label=f"{survey_name}{real_text}")
    drawn.plot(freq_hz, level_db, color=GENERATED_COLOUR, label=f"generated{text}")
    _finish(drawn, float(freq_hz[-1]), distance_db)
    return drawn


def _finish(axes: Axes, last_hz: float, distance_db: tuple[float, float] | None) -> None:
    axes.set(
        xlabel="frequency (Hz)", ylabel="amplitude (dB)", xlim=(0.0, last_hz), ylim=(FLOOR_DB, 8.0)
    )
    axes.set_title("amplitude spectrum")
    if distance_db is not None:
        axes.set_title(
            f"log-spectral distance {distance_db[0]:.2f} dB mean, {distance_db[1]:.2f} dB largest"
        )
    axes.grid(alpha=0.3)
    axes.legend(loc="best", framealpha=0.9)


def _level_db(seismic: Traces | Spectrum, dt_s: float | None) -> tuple[Float, Float, str]:
    if isinstance(seismic, tuple):
        freq_hz, amplitude = (np.asarray(v, dtype=np.float64) for v in seismic)
        require(
            freq_hz.ndim == 1 and freq_hz.shape == amplitude.shape and len(freq_hz) > 1,
            f"spectrum has shapes {freq_hz.shape} and {amplitude.shape}, wanted freq_hz (n,) and "
            "amplitude (n,)",
            ShapeError,
        )
        require(bool((amplitude > 0).any()), "every amplitude of the spectrum is zero")
        text = ""
    else:
        freq_hz, amplitude, count = mean_spectrum(seismic, dt_s)
        text = f" ({count} traces)"
    peak = float(amplitude.max())
    return freq_hz, 20.0 * np.log10(np.maximum(amplitude / peak, 1e-9)), text


def _band_hz(freq_hz: Float, level_db: Float) -> tuple[float, float]:
    inside = freq_hz[level_db >= -BAND_DB]
    return float(inside[0]), float(inside[-1])
