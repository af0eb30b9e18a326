"""Lobes, deltas, build-ups, karst and mass transport: placed, sized and cut as promised."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lithogen.rng import generator
from lithogen.rockphysics.facies import COAL, LIMESTONE, MARL, SANDSTONE, SHALE
from lithogen.scenario import Scenario
from lithogen.structure.bodies import buildups, deltas, karst, lobes, mass_transport, place
from lithogen.structure.bodies.part import (
    INTERVAL_MS,
    REACH_MS,
    SEQUENCE_OFFSET_MS,
    BodyContext,
    BodyKind,
)
from lithogen.structure.velocity import BackgroundVelocity

MODULES = {
    "lobes": lobes, "deltas": deltas, "buildups": buildups, "karst": karst,
    "mass_transport": mass_transport,
}
KINDS = {
    "lobes": {BodyKind.LOBE}, "deltas": {BodyKind.DELTA}, "buildups": {BodyKind.BUILDUP},
    "karst": {BodyKind.KARST, BodyKind.BUILDUP}, "mass_transport": {BodyKind.MASS_TRANSPORT},
}
# Ages are float32 and lie below 2**18 ms: one step of them is 0.016 ms at most.
AGE_STEP_MS = 0.02
SEED = 3
every_kind = pytest.mark.parametrize("name", MODULES)


def context(seed=SEED, **controls):
    wanted = dict.fromkeys(MODULES, 1.0) | {"carbonate_share": 0.6} | controls
    scenario = Scenario(**wanted)
    return BodyContext(seed, scenario, BackgroundVelocity.from_scenario(scenario))


def lattice(n, spacing_m, y_m=0.0, x_m=0.0):
    return y_m + spacing_m * np.arange(n), x_m + spacing_m * np.arange(n)


def some_parts(name, n=160, spacing_m=100.0, **controls):
    """Yield (context, interval, parts) of six intervals of four worlds, 16 x 16 km each."""
    for seed in range(4):
        world = context(seed, **controls)
        for interval in (0, 3, 11, -5, 290, 575):
            parts = MODULES[name].draw_parts(world, interval, *lattice(n, spacing_m))
            if parts:
                yield world, interval, parts


def rows_of(parts, first, last):
    """Return one table of the columns first <= row, col < last: place, label and ages."""
    table = []
    for part in parts:
        inside = ((part.rows >= first) & (part.rows < last)
                  & (part.cols >= first) & (part.cols < last))
        n = int(inside.sum())
        looks = np.full((n, 4), [part.number, part.facies, part.ln_vp, part.scramble_ms])
        table.append(np.column_stack([
            looks, part.rows[inside] - first, part.cols[inside] - first,
            part.top_age[inside], part.base_age[inside],
        ]))
    return np.concatenate(table)


@every_kind
def test_window_equals_crop_of_the_whole(name):
    world, module, is_seen = context(), MODULES[name], False
    for interval in range(40):
        y_m, x_m = lattice(96, 150.0, -7000.0, 31000.0)
        whole = module.draw_parts(world, interval, y_m, x_m)
        if not whole:
            continue
        part = module.draw_parts(world, interval, y_m[40:72], x_m[40:72])
        wanted = rows_of(whole, 40, 72)
        if not part:
            assert len(wanted) == 0
            continue
        is_seen = True
        got = rows_of(part, 0, 32)
        assert_array_equal(got[:, :6], wanted[:, :6])
        assert_allclose(got[:, 6:], wanted[:, 6:], rtol=0, atol=AGE_STEP_MS)
        if interval > 12:
            break
    assert is_seen


@every_kind
def test_parts_are_whole_and_stay_within_reach(name):
    above, below = getattr(MODULES[name], "REACH_AGE_MS", (REACH_MS, REACH_MS))
    n_part = 0
    # The slowest background makes the thickest bodies in ms.
    for _, interval, parts in some_parts(
        name, n=60, spacing_m=250.0, velocity_m_s=1500.0, velocity_gradient_per_s=0.0
    ):
        for part in parts:
            n_part += 1
            assert part.kind in KINDS[name]
            assert part.number > 0
            assert (part.base_age > part.top_age).all()
            assert part.top_age.min() >= interval * INTERVAL_MS - above - AGE_STEP_MS
            assert part.base_age.max() <= (interval + 1) * INTERVAL_MS + below + AGE_STEP_MS
            assert max(part.rows.max(), part.cols.max()) < 60
    assert n_part > 10


@every_kind
def test_control_sets_how_many_intervals_have_bodies(name):
    def count(value):
        world = context(**{name: value})
        axes = lattice(16, 1000.0)
        return sum(bool(MODULES[name].draw_parts(world, k, *axes)) for k in range(60))

    some, many = count(0.3), count(1.0)
    assert count(0.0) == 0
    assert 0 < some < many <= 60


@every_kind
def test_worlds_and_sequences_differ(name):
    module, axes = MODULES[name], lattice(20, 1000.0)
    steps = int(SEQUENCE_OFFSET_MS / INTERVAL_MS)
    numbers = [
        {p.number for k in range(12) for p in module.draw_parts(context(seed), k + shift, *axes)}
        for seed, shift in ((1, 0), (2, 0), (1, steps))
    ]
    assert all(numbers)
    assert not numbers[0] & numbers[1]
    assert not numbers[0] & numbers[2]


@pytest.mark.parametrize("name", ["lobes", "deltas", "mass_transport"])
def test_sites_have_no_edge_at_the_cells(name):
    # Looked at through windows that lie across the borders of cells, no site is lost or doubled.
    found = {}
    for start in range(-60000, 60000, 10000):
        for site in place.sites_near(
            7, name, 0, np.array([start, start + 1e4]), np.array([0.0, 5e4]), cell_m=14000.0,
            reach_m=0.0, chance=0.7, n_draw=1,
        ):
            assert site.cell not in found
            found[site.cell] = site
    whole = place.sites_near(
        7, name, 0, np.array([-6e4, 6e4]), np.array([0.0, 5e4]), cell_m=14000.0, reach_m=0.0,
        chance=0.7, n_draw=1,
    )
    assert {s.cell for s in whole} == set(found)
    assert len(found) > 5


def test_lobes_fill_the_low_places():
    # Chance alone would put half of the lobes on the higher half of the fan.
    is_low = []
    for seed in range(25):
        stack = lobes.stack_lobes(generator(seed, "test"), 5000.0, 15.0, 1000.0)
        assert 3 <= len(stack) <= 8
        along, across = np.meshgrid(np.linspace(1500.0, 5500.0, 9), np.linspace(-2e3, 2e3, 9))
        for n in range(1, len(stack)):
            def pile(u, v, older=stack[:n]):
                return sum(b.thickness_ms * b.height(u, v) ** 1.5 for b in older)

            here = pile(np.array(stack[n].along_m), np.array(stack[n].across_m))
            is_low.append(here < np.median(pile(along, across)) + 1e-9)
    assert np.mean(is_low) > 0.7


def test_lobes_have_the_promised_sizes_and_the_pile_its_budget():
    for seed in range(25):
        stack = lobes.stack_lobes(generator(seed, "test"), 5000.0, 15.0, 20.0)
        for lobe in stack:
            assert 2000.0 <= lobe.length_m <= 8000.0
            assert 0.4 <= lobe.width_m / lobe.length_m <= 0.8
            pile = sum(b.thickness_ms * b.height(np.array(lobe.along_m), np.array(lobe.across_m))
                       ** 1.5 for b in stack)
            assert pile <= 20.0 + 1e-9


def columns(parts, shape):
    """Return for each part its thickness on the map, (n_part, n_iline, n_xline)."""
    out = np.zeros((len(parts), *shape))
    for index, part in enumerate(parts):
        out[index, part.rows, part.cols] = part.base_age - part.top_age
    return out


def test_sand_of_lobes_lies_in_the_axis():
    n_lobe = 0
    for _, _, parts in some_parts("lobes"):
        for number in {p.number for p in parts}:
            own = [p for p in parts if p.number == number]
            if len(own) < 2 or own[0].rows.size < 300:
                continue
            thick = columns(own, (160, 160))
            sand = sum(t for p, t in zip(own, thick, strict=True) if p.facies == SANDSTONE)
            whole = thick.sum(axis=0)
            share = np.divide(sand, whole, out=np.zeros_like(whole), where=whole > 0)
            middle = whole > 0.7 * whole.max()
            edge = (whole > 0) & (whole < 0.15 * whole.max())
            assert share[middle].mean() > 0.5
            assert share[edge].mean() < 0.2
            n_lobe += 1
    assert n_lobe > 5


@pytest.mark.parametrize("name", ["lobes", "deltas"])
def test_layers_of_one_body_do_not_overlap(name):
    # Sizes in a column never add up to more than the column of the body spans.
    n_body = 0
    for _, _, parts in some_parts(name):
        shape, top, base = (160, 160), {}, {}
        total = {}
        for part, thick in zip(parts, columns(parts, shape), strict=True):
            n = part.number
            total[n] = total.get(n, 0.0) + thick
            low = np.full(shape, np.inf)
            low[part.rows, part.cols] = part.top_age
            high = np.full(shape, -np.inf)
            high[part.rows, part.cols] = part.base_age
            top[n] = np.minimum(top.get(n, np.inf), low)
            base[n] = np.maximum(base.get(n, -np.inf), high)
        for n in total:
            some = total[n] > 0
            assert (total[n][some] <= (base[n] - top[n])[some] + 4 * AGE_STEP_MS).all()
            n_body += 1
    assert n_body > 5


def test_clinothems_build_out_and_up():
    axis = np.arange(-8000.0, 12000.0, 100.0)
    along, across = np.meshgrid(axis, axis)
    for seed in range(12):
        tops = deltas.clinothem_tops(
            generator(seed, "test"), along, across, 0.0 * along, length_m=8000.0, foreset_m=800.0
        )
        assert 3 <= len(tops) <= 6
        front = [along[top > 0.5].max() for top in tops]
        for older, younger in itertools.pairwise(tops):
            assert (younger >= older).all()
            assert younger.max() > older.max()
        assert front == sorted(front)
        assert front[-1] - front[0] > 1000.0
        # Nothing but air beyond the patch that is looked at.
        assert tops[-1][np.hypot(along, across) > 1.15 * 8000.0].max() == 0.0


def test_coal_of_delta_plains_is_a_seam():
    n_seam = 0
    controls = {"coal_share": 0.2, "carbonate_share": 0.0}
    for world, interval, parts in some_parts("deltas", n=60, spacing_m=250.0, **controls):
        # Ages of a body differ by less than an interval from that of its metres.
        ms_per_m = world.milliseconds(1.0, interval * INTERVAL_MS)
        for part in (p for p in parts if p.facies == COAL):
            assert (part.base_age - part.top_age).max() < 1.05 * deltas.COAL_M * ms_per_m
            n_seam += 1
    assert n_seam > 3


def test_build_ups_stand_on_one_age_and_are_steep_but_not_cliffs():
    n_core = 0
    for world, interval, parts in some_parts("buildups", n=160, spacing_m=50.0):
        ms_per_m = world.milliseconds(1.0, interval * INTERVAL_MS)
        for part in (p for p in parts if p.facies == LIMESTONE and p.rows.size > 60):
            assert 0.3 <= part.drape <= 0.45
            assert np.ptp(part.base_age) <= AGE_STEP_MS
            height_m = np.full((160, 160), np.nan)
            height_m[part.rows, part.cols] = (part.base_age - part.top_age) / ms_per_m
            assert np.nanmax(height_m) < 205.0
            slope = np.abs(np.diff(height_m, axis=0)) / 50.0
            # Flanks are drawn with 35 degrees at most; the re-entrants of a ragged margin, where
            # distance is known to first order only, are steeper in a few columns.
            assert np.nanquantile(slope, 0.99) < np.tan(np.deg2rad(45.0))
            assert np.nanquantile(slope, 0.9) < np.tan(np.deg2rad(35.0))
            n_core += 1
    assert n_core > 10


def test_talus_and_lagoon_lie_on_the_core_not_in_it():
    n_flank = 0
    for _, _, parts in some_parts("buildups"):
        for part in (p for p in parts if p.facies == MARL):
            core = next((p for p in parts if p.number == part.number and p.facies == LIMESTONE),
                        None)
            if core is None:
                continue
            top = np.full((160, 160), np.inf)
            top[core.rows, core.cols] = core.top_age
            assert (part.base_age <= top[part.rows, part.cols] + AGE_STEP_MS).all()
            n_flank += 1
    assert n_flank > 10


def test_build_ups_do_not_grow_into_each_other():
    for _, _, parts in some_parts("buildups"):
        cores = [p for p in parts if p.facies == LIMESTONE]
        count = np.zeros((160, 160), dtype=int)
        for core in cores:
            count[core.rows, core.cols] += 1
        # Ragged and stretched margins may touch, no more.
        assert (count > 1).sum() <= 0.05 * (count > 0).sum()


def test_karst_lies_inside_its_bank():
    n_world = 0
    for _, _, parts in some_parts("karst"):
        bank = parts[0]
        assert bank.kind is BodyKind.BUILDUP
        top, base = np.full((160, 160), np.inf), np.full((160, 160), -np.inf)
        top[bank.rows, bank.cols], base[bank.rows, bank.cols] = bank.top_age, bank.base_age
        for part in parts[1:]:
            assert part.kind is BodyKind.KARST
            assert part.facies in (LIMESTONE, SHALE)
            assert -0.25 <= part.ln_vp <= 0.0
            # A column of the bank thinner than `least_ms` is left out; so little may stick out.
            inside = np.isfinite(top[part.rows, part.cols])
            assert inside.mean() > 0.99
            assert (part.top_age >= top[part.rows, part.cols] - AGE_STEP_MS)[inside].all()
            assert (part.base_age <= base[part.rows, part.cols] + AGE_STEP_MS)[inside].all()
        n_world += 1
    assert n_world > 2


def test_karst_needs_carbonate():
    def count(share):
        world = context(carbonate_share=share)
        return sum(bool(karst.draw_parts(world, k, *lattice(8, 2000.0))) for k in range(200))

    assert count(0.0) < 0.5 * count(0.6)


def test_slide_cuts_deep_at_its_head_and_is_high_at_its_toe():
    along, across = np.meshgrid(np.arange(0.0, 10000.0, 50.0), np.arange(-3e3, 3e3, 50.0))
    slide = mass_transport.Slide(9000.0, 4000.0, 60.0, 0.6, 400.0)
    flat = np.zeros_like(along)
    deep, high = mass_transport.slide_surfaces(slide, along, across, flat, flat, flat)
    head, toe = (along < 2000.0) & (deep > 1), (along > 6000.0) & (deep > 1)
    assert deep[head].mean() > 1.5 * deep[toe].mean()
    # The scar at the head is a hollow; downslope the mass stands above the old floor.
    assert high[head].min() < -5.0
    assert high[toe].mean() > 5.0
    assert not deep[along > 9000.0].any()
    assert (deep + high).max() <= 60.0
    assert (deep + high).min() >= 0.0


def test_slides_are_scrambled_and_their_blocks_are_not():
    n_slide = 0
    for _, _, parts in some_parts("mass_transport"):
        for number in {p.number for p in parts}:
            own = [p for p in parts if p.number == number]
            low, high = mass_transport.SCRAMBLE_MS
            assert low <= own[0].scramble_ms <= high
            assert own[0].facies == SHALE
            assert all(p.scramble_ms == 0.0 for p in own[1:])
            n_slide += 1
    assert n_slide > 5
