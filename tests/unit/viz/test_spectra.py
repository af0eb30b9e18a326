"""Amplitude spectra: peak, gain, band and refusals."""

import numpy as np
import pytest

import viz
from lithogen.errors import ConfigError, ShapeError

DT_S = 0.004
BIN_HZ = 1.0 / (256 * DT_S)


def tones(freq_hz, n_trace=6, n_twt=256, dt_s=DT_S):
    twt = np.arange(n_twt) * dt_s
    phase = np.linspace(0.0, 3.0, n_trace)[:, None]
    return sum(np.sin(2 * np.pi * f * twt + phase) for f in np.atleast_1d(freq_hz))


def curves(axes):
    return {line.get_label().split(" (")[0]: line.get_xydata() for line in axes.get_lines()}


def test_tone_peaks_at_its_frequency():
    freq_hz, amplitude, count = viz.mean_spectrum(tones(31.25), DT_S)
    assert abs(freq_hz[amplitude.argmax()] - 31.25) <= BIN_HZ
    assert count == 6


def test_dead_and_broken_traces_are_left_out():
    traces = tones(30.0)
    traces[0], traces[1, 7] = 0.0, np.nan
    _, amplitude, count = viz.mean_spectrum(traces, DT_S)
    assert count == 4
    np.testing.assert_allclose(amplitude, viz.mean_spectrum(traces[2:], DT_S)[1])


def test_gain_is_no_difference(world):
    axes = viz.plot_spectra(world.seismic * 1024.0, world.seismic)
    drawn = curves(axes)
    np.testing.assert_allclose(drawn["generated"], drawn["survey"], atol=1e-3)
    assert drawn["survey"][:, 1].max() == pytest.approx(0.0)


def test_band_is_where_the_survey_is_within_25_db():
    axes = viz.plot_spectra(tones(30.0), (np.arange(0.0, 126.0), np.r_[[1e-3] * 10, [1] * 116]),
                            dt_s=DT_S)
    assert any("10 to 125 Hz" in t.get_text() for t in axes.get_legend().get_texts())


def test_sample_interval_comes_from_the_coordinate(world_of):
    axes = viz.plot_spectra(world_of(dt_s=0.002), world_of(dt_s=0.004))
    assert axes.get_xlim() == pytest.approx((0.0, 250.0))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("frequency (Hz)", "amplitude (dB)")


def test_distance_is_printed(world):
    axes = viz.plot_spectra(world, world, distance_db=(1.234, 5.678))
    assert "1.23 dB" in axes.get_title()
    assert "5.68 dB" in axes.get_title()


def test_without_a_survey_the_generated_peak_is_zero_db(world):
    axes = viz.plot_spectra(world)
    assert curves(axes)["generated"][:, 1].max() == pytest.approx(0.0)


def test_wrong_input_is_refused(world):
    with pytest.raises(ConfigError, match="dt_s"):
        viz.plot_spectra(tones(30.0))
    with pytest.raises(ConfigError, match="no live trace"):
        viz.plot_spectra(np.zeros((3, 64)), dt_s=DT_S)
    with pytest.raises(ShapeError, match="at least 16"):
        viz.plot_spectra(np.ones((3, 8)), dt_s=DT_S)
    with pytest.raises(ShapeError, match="twt"):
        viz.plot_spectra(world.seismic.transpose("twt", ...))
    with pytest.raises(ConfigError, match="seismic"):
        viz.plot_spectra(world[["vp"]])
    with pytest.raises(ShapeError, match="spectrum"):
        viz.plot_spectra((np.arange(3.0), np.ones(4)))
    with pytest.raises(ConfigError, match="no frequency"):
        viz.plot_spectra(tones(5.0), (np.array([0.0, 200.0, 300.0]), np.array([0.0, 1.0, 1.0])),
                         dt_s=DT_S)
