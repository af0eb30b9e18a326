"""Lateral resolution: measured from records whose lateral band is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forward import SurveyStyle, calibrate
from forward.faulted import faulted_reflectivity
from forward.lateral_band import lateral_resolution
from forward.resolution import migrated
from forward.wavelets import ricker
from lithogen.errors import ConfigError

DT_S = 0.004
KERNEL = np.array([1.0])


def _record(seed: int, highest: float, noise: float) -> np.ndarray:
    """Random traces (256, 256) of 10 to 60 Hz and wavenumbers up to one, cycles a trace."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.fft2(rng.standard_normal((256, 256)))
    freq = np.abs(np.fft.fftfreq(256, DT_S))[None]
    wavenumber = np.abs(np.fft.fftfreq(256))[:, None]
    spectrum *= (freq > 10) & (freq < 60) & (wavenumber < highest)
    signal = np.fft.ifft2(spectrum).real
    return signal / signal.std() + noise * rng.standard_normal((256, 256))


@pytest.mark.parametrize("highest", [0.08, 0.15, 0.3])
@pytest.mark.parametrize("noise", [0.2, 0.4])
def test_the_end_of_the_lateral_band_is_found(highest, noise) -> None:
    record = _record(3, highest, noise)
    freq = np.arange(0.0, 126.0)
    signal = np.where((freq > 10) & (freq < 60), 1.0 / 50, 1e-6)
    found = lateral_resolution([record], DT_S, freq, signal, np.full(126, noise**2 / 125), KERNEL)
    assert found == pytest.approx(0.5 / highest, rel=0.2)


def test_a_survey_with_a_wider_aperture_resolves_more() -> None:
    rng = np.random.default_rng(5)
    reflectivity = faulted_reflectivity(2, (1, 256, 256))
    found = []
    for spread in (0.3, 0.8, 1.6):
        image = migrated(reflectivity, ricker(25.0, DT_S, 41), spread)[0]
        image += 0.1 * image.std() * rng.standard_normal(image.shape)
        found.append(calibrate(image, DT_S).lateral_resolution_traces)
    assert found[0] < found[1] < found[2]


def test_flat_layers_have_no_short_waves_and_noise_has_no_signal() -> None:
    rng = np.random.default_rng(1)
    trace = np.convolve(rng.standard_normal(296), ricker(25.0, DT_S, 41), "valid")
    flat = np.tile(trace, (128, 1)) + 0.2 * trace.std() * rng.standard_normal((128, len(trace)))
    assert calibrate(flat, DT_S).lateral_resolution_traces > 10
    freq = np.arange(0.0, 126.0)
    noise = rng.standard_normal((128, 256))
    assert lateral_resolution([noise], DT_S, freq, np.full(126, 0.5), np.full(126, 1.0),
                              KERNEL) is None


def test_short_lines_are_not_judged() -> None:
    record = _record(3, 0.1, 0.2)
    assert calibrate(record[:31], DT_S).lateral_resolution_traces is None
    assert calibrate(record[:40], DT_S).lateral_resolution_traces is not None


def test_a_style_keeps_it(tmp_path) -> None:
    style = calibrate(_record(3, 0.1, 0.2), DT_S)
    assert style.lateral_resolution_traces == pytest.approx(5.0, rel=0.2)
    style.save(tmp_path / "style.json")
    assert SurveyStyle.load(tmp_path / "style.json") == style
    with pytest.raises(ConfigError, match=r"lateral_resolution_traces is 0\.5, wanted 1 or more"):
        replace(style, lateral_resolution_traces=0.5)
