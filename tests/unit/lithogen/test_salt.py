"""Salt domes: in place, widening downward, dragging their flanks, and the same in any window."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from lithogen.scenario import Scenario
from lithogen.structure import salt
from lithogen.structure.salt import SaltDome, domes_near, salt_top_ms, undo_dome, uplift_ms
from lithogen.structure.velocity import BackgroundVelocity

WORLD = Scenario(salt=1.0)
VELOCITY = BackgroundVelocity.from_scenario(WORLD)
TWT_MS = np.arange(0.0, 3000.0, 8.0)
# float32 holds times of 3000 ms to 2e-4 ms; a step of 8 ms differs by twice that.
STEP_TOLERANCE_MS = 1e-3
# Half a kilometre of salt flank may not bend the layers by more than this per 25 m and 25 m:
# a kink of 10 degrees would give 4 ms at 2200 m/s.
KINK_MS = 2.0


def axis(first_m: float, last_m: float, step_m: float = 100.0) -> np.ndarray:
    return np.arange(first_m, last_m, step_m)


def domes(seed: int, y_m: np.ndarray, x_m: np.ndarray, world: Scenario = WORLD) -> list[SaltDome]:
    return list(domes_near(seed, world, VELOCITY, y_m, x_m))


def times(y_m: np.ndarray, x_m: np.ndarray) -> torch.Tensor:
    whole = torch.from_numpy(TWT_MS.astype(np.float32))
    return whole.expand(len(y_m), len(x_m), len(TWT_MS)).clone()


@pytest.fixture(scope="module")
def one() -> SaltDome:
    """A dome of middling size at the origin."""
    found = domes(3, axis(0, 30000), axis(0, 30000))
    dome = min(found, key=lambda d: abs(d.radius_m - 1200.0) + abs(d.crest_ms - 700.0))
    return dataclasses.replace(dome, y_m=0.0, x_m=0.0)


def test_no_salt_no_domes() -> None:
    assert domes(3, axis(0, 30000), axis(0, 30000), Scenario(salt=0.0)) == []


@pytest.mark.parametrize("density", [0.2, 0.7, 1.0])
def test_density_is_domes_per_cell(density) -> None:
    side = 40
    span = axis(0, side * salt.CELL_M, salt.CELL_M / 2)
    found = domes(5, span, span, Scenario(salt=density))
    inside = sum(0 <= d.y_m < side * salt.CELL_M and 0 <= d.x_m < side * salt.CELL_M
                 for d in found)
    # Four standard deviations of a share among 1600 cells.
    spread = 4 * np.sqrt(density * (1 - density) * side**2)
    assert abs(inside - density * side**2) <= spread


def test_domes_stay_in_their_promised_sizes() -> None:
    span = axis(-90000, 90000, 3000.0)
    found = domes(11, span, span)
    assert len({d.number for d in found}) == len(found) > 500
    for dome in found:
        assert salt.RADIUS_M[0] <= dome.radius_m <= salt.RADIUS_M[1]
        assert salt.CREST_MS[0] <= dome.crest_ms <= salt.CREST_MS[1]
    radii = [d.radius_m for d in found]
    assert min(radii) < 700 and max(radii) > 2200


@pytest.mark.parametrize("seed", [1, 2])
def test_culling_leaves_out_only_what_does_nothing(seed) -> None:
    y_m, x_m = axis(-3000, 200, 200.0), axis(7000, 10200, 200.0)
    near = domes(seed, y_m, x_m)
    wide = domes(seed, axis(-40000, 40000, 500.0), axis(-30000, 50000, 500.0))
    assert near == [d for d in wide if d in near]
    for dome in wide:
        if dome not in near:
            assert not uplift_ms(dome, y_m, x_m).any()
            assert np.isinf(salt_top_ms(dome, y_m, x_m)).all()


def test_a_part_equals_the_crop_of_the_whole() -> None:
    y_m, x_m = axis(-7000, -1000), axis(12000, 19000)
    rows, cols = slice(13, 48), slice(7, 56)
    whole, part = times(y_m, x_m), times(y_m[rows], x_m[cols])
    top = np.full((len(y_m), len(x_m)), np.inf)
    part_top = top[rows, cols].copy()
    for dome in domes(3, y_m, x_m):
        undo_dome(dome, whole, (y_m, x_m, TWT_MS))
        top = np.minimum(top, salt_top_ms(dome, y_m, x_m))
    for dome in domes(3, y_m[rows], x_m[cols]):
        undo_dome(dome, part, (y_m[rows], x_m[cols], TWT_MS))
        part_top = np.minimum(part_top, salt_top_ms(dome, y_m[rows], x_m[cols]))
    assert np.isfinite(top).any()
    assert_array_equal(part.numpy(), whole[rows, cols].numpy())
    assert_array_equal(part_top, top[rows, cols])


def test_blocks_do_not_show(one, monkeypatch) -> None:
    y_m = x_m = axis(-3000, 3000, 200.0)
    whole, blocked = times(y_m, x_m), times(y_m, x_m)
    undo_dome(one, whole, (y_m, x_m, TWT_MS))
    monkeypatch.setattr(salt, "BLOCK_VOXELS", 1)
    undo_dome(one, blocked, (y_m, x_m, TWT_MS))
    assert_array_equal(blocked.numpy(), whole.numpy())


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_time_stays_in_order_at_any_dome(seed) -> None:
    """No dome changes the shift by 0.6 ms per ms or more; ages keep increasing with time."""
    span = axis(-60000, 60000, 3000.0)
    for dome in domes(seed, span, span)[::12]:
        line = np.array([dome.y_m]), dome.x_m + axis(0, 3 * dome.radius_m, 150.0)
        time = times(*line)
        undo_dome(dome, time, (*line, TWT_MS))
        step = np.diff(time.numpy().astype(np.float64), axis=2)
        assert np.abs(step / 8.0 - 1.0).max() < 0.6 + STEP_TOLERANCE_MS


def test_salt_is_steep_and_widens_downward(one) -> None:
    y_m = x_m = axis(-5000, 5000, 25.0)
    top = salt_top_ms(one, y_m, x_m)
    assert top.min() == pytest.approx(one.crest_ms, abs=1.0)
    areas = [(top < one.crest_ms + d).sum() for d in (50, 300, 1000, 3000)]
    assert areas == sorted(areas) and areas[-1] > 1.3 * areas[1]
    assert np.isinf(top[0]).all() and np.isfinite(top).any()
    section = top[200][np.isfinite(top[200])]
    steep = np.diff(section)[np.abs(section[1:] - one.crest_ms - 1200) < 500]
    assert steep.size > 4
    # One way: ms per 25 m over two-way 2500 m/s; steeper than 55 degrees.
    assert (np.abs(steep) * 1.25 / 25.0 > np.tan(np.deg2rad(55))).all()


def test_outline_is_no_circle(one) -> None:
    y_m = x_m = axis(-4000, 4000, 25.0)
    inside = np.argwhere(salt_top_ms(one, y_m, x_m) < one.crest_ms + 800.0)
    reach = [np.ptp(inside @ np.array([np.sin(a), np.cos(a)])) for a in np.arange(0, np.pi, 0.1)]
    assert max(reach) > 1.08 * min(reach)


def test_layers_rise_beside_the_stock_and_sink_in_the_rim(one) -> None:
    line = np.array([0.0]), axis(0, 5.5 * one.radius_m, 25.0)
    uplift = uplift_ms(one, *line)[0]
    at_contact = salt_top_ms(one, *line)[0] < TWT_MS[-1]
    contact_m = line[1][at_contact].max()
    assert uplift[0] == uplift.max() == pytest.approx(one.uplift_ms)
    assert uplift[at_contact].min() > 0.1 * one.uplift_ms
    assert -0.3 * one.uplift_ms < uplift.min() < -0.02 * one.uplift_ms
    assert 1.2 * contact_m < line[1][uplift.argmin()] < 2.5 * contact_m
    assert not uplift[line[1] > one.half_extent_m()].any()


def test_roof_thins_and_nothing_moves_above_it(one) -> None:
    here = np.array([0.0]), np.array([0.0])
    time = times(*here)
    undo_dome(one, time, (*here, TWT_MS))
    shift = time.numpy()[0, 0] - TWT_MS
    assert not shift[one.crest_ms - one.roof_ms >= TWT_MS].any()
    assert (np.diff(shift)[TWT_MS[1:] > one.crest_ms - one.roof_ms + 8.0] > 0).all()
    assert 0.2 * one.uplift_ms < shift[one.crest_ms > TWT_MS].max() < one.uplift_ms


def test_no_kinks_in_the_layers(one) -> None:
    y_m = x_m = axis(-4000, 4000, 25.0)
    uplift = uplift_ms(one, y_m, x_m)
    for along in (0, 1):
        assert np.abs(np.diff(uplift, n=2, axis=along)).max() < KINK_MS


def test_a_dome_far_away_touches_nothing(one) -> None:
    y_m = x_m = axis(1e5, 1e5 + 1000)
    time = times(y_m, x_m)
    undo_dome(one, time, (y_m, x_m, TWT_MS))
    assert_array_equal(time.numpy(), times(y_m, x_m).numpy())
