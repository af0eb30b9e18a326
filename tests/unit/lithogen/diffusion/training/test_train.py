"""Runs: logged, resumed exactly, exported with a manifest; levels keep what they cannot learn."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from numpy.testing import assert_array_equal
from safetensors.torch import load_file

from lithogen.diffusion.conditions import N_ROW_SCALARS
from lithogen.diffusion.lattice import LEVELS, N_LEVELS
from lithogen.diffusion.pipeline import LithologyPipeline
from lithogen.diffusion.stored import load_network
from lithogen.diffusion.training import train as module
from lithogen.diffusion.training.columns import COARSE_ROWS, Diagrams
from lithogen.diffusion.training.state import CHECKPOINT
from lithogen.diffusion.training.train import (
    export_network,
    learning_rate,
    new_network,
    train,
)
from lithogen.errors import ConfigError, WeightsError
from lithogen.rockphysics.facies import N_FACIES
from lithogen.scenario import N_CONTROLS

pytestmark = pytest.mark.usefixtures("few_judged")


def run(recipe, folder, **options):
    return train(recipe, folder, progress=False, **options)


def records(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").open()]


def test_a_resumed_run_is_the_same_run(tiny, worlds, tmp_path) -> None:
    run(tiny, tmp_path / "whole", worlds=worlds)
    run(tiny, tmp_path / "parts", worlds=worlds, stop_after=4)
    assert not (tmp_path / "parts" / "model").exists()
    with open(tmp_path / "parts" / "log.jsonl", "a") as handle:
        # A run that was killed between checkpoints has logged steps that will come again.
        handle.write(json.dumps({"step": 5, "loss": 0.0}) + '\n{"step": 6, "lo')
    run(tiny, tmp_path / "parts", worlds=worlds, resume=True)
    one, two = (load_file(tmp_path / name / CHECKPOINT) for name in ("whole", "parts"))
    assert one.keys() == two.keys()
    for name in one:
        assert_array_equal(one[name].numpy(), two[name].numpy(), err_msg=name)
    models = [load_file(tmp_path / name / "model" / "diffusion_pytorch_model.safetensors")
              for name in ("whole", "parts")]
    for name in models[0]:
        assert torch.equal(models[0][name], models[1][name])
    told = records(tmp_path / "parts")
    assert [r["step"] for r in told if "learning_rate" in r] == [1, 2, 3, 4, 5, 6]
    assert [r["step"] for r in told if r.get("held_out")] == [3, 6]
    wanted = {"loss", "learning_rate", "gradient_norm", "cells_per_s", "memory_mb", "facies",
              "likelihood", "velocity"}
    assert wanted <= told[0].keys()


def test_a_run_from_the_priors_worlds_ends_with_a_model_that_loads(tiny, tmp_path) -> None:
    figures = run(replace(tiny, n_worlds=1, n_held_out=1, n_steps=2), tmp_path / "run")
    assert len(figures["facies"]) == N_LEVELS
    manifest = json.loads((tmp_path / "run" / "model" / "MANIFEST.json").read_text())
    assert manifest["recipe"]["n_steps"] == 2
    assert manifest["quality"] == figures == records(tmp_path / "run")[-1]["quality"]
    assert json.loads((tmp_path / "run" / "recipe.json").read_text()) == manifest["recipe"]
    pipe = LithologyPipeline.from_pretrained(tmp_path / "run" / "model")
    assert pipe.network.config["knows_scenario"] is True
    assert next(pipe.network.parameters()).dtype == torch.float32


@pytest.mark.slow
def test_a_run_learns(tiny, worlds, tmp_path) -> None:
    longer = replace(tiny, n_steps=100, batch=64, judge_every=50, save_every=100, log_every=5,
                     learning_rate=5e-3, ema=0.9)
    run(longer, tmp_path / "run", worlds=worlds)
    told = records(tmp_path / "run")
    losses = [r["loss"] for r in told if "learning_rate" in r]
    assert sum(losses[-3:]) < 0.7 * sum(losses[:3])
    # Facies of the finest rows are mostly those of the rows beside them: four worlds teach that
    # of others. Untrained chances are alike, ln 10 nats.
    held_out = [r for r in told if r.get("held_out")]
    assert held_out[-1]["facies"][-1] < 0.6 * 2.30


def test_first_weights_depend_on_the_recipe_alone(tiny) -> None:
    one = new_network(tiny)
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    two, other = new_network(tiny), new_network(replace(tiny, seed=5))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(one.input_weight, two.input_weight)
    assert not torch.equal(one.input_weight, other.input_weight)


def test_learning_rate_warms_up_stays_and_falls(tiny) -> None:
    recipe = replace(tiny, n_steps=1000, warm_up=100, decay_from=0.6)
    rates = [learning_rate(recipe, step) for step in range(1000)]
    assert rates[0] == pytest.approx(recipe.learning_rate / 100)
    assert rates[99] == rates[600] == recipe.learning_rate
    assert rates[-1] < 0.02 * recipe.learning_rate


def test_low_precision_is_measured_and_never_forced(tiny, worlds, tmp_path, monkeypatch) -> None:
    for is_fast, same in ((False, True), (True, False)):
        monkeypatch.setattr(module, "is_bfloat16_fast", lambda v=is_fast: v)
        short = replace(tiny, n_steps=1)
        name = str(is_fast)
        run(replace(short, precision="auto"), tmp_path / name, worlds=worlds)
        run(short, tmp_path / f"{name}32", worlds=worlds)
        losses = [records(tmp_path / n)[1]["loss"] for n in (name, f"{name}32")]
        assert (losses[0] == losses[1]) == same


def test_resume_without_a_checkpoint_says_so(tiny, worlds, tmp_path) -> None:
    with pytest.raises(WeightsError, match="no checkpoint"):
        run(tiny, tmp_path / "new", worlds=worlds, resume=True)


@pytest.mark.parametrize("options", [{"init": "nowhere"}, {"resume": True}])
def test_a_start_that_fails_is_refused_before_worlds_are_made(
    tiny, tmp_path, monkeypatch, options
) -> None:
    """The prior's worlds take minutes."""
    def never(*_):
        raise AssertionError("worlds were made")

    monkeypatch.setattr(module, "prior_diagrams", never)
    given = options | ({"init": tmp_path / "nowhere"} if "init" in options else {})
    with pytest.raises(WeightsError):
        run(tiny, tmp_path / "run", **given)


def test_a_checkpoint_of_another_network_is_refused(tiny, worlds, tmp_path) -> None:
    run(tiny, tmp_path / "run", worlds=worlds, stop_after=2)
    with pytest.raises(WeightsError, match="another architecture"):
        run(replace(tiny, width=24), tmp_path / "run", worlds=worlds, resume=True)


def own_like(first: int, last: int, worlds) -> tuple[Diagrams, Diagrams]:
    """Diagrams of the middle position, known from..to, told nothing of the world."""
    def cut(given):
        facies = torch.full((len(given), 2048, 1), -1, dtype=torch.int8)
        facies[:, first:last, 0] = given.facies[:, first:last, 4]
        return Diagrams(facies, given.residual[:, :, 4:5], given.row, torch.zeros_like(given.world))

    return cut(worlds[0]), cut(worlds[1])


@pytest.fixture
def begin(tiny, tmp_path):
    """Folder of weights to start from."""
    export_network(new_network(replace(tiny, seed=77)), tmp_path / "begin", {})
    return tmp_path / "begin"


def test_levels_that_own_models_are_too_short_for_keep_their_weights(
    tiny, worlds, begin, tmp_path, caplog
) -> None:
    with caplog.at_level("WARNING"):
        figures = run(replace(tiny, n_steps=8, learning_rate=0.05), tmp_path / "run",
                      worlds=own_like(200, 700, worlds), init=begin)
    assert "keep the weights" in caplog.text
    start, end = load_network(begin)[0], load_network(tmp_path / "run" / "model")[0]
    # 500 rows: those 512, 256, 128 and 64 ms apart see further.
    short = [level.number for level in LEVELS if 2 * level.reach + 1 > 500]
    assert short and len(short) < N_LEVELS
    for name, value in end.state_dict().items():
        assert torch.equal(value[short], start.state_dict()[name][short]), name
    assert all(figures["best_step"][n] == 0 for n in short)
    changed = [n for n in range(N_LEVELS)
               if not torch.equal(end.input_weight[n], start.input_weight[n])]
    assert changed and not set(changed) & set(short)
    assert end.config["knows_scenario"] is False
    manifest = json.loads((tmp_path / "run" / "model" / "MANIFEST.json").read_text())
    assert len(manifest["init_sha256"]) == 64


def test_levels_that_get_worse_keep_the_weights_they_start_from(
    tiny, worlds, begin, tmp_path
) -> None:
    """A rate at which nothing is learned: what was held out decides, level by level."""
    figures = run(replace(tiny, n_steps=3, learning_rate=0.3, warm_up=1),
                  tmp_path / "run", worlds=worlds, init=begin)
    start, end = load_network(begin)[0], load_network(tmp_path / "run" / "model")[0]
    kept = [n for n in range(N_LEVELS) if figures["best_step"][n] == 0]
    assert kept
    for n in kept:
        assert torch.equal(end.input_weight[n], start.input_weight[n])


def test_own_models_too_short_to_start_from_nothing_are_refused(tiny, worlds, tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"too short for rows \[256, 128, .*--init shipped"):
        run(tiny, tmp_path / "run", worlds=own_like(200, 700, worlds))


def test_the_worlds_of_a_test_fit_the_network(worlds) -> None:
    given = worlds[0]
    assert given.row.shape[1:] == (2048 // COARSE_ROWS, N_ROW_SCALARS + 3 * N_FACIES)
    assert given.world.shape[1] > N_CONTROLS
