"""Scenario values are checked, drawn from the seed, told in words, and scaled for the network."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from lithogen.errors import ConfigError
from lithogen.presets import ORDINARY, SETTINGS, random_values
from lithogen.scenario import (
    CHOICES,
    CONTROLS,
    N_CONTROLS,
    RANDOM_RANGES,
    RANGES,
    SHARES,
    UNITS,
    Scenario,
)

N_WORLDS = 800
# Three standard deviations of a share near 0.3 among N_WORLDS worlds: 3 sqrt(.3 .7 / 800).
SHARE_TOLERANCE = 0.049


@pytest.fixture(scope="module")
def worlds() -> list[Scenario]:
    return [Scenario.random(seed) for seed in range(N_WORLDS)]


@pytest.mark.parametrize(("name", "value"), [
    ("faulting", 1.5), ("net_to_gross", -0.1), ("burial_m", float("nan")),
    ("channels", "many"), ("unconformities", 1.5), ("folding", None), ("bed_scale", True),
    ("salt", float("inf")), ("water_depth_m", 1 + 2j), ("growth", 10**400), ("karst", [0.1]),
    ("deltas", np.bool_(True)), ("lobes", np.float32("nan")), ("fault_style", 3), ("basin", None),
])
def test_bad_values_are_refused_by_name(name, value) -> None:
    with pytest.raises(ConfigError, match=name):
        Scenario(**{name: value})


@pytest.mark.parametrize(("name", "value", "said"), [
    ("burial_m", 5000, "burial_m=5000 m is out of range, wanted 0 to 3000 m"),
    ("velocity_gradient_per_s", -1, "wanted 0 to 1.2 1/s"),
    ("regional_dip_deg", 9, "wanted 0 to 8 degrees"),
    ("net_to_gross", 0.9, r"net_to_gross=0.9 is out of range, wanted 0.02 to 0.8 \(net share"),
    ("basin", "gulfcoast", "nearest: 'gulf_coast'"),
    ("fault_style", "horst-graben", "nearest: 'horst_graben'"),
])
def test_a_refusal_tells_value_unit_and_range(name, value, said) -> None:
    with pytest.raises(ConfigError, match=said):
        Scenario(**{name: value})


def test_misspelt_names_get_the_nearest() -> None:
    with pytest.raises(ConfigError, match="nearest: 'faulting'"):
        Scenario.from_dict({"fualting": 0.3})
    with pytest.raises(ConfigError, match="nearest: 'water_depth_m'"):
        Scenario().with_(water_depth=10)
    with pytest.raises(ConfigError, match="not a mapping"):
        Scenario.from_dict(["faulting"])


def test_numbers_of_any_real_type_become_plain_ones() -> None:
    scenario = Scenario(folding=1, salt=np.float32(0.5), unconformities=np.int64(2))
    assert scenario == Scenario(folding=1.0, salt=0.5, unconformities=2.0)
    assert type(scenario.folding) is float
    assert type(scenario.unconformities) is int
    assert json.loads(json.dumps(scenario.to_dict())) == scenario.to_dict()


def test_shares_above_one_are_refused_and_one_is_not() -> None:
    shares = dict(net_to_gross=0.5, carbonate_share=0.3, tuff_share=0.1, coal_share=0.05)
    Scenario(**shares, evaporite_share=0.05)
    with pytest.raises(ConfigError, match=r"shares sum to 1.05 .*coal_share 0.05.*lower one"):
        Scenario(**shares, evaporite_share=0.1)


@pytest.mark.parametrize("name", RANGES)
def test_any_one_control_may_go_to_its_ends(name) -> None:
    for value in RANGES[name]:
        assert getattr(Scenario(**{name: value}), name) == value


def test_every_control_has_range_unit_and_meaning() -> None:
    fields = [f.name for f in dataclasses.fields(Scenario)]
    assert fields == [*CONTROLS, *CHOICES]
    assert set(UNITS.values()) == {"1", "m", "m/s", "1/s", "degrees"}
    assert list(ORDINARY) == list(CONTROLS)
    assert all(control.meaning for control in CONTROLS.values())


def test_random_scenarios_fill_their_ranges_and_differ() -> None:
    drawn = [Scenario.random(seed) for seed in range(60)]
    assert len({s.net_to_gross for s in drawn}) > 55
    for name, (low, high) in RANDOM_RANGES.items():
        values = np.array([float(getattr(s, name)) for s in drawn])
        assert RANGES[name][0] <= low <= values.min()
        assert values.max() <= high <= RANGES[name][1]
        assert values.max() - values.min() > 0.6 * (high - low)


def test_no_random_draw_leaves_its_range_or_the_whole(worlds) -> None:
    for name, (low, high) in RANDOM_RANGES.items():
        values = [getattr(s, name) for s in worlds]
        assert low <= min(values) <= max(values) <= high
    assert max(sum(getattr(s, name) for name in SHARES) for s in worlds) < 0.985


def test_random_worlds_are_flat_steep_and_salty_as_often_as_in_nature(worlds) -> None:
    def share(is_so) -> float:
        return float(np.mean([is_so(s) for s in worlds]))

    flat = share(lambda s: s.folding < 0.1 and s.thickness_variation < 0.25)
    assert flat == pytest.approx(0.3, abs=SHARE_TOLERANCE)
    assert share(lambda s: s.regional_dip_deg >= 2 and s.folding >= 0.8) >= 0.07
    assert share(lambda s: s.salt == 0) == pytest.approx(0.7, abs=SHARE_TOLERANCE)
    assert share(lambda s: s.salt >= 0.5) == pytest.approx(0.1, abs=SHARE_TOLERANCE)


def test_controls_of_random_worlds_go_together(worlds) -> None:
    """Deep water has lobes and slumps; shelves have deltas and coal; platforms have reefs."""
    def mean(name, is_so) -> float:
        return float(np.mean([getattr(s, name) for s in worlds if is_so(s)]))

    for name, sign in (("lobes", 1), ("mass_transport", 1), ("deltas", -1), ("coal_share", -1)):
        deep = mean(name, lambda s: s.water_depth_m > 600)
        shallow = mean(name, lambda s: s.water_depth_m < 150)
        assert sign * (deep - shallow) > 0, name
    for name in ("buildups", "karst", "evaporite_share"):
        rich = mean(name, lambda s: s.carbonate_share > 0.2)
        assert rich > 1.5 * mean(name, lambda s: s.carbonate_share < 0.1), name
    dense = [s.fault_style == "horst_graben" for s in worlds if s.faulting > 0.75]
    assert np.mean(dense) > 0.3


def test_random_worlds_are_the_same_on_any_machine() -> None:
    """Values worked out once; they rest on integer hashes alone."""
    scenario = Scenario.random(7)
    assert (scenario.net_to_gross, scenario.unconformities, scenario.salt, scenario.basin) == (
        0.1557, 3, 0.5882, "north_sea")
    assert random_values(7, RANDOM_RANGES, CHOICES) == scenario.to_dict()


@pytest.mark.parametrize("name", SETTINGS)
def test_presets_hold_their_spans(name) -> None:
    typical = Scenario.preset(name)
    for control in CONTROLS:
        low, middle, high = SETTINGS[name].span(control)
        assert RANGES[control][0] <= low <= middle <= high <= RANGES[control][1]
        assert getattr(typical, control) == middle
        for seed in range(25):
            assert low <= getattr(Scenario.preset(name, seed), control) <= high
    assert sum(SETTINGS[name].span(share)[2] for share in SHARES) <= 1.0
    assert Scenario.preset(name, 1) == Scenario.preset(name, 1) != Scenario.preset(name, 2)


def test_preset_names_are_forgiving_and_unknown_ones_get_the_nearest() -> None:
    assert Scenario.presets() == ("passive margin", "carbonate platform", "rift", "fluvial",
                                  "turbidite", "salt basin")
    assert Scenario.preset("Salt_Basin") == Scenario.preset(" salt-basin ")
    with pytest.raises(ConfigError, match=r"'turbidites' .nearest: 'turbidite'.; presets: passive"):
        Scenario.preset("turbidites")
    with pytest.raises(ConfigError, match="no scenario preset None"):
        Scenario.preset(None)


def test_vector_is_scaled_over_the_training_range() -> None:
    vector = Scenario.random(3).vector()
    assert vector.shape == (N_CONTROLS,)
    assert vector.dtype == np.float32
    assert np.abs(vector).max() <= 1.0 + 1e-6


def test_round_trip() -> None:
    scenario = Scenario.random(5)
    assert Scenario.from_dict(scenario.to_dict()) == scenario


def test_words_follow_the_figures() -> None:
    text = Scenario.preset("rift").describe()
    assert text.startswith("A shelf under 200 m of water: some sandstone (net-to-gross 0.14)")
    for part in ("Densely faulted (0.75; horsts and grabens; most grew with the layers)",
                 "two unconformities", "no salt", "rocks of the family North Sea"):
        assert part in text
    assert "salt domes (about 0.7 per 36 km2)" in Scenario.preset("salt basin").describe()
    assert "Not faulted; not folded" in Scenario(faulting=0, folding=0, polygonal=0).describe()
    bare = dict.fromkeys(("channels", "lobes", "deltas", "buildups", "karst", "mass_transport",
                          "canyons"), 0.0)
    assert "No channels or other bodies." in Scenario(**bare).describe()


@pytest.mark.parametrize("end", [0, 1])
def test_every_corner_of_the_ranges_can_be_told(end) -> None:
    for name in RANGES:
        text = Scenario(**{name: RANGES[name][end]}).describe()
        assert 4 <= text.count(". ") + 1 <= 6
        assert "  " not in text
