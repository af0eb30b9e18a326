"""Structure given by the user: honoured by worlds, in any window inside it, refused outside."""

from __future__ import annotations

import numpy as np
import pytest

import lithogen
from lithogen.errors import ConfigError, ShapeError, StructureError
from lithogen.grid import Spacing, Window
from lithogen.prior import sample_world, world_fields
from lithogen.rockphysics import within_bounds
from lithogen.scenario import Scenario
from lithogen.structure import Structure
from lithogen.structure.horizons import horizon_twt

SPACING = Spacing()
SHAPE = (20, 36)
Y, X = np.meshgrid(np.arange(SHAPE[0]), np.arange(SHAPE[1]), indexing="ij")
BUSY = Scenario(channels=1.0, lobes=1.0, buildups=1.0, deltas=1.0, mass_transport=1.0, canyons=1.0)
CALM = Scenario(channels=0.0, lobes=0.0, buildups=0.0, deltas=0.0, mass_transport=0.0, canyons=0.0,
                karst=0.0, hydrocarbons=0.0)
AGES_MS = [400.0, 520.0, 600.0, 760.0]
# Age is a cubic between samples 4 ms apart, and linear there in an extracted horizon.
TIME_TOLERANCE_S = 2e-4
# Single precision of ages to 4 s.
AGE_TOLERANCE_MS = 2e-3


def surfaces() -> list[np.ndarray]:
    """Surfaces that dip, bend and diverge, in seconds."""
    return [0.40 + 0.11 * k + 0.001 * X + 0.0012 * k * Y + 0.004 * np.sin(X / 5 + k)
            for k in range(4)]


def from_horizons(scenario: Scenario = CALM, **changes) -> Structure:
    return Structure.from_horizons(surfaces(), seed=3, scenario=scenario, ages_ms=AGES_MS,
                                   **changes)


def given_rgt(n_twt: int = 160) -> np.ndarray:
    """A volume of ages of a faulted, folded world of our own."""
    structure = Structure(5, CALM.with_(faulting=0.0, unconformities=1, folding=1.0))
    fields = structure.evaluate(Window((0, 0, 60), (*SHAPE, n_twt)), Spacing(dx_m=100.0))
    return fields.age.numpy()


@pytest.mark.parametrize("scenario", [CALM, BUSY])
def test_horizons_are_honoured_by_the_world(scenario) -> None:
    structure = from_horizons(scenario)
    window = Window((0, 0, 80), (*SHAPE, 136))
    fields = structure.evaluate(window, SPACING)
    twt_s = window.axes(SPACING)[2]
    for age_ms, surface in zip(AGES_MS, surfaces(), strict=True):
        found = horizon_twt(age_ms, fields.age.numpy(), twt_s, fields.sequence.numpy())
        # Bodies do not bend given layers.
        assert np.abs(found - surface).max() < TIME_TOLERANCE_S


def test_horizon_of_a_sampled_world_is_the_given_surface() -> None:
    structure = from_horizons()
    ds = sample_world((*SHAPE, 90), 3, origin=(0, 0, 130), structure=structure)
    found = lithogen.horizon(ds, AGES_MS[2])
    assert np.abs(found.to_numpy() - surfaces()[2]).max() < TIME_TOLERANCE_S
    assert found.dims == ("iline", "xline")


def test_bodies_and_belts_live_in_given_layers() -> None:
    structure = from_horizons(BUSY.with_(lateral_change=1.0))
    fields = structure.evaluate(Window((0, 0, 80), (*SHAPE, 136)), SPACING)
    assert 0.0 < float(fields.bodies.cover.mean()) < 0.9
    assert float(fields.environment.std()) > 0.1
    # Folds, salt and faults of the scenario do not apply.
    plain = from_horizons(BUSY.with_(lateral_change=1.0, folding=1.0, salt=1.0, faulting=1.0))
    same = plain.evaluate(Window((0, 0, 80), (*SHAPE, 136)), SPACING)
    assert bool((same.age == fields.age).all())
    assert float(same.fault.max()) == 0.0


def test_fault_planes_become_likelihood_and_throw() -> None:
    plane = 0.5 + 0.02 * (X - 18.0)
    top = [s + np.where(s < plane, 0.02, 0.0) for s in surfaces()]
    structure = Structure.from_horizons(top, seed=3, scenario=CALM, ages_ms=AGES_MS,
                                        faults=[plane])
    fields = structure.evaluate(Window((0, 0, 80), (*SHAPE, 136)), SPACING)
    assert float(fields.fault.max()) > 0.8
    assert float(fields.throw_ms.max()) == pytest.approx(20.0, rel=0.3)


def test_rgt_goes_in_and_comes_out() -> None:
    rgt = given_rgt()
    structure = Structure.from_rgt(rgt, seed=3, scenario=CALM, origin=(-4, 7, 60))
    window = Window((-4, 7, 60), rgt.shape)
    fields = structure.evaluate(window, SPACING)
    np.testing.assert_allclose(fields.age.numpy(), rgt, rtol=1e-6, atol=AGE_TOLERANCE_MS)
    assert bool((fields.rate > 0).all())
    # Ages of two sequences lie 20 s apart, and are told apart by it.
    wanted = np.floor(rgt / 20_000.0 + 0.3)
    np.testing.assert_array_equal(fields.sequence.numpy(), wanted)
    assert len(np.unique(wanted)) == 2


def test_units_of_rgt_are_the_users() -> None:
    rgt = given_rgt()
    one, other = (Structure.from_rgt(rgt / unit, seed=3, scenario=CALM, unit_ms=unit).evaluate(
        Window((2, 2, 2), (4, 4, 100)), SPACING) for unit in (1.0, 1000.0))
    np.testing.assert_allclose(one.age.numpy(), other.age.numpy(), rtol=1e-6)


@pytest.mark.parametrize("kind", ["horizons", "rgt"])
def test_window_equals_crop(kind) -> None:
    if kind == "horizons":
        structure, first = from_horizons(BUSY), (0, 0, 70)
    else:
        structure = Structure.from_rgt(given_rgt(), seed=3, scenario=BUSY, origin=(0, 0, 60))
        first = (0, 0, 60)
    whole = Window(first, (*SHAPE, 100))
    part = Window((3, 8, first[2] + 21), (9, 17, 40))
    box = part.slices_in(whole)
    big, small = structure.evaluate(whole, SPACING), structure.evaluate(part, SPACING)
    for name in ("age", "rate", "environment", "fault", "throw_ms", "fill"):
        error = (getattr(big, name)[box] - getattr(small, name)).abs()
        # Bodies are drawn over axes of another length: the last bit of their cosines.
        assert float(error.quantile(0.999)) < AGE_TOLERANCE_MS, name
    assert (big.bodies.number()[box] == small.bodies.number()).float().mean() > 0.999


@pytest.mark.parametrize("origin, shape", [
    ((-1, 0, 80), (16, 16, 16)), ((0, 21, 80), (16, 16, 16)), ((8, 0, 80), (16, 36, 16))])
def test_windows_outside_are_refused_with_the_area(origin, shape) -> None:
    with pytest.raises(ShapeError, match="leaves the given structure"):
        sample_world(shape, 3, origin=origin, structure=from_horizons())


def test_a_window_above_or_below_a_volume_of_ages_is_refused() -> None:
    structure = Structure.from_rgt(given_rgt(), seed=3, scenario=CALM, origin=(0, 0, 60))
    structure.require_window(Window((0, 0, 60), (*SHAPE, 160)))
    for start in (40, 205):
        with pytest.raises(ShapeError, match="leaves the given structure"):
            structure.require_window(Window((0, 0, start), (16, 16, 30)))
    # Horizons are continued: any time is inside.
    from_horizons().require_window(Window((0, 0, 3000), (16, 16, 30)))


def test_a_procedural_structure_has_no_edge() -> None:
    Structure(1, CALM).require_window(Window((-10**6, 10**6, 0), (10, 10, 10)))


def test_another_scenario_than_the_structures_is_refused() -> None:
    with pytest.raises(ConfigError, match="only one of them"):
        sample_world((16, 16, 16), 3, scenario=BUSY, origin=(0, 0, 90), structure=from_horizons())


def test_given_layers_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(StructureError, match="cross"):
        Structure.from_horizons(list(reversed(surfaces())), scenario=CALM, ages_ms=AGES_MS)
    with pytest.raises(StructureError, match="does not increase"):
        Structure.from_rgt(given_rgt()[..., ::-1].copy(), scenario=CALM)


def test_nominal_depth_increases_and_lies_where_the_layers_are() -> None:
    for structure in (from_horizons(), Structure.from_rgt(given_rgt(), scenario=CALM,
                                                          origin=(0, 0, 60))):
        ages = np.linspace(410.0, 750.0, 30)
        depth = structure.nominal_depth_m(ages)
        assert (np.diff(depth) >= 0).all() and depth[-1] > depth[0]
    # Mean over every sixteenth column of the map.
    mean_s = np.mean([s[::16, ::16].mean() for s in surfaces()[1:2]])
    got = from_horizons().nominal_depth_m(np.array([AGES_MS[1]]))[0]
    wanted = structure.velocity.depth(mean_s)
    assert got == pytest.approx(float(wanted), abs=5.0)


def test_horizon_s_is_the_given_surface_on_the_coarse_map_and_absent_outside() -> None:
    structure = from_horizons()
    y_m, x_m = np.array([0.0, 400.0]), np.array([-800.0, 0.0, 400.0, 800.0, 4000.0])
    got = structure.horizon_s(AGES_MS[2], y_m, x_m)
    assert np.isnan(got[:, [0, 4]]).all()
    wanted = surfaces()[2][np.ix_([0, 16], [0, 16, 32])]
    assert np.abs(got[:, 1:4] - wanted).max() < TIME_TOLERANCE_S


def test_worlds_of_touching_surfaces_are_possible_rock() -> None:
    top = np.full(SHAPE, 0.45)
    # They touch over half of the map: ages between them are absent there, and rate is high.
    middle = top + 0.004 * np.maximum(18 - X, 0)
    structure = Structure.from_horizons(
        [top, middle, top + 0.2], seed=4, scenario=CALM, ages_ms=[400.0, 1200.0, 1500.0])
    world = world_fields(structure, Window((0, 0, 90), (*SHAPE, 80)), SPACING, 4)
    for values in (world.vp, world.vs, world.rho, world.porosity):
        assert np.isfinite(values).all()
    possible = within_bounds(world.vp, world.vs, world.rho, world.porosity, None, tolerance=0.1)
    assert possible.mean() > 0.999
