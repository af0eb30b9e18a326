"""Fine-tuning on labelled models in files: the error falls, and a resumed run is the same run."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import lithogen
import seismic_io
from lithogen.conditioning import control_vector
from lithogen.models.stored import load_denoiser
from lithogen.training.config import LithoTraining
from lithogen.training.own import own_worlds
from lithogen.training.train_litho import train
from lithogen.training.worlds import draw_batch, latent_statistics
from lithogen.world import World

RECIPE = """
seed = 4
world_shape = [16, 16, 24]
crop_shape = [12, 12, 16]
margin = [2, 2, 2]
batch = 2
micro_batch = 2
n_steps = {n_steps}
warm_up = 2
learning_rate = 5e-3
widths = [8, 8]
n_blocks = [1, 1, 1]
n_embedding = 8
unknown_controls = 1.0
other_spacing = 0.0
log_every = 1
save_every = 10
sample_every = 1000
precision = "float32"
"""
N_STEPS = 20
# Without faults, salt and erosion, ages increase in every column.
QUIET = {"faulting": 0.0, "polygonal": 0.0, "salt": 0.0, "unconformities": 0}
# Noise levels differ from step to step: of single losses only means over steps compare.
MEAN_OF = 5


@pytest.fixture(autouse=True)
def short_table(monkeypatch):
    """One held-out crop at the end of a run: the table is judged elsewhere."""
    monkeypatch.setattr("lithogen.training.quality.N_CROPS", 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two worlds of different size in files, as a user's own models would be."""
    out = tmp_path_factory.mktemp("models")
    scenario = lithogen.Scenario(**QUIET)
    seismic_io.to_netcdf(lithogen.sample_world((16, 20, 32), 5, scenario, (0, 0, 150)),
                         out / "one.nc")
    seismic_io.to_zarr(lithogen.sample_world((24, 16, 24), 6, scenario, origin=(0, 0, 120)),
                       out / "two.zarr")
    return out


def recipe_of(tmp_path, n_steps=N_STEPS):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.format(n_steps=n_steps))
    return path


def records(run):
    return [json.loads(line) for line in (run / "log.jsonl").open()]


def test_crops_of_models_of_any_size_reach_the_batch(folder, tmp_path) -> None:
    recipe = LithoTraining.from_toml(recipe_of(tmp_path))
    worlds = own_worlds(folder, recipe.crop_shape)
    assert [world.window.shape for world in worlds] == [(16, 20, 32), (24, 16, 24)]
    batch = draw_batch(recipe, worlds, *latent_statistics(worlds), 3)
    assert batch.latent.shape[:4] == (2, 12, 12, 16)
    assert bool(batch.latent.isfinite().all()) and bool(batch.condition.isfinite().all())


@pytest.mark.slow
def test_the_error_falls_and_a_resumed_run_is_the_same_run(folder, tmp_path) -> None:
    recipe = recipe_of(tmp_path)
    worlds = own_worlds(folder, LithoTraining.from_toml(recipe).crop_shape)
    train(recipe, tmp_path / "whole", progress=False, worlds=worlds)
    losses = [r["loss"] for r in records(tmp_path / "whole") if "loss" in r]
    assert len(losses) == N_STEPS
    assert np.mean(losses[-MEAN_OF:]) < 0.9 * np.mean(losses[:MEAN_OF])
    again = own_worlds(folder, LithoTraining.from_toml(recipe).crop_shape)
    train(recipe, tmp_path / "parts", progress=False, worlds=again, stop_after=10)
    train(recipe, tmp_path / "parts", progress=False, worlds=again, resume=True)
    one, two = (load_file(tmp_path / name / "checkpoint.safetensors")
                for name in ("whole", "parts"))
    for name in one:
        np.testing.assert_array_equal(one[name].numpy(), two[name].numpy(), err_msg=name)


@pytest.mark.slow
def test_fine_tuning_begins_where_the_weights_are(folder, tmp_path) -> None:
    recipe = recipe_of(tmp_path)
    worlds = own_worlds(folder, LithoTraining.from_toml(recipe).crop_shape)
    train(recipe, tmp_path / "first", progress=False, worlds=worlds)
    (tmp_path / "more").mkdir()
    other = recipe_of(tmp_path / "more", 1)
    other.write_text(other.read_text().replace("[8, 8]", "[12, 8]"))
    train(other, tmp_path / "second", progress=False, worlds=worlds,
          init=tmp_path / "first" / "model")
    told = json.loads((tmp_path / "second" / "model" / "MANIFEST.json").read_text())["recipe"]
    assert told["widths"] == [8, 8]
    start, end = (records(tmp_path / name)[0] for name in ("first", "second"))
    # The same crops, noise and levels: seed and step are the same.
    assert end["sigma"] == start["sigma"]
    assert end["clean_mse"] < 0.9 * start["clean_mse"]


def test_a_network_fine_tuned_without_scenarios_is_told_of_none(folder, tmp_path) -> None:
    recipe = recipe_of(tmp_path, n_steps=1)
    worlds = own_worlds(folder, LithoTraining.from_toml(recipe).crop_shape)
    train(recipe, tmp_path / "run", progress=False, worlds=worlds)
    net, _ = load_denoiser(tmp_path / "run" / "model")
    assert not net.config.knows_scenario
    structure = lithogen.Structure(3, lithogen.Scenario(net_to_gross=0.8))
    world = World(structure, 3, lithogen.NoiseWeights(), lithogen.Spacing())
    unknown = control_vector(None, lithogen.NoiseWeights(), lithogen.Spacing())
    assert torch.equal(world.controls(net), unknown)
    net.register_to_config(knows_scenario=True)
    assert not torch.equal(world.controls(net), unknown)
