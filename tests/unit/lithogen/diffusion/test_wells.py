"""Generation with wells: honoured exactly, and windows stay crops of the whole."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from lithogen.diffusion import pipeline
from lithogen.diffusion.regions import RegionStrata
from lithogen.grid import Spacing, Window
from lithogen.rockphysics.fluids import BRINE
from lithogen.structure import Structure
from lithogen.wells import Well, Wells

WHOLE = Window((-6, 3, 50), (12, 12, 16))
ELASTIC = ("vp", "vs", "rho")
SPACINGS = [Spacing(), Spacing(0.002, 12.5, 12.5)]


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch) -> None:
    monkeypatch.setattr(pipeline, "TILE_SHAPE", (16, 20, 36))
    monkeypatch.setattr(pipeline, "TILE_PHASE", (0, 0, -12))


def wells_of(spacing=SPACINGS[0]):
    """Random rock, so that they disagree: with all, one with facies alone, one with logs alone."""
    n = 40
    rng = np.random.default_rng(0)
    vp, other = rng.uniform(2400, 3600, (2, n))
    vp[9] = np.nan
    twt = (36 + np.arange(n)) * spacing.dt_s
    return Wells([Well("A", twt, iline=0, xline=4, facies=rng.integers(0, 9, n), vp_m_s=vp,
                       vs_m_s=vp / 2, rho_kg_m3=vp / 2 + 900),
                  Well("B", twt, iline=np.linspace(-9, 16, n), xline=12,
                       facies=rng.integers(0, 9, n)),
                  Well("C", twt, iline=4, xline=9, vp_m_s=other, rho_kg_m3=other / 2 + 900)])


@pytest.mark.parametrize("spacing", SPACINGS)
def test_every_well_voxel_is_honoured(toy_pipeline, spacing) -> None:
    given, structure = wells_of(spacing), Structure.random(7)
    made = toy_pipeline(structure, WHOLE, seed=7, num_inference_steps=1, wells=given,
                        spacing=spacing)
    told = given.on_voxels(spacing).inside(WHOLE)
    at = tuple((told.index - np.array(WHOLE.origin)).T)
    assert set(told.well) == {0, 1, 2}
    known = told.facies >= 0
    assert_array_equal(made.lithology[at][known], told.facies[known])
    for name in ELASTIC:
        log = getattr(told, name)
        known = np.isfinite(log)
        assert known.any() and not known.all()
        assert_array_equal(getattr(made, name)[at][known], log[known])
    assert (made.fluid[at] == BRINE).all()


def test_a_window_with_wells_is_the_crop_of_a_larger_one(fresh) -> None:
    given, structure = wells_of(), Structure.random(7)
    part = Window((-2, 5, 55), (5, 8, 4))
    whole = fresh()(structure, WHOLE, seed=7, num_inference_steps=1, wells=given)
    found = fresh()(structure, part, seed=7, num_inference_steps=1, wells=given)
    for name in ("lithology", *ELASTIC, "porosity", "net_to_gross", "fluid"):
        assert_array_equal(getattr(found, name), getattr(whole, name)[part.slices_in(WHOLE)])


def test_layers_beside_a_well_hold_its_rock(fresh) -> None:
    """Around a well the same layers are the same rock, as far as its environment goes."""
    structure = Structure.random(7)
    codes = np.repeat(np.random.default_rng(1).integers(0, 9, 10), 4)
    twt = (50 + np.arange(40)) * 0.004
    wells = Wells([Well("A", twt, iline=0, xline=0, facies=codes)])
    window = Window((0, 0, 54), (1, 1, 30))
    # Without overwriting: what the lattice itself says at the well.
    found = fresh().world_fields(structure, window, seed=7, steps=1, wells=wells).facies[0, 0]
    free = fresh().world_fields(structure, window, seed=7, steps=1).facies[0, 0]
    wanted = codes[4:34]
    is_layer = fresh().world_fields(
        structure, window, seed=7, steps=1).structure.bodies.part.numpy()[0, 0] == 0
    assert is_layer.sum() > 10
    # Voxels at the edges of beds are rounded to rows.
    assert (found == wanted)[is_layer].mean() > 0.85
    assert (free == wanted)[is_layer].mean() < 0.5


def test_wells_that_disagree_share_the_world_by_distance(fresh) -> None:
    given, structure, pipe = wells_of(), Structure.random(7), fresh()
    made = pipe.world_fields(structure, WHOLE, seed=7, steps=1, wells=given)
    strata = made.strata
    assert isinstance(strata, RegionStrata)
    assert 2 <= len(strata.parts) <= 3
    y_m, x_m, _ = WHOLE.axes(SPACINGS[0])
    owner = strata.owners(made.structure.age, y_m, x_m).numpy()
    assert set(np.unique(owner)) <= set(range(len(strata.parts)))
    for number, places in enumerate(strata.places_m):
        for y, x in places:
            i, j = np.flatnonzero(y_m == y), np.flatnonzero(x_m == x)
            if i.size and j.size:
                assert (owner[i[0], j[0]] == number).all()
    # Borders lie elsewhere in other intervals of age.
    assert (owner != owner[..., :1]).any()


def test_the_well_rows_of_another_seed_are_the_same(fresh) -> None:
    given, structure = wells_of(), Structure.random(7)
    one, two = (fresh()(structure, WHOLE, seed=seed, num_inference_steps=1, wells=given)
                for seed in (7, 8))
    assert (one.lithology != two.lithology).mean() > 0.05
    told = given.on_voxels(SPACINGS[0]).inside(WHOLE)
    at = tuple((told.index - np.array(WHOLE.origin)).T)
    known = told.facies >= 0
    assert_array_equal(one.lithology[at][known], two.lithology[at][known])
