"""Images of the wave equation, which layer C is trained on; they need deepwave."""

import builtins

import numpy as np
import pytest

from forward import ForwardNet
from forward.pairs import random_wavelet
from forward.resolution import migrated
from forward.train_lateral import nrmse_percent, wave_pair
from forward.wave import Line, import_deepwave, wave_image
from lithogen.errors import ConfigError


def nrmse(got: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.sqrt(np.square(got - wanted).mean() / np.square(wanted).mean()))


def test_without_deepwave_the_extra_is_named(monkeypatch) -> None:
    found = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "deepwave":
            raise ImportError(name)
        return found(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigError, match=r"lithogen\[wave\]"):
        import_deepwave()


@pytest.mark.slow
def test_a_flat_earth_gives_the_convolutional_model() -> None:
    pytest.importorskip("deepwave")
    rng = np.random.default_rng(1)
    trace = rng.standard_t(4, 96) * 0.05
    taps = random_wavelet(4)
    line = Line(top_m=700.0, aperture_m=1400.0)
    image = wave_image(np.repeat(trace[None], 181, axis=0), taps, line)
    plain = np.convolve(trace, taps, "same")
    assert nrmse(image[90, 14:-14], plain[14:-14]) < 0.03


@pytest.mark.slow
def test_a_diffractor_collapses_to_what_the_oracle_says() -> None:
    pytest.importorskip("deepwave")
    line, taps = Line(top_m=900.0, aperture_m=900.0), random_wavelet(4)
    rc = np.zeros((129, 96))
    rc[64, 48] = 1.0
    image = wave_image(rc, taps, line)
    wanted = migrated(rc[None], taps, line.spread(96), 0.55)[0]
    part = (slice(56, 73), slice(30, 66))
    assert nrmse(image[part], wanted[part]) < 0.25
    assert abs(image[64, 48] / wanted[64, 48] - 1) < 0.1


@pytest.mark.slow
def test_the_layer_is_nearer_to_images_of_the_wave_equation_than_convolution() -> None:
    pytest.importorskip("deepwave")
    layer = ForwardNet.from_pretrained().lateral
    found = nrmse_percent(layer, [wave_pair(7 * 10**6 + k, layer) for k in range(4)])
    assert found["layer"] < 0.75 * found["convolution"]
