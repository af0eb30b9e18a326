"""Windows of a world are crops of it, bit for bit; weights are checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

import lithogen
from lithogen import pipeline
from lithogen.config import from_mapping
from lithogen.errors import WeightsError
from lithogen.grid import Window
from lithogen.latent import N_CODE
from lithogen.noise import NoiseWeights
from lithogen.pipeline import PACKAGED_WEIGHTS, LithologyPipeline
from lithogen.rockphysics import HALITE, facies_code
from lithogen.structure import Structure
from lithogen.structure.salt import domes_near
from lithogen.training.config import LithoTraining
from lithogen.world import World

NAMES = ("lithology", "vp", "vs", "rho", "rgt", "fault")


def _compare_with_whole(pipe, structure, whole, parts) -> None:
    # Three steps are the fewest on whose way noise is renewed.
    weights = NoiseWeights(renewed=True)
    big = pipe(structure, whole, seed=7, num_inference_steps=3, weights=weights)
    for part in parts:
        small = pipe(structure, part, seed=7, num_inference_steps=3, weights=weights)
        for name in NAMES:
            assert_array_equal(getattr(small, name), getattr(big, name)[part.slices_in(whole)])


def _random_parts(whole, count, largest):
    rng = np.random.default_rng(0)
    for _ in range(count):
        shape = tuple(int(v) for v in rng.integers(1, largest, 3))
        start = tuple(int(o + rng.integers(0, n - s + 1)) for o, n, s in
                      zip(whole.origin, whole.shape, shape, strict=True))
        yield Window(start, shape)


@pytest.mark.slow
def test_twenty_random_windows_equal_crops_of_the_whole(toy_pipeline, monkeypatch) -> None:
    """Contract 2 on a finer lattice, so that windows meet many tiles; negative origins too."""
    monkeypatch.setattr(pipeline, "TILE_SHAPE", (24, 20, 36))
    monkeypatch.setattr(pipeline, "TILE_PHASE", (0, 0, -12))
    monkeypatch.setattr(pipeline, "HALO", (8, 8, 8))
    whole = Window((-40, -50, 0), (80, 90, 80))
    _compare_with_whole(toy_pipeline, Structure.random(7), whole, _random_parts(whole, 20, 50))


@pytest.mark.slow
def test_windows_equal_crops_on_the_real_lattice(toy_pipeline) -> None:
    whole = Window((-30, -40, 100), (60, 70, 60))
    parts = [Window((-30, -5, 120), (20, 35, 40)), Window((3, 7, 101), (16, 16, 16))]
    _compare_with_whole(toy_pipeline, Structure.random(7), whole, parts)


def test_renewed_noise_is_another_and_the_same_in_every_window() -> None:
    structure, window = Structure.random(7), Window((-3, 4, 100), (8, 6, 12))
    world = World(structure, 7, NoiseWeights(), pipeline.SPACING)
    age = structure.evaluate(window, pipeline.SPACING).age
    first, fresh = world.noise(age, window), world.fresh_noise(age, window)
    some = slice(2, 5)
    assert_array_equal(world.fresh_noise(age[some], window.lines(some)).numpy(),
                       fresh[some].numpy())
    pairs = torch.stack([first[..., N_CODE:].flatten(), fresh.flatten()])
    assert abs(float(torch.corrcoef(pairs)[0, 1])) < 0.2


def test_noise_is_renewed_unless_it_is_asked_not_to(toy_pipeline) -> None:
    structure, window = Structure.random(7), Window((0, 0, 100), (8, 8, 16))
    made = [toy_pipeline(structure, window, seed=7, num_inference_steps=3, weights=weights).vp
            for weights in (None, NoiseWeights(), NoiseWeights(renewed=False))]
    assert_array_equal(made[0], made[1])
    assert (made[0] != made[2]).mean() > 0.5


def test_threads_do_not_change_a_bit(toy_pipeline) -> None:
    structure, window = Structure.random(2), Window((0, 0, 0), (20, 20, 40))
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(toy_pipeline(structure, window, seed=2, num_inference_steps=2))
    finally:
        torch.set_num_threads(before)
    for name in NAMES:
        assert_array_equal(getattr(results[0], name), getattr(results[1], name))


@pytest.mark.slow
def test_facies_boundaries_are_elastic_boundaries() -> None:
    # Learnt, so the shipped weights have to show it.
    out = LithologyPipeline.from_pretrained()(
        Structure.random(2), Window((0, 0, 0), (32, 32, 100)), seed=2)
    changes = np.diff(out.lithology, axis=2) != 0
    step = np.abs(np.diff(np.log(out.vp * out.rho), axis=2))
    assert changes.any()
    # 2.3 times as large in the prior here, 1.9 times in the shipped weights.
    assert np.median(step[changes]) > 1.5 * np.median(step[~changes])


def test_save_and_load_give_the_same_bits(toy_pipeline, tmp_path) -> None:
    toy_pipeline.save_pretrained(tmp_path / "saved")
    loaded = LithologyPipeline.from_pretrained(tmp_path / "saved")
    structure, window = Structure.random(5), Window((0, 0, 0), (16, 16, 32))
    a, b = (p(structure, window, seed=5, num_inference_steps=1) for p in (toy_pipeline, loaded))
    assert_array_equal(a.vp, b.vp)
    assert len(loaded.weights_sha256) == 64


def test_distilled_weights_take_their_own_number_of_steps(toy_pipeline) -> None:
    fast, usual = (LithologyPipeline.from_pretrained(name) for name in ("fast", None))
    assert (fast.default_steps, usual.default_steps, toy_pipeline.default_steps) == (2, 4, 4)
    assert fast.weights_sha256 != usual.weights_sha256
    structure, window = Structure.random(5), Window((0, 0, 0), (16, 16, 32))
    own, two = (fast(structure, window, seed=5, num_inference_steps=n) for n in (None, 2))
    assert_array_equal(own.vp, two.vp)


def test_corrupt_weights_are_refused(toy_pipeline, tmp_path) -> None:
    toy_pipeline.save_pretrained(tmp_path / "saved")
    path = tmp_path / "saved" / "denoiser" / "diffusion_pytorch_model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="corrupt"):
        LithologyPipeline.from_pretrained(tmp_path / "saved")
    with pytest.raises(WeightsError, match="cannot be read"):
        LithologyPipeline.from_pretrained(tmp_path / "elsewhere")


def test_shipped_weights_are_listed_and_small() -> None:
    pipe = LithologyPipeline.from_pretrained()
    size = (PACKAGED_WEIGHTS / "diffusion_pytorch_model.safetensors").stat().st_size
    assert size < 16 * 2**20
    assert len(pipe.denoiser.config.latent_mean) == pipe.denoiser.config.n_latent


@pytest.mark.parametrize("folder", [PACKAGED_WEIGHTS, PACKAGED_WEIGHTS / "fast"])
def test_recipes_of_shipped_weights_can_be_read(folder) -> None:
    """Benchmarks draw the worlds that the weights learned from."""
    recipe = json.loads((folder / "MANIFEST.json").read_text())["recipe"]
    assert from_mapping(LithoTraining, recipe).n_worlds > 0


@pytest.mark.slow
def test_another_process_gives_the_same_bits() -> None:
    """The shipped model, here and in a fresh interpreter with one thread."""
    code = (
        "import hashlib, lithogen\n"
        "ds = lithogen.generate((16, 17, 18), 3, origin=(5, -9, 2), steps=1, progress=False)\n"
        "print(hashlib.sha256(ds.vp.values.tobytes() + ds.seismic.values.tobytes()).hexdigest())"
    )
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    runs = [subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True,
                           check=True).stdout.strip() for _ in range(1)]
    import hashlib

    ds = lithogen.generate((16, 17, 18), 3, origin=(5, -9, 2), steps=1, progress=False)
    here = hashlib.sha256(ds.vp.values.tobytes() + ds.seismic.values.tobytes()).hexdigest()
    assert runs == [here]


def test_salt_of_the_structure_is_salt_in_the_world(toy_pipeline) -> None:
    structure = Structure(3, lithogen.Scenario(salt=1.0, faulting=0.0))
    axis = np.arange(-9000.0, 9000.0, 25.0)
    dome = next(iter(domes_near(3, structure.scenario, structure.velocity, axis, axis)))
    centre = (int(dome.y_m // 25), int(dome.x_m // 25), int(dome.crest_ms // 4))
    window = Window((centre[0], centre[1], centre[2] + 10), (4, 4, 8))
    made = toy_pipeline(structure, window, seed=3, num_inference_steps=1)
    assert (made.lithology == facies_code("evaporite")).all()
    assert np.unique(made.vp).tolist() == [HALITE[0]]
    assert np.unique(made.rho).tolist() == [HALITE[2]]
