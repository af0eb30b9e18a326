"""Wells speak along their beds: nearest age, confidence with distance, voxel by voxel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from lithogen.errors import ConfigError, ShapeError
from lithogen.grid import Spacing, Window
from lithogen.latent import parts_of_samples, simplex_code, whole_of
from lithogen.rockphysics import N_FACIES, RockFamily, encode_residual
from lithogen.structure import Structure
from lithogen.wells import Well, Wells
from lithogen.wells.ages import AgeTable, age_tables
from lithogen.wells.honour import exact
from lithogen.wells.project import DECAY_M, N_WELL, RANGE_M, well_maps

SPACING = Spacing()
CODE = simplex_code()
# Sums of a few products in single precision.
SINGLE = 1e-5
# Distances are rounded to whole metres before the exponential.
ROUNDED = 0.6 / DECAY_M


def table(facies, age_ms, *, y_m=0.0, x_m=0.0, residual=None, index=None, reach_ms=None):
    n = len(facies)
    codes = np.where(np.asarray(facies)[:, None] >= 0, CODE[facies], np.float32(np.nan))
    units = np.full((n, 3), np.nan) if residual is None else residual
    return AgeTable(np.broadcast_to(np.float64(y_m), n).copy(),
                    np.broadcast_to(np.float64(x_m), n).copy(), np.asarray(age_ms, np.float64),
                    codes.astype(np.float32), np.asarray(units, np.float32), index, reach_ms)


def maps_at(tables, age_ms, *, iline=0, xline=0, sequence=None):
    """Maps of one column of voxels with given ages."""
    age = torch.tensor(age_ms, dtype=torch.float32).reshape(1, 1, -1)
    number = torch.zeros_like(age, dtype=torch.int8) if sequence is None else (
        torch.tensor(sequence, dtype=torch.int8).reshape(1, 1, -1))
    window = Window((iline, xline, 0), tuple(age.shape))
    return well_maps(tables, age, number, window, SPACING)[0, 0].numpy()


def test_no_wells_say_nothing() -> None:
    assert_array_equal(maps_at([], [1.0, 2.0]), np.zeros((2, N_WELL)))


def test_a_voxel_hears_the_bed_of_its_own_age_and_trust_falls_with_distance() -> None:
    one = table([3, 1, 4], [100.0, 104.0, 108.0], residual=[[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    for xline in (0, 40, 200):
        found = maps_at([one], [108.0, 103.2, 100.9], xline=xline)
        trust = np.exp(-xline * 25.0 / DECAY_M)
        assert_allclose(found[:, :9], trust * CODE[[4, 1, 3]], atol=ROUNDED)
        assert_allclose(found[:, 9:12], trust * np.array([[7, 8, 9], [4, 5, 6], [1, 2, 3]]),
                        rtol=ROUNDED + SINGLE)
        assert_allclose(found[:, 12:14], trust, rtol=ROUNDED)
        assert_array_equal(found[:, 14], 0.0)


def test_a_well_says_nothing_where_its_ages_do_not_reach() -> None:
    one = table([3, 1], [100.0, 120.0], reach_ms=np.array([2.0, 6.0]))
    found = maps_at([one], [97.0, 99.0, 103.0, 110.0, 115.0, 125.0, 127.0])
    assert_array_equal(found[:, 12] > 0, [False, True, False, False, True, True, False])


def test_ages_between_samples_that_follow_each_other_are_told_and_missing_samples_are_not() -> None:
    one = table([3, 1, 4], [100.0, 105.0, 113.0])
    found = maps_at([one], [102.4, 102.6, 109.0])
    assert_array_equal(found[:, 12] > 0, [True, True, False])
    assert_allclose(found[:2, :9], CODE[[3, 1]], atol=SINGLE)


def test_a_well_says_nothing_beyond_its_range() -> None:
    one = table([3], [100.0])
    last = int(RANGE_M / 25)
    assert maps_at([one], [100.0], xline=last)[0, 12] > 0
    assert_array_equal(maps_at([one], [100.0], xline=last + 1), np.zeros((1, N_WELL)))
    assert_array_equal(maps_at([one], [100.0], iline=-last, xline=last), np.zeros((1, N_WELL)))


def test_sequences_do_not_mix() -> None:
    one = table([3, 5], [100.0, 60100.0])
    found = maps_at([one], [100.0, 20100.0, 60100.0, 80100.0, 120100.0],
                    sequence=[0, 1, 3, 4, 6])
    assert_array_equal(found[:, 12], [1, 0, 1, 0, 0])
    assert_array_equal(found[2, :9], CODE[5])


def test_the_nearer_of_two_wells_weighs_more_and_the_best_gives_the_trust() -> None:
    near, far = table([3], [100.0], x_m=250.0), table([1], [100.0], x_m=-1000.0)
    trust = np.exp(-np.array([250.0, 1000.0]) / DECAY_M)
    share = trust**2 / (trust**2).sum()
    wanted = trust[0] * (share[0] * CODE[3] + share[1] * CODE[1])
    for wells in ([near, far], [far, near]):
        found = maps_at(wells, [100.0])[0]
        assert_allclose(found[:9], wanted, atol=ROUNDED)
        assert_allclose(found[12], trust[0], rtol=ROUNDED)


def test_a_well_without_facies_leaves_the_word_to_the_next() -> None:
    silent, far = table([-1], [100.0], residual=[[1, 1, 1]]), table([1], [100.0], x_m=750.0)
    found = maps_at([silent, far], [100.0])[0]
    trust = np.exp(-750.0 / DECAY_M)
    assert_allclose(found[:9], trust * CODE[1], atol=ROUNDED)
    assert_allclose(found[9:14], [1, 1, 1, trust, 1], rtol=ROUNDED)


def test_distance_to_a_deviated_well_is_that_to_the_bed_in_it() -> None:
    one = table([3, 1], [100.0, 104.0], x_m=[0.0, 1500.0])
    found = maps_at([one], [100.0, 104.0], xline=60)
    assert_allclose(found[:, 12], [np.exp(-1500.0 / DECAY_M), 1.0], rtol=ROUNDED)


def test_where_a_fault_repeats_ages_the_nearest_age_speaks() -> None:
    one = table([3, 1, 4, 1], [100.0, 104.0, 100.8, 104.9])
    found = maps_at([one], [100.1, 100.7, 104.1, 104.8])
    assert_allclose(found[:, :9], CODE[[3, 4, 1, 1]], atol=SINGLE)


def world(seed=2, shape=(40, 36, 48), origin=(-20, -9, 60)):
    """A structure with several sequences, its ages, and wells through it."""
    structure, window = Structure.random(seed), Window(origin, shape)
    fields = structure.evaluate(window, SPACING)
    rng = np.random.default_rng(0)
    n = 60

    def logs(number):
        vp = rng.uniform(2500, 3500, n)
        codes = rng.integers(0, N_FACIES, n)
        codes[number * 3 + 8:number * 3 + 12] = -1
        vp[5:9] = np.nan
        return {"facies": codes, "vp_m_s": vp, "vs_m_s": vp / 2, "rho_kg_m3": vp / 2 + 900}

    twt = (55 + np.arange(n)) * SPACING.dt_s
    wells = Wells([Well("A", twt, iline=-3, xline=2, **logs(0)),
                   Well("B", twt, iline=np.linspace(-15, 4.0, n), xline=20, **logs(1)),
                   Well("far", twt, iline=270, xline=-150, **logs(2)),
                   Well("out of reach", twt, iline=2000, xline=0, **logs(3))])
    return structure, window, fields, wells.on_voxels(SPACING)


@pytest.fixture(scope="module")
def planted():
    structure, window, fields, voxels = world()
    family = RockFamily.random(5, structure.scenario.burial_m)
    return (structure, window, fields, voxels,
            age_tables(voxels, structure, SPACING, code=CODE, family=family), family)


def test_maps_of_a_window_are_the_crop_of_larger_ones(planted, monkeypatch) -> None:
    _, window, fields, _, tables, _ = planted
    whole = well_maps(tables, fields.age, fields.sequence, window, SPACING)
    rng = np.random.default_rng(3)
    for _ in range(6):
        shape = tuple(int(rng.integers(1, n + 1)) for n in window.shape)
        origin = tuple(int(o + rng.integers(0, n - s + 1))
                       for o, n, s in zip(window.origin, window.shape, shape, strict=True))
        part = Window(origin, shape)
        cut = part.slices_in(window)
        monkeypatch.setattr("lithogen.wells.project._CHUNK", int(rng.integers(1, 5000)))
        found = well_maps(tables, fields.age[cut], fields.sequence[cut], part, SPACING)
        assert torch.equal(found, whole[cut])


def test_well_voxels_hear_themselves_in_full(planted) -> None:
    _, window, fields, voxels, tables, _ = planted
    found = well_maps(tables, fields.age, fields.sequence, window, SPACING).numpy()
    mine = voxels.inside(window)
    at = tuple((mine.index - np.array(window.origin)).T)
    known = mine.facies >= 0
    assert known.any() and not known.all()
    assert_array_equal(found[at][known][:, :9], CODE[mine.facies[known]])
    assert_array_equal(found[at][known][:, 12], 1.0)
    assert_array_equal(found[at][:, 14], 1.0)
    assert found[..., 14].sum() == len(mine.well)
    assert np.isfinite(found).all()


def test_exact_voxels_are_those_of_the_window_with_code_and_residual(planted) -> None:
    structure, window, _, voxels, tables, family = planted
    parts = [parts_of_samples(one.residual, one.index[:, 2], SPACING.dt_s) for one in tables]
    found, mine = exact(tables, parts, window), voxels.inside(window)
    assert_array_equal(found.index + np.array(window.origin), mine.index)
    known = mine.facies >= 0
    assert_array_equal(found.code[known], CODE[mine.facies[known]])
    assert np.isnan(found.code[~known]).all()
    logged = np.isfinite(mine.vp)
    depth = structure.velocity.depth(mine.index[logged, 2] * SPACING.dt_s)
    wanted = encode_residual(mine.vp[logged], mine.vs[logged], mine.rho[logged], family, depth)
    whole = whole_of(found.parts[logged].T)
    assert np.isfinite(whole).any()
    assert np.nanmax(np.abs(whole - wanted)) < 1e-4
    assert np.isfinite(found.parts[logged, :3]).all()
    assert np.isnan(found.parts[~logged]).all()


def test_exact_of_no_wells_is_empty_and_of_loose_tables_refused(planted) -> None:
    _, window, *_ = planted
    assert exact([], [], window).code.shape == (0, 9)
    with pytest.raises(ConfigError, match="no voxels"):
        exact([table([3], [100.0])], [np.zeros((1, 7), np.float32)], window)


def test_ages_of_a_well_are_those_of_the_structure(planted) -> None:
    _, window, fields, _, tables, _ = planted
    # A column alone may differ from a tile in the last bit of a sine: 1e-3 ms of age.
    for one in tables[:2]:
        inside = (one.index >= window.origin).all(1) & (one.index < window.stop).all(1)
        at = tuple((one.index[inside] - np.array(window.origin)).T)
        assert_allclose(one.age_ms[inside], fields.age.numpy()[at], atol=1e-2)


def test_a_track_that_leaves_a_given_structure_is_refused_by_name() -> None:
    rgt = np.broadcast_to(np.arange(40, dtype=np.float32) * 4.0, (6, 8, 40)).copy()
    structure = Structure.from_rgt(rgt)
    leaving = Wells([Well("A-7", np.arange(20) * 0.004, iline=np.linspace(0, 9, 20), xline=3,
                          facies=np.zeros(20))]).on_voxels(SPACING)
    with pytest.raises(ShapeError, match="'A-7' leaves the given structure"):
        age_tables(leaving, structure, SPACING, code=CODE, family=RockFamily.random(1, 0.0))


def test_shapes_that_do_not_fit_are_refused() -> None:
    age = torch.zeros(2, 2, 2)
    with pytest.raises(ShapeError, match="age has shape"):
        well_maps([], age, age.to(torch.int8), Window((0, 0, 0), (3, 2, 2)), SPACING)
    with pytest.raises(ShapeError, match="no sample"):
        table([], [])
    with pytest.raises(ShapeError, match="x_m has shape"):
        AgeTable(np.zeros(2), np.zeros(3), np.zeros(2), np.zeros((2, 9), np.float32),
                 np.zeros((2, 3), np.float32))
