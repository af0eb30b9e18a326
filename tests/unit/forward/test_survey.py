
import numpy as np
import pytest

from forward.calibration import calibrate
from forward.noise import coloured_noise
from forward.style import load_style, presets
from forward.survey import model_survey, style_halo
from lithogen.errors import ConfigError, ShapeError
from lithogen.grid import Window

WINDOW = Window((-5, 2, 10), (6, 5, 200))


def flat_model(halo, shape=(6, 5, 200)):
    one = np.ones((shape[0], shape[1], shape[2] + 2 * halo))
    return {"vp": 3000 * one, "vs": 1500 * one, "rho": 2300 * one}


@pytest.mark.parametrize("name", presets())
def test_noise_has_the_level_and_spectrum_of_the_style(name):
    style = load_style(name)
    field = coloured_noise(4, Window((0, 0, 0), (12, 12, 512)), style, 0.004, "level")
    twt_s = 0.004 * np.arange(512)
    wanted = np.sqrt(2 * np.square(style.spectrum(part="noise", twt_s=twt_s)).sum())
    assert field.std() == pytest.approx(wanted, rel=0.08)
    again = calibrate(field, 0.004)
    shape = np.asarray(again.signal_amplitude) ** 2 + np.asarray(again.noise_amplitude) ** 2
    # Calibration looks at the middle of a record.
    target = style.spectrum(part="noise", twt_s=twt_s[128:384]) ** 2
    band = slice(10, 75)
    difference = 10 * np.log10(shape[band] / target[band])
    assert np.abs(difference - difference.mean()).mean() < 1.0


def test_mean_of_the_stacks_carries_the_noise_of_the_survey():
    style = load_style("npra_31_81")
    model = flat_model(style_halo(style, 0.004)[2])
    seismic, stacks = model_survey(
        **model, style=style, angles_deg=(5, 15, 25), seed=1, window=WINDOW, dt_s=0.004
    )
    alone = coloured_noise(1, WINDOW, style, 0.004, "other")
    assert seismic.std() == pytest.approx(alone.std(), rel=0.15)
    assert stacks[0].std() == pytest.approx(np.sqrt(3) * alone.std(), rel=0.15)
    assert abs(np.corrcoef(stacks[0].ravel(), stacks[1].ravel())[0, 1]) < 0.15
    assert np.allclose(seismic, stacks.mean(0), rtol=1e-4, atol=1e-3)


def test_style_without_noise_leaves_the_signal_alone():
    style = load_style("npra_31_81")
    silent = style.without_noise()
    model = flat_model(style_halo(silent, 0.004)[2])
    seismic, _ = model_survey(
        **model, style=silent, angles_deg=(5, 15), seed=1, window=WINDOW, dt_s=0.004
    )
    assert (seismic == 0).all()


def test_another_seed_gives_other_noise():
    style = load_style("npra_31_81")
    one = coloured_noise(1, WINDOW, style, 0.004, "a")
    assert not np.array_equal(one, coloured_noise(2, WINDOW, style, 0.004, "a"))
    assert not np.array_equal(one, coloured_noise(1, WINDOW, style, 0.004, "b"))


def test_missing_halo_and_repeated_angles_are_refused():
    style = load_style("npra_31_81")
    options = {"style": style, "seed": 1, "window": WINDOW, "dt_s": 0.004}
    with pytest.raises(ShapeError, match=r"\(0, 0, 41\) more"):
        model_survey(**flat_model(0), angles_deg=(5,), **options)
    with pytest.raises(ConfigError, match="twice"):
        model_survey(**flat_model(style_halo(style, 0.004)[2]), angles_deg=(5, 5), **options)
