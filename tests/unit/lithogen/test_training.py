"""Training: logged, resumed exactly, seeded by (seed, step, rank), exported with a manifest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from numpy.testing import assert_array_equal
from safetensors.torch import load_file

from lithogen.conditioning import N_ALL_CONTROLS
from lithogen.errors import ConfigError, WeightsError
from lithogen.latent import N_CODE, N_LATENT
from lithogen.models.litho_net import LithoNet
from lithogen.models.stored import load_denoiser, with_scale
from lithogen.pipeline import LithologyPipeline
from lithogen.training import quality, train_litho
from lithogen.training.config import LithoTraining
from lithogen.training.quality import quality_table
from lithogen.training.train_litho import (
    export_model,
    flow_loss,
    learning_rate,
    new_model,
    train,
)
from lithogen.training.worlds import (
    PURE_SHARE,
    draw_batch,
    latent_statistics,
    make_world,
    make_worlds,
)
from lithogen.world import latent_scale

RECIPE = """
seed = 4
n_worlds = 2
world_shape = [16, 16, 24]
crop_shape = [12, 12, 16]
margin = [2, 2, 2]
batch = 1
n_steps = 6
warm_up = 2
widths = [8, 8]
n_blocks = [1, 1, 1]
n_embedding = 8
log_every = 1
save_every = 2
sample_every = 4
precision = "float32"
"""


@pytest.fixture
def recipe(tmp_path) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return path


@pytest.mark.slow
def test_a_resumed_run_is_the_same_run(recipe, tmp_path) -> None:
    pictures = []
    train(recipe, tmp_path / "whole", progress=False, on_sample=lambda *a: pictures.append(a))
    train(recipe, tmp_path / "parts", progress=False, stop_after=4)
    with open(tmp_path / "parts" / "log.jsonl", "a") as handle:
        # A run that was killed between checkpoints has logged steps that will come again.
        handle.write(json.dumps({"step": 5, "loss": 0.0}) + "\n")
    train(recipe, tmp_path / "parts", progress=False, resume=True)
    one, two = (load_file(tmp_path / name / "checkpoint.safetensors")
                for name in ("whole", "parts"))
    assert one.keys() == two.keys()
    for name in one:
        assert_array_equal(one[name].numpy(), two[name].numpy(), err_msg=name)
    records = [json.loads(line) for line in (tmp_path / "parts" / "log.jsonl").open()]
    assert [r["step"] for r in records if "loss" in r] == [1, 2, 3, 4, 5, 6]
    wanted = {"loss", "learning_rate", "gradient_norm", "voxels_per_s", "memory_mb"}
    assert wanted <= records[0].keys()
    assert any("label_agreement" in r for r in records)
    assert list((tmp_path / "parts" / "tensorboard").iterdir())
    assert len(pictures) == 1


@pytest.mark.slow
def test_the_exported_model_loads_and_is_listed(recipe, tmp_path) -> None:
    figures = train(recipe, tmp_path / "run", progress=False)
    assert figures["loss"] > 0
    manifest = json.loads((tmp_path / "run" / "model" / "MANIFEST.json").read_text())
    assert manifest["recipe"]["n_steps"] == 6
    table = manifest["quality"]
    assert table["clean_mse_1.00"] > table["clean_mse_0.50"] > 0
    assert 0 <= table["facies_distance"] <= 1
    lines = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["quality"] == table
    pipe = LithologyPipeline.from_pretrained(tmp_path / "run" / "model")
    assert next(pipe.denoiser.parameters()).dtype == torch.float32


def test_worlds_that_were_seen_are_judged_as_held_out_ones_are(recipe, monkeypatch) -> None:
    monkeypatch.setattr(quality, "N_CROPS", 2)
    config = LithoTraining.from_toml(recipe)
    mean, std = torch.zeros(N_LATENT), torch.ones(N_LATENT)
    model = new_model(config, mean, std).eval()
    held, other = (make_worlds(config, stream, 2) for stream in ("test", "train"))
    found, apart = (quality_table(model, config, mean, std, worlds) for worlds in (held, other))
    errors = [name for name in found if name.startswith("clean_mse")]
    assert len(errors) > 2
    for name in errors:
        assert found[name.replace("clean", "seen")] == found[name] == apart[name]
        assert apart[name.replace("clean", "seen")] != apart[name]


def test_batches_depend_on_seed_step_and_rank_only(recipe) -> None:
    config = LithoTraining.from_toml(recipe)
    worlds = [make_world(config, n) for n in range(2)]
    mean, std = latent_statistics(worlds)
    first = draw_batch(config, worlds, mean, std, 5)
    draw_batch(config, worlds, mean, std, 6)
    again = draw_batch(config, worlds, mean, std, 5)
    assert_array_equal(first.noise.numpy(), again.noise.numpy())
    assert_array_equal(first.sigma.numpy(), again.sigma.numpy())
    other = draw_batch(config, worlds, mean, std, 5, rank=1)
    assert not torch.equal(first.noise, other.noise)
    assert abs(float(first.latent.mean())) < 1.0


def test_learning_rate_warms_up_stays_and_falls() -> None:
    config = LithoTraining(n_steps=1000, warm_up=100, decay_from=0.6)
    rates = [learning_rate(config, s) for s in range(1000)]
    assert rates[0] == pytest.approx(config.learning_rate / 100)
    assert rates[99] == rates[600] == config.learning_rate
    assert rates[-1] < 0.03 * config.learning_rate


@pytest.mark.slow
def test_training_beats_its_start_on_held_out_worlds(recipe, tmp_path) -> None:
    path = tmp_path / "longer.toml"
    path.write_text(RECIPE.replace("n_steps = 6", "n_steps = 200").replace(
        "sample_every = 4", "sample_every = 1000").replace("n_worlds = 2", "n_worlds = 24"))
    config = LithoTraining.from_toml(path)
    train(path, tmp_path / "run", progress=False)
    start, end = (LithologyPipeline.from_pretrained(folder).denoiser for folder in
                  (_untrained(config, tmp_path / "start"), tmp_path / "run" / "model"))
    mean, std = (torch.tensor(v) for v in (end.config.latent_mean, end.config.latent_std))
    worlds = [make_world(config, n, "test") for n in range(12)]
    before, after = 0.0, 0.0
    for step in range(40):
        batch = draw_batch(config, worlds, mean, std, step)
        with torch.no_grad():
            before += float(flow_loss(start, batch, config)[1])
            after += float(flow_loss(end, batch, config)[1])
    assert after < 0.9 * before


def test_a_rescaled_start_takes_the_scale_of_its_worlds_and_the_weights_given(
    recipe, tmp_path
) -> None:
    config = LithoTraining.from_toml(recipe)
    worlds = [make_world(config, number) for number in range(2)]
    begin = load_denoiser(_untrained(config, tmp_path / "begin"))[0]
    given, own = latent_scale(begin), latent_statistics(worlds)
    for rescale, wanted in ((False, given), (True, own)):
        path = tmp_path / f"{rescale}.toml"
        path.write_text(RECIPE + f"rescale = {str(rescale).lower()}\n")
        train(path, tmp_path / str(rescale), progress=False, worlds=worlds,
              init=tmp_path / "begin")
        found = load_denoiser(tmp_path / str(rescale) / "model")[0]
        for got, want in zip(latent_scale(found), wanted, strict=True):
            torch.testing.assert_close(got, want)
    scaled = with_scale(begin, *own)
    for name, value in begin.state_dict().items():
        assert_array_equal(scaled.state_dict()[name].numpy(), value.numpy())
    with pytest.raises(WeightsError, match="16 latent channels, wanted 12"):
        with_scale(begin, *(values[:12] for values in own))


def _untrained(config: LithoTraining, folder: Path) -> Path:
    model = LithoNet(n_controls=N_ALL_CONTROLS, widths=config.widths, n_blocks=config.n_blocks,
                     n_embedding=config.n_embedding, latent_mean=(0.0,) * N_LATENT,
                     latent_std=(1.0,) * N_LATENT)
    export_model(model, folder, {})
    return folder


def test_low_precision_only_where_it_is_fast(monkeypatch) -> None:
    config = LithoTraining(precision="auto")
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    assert not train_litho._is_low_precision(config, torch.device("cpu"))
    assert train_litho._is_low_precision(config, torch.device("cuda"))


def test_resume_without_a_checkpoint_says_so(recipe, tmp_path) -> None:
    with pytest.raises(WeightsError, match="no checkpoint"):
        train(recipe, tmp_path / "new", resume=True, progress=False)


def test_noise_levels_of_a_batch_lie_one_in_each_stratum() -> None:
    from scipy.special import ndtr

    config = LithoTraining(batch=8, sigma_mean=0.5, sigma_std=1.0, crop_shape=(16, 16, 16),
                           world_shape=(16, 16, 24), margin=(2, 2, 2), wells=0.0)
    world, n_pure, n = [make_world(config, 0)], 0, 12
    mean, std = latent_statistics(world)
    for step in range(n):
        sigma = draw_batch(config, world, mean, std, step).sigma.double()
        drawn = sigma[sigma < 1.0]
        place = ndtr((torch.logit(drawn) - 0.5).numpy())
        assert len(set((place * 8 + 1e-6).astype(int))) == len(drawn)
        n_pure += len(sigma) - len(drawn)
    assert n_pure <= 4 * PURE_SHARE * 8 * n


def test_crops_have_the_finest_noise_that_a_recipe_asks_for(recipe) -> None:
    """Less of it makes facies' noise smoother along time; drawn, it lies between the ends."""
    config = LithoTraining.from_toml(recipe)
    worlds = make_worlds(config, "train", 2)
    mean, std = latent_statistics(worlds)

    def roughness(fine) -> list[float]:
        given = replace(config, fine=fine)
        noise = [draw_batch(given, worlds, mean, std, step).noise for step in range(6)]
        return [float(one[..., :N_CODE].diff(dim=3).square().mean()) for one in noise]

    most, drawn, least = (roughness(fine) for fine in ((1.0, 1.0), (0.2, 0.8), (0.0, 0.0)))
    assert most == roughness(LithoTraining().fine)
    assert all(more > less for more, less in zip(most, least, strict=True))
    assert sum(least) < sum(drawn) < sum(most)


@pytest.mark.parametrize("fine", [(-0.1, 1.0), (0.0, 1.1), (0.8, 0.3), (0.5,)])
def test_a_range_of_finest_noise_lies_in_0_to_1(fine) -> None:
    with pytest.raises(ConfigError, match="wanted a range in 0 to 1"):
        LithoTraining(fine=fine)
