"""A wavelet that fades down the record: measured, kept, and modelled."""

import dataclasses

import numpy as np
import pytest

from forward import calibrate, model_survey, reference, style_halo
from forward.attenuation import MAX_SAMPLES
from forward.late import N_WINDOWS, lateness, mean_loss, windows
from forward.noise import coloured_noise
from forward.pairs import layered_model
from forward.reflectivity import well_like_reflectivity
from forward.style import SurveyStyle
from forward.wavelets import ricker
from lithogen.errors import ConfigError
from lithogen.grid import Window

DT_S = 0.004
N_TWT = 900
# Seconds of t* per second of record: Q = 120.
LOSS = 1.0 / 120.0


def survey(loss: float, seed: int = 5) -> np.ndarray:
    """A line of 200 traces over layers that change slowly, with t* growing down the record."""
    column = [v[0, 0] for v in layered_model(seed, 1, N_TWT)]
    rng = np.random.default_rng(seed)
    rows = [np.repeat(v[None, None], 200, axis=1) for v in column]
    rows[0] = rows[0] * (1.0 + 0.002 * rng.standard_normal((1, 200, 1)))
    late = np.minimum(loss * DT_S * np.arange(N_TWT), MAX_SAMPLES * DT_S)
    clean = reference.synthesize(
        vp=rows[0], vs=rows[1], rho=rows[2], wavelet=ricker(40, DT_S, 61), angles_deg=(5,),
        dt_s=DT_S, t_star=late)[0, 0]
    return clean + 0.02 * clean.std() * rng.standard_normal(clean.shape)


@pytest.fixture(scope="module")
def fading() -> SurveyStyle:
    lines = np.stack([survey(LOSS, seed) for seed in range(5, 13)])
    return calibrate(lines, DT_S, reflectivity=well_like_reflectivity())


def test_attenuation_of_a_known_survey_is_found(fading):
    times = np.asarray(fading.late_time_s)
    wanted = LOSS * (times - times[0])
    assert np.abs(fading.t_star(times) - wanted).max() < 0.004
    assert fading.is_late
    assert np.all(np.diff(fading.late_t_star_s) >= 0)
    assert np.all(np.diff(fading.late_gain) >= 0)


def test_a_stationary_survey_stays_nearly_so():
    lines = np.stack([survey(0.0, seed) for seed in range(5, 13)])
    style = calibrate(lines, DT_S, reflectivity=well_like_reflectivity())
    assert max(style.late_t_star_s) < 0.003


def test_the_modelled_record_fades_and_keeps_its_level(fading):
    quiet = fading.without_noise()
    halo = style_halo(quiet, DT_S)[2]
    centroids, levels = [], []
    for middle in (fading.late_time_s[0], fading.late_time_s[-1]):
        start = round(middle / DT_S) - 64
        model = layered_model(31, 200, 128 + 2 * halo)
        vp, vs, rho = (v.reshape(10, 20, -1) for v in model)
        seismic, _ = model_survey(vp=vp, vs=vs, rho=rho, style=quiet, angles_deg=(5.0,), seed=1,
                                  window=Window((0, 0, start), (10, 20, 128)), dt_s=DT_S)
        power = np.square(np.abs(np.fft.rfft(seismic * np.hanning(128), axis=-1))).mean((0, 1))
        centroids.append(float((power * np.arange(65)).sum() / power.sum()))
        levels.append(float(seismic.std()))
    assert centroids[1] < 0.8 * centroids[0]
    assert levels[1] == pytest.approx(levels[0], rel=0.25)


def test_windows_of_a_fading_survey_are_crops(fading):
    halo = style_halo(fading, DT_S)[2]
    vp, vs, rho = (v.reshape(4, 5, -1) for v in layered_model(8, 20, 200 + 2 * halo))

    def part(origin, shape):
        cut = tuple(slice(o, o + n) for o, n in zip(origin, shape, strict=True))
        grown = (*cut[:2], slice(origin[2], origin[2] + shape[2] + 2 * halo))
        return model_survey(vp=vp[grown], vs=vs[grown], rho=rho[grown], style=fading,
                            angles_deg=(5.0, 20.0), seed=3, dt_s=DT_S,
                            window=Window((origin[0], origin[1], 300 + origin[2]), shape))[1]

    whole, inner = part((0, 0, 0), (4, 5, 200)), part((1, 2, 37), (2, 3, 90))
    assert np.array_equal(inner, whole[:, 1:3, 2:5, 37:127])


def test_a_style_of_an_earlier_kind_of_record_is_stationary(fading):
    plain = dataclasses.replace(fading, late_time_s=(), late_t_star_s=(), late_gain=(),
                                late_share=(), late_noise=())
    assert not plain.is_late
    assert plain.t_star([0.0, 3.0]).tolist() == [0.0, 0.0]
    assert plain.gain([0.0, 3.0]).tolist() == [1.0, 1.0]
    assert plain.noise_shares([0.0, 3.0]).tolist() == [[1.0, 1.0]]
    with pytest.raises(ConfigError, match=r"late_noise has shape \(1, 1\)"):
        dataclasses.replace(fading, late_noise=((1.0,),))


# Noise of the made survey at its end over that at its beginning, and how well it comes back.
GROWTH, TOLERANCE_DB = 4.0, 1.5


@pytest.fixture(scope="module")
def noisy() -> SurveyStyle:
    """A survey whose noise grows, under a gain that lifts signal and noise alike."""
    rng = np.random.default_rng(3)
    lines = np.stack([survey(0.0, seed) for seed in range(5, 13)])
    share = np.arange(N_TWT) / (N_TWT - 1)
    noise = 0.3 * lines.std() * GROWTH**share * rng.standard_normal(lines.shape)
    return calibrate((lines + noise) * (1.0 + 2.0 * share), DT_S,
                     reflectivity=well_like_reflectivity())


def test_noise_that_grows_is_measured_apart_from_the_gain(noisy):
    times = np.asarray(noisy.late_time_s)
    wanted = GROWTH ** (times / (N_TWT * DT_S))
    power = np.square(noisy.late_noise).sum(axis=1)
    ratio = np.sqrt(power) / wanted
    assert 20 * np.log10(ratio.max() / ratio.min()) < TOLERANCE_DB
    whole = np.square(noisy.noise_amplitude).sum()
    assert (power * noisy.late_share).sum() == pytest.approx(whole, rel=1e-3)
    assert any("noise of these windows" in note for note in noisy.notes)


def test_modelled_noise_grows_as_measured(noisy):
    halo = style_halo(noisy, DT_S)[2]
    model = [np.full((10, 20, 100 + 2 * halo), v) for v in (3000.0, 1500.0, 2300.0)]
    levels = []
    for time_s in (noisy.late_time_s[0], noisy.late_time_s[-1]):
        start = round(time_s / DT_S) - 50
        noise, _ = model_survey(
            vp=model[0], vs=model[1], rho=model[2], style=noisy, angles_deg=(5.0, 15.0), seed=2,
            window=Window((0, 0, start), (10, 20, 100)), dt_s=DT_S)
        levels.append(float(noise.std()))
    power = np.square(noisy.late_noise).sum(axis=1)
    wanted = np.sqrt(power[-1] / power[0])
    assert levels[1] / levels[0] == pytest.approx(wanted, rel=0.12)
    # The spectrum of the style at those times says the same.
    said = [noisy.spectrum(part="noise", twt_s=[t]) for t in noisy.late_time_s]
    np.testing.assert_allclose(said, noisy.late_noise, rtol=1e-6)


def test_noise_that_changes_its_colour_is_modelled_so():
    rng = np.random.default_rng(4)
    lines = np.stack([survey(0.0, seed) for seed in range(5, 13)])
    white = rng.standard_normal(lines.shape)
    dull = 0.5 * (white + np.roll(white, 1, axis=-1))
    share = np.arange(N_TWT) / (N_TWT - 1)
    style = calibrate(lines + 0.5 * lines.std() * ((1 - share) * dull + share * white), DT_S,
                      reflectivity=well_like_reflectivity())
    window = Window((0, 0, 100), (8, 8, 700))
    noise = coloured_noise(1, window, style, DT_S, "test")
    found = []
    for part in (noise[..., :150], noise[..., -150:]):
        power = np.square(np.abs(np.fft.rfft(part * np.hanning(150), axis=-1))).mean((0, 1))
        found.append(power[60:].sum() / power[:30].sum())
    assert found[1] > 2.0 * found[0]
    # A crop that lies within other rows of the table holds the same bits.
    part = coloured_noise(1, Window((2, 1, 420), (3, 4, 90)), style, DT_S, "test")
    assert np.array_equal(part, noise[2:5, 1:5, 320:410])


def test_fit_ignores_level_and_never_falls():
    freq_hz = np.arange(1.0, 80.0)
    shape = np.exp(-np.square((freq_hz - 35) / 15))
    late = np.array([0.0, 0.004, 0.002, 0.010])
    power = shape * np.exp(-2 * np.pi * late[:, None] * freq_hz) * np.array([[1], [9], [3], [100]])
    found = lateness(freq_hz, np.arange(4.0), np.full(4, 0.25), power, 0.03)
    assert found.t_star_s == pytest.approx([0.0, 0.003, 0.003, 0.010], abs=2e-4)
    assert found.misfit_db < 0.35 * found.spread_db
    # With its gain every window has the same power.
    whole = (power / power.sum(axis=1, keepdims=True)).mean(axis=0)
    first = whole / found.loss(freq_hz)
    faded = np.square(found.gain) * (
        first * np.exp(-2 * np.pi * found.t_star_s[:, None] * freq_hz)).sum(1)
    assert np.ptp(faded) < 0.05 * faded.mean()


def test_windows_join_segments_of_about_as_many():
    centre, share, power = windows(np.arange(7.0), np.ones(7), np.arange(14.0).reshape(7, 2))
    assert len(centre) == 7
    assert share.sum() == pytest.approx(1.0)
    assert power.shape == (7, 2)
    assert len(windows(np.arange(30.0), np.ones(30), np.ones((30, 2)))[0]) == N_WINDOWS
    assert mean_loss(np.zeros(3), np.zeros(2), np.ones(2), np.full(2, 0.5)).tolist() == [1.0] * 3


def test_the_spectrum_of_a_style_is_that_of_the_times_asked_for(fading):
    freq_hz = np.asarray(fading.freq_hz)

    def centroid(**changes):
        power = np.square(fading.spectrum(part="signal", **changes))
        return float((power * freq_hz).sum() / power.sum())

    first, last = fading.late_time_s[0], fading.late_time_s[-1]
    assert centroid(twt_s=[last]) < centroid() < centroid(twt_s=[first])
    # The mean of the windows is the record.
    power = sum(share * np.square(fading.spectrum(part="signal", twt_s=[time_s]))
                for share, time_s in zip(fading.late_share, fading.late_time_s, strict=True))
    np.testing.assert_allclose(power, np.square(fading.spectrum(part="signal")), rtol=1e-4)
