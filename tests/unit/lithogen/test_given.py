"""Structure from a user's horizons, faults or ages: monotone, exact, windowed, refused by place."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given
from hypothesis.extra.numpy import arrays

from lithogen.errors import ConfigError, ShapeError, StructureError
from lithogen.grid import Spacing, Window
from lithogen.structure.given import HorizonModel, RgtModel
from lithogen.structure.horizons import horizon, horizon_twt
from lithogen.structure.interpolate import TOUCH_MS, cubic_columns, knot_slopes, touching_closed
from lithogen.structure.velocity import BackgroundVelocity

SPACING = Spacing()
# Single precision of times and ages up to 4 s, times the steepest rate of these tests (10).
AGE_TOLERANCE_MS = 0.01
# Linear interpolation of a smooth cubic between 4 ms samples misses it by less.
TIME_TOLERANCE_S = 2e-4
SHAPE = (12, 20)
Y, X = np.meshgrid(np.arange(SHAPE[0]), np.arange(SHAPE[1]), indexing="ij")


def gentle_surfaces(n: int = 4) -> list[np.ndarray]:
    """Surfaces that dip, bend and diverge, from 0.4 s, in seconds."""
    return [0.4 + 0.11 * k + 0.001 * X + 0.0012 * k * Y + 0.004 * np.sin(X / 5 + k)
            for k in range(n)]


def ages_on(model: HorizonModel, surface_s: np.ndarray) -> np.ndarray:
    """Return the model's age at the times of one surface."""
    time = torch.from_numpy((surface_s * 1e3).astype(np.float32))[:, :, None]
    age, _ = cubic_columns(model.knots_ms, model.ages_ms, model.end_rates, time)
    return age.numpy()[:, :, 0]


@st.composite
def random_horizons(draw):
    n = draw(st.integers(2, 6))
    shape = (n, draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    # Thousandths of a ms to 300 ms thick, or exactly nothing.
    gap = draw(arrays(np.float64, shape, elements=st.one_of(
        st.just(0.0), st.floats(1e-6, 0.3, allow_subnormal=False))))
    gap[1:, 0, 0] += 0.001
    ages = np.cumsum(draw(st.lists(st.floats(1.0, 200.0), min_size=n, max_size=n)))
    surfaces = 0.1 + np.cumsum(gap, axis=0)
    mean = (surfaces[-1] - surfaces[0]).mean() * 1e3
    return list(surfaces), ages * mean / (ages[-1] - ages[0])


@given(random_horizons())
def test_age_increases_through_any_ordered_horizons(given_horizons) -> None:
    surfaces, ages = given_horizons
    model = HorizonModel(surfaces, ages)
    age, rate = model.age_and_rate(Window((0, 0, 0), (*surfaces[0].shape, 500)), SPACING)
    assert bool((age.diff(dim=2) > 0).all())
    assert bool((rate > 0).all()) and bool(torch.isfinite(rate).all())
    assert bool(torch.isfinite(age).all())


def test_age_at_a_surface_is_its_age() -> None:
    surfaces, ages = gentle_surfaces(), [100.0, 250.0, 300.0, 500.0]
    model = HorizonModel(surfaces, ages)
    for surface, age in zip(surfaces, ages, strict=True):
        assert np.abs(ages_on(model, surface) - age).max() < AGE_TOLERANCE_MS


def test_default_age_is_the_mean_time_of_a_surface() -> None:
    surfaces = gentle_surfaces()
    model = HorizonModel(surfaces)
    assert model.ages_ms == pytest.approx([1e3 * s.mean() for s in surfaces])
    age, rate = model.age_and_rate(Window((0, 0, 0), (*SHAPE, 250)), SPACING)
    # So that undeformed layers keep their two-way time, above and below the surfaces too.
    assert float(rate[..., 0].mean()) == pytest.approx(1.0, abs=1e-6)
    assert float((age.mean(dim=(0, 1)) - 4.0 * torch.arange(250)).abs().max()) < 1.0


def test_rate_is_the_derivative_of_age() -> None:
    model = HorizonModel(gentle_surfaces(), [100.0, 250.0, 300.0, 500.0])
    fine = Spacing(dt_s=0.0002)
    age, rate = model.age_and_rate(Window((0, 0, 1900), (*SHAPE, 2500)), fine)
    numeric = (age[..., 2:] - age[..., :-2]) / 0.4
    # Ages to 500 ms in single precision over 0.4 ms; knots bend within a sample.
    assert float((numeric - rate[..., 1:-1]).abs().max()) < 0.01


@pytest.mark.parametrize("age, limit", [
    ([0.0, 50.0, 110.0, 240.0, 290.0], 1.5),  # neighbouring rates within a factor of 1.5
    ([0.0, 5.0, 110.0, 120.0, 890.0], 3.0),
])
def test_slopes_are_those_of_pchip_where_the_limit_does_not_act(age, limit) -> None:
    from scipy.interpolate import PchipInterpolator

    twt = np.array([0.0, 50.0, 120.0, 260.0, 300.0])
    step, rate = np.diff(twt), np.diff(age) / np.diff(twt)
    wanted = PchipInterpolator(twt, age).derivative()(twt[1:-1])
    # One formula written in two ways: equal to rounding.
    got = knot_slopes(step[:-1], rate[:-1], step[1:], rate[1:], limit)
    assert got == pytest.approx(wanted, rel=1e-12)


def test_beyond_the_surfaces_layers_run_parallel_to_them() -> None:
    surfaces = gentle_surfaces()
    model = HorizonModel(surfaces, [0.0, 50.0, 100.0, 150.0])
    for surface, age, side, end in ((surfaces[0], 0.0, -1, 0), (surfaces[-1], 150.0, 1, 1)):
        beyond = ages_on(model, surface + side * 0.08)
        wanted = age + side * 80.0 * model.end_rates[end]
        assert np.abs(beyond - wanted).max() < AGE_TOLERANCE_MS


def test_continuation_is_bounded_where_layers_are_condensed() -> None:
    top = np.full(SHAPE, 0.5)
    model = HorizonModel([top, top + 0.01, top + 0.4], [0.0, 100.0, 200.0])
    assert model.end_rates == (3.0, 0.3)


def test_touching_surfaces_leave_out_the_ages_between() -> None:
    top = np.full(SHAPE, 0.4)
    middle = top + 0.004 * np.maximum(10 - X, 0)
    model = HorizonModel([top, middle, top + 0.2], [0.0, 60.0, 200.0])
    age, _ = model.age_and_rate(Window((0, 0, 0), (*SHAPE, 1500)), Spacing(dt_s=0.0005))
    is_between = ((age > 1.0) & (age < 59.0)).sum(dim=2).numpy() * 0.5
    assert (is_between[:, 10:] == 0).all(), "nothing where they touch"
    # Of 40 ms to 4 ms, less the 1 ms of age left out on both sides.
    assert is_between[:, :10] == pytest.approx((1e3 * (middle - top))[:, :10] * 58 / 60, abs=1.5)


def test_pinch_out_does_not_crowd_the_layers_beside_it() -> None:
    top = np.full(SHAPE, 0.4)
    model = HorizonModel([top, top + 0.1, top + 0.1 + 1e-5 * X, top + 0.2], [0, 100, 110, 210.0])
    _, rate = model.age_and_rate(Window((0, 0, 101), (*SHAPE, 23)), SPACING)
    assert float(rate.min()) > 0.7 and float(rate.max()) < 1.51


def test_knots_closer_than_can_be_told_are_one() -> None:
    knots = np.array([400.0, 400.0 + 0.7 * TOUCH_MS, 400.0 + 1.4 * TOUCH_MS, 401.0])
    closed = touching_closed(knots[:, None, None])[:, 0, 0]
    assert closed.tolist() == [400.0, 400.0, np.float32(knots[2]), 401.0]


@pytest.mark.parametrize("has_fault", [False, True])
def test_horizon_window_equals_crop(has_fault) -> None:
    surfaces, faults = faulted_surfaces() if has_fault else (gentle_surfaces(), [])
    model = HorizonModel(surfaces, faults=faults, origin=(-3, 5))
    whole, part = Window((-10, 0, -20), (50, 90, 300)), Window((-4, 17, 31), (21, 38, 77))
    box = part.slices_in(whole)
    for big, small in zip(evaluated(model, whole), evaluated(model, part), strict=True):
        assert torch.equal(big[box], small)
        assert big.dtype == torch.float32 and tuple(big.shape) == whole.shape


def evaluated(model: HorizonModel | RgtModel, window: Window) -> tuple[torch.Tensor, ...]:
    """Return age, rate, fault likelihood and throw."""
    return model.age_and_rate(window, SPACING) + model.fault_and_throw(window, SPACING)


def test_outside_the_area_the_nearest_column_goes_on() -> None:
    model = HorizonModel(gentle_surfaces(), origin=(100, -7))
    age, _ = model.age_and_rate(Window((95, -7, 0), (8, 20, 200)), SPACING)
    assert bool((age[:5] == age[5]).all())
    assert not bool((age[5] == age[6]).all())


def test_covers_tells_what_is_given() -> None:
    model = HorizonModel(gentle_surfaces(), origin=(100, -7))
    assert model.covers(Window((100, -7, -50), (12, 20, 9000)))
    assert not model.covers(Window((99, -7, 0), (4, 4, 4)))
    assert not model.covers(Window((110, 10, 0), (2, 4, 4)))
    cube = RgtModel(rgt_volume(), origin=(0, 0, 50))
    assert cube.covers(Window((0, 0, 50), (6, 7, 40)))
    assert not cube.covers(Window((0, 0, 49), (6, 7, 40)))


# --- faults --------------------------------------------------------------------------------

THROW_MS = 50.0
METRES_PER_MS = 1.0
VELOCITY = BackgroundVelocity(2000.0 * METRES_PER_MS, 0.0)
DIP_DEG = 60.0


def faulted_surfaces(throw_ms: float = THROW_MS, shape: tuple[int, int] = (40, 80)):
    """Dipping layers cut by a plane of 60 degrees; picks follow the plane in the gap."""
    x_m = np.broadcast_to(np.arange(shape[1]) * 25.0, shape)
    y_m = np.broadcast_to(np.arange(shape[0])[:, None] * 25.0, shape)
    plane = (x_m - 700.0 + 0.1 * y_m) * np.tan(np.deg2rad(DIP_DEG)) / METRES_PER_MS
    surfaces = []
    for base in (250.0, 400.0, 520.0, 700.0):
        low_wall = base + 0.03 * x_m - 0.02 * y_m
        high_wall = low_wall + throw_ms
        gap = np.where(low_wall > plane, low_wall, plane)
        surfaces.append(np.where(high_wall < plane, high_wall, gap) / 1e3)
    return surfaces, [np.where((plane > 60) & (plane < 1000), plane, np.nan) / 1e3]


def test_throw_is_the_offset_of_the_horizons(monkeypatch) -> None:
    surfaces, faults = faulted_surfaces()
    model = HorizonModel(surfaces, faults=faults, velocity=VELOCITY)
    throw = model.faults[0].throw_ms[np.isfinite(faults[0])]
    # The model of the fit (one dip, one step) is exact here.
    assert np.abs(throw - THROW_MS).max() < 0.1
    monkeypatch.setattr("lithogen.structure.horizons.FIT_PART", 13)
    in_parts = HorizonModel(surfaces, faults=faults, velocity=VELOCITY)
    # Sums of 289 columns may be added in another order.
    assert np.abs(in_parts.knots_ms - model.knots_ms).max() < 1e-3
    _, throw_volume = model.fault_and_throw(Window((0, 0, 0), (40, 80, 250)), SPACING)
    # No voxel lies farther than 2 ms, a metre across, from the plane in its column.
    assert float(throw_volume.max()) == pytest.approx(THROW_MS, rel=0.01)


def test_reverse_fault_has_throw_but_moves_nothing() -> None:
    plane = np.broadcast_to((np.arange(80) - 30.0) * 25.0, (40, 80))
    surfaces = [np.where(base < plane, base - 30.0, base) / 1e3 for base in (200.0, 400.0, 600.0)]
    fault = np.where(plane > 0, plane, np.nan) / 1e3
    with_plane = HorizonModel(surfaces, faults=[fault], velocity=VELOCITY)
    assert with_plane.faults[0].throw_ms[fault > 0] == pytest.approx(-30.0, abs=0.5)
    window = Window((0, 0, 0), (40, 80, 200))
    age, _ = with_plane.age_and_rate(window, SPACING)
    assert torch.equal(age, HorizonModel(surfaces).age_and_rate(window, SPACING)[0])
    assert bool((age.diff(dim=2) > 0).all())
    assert float(with_plane.fault_and_throw(window, SPACING)[1].max()) > 29.0


def test_likelihood_falls_to_nothing_thirty_metres_across_the_plane() -> None:
    surfaces, faults = faulted_surfaces()
    model = HorizonModel(surfaces, faults=faults, velocity=VELOCITY)
    near, _ = model.fault_and_throw(Window((0, 0, 0), (40, 80, 250)), SPACING)
    plane_ms = 1e3 * faults[0][..., None]
    slope = np.tan(np.deg2rad(DIP_DEG)) * np.hypot(1.0, 0.1)
    across = np.abs(4.0 * np.arange(250) - plane_ms) * METRES_PER_MS / np.hypot(1.0, slope)
    wanted = np.clip(1.0 - (np.nan_to_num(across, nan=1e9) / 30.0) ** 2, 0.0, None)
    # A column at a corner of the map knows no neighbour along the inlines, a tenth of the slope.
    error = np.abs(near.numpy() - wanted)
    assert np.percentile(error[wanted > 0], 99) < 1e-4 and error.max() < 0.02
    assert 0.99 < float(near.max()) <= 1.0


def test_layers_end_at_the_plane() -> None:
    surfaces, faults = faulted_surfaces()
    model = HorizonModel(surfaces, [250.0, 400.0, 520.0, 700.0], faults=faults, velocity=VELOCITY)
    age, _ = model.age_and_rate(Window((0, 0, 0), (40, 80, 250)), SPACING)
    plane = 1e3 * faults[0]
    x_m, y_m = np.arange(80) * 25.0, np.arange(40)[:, None] * 25.0
    twt = 4.0 * np.arange(250)
    slip = np.where(twt < plane[..., None], THROW_MS, 0.0)
    wanted = twt - slip - (0.03 * x_m - 0.02 * y_m)[..., None]
    error = np.abs(age.numpy() - wanted)[np.isfinite(plane)]
    # Between horizons 120 to 180 ms apart, picks in the gap corrected by the fit.
    assert np.percentile(error, 99) < 1.0
    assert bool((age.diff(dim=2) > 0).all())


def noisy_surfaces(seed: int = 4) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The faulted surfaces picked with errors of 2 ms; the second pair touches in places."""
    surfaces, faults = faulted_surfaces()
    rng = np.random.default_rng(seed)
    surfaces[3] = surfaces[2] + 0.0003 * rng.random(surfaces[2].shape)
    picked = [s + 0.002 * rng.standard_normal(s.shape) for s in surfaces]
    return [np.maximum.reduce(picked[: k + 1]) for k in range(4)], faults


def test_throw_survives_errors_of_picking() -> None:
    surfaces, faults = noisy_surfaces()
    throw = HorizonModel(surfaces, faults=faults, velocity=VELOCITY).faults[0].throw_ms
    # Errors of 2 ms in some hundred columns, half of them left at the ends of the cut-offs.
    assert np.abs(throw[np.isfinite(faults[0])] - THROW_MS).max() < 3.0


def test_age_increases_across_a_fault_through_touching_noisy_surfaces() -> None:
    surfaces, faults = noisy_surfaces()
    model = HorizonModel(surfaces, faults=faults, velocity=VELOCITY)
    age, rate = model.age_and_rate(Window((0, 0, 0), (40, 80, 250)), SPACING)
    assert bool((age.diff(dim=2) > 0).all()) and bool((rate > 0).all())
    # Walls continued by a fit to noisy picks do cross here; the knots that are used do not.
    picks = (np.stack(surfaces) * 1e3).astype(np.float32).astype(np.float64)
    assert np.diff(picks + model.faults[0].correction_ms(picks), axis=0).min() < -0.5
    assert (np.diff(model.knots_ms, axis=0) >= 0).all()


def test_wall_of_a_few_columns_gives_no_throw() -> None:
    surfaces, faults = faulted_surfaces()
    row = np.arange(42)
    plane = np.where(row > 30, faults[0][:1, :42], np.nan)
    # Of the second surface two columns lie above the plane, of the first one four below it.
    few = HorizonModel([s[:1, :42] for s in surfaces[:2]], faults=[plane], velocity=VELOCITY)
    assert float(np.abs(few.faults[0].throw_ms).max()) == 0.0
    more = HorizonModel([s[:1, :60] for s in surfaces[:2]], faults=[faults[0][:1, :60]],
                        velocity=VELOCITY)
    assert float(more.faults[0].throw_ms.max()) == pytest.approx(THROW_MS, abs=0.1)


def test_plane_that_cuts_no_horizon_has_no_throw() -> None:
    plane = np.full(SHAPE, np.nan)
    plane[:, 5:9] = 0.1 + 0.01 * X[:, 5:9]
    model = HorizonModel(gentle_surfaces(), faults=[plane])
    window = Window((0, 0, 0), (*SHAPE, 200))
    near, throw = model.fault_and_throw(window, SPACING)
    assert float(near.max()) > 0.9 and float(throw.max()) == 0.0
    plain = HorizonModel(gentle_surfaces()).age_and_rate(window, SPACING)[0]
    assert torch.equal(model.age_and_rate(window, SPACING)[0], plain)


# --- volumes of ages -----------------------------------------------------------------------


def rgt_volume(shape=(6, 7, 40)) -> np.ndarray:
    """Ages of layers that dip and thicken, ms."""
    i, j, k = np.meshgrid(*map(np.arange, shape), indexing="ij")
    return 4.0 * k * (1.0 + 0.05 * np.sin(k / 6.0 + j)) - 2.0 * j + 0.5 * i


def test_rgt_is_honoured_at_every_voxel() -> None:
    volume = rgt_volume()
    model = RgtModel(xr.DataArray(volume, dims=("iline", "xline", "twt")), origin=(3, -2, 10))
    age, rate = model.age_and_rate(Window((3, -2, 10), volume.shape), SPACING)
    assert np.array_equal(age.numpy(), volume.astype(np.float32))
    central = (volume[..., 2:] - volume[..., :-2]) / 8.0
    # Harmonic and arithmetic mean of two steps that differ by a few per cent.
    assert np.abs(rate.numpy()[..., 1:-1] - central).max() < 0.02


def test_rgt_window_equals_crop_beyond_its_ends_too() -> None:
    model = RgtModel(rgt_volume(), origin=(0, 0, 20))
    whole, part = Window((-5, -5, 0), (20, 20, 90)), Window((1, -2, 7), (9, 6, 50))
    boxes = [(part, part.slices_in(whole))]
    for first in (0, 18, 25, 57, 58, 59, 60, 75):
        thin = Window((0, 0, first), (3, 3, 2))
        boxes.append((thin, thin.slices_in(whole)))
    big = evaluated(model, whole)
    assert bool((big[0].diff(dim=2) > 0).all())
    for window, box in boxes:
        for one, small in zip(big, evaluated(model, window), strict=True):
            assert torch.equal(one[box], small), window


def test_rgt_of_another_unit_is_scaled_when_told() -> None:
    volume = rgt_volume()
    window = Window((0, 0, 0), volume.shape)
    age, rate = RgtModel(volume / 500.0, unit_ms=500.0).age_and_rate(window, SPACING)
    plain, plain_rate = RgtModel(volume).age_and_rate(window, SPACING)
    # One rounding to single precision.
    assert torch.allclose(age, plain, atol=1e-4) and torch.allclose(rate, plain_rate, atol=1e-5)
    with pytest.raises(ConfigError, match=r"rgt increases by 0\.00\d+ per ms.*multiply it by"):
        RgtModel(volume / 500.0)


def test_beyond_a_volume_ages_go_on_at_a_bounded_rate() -> None:
    volume = rgt_volume()
    volume[..., 0] -= 200.0
    volume[..., -1] = volume[..., -2] + 0.01
    age, rate = RgtModel(volume).age_and_rate(Window((0, 0, -2), (6, 7, 44)), SPACING)
    for index, bound in ((0, 3.0), (1, 3.0), (-1, 0.3), (-2, 0.3)):
        assert rate[..., index].numpy() == pytest.approx(bound, abs=1e-6)
    # The step is bound times 4 ms, in single precision of ages to 200 ms.
    assert (age[..., 1] - age[..., 0]).numpy() == pytest.approx(12.0, abs=1e-4)
    assert (age[..., -1] - age[..., -2]).numpy() == pytest.approx(1.2, abs=1e-4)


def test_rate_beside_an_unconformity_is_that_of_the_layers() -> None:
    volume = rgt_volume()
    volume[..., 20:] += 20_000.0
    age, rate = RgtModel(volume).age_and_rate(Window((0, 0, 0), volume.shape), SPACING)
    assert float(age.diff(dim=2).max()) > 19_999.0
    # Not the five thousand that the step of age between the two sequences would give.
    assert float(rate.max()) < 2.0


# --- horizons out of ages ------------------------------------------------------------------


def test_horizons_come_back_out_of_the_ages_they_made() -> None:
    surfaces, ages = gentle_surfaces(), [100.0, 250.0, 300.0, 500.0]
    window = Window((0, 0, 80), (*SHAPE, 150))
    age, _ = HorizonModel(surfaces, ages).age_and_rate(window, SPACING)
    twt_s = window.axes(SPACING)[2]
    for surface, wanted in zip(surfaces, ages, strict=True):
        assert np.abs(horizon_twt(wanted, age.numpy(), twt_s) - surface).max() < TIME_TOLERANCE_S


def test_horizon_is_absent_where_its_age_was_eroded() -> None:
    rgt = 4.0 * np.arange(20)[None, None, :] + 3.0 * np.arange(12)[None, :, None]
    rgt[:, :, 10:] += 20_000.0
    twt_s = 1.0 + 0.004 * np.arange(20)
    found = horizon_twt(40.0, rgt, twt_s)
    # The last sample above the unconformity has age 36 + 3 j, the first one 3 j.
    assert np.isnan(found[0]).tolist() == [j < 2 for j in range(12)]
    assert found[0, 2:] == pytest.approx(1.0 + (40.0 - 3.0 * np.arange(2, 12)) * 1e-3)
    number = np.broadcast_to(np.arange(20) >= 10, rgt.shape).astype(np.int8)
    assert np.array_equal(horizon_twt(40.0, rgt, twt_s, number), found, equal_nan=True)
    # A smaller gap of age than between sequences is a condensed layer, unless told otherwise.
    rgt[:, :, 10:] -= 19_900.0
    assert not np.isnan(horizon_twt(100.0, rgt, twt_s)).any()
    assert np.isnan(horizon_twt(100.0, rgt, twt_s, number)).all()


def test_first_of_several_crossings_is_taken() -> None:
    rgt = np.array([[[0.0, 10.0, 20.0, 5.0, 15.0, 25.0]]])
    assert horizon_twt(12.0, rgt, 0.004 * np.arange(6))[0, 0] == pytest.approx(0.0048)
    assert horizon_twt(25.0, rgt, 0.004 * np.arange(6))[0, 0] == pytest.approx(0.020)


def test_horizon_outside_the_volume_is_absent() -> None:
    rgt = rgt_volume().astype(np.float32)
    assert np.isnan(horizon_twt(-500.0, rgt, 0.004 * np.arange(40))).all()
    assert np.isnan(horizon_twt(5000.0, rgt, 0.004 * np.arange(40))).all()
    rgt[2, 3] = np.nan
    assert np.argwhere(np.isnan(horizon_twt(60.0, rgt, 0.004 * np.arange(40)))).tolist() == [[2, 3]]


def test_horizon_of_a_dataset_has_its_coordinates(world_of, monkeypatch) -> None:
    ds = world_of().transpose(..., "iline", "xline", "twt")
    found = horizon(ds, 30.0)
    assert found.dims == ("iline", "xline") and found.attrs["units"] == "s"
    assert set(found.coords) == {"iline", "xline", "cdp_x", "cdp_y"}
    plain = horizon_twt(30.0, ds.rgt, ds.twt.to_numpy())
    assert np.array_equal(found.to_numpy(), plain, equal_nan=True)
    monkeypatch.setattr("lithogen.structure.horizons.SLAB_ILINES", 7)
    assert found.identical(horizon(ds, 30.0)), "slabs are only a matter of memory"
    # The world of the fixture: age is sample - 0.25 j - 0.1 i above the fault's 9 samples.
    assert float(found[4, 8]) == pytest.approx(1.0 + 0.004 * (30.0 + 2.0 + 0.4))


@pytest.mark.parametrize("change, error, says", [
    ({"rgt": xr.DataArray(rgt_volume(), dims=("twt", "xline", "iline"))}, ShapeError,
     r"call \.transpose\('iline', 'xline', 'twt'\)"),
    ({"twt_s": np.arange(39)}, ShapeError, r"twt_s has shape \(39,\), wanted \(40,\)"),
    ({"twt_s": -np.arange(40)}, ConfigError, "twt_s does not increase"),
    ({"age_ms": np.nan}, ConfigError, "age_ms is nan"),
    ({"sequence": np.zeros((6, 7, 39))}, ShapeError, "sequence has shape"),
    ({"rgt": np.zeros((6, 7))}, ShapeError, r"rgt has shape \(6, 7\), wanted 3 axes"),
])
def test_extraction_refuses(change, error, says) -> None:
    given_values = {"age_ms": 10.0, "rgt": rgt_volume(), "twt_s": 0.004 * np.arange(40)}
    with pytest.raises(error, match=says):
        horizon_twt(**(given_values | change))


def test_dataset_without_ages_is_refused() -> None:
    with pytest.raises(StructureError, match="no variable rgt, only vp"):
        horizon(xr.Dataset({"vp": ("twt", [1.0])}), 3.0)


# --- refusals ------------------------------------------------------------------------------


def spoilt(index: int, at: tuple[int, int], value: float) -> list[np.ndarray]:
    surfaces = [s.copy() for s in gentle_surfaces()]
    surfaces[index][at] = value
    return surfaces


def swapped() -> list[xr.DataArray]:
    dims = ("iline", "xline")
    maps = [xr.DataArray(s, dims=dims) for s in gentle_surfaces()]
    return [maps[0], maps[1].transpose("xline", "iline"), *maps[2:]]


@pytest.mark.parametrize("surfaces, error, says", [
    (spoilt(2, (7, 3), np.nan), StructureError,
     r"surfaces\[2\] has 1 NaN of 240 values, the first at iline 7, xline 3"),
    (spoilt(1, (4, 19), np.inf), StructureError,
     r"surfaces\[1\] has 1 infinite values, the first at iline 4, xline 19"),
    (spoilt(2, (5, 6), 0.45), StructureError,
     r"surfaces\[1\] and surfaces\[2\] cross at iline 5, xline 6: 0\.5\d+ s lies below 0\.45 s"),
    ([1e3 * s for s in gentle_surfaces()], StructureError,
     r"surfaces\[0\] is 40\d\S* at iline 0, xline 0.*milliseconds, multiply it by 0\.001"),
    (gentle_surfaces(1), StructureError, "1 horizon surfaces, wanted at least 2"),
    ([gentle_surfaces()[0]] * 2, StructureError, r"surfaces\[0\] and surfaces\[1\] coincide"),
    ([gentle_surfaces()[0], gentle_surfaces()[1][:, 1:]], ShapeError,
     r"surfaces\[1\] has shape \(12, 19\), wanted \(12, 20\)"),
    (swapped(), ShapeError,
     r"surfaces\[1\] has axes \('xline', 'iline'\).*call \.transpose\('iline', 'xline'\)"),
    ([np.zeros(5), np.ones(5)], ShapeError, r"surfaces\[0\] has shape \(5,\), wanted 2 axes"),
    ([np.full((3, 3), "a"), np.ones((3, 3))], ShapeError, "wanted real numbers"),
])
def test_surfaces_are_refused_with_the_place(surfaces, error, says) -> None:
    with pytest.raises(error, match=says):
        HorizonModel(surfaces)


@pytest.mark.parametrize("ages, says", [
    ([1.0, 200.0, 200.0, 400.0], r"ages_ms\[2\] = 200 does not exceed ages_ms\[1\] = 200"),
    ([100.0, 200.0, 300.0], "wanted 4 finite ages"),
    ([100.0, np.nan, 200.0, 300.0], "wanted 4 finite ages"),
    ([0.10, 0.2, 0.3, 0.4], r"per ms of two-way time, wanted milliseconds.*multiply it by"),
])
def test_ages_are_refused(ages, says) -> None:
    with pytest.raises(ConfigError, match=says):
        HorizonModel(gentle_surfaces(), ages)


def test_fault_in_milliseconds_of_another_shape_or_nowhere_is_refused() -> None:
    with pytest.raises(StructureError, match=r"faults\[0\] is NaN in every column"):
        HorizonModel(gentle_surfaces(), faults=[np.full(SHAPE, np.nan)])
    with pytest.raises(StructureError, match=r"faults\[0\] is 500 at iline 0, xline 0"):
        HorizonModel(gentle_surfaces(), faults=[np.full(SHAPE, 500.0)])
    with pytest.raises(ShapeError, match=r"faults\[0\] has shape \(3, 3\)"):
        HorizonModel(gentle_surfaces(), faults=[np.ones((3, 3))])


def with_value(at: tuple[int, int, int], value: float) -> np.ndarray:
    volume = rgt_volume()
    volume[at] = value
    return volume


@pytest.mark.parametrize("volume, error, says", [
    (with_value((2, 5, 30), 1.5), StructureError,
     r"does not increase at iline 2, xline 5, sample 29: 1\d\d\S* is followed by 1\.5"),
    (with_value((1, 0, 3), np.nan), StructureError, "rgt is nan at iline 1, xline 0, sample 3"),
    (xr.DataArray(rgt_volume(), dims=("xline", "iline", "twt")), ShapeError,
     r"call \.transpose\('iline', 'xline', 'twt'\)"),
    (rgt_volume()[..., ::-1], StructureError, "iline 0, xline 0, sample 0"),
    (rgt_volume()[..., :1], ShapeError, "one sample"),
])
def test_ages_that_are_no_ages_are_refused_with_the_place(volume, error, says) -> None:
    with pytest.raises(error, match=says):
        RgtModel(volume)


def test_another_lattice_is_refused() -> None:
    window, half = Window((0, 0, 0), (4, 4, 4)), Spacing(dx_m=12.5)
    with pytest.raises(ConfigError, match="nothing is resampled"):
        HorizonModel(gentle_surfaces()).age_and_rate(window, half)
    with pytest.raises(ConfigError, match="nothing is resampled"):
        RgtModel(rgt_volume()).age_and_rate(window, Spacing(dt_s=0.002))
    with pytest.raises(ConfigError, match="unit_ms is -1"):
        RgtModel(rgt_volume(), unit_ms=-1.0)


# --- F3 ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def f3_horizons(data_folder) -> list[np.ndarray]:
    """Two interpreted horizons of F3, FS8 above FS4, in milliseconds, one gap in FS4."""
    paths = [data_folder / "f3" / f"F3_{name}_horizon.npy" for name in ("FS8", "FS4")]
    if not all(path.is_file() for path in paths):
        pytest.skip("no F3 horizons")
    return [np.load(path, allow_pickle=False) for path in paths]


def test_f3_horizons_are_honoured(f3_horizons) -> None:
    surfaces = [1e-3 * h[3:99, 20:120] for h in f3_horizons]
    model = HorizonModel(surfaces)
    window = Window((0, 0, 150), (96, 100, 128))
    assert model.covers(window)
    age, rate = model.age_and_rate(window, SPACING)
    assert bool((age.diff(dim=2) > 0).all()) and 0.7 < float(rate.min()) < float(rate.max()) < 1.4
    for surface, wanted in zip(surfaces, model.ages_ms, strict=True):
        assert np.abs(ages_on(model, surface) - wanted).max() < AGE_TOLERANCE_MS
        found = horizon_twt(wanted, age.numpy(), window.axes(SPACING)[2])
        assert np.abs(found - surface).max() < TIME_TOLERANCE_S


def test_f3_gap_milliseconds_and_order_are_refused(f3_horizons) -> None:
    shallow, deep = f3_horizons
    with pytest.raises(StructureError, match=r"surfaces\[0\] is 815\.507 at iline 0, xline 0"):
        HorizonModel([shallow, deep])
    with pytest.raises(StructureError, match=r"\[1\] has 1 NaN of 36481.*at iline 2, xline 0,"):
        HorizonModel([1e-3 * shallow, 1e-3 * deep])
    with pytest.raises(StructureError, match=r"cross at iline 0, xline 0: 1\.041"):
        HorizonModel([1e-3 * deep[3:], 1e-3 * shallow[3:]])
