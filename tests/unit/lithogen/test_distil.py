"""Distillation: a student learns what its teacher makes of the same noise."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from numpy.testing import assert_array_equal

from lithogen.errors import ConfigError, WeightsError
from lithogen.latent import IS_WELL, N_CODE, N_LATENT, decode_latent
from lithogen.sampling import default_scheduler, denoise
from lithogen.schedulers import AngleEulerScheduler, StraightEulerScheduler
from lithogen.training.config import LithoTraining
from lithogen.training.distil import followed, known_voxels, load_teacher, taught
from lithogen.training.train_litho import export_model, new_model, train
from lithogen.training.worlds import draw_batch, make_world

TOY = LithoTraining(
    seed=4, n_worlds=2, world_shape=(16, 16, 24), crop_shape=(12, 12, 16), margin=(2, 2, 2),
    batch=2, n_steps=4, warm_up=2, widths=(8, 8), n_blocks=(1, 1, 1), n_embedding=8, wells=0.0,
    other_spacing=0.0, precision="float32", save_every=4, sample_every=9)
MEAN, STD = torch.zeros(N_LATENT), torch.full((N_LATENT,), 0.3)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    net = new_model(TOY, MEAN, STD)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
    export_model(net, folder, {})
    return folder


def test_latents_are_what_the_teacher_makes_of_the_noise(teacher) -> None:
    recipe = replace(TOY, teacher=str(teacher), teacher_steps=3, levels=(1.0, 0.6))
    net = load_teacher(recipe, MEAN, STD)
    batch = draw_batch(recipe, [make_world(recipe, 0)], MEAN, STD, 0)
    assert set(batch.sigma.tolist()) <= {1.0, torch.tensor(0.6).item()}
    batch = replace(batch, sigma=torch.tensor([1.0, 0.6]))
    found = taught(batch, net, recipe)
    with torch.no_grad():
        made = denoise(net, batch.noise, batch.condition, batch.controls, 3)
    assert_array_equal(found.facies.numpy(), decode_latent(made, MEAN, STD)[0])
    assert_array_equal(decode_latent(found.latent, MEAN, STD)[0], found.facies.numpy())


def test_after_fresh_noise_the_teacher_goes_on_from_the_crops_own_latent(teacher) -> None:
    recipe = replace(TOY, teacher=str(teacher), teacher_steps=4, levels=(1.0, 0.8),
                     renewed=True)
    net = load_teacher(recipe, MEAN, STD)
    batch = draw_batch(recipe, [make_world(recipe, 0)], MEAN, STD, 0)
    batch = replace(batch, sigma=torch.tensor([1.0, 0.8]))
    moved = followed(batch, net, recipe.levels)
    found = taught(moved, net, recipe)
    one = batch.rows(slice(1))
    with torch.no_grad():
        first = denoise(net, one.noise, one.condition, one.controls, 4)
        seen, last = moved.noisy[1:], batch.rows(slice(1, 2))
        second = net(seen, torch.tensor([0.8]), last.condition, last.controls)
        flow = AngleEulerScheduler()
        flow.scales = net.channel_scale
        flow.set_timesteps(sigmas=[0.8, 0.35])
        seen = flow.step((seen - second) / 0.8, flow.timesteps[0], seen.clone()).prev_sample
        second = net(seen, torch.tensor([0.35]), last.condition, last.controls)
    for row, made in enumerate((first, second)):
        wanted = decode_latent(made, MEAN, STD)[0][0]
        assert float((found.facies[row].numpy() != wanted).mean()) < 0.002


@pytest.mark.parametrize("has_fresh", [False, True])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_student_learns_from_where_its_own_steps_lead(teacher, place, has_fresh) -> None:
    levels = (1.0, 0.8, 0.5)
    recipe = replace(TOY, teacher=str(teacher), teacher_steps=3, levels=levels, renewed=has_fresh)
    net = load_teacher(recipe, MEAN, STD)
    net.register_to_config(levels=levels, renewed=has_fresh)
    batch = draw_batch(recipe, [make_world(recipe, 0)], MEAN, STD, 0)
    batch = replace(batch, sigma=torch.tensor([levels[place], 1.0]))
    inputs = []
    watch = net.register_forward_pre_hook(lambda _, told: inputs.append(told[0].clone()))
    with torch.no_grad():
        denoise(net, batch.noise, batch.condition, batch.controls, 3,
                fresh=batch.renewing if has_fresh else None)
    watch.remove()
    found = followed(batch, net, levels).given()
    torch.testing.assert_close(found[0], inputs[place][0], rtol=0, atol=1e-4)
    torch.testing.assert_close(found[1], batch.noise[1])
    assert torch.equal(followed(batch, net, ()).given()[1], batch.noise[1])


def test_voxels_of_wells_stay_what_the_wells_say_for_teacher_and_student(teacher) -> None:
    levels = (1.0, 0.6)
    recipe = replace(TOY, teacher=str(teacher), teacher_steps=3, levels=levels, wells=1.0)
    net = load_teacher(recipe, MEAN, STD)
    net.register_to_config(levels=levels)
    worlds = [make_world(recipe, number) for number in range(2)]
    batches = (draw_batch(recipe, worlds, MEAN, STD, step) for step in range(20))
    # Both crops have voxels of a well.
    batch = next(b for b in batches if (b.wells[..., IS_WELL] > 0).flatten(1).any(1).all())
    batch = replace(batch, sigma=torch.tensor([1.0, 0.6]))
    known = known_voxels(batch.wells, MEAN, STD)
    at, is_known = known.index.unbind(1), ~known.latent.isnan()
    assert is_known.any()
    truth = batch.latent[at]
    has_code = is_known[:, 0]
    torch.testing.assert_close(known.latent[has_code][:, :N_CODE], truth[has_code][:, :N_CODE])
    made = taught(batch, net, recipe).latent[at]
    assert_close = torch.testing.assert_close
    assert_close(made[is_known], known.latent[is_known], rtol=0, atol=1e-5)
    given = followed(batch, net, levels).given()[at]
    mixed = 0.4 * known.latent + 0.6 * batch.noise[at]
    later = is_known & (known.index[:, :1] == 1)
    assert_close(given[later], mixed[later], rtol=0, atol=1e-5)
    assert known_voxels(None, MEAN, STD) is None
    assert known_voxels(torch.zeros_like(batch.wells), MEAN, STD) is None


def test_a_student_whose_noise_is_never_renewed_is_refused() -> None:
    with pytest.raises(ConfigError, match="renewed is set"):
        replace(TOY, levels=(1.0, 0.3), renewed=True)


def test_a_teacher_of_another_scale_is_refused(teacher) -> None:
    with pytest.raises(WeightsError, match="standardisation"):
        load_teacher(replace(TOY, teacher=str(teacher)), MEAN + 1.0, STD)


def test_a_distilled_model_knows_its_levels(teacher, tmp_path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(
        'seed = 4\nn_worlds = 1\nworld_shape = [16, 16, 24]\ncrop_shape = [12, 12, 16]\n'
        'margin = [2, 2, 2]\nbatch = 1\nmicro_batch = 1\nn_steps = 2\nwarm_up = 1\nwells = 0.0\n'
        f'save_every = 2\nteacher = "{teacher}"\nteacher_steps = 2\nlevels = [1.0, 0.6]\n'
        'renewed = true\n')
    train(path, tmp_path / "run", progress=False, init=teacher)
    from lithogen.models.stored import load_denoiser
    from lithogen.sampling import _levels

    student = load_denoiser(tmp_path / "run" / "model")[0]
    assert _levels(student, 2) == [1.0, 0.6]
    assert student.config.renewed
    assert isinstance(default_scheduler(student), StraightEulerScheduler)
    assert _levels(student, 3) != [1.0, 0.6]
