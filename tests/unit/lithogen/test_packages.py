"""Packages: ages of columns as sums of products; condensed, prograding, pinched-out layers."""

from __future__ import annotations

import numpy as np
import pytest

from lithogen.scenario import Scenario
from lithogen.structure.bodies import SEQUENCE_OFFSET_MS
from lithogen.structure.packages import TURN_M, belt_maps, columns, draw_packages, nominal_ms

PLAIN = Scenario(thickness_variation=0.0, clinoforms=0.0, lateral_change=0.0)
# Matrix products of float64 in another order.
ROUNDING_MS = 1e-6
S_MS = np.arange(-200.0, 3000.0, 1.0)
WIDE_Y, WIDE_X = np.arange(4) * 9000.0, np.arange(40) * 1100.0


def ages(seed: int, scenario: Scenario, s_ms=S_MS, y_m=WIDE_Y, x_m=WIDE_X, number: int = 0):
    """Age and rate of every column, (n_iline, n_xline, n_node)."""
    found = columns(seed, scenario, number, s_ms, y_m, x_m)
    return tuple(np.tensordot(found.maps, f, axes=(0, 0)) for f in (found.age, found.rate))


def test_without_variation_age_is_unfolded_time() -> None:
    for number in (0, 2):
        age, rate = ages(4, PLAIN, number=number)
        assert np.abs(age - number * SEQUENCE_OFFSET_MS - S_MS).max() < ROUNDING_MS
        assert np.abs(rate - 1.0).max() < ROUNDING_MS


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("clinoforms", [0.0, 1.0])
def test_age_increases_downward_at_the_strongest_variation(seed, clinoforms) -> None:
    scenario = PLAIN.with_(thickness_variation=1.0, clinoforms=clinoforms)
    age, rate = ages(seed, scenario)
    assert (np.diff(age, axis=-1) > 0).all()
    assert (rate > 0).all()


@pytest.mark.parametrize("seed", [1, 5])
def test_rate_is_the_derivative_of_age(seed) -> None:
    scenario = PLAIN.with_(thickness_variation=1.0, clinoforms=0.5)
    fine = np.arange(100.0, 1500.0, 0.01)
    age, rate = ages(seed, scenario, fine, WIDE_Y[:1], WIDE_X[:8])
    numeric = (age[..., 2:] - age[..., :-2]) / 0.02
    error = np.abs(numeric - rate[..., 1:-1])
    # Rates jump between packages, at one step in ten thousand.
    assert np.quantile(error, 0.999) < 0.05
    assert (error > 0.5).mean() < 1e-3


def test_columns_do_not_depend_on_the_nodes_and_axes_asked_for() -> None:
    scenario = Scenario.random(3).with_(thickness_variation=1.0, clinoforms=0.7)
    whole, _ = ages(3, scenario)
    part, _ = ages(3, scenario, S_MS[700:900], WIDE_Y[2:3], WIDE_X[11:17])
    assert np.abs(part - whole[2:3, 11:17, 700:900]).max() < ROUNDING_MS
    whole_maps = [m for m, _, _ in belt_maps(3, scenario, 0, WIDE_Y, WIDE_X)]
    for wide, (small, _, _) in zip(
            whole_maps, belt_maps(3, scenario, 0, WIDE_Y[1:], WIDE_X[5:9]), strict=True):
        assert np.abs(small - wide[1:, 5:9]).max() < ROUNDING_MS


def test_packages_follow_one_another_without_gap() -> None:
    for seed in range(4):
        packages = draw_packages(seed, Scenario(clinoforms=0.5, thickness_variation=1.0), 1)
        tops = np.array([p.top_ms for p in packages])
        ends = tops + [p.thickness_ms for p in packages]
        assert np.abs(ends[:-1] - tops[1:]).max() < ROUNDING_MS
        top_ages = np.array([p.top_age for p in packages])
        spans = np.array([p.span_ms for p in packages])
        assert np.abs(top_ages[:-1] + spans[:-1] - top_ages[1:]).max() < ROUNDING_MS
        assert (spans > 0).all()
        assert abs(float(np.interp(0.0, tops, top_ages))) < ROUNDING_MS


def test_thickness_variation_makes_condensed_and_expanded_packages() -> None:
    rates = np.array([
        p.span_ms / p.thickness_ms for seed in range(10)
        for p in draw_packages(seed, PLAIN.with_(thickness_variation=1.0), 0)])
    # 12 % condensed and 18 % expanded of 1160: within four standard deviations.
    assert abs((rates > 1.01).mean() - 0.12) < 4 * np.sqrt(0.12 * 0.88 / rates.size)
    assert abs((rates < 0.99).mean() - 0.18) < 4 * np.sqrt(0.18 * 0.82 / rates.size)
    assert rates.min() >= 0.39
    assert rates.max() <= 3.21


def test_thickness_changes_over_the_map() -> None:
    age, _ = ages(6, PLAIN.with_(thickness_variation=0.6))
    thickness = age[..., 2000] - age[..., 1000]
    assert thickness.std() > 10.0, "of 1000 ms"
    # Gently: neighbouring columns 1.1 km apart differ by a few per cent.
    assert np.abs(np.diff(thickness, axis=1)).max() < 150.0


def test_pinch_outs_leave_out_ages() -> None:
    steep = 0
    for seed in range(4):
        fine = np.arange(0.0, 2000.0, 0.5)
        _, rate = ages(seed, PLAIN.with_(thickness_variation=1.0), fine, WIDE_Y, WIDE_X)
        # Thickness terms and condensed packages together stay below 1.64 * 3.2.
        is_pinched = rate > 5.5
        steep += is_pinched.any(axis=-1).sum()
        # Beds end there in some columns and go on in others.
        assert not is_pinched.any(axis=-1).all()
    assert steep >= 10


def _prograding(seed: int, scenario: Scenario):
    return [p for p in draw_packages(seed, scenario, 0)
            if p.advance_m > 0.0 and 200.0 < p.top_ms < 1500.0 and p.thickness_ms > 100.0]


def test_clinoforms_dip_in_the_middle_and_are_flat_at_top_and_bottom() -> None:
    scenario = PLAIN.with_(clinoforms=1.0)
    package = _prograding(2, scenario)[0]
    steps = np.arange(0.0, 2 * TURN_M, 50.0)
    # One inline; the shelf edge moves along it unless it runs parallel to the azimuth.
    y_m, x_m = np.zeros(1), steps
    s_ms = package.top_ms + np.linspace(0.001, 0.999, 800) * package.thickness_ms
    age, _ = ages(2, scenario, s_ms, y_m, x_m)
    progress = package.progress(y_m, x_m)[0]
    middle_age = np.median(age[0, :, 400])
    surface = np.array([np.interp(middle_age, a, s_ms, left=np.nan, right=np.nan)
                        for a in age[0]])
    share = (surface - package.top_ms) / package.thickness_ms
    dip = np.abs(np.gradient(surface, progress))
    moving = (np.abs(np.gradient(progress, steps)) > 0.1) & np.isfinite(dip)
    foreset = moving & (np.abs(share - 0.5) < 0.1)
    flat = moving & ((share < 0.06) | (share > 0.94))
    assert foreset.sum() > 3 and flat.sum() > 3
    assert np.median(dip[flat]) < 0.4 * np.median(dip[foreset])
    # It rises landward: where the shelf edge has not arrived yet it is basin floor.
    known = np.isfinite(surface)
    order = np.argsort(progress[known])
    assert (np.diff(surface[known][order]) < 0.5).all()


def test_clinoforms_make_age_at_a_time_change_over_the_map_and_reach_sigmoid_relief() -> None:
    scenario = PLAIN.with_(clinoforms=1.0)
    package = _prograding(5, scenario)[0]
    middle = np.array([package.top_ms + 0.5 * package.thickness_ms])
    axis = np.arange(0.0, 3 * TURN_M, 400.0)
    age, _ = ages(5, scenario, middle, axis, axis)
    # A shelf edge that crosses TURN_M passes through TURN_M / advance of its thickness in age.
    wanted = package.thickness_ms * TURN_M / package.advance_m
    assert np.ptp(age) == pytest.approx(wanted, rel=0.1)


def test_prograding_packages_are_proximal_above_and_distal_below() -> None:
    scenario = PLAIN.with_(clinoforms=1.0, lateral_change=0.8)
    package = _prograding(2, scenario)[0]
    ends = package.top_ms + np.array([0.02, 0.98]) * package.thickness_ms
    found = columns(2, scenario, 0, ends, WIDE_Y, WIDE_X)
    environment = np.tensordot(found.maps, found.environment, axes=(0, 0)).mean(axis=(0, 1))
    assert environment[0] - environment[1] > 0.8


def test_share_of_prograding_packages_is_the_scenarios() -> None:
    found = [p.advance_m > 0.0 for seed in range(12)
             for p in draw_packages(seed, Scenario(clinoforms=0.4), 0) if p.top_ms < 3900.0]
    assert abs(np.mean(found) - 0.4) < 4 * np.sqrt(0.24 / len(found))


def test_environment_varies_as_much_as_lateral_change() -> None:
    spread = []
    for seed in range(6):
        found = columns(seed, PLAIN.with_(lateral_change=0.7), 0, S_MS[::40],
                        np.arange(12) * 15_000.0, np.arange(12) * 15_000.0)
        spread.append(np.tensordot(found.maps, found.environment, axes=(0, 0)).std())
    # Four belts of six waves each over a few wavelengths: a tenth of scatter between worlds.
    assert np.mean(spread) == pytest.approx(0.7, rel=0.15)


def test_nominal_time_is_the_inverse_of_the_packages_ages() -> None:
    packages = draw_packages(9, Scenario(clinoforms=0.6, thickness_variation=1.0), 0)
    tops = np.array([p.top_ms for p in packages])
    got = nominal_ms(packages, np.array([p.top_age for p in packages]))
    assert np.abs(got - tops).max() < ROUNDING_MS
    dense = nominal_ms(packages, np.linspace(packages[0].top_age, packages[-1].top_age, 5000))
    assert (np.diff(dense) > 0).all()
    plain = draw_packages(9, PLAIN, 0)
    assert np.abs(nominal_ms(plain, S_MS) - S_MS).max() < ROUNDING_MS
