"""The procedural world: exact block means, possible rock, bodies, continuity along age."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from lithogen.grid import Spacing, Window
from lithogen.prior import world_fields
from lithogen.prior.tables import LEVELS, PriorStrata, strata_of
from lithogen.rockphysics import RockFamily, decode_elastic, within_bounds
from lithogen.rockphysics.facies import COAL, EVAPORITE, N_FACIES, SHALE
from lithogen.rockphysics.trends import MIN_VP_OVER_VS, RHO_LIMITS_KG_M3, VP_LIMITS_M_S
from lithogen.scenario import Scenario
from lithogen.strata.blocks import block_means
from lithogen.strata.fills import LEAST_COVER, shuffled
from lithogen.strata.tables import COLUMNS, ENVIRONMENTS, MAX_SPAN, N_ROWS, STEP_MS
from lithogen.structure import Structure
from lithogen.structure.bodies import SEQUENCE_OFFSET_MS, BodyKind
from lithogen.structure.present import bins_present

SPACING = Spacing()
WIDE = Spacing(dx_m=300.0, dy_m=400.0)
NO_BODIES = dict.fromkeys(
    ("channels", "lobes", "deltas", "buildups", "karst", "mass_transport", "canyons"), 0.0)
FLAT = Scenario(
    faulting=0.0, polygonal=0.0, folding=0.0, regional_dip_deg=0.0, thickness_variation=0.0,
    clinoforms=0.0, unconformities=0, salt=0.0, lateral_change=0.0, **NO_BODIES)
# Running sums of 1152 rows in single precision, and a difference of two over few rows.
MEAN_TOLERANCE = 5e-4
# The depth of a layer is looked up to 1 ms, some 1 m, and trends change by 1 per km at most.
LIFT_TOLERANCE = 1e-3


def test_block_means_are_those_of_sixteen_times_finer_voxels() -> None:
    structure = Structure(4, FLAT.with_(burial_m=900.0))
    n, fold = 60, 16
    coarse = world_fields(structure, Window((0, 0, 100), (1, 1, n)), SPACING, 4)
    # The sixteenths of a voxel lie on both sides of its centre.
    fine = world_fields(structure, Window((0, 0, 100 * fold - fold // 2), (1, 1, n * fold)),
                        Spacing(dt_s=0.004 / fold), 4)

    def mean(values) -> np.ndarray:
        return np.asarray(values, dtype=np.float64).reshape(n, fold).mean(axis=1)

    rho = mean(fine.rho)
    # Backus: harmonic means of the moduli. Density times vp is not averaged itself.
    p_modulus = 1.0 / mean(1.0 / (fine.rho * np.square(fine.vp)))
    shear = 1.0 / mean(1.0 / (fine.rho * np.square(fine.vs)))
    for got, wanted in ((coarse.rho, rho), (coarse.vp, np.sqrt(p_modulus / rho)),
                        (coarse.vs, np.sqrt(shear / rho))):
        assert np.abs(got[0, 0] / wanted - 1.0).max() < LIFT_TOLERANCE
    for name in ("porosity", "net_to_gross"):
        error = getattr(coarse, name)[0, 0] - mean(getattr(fine, name))
        assert np.abs(error).max() < LIFT_TOLERANCE, name
    count = np.stack([(fine.facies.reshape(n, fold) == f).sum(axis=1) for f in range(N_FACIES)])
    # The label takes the largest share, whatever the order of ties.
    assert (count[coarse.facies[0, 0], np.arange(n)] == count.max(axis=0)).all()
    assert len(np.unique(coarse.facies)) >= 2, "nothing averaged; take another seed"


def brute_force_means(strata: PriorStrata, age, half, environment):
    """Mean rows, one by one, from the tables of single rows."""
    out = np.empty((age.size, len(COLUMNS)))
    for k, (a, h, e) in enumerate(zip(age.ravel(), half.ravel(), environment.ravel(),
                                      strict=True)):
        level = int(np.abs(LEVELS - e).argmin())
        first, n = round((a - h) / STEP_MS), max(1, min(MAX_SPAN, round(2 * h / STEP_MS)))
        rows = []
        for row in range(first, first + n):
            total = strata.chunk(row // N_ROWS).total[level].astype(np.float64)
            rows.append(total[row % N_ROWS + 1] - total[row % N_ROWS])
        out[k] = np.mean(rows, axis=0)
    return out


def test_block_means_equal_brute_force_over_rows_of_any_chunk() -> None:
    structure = Structure(5, Scenario.random(5).with_(unconformities=2))
    strata = strata_of(5, structure)
    rng = np.random.default_rng(3)
    shape = (2, 5, 24)
    # Two sequences, borders of chunks, negative ages, and spans from one row to all of them.
    age = rng.choice([-40.0, 505.0, 1020.0, SEQUENCE_OFFSET_MS + 300.0], shape)
    age = (age + rng.uniform(0.0, 20.0, shape)).astype(np.float32)
    half = rng.choice([0.2, 1.0, 2.0, 3.1, 12.0, 31.0], shape).astype(np.float32)
    environment = rng.choice(LEVELS, shape) * 1.3
    mean, facies = block_means(strata, torch.from_numpy(age), torch.from_numpy(half),
                               torch.from_numpy(environment.astype(np.float32)))
    wanted = brute_force_means(strata, age, half, environment).reshape(*shape, -1)
    # Roundings of starts and widths to rows may fall the other way for halves.
    error = np.abs(mean.numpy() - wanted) / np.abs(wanted).mean(axis=(0, 1, 2))
    assert np.quantile(error, 0.98) < MEAN_TOLERANCE
    assert facies.dtype == torch.int8
    assert 0 <= int(facies.min()) <= int(facies.max()) < N_FACIES


def test_lookups_beyond_the_limits_of_environment_take_the_end() -> None:
    strata = strata_of(5, Structure(5, FLAT))
    age = torch.full((1, 1, 2), 700.0)
    half = torch.full_like(age, 2.0)
    far, end = (block_means(strata, age, half, torch.full_like(age, e))[0] for e in (9.0, 2.0))
    assert torch.equal(far, end)
    assert len(LEVELS) == ENVIRONMENTS


@pytest.mark.parametrize("seed", range(12))
def test_random_worlds_are_physically_possible(seed) -> None:
    # No fluids here: all pores hold brine.
    world = world_fields(Structure.random(seed), Window((-5, 3, 40 * seed), (4, 8, 100)), WIDE,
                         seed)
    for values, (low, high) in ((world.vp, VP_LIMITS_M_S), (world.rho, RHO_LIMITS_KG_M3),
                                (world.porosity, (0.0, 0.7)), (world.net_to_gross, (0.0, 1.0))):
        assert np.isfinite(values).all()
        # Single precision of a limit.
        assert low * 0.99999 <= values.min() and values.max() <= high * 1.00001
    assert (world.vp / world.vs).min() >= MIN_VP_OVER_VS * 0.999
    is_possible = within_bounds(world.vp, world.vs, world.rho, world.porosity, None)
    # Carried to the depth of a voxel, moduli and porosity change along trends of one facies,
    # not of the mixture: a few voxels of mixed beds may leave the bounds by a little.
    assert is_possible.mean() > 0.995
    assert within_bounds(world.vp, world.vs, world.rho, world.porosity, None,
                         tolerance=0.1).all()
    assert world.facies.dtype == np.int8
    assert len(np.unique(world.facies)) >= 2


@pytest.fixture(scope="module")
def world():
    return world_fields(Structure.random(1), Window((0, 0, 0), (16, 48, 128)), SPACING, 1)


def test_residuals_decode_back_to_the_world(world) -> None:
    units = world.residual()
    assert units.shape == (3, *world.facies.shape) and units.dtype == np.float32
    vp, vs, rho = decode_elastic(units, world.strata.family, world.depth_m)
    inside = np.abs(units).max(axis=0) < 3.99
    assert inside.mean() > 0.97
    for got, wanted in ((vp, world.vp), (vs, world.vs), (rho, world.rho)):
        # Single precision through a logarithm and an exponential.
        assert np.abs(got / wanted - 1)[inside].max() < 1e-4


def test_layers_continue_along_age_and_change_across_it(world) -> None:
    age = world.structure.age[8].numpy()
    flat = np.log(world.vp[8])
    grid = np.linspace(np.quantile(age, 0.2), np.quantile(age, 0.8), 100)
    panel = np.stack([np.interp(grid, a, v) for a, v in zip(age, flat, strict=True)])
    along = np.corrcoef(panel[0], panel[40])[0, 1]
    moved = np.corrcoef(panel[0], np.roll(panel[40], 37))[0, 1]
    assert along > 0.5
    assert along > moved + 0.2


def test_flat_layers_without_change_are_the_same_in_every_column() -> None:
    got = world_fields(Structure(2, FLAT), Window((0, -50, 90), (3, 4, 80)), WIDE, 2)
    for name in ("facies", "vp", "vs", "rho", "porosity", "net_to_gross"):
        values = getattr(got, name)
        assert_array_equal(values, np.broadcast_to(values[:1, :1], values.shape), err_msg=name)


def test_lateral_change_changes_facies_along_layers() -> None:
    window, wide = Window((0, 0, 90), (2, 24, 100)), Spacing(dx_m=700.0, dy_m=700.0)
    labels = world_fields(Structure(2, FLAT.with_(lateral_change=1.0)), window, wide, 2).facies
    constant = (labels == labels[:1, :1]).all(axis=(0, 1))
    # Bed by bed: some layers change, others are the same rock everywhere.
    assert 0.05 < constant.mean() < 0.95


def test_a_layer_is_stiffer_where_it_lies_deeper() -> None:
    structure = Structure(6, FLAT.with_(folding=1.0, regional_dip_deg=4.0))
    window, fine = Window((0, 0, 900), (1, 24, 700)), Spacing(dt_s=0.001, dx_m=700.0)
    got = world_fields(structure, window, fine, 6)
    age = got.structure.age[0].numpy()
    shift = age[:, 350] - age[:1, 350]
    low, high = int(shift.argmax()), int(shift.argmin())
    relief_ms = shift[low] - shift[high]
    assert relief_ms > 60.0, "no relief; take another seed"
    grid = np.arange(max(age[low, 0], age[high, 0]) + 1, min(age[low, -1], age[high, -1]) - 1)
    up, down = ((np.interp(grid, age[c], np.log(got.vp[0, c])),
                 np.interp(grid, age[c], got.depth_m),
                 got.facies[0, c][np.searchsorted(age[c], grid)]) for c in (low, high))
    same = (up[2] == down[2]) & ~np.isin(up[2], (COAL, EVAPORITE))
    trend = np.log(got.strata.family.trend(up[1])[0]), np.log(
        got.strata.family.trend(down[1])[0])
    row = np.arange(grid.size)
    wanted = (trend[1][row, up[2]] - trend[0][row, up[2]])[same]
    found = (down[0] - up[0])[same]
    assert (wanted > 0).all()
    # The slope at the voxel stands for that of the way to it, and beds that scatter off the
    # trend of their facies compact a little differently.
    assert np.median(found) == pytest.approx(np.median(wanted), rel=0.2)
    assert np.median(np.abs(found - wanted)) < 0.25 * np.median(wanted) + LIFT_TOLERANCE


BUSY = Scenario(channels=1.0, lobes=1.0, buildups=1.0, karst=1.0, mass_transport=1.0, canyons=1.0,
                faulting=0.0, polygonal=0.0, salt=1.0, unconformities=0)


@pytest.fixture(scope="module")
def busy_world():
    return world_fields(Structure(9, BUSY), Window((0, 0, 60), (20, 40, 120)),
                        Spacing(dx_m=60.0, dy_m=60.0), 9)


def test_bodies_are_of_the_rock_that_they_say(busy_world) -> None:
    bodies = busy_world.structure.bodies
    cover, part = bodies.cover.numpy(), bodies.part.numpy()
    kinds = set()
    for place, one in enumerate(bodies.parts):
        inside = (part == place + 1) & (cover > 0.9)
        if one.scramble_ms == 0.0 and inside.any():
            kinds.add(one.kind)
            assert (busy_world.facies[inside] == one.facies).all(), one.kind
    assert len(kinds) >= 3
    # Beside bodies no voxel takes their rock.
    bare = world_fields(Structure(9, BUSY.with_(**NO_BODIES | {"salt": 1.0})),
                        Window((0, 0, 60), (20, 40, 120)), Spacing(dx_m=60.0, dy_m=60.0), 9)
    same_age = np.abs((bare.structure.age - busy_world.structure.age).numpy()) == 0.0
    outside = (cover <= LEAST_COVER) & same_age & (part == 0)
    assert outside.sum() > 1000
    assert (busy_world.facies == bare.facies)[outside].mean() > 0.999


def test_salt_is_evaporite_and_uniform() -> None:
    structure = Structure(2, FLAT.with_(salt=1.0))
    wide = Spacing(dx_m=200.0, dy_m=200.0)
    got = world_fields(structure, Window((0, 0, 250), (30, 30, 60)), wide, 2)
    inside = (got.structure.bodies.kind().numpy() == BodyKind.SALT) & (
        got.structure.bodies.cover.numpy() > 0.999)
    assert inside.sum() > 50, "no salt; take another seed"
    assert (got.facies[inside] == EVAPORITE).all()
    assert np.log(got.vp[inside]).std() < 0.03
    assert got.porosity[inside].max() < 0.02
    assert got.net_to_gross[inside].max() == 0.0


def test_shuffling_stays_inside_mass_transport_and_its_amount(busy_world) -> None:
    fields = busy_world.structure
    y_m, x_m = np.arange(20) * 60.0, np.arange(40) * 60.0
    moved = (shuffled(fields, y_m, x_m, 9) - fields.age).abs()
    amounts = fields.bodies.label([0.0, *(p.scramble_ms for p in fields.bodies.parts)],
                                  torch.float32)
    assert bool((moved[amounts == 0] == 0).all())
    # Single precision of ages.
    assert bool((moved <= amounts + 1e-3).all())


def test_net_to_gross_follows_the_facies(world) -> None:
    net = world.net_to_gross
    free = world.structure.bodies.part.numpy() == 0
    sand, shale = (net[(world.facies == code) & free].mean() for code in (1, SHALE))
    assert sand > 0.75
    assert shale < 0.25


def test_seeds_and_scenarios_make_other_worlds() -> None:
    window = Window((0, 0, 100), (2, 3, 40))
    one = world_fields(Structure(1, FLAT), window, SPACING, 1)
    two = world_fields(Structure(1, FLAT), window, SPACING, 2)
    assert_array_equal(one.structure.age.numpy(), two.structure.age.numpy())
    assert (one.vp != two.vp).mean() > 0.9


@pytest.mark.parametrize("n_twt", [1, 7, 8, 29])
def test_every_bin_of_age_that_occurs_is_found(n_twt) -> None:
    rng = np.random.default_rng(n_twt)
    age = np.sort(rng.choice([0.0, 3000.0, 20_000.0], (5, 6, n_twt)), axis=2)
    age = (age + np.cumsum(rng.uniform(0, 40.0, age.shape), axis=2) - 200.0).astype(np.float32)
    age[2] = age[2, :, ::-1]
    for width in (130.0, 512.0):
        wanted = set(np.floor(age / width).astype(int).ravel().tolist())
        found = bins_present(torch.from_numpy(age.copy()), width)
        assert wanted <= set(found)
        assert found == sorted(set(found))
        # Perhaps a few more: those of the other end of a float rounding.
        assert len(set(found) - wanted) <= 1


def test_trends_rise_with_depth_and_families_differ() -> None:
    depth = np.linspace(0, 3500, 50)
    one, two = RockFamily.random(1, 500.0), RockFamily.random(2, 500.0)
    vp, vs, rho = one.trend(depth)
    compacting = [code for code in range(N_FACIES) if code not in (COAL, EVAPORITE)]
    assert (np.diff(vp[:, compacting], axis=0) >= 0).all()
    assert (np.diff(rho[:, compacting], axis=0) >= 0).all()
    assert (vp / vs >= MIN_VP_OVER_VS - 1e-9).all()
    assert np.abs(vp / two.trend(depth)[0] - 1).max() > 0.01


