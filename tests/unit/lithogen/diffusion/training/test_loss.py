"""Losses: least for what is true, of weighted cells alone, level by level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from lithogen.diffusion.conditional import covariance
from lithogen.diffusion.lattice import N_LEVELS, N_RESIDUALS
from lithogen.diffusion.network import (
    affine,
    all_guesses,
    colour,
    encode_context,
    facies_logits,
    mean_guess,
    nearest_rows,
    residual_context,
)
from lithogen.diffusion.training.columns import CellSource, draw_batch
from lithogen.diffusion.training.loss import LEAST_SIGMA, MEAN_PULL, draw_noise, level_losses
from lithogen.rng import generator

N, N_NOISE = 12, 3
SINGLE = 1e-6


@pytest.fixture
def batch(worlds):
    return draw_batch(CellSource(worlds[0]), N, generator(1, "test", 0))


def noise(n: int = N * N_NOISE):
    return draw_noise((N_LEVELS, n), torch.Generator().manual_seed(1))


def test_losses_are_likelihoods_in_nats(toy_network, batch) -> None:
    weights = toy_network.weights()
    with torch.no_grad():
        h = encode_context(weights, batch.context)
        chance = facies_logits(weights, h).log_softmax(dim=-1)
        trend = batch.trend.gather(
            2, batch.facies[..., None, None].expand(-1, -1, 1, N_RESIDUALS))[:, :, 0]
        first = mean_guess(weights, trend, batch.neighbour, batch.neighbour_trend,
                           batch.has_neighbour)
        guesses = all_guesses(first, nearest_rows(batch.context))
        parameters = affine(weights, residual_context(weights, h, batch.facies, trend), guesses)
        # Residuals that these parameters make likely: the loss limits what outliers count.
        residual = colour(parameters, noise(N)[1])
        losses = level_losses(weights, replace(batch, residual=residual), *noise())
    at = torch.arange(N)
    for level in (0, 5, 9):
        wanted = -chance[level, at, batch.facies[level]].mean()
        assert float(losses.facies[level]) == pytest.approx(float(wanted), rel=1e-4)
    level, found = 9, []
    for k in range(N):
        one = parameters[level, k : k + 1]
        mean, cov = one[0, :3].double().numpy(), covariance(one)[0].double().numpy()
        found.append(-multivariate_normal(mean, cov).logpdf(residual[level, k].double().numpy()))
    assert float(losses.likelihood[level]) == pytest.approx(np.mean(found), rel=1e-3)


def test_cells_without_weight_do_not_count(toy_network, batch) -> None:
    keep = torch.ones(N_LEVELS, N)
    keep[:, N // 2 :] = 0.0
    sigma, white = noise(N)
    some = replace(batch, **{name: getattr(batch, name)[:, : N // 2]
                             for name in batch.__dataclass_fields__})
    with torch.no_grad():
        found = level_losses(toy_network.weights(), replace(batch, weight=keep), sigma, white)
        wanted = level_losses(toy_network.weights(), some, sigma[:, : N // 2], white[:, : N // 2])
        none = level_losses(toy_network.weights(), replace(batch, weight=0.0 * keep), sigma, white)
    for name in ("facies", "likelihood", "velocity"):
        torch.testing.assert_close(getattr(found, name), getattr(wanted, name), rtol=1e-4,
                                   atol=1e-5)
        assert (getattr(none, name) == 0.0).all()


def test_levels_learn_apart(toy_network, batch) -> None:
    """The loss of a level moves the weights of that level alone."""
    weights = {name: value.detach().clone().requires_grad_()
               for name, value in toy_network.weights().items()}
    level_losses(weights, batch, *noise()).total[4].backward()
    for name, value in weights.items():
        others = [n for n in range(N_LEVELS) if n != 4]
        assert (value.grad[others] == 0.0).all(), name
    assert (weights["input_weight"].grad[4] != 0.0).any()


def test_noise_levels_are_angles_that_lean_to_the_clean_end() -> None:
    sigma, white = noise(4000)
    assert white.shape == (N_LEVELS, 4000, N_RESIDUALS)
    assert float(sigma.min()) >= LEAST_SIGMA - SINGLE and float(sigma.max()) <= 1.0
    assert float(sigma.median()) < 0.45


def test_sharp_likelihoods_pull_less_at_their_means(toy_network, batch) -> None:
    """Of the pull 1 / scale of a likelihood at its mean a power is left; its value is the same."""
    pulls = []
    for ln_scale in (0.0, -4.0):
        weights = {name: value.detach().clone() for name, value in toy_network.weights().items()}
        bias = torch.zeros_like(weights["affine_bias"])
        bias[..., N_RESIDUALS : 2 * N_RESIDUALS] = ln_scale
        weights["affine_weight"] = torch.zeros_like(weights["affine_weight"])
        weights["affine_bias"] = bias.requires_grad_()
        # All residuals lie half a scale from their means.
        with torch.no_grad():
            h = encode_context(weights, batch.context)
            trend = batch.trend.gather(
                2, batch.facies[..., None, None].expand(-1, -1, 1, N_RESIDUALS))[:, :, 0]
            first = mean_guess(weights, trend, batch.neighbour, batch.neighbour_trend,
                               batch.has_neighbour)
            parameters = affine(weights, residual_context(weights, h, batch.facies, trend),
                                all_guesses(first, nearest_rows(batch.context)))
            residual = parameters[..., :N_RESIDUALS] + 0.5 * np.exp(ln_scale)
        losses = level_losses(weights, replace(batch, residual=residual), *noise())
        wanted = 3 * (0.125 + 0.5 * np.log(2 * np.pi) + ln_scale)
        torch.testing.assert_close(losses.likelihood, torch.full((N_LEVELS,), wanted),
                                   rtol=1e-3, atol=1e-3)
        losses.likelihood.sum().backward()
        pulls.append(bias.grad[..., :N_RESIDUALS])
    torch.testing.assert_close(pulls[1], pulls[0] * np.exp(4.0 * (1.0 - MEAN_PULL)), rtol=1e-3,
                               atol=1e-3)
