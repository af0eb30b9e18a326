import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import forward
from forward.calibration import calibrate
from forward.pairs import layered_model
from forward.refinement import refine
from forward.reflectivity import (
    load_reflectivity,
    measure_worlds,
    reflectivity_psd,
    shipped_reflectivity,
    well_like_reflectivity,
)
from forward.spectra import log_spectral_distance
from forward.style import SurveyStyle, load_style, presets
from forward.wavelets import ricker
from lithogen.errors import CalibrationError, ConfigError, ShapeError

DATA = Path(os.environ.get("LITHOGEN_DATA", Path(__file__).parents[4] / "shared" / "data"))
NPRA = DATA / "npra" / "npra_31_81_PR.sgy"
# Neighbour coherence counts part of the noise as signal and the reverse.
SNR_TOLERANCE_DB = 1.5


def reflectivity_of(seed, n_trace, n_twt=400):
    vp, _, rho = layered_model(seed, n_trace, n_twt)
    impedance = vp * rho
    return np.diff(impedance) / (impedance[..., 1:] + impedance[..., :-1])


def synthetic_survey(n_trace=200, noise=0.3, seed=5):
    """Flat layers that change slowly sideways, a 28 Hz Ricker and white noise."""
    parts = reflectivity_of(seed, 8)[:, 0]
    at = np.linspace(0, 7, n_trace)
    low = np.minimum(at.astype(int), 6)
    share = (at - low)[:, None]
    rc = parts[low] * np.sqrt(1 - share) + parts[low + 1] * np.sqrt(share)
    clean = np.stack([np.convolve(r, ricker(28, 0.004, 61), "same") for r in rc])
    rng = np.random.default_rng(seed)
    return 1000 * (clean / clean.std() + noise * rng.standard_normal(clean.shape))


def test_signal_to_noise_and_peak_frequency_of_a_known_survey():
    for noise in (0.1, 0.3):
        style = calibrate(synthetic_survey(noise=noise), 0.004)
        assert style.snr_db == pytest.approx(-20 * np.log10(noise), abs=SNR_TOLERANCE_DB)
    taps = style.wavelet(0.004)
    assert taps.argmax() == len(taps) // 2
    exact = ricker(28, 0.004, len(taps))
    assert np.corrcoef(taps, exact)[0, 1] > 0.93
    assert style.noise_kernel[len(style.noise_kernel) // 2] > 0.97


def test_lateral_kernel_of_correlated_noise_is_found():
    rng = np.random.default_rng(2)
    white = rng.standard_normal((302, 400))
    coloured = (white[1:-1] + 0.5 * (white[2:] + white[:-2])) / np.sqrt(1.5)
    style = calibrate(synthetic_survey(300, noise=0)[:, :399] + 500 * coloured[:, :399], 0.004)
    middle = len(style.noise_kernel) // 2
    side = style.noise_kernel[middle + 1] / style.noise_kernel[middle]
    assert side == pytest.approx(0.5, abs=0.15)
    assert style.snr_db == pytest.approx(6.0, abs=2.0)


def test_refined_style_reproduces_its_survey_on_unseen_worlds():
    survey = synthetic_survey()
    style = refine(calibrate(survey, 0.004), [reflectivity_of(s, 40) for s in (20, 21)])
    traces = [np.convolve(r, style.wavelet(0.004), "valid") for r in reflectivity_of(30, 150)[:, 0]]
    got = np.stack(traces)
    rng = np.random.default_rng(1)
    level = np.sqrt(2 * np.square(style.spectrum(part="noise")).sum())
    got = got + level * rng.standard_normal(got.shape)
    assert log_spectral_distance(survey, got, 0.004)[0] < 1.5
    assert got.std() == pytest.approx(style.rms, rel=0.2)


def test_dead_and_gappy_traces_are_left_out_and_counted():
    survey = synthetic_survey()
    survey[3] = 0
    survey[90, 17] = np.nan
    style = calibrate(survey, 0.004)
    assert any("1 traces with non-finite samples, 1 dead" in note for note in style.notes)
    assert style.snr_db == pytest.approx(10.5, abs=SNR_TOLERANCE_DB)


def test_data_array_and_volume_give_the_array_result():
    survey = synthetic_survey()
    array = xr.DataArray(
        survey.T, dims=("twt", "cdp"), coords={"twt": 0.1 + 0.004 * np.arange(survey.shape[1])}
    )
    plain = calibrate(survey, 0.004)
    assert calibrate(array) == calibrate(survey, 0.004, first_s=0.1)
    assert np.allclose(calibrate(array).late_time_s, 0.1 + np.asarray(plain.late_time_s))
    assert calibrate(survey[None], 0.004) == plain
    with pytest.raises(CalibrationError, match=r"dt_s is 0\.002"):
        calibrate(array, 0.002)


@pytest.mark.parametrize(
    ("seismic", "text"),
    [
        (np.ones((40, 40)), "too short"),
        (np.zeros((40, 400)), "dead"),
        (np.full((40, 400), np.nan), "non-finite"),
        (np.random.default_rng(1).standard_normal((1, 400)), "0 pairs"),
        (np.clip(synthetic_survey(), -700, 700), "clipped"),
        (np.full((40, 400), "a"), "type"),
        (np.ones(400), "shape"),
    ],
)
def test_unusable_surveys_are_refused_with_one_line(seismic, text):
    with pytest.raises(CalibrationError, match=text) as caught:
        calibrate(seismic, 0.004)
    assert "\n" not in str(caught.value)


def test_style_survives_its_file(tmp_path):
    style = calibrate(synthetic_survey(), 0.004, name="demo", attribution="nobody")
    style.save(tmp_path / "demo.json")
    assert SurveyStyle.load(tmp_path / "demo.json") == style
    assert load_style(tmp_path / "demo.json") == style


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ('"version": 2', '"version": 1', "version"),
        ('"rms"', '"rsm"', "lacks rms"),
        ('"source"', '"sauce"', "sauce"),
        ('"snr_db": ', '"snr_db": "x", "was": ', "was"),
        ('"freq_hz": [', '"freq_hz": [-1.0, ', "freq_hz|wanted|numbers"),
        ("{", "", "cannot read"),
    ],
)
def test_damaged_style_files_are_refused(tmp_path, old, new, text):
    path = tmp_path / "s.json"
    load_style("npra_31_81").save(path)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError, match=text):
        SurveyStyle.load(path)


def test_unknown_style_names_the_nearest():
    with pytest.raises(ConfigError, match="npra_31_81"):
        load_style("npra_3181")
    assert presets() == ["f3_inline_362", "npra_31_81"]


def test_wavelet_samples_do_not_depend_on_the_interval():
    style = load_style("npra_31_81")
    assert np.allclose(style.wavelet(0.002)[::2], style.wavelet(0.004), atol=1e-3 * style.rms)


def test_too_coarse_an_interval_is_refused():
    with pytest.raises(ConfigError, match="above Nyquist"):
        load_style("f3_inline_362").wavelet(0.012)


def test_noise_filter_has_the_noise_power():
    for name in presets():
        style = load_style(name)
        power = 2 * np.square(style.spectrum(part="noise")).sum()
        assert np.square(style.noise_filter(0.004)).sum() == pytest.approx(power, rel=0.05)


def test_reflectivity_measure_is_level_and_sampling_aware(tmp_path):
    vp, _, rho = layered_model(9, 100, 400)
    found = reflectivity_psd(vp, rho, 0.004)
    assert np.mean(found.psd) == pytest.approx(1, abs=1e-4)
    # Wells have a median of 0.039 and lie in 0.027 .. 0.058.
    assert 0.027 < found.rc_std < 0.058
    found.save(tmp_path / "r.json")
    assert load_reflectivity(tmp_path / "r.json") == found
    white = np.random.default_rng(1).standard_normal((200, 300))
    flat = reflectivity_psd(np.exp(8 + 0.05 * white.cumsum(axis=1)), np.ones_like(white), 0.004)
    assert flat.density([30.0])[0] == pytest.approx(0.025**2 / 0.004, rel=0.15)


def test_shipped_reflectivity_is_that_of_layers():
    """Wells at 4 ms: 0.027 to 0.058 with spectra that rise; worlds may lie somewhat beyond."""
    for found in (shipped_reflectivity(), well_like_reflectivity()):
        assert 0.015 < found.rc_std < 0.12
        assert np.mean(found.psd) == pytest.approx(1, abs=1e-4)
        assert found.density([60.0])[0] > found.density([3.0])[0]
        assert found.source


def test_worlds_are_measured_together():
    vp, _, rho = layered_model(9, 100, 400)
    whole = reflectivity_psd(vp, rho, 0.004)
    parts = measure_worlds([(vp[:50], rho[:50]), (vp[50:], rho[50:])], 0.004, source="two")
    assert np.allclose(parts.psd, whole.psd) and parts.source == "two"
    with pytest.raises(ShapeError, match="one shape"):
        measure_worlds([(vp[:50], rho[:50]), (vp[60:], rho[60:])], 0.004)
    with pytest.raises(ShapeError, match="one shape"):
        measure_worlds([], 0.004)
    vp[3, 0, 5] = np.nan
    with pytest.raises(ConfigError, match="standard deviation nan"):
        measure_worlds([(vp, rho)], 0.004)


@pytest.mark.skipif(not NPRA.exists(), reason="developer data set is absent")
def test_shipped_preset_is_what_the_survey_gives():
    import segyio

    with segyio.open(str(NPRA), ignore_geometry=True) as handle:
        style = forward.calibrate(np.array(handle.trace.raw[:]), 0.004)
    shipped = load_style("npra_31_81")
    assert np.allclose(style.signal_amplitude, shipped.signal_amplitude, rtol=1e-3)
    assert np.allclose(style.noise_amplitude, shipped.noise_amplitude, rtol=1e-3)
    assert style.snr_db == pytest.approx(shipped.snr_db, abs=0.05)
    # The shipped wavelet may be refined on worlds; it stays that of the survey within 6 dB.
    band = slice(8, 75)
    ratio = np.asarray(style.wavelet_amplitude[band]) / shipped.wavelet_amplitude[band]
    assert np.abs(20 * np.log10(ratio / np.median(ratio))).max() < 6


def test_amplitudes_of_a_record_are_kept_as_quantiles():
    rng = np.random.default_rng(4)
    common = rng.laplace(size=(1, 512)) + np.zeros((60, 1))
    style = calibrate(common + 0.1 * rng.standard_normal((60, 512)), 0.004)
    found = np.asarray(style.amplitude_quantiles)
    assert found[4] == pytest.approx(0.0, abs=0.1)
    # A Laplace distribution of unit variance has its 1 % and 99 % quantiles at -+ ln(50) / sqrt(2).
    assert found[[1, -2]] == pytest.approx([-2.77, 2.77], rel=0.25)
    with pytest.raises(ConfigError, match="9 rising numbers"):
        dataclasses.replace(style, amplitude_quantiles=(1.0, 0.0))
