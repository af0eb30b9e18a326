"""Lateral resolution of a survey: the shortest lateral wave that stands out of its noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forward.records import WINDOW_S

Floats = NDArray[np.float64]
# Traces of one spectrum: fewer tell too little, more would need longer lines.
MIN_TRACES, MAX_TRACES = 32, 64
STEEPEST = 0.375


def lateral_spectrum(
    lines: list[Floats], dt_s: float, band_hz: tuple[float, float]
) -> tuple[Floats, Floats] | None:
    """Return wavenumbers and the power of records over them, in a band of frequencies.

    Parameters
    ----------
    lines : runs of adjacent traces, (n_trace, n_twt) each. dt_s : sample interval in seconds.
    band_hz : lowest and highest frequency, Hz.

    Returns
    -------
    Wavenumbers 0 to 0.5 cycles per trace and power (mean of both signs, any unit), of windows of 32
    to 64 traces and 0.512 s under Hann tapers, half overlapping. None without so long a line.
    """
    n_trace = min(MAX_TRACES, max(len(line) for line in lines))
    if n_trace < MIN_TRACES:
        return None
    n_twt = round(WINDOW_S / dt_s)
    freq = np.fft.rfftfreq(n_twt, dt_s)
    is_band = (freq >= band_hz[0]) & (freq <= band_hz[1])
    taper = np.hanning(n_trace)[:, None] * np.hanning(n_twt)
    power = np.zeros(n_trace)
    for line in lines:
        for i in range(0, len(line) - n_trace + 1, n_trace // 2):
            for k in range(0, line.shape[1] - n_twt + 1, n_twt // 2):
                part = line[i : i + n_trace, k : k + n_twt]
                found = np.fft.fft(np.fft.rfft((part - part.mean()) * taper, axis=1)[:, is_band],
                                   axis=0)
                power += np.square(np.abs(found)).sum(axis=1)
    half = n_trace // 2
    folded = power[: half + 1].copy()
    folded[1:] += power[:0:-1][: len(folded) - 1]
    folded[1:] *= 0.5
    return np.arange(half + 1) / n_trace, folded


def lateral_resolution(
    lines: list[Floats], dt_s: float, freq_hz: Floats, signal_power: Floats, noise_power: Floats,
    noise_kernel: Floats,
) -> float | None:
    """Return half of the shortest lateral wavelength at which signal is as strong as noise.

    Parameters
    ----------
    lines, dt_s : as in `lateral_spectrum`.
    freq_hz, signal_power, noise_power : densities of signal and noise, (n_freq,).
    noise_kernel : weights of the noise over neighbouring traces, unit energy.

    Returns
    -------
    Number of traces, 1 (as fine as traces can tell) and more; None where lines are too short or
    noise covers the signal. Frequencies at which signal is stronger than noise are looked at. It is
    what a migration left and what the geology has: an earth of flat layers has no short waves.

    Source: the wavenumber spectrum of a migrated image ends where its aperture ends, Chen and
    Schuster (1999), Resolution limits of migrated images.
    """
    clear = freq_hz[signal_power > noise_power]
    found = lateral_spectrum(lines, dt_s, (clear[0], clear[-1])) if len(clear) else None
    if found is None:
        return None
    wavenumber, power = found
    is_band = (freq_hz >= clear[0]) & (freq_hz <= clear[-1])
    share = noise_power[is_band].sum() / (signal_power + noise_power)[is_band].sum()
    offsets = np.arange(len(noise_kernel)) - len(noise_kernel) // 2
    response = np.square(np.abs(
        np.exp(-2j * np.pi * wavenumber[:, None] * offsets) @ noise_kernel))
    # Both signs of a wavenumber but of the first and the last count.
    weight = np.where((wavenumber == 0.0) | (wavenumber == 0.5), 1.0, 2.0)
    # What neighbours do not share may be steep dips: there is no more noise than the shortest
    # waves have.
    steepest = wavenumber > STEEPEST
    level = min(share * (weight * power).sum() / (weight * response).sum(),
                power[steepest].sum() / response[steepest].sum())
    noise = level * response
    is_signal = power >= 2.0 * noise
    if not is_signal[1:].any():
        return None
    # The first wavenumber where noise is stronger, not a lucky one beyond it.
    first = int(np.argmin(is_signal[1:])) if not is_signal[1:].all() else len(wavenumber) - 1
    return float(0.5 / wavenumber[first]) if first else None
