"""Structure: unbounded, the same in any window, monotonic, cut, folded, faulted and pierced."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lithogen.grid import Spacing, Window
from lithogen.rockphysics.facies import EVAPORITE
from lithogen.scenario import Scenario
from lithogen.structure import Structure
from lithogen.structure.bodies import SEQUENCE_OFFSET_MS, BodyKind
from lithogen.structure.faults import Fault, faults_near, undo_fault
from lithogen.structure.horizons import horizon_twt
from lithogen.structure.salt import domes_near, salt_top_ms
from lithogen.structure.velocity import BackgroundVelocity
from lithogen.structure.waves import PlaneWaves

SPACING = Spacing()
DT_MS = 4.0
NO_BODIES = dict.fromkeys(
    ("channels", "lobes", "deltas", "buildups", "karst", "mass_transport", "canyons"), 0.0)
ALL_BODIES = dict.fromkeys(NO_BODIES, 1.0)
FLAT = Scenario(
    faulting=0.0, polygonal=0.0, folding=0.0, regional_dip_deg=0.0, thickness_variation=0.0,
    clinoforms=0.0, unconformities=0, salt=0.0, **NO_BODIES)
EVERYTHING = {"salt": 1.0, "unconformities": 4, "clinoforms": 1.0, "faulting": 1.0,
              "polygonal": 1.0, "thickness_variation": 1.0, **ALL_BODIES}
# A cosine may differ in its last bit between two windows; times that unconformities and faults
# split may then fall on the other side, in a few voxels at most.
AGE_TOLERANCE_MS = 0.02
LEAST_SAME = 1.0 - 1e-3
# Ages up to 80 s in single precision.
AGE_ROUNDING_MS = 0.01


def unfaulted(seed: int, **changes: float) -> Structure:
    scenario = Scenario.random(seed).with_(faulting=0.0, polygonal=0.0, **changes)
    return Structure(seed, scenario)


@pytest.mark.parametrize("seed, origin", [
    (1, (0, 0, 100)), (3, (-70, 33, 40)), (11, (20_000, -31_000, 5)), (4, (10, -400, 200))])
def test_part_equals_whole_with_everything_on(seed, origin) -> None:
    structure = Structure(seed, Scenario.random(seed).with_(**EVERYTHING))
    whole = Window(origin, (14, 22, 48))
    part = Window((origin[0] + 5, origin[1] + 7, origin[2] + 11), (8, 9, 30))
    box = part.slices_in(whole)
    big, small = structure.evaluate(whole, SPACING), structure.evaluate(part, SPACING)
    for name, tolerance in (("age", AGE_TOLERANCE_MS), ("rate", 1e-3), ("fault", 1e-3),
                            ("throw_ms", 0.02), ("environment", 1e-4), ("fill", 5e-3),
                            ("sequence", 0.0)):
        got, wanted = getattr(small, name), getattr(big, name)[box]
        same = ((got - wanted).abs() <= tolerance).float().mean()
        assert float(same) >= LEAST_SAME, name
    assert float((big.bodies.number()[box] == small.bodies.number()).float().mean()) >= LEAST_SAME
    assert float((big.bodies.cover[box] - small.bodies.cover).abs().mean()) < 1e-4


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("changes", [{}, EVERYTHING | {"faulting": 0.0, "polygonal": 0.0}])
def test_age_increases_downward_in_every_unfaulted_column(seed, changes) -> None:
    structure = unfaulted(seed) if not changes else Structure(
        seed, Scenario.random(seed).with_(**changes))
    # Wide steps over the map: more different columns.
    wide = Spacing(dx_m=400.0, dy_m=700.0)
    fields = structure.evaluate(Window((-3, 9, 60), (3, 10, 160)), wide)
    assert bool((fields.sequence.diff(dim=2) >= 0).all())
    # Not only within a sequence: an older sequence has higher ages altogether.
    assert bool((fields.age.diff(dim=2) > 0).all())
    assert bool((fields.rate > 0).all())


def test_sequences_hold_ages_of_their_own() -> None:
    structure = unfaulted(2, unconformities=4, clinoforms=1.0, thickness_variation=1.0,
                           **NO_BODIES)
    fields = structure.evaluate(Window((0, 0, 0), (4, 8, 700)), Spacing(dx_m=2000.0))
    assert len(torch.unique(fields.sequence)) >= 4
    relative = fields.age - SEQUENCE_OFFSET_MS * fields.sequence
    # `floor(age / offset + 0.3)` is how ages are told apart elsewhere.
    assert float(relative.min()) > -0.3 * SEQUENCE_OFFSET_MS
    assert float(relative.max()) < 0.7 * SEQUENCE_OFFSET_MS


@pytest.mark.parametrize("changes", [{}, {"clinoforms": 1.0}, ALL_BODIES])
def test_rate_is_the_derivative_of_age(changes) -> None:
    structure = unfaulted(4, salt=0.0, **(NO_BODIES | changes))
    fine = Spacing(dt_s=0.0005, dx_m=300.0)
    fields = structure.evaluate(Window((0, 0, 800), (6, 8, 400)), fine)
    numeric = (fields.age[..., 2:] - fields.age[..., :-2]) / 1.0
    inner = fields.sequence[..., 2:] == fields.sequence[..., :-2]
    error = ((numeric - fields.rate[..., 1:-1]).abs() / fields.rate[..., 1:-1])[inner]
    # Age is straight and rate linear between nodes 4 ms apart: they meet in the middle; where
    # layers pinch out, prograde or bend over bodies, rate changes severalfold within a node.
    assert float(error.median()) < 0.02
    assert float(error.quantile(0.9)) < 0.25


def test_without_events_age_is_two_way_time() -> None:
    fields = Structure(1, FLAT).evaluate(Window((0, 0, 10), (4, 4, 20)), SPACING)
    twt_ms = (10 + torch.arange(20)) * DT_MS
    assert torch.allclose(fields.age, twt_ms.expand(4, 4, 20), atol=1e-3)
    for label in (fields.fault, fields.throw_ms, fields.fill, fields.bodies.cover):
        assert float(label.max()) == 0.0
    assert torch.allclose(fields.rate, torch.ones(()), atol=1e-6)


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
    window = Window((0, 0, 0), (8, 64, 64))
    coarse = Spacing(dt_s=0.012, dx_m=100.0, dy_m=200.0)
    none = Structure(5, FLAT).evaluate(window, coarse)
    many = [Structure(s, FLAT.with_(faulting=1.0)).evaluate(window, coarse) for s in range(4)]
    assert float(none.fault.max()) == 0.0
    assert sum(float(f.throw_ms.max()) > 10.0 for f in many) >= 3


def _first_of_sequence(fields, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Sample at which a sequence begins in every column, and whether it does."""
    mine = fields.sequence == number
    return mine.to(torch.int8).argmax(dim=2).long(), mine.any(dim=2)


def test_unconformity_truncates_older_layers() -> None:
    scenario = FLAT.with_(unconformities=1, folding=1.0, regional_dip_deg=3.0)
    fields = Structure(3, scenario).evaluate(
        Window((0, 0, 0), (1, 200, 256)), Spacing(dx_m=100.0))
    first, exists = _first_of_sequence(fields, 1)
    assert bool(exists.all())
    ages = fields.age.gather(2, first[..., None])[0, :, 0]
    # Older layers were folded before they were cut: different ones subcrop.
    assert float(ages.max() - ages.min()) > 40.0


def test_younger_layers_onlap_the_relief_of_an_unconformity() -> None:
    scenario = FLAT.with_(unconformities=1)
    structure = Structure(5, scenario)
    window = Window((0, 0, 0), (1, 200, 1100))
    fine = Spacing(dt_s=0.001, dx_m=50.0)
    fields = structure.evaluate(window, fine)
    first, exists = _first_of_sequence(fields, 1)
    assert bool(exists.all())
    last_young = fields.age.gather(2, first[..., None] - 1)[0, :, 0].numpy()
    y_m, x_m, _ = window.axes(fine)
    relief = structure.sequences[1].top(y_m, x_m)[0]
    assert relief.max() - relief.min() > 20.0, "no relief to onlap; take another seed"
    # Unfolded young layers have their time as age, so that the last one over the surface is the
    # surface itself: highs are covered last. Sampled every millisecond.
    assert np.abs(last_young - relief).max() < 1.5


def test_older_faults_end_at_their_unconformity() -> None:
    scenario = FLAT.with_(unconformities=2, faulting=1.0, growth=0.0)
    window = Window((0, 0, 0), (4, 30, 100))
    wide = Spacing(dt_s=0.012, dx_m=200.0, dy_m=800.0)
    structure = Structure(1, scenario)
    fields = structure.evaluate(window, wide)
    # The same world before any unconformity was cut: young faults alone.
    bare = Structure(1, scenario.with_(unconformities=0)).evaluate(window, wide)
    axes = (*window.axes(wide)[:2], window.axes(wide)[2] * 1e3)
    assert any(True for stage in (1, 2) for _ in faults_near(
        1, scenario, structure.velocity, *axes, stage=stage)), "no old fault; take another seed"
    young = fields.sequence == 0
    assert torch.allclose(fields.age[young], bare.age[young], atol=AGE_ROUNDING_MS)
    assert float((fields.fault - bare.fault)[young].abs().max()) < 1e-5
    assert float((fields.throw_ms - bare.throw_ms)[~young].max()) > 5.0


SALTY = FLAT.with_(salt=1.0)


def _dome(structure: Structure):
    """A dome near the origin that rises into the first 2 s."""
    axis = np.arange(-6000.0, 18000.0, 100.0)
    found = domes_near(structure.seed, structure.scenario, structure.velocity, axis, axis)
    return next(d for d in found if d.crest_ms < 1000.0)


def _around(dome, half_m: float = 4000.0, step_m: float = 100.0) -> tuple[Window, Spacing]:
    """One inline through the axis of a dome, 400 samples."""
    n = int(2 * half_m / step_m)
    origin = (round(dome.y_m / step_m), round((dome.x_m - half_m) / step_m), 0)
    return Window(origin, (1, n, 400)), Spacing(dx_m=step_m, dy_m=step_m)


def test_inside_of_a_dome_is_salt_below_its_top() -> None:
    structure = Structure(2, SALTY)
    dome = _dome(structure)
    window, spacing = _around(dome, half_m=1500.0)
    fields = structure.evaluate(window, spacing)
    y_m, x_m, twt_s = window.axes(spacing)
    top = torch.from_numpy(salt_top_ms(dome, y_m, x_m))[:, :, None]
    twt = torch.from_numpy(twt_s * 1e3)
    kind = fields.bodies.kind()
    assert bool((kind[twt > top + DT_MS] == int(BodyKind.SALT)).all())
    assert bool((kind[(twt < top - DT_MS) & torch.isfinite(top)] == int(BodyKind.NONE)).all())
    part = next(p for p in fields.bodies.parts if p.kind == BodyKind.SALT)
    assert part.facies == EVAPORITE
    assert part.number in set(fields.bodies.number().unique().tolist())


def test_layers_rise_beside_a_dome() -> None:
    structure = Structure(2, SALTY)
    dome = _dome(structure)
    window, spacing = _around(dome, half_m=1.6 * dome.radius_m)
    fields = structure.evaluate(window, spacing)
    y_m, x_m, twt_s = window.axes(spacing)
    k = int((dome.crest_ms + dome.width_ms) / DT_MS)
    clear = salt_top_ms(dome, y_m, x_m)[0] > twt_s[k] * 1e3 + 50.0
    beside = clear & (np.abs(x_m - dome.x_m) < 1.5 * dome.radius_m)
    assert beside.any()
    # A layer that rose is met above its time: its age is higher than the time there.
    raised = fields.age[0, :, k].numpy()[beside] - twt_s[k] * 1e3
    assert (raised > 5.0).all()


def test_salt_fades_in_over_one_sample_of_any_spacing() -> None:
    structure = Structure(2, SALTY)
    dome = _dome(structure)
    for dt_s, n in ((0.004, 400), (0.002, 800)):
        spacing = Spacing(dt_s=dt_s)
        origin = (round(dome.y_m / 25.0), round(dome.x_m / 25.0), 0)
        column = structure.evaluate(Window(origin, (1, 1, n)), spacing).bodies.cover[0, 0]
        one = [float(structure.evaluate(Window((*origin[:2], k), (1, 1, 1)), spacing)
                     .bodies.cover) for k in range(n) if 0 < float(column[k]) < 1]
        partial = column[(column > 0) & (column < 1)]
        assert len(one) <= 2
        assert np.abs(np.array(one) - partial.numpy()).max(initial=0.0) < 1e-3


@pytest.mark.parametrize("changes", [
    {"folding": 1.0, "regional_dip_deg": 2.0}, {"thickness_variation": 1.0},
    {"clinoforms": 1.0}, {"folding": 0.7, "unconformities": 3, "thickness_variation": 0.8}])
def test_horizon_s_is_the_horizon_of_the_evaluated_ages(changes) -> None:
    structure = Structure(7, FLAT.with_(**changes))
    window, spacing = Window((-9, 4, 0), (6, 30, 400)), Spacing(dx_m=300.0, dy_m=500.0)
    fields = structure.evaluate(window, spacing)
    y_m, x_m, twt_s = window.axes(spacing)
    compared = 0
    for quantile in (0.25, 0.5, 0.75):
        age_ms = float(fields.age[3, 15, int(quantile * 400)])
        wanted = horizon_twt(age_ms, fields.age.numpy(), twt_s, fields.sequence.numpy())
        got = structure.horizon_s(age_ms, y_m, x_m)
        both = np.isfinite(wanted) & np.isfinite(got)
        compared += both.sum()
        # Where a layer ends against the border of a package its time is known to a node of 4 ms.
        error_ms = np.abs(wanted - got)[both] * 1e3
        assert np.median(error_ms) < 1.0
        assert error_ms.max() < 4.0
        # They agree where the age is absent, up to a sample at the surfaces that cut it.
        assert (np.isfinite(wanted) == np.isfinite(got)).mean() > 0.93
    assert compared > 100


def test_nominal_depth_is_the_depth_of_a_layer_that_nothing_moved() -> None:
    for changes in ({}, {"unconformities": 2}):
        structure = Structure(3, FLAT.with_(**changes))
        fields = structure.evaluate(Window((0, 0, 5), (1, 6, 500)), Spacing(dx_m=3000.0))
        twt_s = torch.from_numpy(np.arange(5, 505) * 0.004)
        depth = structure.nominal_depth_m(fields.age.numpy())
        wanted = np.broadcast_to(structure.velocity.depth(twt_s.numpy()), depth.shape)
        # Ages near 40 s are single precision: thousandths of a ms of metres.
        assert np.abs(depth - wanted).max() < 0.05


def test_nominal_depth_increases_with_age_in_prograding_and_condensed_packages() -> None:
    structure = unfaulted(8, clinoforms=0.5, thickness_variation=1.0)
    depth = structure.nominal_depth_m(np.arange(0.0, 6000.0, 10.0))
    assert (np.diff(depth) > 0).all()


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


@pytest.mark.parametrize("gradient", [0.0, 0.5])
def test_rms_velocity_is_the_mean_of_squares_down_to_a_time(gradient) -> None:
    background = BackgroundVelocity(1900.0, gradient)
    # Fine enough to be exact to five figures; at 6 s the velocity has long met its cap.
    for twt_s in (0.5, 6.0):
        middle = (np.arange(100_000) + 0.5) / 100_000 * twt_s
        wanted = np.sqrt(np.square(background.velocity(middle)).mean())
        assert background.rms(twt_s) == pytest.approx(wanted, rel=1e-6)
    assert background.rms(0.0) == pytest.approx(1900.0, rel=1e-6)


def test_labels_are_copies_of_a_part_without_what_bodies_fill_in() -> None:
    found = Structure.random(3).evaluate(Window((0, 0, 40), (16, 18, 40)), Spacing())
    box = (slice(2, 9), slice(4, 18), slice(5, 30))
    part = found.labels(box)
    for name in ("age", "rate", "fault", "throw_ms", "environment", "sequence"):
        whole, mine = getattr(found, name), getattr(part, name)
        assert torch.equal(mine, whole[box])
        assert mine.untyped_storage().nbytes() < whole.untyped_storage().nbytes()
    assert torch.equal(part.bodies.kind(), found.bodies.kind()[box])
    assert part.fill.shape == (7, 14, 25, 0)
