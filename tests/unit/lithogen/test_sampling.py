"""Latent code, denoiser and sampler: exact, deterministic, without spatial statistics."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from lithogen.conditioning import (
    N_CONDITION,
    N_LATENT,
    condition_maps,
    control_vector,
    decode_latent,
    encode_latent,
    simplex_code,
)
from lithogen.errors import ConfigError
from lithogen.grid import Spacing, Window
from lithogen.models.blocks import depth_to_space, space_to_depth
from lithogen.models.litho_net import LithoNet
from lithogen.noise import NoiseWeights
from lithogen.rockphysics import N_FACIES
from lithogen.sampling import denoise, noise_levels
from lithogen.scenario import Scenario
from lithogen.structure import Structure


def test_facies_are_equally_far_apart() -> None:
    vertices = simplex_code().astype(np.float64)
    distance = np.linalg.norm(vertices[:, None] - vertices[None], axis=-1)
    off = distance[~np.eye(N_FACIES, dtype=bool)]
    assert off.max() - off.min() < 1e-5
    assert np.abs(np.linalg.norm(vertices, axis=1) - 1).max() < 1e-5


def test_latent_encodes_and_decodes() -> None:
    rng = np.random.default_rng(1)
    facies = rng.integers(0, N_FACIES, (4, 5, 6)).astype(np.int8)
    residual = rng.standard_normal((3, 4, 5, 6)).astype(np.float32)
    mean, std = torch.linspace(-1, 1, N_LATENT), torch.linspace(0.2, 2, N_LATENT)
    latent = encode_latent(facies, residual, mean, std)
    assert latent.shape == (4, 5, 6, N_LATENT)
    got, units = decode_latent(latent, mean, std)
    assert_array_equal(got, facies)
    assert np.abs(units - residual).max() < 1e-5


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
    controls = control_vector(structure.scenario, NoiseWeights())
    assert float(controls.abs().max()) < 4.0


def test_a_voxel_sees_a_bounded_neighbourhood_only() -> None:
    """The view of one evaluation is bounded, and nothing outside it has any influence."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = LithoNet(widths=(8, 8), n_blocks=(1, 1, 1), n_embedding=8).eval()
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
    latent, maps = torch.zeros(1, 64, 16, 16, N_LATENT), torch.zeros(1, 64, 16, 16, N_CONDITION)
    sigma, controls = torch.ones(1), torch.zeros(1, 17)
    with torch.inference_mode():
        base = net(latent, sigma, maps, controls)
        latent[0, 0] += 5.0
        moved = net(latent, sigma, maps, controls)
    reach = (base - moved).abs().amax(dim=(0, 2, 3, 4))
    assert float(reach[:8].max()) > 0
    assert float(reach[40:].max()) == 0.0


def test_noise_levels_fall_from_one() -> None:
    levels = noise_levels(8)
    assert levels[0] == 1.0
    assert all(a > b > 0 for a, b in itertools.pairwise(levels))
    for bad in (0, -1, 1000):
        with pytest.raises(ConfigError, match="steps"):
            noise_levels(bad)


def test_a_perfect_denoiser_gives_its_clean_latent() -> None:
    target = torch.linspace(-2, 2, 6).reshape(1, 1, 1, 1, 6).expand(1, 4, 4, 4, 6)

    def perfect(latent, sigma, condition, controls):
        return target

    noise = torch.ones(1, 4, 4, 4, 6)
    for steps in (1, 4, 7):
        out = denoise(perfect, noise, noise, noise, steps)
        assert float((out - target).abs().max()) < 1e-5


def test_sampler_refuses_schedulers_that_draw_noise() -> None:
    from diffusers import FlowMatchLCMScheduler

    with pytest.raises(ConfigError, match="FlowMatchLCMScheduler"):
        denoise(lambda *a: a[0], torch.zeros(1), torch.zeros(1), torch.zeros(1), 2,
                FlowMatchLCMScheduler())


def test_scenario_reaches_the_controls() -> None:
    a, b = (control_vector(Scenario(faulting=f), NoiseWeights()) for f in (0.1, 0.9))
    assert int((a != b).sum()) == 1
