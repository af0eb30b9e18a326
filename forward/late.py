"""How the wavelet of a survey changes down the record: attenuation relative to its first part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
N_WINDOWS = 8
# Frequencies this far below the peak of the record's signal say nothing of attenuation.
BAND_DB = 20.0


@dataclass(frozen=True, slots=True)
class Lateness:
    """Attenuation and level in some windows of time.

    Parameters
    ----------
    time_s : centres of the windows, increasing, seconds.
    t_star_s : of their signal over that of the least attenuated, never falling, seconds.
    gain : factor that keeps the RMS of the signal the same in all windows.
    share : weight of each window in the spectrum of the record.
    misfit_db : RMS of what attenuation and level leave of the spectra's differences.
    spread_db : RMS of these differences.
    """

    time_s: Floats
    t_star_s: Floats
    gain: Floats
    share: Floats
    misfit_db: float
    spread_db: float

    def loss(self, freq_hz: Floats) -> Floats:
        """Return the power of the record's signal over that of the first wavelet, (n_freq,)."""
        return mean_loss(freq_hz, self.t_star_s, self.gain, self.share)


def mean_loss(freq_hz: Floats, t_star_s: Floats, gain: Floats, share: Floats) -> Floats:
    """Mean power factor of the windows, (n_freq,).

    Examples
    --------
    >>> mean_loss(np.arange(3.0), np.zeros(2), np.ones(2), np.full(2, 0.5)).tolist()
    [1.0, 1.0, 1.0]
    """
    factor = np.square(gain)[:, None] * np.exp(-2.0 * np.pi * t_star_s[:, None] * freq_hz)
    return np.asarray((share[:, None] * factor).sum(axis=0))


def windows(middle_s: Floats, weight: Floats, power: Floats) -> tuple[Floats, Floats, Floats]:
    """Join segments to `N_WINDOWS` windows of about as many each.

    Parameters
    ----------
    middle_s, weight : of the segments, (n_segment,). power : (n_segment, n_freq).

    Returns
    -------
    centre, share and mean power of every window, weighted: the ends of a record, noisy and of
    another spectrum, must not stand for all of the first and last window.
    """
    groups = np.array_split(np.arange(len(middle_s)), min(N_WINDOWS, len(middle_s)))
    centre = np.asarray([np.average(middle_s[g], weights=weight[g]) for g in groups])
    share = np.asarray([weight[g].sum() for g in groups]) / weight.sum()
    joined = np.stack([np.average(power[g], axis=0, weights=weight[g]) for g in groups])
    return centre, share, joined


def lateness(
    freq_hz: Floats, time_s: Floats, share: Floats, power: Floats, limit_s: float
) -> Lateness:
    """Fit attenuation to the signal spectra of windows.

    ln A = spectrum(f) + level(window) - pi f t*(window): a straight line in frequency, over the
    band of the record, weighted alike at all its frequencies; t* is made never to fall.

    Parameters
    ----------
    freq_hz : (n_freq,), Hz. time_s, share : of the windows. power : (n_window, n_freq), signal.
    limit_s : largest t*.

    Source: spectral ratios, Bath (1974), Spectral analysis in geophysics; Tonn (1991).

    Examples
    --------
    >>> f = np.arange(60.0)
    >>> late = np.exp(-2 * np.pi * f * 0.004)
    >>> found = lateness(f, np.arange(2.0), np.full(2, 0.5), np.stack([f * 0 + 1, late]), 0.03)
    >>> round(float(found.t_star_s[1]), 6)
    0.004
    """
    from scipy.optimize import isotonic_regression

    whole = (share[:, None] * power / power.sum(axis=1, keepdims=True)).sum(axis=0)
    in_band = whole > whole.max() * 10 ** (-BAND_DB / 10)
    floor = 1e-6 * power.max(axis=1, keepdims=True)
    log = 0.5 * np.log(np.maximum(power, floor)[:, in_band])
    rest = log - log.mean(axis=0)
    level = rest - rest.mean(axis=1, keepdims=True)
    axis = -np.pi * (freq_hz[in_band] - freq_hz[in_band].mean())
    slope = level @ axis / np.square(axis).sum()
    left = level - slope[:, None] * axis
    late = np.asarray(isotonic_regression(slope).x, dtype=np.float64)
    late = np.minimum(late - late.min(), limit_s)
    gain = np.ones(len(late))
    total = whole.sum()
    for _ in range(20):
        first = whole / mean_loss(freq_hz, late, gain, share)
        faded = (first * np.exp(-2.0 * np.pi * late[:, None] * freq_hz)).sum(axis=1)
        gain = np.sqrt(total / faded)
    db = 20.0 / np.log(10.0)
    return Lateness(time_s, late, gain, share, db * float(np.sqrt(np.square(left).mean())),
                    db * float(np.sqrt(np.square(level).mean())))
