"""Scenario values are checked, drawn from the seed, and scaled for the network."""

from __future__ import annotations

import numpy as np
import pytest

from lithogen.errors import ConfigError
from lithogen.scenario import N_CONTROLS, RANDOM_RANGES, RANGES, Scenario


@pytest.mark.parametrize(("name", "value"), [
    ("faulting", 1.5), ("net_to_gross", -0.1), ("burial_m", float("nan")),
    ("channels", "many"), ("unconformities", 1.5), ("folding", None), ("bed_scale", True),
])
def test_bad_values_are_refused_by_name(name, value) -> None:
    with pytest.raises(ConfigError, match=name):
        Scenario(**{name: value})


def test_misspelt_names_get_the_nearest() -> None:
    with pytest.raises(ConfigError, match="nearest: 'faulting'"):
        Scenario.from_dict({"fualting": 0.3})


def test_random_scenarios_fill_their_ranges_and_differ() -> None:
    drawn = [Scenario.random(seed) for seed in range(60)]
    assert len({s.net_to_gross for s in drawn}) > 55
    for name, (low, high) in RANDOM_RANGES.items():
        values = np.array([float(getattr(s, name)) for s in drawn])
        assert RANGES[name][0] <= low <= values.min()
        assert values.max() <= high <= RANGES[name][1]
        assert values.max() - values.min() > 0.6 * (high - low)


def test_vector_is_scaled_over_the_training_range() -> None:
    vector = Scenario.random(3).vector()
    assert vector.shape == (N_CONTROLS,)
    assert vector.dtype == np.float32
    assert np.abs(vector).max() <= 1.0 + 1e-6


def test_round_trip() -> None:
    scenario = Scenario.random(5)
    assert Scenario.from_dict(scenario.to_dict()) == scenario
    assert "faulting" in scenario.describe()
