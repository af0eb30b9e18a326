"""Faults: throw, tips, drag, growth, styles; order of beds; the same in any window."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from lithogen.errors import ConfigError
from lithogen.scenario import FAULT_STYLES, Scenario
from lithogen.structure import fault_styles
from lithogen.structure.fault_styles import Fault, setting_of, systems_in_cell
from lithogen.structure.faults import MARGIN_MS, faults_near, undo_fault
from lithogen.structure.polygonal import MAX_EXTENT_M, THICKNESS_MS, tiers_between
from lithogen.structure.velocity import BackgroundVelocity

VELOCITY = BackgroundVelocity(1900.0, 0.55)
# Half a cell of taper and corrugation lie between the two voxels on either side of a plane.
THROW_TOLERANCE = 0.1
# Single-precision times of 2000 ms are good to 1e-4 ms; some faults add up.
TIME_TOLERANCE_MS = 2e-3
PLAIN = Fault(
    x_m=1000.0, y_m=400.0, twt_ms=400.0, strike_rad=np.pi / 2, dip_rad=np.deg2rad(60.0),
    length_m=1500.0, height_m=900.0, reach_m=500.0, displacement_m=60.0, bend=0.0,
    metres_per_ms=1.2,
)


def _axes(shape, origin=(0, 0, 0)):
    return tuple(
        (first + np.arange(n)) * step
        for first, n, step in zip(origin, shape, (25.0, 25.0, 4.0), strict=True)
    )


def _undo(faults, axes):
    shape = tuple(len(axis) for axis in axes)
    start = torch.from_numpy(axes[2].astype(np.float32)).expand(shape)
    time, likelihood, throw = start.clone(), torch.zeros(shape), torch.zeros(shape)
    for fault in faults:
        undo_fault(fault, time, likelihood, throw, axes)
    return time - start, likelihood, throw


def _systems(style, n_cell=24, growth=0.5):
    setting = setting_of(
        Scenario(faulting=1.0, fault_style=style, growth=growth), VELOCITY, stage=0
    )
    return [systems_in_cell(cell, setting, 0, 3, -2) for cell in range(n_cell)]


def test_fault_has_the_throw_that_it_says() -> None:
    shift, likelihood, throw = _undo([PLAIN], _axes((33, 80, 200)))
    row = shift[16, :, 100]
    jump = float((row[1:] - row[:-1]).max())
    wanted = 60.0 * np.sin(np.deg2rad(60.0)) / 1.2
    assert PLAIN.throw_ms == pytest.approx(wanted)
    assert jump == pytest.approx(wanted, rel=THROW_TOLERANCE)
    assert float(throw.max()) == pytest.approx(wanted, rel=THROW_TOLERANCE)
    assert float(likelihood.max()) > 0.9


def test_fault_dies_at_its_tips() -> None:
    small = dataclasses.replace(
        PLAIN, length_m=600.0, height_m=300.0, reach_m=100.0, footwall_reach_m=100.0
    )
    shift, likelihood, _ = _undo([small], _axes((80, 80, 200)))
    along = shift.abs().amax(dim=(1, 2))
    assert float(along[16]) > 10.0
    assert bool((along[16:41].diff() <= 1e-3).all()), "displacement falls towards the tip"
    assert float(along[41:].max()) == 0.0
    assert float(shift[16, :, -20:].abs().max()) == 0.0
    assert float(likelihood[41:].max()) == 0.0


def test_normal_fault_lowers_the_hanging_wall() -> None:
    shift, _, _ = _undo([PLAIN], _axes((33, 80, 200)))
    row = shift[16, :, 100]
    k = int((row[1:] - row[:-1]).abs().argmax())
    # Strike 90 degrees dips towards -x: the hanging wall, at smaller x, came from above.
    assert float(row[k]) < 0 < float(row[k + 1])


def test_layers_roll_over_towards_the_fault_without_drag_and_bend_back_with_it() -> None:
    def beside(drag):
        fault = dataclasses.replace(
            PLAIN, drag=drag, drag_width_m=200.0, hanging_share=1.0, reach_m=900.0
        )
        shift = _undo([fault], _axes((33, 80, 200)))[0][16, :, 100]
        edge = int((shift[1:] - shift[:-1]).argmax())
        return shift[: edge + 1].flip(0)

    plain, dragged = beside(0.0), beside(0.4)
    assert bool((plain[:15].diff() > 0).all()), "reverse drag: lowest at the plane"
    assert int(dragged.argmin()) >= 2, "normal drag: lowest some way off the plane"
    assert float(dragged[0]) > float(plain[0]) + 8.0
    far = slice(10, 20)
    assert torch.equal(dragged[far], plain[far])


def test_listric_plane_flattens_downward() -> None:
    fault = dataclasses.replace(PLAIN, dip_rad=np.deg2rad(45.0), listric=0.8, height_m=700.0)
    _, likelihood, _ = _undo([fault], _axes((17, 100, 200)))
    at = likelihood[16].argmax(dim=0).numpy() * 25.0

    def slope(first, last):
        return abs(at[last] - at[first]) / ((last - first) * 4.0 * fault.metres_per_ms)

    upper, lower = slope(40, 80), slope(120, 160)
    assert upper == pytest.approx(1.0 - 0.4, abs=0.2)
    assert lower == pytest.approx(1.0 + 0.4, abs=0.2)
    with pytest.raises(ConfigError, match=r"listric is 1\.2, wanted 0 to below 1\.00"):
        dataclasses.replace(fault, listric=1.2)


def test_growth_strata_are_thicker_in_the_hanging_wall_and_undisturbed_above() -> None:
    fault = dataclasses.replace(
        PLAIN, hanging_share=1.0, growth_top_ms=250.0, growth_ms=150.0, height_m=2000.0,
        length_m=4000.0, reach_m=900.0,
    )
    axes = _axes((33, 120, 200))
    shift, _, throw = _undo([fault], axes)
    restored = shift + torch.from_numpy(axes[2].astype(np.float32))
    assert float(shift[..., axes[2] <= 250.0].abs().max()) == 0.0
    edge = int((shift[16, 1:, 100] - shift[16, :-1, 100]).argmax())

    def thickness(column, first_ms, last_ms):
        place = np.interp([first_ms, last_ms], restored[16, column].numpy(), axes[2])
        return place[1] - place[0]

    near, far = thickness(edge - 12, 250.0, 350.0), thickness(edge - 24, 250.0, 350.0)
    # Above the fault plane both columns keep to the hanging wall over the whole interval.
    assert near > far > 102.0, "wedge: thickest next to the fault"
    assert thickness(edge + 20, 250.0, 350.0) == pytest.approx(100.0, abs=0.01)
    assert float(throw[16, :, 65].max()) < 0.5 * float(throw[16, :, 130].max())


def test_bed_order_survives_within_each_wall() -> None:
    faults = [f for style in FAULT_STYLES for cell in _systems(style, 4) for f in cell]
    steepest = [fault.steepest() for fault in faults]
    assert max(steepest) <= fault_styles.STEEPEST + 1e-9
    for fault in sorted(faults, key=Fault.steepest)[-6:]:
        # Straight and along y, so that the side of the plane is known without the code under test.
        straight = dataclasses.replace(fault, bend=0.0, corrugation=0.0, strike_rad=np.pi / 2)
        y_m = fault.y_m + np.array([0.0, 0.4 * fault.length_m])
        # Off the centre by an odd distance: no voxel lies on the plane itself.
        x_m = fault.x_m + 7.3 + np.arange(-3000.0, 3000.0, 50.0)
        twt_ms = fault.twt_ms + np.arange(-1000.0, 1000.0, 1.0)
        step = _undo([straight], (y_m, x_m, twt_ms))[0].diff(dim=2)
        depth = np.arange(-1000.0, 1000.0, 1.0) * fault.metres_per_ms
        plane = depth / np.tan(fault.dip_rad) + 0.5 * fault.listric * depth**2 / fault.half_depth_m
        is_hanging = torch.from_numpy((fault.x_m - x_m)[:, None] > plane)
        is_crossed = (is_hanging[:, 1:] != is_hanging[:, :-1]).expand_as(step)
        assert float(step[~is_crossed].abs().max()) < 0.6
        assert float(step[is_crossed].min()) > -0.6, "layers are missing at the plane, never twice"
        assert float(step[is_crossed].max()) > 5.0


def test_faults_outside_of_a_window_change_nothing_in_it() -> None:
    scenario = Scenario(faulting=1.0, growth=0.5, polygonal=0.0)
    axes = _axes((20, 20, 64), (40, -30, 100))
    kept = list(faults_near(3, scenario, VELOCITY, *axes))
    wide = _axes((900, 900, 1200), (-400, -470, -100))
    culled = [f for f in faults_near(3, scenario, VELOCITY, *wide) if f not in kept]
    assert len(kept) >= 1 and len(culled) > 20
    shift, likelihood, _ = _undo(culled, axes)
    assert float(shift.abs().max()) == 0.0
    assert float(likelihood.max()) == 0.0
    both = [f for f in faults_near(3, scenario, VELOCITY, *wide) if f in kept]
    assert both == kept, "the order is that of absolute cells"


@pytest.mark.parametrize("origin", [(0, 0, 0), (-3000, 2210, 40)])
def test_part_equals_whole(origin) -> None:
    scenario = Scenario(faulting=1.0, growth=0.4, polygonal=1.0, fault_style="horst_graben")
    whole, part = _axes((40, 48, 160), origin), _axes((17, 20, 50), [o + 9 for o in origin])
    box = slice(9, 26), slice(9, 29), slice(9, 59)
    for one, two in zip(
        _undo(faults_near(8, scenario, VELOCITY, *whole), whole),
        _undo(faults_near(8, scenario, VELOCITY, *part), part), strict=True,
    ):
        assert float((one[box] - two).abs().max()) < TIME_TOLERANCE_MS


def test_points_moved_by_younger_events_are_found() -> None:
    axes = _axes((33, 80, 60), (0, 0, 150))
    moved = torch.from_numpy(axes[2].astype(np.float32) - 500.0).expand(33, 80, 60).clone()
    start, empty = moved.clone(), torch.zeros(33, 80, 60)
    undo_fault(PLAIN, moved, empty.clone(), empty.clone(), axes)
    assert axes[2][0] > PLAIN.time_range_ms()[0] and MARGIN_MS > 500.0
    assert float((moved - start).abs().max()) > 10.0


def test_no_fault_reaches_beyond_the_cells_that_are_searched() -> None:
    reach = fault_styles.MAX_EXTENT_M
    for style in FAULT_STYLES:
        for fault in (f for cell in _systems(style) for f in cell):
            y_first, y_last, x_first, x_last = fault.lateral_box_m()
            assert y_first > 3 * 8000.0 - reach and y_last < 4 * 8000.0 + reach
            assert x_first > -2 * 8000.0 - reach and x_last < -1 * 8000.0 + reach


@pytest.mark.parametrize("style", FAULT_STYLES)
def test_density_throw_and_length_are_as_documented(style) -> None:
    cells = _systems(style, 60)
    per_100_km2 = np.mean([len(cell) for cell in cells]) / 0.64
    faults = [fault for cell in cells for fault in cell]
    throw = np.array([fault.throw_ms for fault in faults])
    # 60 cells of three systems: four standard errors of a mean of 4 faults a system.
    assert per_100_km2 == pytest.approx(19.0, abs=2.0)
    assert 20.0 < np.median(throw) < 70.0
    assert max(f.displacement_m for f in faults) <= fault_styles.MAX_DISPLACEMENT_M + 1e-6
    assert max(f.length_m * (1 + abs(f.skew)) for f in faults) <= 5000.0 + 1e-6
    assert min(f.length_m for f in faults) >= 700.0 * 0.7
    grown = np.mean([fault.growth_ms > 0 for fault in faults])
    assert grown == pytest.approx(0.5, abs=0.2)


def _first_system(style, seed):
    setting = setting_of(Scenario(faulting=0.1, fault_style=style), VELOCITY, stage=0)
    for row in range(200):
        system = systems_in_cell(seed, setting, 0, row, 0)
        if 2 <= len(system) <= 6 and max(abs(f.twt_ms - system[0].twt_ms) for f in system) < 170:
            return system
    raise AssertionError(f"no {style} system in 200 cells")


@pytest.mark.parametrize("seed", range(5))
def test_horst_and_graben_alternate_and_dominoes_do_not(seed) -> None:
    def sides(style):
        system = _first_system(style, seed)
        strike = np.array([fault.strike_rad for fault in system])
        return np.cos(strike - strike[0])

    graben = sides("horst_graben")
    assert (graben[1::2] < -0.7).all() and (graben[::2] > 0.7).all()
    assert (sides("staircase") > 0.8).all()


@pytest.mark.parametrize("seed", range(5))
def test_splays_leave_the_master_at_an_acute_angle_from_its_trace(seed) -> None:
    master, *splays = _first_system("branching", seed)
    assert len(splays) >= 2
    for splay in splays:
        turn = np.rad2deg(splay.strike_rad - master.strike_rad)
        assert 15.0 < abs(turn) < 42.0
        near = splay.length_m * (1 - abs(splay.skew)) * -np.sign(splay.skew)
        dx = splay.x_m + near * np.cos(splay.strike_rad) - master.x_m
        dy = splay.y_m + near * np.sin(splay.strike_rad) - master.y_m
        across = -dx * np.sin(master.strike_rad) + dy * np.cos(master.strike_rad)
        along = dx * np.cos(master.strike_rad) + dy * np.sin(master.strike_rad)
        assert abs(across) < 60.0, "the branch point lies on the master"
        assert abs(along) < master.length_m


@pytest.mark.parametrize("seed", range(5))
def test_relay_segments_overlap_and_step_to_one_side(seed) -> None:
    system = _first_system("relay", seed)
    strike = np.mean([fault.strike_rad for fault in system])
    x_m, y_m = (np.array([getattr(f, name) for f in system]) for name in ("x_m", "y_m"))
    along = x_m * np.cos(strike) + y_m * np.sin(strike)
    across = -x_m * np.sin(strike) + y_m * np.cos(strike)
    length = np.array([fault.length_m for fault in system])
    assert (np.abs(np.diff(along)) < 1.9 * np.minimum(length[1:], length[:-1]) * 1.1).all()
    step = np.diff(across)
    assert (np.sign(step) == np.sign(step[0])).all()


def test_faulting_zero_means_none() -> None:
    axes = _axes((400, 400, 500))
    none = Scenario(faulting=0.0, polygonal=0.0)
    assert list(faults_near(5, none, VELOCITY, *axes)) == []


def test_older_stages_are_other_faults_half_as_many() -> None:
    axes = _axes((1600, 1600, 800))
    scenario = Scenario(faulting=1.0, polygonal=0.0)
    young, old, older = (
        list(faults_near(5, scenario, VELOCITY, *axes, stage=stage)) for stage in range(3)
    )
    assert not {f.x_m for f in young} & {f.x_m for f in old}
    assert not {f.x_m for f in older} & {f.x_m for f in old}
    # More than 80 systems against half as many: the ratio is good to some 15 %.
    assert 0.35 < len(old) / len(young) < 0.65
    with pytest.raises(ConfigError, match="stage is -1"):
        next(faults_near(5, scenario, VELOCITY, *axes, stage=-1))


def test_polygonal_faults_stay_in_their_tier_in_all_directions() -> None:
    scenario = Scenario(faulting=0.0, polygonal=1.0)
    (tier, *_) = tiers_between(5, scenario, 900.0, 1200.0)
    axes = np.arange(0, 8000.0, 50.0), np.arange(0, 8000.0, 50.0), np.arange(0.0, 2400.0, 8.0)
    faults = [
        fault for fault in faults_near(5, scenario, VELOCITY, *axes)
        if fault.twt_ms == tier.twt_ms
    ]
    assert len(faults) > 40
    assert THICKNESS_MS[0] <= 2 * tier.half_time_ms <= THICKNESS_MS[1]
    for fault in faults:
        first, last = fault.time_range_ms()
        assert first >= tier.twt_ms - tier.half_time_ms - 1e-6
        assert last <= tier.twt_ms + tier.half_time_ms + 1e-6
        assert 150.0 <= fault.length_m <= 500.0
        assert fault.displacement_m <= 25.0
        assert fault.steepest() <= 0.5 + 1e-9
        y_first, y_last, x_first, x_last = fault.lateral_box_m()
        assert max(y_last - fault.y_m, fault.y_m - y_first) < MAX_EXTENT_M
        assert max(x_last - fault.x_m, fault.x_m - x_first) < MAX_EXTENT_M
    quarter = np.histogram([f.strike_rad % np.pi for f in faults], 4, (0, np.pi))[0]
    assert quarter.min() > 0.1 * len(faults)
    assert list(tiers_between(5, Scenario(polygonal=0.0), 0.0, 3000.0)) == []
