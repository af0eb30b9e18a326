"""Well tie: the constant phase of a survey's wavelet from an impedance log in two-way time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forward.attenuation import EXTRA_SAMPLES, attenuated
from forward.style import SurveyStyle
from forward.wavelets import from_amplitude
from lithogen.errors import CalibrationError, require

Floats = NDArray[np.float64]
# A tie uses samples at least this far inside the log: nearer, beds beyond its ends are felt.
MARGIN_S = 0.04
# Shortest stretch that is tied, and least correlation that is believed.
LEAST_S, LEAST_CORRELATION = 0.25, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class WellTie:
    """A log at a trace of a survey.

    Parameters
    ----------
    twt_s : two-way times of the log, s, increasing, (n,); a time-depth relation has been applied.
    impedance : acoustic impedance, any unit, > 0, (n,).
    trace : place of the trace in the survey's array without its time axis, e.g. (iline, xline).
    max_shift_s : largest misfit of the time-depth relation that is searched.

    Examples
    --------
    >>> WellTie(np.arange(3.0), np.ones(3), (0,)).max_shift_s
    0.02
    """

    twt_s: ArrayLike
    impedance: ArrayLike
    trace: tuple[int, ...]
    max_shift_s: float = 0.02


@dataclass(frozen=True, slots=True)
class TieResult:
    """What a tie found.

    Parameters
    ----------
    phase_deg : constant phase of the wavelet, -180..180, as in `forward.from_amplitude`.
    shift_s : the seismic is later than the log by this. correlation : with the modelled trace.
    length_s : of the stretch that was compared.
    """

    phase_deg: float
    shift_s: float
    correlation: float
    length_s: float


def log_reflectivity(well: WellTie, twt_s: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Reflectivity of a log at the samples of a record, and where the log fills them.

    The logarithm of impedance is averaged over each sample's interval (exactly, for a log that is
    straight between its points); the coefficient between samples k and k + 1 sits at k.

    Raises
    ------
    CalibrationError : the log is not increasing in time, not positive or not finite.

    Examples
    --------
    >>> log = WellTie([0.0, 0.0079, 0.0081, 0.02], [2.0, 2.0, 3.0, 3.0], (0,))
    >>> coefficients, inside = log_reflectivity(log, np.arange(5) * 0.004)
    >>> int(coefficients.argmax()), inside.tolist()
    (1, [False, True, True, True, False])
    """
    time = np.asarray(well.twt_s, dtype=np.float64)
    value = np.asarray(well.impedance, dtype=np.float64)
    require(time.ndim == 1 and time.shape == value.shape and time.size >= 2,
            f"twt_s of the well has shape {time.shape} and impedance {value.shape}, wanted one "
            "equal axis of 2 samples or more", CalibrationError)
    for name, bad in (("twt_s", ~np.isfinite(time)), ("impedance", ~(value > 0)),
                      ("impedance", ~np.isfinite(value)), ("twt_s", np.diff(time) <= 0)):
        where = np.flatnonzero(bad)
        require(where.size == 0, f"{name} of the well is not finite, positive and increasing at "
                f"index {where[:1].tolist()}; cut or correct the log", CalibrationError)
    log = np.log(value)
    area = np.concatenate(([0.0], np.cumsum(0.5 * (log[1:] + log[:-1]) * np.diff(time))))
    step = twt_s[1] - twt_s[0]
    edges = np.concatenate((twt_s - 0.5 * step, [twt_s[-1] + 0.5 * step]))
    held = np.clip(edges, time[0], time[-1])
    # The integral is a parabola between the points of the log.
    place = np.clip(np.searchsorted(time, held, side="right") - 1, 0, len(time) - 2)
    slope = (log[place + 1] - log[place]) / (time[place + 1] - time[place])
    rest = held - time[place]
    whole = area[place] + log[place] * rest + 0.5 * slope * rest**2
    mean = np.diff(whole) / step
    filled = (edges[:-1] >= time[0]) & (edges[1:] <= time[-1])
    inside = filled & np.append(filled[1:], False)
    coefficients = np.where(inside, 0.5 * np.diff(mean, append=mean[-1]), 0.0)
    return coefficients, inside


def tie(well: WellTie, trace: Floats, style: SurveyStyle, first_s: float) -> TieResult:
    """Find phase and shift of a trace against a log, with a survey's amplitude spectrum.

    Parameters
    ----------
    well : the log. trace : (n_twt,) at the sample interval of the style. style : calibrated.
    first_s : two-way time of the first sample of the trace.

    Returns
    -------
    The phase whose wavelet gives the trace of largest correlation at the best shift: the trace is
    fitted by the log's reflectivity convolved with the zero-phase and the 90-degree wavelet.

    Raises
    ------
    CalibrationError : the log is bad, overlaps the trace too little, or does not resemble it.

    Source: White and Simm (2003), Tutorial: good practice in well ties, First Break 21.
    """
    from scipy.ndimage import binary_erosion

    dt_s = style.dt_s
    twt_s: Floats = np.asarray(first_s + dt_s * np.arange(len(trace)), dtype=np.float64)
    coefficients, inside = log_reflectivity(well, twt_s)
    reach = round(well.max_shift_s / dt_s)
    margin = round(MARGIN_S / dt_s) + reach
    used = binary_erosion(inside, iterations=margin, border_value=0)
    length = float(used.sum() * dt_s)
    require(length >= LEAST_S, f"the log fills {length:.2f} s of the trace well inside its ends, "
            f"wanted {LEAST_S} s or more", CalibrationError)
    middle = float(twt_s[used].mean())
    pair = [_modelled(coefficients, style, phase, middle) for phase in (0.0, 90.0)]
    data = trace[used] - trace[used].mean()
    found = []
    for lag in range(-reach, reach + 1):
        design = np.stack([np.roll(values, lag)[used] for values in pair], axis=1)
        weights = np.linalg.lstsq(design, data, rcond=None)[0]
        fitted = design @ weights
        likeness = float(fitted @ data / np.sqrt((fitted @ fitted) * (data @ data) + 1e-300))
        found.append((likeness, lag, weights))
    likeness, lag, weights = max(found, key=lambda entry: entry[0])
    require(likeness >= LEAST_CORRELATION,
            f"the log resembles the trace with a correlation of {likeness:.2f} at best, wanted "
            f"{LEAST_CORRELATION} or more: check its times and the place of the trace",
            CalibrationError)
    phase = math.degrees(math.atan2(weights[1], weights[0]))
    return TieResult(phase, lag * dt_s, likeness, length)


def _modelled(coefficients: Floats, style: SurveyStyle, phase_deg: float, twt_s: float) -> Floats:
    """Convolve with the style's wavelet of that phase, as attenuated as it is at a time."""
    n = 2 * style.half_length(style.dt_s) + 1
    taps = from_amplitude(style.freq_hz, style.wavelet_amplitude, style.dt_s, n,
                          phase_deg=phase_deg)
    late = float(style.t_star([twt_s])[0]) / style.dt_s
    wide = attenuated(taps, [late])[0] if late > 0 else np.pad(taps, EXTRA_SAMPLES)
    half = len(wide) // 2
    return np.convolve(coefficients, wide)[half : half + len(coefficients)]
