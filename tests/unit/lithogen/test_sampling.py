"""Latent code, denoiser and sampler: exact, deterministic, without spatial statistics."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from lithogen.conditioning import N_ALL_CONTROLS, N_CONDITION, condition_maps, control_vector
from lithogen.errors import ConfigError
from lithogen.grid import Spacing, Window
from lithogen.latent import (
    CODE_TRUST,
    N_CODE,
    N_LATENT,
    N_WELL,
    RESIDUAL_TRUST,
    simplex_code,
)
from lithogen.models import litho_net
from lithogen.models.blocks import depth_to_space, lift_weights, space_to_depth
from lithogen.models.litho_net import LithoNet
from lithogen.noise import NoiseWeights
from lithogen.pipeline import HALO
from lithogen.sampling import LEVELS, Known, checked_scheduler, denoise, noise_levels
from lithogen.scenario import N_CONTROLS, Scenario
from lithogen.schedulers import AngleEulerScheduler, renewed_place
from lithogen.structure import Structure
from lithogen.training import train_litho
from lithogen.training.config import LithoTraining
from lithogen.training.train_litho import new_model

RECIPES = Path(train_litho.__file__).with_name("recipes")


def test_patches_fold_and_unfold() -> None:
    volume = torch.arange(2 * 4 * 6 * 8 * 3.0).reshape(2, 4, 6, 8, 3)
    folded = space_to_depth(volume, (2, 3, 4))
    assert folded.shape == (2, 2, 2, 2, 72)
    assert_array_equal(depth_to_space(folded, (2, 3, 4)).numpy(), volume.numpy())
    assert_array_equal(folded[1, 1, 0, 1].reshape(2, 3, 4, 3).numpy(),
                       volume[1, 2:4, 0:3, 4:8].numpy())


def test_conditions_are_bounded_and_complete() -> None:
    window, spacing = Window((0, 0, 20), (8, 8, 64)), Spacing()
    structure = Structure.random(3)
    maps = condition_maps(structure.evaluate(window, spacing), window, spacing)
    assert maps.shape == (8, 8, 64, N_CONDITION)
    assert float(maps.abs().max()) < 4.0
    controls = control_vector(structure.scenario, NoiseWeights(), spacing)
    assert float(controls.abs().max()) < 4.0


def test_a_voxel_sees_a_bounded_neighbourhood_only() -> None:
    """The view of one evaluation is bounded, and nothing outside it has any influence."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = LithoNet(widths=(8, 8), n_blocks=(1, 1, 1), n_embedding=8).eval()
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
    latent, maps = torch.zeros(1, 64, 16, 16, N_LATENT), torch.zeros(1, 64, 16, 16, N_CONDITION)
    sigma, controls = torch.ones(1), torch.zeros(1, N_ALL_CONTROLS)
    with torch.inference_mode():
        base = net(latent, sigma, maps, controls)
        latent[0, 0] += 5.0
        moved = net(latent, sigma, maps, controls)
    reach = (base - moved).abs().amax(dim=(0, 2, 3, 4))
    assert float(reach[:8].max()) > 0
    assert float(reach[40:].max()) == 0.0


def test_the_halo_holds_all_that_a_network_of_columns_sees_of_other_lines() -> None:
    """So faces of tiles between lines are no seams: a line beyond the halo has no influence."""
    recipe = LithoTraining.from_toml(RECIPES / "litho.toml")
    net, (halo, _, _) = new_model(recipe, torch.zeros(N_LATENT), torch.ones(N_LATENT)).eval(), HALO
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    draw = torch.Generator().manual_seed(4)
    shape = (1, halo + 24, 16, 32)
    latent, maps = (torch.randn(*shape, n, generator=draw) for n in (N_LATENT, N_CONDITION))
    for axis in (1, 2):
        told = [part.transpose(1, axis).contiguous() for part in (latent, maps)]
        moved = [part.clone() for part in told]
        # One cell outside the halo of a tile that begins at line halo + 8.
        for part in moved:
            part.narrow(axis, 0, 8).add_(3.0)
        sigma, controls = torch.full((1,), 0.8), torch.zeros(1, N_ALL_CONTROLS)
        with torch.inference_mode():
            one, two = (net(a, sigma, b, controls).transpose(1, axis) for a, b in (told, moved))
        assert torch.equal(one[:, 8 + halo:], two[:, 8 + halo:])
        assert not torch.equal(one[:, 8:8 + halo], two[:, 8:8 + halo])


def test_noise_levels_fall() -> None:
    levels = noise_levels(8)
    assert (levels[0], levels[-1]) == (LEVELS[0], LEVELS[-1])
    assert LEVELS[-1] < noise_levels(1)[0] < LEVELS[0]
    assert all(a > b > 0 for a, b in itertools.pairwise(levels))
    for bad in (0, -1, 1000):
        with pytest.raises(ConfigError, match="steps"):
            noise_levels(bad)


def test_a_perfect_denoiser_gives_its_clean_latent() -> None:
    target = torch.linspace(-2, 2, 6).reshape(1, 1, 1, 1, 6).expand(1, 4, 4, 4, 6)

    def perfect(latent, sigma, condition, controls, wells):
        return target.clone()

    noise = torch.ones(1, 4, 4, 4, 6)
    for steps in (1, 4, 7):
        out = denoise(perfect, noise, noise, noise, steps)
        assert float((out - target).abs().max()) < 1e-5


@pytest.mark.parametrize("steps", [1, 2, 4, 16])
def test_residuals_keep_their_variance_in_any_number_of_steps(steps) -> None:
    """The exact denoiser of a Gaussian of unit variance maps the noise to itself."""
    def of_a_gaussian(latent, sigma, *told):
        s = float(sigma)
        return latent * ((1 - s) / ((1 - s) ** 2 + s**2))

    noise = torch.linspace(-3, 3, 64 * N_LATENT).reshape(1, 4, 4, 4, N_LATENT)
    out = denoise(of_a_gaussian, noise, noise, noise, steps)
    assert float((out - noise)[..., N_CODE:].abs().max()) < 1e-5
    straight = denoise(of_a_gaussian, noise, noise, noise, steps, _flow(SCHEDULERS[0]))
    assert float(straight.std() / noise.std()) < 0.9


class OfGaussians:
    """The exact denoiser of Gaussian channels of their own standard deviations."""

    channel_scale = torch.linspace(0.5, 8.0, N_LATENT)

    def __call__(self, latent, sigma, *told):
        s, power = float(sigma), self.channel_scale**2
        return latent * ((1 - s) * power / ((1 - s) ** 2 * power + s**2))


@pytest.mark.parametrize("steps", [1, 2, 4, 16])
def test_channels_of_any_scale_keep_their_variance(steps) -> None:
    noise = torch.linspace(-3, 3, 64 * N_LATENT).reshape(1, 4, 4, 4, N_LATENT)
    out = denoise(OfGaussians(), noise, noise, noise, steps)
    wanted = noise * OfGaussians.channel_scale
    assert float((out - wanted)[..., N_CODE:].abs().max()) < 1e-4


@pytest.mark.parametrize("steps", [3, 4, 16])
def test_noise_is_renewed_once_and_latents_keep_their_variance(steps) -> None:
    """A sum of old and fresh noise, both with a share, as strong as one of them."""
    noise, other = torch.zeros(2, 1, 4, 4, 4, N_LATENT)
    noise[:, ::2], other[:, 1::2] = 1.0, 1.0
    asked = []

    def fresh(lines):
        asked.extend(range(4)[lines])
        return other[:, lines, ..., N_CODE:]

    out = denoise(OfGaussians(), noise, noise, noise, steps, fresh=fresh)[..., N_CODE:]
    assert asked == [0, 1, 2, 3]
    kept, new = (part / OfGaussians.channel_scale[N_CODE:]
                 for part in (out[:, ::2], out[:, 1::2]))
    assert float(kept.min()) > 0.3
    assert float(new.min()) > 0.3
    assert float((kept.square() + new.square() - 1.0).abs().max()) < 1e-5


@pytest.mark.parametrize("steps", [1, 2])
def test_one_or_two_steps_have_no_level_at_which_noise_is_renewed(steps) -> None:
    noise = torch.ones(1, 2, 2, 2, N_LATENT)
    assert renewed_place(noise_levels(steps)) is None
    denoise(lambda latent, *told: latent.clone(), noise, noise, noise, steps,
            fresh=lambda _: pytest.fail("asked for noise"))


def test_an_angle_step_is_the_exact_flow_in_its_limit() -> None:
    target = torch.full((1, 2, 2, 2, N_LATENT), 0.7)
    noise = torch.full_like(target, -1.3)
    gaps = []
    for steps in (8, 16, 32):
        flow = AngleEulerScheduler()
        flow.set_timesteps(sigmas=np.linspace(0.95, 0.5, steps).tolist())
        latent = 0.05 * target + 0.95 * noise
        for timestep in flow.timesteps[:-1]:
            sigma = float(timestep) / 1000
            latent = flow.step((latent - target) / sigma, timestep, latent).prev_sample
        gaps.append(float((latent - 0.5 * (target + noise)).abs().max()))
    assert gaps[0] > 1.7 * gaps[1] > 1.7**2 * gaps[2] > 0
    assert gaps[2] < 0.03


def test_sampler_refuses_schedulers_that_draw_noise() -> None:
    from diffusers import FlowMatchLCMScheduler

    with pytest.raises(ConfigError, match="FlowMatchLCMScheduler"):
        denoise(lambda *a: a[0], torch.zeros(1), torch.zeros(1), torch.zeros(1), 2,
                FlowMatchLCMScheduler())


def test_scenario_reaches_the_controls() -> None:
    a, b = (control_vector(Scenario(faulting=f), NoiseWeights(), Spacing()) for f in (0.1, 0.9))
    assert int((a != b).sum()) == 1


def test_unknown_scenarios_are_told_apart_from_middling_ones() -> None:
    known = control_vector(Scenario(), NoiseWeights(), Spacing())
    unknown = control_vector(None, NoiseWeights(), Spacing())
    assert float(unknown[:N_CONTROLS].abs().max()) == 0.0
    assert (float(known[N_CONTROLS]), float(unknown[N_CONTROLS])) == (1.0, 0.0)


def test_spacing_reaches_the_controls() -> None:
    a, b = (control_vector(Scenario(), NoiseWeights(), Spacing(dt, dx, dx))
            for dt, dx in ((0.004, 25.0), (0.002, 12.5)))
    assert int((a != b).sum()) == 2


def _flow(name):
    import diffusers

    if name.startswith("FlowMatch"):
        return getattr(diffusers, name)()
    return getattr(diffusers, name)(prediction_type="flow_prediction", use_flow_sigmas=True)


SCHEDULERS = ("FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler",
              "DPMSolverMultistepScheduler", "UniPCMultistepScheduler")
# Multistep solvers stop at a noise level of some thousandths instead of 0.
CLEAN_TOLERANCE = 0.05


@pytest.mark.parametrize("name", SCHEDULERS)
def test_any_deterministic_flow_scheduler_ends_at_the_clean_latent(name) -> None:
    target = torch.linspace(-2, 2, 6).reshape(1, 1, 1, 1, 6).expand(1, 4, 4, 4, 6)
    noise = torch.linspace(-1, 1, 384).reshape(1, 4, 4, 4, 6)
    out = denoise(lambda *told: target.clone(), noise, noise, noise, 6, _flow(name))
    assert float((out - target).abs().max()) < CLEAN_TOLERANCE


def test_sampler_refuses_what_follows_no_flow() -> None:
    from diffusers import DDIMScheduler

    with pytest.raises(ConfigError, match="DDIMScheduler follows no flow"):
        checked_scheduler(DDIMScheduler())


def test_known_voxels_are_replaced_at_every_step() -> None:
    seen = []

    def denoiser(latent, *told):
        seen.append(latent[0, 1, 2, 3].clone())
        return torch.zeros_like(latent)

    value = torch.tensor([[1.5, float("nan"), -2.0]])
    known = Known(torch.tensor([[0, 1, 2, 3]]), value)
    noise = torch.ones(1, 4, 4, 4, 3)
    out = denoise(denoiser, noise, noise, noise, 4, known=known)
    assert_array_equal(out[0, 1, 2, 3].numpy(), np.array([1.5, 0.0, -2.0], dtype=np.float32))
    assert float(out[0, 0, 0].abs().max()) == 0.0
    # On the straight path from noise to what is known at every level.
    for level, latent in zip(noise_levels(4), seen, strict=True):
        wanted = torch.tensor([level + (1 - level) * 1.5, level - (1 - level) * 2.0])
        assert float((latent[[0, 2]] - wanted).abs().max()) < 1e-5


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_where_wells_tell_the_end_steps_are_straight_and_elsewhere_as_without(steps) -> None:
    """The network is right at once: all noise should be gone, step by step, where it can know."""
    draw = torch.Generator().manual_seed(3)
    noise, truth = (torch.randn(1, 4, 4, 8, N_LATENT, generator=draw) for _ in range(2))
    seen = []

    def denoiser(latent, sigma, *told):
        seen.append((float(sigma), latent.clone()))
        return truth.clone()

    wells = torch.zeros(1, 4, 4, 8, N_WELL)
    wells[:, 0, ..., CODE_TRUST] = wells[:, 0, ..., RESIDUAL_TRUST] = 1.0
    wells[:, 1, ..., CODE_TRUST] = wells[:, 1, ..., RESIDUAL_TRUST] = 0.6
    with_wells = denoise(denoiser, noise, noise, noise, steps, wells=wells)
    paths, seen = seen, []
    without = denoise(denoiser, noise, noise, noise, steps)
    torch.testing.assert_close(with_wells[:, 0], truth[:, 0])
    for (sigma, told), (_, plain) in zip(paths[1:], seen[1:], strict=True):
        torch.testing.assert_close(told[:, 2:], plain[:, 2:])
        first, begin = paths[0]
        straight = truth + (begin - truth) * (sigma / first)
        assert float((told - straight)[:, 0].abs().max()) < 1e-4
    torch.testing.assert_close(with_wells[:, 2:], without[:, 2:])
    between = torch.lerp(without, truth, 0.36)[:, 1, ..., N_CODE:]
    if steps == 1:
        torch.testing.assert_close(with_wells[:, 1, ..., N_CODE:], between)


NET = {"widths": (8, 8), "n_blocks": (1, 1, 1), "n_embedding": 8, "latent_mean": (0.0,) * N_LATENT,
       "latent_std": (0.5,) * N_LATENT}


def _random_net(**options):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = LithoNet(**NET, **options).eval()
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
    return net


def _random_input(net, shape=(1, 16, 16, 8)):
    source = torch.Generator().manual_seed(2)
    latent, maps, wells = (torch.randn(*shape, n, generator=source)
                           for n in (N_LATENT, N_CONDITION, net.config["n_well"]))
    return latent, torch.full((1,), 0.7), maps, torch.randn(1, N_ALL_CONTROLS,
                                                            generator=source), wells


def test_every_channel_of_a_noisy_latent_enters_with_unit_variance() -> None:
    scales = tuple(np.linspace(0.5, 8.0, N_LATENT).tolist())
    net = _random_net(scales=scales)
    for sigma in (0.02, 0.5, 0.95, 1.0):
        variance = (1 - sigma) ** 2 * net.channel_scale**2 + sigma**2
        gain = net.gain(torch.tensor([sigma]))
        assert gain.shape == (1, N_LATENT)
        assert float((gain[0] ** 2 * variance - 1).abs().max()) < 1e-5


@pytest.mark.parametrize("lift", ["fold", "linear", "both"])
def test_slabs_change_nothing(lift, monkeypatch) -> None:
    net = _random_net(lift=lift, n_hidden=8, codes=tuple(map(tuple, simplex_code().tolist())),
                      scales=tuple(np.linspace(0.5, 8.0, N_LATENT).tolist()))
    told = _random_input(net)
    with torch.inference_mode():
        whole = net(*told)
        monkeypatch.setattr(litho_net, "SLAB_VOXELS", 4 * 16 * 8)
        parts = net(*told)
    # Matrix products may differ by rounding between row counts.
    assert float((whole - parts).abs().max()) < 1e-5


def test_blank_maps_of_wells_say_nothing() -> None:
    net = _random_net()
    latent, sigma, maps, controls, wells = _random_input(net)
    with torch.inference_mode():
        without = net(latent, sigma, maps, controls)
        assert float((net(latent, sigma, maps, controls, 0.0 * wells) - without).abs().max()) < 1e-5
        assert float((net(latent, sigma, maps, controls, wells) - without).abs().max()) > 1e-2


def test_clean_codes_lie_among_those_of_the_facies() -> None:
    codes = simplex_code()
    net = _random_net(codes=tuple(map(tuple, codes.tolist())))
    with torch.inference_mode():
        clean = net(*_random_input(net)[:4])
    shares = 0.1 + 0.9 * (clean[..., :9].numpy() * 0.5) @ codes.T.astype(np.float32)
    # Barycentric coordinates of a regular simplex are linear in the products with its corners.
    assert shares.min() > -1e-5
    assert np.abs(shares.sum(-1) - 1.0).max() < 1e-4


def test_interpolation_between_tokens_is_linear_and_keeps_constants() -> None:
    weights = lift_weights(5, 4)
    assert_array_equal(weights.sum(1).numpy(), np.ones(20, dtype=np.float32))
    line = weights @ torch.arange(5.0)
    assert np.abs(np.diff(line.numpy()[2:-2]) - 0.25).max() < 1e-6
