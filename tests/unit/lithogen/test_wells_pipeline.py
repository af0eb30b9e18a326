"""Generation with wells: honoured exactly, and windows stay crops of the whole."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from lithogen import pipeline
from lithogen.conditioning import N_ALL_CONTROLS, N_CONDITION
from lithogen.errors import WeightsError
from lithogen.grid import Spacing, Window
from lithogen.latent import N_LATENT, N_WELL
from lithogen.models.litho_net import LithoNet
from lithogen.structure import Structure
from lithogen.wells import Well, Wells

SPACING = Spacing()
WHOLE = Window((-6, 3, 50), (12, 12, 16))


@pytest.fixture
def small_tiles(monkeypatch) -> None:
    monkeypatch.setattr(pipeline, "TILE_SHAPE", (16, 20, 36))
    monkeypatch.setattr(pipeline, "TILE_PHASE", (0, 0, -12))
    monkeypatch.setattr(pipeline, "HALO", (8, 8, 8))


def wells():
    """One vertical well with logs, one without logs across borders of tiles and out of the box."""
    n = 40
    rng = np.random.default_rng(0)
    vp = rng.uniform(2400, 3600, n)
    twt = (36 + np.arange(n)) * SPACING.dt_s
    return Wells([Well("A", twt, iline=0, xline=4, facies=rng.integers(0, 9, n), vp_m_s=vp,
                       vs_m_s=vp / 2, rho_kg_m3=vp / 2 + 900),
                  Well("B", twt, iline=np.linspace(-9, 16, n), xline=12,
                       facies=rng.integers(0, 9, n))])


def test_every_well_voxel_is_honoured(toy_pipeline, small_tiles) -> None:
    given, structure = wells(), Structure.random(7)
    made = toy_pipeline(structure, WHOLE, seed=7, num_inference_steps=1, wells=given)
    told = given.on_voxels(SPACING).inside(WHOLE)
    at = tuple((told.index - np.array(WHOLE.origin)).T)
    assert len(told.well) > 20
    assert_array_equal(made.lithology[at], told.facies)
    for name in ("vp", "vs", "rho"):
        log = getattr(told, name)
        known = np.isfinite(log)
        assert known.any()
        assert_array_equal(getattr(made, name)[at][known], log[known])


def test_a_window_with_wells_is_the_crop_of_a_larger_one(toy_pipeline, small_tiles) -> None:
    given, structure = wells(), Structure.random(7)
    part = Window((-2, 5, 55), (5, 8, 4))
    whole = toy_pipeline(structure, WHOLE, seed=7, num_inference_steps=1, wells=given)
    found = toy_pipeline(structure, part, seed=7, num_inference_steps=1, wells=given)
    for name in ("lithology", "vp", "vs", "rho"):
        assert_array_equal(getattr(found, name), getattr(whole, name)[part.slices_in(WHOLE)])


def test_weights_that_know_wells_in_another_form_are_refused(small_tiles) -> None:
    net = LithoNet(N_LATENT, N_CONDITION, N_ALL_CONTROLS, N_WELL + 4, widths=(8, 8),
                   n_blocks=(1, 1, 1), n_embedding=8).eval()
    with pytest.raises(WeightsError, match="maps of wells of 19 channels, wanted 15"):
        pipeline.LithologyPipeline(net)(Structure.random(7), WHOLE, seed=7, wells=wells())
