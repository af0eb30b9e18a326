import numpy as np
import pytest

from forward import reference
from forward.spectra import amplitude_spectrum, log_spectral_distance
from forward.wavelets import from_amplitude, ormsby, ricker
from lithogen.errors import ConfigError, ShapeError


def step_model():
    vp = np.full((2, 3, 32), 2000.0)
    vp[..., 10:] = 3000.0
    return {"vp": vp, "vs": vp / 2, "rho": np.full_like(vp, 2200.0)}


def test_coefficient_sits_above_the_interface_and_is_positive():
    out = reference.synthesize(**step_model(), wavelet=[1.0], angles_deg=(0, 20), dt_s=0.004)
    assert out.shape == (2, 2, 3, 32)
    assert np.allclose(out[0, :, :, 9], 0.2)
    assert np.count_nonzero(out[0, 0, 0]) == 1


def test_wavelet_is_centred_on_the_interface():
    out = reference.synthesize(
        **step_model(), wavelet=ricker(30, 0.004, 15), angles_deg=(0,), dt_s=0.004
    )
    assert (out[0].argmax(-1) == 9).all()


def test_agrees_with_the_scattering_matrix():
    # An independent formulation in the same library: the full 4 x 4 system of one interface.
    from bruges.reflection import scattering_matrix

    upper, lower = (2200.0, 900.0, 2100.0), (3100.0, 1600.0, 2350.0)
    for angle in (0.0, 17.0, 39.0):
        ours = reference.interface_reflectivity(upper, lower, angle)
        full = np.asarray(scattering_matrix(*upper, *lower, theta1=angle)).squeeze()
        assert float(ours) == pytest.approx(float(np.real(full[0, 0])), abs=1e-12)


def test_ricker_has_its_peak_frequency_at_an_odd_sample_interval():
    freq, amp = amplitude_spectrum(ricker(31.0, 0.0015, 301), 0.0015, 8192)
    assert freq[amp.argmax()] == pytest.approx(31.0, abs=0.5)


def test_ormsby_keeps_its_pass_band():
    freq, amp = amplitude_spectrum(ormsby((5, 15, 45, 60), 0.004, 501), 0.004, 8192)
    band = (freq > 20) & (freq < 40)
    assert amp[band].std() < 0.02 * amp[band].mean()
    assert amp[freq > 65].max() < 0.01 * amp.max()


def test_wavelet_from_amplitude_has_that_spectrum_at_any_interval():
    grid = np.arange(126.0)
    wanted = np.exp(-(((grid - 30) / 12) ** 2))
    for dt_s in (0.004, 0.002):
        n = 2 * round(0.16 / dt_s) + 1
        taps = from_amplitude(grid, wanted, dt_s, n)
        got = np.abs(np.fft.rfft(taps, round(1 / dt_s)))[:126] * dt_s
        assert np.abs(got - wanted).max() < 0.02
        assert taps.argmax() == n // 2


def test_constant_phase_rotates():
    grid = np.arange(126.0)
    level = np.exp(-(((grid - 30) / 12) ** 2))
    odd = from_amplitude(grid, level, 0.004, 81, phase_deg=90)
    assert np.allclose(odd, -odd[::-1], atol=1e-12)
    assert np.allclose(
        from_amplitude(grid, level, 0.004, 81, phase_deg=180),
        -from_amplitude(grid, level, 0.004, 81),
    )


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: ricker(30, 0.004, 60), ShapeError),
        (lambda: ricker(130, 0.004, 61), ConfigError),
        (lambda: ormsby((5, 4, 45, 60), 0.004, 61), ConfigError),
        (lambda: from_amplitude([0, 1, 3], [1, 1, 1], 0.004, 61), ConfigError),
        (lambda: from_amplitude([0, 1, 2], [1, -1, 1], 0.004, 61), ConfigError),
        (lambda: from_amplitude([0, 10, 20], [1, 1, 1], 0.004, 61), ShapeError),
    ],
)
def test_bad_wavelets_are_refused(call, error):
    with pytest.raises(error):
        call()


def test_distance_is_free_of_gain_and_sees_shape():
    rng = np.random.default_rng(4)
    white = rng.standard_normal((200, 256))
    dull = white[:, 1:] + white[:, :-1]
    assert log_spectral_distance(white, -7 * white, 0.004)[0] < 1e-9
    assert log_spectral_distance(white, dull, 0.004)[0] > 3
    with pytest.raises(ConfigError, match="non-finite"):
        amplitude_spectrum(np.full((2, 32), np.nan), 0.004)
