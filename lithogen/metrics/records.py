"""Features of seismic records as they are used for sound, by librosa (extra `[metrics]`)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithogen.errors import ConfigError, ShapeError, require

Floats = NDArray[np.float64]
WINDOW_S, HOP_S = 0.512, 0.128
# The mel scale is made for sound. A hundredfold pitch puts 30 Hz at 3 kHz, where it bends.
PITCH = 100.0
N_MEL, N_MFCC, N_BANDS = 24, 8, 4
LOWEST_HZ = 3.0
ROLL_OFF = 0.85
UNITS = MappingProxyType({
    "centroid": "Hz", "bandwidth": "Hz", "roll_off": "Hz", "flatness": "1",
    "contrast": "dB", "mfcc": "dB",
})


def record_features(seismic: ArrayLike, dt_s: float) -> dict[str, Floats]:
    """Measure every trace's spectrum by the features that describe sound.

    Parameters
    ----------
    seismic : (..., n_twt), at least 0.512 s long, finite; dead traces are refused.
    dt_s : sample interval in seconds.

    Returns
    -------
    Per trace, means over windows of 0.512 s: centroid, bandwidth and roll_off (85 % of the energy)
    in Hz, flatness (0..1, 1 is white), each (n_trace,); contrast of peaks and valleys in octaves
    from 3 Hz, in dB, and mfcc, mel-frequency cepstral coefficients of frequencies times 100 and
    of traces of unit RMS, dB; each (n_trace, n).

    Raises
    ------
    ShapeError, ConfigError : too short, dead, not finite; or librosa is not installed.

    Source: McFee et al. (2015), librosa; Davis and Mermelstein (1980); Jiang et al. (2002).
    """
    rows, size, hop = _rows(seismic, dt_s)
    librosa = _librosa()
    rate = PITCH / dt_s
    scale = np.sqrt(np.square(rows).mean(axis=1, keepdims=True))
    taper = np.hanning(size + 1)[:-1]
    starts = range(0, rows.shape[1] - size + 1, hop)
    frames = np.stack([rows[:, first:first + size] / scale for first in starts], axis=-1)
    spectra = np.abs(np.fft.rfft(frames * taper[:, None], axis=1))
    power = np.square(spectra)
    feature = librosa.feature
    mel = np.tensordot(
        librosa.filters.mel(sr=rate, n_fft=size, n_mels=N_MEL, fmin=PITCH * LOWEST_HZ), power,
        axes=(1, 1)).swapaxes(0, 1)
    found = {
        "centroid": feature.spectral_centroid(S=spectra, sr=1.0 / dt_s, n_fft=size),
        "bandwidth": feature.spectral_bandwidth(S=spectra, sr=1.0 / dt_s, n_fft=size),
        "roll_off": feature.spectral_rolloff(
            S=power, sr=1.0 / dt_s, n_fft=size, roll_percent=ROLL_OFF),
        "flatness": feature.spectral_flatness(S=spectra),
        # The first band, below the lowest frequency, holds one or two bins.
        "contrast": feature.spectral_contrast(
            S=spectra, sr=1.0 / dt_s, n_fft=size, fmin=LOWEST_HZ, n_bands=N_BANDS)[:, 1:],
        "mfcc": feature.mfcc(S=librosa.power_to_db(mel, top_db=None), n_mfcc=N_MFCC),
    }
    means = {name: np.asarray(values, dtype=np.float64).mean(axis=-1)
             for name, values in found.items()}
    return {name: values[:, 0] if values.shape[1] == 1 else values
            for name, values in means.items()}


def compare_features(real: dict[str, Floats], generated: dict[str, Floats]) -> dict[str, float]:
    """Return how far apart the distributions of features are.

    Parameters
    ----------
    real, generated : of `record_features`.

    Returns
    -------
    Wasserstein distance of every feature over the standard deviation of the real one between
    traces (a floor of a thousandth of its mean), and the mean over coefficients where there are
    several: 0 for one and the same distribution, 1 for one that is moved by as much as traces
    differ.

    Raises
    ------
    ConfigError : other features.
    """
    from scipy.stats import wasserstein_distance

    require(set(real) == set(generated), f"features {sorted(real)} and {sorted(generated)} differ")
    out = {}
    for name, values in real.items():
        pairs = zip(values.reshape(len(values), -1).T,
                    generated[name].reshape(len(generated[name]), -1).T, strict=True)
        out[name] = float(np.mean([
            wasserstein_distance(one, two)
            / max(float(one.std()), 1e-3 * abs(float(one.mean())), 1e-12)
            for one, two in pairs]))
    return out


def _rows(seismic: ArrayLike, dt_s: float) -> tuple[Floats, int, int]:
    """Return live traces (n, n_twt), and window and hop in samples."""
    values = np.asarray(seismic, dtype=np.float64)
    require(0 < dt_s < 0.1, f"dt_s is {dt_s}, wanted seconds")
    size, hop = round(WINDOW_S / dt_s), round(HOP_S / dt_s)
    require(values.ndim >= 1 and values.size > 0 and values.shape[-1] >= size,
            f"seismic has shape {values.shape}, wanted traces of {size} samples or more "
            f"({WINDOW_S} s)", ShapeError)
    rows = values.reshape(-1, values.shape[-1])
    for problem, is_bad in (("holds a sample that is not finite", ~np.isfinite(rows).all(axis=1)),
                            ("is dead", ~(rows != 0).any(axis=1))):
        require(not bool(is_bad.any()), f"trace {int(is_bad.argmax())} of seismic {problem}; leave "
                f"out the {int(is_bad.sum())} traces that are like it")
    return rows, size, hop


def _librosa() -> Any:
    try:
        import librosa
    except ImportError as exc:
        raise ConfigError("librosa is not installed; pip install 'lithogen[metrics]'") from exc
    return librosa
