"""Calibration: the style of a survey (wavelet, noise, level) from its traces alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forward.attenuation import MAX_SAMPLES
from forward.late import lateness, windows
from forward.lateral_band import lateral_resolution
from forward.records import WINDOW_S, as_traces, live_lines, refuse_clipped, trace_at
from forward.reflectivity import Reflectivity, shipped_reflectivity
from forward.style import AMPLITUDE_SHARES, SurveyStyle, rounded
from forward.tie import WellTie, tie
from lithogen.errors import require

Floats = NDArray[np.float64]
MAX_LAG = 3
_MAX_SNR_DB = 40.0
_BLOCK = 512
# A 0.3 s wavelet cannot hold less, and the earth hardly reflects there: the quotient of two
# leaked spectra would put an offset into the wavelet.
LOW_CUT_HZ = 5.0


@dataclasses.dataclass(frozen=True)
class _Spectra:
    """Densities (n_freq,) on the Welch grid, two-sided, unit^2 / Hz, and residual correlations.

    Segments of the record: their middles in s from its first live sample, weights, and coherent and
    total densities (n_segment, n_freq), in a common unit.
    """

    freq_hz: Floats
    total: Floats
    coherent: Floats
    residual_correlation: Floats
    middle_s: Floats
    weight: Floats
    segments: Floats
    segment_totals: Floats


def _aligned(upper: Floats, lower: Floats, taper: Floats) -> tuple[Any, Any]:
    """Transforms of neighbours, the second shifted onto the first (sub-sample lag)."""
    size = upper.shape[1]
    one = np.fft.rfft((upper - upper.mean(axis=1, keepdims=True)) * taper, axis=1)
    two = np.fft.rfft((lower - lower.mean(axis=1, keepdims=True)) * taper, axis=1)
    cross = np.fft.irfft(one * np.conj(two), size, axis=1)
    lags = np.arange(-MAX_LAG, MAX_LAG + 1)
    near = cross[:, lags]
    best = near.argmax(axis=1)
    inner = np.clip(best, 1, len(lags) - 2)
    row = np.arange(len(near))
    a, b, c = near[row, inner - 1], near[row, inner], near[row, inner + 1]
    bend = a - 2 * b + c
    fine = np.where(bend < 0, 0.5 * (a - c) / np.where(bend < 0, bend, 1), 0.0)
    shift = np.where(best == inner, lags[inner] + np.clip(fine, -0.5, 0.5), lags[best])
    phase = np.arange(one.shape[1])[None, :] * shift[:, None] / size
    return one, two * np.exp(-2j * np.pi * phase)


def _welch(lines: list[Floats], dt_s: float) -> _Spectra:
    """Sum windowed spectra; windows weigh like the square of a Hann taper over the record.

    That is the taper of `forward.spectra.amplitude_spectrum`, which judges the result: a record
    is noisier at its ends, and both must look at the same part of it.
    """
    size = round(WINDOW_S / dt_s)
    taper = np.hanning(size)
    n_twt = lines[0].shape[1]
    starts = range(0, n_twt - size + 1, max(1, min(size // 2, n_twt - size)))
    total, acf = np.zeros(size // 2 + 1), np.zeros(3)
    coherent, totals = np.zeros((2, len(starts), size // 2 + 1))
    middles = (np.asarray(starts) + 0.5 * size) / n_twt
    weights = np.sin(np.pi * middles) ** 4
    mass = 0.0
    for line in lines:
        for place, (first, weight) in enumerate(zip(starts, weights, strict=True)):
            for start in range(0, len(line) - 1, _BLOCK):
                part = line[start : start + _BLOCK + 1, first : first + size]
                one, two = _aligned(part[:-1], part[1:], taper)
                power = 0.5 * (np.abs(one) ** 2 + np.abs(two) ** 2).sum(axis=0)
                total += weight * power
                totals[place] += power
                coherent[place] += np.real(one * np.conj(two)).sum(axis=0)
                mass += weight * len(one)
                acf += weight * _residual_acf(part * taper)
    scale = dt_s / (np.square(taper).sum() * mass)
    freq: Floats = np.asarray(np.fft.rfftfreq(size, dt_s), dtype=np.float64)
    joined = (weights[:, None] * coherent).sum(axis=0)
    return _Spectra(freq, total * scale, joined * scale, acf / max(acf[0], 1e-300),
                    middles * n_twt * dt_s, weights, coherent, totals)


def _residual_acf(part: Floats) -> Floats:
    """Lateral autocorrelation (lags 0, 1, 2) of traces minus the mean of their neighbours."""
    if len(part) < 5:
        return np.zeros(3)
    rest = part[1:-1] - 0.5 * (part[:-2] + part[2:])
    n = len(rest)
    return np.asarray([(rest[: n - h] * rest[h:]).sum() / (n - h) for h in range(3)])


def _kernel_of_width(sigma: float) -> Floats:
    offsets = np.arange(-2, 3)
    weights = np.exp(-0.5 * np.square(offsets / sigma)) if sigma > 0 else (offsets == 0) * 1.0
    return np.asarray(weights / np.sqrt(np.square(weights).sum()))


def _lateral_kernel(correlation: Floats) -> tuple[Floats, float]:
    """Five-weight Gaussian kernel whose noise leaves the measured residual; and its lag-1 value.

    Neighbour differences of noise with autocorrelation r have autocorrelation
    1.5 r(h) - r(h-1) - r(h+1) + (r(h-2) + r(h+2)) / 4; the width that fits lags 1 and 2 is taken.
    """
    if correlation[0] == 0:
        return _kernel_of_width(0.0), 0.0
    best = (np.inf, 0.0)
    difference = np.asarray([0.25, -1.0, 1.5, -1.0, 0.25])
    for sigma in np.arange(0.0, 0.96, 0.05):
        kernel = _kernel_of_width(float(sigma))
        left = np.convolve(np.convolve(kernel, kernel), difference)
        middle = len(left) // 2
        model = left[middle : middle + 3] / left[middle]
        error = float(np.square(model[1:] - correlation[1:]).sum())
        best = min(best, (error, float(sigma)))
    kernel = _kernel_of_width(best[1])
    return kernel, float(np.convolve(kernel, kernel)[5])


def smooth_density(freq_hz: Floats, power: Floats, grid: Floats, sigma_hz: float) -> Floats:
    """Log-smooth a density (Gaussian, Hz) and put it on a grid.

    Examples
    --------
    >>> f = np.arange(9.0)
    >>> bool(np.allclose(smooth_density(f, np.full(9, 2.0), f, 1.0), 2.0))
    True
    """
    from scipy.ndimage import gaussian_filter1d

    floored = np.maximum(power, 1e-8 * power.max())
    log = gaussian_filter1d(np.log(floored), sigma_hz / (freq_hz[1] - freq_hz[0]), mode="nearest")
    return np.asarray(np.exp(np.interp(grid, freq_hz, log)))


def _moments(lines: list[Floats]) -> tuple[float, float, float]:
    """RMS, excess kurtosis and skewness of all samples."""
    n = sum(line.size for line in lines)
    mean = sum(float(line.sum()) for line in lines) / n
    second, third, fourth = (
        sum(float(((line - mean) ** p).sum()) for line in lines) / n for p in (2, 3, 4)
    )
    return float(np.sqrt(second)), fourth / second**2 - 3.0, third / second**1.5


def _quantiles(lines: list[Floats], rms: float) -> Floats:
    """Quantiles of all samples over their RMS, at `AMPLITUDE_SHARES`."""
    whole = np.concatenate([line.reshape(-1) for line in lines])
    return np.asarray(np.quantile(whole, AMPLITUDE_SHARES) / rms)


def _gain_trend(lines: list[Floats]) -> Floats:
    """RMS in dB of ten equal time intervals over the whole."""
    parts = [np.array_split(np.square(line).sum(axis=0), 10) for line in lines]
    power = np.asarray([sum(float(p[i].sum()) for p in parts) for i in range(10)])
    size = np.asarray([len(p) for p in parts[0]])
    level = power / size
    return np.asarray(10 * np.log10(np.maximum(level, 1e-12 * level.max()) / level.mean()))


def _decibels(power: Floats) -> float:
    """Range of powers in dB."""
    return float(10.0 * np.log10(power.max() / max(power.min(), 1e-12 * power.max())))


def _split(spectra: _Spectra, neighbour: float) -> tuple[Floats, Floats]:
    """Total and noise densities; neighbouring noise correlates with `neighbour`."""
    total = np.maximum(spectra.total, 1e-12 * spectra.total.max())
    noise = np.clip((total - spectra.coherent) / (1.0 - neighbour), 0.0, None)
    floor = 10 ** (-_MAX_SNR_DB / 10)
    return total, np.clip(noise, floor * total, (1.0 - floor) * total)


def _late_noise(spectra: _Spectra, grid: Floats, noise_power: Floats, smooth_hz: float) -> Floats:
    """Power of the noise in windows of time, (n_window, n_freq); its mean is that of the record.

    Relative to the signal: modelled signal keeps one level, and a survey's own gain lifts both.
    """
    signal = np.maximum(spectra.segments, 0.0).sum(axis=1, keepdims=True)
    rest = np.maximum(spectra.segment_totals - spectra.segments, 0.0)
    rest = rest / np.maximum(signal, 1e-12 * signal.max())
    _, share, power = windows(spectra.middle_s, spectra.weight, rest)
    if not (power.sum(axis=1) > 0).all():
        return np.tile(noise_power, (len(share), 1))
    rows = np.stack([smooth_density(spectra.freq_hz, row, grid, smooth_hz) for row in power])
    return np.asarray(rows * (noise_power.sum() / (share[:, None] * rows).sum()))


def _estimate(
    lines: list[Floats], step: float, first_s: float, earth: Reflectivity, smooth_hz: float
) -> SurveyStyle:
    """Return the style of runs of adjacent traces, without name and texts.

    `first_s` is the two-way time of the first sample of the runs.
    """
    spectra = _welch(lines, step)
    kernel, neighbour = _lateral_kernel(spectra.residual_correlation)
    total, noise = _split(spectra, neighbour)
    grid = np.arange(0.0, 0.5 / step + 1e-9, 1.0)
    noise_power = smooth_density(spectra.freq_hz, noise, grid, smooth_hz)
    signal_power = smooth_density(spectra.freq_hz, total - noise, grid, smooth_hz)
    low_cut = np.square(np.sin(0.5 * np.pi * np.minimum(grid / LOW_CUT_HZ, 1.0)))
    parts = [np.maximum(smooth_density(spectra.freq_hz, np.maximum(power, 0.0), grid, smooth_hz),
                        1e-300) for power in spectra.segments]
    time_s, share, power = windows(first_s + spectra.middle_s, spectra.weight, np.stack(parts))
    late = lateness(grid, time_s, share, power, MAX_SAMPLES * step)
    late_noise = _late_noise(spectra, grid, noise_power, smooth_hz)
    wavelet_power = signal_power / earth.density(grid) / late.loss(grid)
    notes = [
        f"wavelet estimated against reflectivity of {earth.source}",
        f"spectra of {len(time_s)} windows of time differ by {late.spread_db:.1f} dB RMS, of which "
        f"attenuation leaves {late.misfit_db:.1f} dB",
        f"noise of these windows lies within {_decibels(late_noise.sum(axis=1)):.1f} dB",
    ]
    if grid[-1] > earth.freq_hz[-1] + 1e-9:
        notes.append(f"reflectivity taken as flat above {earth.freq_hz[-1]:g} Hz")
    lateral = lateral_resolution(lines, step, grid, signal_power, noise_power, kernel)
    rms, kurtosis, skewness = _moments(lines)
    return SurveyStyle(
        name="survey",
        dt_s=step,
        freq_hz=tuple(float(f) for f in grid),
        signal_amplitude=rounded(np.sqrt(signal_power)),
        noise_amplitude=rounded(np.sqrt(noise_power)),
        wavelet_amplitude=rounded(np.sqrt(wavelet_power) * low_cut),
        late_time_s=rounded(time_s),
        late_t_star_s=rounded(late.t_star_s),
        late_gain=rounded(late.gain),
        late_share=rounded(share),
        late_noise=tuple(rounded(np.sqrt(row), 4) for row in late_noise),
        rms=rounded([rms])[0],
        snr_db=rounded([10 * np.log10(signal_power.sum() / noise_power.sum())], 4)[0],
        noise_kernel=rounded(kernel) if neighbour > 0 else (1.0,),
        lateral_resolution_traces=None if lateral is None else rounded([lateral], 3)[0],
        gain_trend_db=rounded(_gain_trend(lines), 4),
        excess_kurtosis=rounded([kurtosis], 4)[0],
        skewness=rounded([skewness], 4)[0],
        amplitude_quantiles=rounded(_quantiles(lines, rms), 4),
        notes=tuple(notes),
    )


def calibrate(
    seismic: Any,
    dt_s: float | None = None,
    *,
    first_s: float | None = None,
    name: str = "survey",
    phase_deg: float | None = None,
    well: WellTie | None = None,
    smooth_hz: float = 2.0,
    reflectivity: Reflectivity | None = None,
    source: str = "",
    attribution: str = "",
) -> SurveyStyle:
    """Estimate the style of a survey.

    Parameters
    ----------
    seismic : (..., n_twt) array, traces adjacent along the last but one axis; or (n_trace, n_twt);
        or an xarray DataArray with a `twt` coordinate in seconds. Traces with gaps (NaN) or
        zeros only are left out and counted in `notes`.
    dt_s : sample interval in seconds; not needed with a DataArray.
    first_s : two-way time of the first sample; without it that of the DataArray, else 0.
    name, source, attribution : texts kept in the style.
    phase_deg : constant phase of the wavelet, 0 by default; traces alone do not tell it.
    well : log at a trace from which the phase is measured instead, see `forward.tie`.
    smooth_hz : standard deviation of the smoothing of spectra, Hz.
    reflectivity : spectrum of the worlds that will be modelled; without it the shipped one.

    Returns
    -------
    SurveyStyle. Signal is what adjacent traces share after a lag of up to 3 samples (its power is
    the real part of their cross-spectrum); noise is the rest, so steep dips and sharp lateral
    changes count as noise, and noise that is alike on neighbours counts partly as signal. The
    wavelet is that of the least attenuated part of the record; how it fades with time is kept as
    t* and a gain that keeps the RMS, so that a survey's own gain is not copied.

    Raises
    ------
    CalibrationError : too short, dead, clipped, without finite traces, or with too few
        adjacent traces; or a well that does not tie. ConfigError : both phase and well.

    Source: |W| = sqrt(PSD of signal / PSD of reflectivity), Walden and White (1984); coherence
    of adjacent traces, White (1973).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> common = rng.standard_normal(256)
    >>> style = calibrate(common + 0.3 * rng.standard_normal((40, 256)), 0.004)
    >>> 8 < style.snr_db < 13
    True
    """
    traces, step, found_s = as_traces(seismic, dt_s)
    start_s = found_s if first_s is None else float(first_s)
    require(phase_deg is None or well is None, "got phase_deg and well, wanted one of them")
    lines, first, notes = live_lines(traces, step)
    refuse_clipped(lines)
    found = _estimate(lines, step, start_s + first * step, reflectivity or shipped_reflectivity(),
                      smooth_hz)
    phase = float(phase_deg or 0.0)
    if well is None:
        notes.append(f"wavelet phase {phase:g} degrees is an assumption, not a measurement")
    else:
        tied = tie(well, trace_at(traces, well.trace), found, start_s)
        phase = rounded([tied.phase_deg], 3)[0]
        notes.append(
            f"wavelet phase {phase:g} degrees measured by a well tie: correlation "
            f"{tied.correlation:.2f} over {tied.length_s:.2f} s, seismic later than the log by "
            f"{1e3 * tied.shift_s:g} ms")
    return dataclasses.replace(
        found,
        name=name,
        phase_deg=phase,
        source=source,
        attribution=attribution,
        notes=(*notes, *found.notes),
    )
