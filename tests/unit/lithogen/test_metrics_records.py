"""Features of records: known signals, and distances between distributions."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from lithogen.errors import ConfigError, ShapeError
from lithogen.metrics import compare_features, record_features

DT_S = 0.004
TIME_S = DT_S * np.arange(500)


def tone(freq_hz: float, noise: float = 0.02, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 2 * np.pi, (40, 1))
    clean = np.sin(2 * np.pi * freq_hz * TIME_S + phase)
    return clean + noise * rng.standard_normal(clean.shape)




def test_a_tone_has_its_frequency_and_noise_is_flat() -> None:
    found = record_features(tone(30.0), DT_S)
    assert found["centroid"].shape == (40,)
    assert found["roll_off"].mean() == pytest.approx(30.0, abs=2.0)
    white = record_features(np.random.default_rng(2).standard_normal((40, 500)), DT_S)
    assert white["centroid"].mean() == pytest.approx(62.5, abs=3.0)
    assert white["flatness"].mean() > 20 * found["flatness"].mean()
    assert white["bandwidth"].mean() > found["bandwidth"].mean()
    assert found["mfcc"].shape == (40, 8)
    assert found["contrast"].shape == (40, 4)
    # The octave that holds the tone stands out.
    assert found["contrast"].mean(0).argmax() == 3


def test_level_and_sample_interval_do_not_matter() -> None:
    one = record_features(tone(30.0), DT_S)
    two = record_features(1e5 * tone(30.0), DT_S)
    for name, values in one.items():
        np.testing.assert_allclose(values, two[name], rtol=1e-6, atol=1e-6)
    fine = np.repeat(tone(10.0, noise=0.0), 2, axis=1)
    assert record_features(fine, DT_S / 2)["roll_off"].mean() == pytest.approx(10.0, abs=2.0)


def test_distance_is_nothing_for_one_distribution_and_large_for_another() -> None:
    real = record_features(tone(30.0), DT_S)
    same = compare_features(real, record_features(tone(30.0, seed=5), DT_S))
    other = compare_features(real, record_features(tone(40.0), DT_S))
    assert max(same.values()) < 0.8
    assert compare_features(real, real) == dict.fromkeys(real, 0.0)
    for name in ("centroid", "mfcc", "roll_off"):
        assert other[name] > 5 * max(same[name], 0.1)


@pytest.mark.parametrize(("seismic", "error", "text"), [
    (np.ones((3, 100)), ShapeError, "128 samples or more"),
    (np.zeros((3, 200)), ConfigError, "trace 0 of seismic is dead"),
    (np.where(np.arange(600).reshape(3, 200) == 250, np.nan, 1.0), ConfigError, "trace 1"),
])
def test_what_has_no_spectrum_is_refused(seismic, error, text) -> None:
    with pytest.raises(error, match=text):
        record_features(seismic, DT_S)


def test_other_features_are_refused() -> None:
    with pytest.raises(ConfigError, match="differ"):
        compare_features({"centroid": np.ones(3)}, {"mfcc": np.ones(3)})


def test_without_librosa_the_extra_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(ConfigError, match=r"lithogen\[metrics\]"):
        record_features(tone(30.0), DT_S)
