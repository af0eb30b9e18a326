"""Windows of a world are crops of it, bit for bit; weights, spacings and schedulers are checked."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest
from diffusers import (
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    FlowMatchLCMScheduler,
)
from numpy.testing import assert_array_equal

import lithogen
from lithogen.config import from_mapping
from lithogen.diffusion import pipeline
from lithogen.diffusion.pipeline import (
    PACKAGED_WEIGHTS,
    LithologyOutput,
    LithologyPipeline,
    weights_folder,
)
from lithogen.diffusion.training.recipe import RowTraining
from lithogen.errors import ConfigError
from lithogen.grid import Spacing, Window
from lithogen.rockphysics import HALITE, facies_code
from lithogen.structure import Structure
from lithogen.structure.salt import domes_near

NAMES = tuple(item.name for item in fields(LithologyOutput))
SMALL = Window((0, 0, 40), (6, 5, 24))


@pytest.fixture
def small_tiles(monkeypatch) -> None:
    """A finer lattice of tiles, so that small windows meet many of them."""
    monkeypatch.setattr(pipeline, "TILE_SHAPE", (12, 10, 36))
    monkeypatch.setattr(pipeline, "TILE_PHASE", (0, 0, -12))


def _compare_with_whole(fresh, structure, whole, parts, **options) -> None:
    """Every part by a pipeline of its own: nothing that was drawn for the whole helps it."""
    options = {"seed": 7, "num_inference_steps": 2} | options
    big = fresh()(structure, whole, **options)
    for part in parts:
        small = fresh()(structure, part, **options)
        for name in NAMES:
            assert_array_equal(getattr(small, name), getattr(big, name)[part.slices_in(whole)],
                               err_msg=f"{name} of {part}")


def _random_parts(whole, count, largest):
    rng = np.random.default_rng(0)
    for _ in range(count):
        shape = tuple(int(v) for v in rng.integers(1, largest, 3))
        start = tuple(int(o + rng.integers(0, n - s + 1)) for o, n, s in
                      zip(whole.origin, whole.shape, shape, strict=True))
        yield Window(start, shape)


def test_random_windows_equal_crops_of_the_whole(fresh, small_tiles) -> None:
    """Along all three axes, negative origins too."""
    whole = Window((-20, -17, 0), (31, 28, 70))
    _compare_with_whole(fresh, Structure.random(7), whole, _random_parts(whole, 4, 27))


@pytest.mark.parametrize("spacing", [Spacing(0.002, 12.5, 12.5), Spacing(0.008, 25.0, 50.0),
                                     Spacing(0.0005, 3.0, 100.0)])
def test_windows_of_any_spacing_equal_crops(fresh, small_tiles, spacing) -> None:
    whole = Window((-9, -4, 90), (16, 15, 50))
    parts = [Window((-2, 3, 101), (5, 7, 30)), Window((-9, -4, 139), (16, 1, 1))]
    _compare_with_whole(fresh, Structure.random(7), whole, parts, spacing=spacing)


@pytest.mark.slow
def test_windows_equal_crops_on_the_real_lattice(fresh) -> None:
    whole = Window((-10, 50, 150), (20, 10, 40))
    _compare_with_whole(fresh, Structure.random(7), whole, [Window((0, 52, 165), (9, 6, 7))])


def test_a_window_does_not_depend_on_what_was_made_before(fresh, small_tiles) -> None:
    structure, pipe = Structure.random(7), fresh()
    alone = fresh()(structure, SMALL, seed=7)
    pipe(structure, Window((300, -90, 400), (4, 4, 20)), seed=7)
    pipe(structure, SMALL, seed=7, num_inference_steps=1)
    pipe(Structure.random(8), SMALL, seed=8)
    again = pipe(structure, SMALL, seed=7)
    for name in NAMES:
        assert_array_equal(getattr(again, name), getattr(alone, name))


def test_the_same_world_is_sampled_at_any_spacing(fresh, small_tiles) -> None:
    """Ages of the voxels that two spacings share are equal, so layers do not move."""
    structure = Structure.random(7)
    coarse = fresh()(structure, Window((0, 0, 60), (4, 4, 12)), seed=7)
    fine = fresh()(structure, Window((0, 0, 120), (7, 7, 23)), seed=7,
                   spacing=Spacing(0.002, 12.5, 12.5))
    # Single precision of ages of some hundred ms; voxels of the tile are evaluated together.
    assert np.abs(coarse.rgt - fine.rgt[::2, ::2, ::2]).max() < 2e-3
    assert_array_equal(coarse.sequence, fine.sequence[::2, ::2, ::2])


@pytest.mark.slow
def test_facies_boundaries_are_elastic_boundaries() -> None:
    # Learnt, so the shipped weights have to show it.
    out = LithologyPipeline.from_pretrained()(
        Structure.random(2), Window((0, 0, 0), (32, 32, 100)), seed=2)
    changes = np.diff(out.lithology, axis=2) != 0
    step = np.abs(np.diff(np.log(out.vp * out.rho), axis=2))
    assert changes.any()
    # 2.3 times as large in the prior here.
    assert np.median(step[changes]) > 1.5 * np.median(step[~changes])


def test_tiles_are_reported_one_by_one(fresh, small_tiles) -> None:
    seen = []
    fresh()(Structure.random(7), Window((-3, 0, 0), (6, 4, 30)), seed=7, num_inference_steps=1,
            on_tile=lambda: seen.append(1))
    # Lines -12, 0; samples -12 and 24.
    assert len(seen) == 4


def test_shipped_weights_are_listed_and_small() -> None:
    pipe = LithologyPipeline.from_pretrained()
    size = (PACKAGED_WEIGHTS / "diffusion_pytorch_model.safetensors").stat().st_size
    assert size < 16 * 2**20
    assert len(pipe.weights_sha256) == 64
    assert pipe.network.config["knows_scenario"]


def test_recipe_of_shipped_weights_can_be_read() -> None:
    """Benchmarks draw the worlds that the weights learned from."""
    recipe = json.loads((PACKAGED_WEIGHTS / "MANIFEST.json").read_text())["recipe"]
    assert from_mapping(RowTraining, recipe).n_worlds > 0


@pytest.mark.slow
def test_another_process_gives_the_same_bits() -> None:
    """The shipped model, here and in a fresh interpreter with one thread."""
    code = (
        "import hashlib, lithogen\n"
        "ds = lithogen.generate((16, 17, 18), 3, origin=(5, -9, 2), steps=1, progress=False)\n"
        "print(hashlib.sha256(ds.vp.values.tobytes() + ds.seismic.values.tobytes()).hexdigest())"
    )
    ended = subprocess.run([sys.executable, "-c", code], env=os.environ | {"OMP_NUM_THREADS": "1"},
                           capture_output=True, text=True, check=True)
    ds = lithogen.generate((16, 17, 18), 3, origin=(5, -9, 2), steps=1, progress=False)
    here = hashlib.sha256(ds.vp.values.tobytes() + ds.seismic.values.tobytes()).hexdigest()
    assert ended.stdout.strip() == here


def test_salt_of_the_structure_is_salt_in_the_world(toy_pipeline, small_tiles) -> None:
    structure = Structure(3, lithogen.Scenario(salt=1.0, faulting=0.0))
    axis = np.arange(-9000.0, 9000.0, 25.0)
    dome = next(iter(domes_near(3, structure.scenario, structure.velocity, axis, axis)))
    centre = (int(dome.y_m // 25), int(dome.x_m // 25), int(dome.crest_ms // 4))
    window = Window((centre[0], centre[1], centre[2] + 10), (4, 4, 8))
    made = toy_pipeline(structure, window, seed=3, num_inference_steps=1)
    assert (made.lithology == facies_code("evaporite")).all()
    # Carried through block means in single precision.
    np.testing.assert_allclose(made.vp, HALITE[0], rtol=2e-3)
    np.testing.assert_allclose(made.rho, HALITE[2], rtol=2e-3)


@pytest.mark.parametrize(("spacing", "message"), [
    (Spacing(0.0004), r"sample interval is 0\.4 ms, wanted 0\.5 to 8 ms"),
    (Spacing(0.0081), r"sample interval is 8\.1 ms"),
    (Spacing(dx_m=2.9), r"dx_m is 2\.9 m, wanted 3 to 100 m"),
    (Spacing(dy_m=101.0), r"dy_m is 101 m"),
])
def test_spacings_out_of_range_are_refused(toy_pipeline, spacing, message) -> None:
    with pytest.raises(ConfigError, match=message):
        toy_pipeline(Structure.random(1), SMALL, seed=1, spacing=spacing)
    with pytest.raises(ConfigError, match=message):
        toy_pipeline.world_fields(Structure.random(1), SMALL, seed=1, spacing=spacing)


@pytest.mark.parametrize("steps", [0, -1, 65, 2.0, True, "four"])
def test_steps_that_are_no_count_are_refused(toy_pipeline, steps) -> None:
    with pytest.raises(ConfigError, match="wanted a whole number from 1 to 64"):
        toy_pipeline(Structure.random(1), SMALL, seed=1, num_inference_steps=steps)


@pytest.mark.parametrize("flow", [FlowMatchEulerDiscreteScheduler(stochastic_sampling=True),
                                  FlowMatchLCMScheduler()], ids=lambda flow: type(flow).__name__)
def test_a_random_flow_is_refused(toy_network, flow) -> None:
    with pytest.raises(ConfigError, match="at random"):
        LithologyPipeline(toy_network, flow=flow)


def test_a_scheduler_without_sigmas_is_refused(toy_network) -> None:
    with pytest.raises(ConfigError, match="DDIMScheduler takes no explicit sigmas"):
        LithologyPipeline(toy_network, flow=DDIMScheduler())


def test_a_flow_of_ones_own_is_used(toy_network, small_tiles) -> None:
    structure = Structure.random(7)
    plain, shifted = (LithologyPipeline(toy_network, flow=FlowMatchEulerDiscreteScheduler(**given))(
        structure, SMALL, seed=7) for given in ({}, {"shift": 3.0}))
    assert (plain.vp != shifted.vp).mean() > 0.5


def test_the_former_distilled_weights_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'fast' was of the former generator"):
        weights_folder("fast")
    assert weights_folder(None) == weights_folder("shipped") == PACKAGED_WEIGHTS
