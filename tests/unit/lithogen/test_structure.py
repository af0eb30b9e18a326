"""Structure: unbounded, the same in any window, monotonic, with throw and pinch-outs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from lithogen.grid import Spacing, Window
from lithogen.scenario import Scenario
from lithogen.structure import Structure
from lithogen.structure.belts import channel_distance, draw_belt
from lithogen.structure.faults import Fault, undo_fault
from lithogen.structure.velocity import BackgroundVelocity
from lithogen.structure.waves import PlaneWaves

SPACING = Spacing()
FLAT = Scenario(faulting=0.0, folding=0.0, thickness_variation=0.0, unconformities=0, channels=0.0)
# Single precision of ages up to some 40 s leaves millionths; between two arrays a sine may
# differ in its last bit.
AGE_TOLERANCE_MS = 0.02


@pytest.mark.parametrize("seed", [0, 3, 11])
@pytest.mark.parametrize("origin", [(0, 0, 0), (-70, 33, 40), (20_000, -31_000, 5)])
def test_part_equals_whole(seed, origin) -> None:
    structure = Structure.random(seed)
    whole = Window(origin, (24, 40, 48))
    part = Window(tuple(o + 7 for o in origin), (10, 20, 30))
    box = part.slices_in(whole)
    big, small = structure.evaluate(whole, SPACING), structure.evaluate(part, SPACING)
    far = (big.age[box] - small.age).abs() > AGE_TOLERANCE_MS
    assert far.float().mean() < 1e-4
    assert (big.channel[box] - small.channel).abs().mean() < 1e-3
    assert (big.fault[box] - small.fault).abs().max() < 0.02


@pytest.mark.parametrize("seed", range(6))
def test_age_increases_downward_within_a_sequence(seed) -> None:
    scenario = dataclasses.replace(Scenario.random(seed), faulting=0.0)
    fields = Structure(seed, scenario).evaluate(Window((5, 9, 0), (16, 32, 200)), SPACING)
    step = fields.age.diff(dim=2)
    same = fields.sequence.diff(dim=2) == 0
    assert bool((step[same] > 0).all())
    assert bool((fields.sequence.diff(dim=2) >= 0).all())
    assert bool((step > 0).all())
    assert bool((fields.rate > 0).all())


def test_rate_is_the_derivative_of_age() -> None:
    scenario = dataclasses.replace(Scenario.random(4), faulting=0.0)
    fine = Spacing(dt_s=0.0002)
    fields = Structure(4, scenario).evaluate(Window((0, 0, 500), (4, 4, 900)), fine)
    numeric = (fields.age[..., 2:] - fields.age[..., :-2]) / 0.4
    inner = fields.sequence[..., 2:] == fields.sequence[..., :-2]
    error = (numeric - fields.rate[..., 1:-1]).abs()[inner]
    # Differences of single-precision ages over 0.4 ms are good to a few hundredths.
    assert float(error.median()) < 0.01
    assert float(error.quantile(0.99)) < 0.2


def test_without_events_age_is_two_way_time() -> None:
    fields = Structure(1, FLAT).evaluate(Window((0, 0, 10), (4, 4, 20)), SPACING)
    twt_ms = (10 + torch.arange(20)) * 4.0
    assert torch.allclose(fields.age, twt_ms.expand(4, 4, 20), atol=1e-3)
    assert float(fields.fault.max()) == 0.0
    assert float(fields.channel.max()) == 0.0


def _fault(**changes: float) -> Fault:
    values = {"x_m": 1000.0, "y_m": 400.0, "twt_ms": 400.0, "strike_rad": np.pi / 2,
              "dip_rad": np.deg2rad(60.0), "length_m": 1500.0, "height_m": 900.0,
              "reach_m": 500.0, "displacement_m": 60.0, "bend": 0.0, "metres_per_ms": 1.2}
    return Fault(**(values | changes))


def _undo(fault: Fault, shape=(33, 80, 200)):
    axes = (np.arange(shape[0]) * 25.0, np.arange(shape[1]) * 25.0, np.arange(shape[2]) * 4.0)
    time = torch.from_numpy(axes[2].astype(np.float32)).expand(shape).clone()
    start = time.clone()
    likelihood, throw = torch.zeros(shape), torch.zeros(shape)
    undo_fault(fault, time, likelihood, throw, axes)
    return time - start, likelihood, throw


def test_fault_has_the_throw_that_it_says() -> None:
    shift, likelihood, throw = _undo(_fault())
    row = shift[16, :, 100]
    jump = float((row[1:] - row[:-1]).abs().max())
    wanted = 60.0 * np.sin(np.deg2rad(60.0)) / 1.2
    # The plane's corrugation and half a cell of drag on both sides take a few percent.
    assert jump == pytest.approx(wanted, rel=0.15)
    assert float(throw.max()) == pytest.approx(wanted, rel=0.05)
    assert float(likelihood.max()) > 0.9


def test_fault_dies_at_its_tips() -> None:
    shift, _, _ = _undo(_fault(length_m=600.0, height_m=300.0, reach_m=100.0), shape=(80, 80, 200))
    along = shift.abs().amax(dim=(1, 2))
    assert float(along[16]) > 10.0
    assert float(along[60:].max()) == 0.0
    assert float(shift[16, :, -20:].abs().max()) == 0.0


def test_normal_fault_lowers_the_hanging_wall() -> None:
    shift, _, _ = _undo(_fault())
    row = shift[16, :, 100]
    k = int((row[1:] - row[:-1]).abs().argmax())
    left, right = float(row[k]), float(row[k + 1])
    # Strike 90 degrees dips towards -x: the hanging wall, at smaller x, came from above.
    assert left < 0 < right


def test_faulting_zero_means_none_and_one_means_many() -> None:
    window = Window((0, 0, 0), (16, 128, 128))
    none = Structure(5, dataclasses.replace(FLAT, faulting=0.0)).evaluate(window, SPACING)
    many = [Structure(s, dataclasses.replace(FLAT, faulting=1.0)).evaluate(window, SPACING)
            for s in range(6)]
    assert float(none.fault.max()) == 0.0
    assert sum(float(f.fault.max()) > 0.5 for f in many) >= 3


def test_pinch_outs_leave_out_ages() -> None:
    scenario = dataclasses.replace(FLAT, thickness_variation=1.0)
    fields = Structure(2, scenario).evaluate(Window((0, 0, 0), (4, 400, 200)), SPACING)
    # Somewhere a voxel spans more than five times its own time: beds are missing there.
    assert float(fields.rate.max()) > 5.0
    assert float(fields.rate.min()) > 0.2


def test_unconformity_cuts_dipping_layers() -> None:
    scenario = dataclasses.replace(FLAT, unconformities=1, folding=1.0)
    fields = Structure(3, scenario).evaluate(Window((0, 0, 0), (2, 600, 256)), SPACING)
    below = fields.sequence == 1
    first = below.to(torch.int8).argmax(dim=2)
    ages = fields.age[0, torch.arange(600), first[0].long()]
    assert float(ages.max() - ages.min()) > 20.0, "erosion reaches layers of different age"


def test_channels_are_as_wide_as_they_say() -> None:
    scenario = dataclasses.replace(FLAT, channels=1.0)
    velocity = BackgroundVelocity.from_scenario(scenario)
    checked = 0
    for interval in range(12):
        belt = draw_belt(9, scenario, velocity, interval)
        if belt is None:
            continue
        axis = np.arange(0, 20_000, 20.0)
        distance = channel_distance(belt, 9, interval, axis[:200], axis)
        share = float((distance < 1).mean())
        expected = 0.75 * belt.width_m / belt.spacing_m
        assert 0.2 * expected < share < 3.0 * expected
        checked += 1
    assert checked >= 5


def test_cover_matches_the_cross_section() -> None:
    scenario = dataclasses.replace(FLAT, channels=1.0)
    fields = Structure(9, scenario).evaluate(Window((0, 0, 0), (48, 160, 200)), SPACING)
    assert 0.001 < float(fields.channel.mean()) < 0.3
    assert bool((fields.sand_channel <= fields.channel + 1e-6).all())
    assert 0 <= float(fields.channel.min()) <= float(fields.channel.max()) <= 1.0


def test_plane_waves_have_unit_variance_and_their_gradient() -> None:
    waves = PlaneWaves.random(1, "t", wavelength_m=(500.0, 3000.0))
    y, x = np.arange(0, 60_000, 137.0), np.arange(0, 60_000, 151.0)
    assert waves(y, x).std() == pytest.approx(1.0, abs=0.1)
    d_y, d_x = waves.gradient(y[:5], x[:5])
    step = 0.01
    numeric = (waves(y[:5] + step, x[:5]) - waves(y[:5] - step, x[:5])) / (2 * step)
    assert np.abs(d_y - numeric).max() < 1e-6
    numeric = (waves(y[:5], x[:5] + step) - waves(y[:5], x[:5] - step)) / (2 * step)
    assert np.abs(d_x - numeric).max() < 1e-6


def test_depth_is_the_integral_of_velocity() -> None:
    velocity = BackgroundVelocity(1900.0, 0.7)
    twt = np.linspace(0, 6, 60_001)
    numeric = np.concatenate([[0], np.cumsum(0.5 * velocity.velocity(twt)[1:] * np.diff(twt))])
    assert np.abs(velocity.depth(twt) - numeric).max() < 0.3
