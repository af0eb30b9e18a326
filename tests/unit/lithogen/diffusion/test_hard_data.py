"""Wells as hard data: rows of the lattice hold what they know, and groups that disagree part."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from lithogen.diffusion.conditions import N_ROW_SCALARS, RESIDUAL_GAIN, row_conditions
from lithogen.diffusion.hard_data import (
    LEAST_COMMON,
    WellRows,
    bodies_met,
    group_wells,
    residuals_at_nominal_depth,
    well_rows,
)
from lithogen.diffusion.lattice import MIDDLE, N_POSITIONS, N_RESIDUALS
from lithogen.diffusion.network import N_AFFINE, RowNetwork
from lithogen.diffusion.schedulers import MASKED
from lithogen.grid import Spacing, Window
from lithogen.rockphysics import RockFamily, encode_residual
from lithogen.rockphysics.facies import LIMESTONE, N_FACIES
from lithogen.scenario import Scenario
from lithogen.structure import Structure
from lithogen.structure.bodies import BodyKind
from lithogen.wells import Well, Wells
from lithogen.wells.ages import well_ages

SPACING = Spacing()
NO_BODIES = dict.fromkeys(
    ("channels", "lobes", "deltas", "buildups", "karst", "mass_transport", "canyons"), 0.0)
FLAT = Scenario(faulting=0.0, polygonal=0.0, folding=0.0, regional_dip_deg=0.0,
                thickness_variation=0.0, clinoforms=0.0, unconformities=0, salt=0.0,
                lateral_change=0.0, **NO_BODIES)
FIRST, LAST = -40, 300
# Logs are single precision, and go through a logarithm.
SINGLE = 2e-3


def empty(rows) -> WellRows:
    n = len(rows)
    return WellRows(np.asarray(rows, np.int64), np.full((n, N_POSITIONS), MASKED),
                    np.full((n, N_POSITIONS, 3), np.nan, np.float32))


def some_rows(kind: str) -> WellRows:
    """Random cells, two a row at most: facies, logs, single logs, or all of these."""
    rng = np.random.default_rng(5)
    known = empty(np.sort(rng.choice(np.arange(FIRST, LAST), 150, replace=False)))
    n = len(known.row)
    for _ in range(2):
        at = np.arange(n), rng.integers(0, N_POSITIONS, n)
        if kind != "logs":
            known.facies[at] = rng.integers(0, N_FACIES, n)
        if kind != "facies":
            values = rng.uniform(-2.0, 2.0, (n, 3)).astype(np.float32)
            known.residual[at] = np.where(rng.uniform(size=(n, 3)) < 0.3, np.nan, values)
    return known


@pytest.mark.parametrize("kind", ["facies", "logs", "both"])
def test_known_cells_are_honoured_exactly_and_rows_stay_crops(lattice_of, kind) -> None:
    known = some_rows(kind)
    facies, residual = lattice_of(known).rows(FIRST, LAST)
    wanted, logs = known.cells(np.arange(FIRST, LAST + 1))
    has = wanted != MASKED
    assert has.any() == (kind != "logs")
    assert_array_equal(facies[has], wanted[has])
    has = np.isfinite(logs)
    assert has.any() == (kind != "facies")
    assert_array_equal(residual[has], logs[has])
    assert np.isfinite(residual).all()
    part = lattice_of(known).rows(60, 90)
    assert_array_equal(part[0], facies[60 - FIRST : 91 - FIRST])
    assert_array_equal(part[1], residual[60 - FIRST : 91 - FIRST])


def test_known_cells_change_what_is_drawn_beside_them(lattice_of) -> None:
    free, given = lattice_of().rows(0, 40), lattice_of(some_rows("both")).rows(0, 40)
    unknown = some_rows("both").cells(np.arange(41))[0] == MASKED
    assert (free[0] != given[0])[unknown].mean() > 0.05


def test_nothing_known_is_as_without_wells(lattice_of) -> None:
    free, given = lattice_of().rows(0, 40), lattice_of(empty([])).rows(0, 40)
    assert_array_equal(free[0], given[0])
    assert_array_equal(free[1], given[1])


def test_logs_alone_decide_for_the_facies_that_they_fit(lattice_of) -> None:
    """All facies are equally likely, each lies at half its trend with little scatter."""
    lattice = lattice_of()
    network = RowNetwork(width=4, head_width=4)
    for name, value in network.named_parameters():
        torch.nn.init.constant_(value, 0.5 if name == "trend_gain" else 0.0)
    with torch.no_grad():
        network.affine_bias[..., N_RESIDUALS : 2 * N_RESIDUALS] = -4.0
        # Of the guesses the first, which is of the trend.
        network.affine_bias[..., N_AFFINE] = 50.0
    rows, codes = np.arange(60), np.arange(60) % N_FACIES
    told = row_conditions(lattice.structure, lattice.family, rows)
    trends = told[:, N_ROW_SCALARS:].reshape(60, N_FACIES, N_RESIDUALS)
    known = empty(rows)
    known.residual[rows, MIDDLE] = 0.5 * trends[rows, codes] / RESIDUAL_GAIN
    lattice.drawer.network, lattice.known = network.eval(), known
    found, residual = lattice.rows(0, 59)
    assert (found[:, MIDDLE] == codes).mean() > 0.9
    assert_array_equal(residual[:, MIDDLE], known.residual[:, MIDDLE])


def test_rows_that_are_not_known_are_masked() -> None:
    known = some_rows("both")
    facies, residual = known.cells(np.array([FIRST - 5, LAST + 99]))
    assert (facies == MASKED).all() and np.isnan(residual).all()
    assert empty([]).cells(np.arange(3))[0].shape == (3, N_POSITIONS)


def test_joined_rows_hold_what_both_know_and_the_first_goes_before() -> None:
    one, two = empty([1, 5]), empty([5, 9])
    one.facies[1, 2], two.facies[0, 2], two.facies[0, 3], two.facies[1, 0] = 4, 7, 6, 1
    one.residual[0, 0, 1], two.residual[0, 2] = 0.5, (1.0, 2.0, 3.0)
    one.residual[1, 2, 0] = -1.0
    both = one.joined(two)
    assert both.row.tolist() == [1, 5, 9]
    assert both.facies[1, [2, 3]].tolist() == [4, 6]
    assert both.facies[2, 0] == 1
    assert both.residual[0, 0, 1] == 0.5
    assert both.residual[1, 2].tolist() == [-1.0, 2.0, 3.0]
    assert (both.facies != MASKED).sum() == 3


def test_mismatch_is_the_share_of_common_cells_that_differ() -> None:
    one, two = empty(range(20)), empty(range(5, 25))
    one.facies[:, 4] = two.facies[:, 4] = 3
    two.facies[:3, 4] = 1
    # Fifteen rows in common, of which the first three differ.
    assert one.mismatch(two) == two.mismatch(one) == pytest.approx(3 / 15)
    two.facies[:, 4] = MASKED
    two.facies[: LEAST_COMMON - 1, 4] = 1
    assert one.mismatch(two) == 0.0
    assert one.mismatch(empty([])) == 0.0


def well(name, facies, *, iline=0, xline=4, first=60, **logs):
    twt = (first + np.arange(len(facies))) * SPACING.dt_s
    return Well(name, twt, iline=iline, xline=xline, facies=facies, **logs)


def blocks_of(rng, n=40):
    return np.repeat(rng.integers(0, 9, n // 4), 4)


@pytest.fixture(scope="module")
def flat():
    return Structure(3, FLAT), RockFamily.random(3, FLAT.burial_m, FLAT.basin)


def test_rows_of_a_well_are_its_voxels_at_the_position_of_their_environment(flat) -> None:
    structure, family = flat
    rng = np.random.default_rng(1)
    codes, vp = blocks_of(rng), rng.uniform(2500, 3500, 40)
    codes[7], vp[12] = -1, np.nan
    voxels = Wells([well("A", codes, vp_m_s=vp, vs_m_s=vp / 2, rho_kg_m3=vp / 2 + 900)]).on_voxels(
        SPACING)
    rows = well_rows(voxels, structure, SPACING, family)
    ages = well_ages(voxels, structure, SPACING)
    assert (np.diff(rows.row) == 1).all()
    # One position a row, and the rows that 40 voxels of 4 ms span.
    is_told = (rows.facies != MASKED) | np.isfinite(rows.residual).any(axis=2)
    assert (is_told.sum(axis=1) == 1).all()
    span = ages.age_ms[-1] - ages.age_ms[0] + 2 * ages.reach_ms.mean()
    assert len(rows.row) == pytest.approx(span, abs=2)
    middle = np.searchsorted(rows.row, np.floor(ages.age_ms))
    position = is_told[middle].argmax(axis=1)
    assert_array_equal(rows.facies[middle, position], voxels.facies)
    own = residuals_at_nominal_depth(voxels, ages.age_ms, structure, SPACING, family)
    assert_array_equal(rows.residual[middle, position], own)
    assert np.isnan(own[12]).any()


def test_residuals_where_nothing_is_folded_are_those_of_the_logs(flat) -> None:
    structure, family = flat
    vp = np.linspace(2500, 3500, 40)
    voxels = Wells([well("A", np.zeros(40), vp_m_s=vp, vs_m_s=vp / 2, rho_kg_m3=vp / 2 + 900)]
                   ).on_voxels(SPACING)
    depth_m = structure.velocity.depth(voxels.index[:, 2] * SPACING.dt_s)
    found = residuals_at_nominal_depth(
        voxels, well_ages(voxels, structure, SPACING).age_ms, structure, SPACING, family)
    wanted = encode_residual(voxels.vp, voxels.vs, voxels.rho, family, depth_m).T
    assert_allclose(found, wanted, atol=SINGLE)


def test_wells_that_agree_are_one_group_and_others_part(flat) -> None:
    structure, family = flat
    rng = np.random.default_rng(2)
    codes, other = blocks_of(rng), blocks_of(rng)
    nearly = codes.copy()
    nearly[:4] = (codes[:4] + 1) % 9
    wells = Wells([well("A", codes), well("B", other, xline=90), well("C", nearly, iline=50)])
    groups = group_wells(wells.on_voxels(SPACING), structure, SPACING, family)
    assert [group.places_m.tolist() for group in groups] == [
        [[0.0, 100.0], [1250.0, 100.0]], [[0.0, 2250.0]]]
    single = [well_rows(wells.on_voxels(SPACING).of_well(k), structure, SPACING, family)
              for k in range(3)]
    # Where both know a cell, a group's own wells go before, in their order.
    for group, own in zip(groups, (single[0], single[1]), strict=True):
        known = own.facies != MASKED
        assert_array_equal(group.rows.cells(own.row)[0][known], own.facies[known])


def test_a_group_is_told_by_the_others_what_it_does_not_know(flat) -> None:
    structure, family = flat
    rng = np.random.default_rng(2)
    wells = Wells([well("A", blocks_of(rng)), well("B", blocks_of(rng, 80), xline=90)])
    voxels = wells.on_voxels(SPACING)
    groups = group_wells(voxels, structure, SPACING, family)
    deeper = well_rows(voxels.of_well(1), structure, SPACING, family)
    below = deeper.row > groups[0].rows.row.min() + 250
    assert len(groups) == 2 and below.any()
    assert_array_equal(groups[0].rows.cells(deeper.row[below])[0], deeper.facies[below])


def test_a_well_in_bodies_alone_tells_nothing(flat, monkeypatch) -> None:
    structure, family = flat
    monkeypatch.setattr("lithogen.wells.ages.MOST_COVER", -1.0)
    voxels = Wells([well("A", np.zeros(40))]).on_voxels(SPACING)
    rows = well_rows(voxels, structure, SPACING, family)
    assert len(rows.row) == 0
    assert (rows.cells(np.arange(9))[0] == MASKED).all()


@pytest.fixture(scope="module")
def channel():
    """A structure with channels, and a column that one of them fills for some samples."""
    structure = Structure(9, FLAT.with_(channels=1.0))
    window, wide = Window((0, 0, 60), (24, 24, 120)), Spacing(dx_m=60.0, dy_m=60.0)
    bodies = structure.evaluate(window, wide).bodies
    number, cover = bodies.number().numpy(), bodies.cover.numpy()
    is_full = (cover > 0.9) & (bodies.kind().numpy() == int(BodyKind.CHANNEL))
    iline, xline = np.unravel_index(is_full.sum(axis=2).argmax(), is_full.shape[:2])
    assert is_full[iline, xline].sum() >= 3, "no channel; take another seed"
    return structure, wide, int(iline), int(xline), np.where(
        is_full[iline, xline], number[iline, xline], 0)


def test_wells_tell_the_rock_of_bodies_that_they_meet(channel) -> None:
    structure, spacing, iline, xline, number = channel
    family = RockFamily.random(9, FLAT.burial_m, FLAT.basin)
    twt = (60 + np.arange(120)) * spacing.dt_s
    trend = family.trend(structure.velocity.depth(twt))[0][:, LIMESTONE]
    facies = np.where(number > 0, LIMESTONE, 0)
    logged = Well("A", twt, iline=iline, xline=xline, facies=facies, vp_m_s=trend * np.exp(0.05))
    bare = Well("B", twt, iline=iline, xline=xline, facies=facies)
    blind = Well("C", twt, iline=iline, xline=xline, vp_m_s=trend)
    met = {body for body in np.unique(number) if body}
    for well_, ln_vp in ((logged, 0.05), (bare, 0.0)):
        found = bodies_met(Wells([well_]).on_voxels(spacing), structure, spacing, family)
        told = {body: rock for (body, _), rock in found.items() if rock.facies == LIMESTONE}
        assert met <= set(told)
        for body in met:
            assert told[body].ln_vp == pytest.approx(ln_vp, abs=SINGLE)
    assert bodies_met(Wells([blind]).on_voxels(spacing), structure, spacing, family) == {}


def test_a_body_is_of_the_rock_that_its_well_met(channel, fresh) -> None:
    structure, spacing, iline, xline, number = channel
    twt = (60 + np.arange(120)) * spacing.dt_s
    wells = Wells([Well("A", twt, iline=iline, xline=xline,
                        facies=np.where(number > 0, LIMESTONE, 0))])
    window = Window((max(iline - 3, 0), max(xline - 3, 0), 60), (7, 7, 120))
    made = fresh().world_fields(structure, window, seed=9, steps=1, wells=wells, spacing=spacing)
    bodies = made.structure.bodies
    codes = bodies.label([0, *(part.facies for part in bodies.parts)], torch.int8).numpy()
    met = {(int(number[k]), int(codes[iline - window.origin[0], xline - window.origin[1], k]))
           for k in np.flatnonzero(number)}
    for body, planned in met:
        inside = (bodies.number().numpy() == body) & (codes == planned) & (
            bodies.cover.numpy() > 0.9)
        assert (made.facies[inside] == LIMESTONE).all()
    free = fresh().world_fields(structure, window, seed=9, steps=1, spacing=spacing)
    at = (iline - window.origin[0], xline - window.origin[1], number > 0)
    assert (free.facies[at] != LIMESTONE).any()
