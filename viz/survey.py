"""One page about a survey's style: spectra, wavelet, how it fades, noise and amplitudes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE_IN = (11.0, 7.0)
SIGNAL_COLOUR, NOISE_COLOUR = "#1f3b57", "#c0392b"
FLOOR_DB = -50.0


def plot_style(style: Any) -> Figure:
    """Draw a survey's style on one page.

    Parameters
    ----------
    style : a `forward.SurveyStyle`.

    Returns
    -------
    Figure: amplitude spectra of signal and noise (dB below the peak of the signal; also early and
    late if the wavelet fades), the wavelet, t* and gain trend down the record, figures and notes.

    Examples
    --------
    >>> plot_style(forward.load_style("npra_31_81"))  # doctest: +SKIP
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_IN, layout="constrained")
    (spectra, wavelet), (record, text) = figure.subplots(2, 2)
    figure.suptitle(f"style of {style.name}")
    _draw_spectra(spectra, style)
    _draw_wavelet(wavelet, style)
    _draw_record(record, style)
    _write_figures(text, style)
    return figure


def _draw_spectra(axes: Axes, style: Any) -> None:
    freq = np.asarray(style.freq_hz)
    signal = style.spectrum(part="signal")
    top = float(signal.max())

    def decibels(values: NDArray[Any]) -> NDArray[np.float64]:
        return 20.0 * np.log10(np.maximum(values / top, 10 ** (FLOOR_DB / 20)))

    axes.plot(freq, decibels(signal), color=SIGNAL_COLOUR, label="signal, whole record")
    times = np.asarray(style.late_time_s)
    if len(times) and style.t_star(times).max() > 0:
        for time_s, look in ((times[0], "--"), (times[-1], ":")):
            late = style.spectrum(part="signal", twt_s=[time_s])
            axes.plot(freq, decibels(late), look, color=SIGNAL_COLOUR,
                      label=f"signal at {time_s:.2f} s")
    axes.plot(freq, decibels(style.spectrum(part="noise")), color=NOISE_COLOUR,
              label="noise, whole record")
    if style.late_noise:
        for time_s, look in ((times[0], "--"), (times[-1], ":")):
            late = style.spectrum(part="noise", twt_s=[time_s])
            axes.plot(freq, decibels(late), look, color=NOISE_COLOUR,
                      label=f"noise at {time_s:.2f} s")
    axes.set(xlabel="frequency (Hz)", ylabel="amplitude (dB)", ylim=(FLOOR_DB, 6.0),
             xlim=(0.0, freq[-1]))
    axes.legend(fontsize=8)


def _draw_wavelet(axes: Axes, style: Any) -> None:
    taps = style.wavelet(style.dt_s)
    time_ms = 1e3 * style.dt_s * (np.arange(len(taps)) - len(taps) // 2)
    axes.axhline(0.0, color="0.8", linewidth=0.8)
    axes.plot(time_ms, taps, color=SIGNAL_COLOUR)
    axes.set(xlabel="time (ms)", ylabel="wavelet where t* is 0 (survey unit)",
             title=f"phase {style.phase_deg:g} degrees")


def _draw_record(axes: Axes, style: Any) -> None:
    times = np.asarray(style.late_time_s)
    if len(times):
        axes.plot(times, 1e3 * style.t_star(times), "o-", color=SIGNAL_COLOUR)
    axes.set(xlabel="two-way time (s)", ylabel="t* (ms)")
    axes.yaxis.label.set_color(SIGNAL_COLOUR)
    if style.gain_trend_db and len(times):
        step = (times[-1] - times[0]) / max(len(times) - 1, 1)
        ends = times[0] - 0.5 * step, times[-1] + 0.5 * step
        n = len(style.gain_trend_db)
        middle = ends[0] + (np.arange(n) + 0.5) / n * (ends[1] - ends[0])
        other = axes.twinx()
        other.plot(middle, style.gain_trend_db, color=NOISE_COLOUR)
        other.set_ylabel("RMS over the record's (dB)")
        other.yaxis.label.set_color(NOISE_COLOUR)


def _write_figures(axes: Axes, style: Any) -> None:
    from textwrap import wrap

    axes.set_axis_off()
    aperture = "none: every trace by itself" if style.aperture_m is None else (
        f"{style.aperture_m:g} m")
    finest = style.lateral_resolution_traces
    lines = [
        f"sample interval {1e3 * style.dt_s:g} ms, RMS {style.rms:.4g}",
        f"signal over noise {style.snr_db:.1f} dB",
        "noise over neighbouring traces "
        + ", ".join(f"{weight:.2f}" for weight in style.noise_kernel),
        f"excess kurtosis {style.excess_kurtosis:.2f}, skewness {style.skewness:.2f}",
        *([f"98 % of the samples lie within {found[1]:.2f} and {found[-2]:.2f} times the RMS"]
          if (found := style.amplitude_quantiles) else []),
        *([] if finest is None else [f"lateral resolution {finest:.1f} traces"]),
        f"migration aperture {aperture}",
        *style.notes, style.attribution,
    ]
    rows = [row for line in lines if line for row in wrap(line, 68)]
    axes.text(0.0, 1.0, "\n".join(rows), va="top", ha="left", fontsize=8, transform=axes.transAxes)
