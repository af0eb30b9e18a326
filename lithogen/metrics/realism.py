"""Realism: the statistics by which worlds are judged against real wells and real sections.

The same functions measure a well, a real section and a generated one. Time comes last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import ShapeError, require
from lithogen.metrics.continuity import detrend

Float = NDArray[np.float64]
Values = NDArray[np.floating]
Codes = NDArray[np.integer]

EARTH_STATISTICS = (
    "psd_slope", "std", "acf_1e_samples", "rc_std", "rc_kurtosis", "skew", "kurtosis",
)  # fmt: skip
SECTION_STATISTICS = (
    "agc_kurtosis", "skew", "lateral_half_traces", "vertical_half_samples", "coherence",
    "snr_db", "band20_low_hz", "band20_high_hz",
)  # fmt: skip
# Quantile levels of every distribution that is reported.
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)

SLOPE_BAND_HZ = (8.0, 100.0)
AGC_S = 0.5
MAX_TRACE_LAG = 120
MAX_TIME_LAG = 100
BAND_DB = 20.0
N_FFT = 1024
# The mean of two neighbours of white noise has half its variance: 1 + 1/2 of it is left over.
NEIGHBOUR_NOISE = 1.5
SILENT = float(np.finfo(np.float64).tiny)


def impedance_statistics(
    log_impedance: Values, dt_s: float = 0.004, detrend_s: float = 0.2
) -> dict[str, float]:
    """Return what the earth model of one well or one world looks like along time.

    Parameters
    ----------
    log_impedance : ln of impedance, (..., n_twt), at least 16 samples; all traces are pooled.
    dt_s : sample interval in seconds.
    detrend_s : length of the running mean that is taken off first, in seconds.

    Returns
    -------
    psd_slope : minus the slope of ln power over ln frequency, 8 to 100 Hz.
    std, skew, kurtosis : of the detrended ln impedance (kurtosis: excess over a Gaussian's).
    acf_1e_samples : first lag with autocorrelation below 1/e; NaN where there is none.
    rc_std, rc_kurtosis : of half differences of ln impedance (reflection coefficients).

    Raises
    ------
    ShapeError : fewer than 16 samples. ConfigError : a value is not finite.

    Examples
    --------
    >>> wave = np.sin(np.arange(256.0) / 3)
    >>> round(impedance_statistics(wave)["std"], 1)
    0.7
    """
    from scipy.stats import kurtosis, skew

    traces = _traces(log_impedance, "log_impedance")
    n_twt = traces.shape[1]
    length = min(round(detrend_s / dt_s) | 1, n_twt // 2 * 2 - 1)
    rest = detrend(traces, length)
    coefficient = 0.5 * np.diff(traces, axis=1)
    acf = _autocorrelation(rest - rest.mean(axis=1, keepdims=True))
    return {
        "psd_slope": _power_slope(rest, dt_s),
        "std": float(rest.std()),
        "acf_1e_samples": _first(acf < 1.0 / np.e),
        "rc_std": float(coefficient.std()),
        "rc_kurtosis": float(kurtosis(coefficient.ravel())),
        "skew": float(skew(rest.ravel())),
        "kurtosis": float(kurtosis(rest.ravel())),
    }


def section_statistics(section: Values, dt_s: float = 0.004) -> dict[str, float]:
    """Return what a seismic section looks like, whatever its gain.

    Parameters
    ----------
    section : amplitudes (n_trace, n_twt); traces of zeros alone are left out.
    dt_s : sample interval in seconds.

    Returns
    -------
    agc_kurtosis : excess kurtosis after division by the running rms over 500 ms.
    skew : of the amplitudes as they are.
    lateral_half_traces : distance at which traces correlate by one half; NaN beyond 120 traces.
    vertical_half_samples : lag at which the autocorrelation along time is one half.
    coherence : median over windows of 64 samples of the best correlation of neighbour traces
        within 3 samples. snr_db : power of the traces over that of the noise which they do not
        share with the mean of their neighbours; infinite where all traces are equal.
    band20_low_hz, band20_high_hz : ends of the amplitude spectrum 20 dB below its peak.

    Raises
    ------
    ShapeError : fewer than 4 live traces, or fewer than 66 samples.
    ConfigError : a value is not finite.
    """
    from scipy.stats import kurtosis, skew

    require(section.ndim == 2,
            f"section has {section.ndim} axes, wanted 2 (trace, twt)", ShapeError)
    traces = _traces(section, "section")
    traces = traces[np.abs(traces).max(axis=1) > 0]
    require(traces.shape[0] >= 4 and traces.shape[1] > 65,
            f"section has {traces.shape[0]} live traces of {traces.shape[1]} samples, wanted at "
            "least 4 of 66", ShapeError)
    centred = traces - traces.mean(axis=1, keepdims=True)
    misfit = traces[1:-1] - 0.5 * (traces[:-2] + traces[2:])
    low_hz, high_hz = amplitude_band_hz(traces, dt_s)
    return {
        "agc_kurtosis": float(kurtosis(_gain_control(traces, dt_s).ravel())),
        "skew": float(skew(traces.ravel())),
        "lateral_half_traces": _half_length(_lateral_correlation(centred)),
        "vertical_half_samples": _half_length(_autocorrelation(centred)[:MAX_TIME_LAG]),
        "coherence": neighbour_coherence(traces),
        "snr_db": _decibels((traces**2).mean() * NEIGHBOUR_NOISE, (misfit**2).mean()),
        "band20_low_hz": low_hz,
        "band20_high_hz": high_hz,
    }


def neighbour_coherence(section: Values, *, max_lag: int = 3, window: int = 64) -> float:
    """Return the median best correlation of neighbour traces within a few samples of shift.

    Parameters
    ----------
    section : (n_trace, n_twt), n_twt > window.
    max_lag : largest shift in samples. window : length in samples; windows overlap by half.
    """
    n_twt = section.shape[1]
    found = []
    for start in range(0, n_twt - window, window // 2):
        here = _centred(section[:-1, start : start + window])
        best = np.full(len(here), -1.0)
        for first in range(max(start - max_lag, 0), min(start + max_lag, n_twt - window) + 1):
            there = _centred(section[1:, first : first + window])
            norm = np.sqrt((here**2).sum(axis=1) * (there**2).sum(axis=1))
            # A silent window correlates with nothing, at any gain.
            best = np.maximum(best, (here * there).sum(axis=1) / np.maximum(norm, SILENT))
        found.append(best)
    return float(np.median(np.concatenate(found)))


def amplitude_band_hz(traces: Values, dt_s: float, down_db: float = BAND_DB) -> tuple[float, float]:
    """Return the lowest and highest frequency above the peak of the mean spectrum minus `down_db`.

    Parameters
    ----------
    traces : (n_trace, n_twt). dt_s : sample interval in seconds. down_db : decibels, > 0.
    """
    n_fft = max(N_FFT, traces.shape[1])
    tapered = _centred(traces) * np.hanning(traces.shape[1])
    amplitude = np.abs(np.fft.rfft(tapered, n_fft, axis=1)).mean(axis=0)
    inside = np.flatnonzero(amplitude > amplitude.max() * 10.0 ** (-down_db / 20.0))
    freq_hz = np.fft.rfftfreq(n_fft, dt_s)
    return float(freq_hz[inside[0]]), float(freq_hz[inside[-1]])


def transition_matrix(labels: Codes, n_class: int) -> Float:
    """Return how often a class follows another one sample further down.

    Parameters
    ----------
    labels : codes 0 to n_class - 1, (..., n_twt). n_class : number of classes.

    Returns
    -------
    (n_class, n_class), row: upper sample. Rows sum to 1, or to 0 for a class that is absent.

    Examples
    --------
    >>> transition_matrix(np.array([0, 0, 1, 0]), 2)
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    require(labels.size == 0 or (labels.min() >= 0 and labels.max() < n_class),
            f"labels lie outside 0 to {n_class - 1}, wanted codes of {n_class} classes")
    pair = labels[..., :-1].astype(np.intp) * n_class + labels[..., 1:]
    count = np.bincount(pair.ravel(), minlength=n_class**2).reshape(n_class, n_class)
    return np.asarray(count / np.maximum(count.sum(axis=1, keepdims=True), 1))


def beds_of_log(labels: Codes, step_m: float) -> tuple[NDArray[np.int64], Float]:
    """Return the beds of a label log: runs of one facies, top to base.

    Parameters
    ----------
    labels : codes at a regular step, (n,); negative where there is none.
    step_m : step in metres.

    Returns
    -------
    Facies and thickness in metres of every bed with a label. The first and last bed of every
    labelled stretch count as they are, cut off.
    """
    require(labels.ndim == 1 and labels.size > 0,
            f"labels has shape {labels.shape}, wanted one column (n,)", ShapeError)
    first = np.flatnonzero(np.diff(labels, prepend=labels[0] - 1))
    facies = np.asarray(labels[first], dtype=np.int64)
    thickness_m = np.diff(first, append=labels.size) * step_m
    return facies[facies >= 0], np.asarray(thickness_m[facies >= 0], dtype=np.float64)


def bed_quantiles(
    facies: Codes, thickness_m: Values, n_facies: int,
    levels: Sequence[float] = (0.1, 0.5, 0.9, 0.99),
) -> Float:
    """Return quantiles of bed thickness in metres per facies, (n_facies, n_level).

    Parameters
    ----------
    facies, thickness_m : of every bed, (n,). levels : quantiles wanted, 0-1.

    Returns
    -------
    NaN rows for facies without a bed.
    """
    require(facies.shape == thickness_m.shape,
            f"facies has shape {facies.shape} and thickness_m {thickness_m.shape}, wanted one",
            ShapeError)
    out = np.full((n_facies, len(levels)), np.nan)
    for code in np.unique(facies):
        out[code] = np.quantile(thickness_m[facies == code], levels)
    return out


@dataclass(frozen=True, slots=True)
class BandRow:
    """One statistic of many worlds beside the distribution that it should have.

    Parameters
    ----------
    name : statistic. target, got : quantiles at `LEVELS` of the target and of the worlds.
    is_inside : the worlds' median lies between the target's quartiles.
    spread_ratio : 5-95 % width of the worlds over the target's; wanted 1 or more.
    """

    name: str
    target: tuple[float, ...]
    got: tuple[float, ...]
    is_inside: bool
    spread_ratio: float


def band_table(
    values_by_world: Mapping[str, Values], target: Mapping[str, Sequence[float]]
) -> list[BandRow]:
    """Compare a statistic over worlds with its target, row by row of the target.

    Parameters
    ----------
    values_by_world : statistic -> values (n_world,); NaN counts as missing.
    target : statistic -> quantiles at `LEVELS`, increasing.

    Raises
    ------
    ConfigError : a statistic of the target is absent, or has no finite value.

    Examples
    --------
    >>> row = band_table({"std": np.arange(101.0)}, {"std": (0, 40, 50, 60, 45)})[0]
    >>> row.is_inside, row.spread_ratio
    (True, 2.0)
    """
    rows = []
    for name, wanted in target.items():
        values = np.asarray(values_by_world.get(name, ()), dtype=np.float64)
        values = values[np.isfinite(values)]
        require(values.size > 0, f"no finite value of {name!r}, wanted one a world")
        got = tuple(float(q) for q in np.quantile(values, LEVELS))
        width = wanted[4] - wanted[0]
        rows.append(BandRow(
            name, tuple(float(q) for q in wanted), got, bool(wanted[1] <= got[2] <= wanted[3]),
            float((got[4] - got[0]) / width) if width > 0 else float("nan"),
        ))  # fmt: skip
    return rows


def _traces(values: Values, name: str) -> Float:
    """Return (n_trace, n_twt) float64, refused where it is too short or not finite."""
    require(values.ndim >= 1 and values.shape[-1] >= 16 and values.size > 0,
            f"{name} has shape {values.shape}, wanted at least 16 samples on the last axis",
            ShapeError)
    bad = int((~np.isfinite(values)).sum())
    require(bad == 0, f"{name} has {bad} samples that are not finite; cut the gaps out first")
    return values.reshape(-1, values.shape[-1]).astype(np.float64)


def _centred(traces: Values) -> Float:
    return np.asarray(traces - traces.mean(axis=1, keepdims=True), dtype=np.float64)


def _power_slope(rest: Float, dt_s: float) -> float:
    power = (np.abs(np.fft.rfft(rest * np.hanning(rest.shape[1]), axis=1)) ** 2).mean(axis=0)
    freq_hz = np.fft.rfftfreq(rest.shape[1], dt_s)
    low, high = SLOPE_BAND_HZ
    band = (freq_hz > low) & (freq_hz < min(high, 0.4 / dt_s))
    return -float(np.polyfit(np.log(freq_hz[band]), np.log(power[band] + 1e-30), 1)[0])


def _autocorrelation(traces: Float) -> Float:
    """Mean autocorrelation over traces at lags from zero; padded, so that ends do not meet."""
    n_twt = traces.shape[1]
    power = (np.abs(np.fft.rfft(traces, 2 * n_twt, axis=1)) ** 2).mean(axis=0)
    acf = np.fft.irfft(power)[:n_twt]
    return np.asarray(acf / acf[0])


def _lateral_correlation(traces: Float) -> Float:
    n_trace = len(traces)
    out = []
    for lag in range(min(MAX_TRACE_LAG, n_trace // 2)):
        here, there = traces[: n_trace - lag], traces[lag:]
        out.append((here * there).sum() / np.sqrt((here**2).sum() * (there**2).sum()))
    return np.asarray(out)


def _decibels(power: float, noise_power: float) -> float:
    return 10.0 * float(np.log10(power / noise_power)) if noise_power > 0 else float("inf")


def _first(is_so: NDArray[np.bool_]) -> float:
    return float(np.argmax(is_so)) if is_so.any() else float("nan")


def _half_length(correlation: Float) -> float:
    """Lag, between two whole ones, at which a correlation falls to one half."""
    lag = _first(correlation < 0.5)
    if not np.isfinite(lag):
        return lag
    before, after = correlation[int(lag) - 1], correlation[int(lag)]
    return float(lag - 1.0 + (before - 0.5) / (before - after))


def _gain_control(traces: Float, dt_s: float) -> Float:
    """Divide by the running rms over `AGC_S` (samples beyond the ends count as zero)."""
    length = round(AGC_S / dt_s)
    kernel = np.ones(length) / length
    power = np.stack([np.convolve(trace**2, kernel, "same") for trace in traces])
    return np.asarray(traces / np.sqrt(power + 1e-9 * (traces**2).mean()))
