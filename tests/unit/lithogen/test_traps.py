"""Traps: flat contacts in closures of the folds, filled above, dry below, in any window."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from lithogen.grid import Spacing, Window
from lithogen.prior.sample import labelled_world
from lithogen.prior.world import world_fields
from lithogen.rockphysics.fluids import BRINE, GAS, MIN_POROSITY, OIL, POROUS_FACIES
from lithogen.scenario import Scenario
from lithogen.structure import Structure
from lithogen.structure.traps import (
    INTERVAL_MS,
    LEAST_COLUMN_M,
    N_STEP,
    STEP_M,
    Trap,
    draw_traps,
    fluids,
    traps_near,
)

FOLDED = Scenario(
    folding=1.0, hydrocarbons=1.0, net_to_gross=0.7, carbonate_share=0.0, faulting=0.0,
    polygonal=0.0, unconformities=0, clinoforms=0.0, thickness_variation=0.2, salt=0.0,
    channels=0.0, lobes=0.0, deltas=0.0, buildups=0.0, karst=0.0, mass_transport=0.0,
    canyons=0.0)
SEED = 3
# The lattice of the closures themselves: every cell of the map is a column.
WIDE = Spacing(dx_m=STEP_M, dy_m=STEP_M)
INTERVALS = range(4, 14)


class Case(NamedTuple):
    """A filled closure, and the window that shows it."""

    trap: Trap
    window: Window
    structure: Structure


def _cases() -> list[Case]:
    structure = Structure(SEED, FOLDED)
    out = []
    for interval in INTERVALS:
        for trap in draw_traps(structure, SEED, interval, 0, 0):
            rows, cols = (np.nonzero(trap.mask.any(axis=k))[0] for k in (1, 0))
            first = structure.horizon_s(
                trap.top_age, trap.y_m + STEP_M * rows, trap.x_m + STEP_M * cols)
            top = int(np.nanmin(first) / 0.004) - 4
            shape = (rows[-1] - rows[0] + 3, cols[-1] - cols[0] + 3, 80)
            out.append(Case(trap, Window((int(rows[0]) - 1, int(cols[0]) - 1, top), shape),
                            structure))
    return out


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    found = _cases()
    assert len(found) >= 3, "too few closures; take another seed"
    return found


@pytest.fixture(scope="module")
def filled(cases):
    """The first case whose world holds gas, and the one with oil: (case, labels, brine world)."""
    out = {}
    for case in cases:
        labels = labelled_world(case.structure, case.window, WIDE, SEED)
        for fluid in (GAS, OIL):
            if fluid not in out and (labels["fluid"] == fluid).sum() > 10:
                out[fluid] = (case, labels,
                              world_fields(case.structure, case.window, WIDE, SEED))
        if len(out) == 2:
            return out
    raise AssertionError("no gas or no oil; take another seed")


def pores(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fluid of the slab of all traps, ages, depths."""
    fields = case.structure.evaluate(case.window, WIDE)
    y_m, x_m, twt_s = case.window.axes(WIDE)
    depth = case.structure.velocity.depth(twt_s)
    age = fields.age.numpy()
    return fluids(case.structure, SEED, age, depth, y_m, x_m), age, depth


def test_contacts_are_flat_in_depth_and_inside_the_closure(cases) -> None:
    for case in cases:
        trap = case.trap
        axes = (trap.y_m + STEP_M * np.arange(N_STEP), trap.x_m + STEP_M * np.arange(N_STEP))
        depth = case.structure.velocity.depth(case.structure.horizon_s(trap.top_age, *axes))
        contact = trap.contacts.contact_m
        assert (depth[trap.mask] < contact).all()
        assert contact - depth[trap.mask].min() >= 0.29 * LEAST_COLUMN_M
        # A flat contact closes: what lies beside the filled cells is deeper than it.
        beside = binary_dilation(trap.mask, np.ones((3, 3))) & ~trap.mask
        assert (depth[beside] >= contact).all()
        # And the closure does not run off the cell.
        assert not (trap.mask[[0, -1]].any() or trap.mask[:, [0, -1]].any())


def test_no_hydrocarbon_below_the_contact_and_none_missing_above(cases) -> None:
    for case in cases[:4]:
        fluid, age, depth = pores(case)
        y_m, x_m, _ = case.window.axes(WIDE)
        every = traps_near(case.structure, SEED, list(range(-2, 40)), y_m, x_m)
        wanted = np.zeros(fluid.shape, dtype=bool)
        for trap in every:
            slab = (age >= trap.top_age) & (age < trap.base_age)
            above = depth < trap.contacts.contact_m
            wanted |= slab & above & trap.covers(y_m, x_m)[:, :, None]
        np.testing.assert_array_equal(fluid != BRINE, wanted)
        assert wanted.any()


def test_gas_lies_on_oil_and_oil_on_brine(cases) -> None:
    seen = set()
    for case in cases:
        trap, (_, age, depth) = case.trap, pores(case)
        slab = (age >= trap.top_age) & (age < trap.base_age)
        kind = np.broadcast_to(trap.contacts.fluid(depth), slab.shape)
        seen |= set(np.unique(kind[slab]).tolist())
        z = np.broadcast_to(depth, slab.shape)
        order = [z[slab & (kind == f)] for f in (GAS, OIL, BRINE)]
        order = [part for part in order if part.size]
        for upper, lower in itertools.pairwise(order):
            assert upper.max() < lower.min()
    assert seen == {BRINE, OIL, GAS}


def test_only_porous_rock_holds_hydrocarbon(filled) -> None:
    for _, labels, _ in filled.values():
        held = labels["fluid"] != BRINE
        assert np.isin(labels["lithology"][held], POROUS_FACIES).all()
        assert (labels["porosity"][held] > MIN_POROSITY).all()


def test_all_porous_reservoir_above_the_contact_is_filled(filled) -> None:
    for case, labels, _ in filled.values():
        fluid, _, _ = pores(case)
        porous = np.isin(labels["lithology"], POROUS_FACIES) & (labels["porosity"] > MIN_POROSITY)
        np.testing.assert_array_equal(labels["fluid"], np.where(porous, fluid, BRINE))


def test_gas_makes_sand_slower_and_lighter_and_brine_changes_nothing(filled) -> None:
    for fluid, (_, labels, brine) in filled.items():
        held = labels["fluid"] == fluid
        ratio = {name: labels[name] / getattr(brine, name) for name in ("vp", "vs", "rho")}
        assert (ratio["rho"][held] < 1.0).all()
        # Bulk modulus falls; oil in stiff rock may gain more from the density.
        assert np.median(ratio["vp"][held]) < 1.0
        # Less mass, the same shear modulus.
        assert (ratio["vs"][held] >= 1.0).all()
        impedance = labels["impedance"][held] / (brine.vp * brine.rho)[held]
        assert np.median(impedance) < (0.97 if fluid == GAS else 1.0)
        dry = labels["fluid"] == BRINE
        for name in ("vp", "vs", "rho"):
            np.testing.assert_array_equal(labels[name][dry], getattr(brine, name)[dry])


def test_fluids_of_a_window_are_the_crop(cases) -> None:
    case = cases[0]
    fluid, age, depth = pores(case)
    y_m, x_m, _ = case.window.axes(WIDE)
    rows, cols, deep = slice(1, None), slice(2, -1), slice(3, 61)
    part = fluids(case.structure, SEED, age[rows, cols, deep], depth[deep], y_m[rows], x_m[cols])
    np.testing.assert_array_equal(part, fluid[rows, cols, deep])
    assert part.any()


def test_windows_across_cells_of_the_map_see_the_traps_of_both(cases) -> None:
    y_m = np.array([-200.0, 200.0])
    found = traps_near(cases[0].structure, SEED, list(INTERVALS), y_m, y_m)
    own = [t for i in INTERVALS for row in (-1, 0) for col in (-1, 0)
           for t in draw_traps(cases[0].structure, SEED, i, row, col)]
    assert {id(t) for t in found} == {id(t) for t in own}


def test_without_hydrocarbons_everything_is_brine(cases) -> None:
    case = cases[0]
    dry = Structure(SEED, FOLDED.with_(hydrocarbons=0.0))
    labels = labelled_world(dry, case.window, WIDE, SEED)
    assert not labels["fluid"].any()
    assert labels["fluid"].dtype == np.int8
    y_m, x_m, _ = case.window.axes(WIDE)
    assert traps_near(dry, SEED, list(INTERVALS), y_m, x_m) == []


def test_more_hydrocarbons_fill_more_closures() -> None:
    counts = [sum(len(draw_traps(Structure(SEED, FOLDED.with_(hydrocarbons=share)), SEED, i, 0, 0))
                  for i in INTERVALS) for share in (0.2, 1.0)]
    assert counts[0] < counts[1]


def test_flat_layers_and_ages_of_no_sequence_hold_no_trap() -> None:
    flat = Structure(SEED, FOLDED.with_(folding=0.0, regional_dip_deg=0.0,
                                        thickness_variation=0.0))
    assert all(draw_traps(flat, SEED, i, 0, 0) == () for i in INTERVALS)
    far = int(40_000.0 / INTERVAL_MS)
    assert draw_traps(Structure(SEED, FOLDED), SEED, far, 0, 0) == ()
