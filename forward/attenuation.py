"""Attenuation: what a reflection loses on its way, as a filter that depends on t*.

t* is the two-way travel time over the quality factor, summed along the way: dt / Q. A reflection
that comes back with t* has the amplitude spectrum of the wavelet times exp(-pi f t*), and the
phase that goes with it if the earth is causal. Frequencies are counted in cycles per sample and
t* in samples, so that one set of filters serves every sample interval.

Source: Futterman (1962), Dispersive body waves; Kjartansson (1979), Constant Q wave propagation
and attenuation, for large Q; Margrave (1998), Theory of nonstationary linear filtering.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
# Largest t* in samples: 0.03 s at 4 ms, for example 1.5 s of record at Q = 50.
MAX_SAMPLES = 7.5
# Travel times hold at this frequency, in cycles per sample: 31 Hz at 4 ms.
REFERENCE_CYCLES = 0.125
# An attenuated wavelet is longer than the wavelet by this on either side.
EXTRA_SAMPLES = 32
# Wavelets of a bank lie this far apart in t*; between them they are interpolated.
LEVEL_SAMPLES = 0.125


def response(cycles: ArrayLike, t_samples: ArrayLike) -> NDArray[np.complex128]:
    """Frequency response of attenuation.

    Parameters
    ----------
    cycles : frequencies in cycles per sample, >= 0, (n_freq,).
    t_samples : t* in samples, >= 0, (...).

    Returns
    -------
    complex128 (..., n_freq): exp(-pi f t*) with the phase of a causal earth, zero at
    `REFERENCE_CYCLES` (higher frequencies arrive earlier).

    Examples
    --------
    >>> bool(abs(response([0.0, 0.1], 0.0) - 1.0).max() < 1e-12)
    True
    """
    frequency = np.asarray(cycles, dtype=np.float64)
    late = np.asarray(t_samples, dtype=np.float64)[..., None]
    # f ln f goes to 0 with f.
    logarithm = np.log(np.maximum(frequency, 1e-12) / REFERENCE_CYCLES)
    return np.asarray(np.exp(late * frequency * (-np.pi + 2j * logarithm)))


def attenuated(wavelet: ArrayLike, t_samples: ArrayLike) -> Floats:
    """Pass a wavelet through attenuation.

    Parameters
    ----------
    wavelet : (n,), n odd; the centre is time zero. t_samples : t* in samples, (n_level,).

    Returns
    -------
    (n_level, n + 2 * EXTRA_SAMPLES) float64, the centre is time zero.

    Examples
    --------
    >>> attenuated([0.0, 1.0, 0.0], [0.0, 2.0]).shape
    (2, 67)
    """
    taps = np.asarray(wavelet, dtype=np.float64)
    half = len(taps) // 2
    reach = half + EXTRA_SAMPLES
    size = 1 << int(np.ceil(np.log2(8 * (2 * reach + 1))))
    padded = np.zeros(size)
    padded[: len(taps)] = taps
    spectrum = np.fft.rfft(np.roll(padded, -half))
    late = np.fft.irfft(spectrum * response(np.fft.rfftfreq(size), t_samples), size, axis=-1)
    return np.asarray(np.roll(late, reach, axis=-1)[..., : 2 * reach + 1])


def levels(largest_samples: float) -> Floats:
    """Return the t* of a bank of wavelets, from 0 to at least the largest, in samples.

    Examples
    --------
    >>> levels(0.2).tolist()
    [0.0, 0.125, 0.25]
    """
    count = int(np.ceil(largest_samples / LEVEL_SAMPLES)) + 1
    return np.asarray(np.arange(count) * LEVEL_SAMPLES, dtype=np.float64)


def fitted_filters(
    n_filter: int, n_power: int, n_taps: int, power: Floats
) -> tuple[Floats, Floats]:
    """Fit gated filters to attenuation: response - 1 = sum of gate(t*) times filter.

    Parameters
    ----------
    n_filter, n_power : filters, and powers 1 .. n_power of t* / `MAX_SAMPLES` in their gates.
    n_taps : odd length of a filter.
    power : weight of the squared error, over frequencies 0 .. 0.5 cycles per sample, (n_freq,).

    Returns
    -------
    gates (n_filter, n_power) and filters (n_filter, n_taps), of least weighted squared error over
    t* from 0 to the largest: the singular vectors of the best fit of full rank.

    Examples
    --------
    >>> gates, filters = fitted_filters(2, 3, 9, np.ones(65))
    >>> gates.shape, filters.shape
    ((2, 3), (2, 9))
    """
    frequency = np.linspace(0.0, 0.5, len(power))
    share = (np.arange(256) + 0.5) / 256
    wanted = (response(frequency, MAX_SAMPLES * share) - 1.0) * np.sqrt(power)
    gates = share[:, None] ** np.arange(1, n_power + 1)
    delay = np.arange(n_taps) - n_taps // 2
    waves = np.exp(-2j * np.pi * frequency[:, None] * delay) * np.sqrt(power)[:, None]
    # Real and imaginary parts are separate equations of the same real taps.
    target = np.concatenate([wanted.real, wanted.imag], axis=1)
    design = np.concatenate([waves.real, waves.imag])
    q_gate, r_gate = np.linalg.qr(gates)
    q_wave, r_wave = np.linalg.qr(design)
    left, size, right = np.linalg.svd(q_gate.T @ target @ q_wave, full_matrices=False)
    root = np.sqrt(size[:n_filter])
    gate = np.linalg.solve(r_gate, left[:, :n_filter] * root).T
    taps = np.linalg.solve(r_wave, right[:n_filter].T * root).T
    return np.asarray(gate), np.asarray(taps)
