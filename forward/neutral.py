"""The style of no survey: a broad zero-phase band without noise."""

from __future__ import annotations

from functools import cache

import numpy as np

from forward.reflectivity import shipped_reflectivity
from forward.style import SurveyStyle, rounded

CORNERS_HZ = (4.0, 10.0, 45.0, 75.0)


@cache
def neutral_style() -> SurveyStyle:
    """Return a noise-free style with an Ormsby band of 4-10-45-75 Hz and a wavelet of peak one.

    Examples
    --------
    >>> neutral_style().noise_amplitude[10]
    0.0
    """
    freq_hz = np.arange(126.0)
    f1, f2, f3, f4 = CORNERS_HZ
    rise, fall = (freq_hz - f1) / (f2 - f1), (f4 - freq_hz) / (f4 - f3)
    band = np.clip(np.minimum(rise, fall), 0.0, 1.0)
    # The centre sample of a zero-phase wavelet is the two-sided integral of its spectrum.
    wavelet = band / (2.0 * np.trapezoid(band, freq_hz))
    reflectivity = shipped_reflectivity()
    signal = wavelet * np.sqrt(reflectivity.density(freq_hz))
    rms = float(np.sqrt(2.0 * np.trapezoid(signal**2, freq_hz)))
    return SurveyStyle(
        name="neutral", dt_s=0.004, freq_hz=tuple(freq_hz.tolist()),
        signal_amplitude=rounded(signal), noise_amplitude=(0.0,) * len(freq_hz),
        wavelet_amplitude=rounded(wavelet), rms=rms, snr_db=120.0,
        source="Ormsby band 4-10-45-75 Hz, no survey",
    )
