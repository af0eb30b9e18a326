"""Residuals for every facies: the last step answers with a rock, not with a mean of rocks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from numpy.testing import assert_array_equal
from torch.testing import assert_close

from lithogen.conditioning import N_CODE, decode_latent, simplex_code
from lithogen.errors import ConfigError, WeightsError
from lithogen.models.stored import load_denoiser, with_given, with_scale
from lithogen.rockphysics.facies import N_FACIES
from lithogen.sampling import AngleEulerScheduler, denoise
from lithogen.training.config import LithoTraining
from lithogen.training.loss import flow_loss
from lithogen.training.train_litho import export_model, new_model, train
from lithogen.training.worlds import draw_batch, latent_statistics, make_world
from lithogen.world import latent_scale

TOY = LithoTraining(
    seed=4, n_worlds=1, world_shape=(16, 16, 24), crop_shape=(12, 12, 16), margin=2, batch=2,
    n_steps=4, warm_up=2, widths=(8, 8), n_blocks=(1, 1, 1), n_embedding=8, wells=0.0,
    other_spacing=0.0, precision="float32", given=True)
MEAN, STD = torch.zeros(12), torch.full((12,), 0.3)


def filled(recipe, seed=1):
    net = new_model(recipe, MEAN, STD).eval()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
    return net


@pytest.fixture(scope="module")
def batch():
    return draw_batch(TOY, [make_world(TOY, 0)], MEAN, STD, 0)


def told(batch):
    level = batch.sigma[:, None, None, None, None]
    noisy = (1.0 - level) * batch.latent + level * batch.noise
    return noisy, batch.sigma, batch.condition, batch.controls


def test_the_decided_latent_is_the_likeliest_facies_with_its_own_residuals(batch) -> None:
    net = filled(TOY)
    with torch.no_grad():
        scores = net.scores(*told(batch))
        likeliest = scores[..., :N_FACIES].argmax(-1)
        found = net(*told(batch), is_decided=True)
    code = torch.from_numpy(simplex_code())[likeliest] / STD[:N_CODE]
    assert_close(found[..., :N_CODE], code)
    assert_close(found[..., N_CODE:], net.residual_given(scores, likeliest), rtol=0, atol=1e-5)
    assert_array_equal(decode_latent(found, MEAN, STD)[0], likeliest.numpy())


def test_the_mean_over_facies_of_their_residuals_is_the_mean_residual(batch) -> None:
    net = filled(TOY)
    with torch.no_grad():
        scores = net.scores(*told(batch))
        chance = scores[..., :N_FACIES].softmax(-1)
        each = torch.stack([net.residual_given(scores, torch.full(chance.shape[:-1], f))
                            for f in range(N_FACIES)], dim=-2)
        mean = net(*told(batch))[..., N_CODE:]
    assert_close((chance[..., None] * each).sum(-2), mean, rtol=0, atol=1e-5)
    assert float((each - mean[..., None, :]).abs().max()) > 0.1


def test_gradients_flow_where_the_volume_is_worked_through_whole(batch) -> None:
    net = filled(TOY)
    with torch.no_grad():
        slabs = net(*told(batch), is_decided=True)
    assert_close(net(*told(batch), is_decided=True).detach(), slabs, rtol=0, atol=1e-5)
    flow_loss(net, batch, TOY)[0].backward()
    assert float(net.per_facies.weight.grad.abs().max()) > 0


def test_the_loss_sees_residuals_of_the_facies_that_is_there(batch) -> None:
    plain = new_model(replace(TOY, given=False), MEAN, STD)
    wider = with_given(plain)
    before = float(flow_loss(wider, batch, TOY)[0].detach())
    assert before == pytest.approx(float(flow_loss(plain, batch, TOY)[0].detach()), rel=1e-6)
    # Probabilities know nothing yet, so every facies has its part in the mean.
    inner = (slice(None), slice(2, -2), slice(2, -2), slice(2, -2))
    facies, residual = batch.facies[inner].long(), batch.latent[inner][..., N_CODE:]
    offset = torch.stack([residual[facies == f].mean(0) if bool((facies == f).any())
                          else torch.zeros(residual.shape[-1]) for f in range(N_FACIES)])
    with torch.no_grad():
        wider.per_facies.bias.copy_(offset.reshape(-1))
    assert float(flow_loss(wider, batch, TOY)[0].detach()) < before


def test_widened_weights_answer_as_before_and_come_back_from_disk(batch, tmp_path) -> None:
    plain = filled(replace(TOY, given=False))
    wider = with_given(plain).eval()
    with torch.no_grad():
        assert_array_equal(wider(*told(batch)).numpy(), plain(*told(batch)).numpy())
    export_model(wider, tmp_path, {})
    # It was rounded to half precision on the way.
    kept, back = wider.float(), load_denoiser(tmp_path)[0].eval()
    with torch.no_grad():
        assert_close(back(*told(batch), is_decided=True), kept(*told(batch), is_decided=True),
                     rtol=0, atol=5e-3)
    with pytest.raises(WeightsError, match="head 'facies'"):
        with_given(new_model(replace(TOY, given=False, head="latent"), MEAN, STD))
    with pytest.raises(ConfigError, match="given is true with head 'latent'"):
        replace(TOY, head="latent")


def test_a_rescaled_start_takes_the_scale_of_its_worlds_and_the_weights_given(tmp_path) -> None:
    export_model(filled(TOY), tmp_path / "begin", {})
    worlds = [make_world(TOY, number) for number in range(2)]
    text = ('seed = 4\nn_worlds = 2\nworld_shape = [16, 16, 24]\ncrop_shape = [12, 12, 16]\n'
            'margin = 2\nbatch = 1\nmicro_batch = 1\nn_steps = 2\nwarm_up = 1\nwells = 0.0\n'
            'given = true\nsave_every = 2\n')
    mean, std = latent_statistics(worlds)
    assert float((mean - MEAN).abs().max()) > 0.05
    for rescale, wanted in ((False, (MEAN, STD)), (True, (mean, std))):
        recipe = tmp_path / f"{rescale}.toml"
        recipe.write_text(text + f"rescale = {str(rescale).lower()}\n")
        folder = tmp_path / str(rescale)
        train(recipe, folder, progress=False, worlds=worlds, init=tmp_path / "begin")
        found = load_denoiser(folder / "model")[0]
        for got, want in zip(latent_scale(found), wanted, strict=True):
            assert_close(got, want)
    begin = load_denoiser(tmp_path / "begin")[0]
    scaled = with_scale(begin, mean, std)
    for name, value in begin.state_dict().items():
        assert_array_equal(scaled.state_dict()[name].numpy(), value.numpy())


@pytest.mark.parametrize("steps", [1, 3])
def test_only_the_last_step_of_a_sampler_decides_and_only_if_asked(batch, steps) -> None:
    asked = []

    class Watched:
        def __init__(self):
            self.config = {"given": True}

        def __call__(self, latent, *_, is_decided=False):
            asked.append(is_decided)
            return torch.zeros_like(latent)

    noise = torch.zeros(1, 4, 4, 4, 12)
    denoise(Watched(), noise, noise, noise, steps)
    assert asked == [False] * steps
    asked.clear()
    denoise(Watched(), noise, noise, noise, steps, is_decided=True)
    denoise(Watched(), noise, noise, noise, steps, AngleEulerScheduler(), is_decided=True)
    assert asked == ([False] * (steps - 1) + [True]) * 2
