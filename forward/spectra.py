"""Amplitude spectra and the distance between two of them, in dB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forward.checks import check_dt
from lithogen.errors import ShapeError, require

Floats = NDArray[np.float64]
_CHUNK = 4096


def _rows(traces: NDArray[np.floating], name: str) -> NDArray[np.floating]:
    require(
        traces.ndim >= 1 and traces.shape[-1] >= 8 and traces.size > 0,
        f"{name} has shape {traces.shape}, wanted (..., n_twt) with n_twt >= 8",
        ShapeError,
    )
    rows = traces.reshape(-1, traces.shape[-1])
    require(
        bool(np.isfinite(rows).all()),
        f"{name} has non-finite samples; leave out the traces that hold them",
    )
    return rows


def amplitude_spectrum(
    traces: NDArray[np.floating], dt_s: float, n_fft: int = 1024
) -> tuple[Floats, Floats]:
    """Mean amplitude spectrum of Hann-tapered traces.

    Parameters
    ----------
    traces : (..., n_twt), any unit, finite; the mean of each trace is removed.
    dt_s : sample interval in seconds.
    n_fft : zero-padded length, at least n_twt is used.

    Returns
    -------
    Frequencies in Hz and the mean modulus of the discrete transform, both (n_freq,).

    Raises
    ------
    ShapeError : fewer than 8 samples. ConfigError : non-finite samples.

    Source: the package's definition of a survey's amplitude spectrum (docs/stage2.md).

    Examples
    --------
    >>> import numpy as np
    >>> f, a = amplitude_spectrum(np.sin(2 * np.pi * 25 * 0.004 * np.arange(256)), 0.004)
    >>> round(float(f[a.argmax()]))
    25
    """
    rows = _rows(traces, "traces")
    taper = np.hanning(rows.shape[1])
    length = max(int(n_fft), rows.shape[1])
    total = np.zeros(length // 2 + 1)
    for first in range(0, len(rows), _CHUNK):
        part = rows[first : first + _CHUNK].astype(np.float64)
        part -= part.mean(axis=1, keepdims=True)
        total += np.abs(np.fft.rfft(part * taper, length, axis=1)).sum(axis=0)
    freq: Floats = np.asarray(np.fft.rfftfreq(length, check_dt(dt_s)), dtype=np.float64)
    return freq, total / len(rows)


def spectrum_db(freq_hz: Floats, amplitude: Floats, smooth_hz: float = 3.0) -> Floats:
    """Amplitude in dB after Gaussian smoothing of standard deviation `smooth_hz` (Hz).

    Examples
    --------
    >>> import numpy as np
    >>> f = np.arange(10.0)
    >>> bool(np.allclose(spectrum_db(f, np.full(10, 10.0)), 20))
    True
    """
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(amplitude, smooth_hz / (freq_hz[1] - freq_hz[0]))
    return np.asarray(20.0 * np.log10(smooth + 1e-30))


def log_spectral_distance(
    survey: NDArray[np.floating],
    generated: NDArray[np.floating],
    dt_s: float,
    *,
    generated_dt_s: float | None = None,
    floor_db: float = 25.0,
    smooth_hz: float = 3.0,
) -> tuple[float, float]:
    """Distance between two amplitude spectra inside the survey's band, free of gain.

    Parameters
    ----------
    survey : (..., n_twt), the real one; its `floor_db` band is where spectra are compared.
    generated : (..., n_twt), any number of traces and samples, any unit.
    dt_s : sample interval of `survey` in seconds.
    generated_dt_s : that of `generated`, if it is another.
    floor_db : depth of the band below the survey's peak, dB.
    smooth_hz : standard deviation of the Gaussian smoothing of both spectra, Hz.

    Returns
    -------
    Mean and maximum of |difference| in dB after removal of the median difference.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(1).standard_normal((8, 128))
    >>> log_spectral_distance(noise, 5 * noise, 0.004)[0] < 1e-6
    True
    """
    freq, wanted = amplitude_spectrum(survey, dt_s)
    other_freq, other = amplitude_spectrum(generated, generated_dt_s or dt_s)
    got = np.interp(freq, other_freq, other)
    wanted_db = spectrum_db(freq, wanted, smooth_hz)
    band = wanted_db > wanted_db.max() - floor_db
    difference = (wanted_db - spectrum_db(freq, got, smooth_hz))[band]
    difference = np.abs(difference - np.median(difference))
    return float(difference.mean()), float(difference.max())
