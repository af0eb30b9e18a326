"""Losses of the network of rows: likelihoods of facies and residuals, and the flow's velocity."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from lithogen.diffusion.lattice import N_RESIDUALS
from lithogen.diffusion.network import (
    WHITE_LIMIT,
    Weights,
    affine,
    all_guesses,
    encode_context,
    facies_logits,
    mean_guess,
    nearest_rows,
    residual_context,
    velocity,
    white_guesses,
    whiten,
)
from lithogen.diffusion.training.columns import Batch

FACIES_WEIGHT, LIKELIHOOD_WEIGHT, VELOCITY_WEIGHT = 2.0, 0.35, 1.5
# Where residuals are known to .01 a likelihood pulls at the mean a hundred times as hard as at all
# else, and the layers that facies share would learn little but means. 0 leaves that pull,
# 1 / scale, as it is; 1 makes it the same everywhere.
MEAN_PULL = 0.5
# Noise levels lean to the clean end, where the shape of the distribution is decided.
SIGMA_POWER, LEAST_SIGMA = 1.3, 0.02


@dataclass(frozen=True, slots=True)
class LevelLosses:
    """Mean losses of every level, tensors of shape (n_level,).

    Parameters
    ----------
    facies : Tensor
        Cross entropy in nats.
    likelihood : Tensor
        Negative log likelihood of residuals under the whitening Gaussian, nats.
    velocity : Tensor
        Mean squared error of the velocity of whitened residuals.
    """

    facies: Tensor
    likelihood: Tensor
    velocity: Tensor

    @property
    def total(self) -> Tensor:
        """What is minimised, and what decides when a level stops."""
        return (FACIES_WEIGHT * self.facies + LIKELIHOOD_WEIGHT * self.likelihood
                + VELOCITY_WEIGHT * self.velocity)


def draw_noise(shape: tuple[int, ...], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw noise levels, `shape`, and noise, (*shape, 3)."""
    sigma = torch.rand(shape, generator=generator) ** SIGMA_POWER
    return (sigma.clamp(min=LEAST_SIGMA),
            torch.randn(*shape, N_RESIDUALS, generator=generator))


def level_losses(weights: Weights, batch: Batch, sigma: Tensor, noise: Tensor) -> LevelLosses:
    """Return the losses of a batch.

    Parameters
    ----------
    weights : mapping of str to Tensor
        Of `RowNetwork.weights`, all levels.
    batch : Batch
        n cells a level.
    sigma, noise : Tensor, shape (n_level, m n) and (n_level, m n, 3)
        Of `draw_noise`, m draws a cell.

    Source: flow matching, Lipman et al. (2023), on the angle path of Albergo et al. (2023); the
    weaker pull of sharp likelihoods at their means after Seitzer et al. (2022).
    """
    h = encode_context(weights, batch.context)
    logits = facies_logits(weights, h).float()
    n_level, n = batch.facies.shape
    facies = cross_entropy(logits.flatten(0, 1), batch.facies.flatten(), reduction="none")
    index = batch.facies[..., None, None].expand(-1, -1, 1, N_RESIDUALS)
    trend = batch.trend.gather(2, index)[:, :, 0]
    context = residual_context(weights, h, batch.facies, trend)
    first = mean_guess(weights, trend, batch.neighbour, batch.neighbour_trend, batch.has_neighbour)
    guesses = all_guesses(first, nearest_rows(batch.context))
    parameters = affine(weights, context, guesses)
    scale = parameters[..., N_RESIDUALS : 2 * N_RESIDUALS]
    white = whiten(_weakly_pulled(parameters, scale), batch.residual)
    likelihood = (0.5 * white.square().clamp(max=WHITE_LIMIT**2) + scale).sum(dim=-1)
    likelihood = likelihood + 0.5 * N_RESIDUALS * math.log(2.0 * math.pi)
    times = sigma.shape[1] // n
    clean = white.detach().clamp(-WHITE_LIMIT, WHITE_LIMIT).repeat(1, times, 1)
    angle = (0.5 * math.pi) * sigma[..., None]
    state = angle.cos() * clean + angle.sin() * noise
    wanted = angle.cos() * noise - angle.sin() * clean
    near = white_guesses(parameters, guesses).detach()
    found = velocity(weights, context.repeat(1, times, 1), near.repeat(1, times, 1), state, sigma)
    miss = (found - wanted).square().mean(dim=2)
    share = batch.weight / batch.weight.sum(dim=1, keepdim=True).clamp(min=1.0)
    return LevelLosses(
        (share * facies.view(n_level, n)).sum(dim=1), (share * likelihood).sum(dim=1),
        (share.repeat(1, times) * miss).sum(dim=1) / times)


def _weakly_pulled(parameters: Tensor, scale: Tensor) -> Tensor:
    """Return the same parameters, whose mean has weaker gradients where the scale is small."""
    mean, rest = parameters[..., :N_RESIDUALS], parameters[..., N_RESIDUALS:]
    fixed = mean.detach()
    return torch.cat([fixed + (mean - fixed) * (MEAN_PULL * scale.detach()).exp(), rest], dim=-1)
