"""Refinement of a style: its one wavelet is corrected on worlds like those to be modelled."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forward.calibration import smooth_density
from forward.checks import check_dt
from forward.records import WINDOW_S
from forward.style import SurveyStyle, rounded
from lithogen.errors import CalibrationError, require

Floats = NDArray[np.float64]


def _signal_density(style: SurveyStyle, volumes: Sequence[Floats], dt_s: float) -> Floats:
    """Mean density of the volumes' reflectivity through the style's wavelet, on its grid."""
    size = round(WINDOW_S / dt_s)
    taper = np.hanning(size)
    taps = style.wavelet(dt_s)
    grid = np.asarray(style.freq_hz)
    power, count = np.zeros(size // 2 + 1), 0
    for volume in volumes:
        rows = volume.reshape(-1, volume.shape[-1])
        n_valid = rows.shape[1] - len(taps) + 1
        require(
            n_valid >= size,
            f"a reference volume has {rows.shape[1]} samples in twt, wanted "
            f"{size + len(taps) - 1} or more",
            CalibrationError,
        )
        length = rows.shape[1] + len(taps) - 1
        full = np.fft.irfft(np.fft.rfft(rows, length) * np.fft.rfft(taps, length), length)
        traces = full[:, len(taps) - 1 : rows.shape[1]]
        for first in range(0, n_valid - size + 1, size // 2):
            part = np.fft.rfft(traces[:, first : first + size] * taper, axis=1)
            power += np.square(np.abs(part)).sum(axis=0)
            count += len(part)
    density = power * dt_s / (np.square(taper).sum() * count)
    freq: Floats = np.asarray(np.fft.rfftfreq(size, dt_s), dtype=np.float64)
    return smooth_density(freq, density, grid, 2.0)


def refine(
    style: SurveyStyle,
    reference_volumes: Sequence[NDArray[Any]],
    dt_s: float | None = None,
    *,
    iterations: int = 3,
) -> SurveyStyle:
    """Correct the wavelet so that worlds like the given ones show the survey's signal spectrum.

    Parameters
    ----------
    style : from `calibrate`.
    reference_volumes : reflectivity (..., twt) of worlds (for example the mean over the angles);
        at least 0.512 s plus the wavelet long. Worlds apart from those that will be judged.
    dt_s : their sample interval in seconds; without it the survey's.
    iterations : fixed-point steps.

    Returns
    -------
    A style with one new wavelet: the same for every window and world, so that a window stays
    the crop of the whole.

    Raises
    ------
    CalibrationError : no volumes, too short, or without reflections.

    Source: fixed-point iteration W <- W sqrt(wanted / got), as in spectral shaping.
    """
    require(len(reference_volumes) > 0, "reference_volumes is empty", CalibrationError)
    step = check_dt(style.dt_s if dt_s is None else dt_s)
    volumes = [np.asarray(v, dtype=np.float64) for v in reference_volumes]
    is_sound = all(np.isfinite(v).all() and np.abs(v).max() > 0 for v in volumes)
    require(is_sound, "a reference volume is not finite or has no reflections", CalibrationError)
    in_band = np.asarray(style.freq_hz) <= 0.5 / step + 1e-9
    # The wavelet of t* = 0 stands for that of the record, which is duller.
    wanted = np.square(style.signal_amplitude) / style.record_loss()
    for _ in range(iterations):
        got = _signal_density(style, volumes, step)
        # Where the survey has no power the ratio is noise of the estimate: hold it within 12 dB.
        change = np.clip(np.sqrt(wanted / np.maximum(got, 1e-30 * got.max())), 0.25, 4.0)
        amplitude = np.asarray(style.wavelet_amplitude) * np.where(in_band, change, 1.0)
        style = dataclasses.replace(style, wavelet_amplitude=rounded(amplitude))
    note = f"wavelet refined on {len(volumes)} reference volumes, {iterations} iterations"
    return dataclasses.replace(style, notes=(*style.notes, note))
