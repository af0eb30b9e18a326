"""Drawing cells: facies by the coarse-to-fine scheduler, residuals by flow matching."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from torch import Tensor

from lithogen.diffusion.conditions import N_ROW_SCALARS, RESIDUAL_GAIN
from lithogen.diffusion.lattice import N_CELL, N_RESIDUALS
from lithogen.diffusion.network import (
    RowNetwork,
    Weights,
    affine,
    colour,
    encode_context,
    facies_logits,
    mean_guess,
    residual_context,
    velocity,
)
from lithogen.diffusion.schedulers import MASKED, CoarseToFineScheduler
from lithogen.rockphysics.facies import N_FACIES
from lithogen.rockphysics.trends import RESIDUAL_LIMIT

# d state / d sigma for a velocity d state / d angle: sigma is the angle in units of 90 degrees.
PER_SIGMA = 0.5 * math.pi
MOST_RESIDUAL = RESIDUAL_GAIN * RESIDUAL_LIMIT


@dataclass(frozen=True, slots=True)
class CellInput:
    """What n cells of one level and time are drawn from.

    Parameters
    ----------
    context : Tensor, shape (n, N_INPUT)
        The network's input.
    row : Tensor, shape (n, N_ROW_CONDITIONS)
        Conditions of the cells' rows.
    neighbour : Tensor, shape (n, N_CELL)
        The cell at the neighbouring position.
    has_neighbour : Tensor, shape (n, 1)
        1 where there is one, else 0.
    numbers : Tensor, shape (n, 4)
        Standard normal numbers.
    facies : Tensor of int64, shape (n,)
        Known facies, or `MASKED`.
    residual : Tensor, shape (n, 3)
        Known residuals, or NaN.
    """

    context: Tensor
    row: Tensor
    neighbour: Tensor
    has_neighbour: Tensor
    numbers: Tensor
    facies: Tensor
    residual: Tensor

    @property
    def trends(self) -> Tensor:
        """Residuals of the trends of all facies, (n, N_FACIES, 3)."""
        return self.row[:, N_ROW_SCALARS:].reshape(-1, N_FACIES, N_RESIDUALS)


@dataclass
class CellDrawer:
    """Network and schedulers, ready to draw cells.

    Parameters
    ----------
    network : RowNetwork
        Trained weights.
    unmasking : CoarseToFineScheduler
        Draws facies.
    flow : SchedulerMixin
        Deterministic flow-matching scheduler of diffusers, for residuals.
    steps : int
        Its steps; the first, from pure noise, needs no evaluation of the network.
    """

    network: RowNetwork
    unmasking: CoarseToFineScheduler
    flow: SchedulerMixin
    steps: int
    _levels: dict[int, Weights] = field(default_factory=dict)

    def __post_init__(self) -> None:
        set_flow_steps(self.flow, self.steps)

    @property
    def device(self) -> torch.device:
        """Where cells are drawn."""
        return next(self.network.parameters()).device

    def _weights(self, level: int) -> Weights:
        if level not in self._levels:
            self._levels[level] = {name: value.detach().contiguous()
                                   for name, value in self.network.weights(level).items()}
        return self._levels[level]

    def draw(self, level: int, timestep: int, given: CellInput) -> Tensor:
        """Draw cells.

        Parameters
        ----------
        level, timestep : int
            Which weights, and when.
        given : CellInput
            What they are drawn from.

        Returns
        -------
        Tensor, shape (n, N_CELL)
            Facies as one of ten, and residuals.
        """
        weights = self._weights(level)
        h = encode_context(weights, given.context[None])
        logits = facies_logits(weights, h)[0].float()
        measured = given.residual.isfinite()
        open_ = (given.facies == MASKED) & measured.any(dim=1)
        if bool(open_.any()):
            logits = logits + open_[:, None] * self._evidence(weights, h, given, measured)
        facies: Tensor = self.unmasking.step(
            logits, timestep, given.facies, given.numbers[:, 0], return_dict=False)[0]
        parameters, context = self._parameters(weights, h, given, facies)
        white = self._flow(weights, context, given.numbers[:, 1:])
        residual = colour(parameters, white[0])[0]
        if bool(measured.any()):
            residual = condition_on_known(parameters[0], residual, given.residual)
        out = torch.zeros(len(facies), N_CELL, device=residual.device)
        out.scatter_(1, facies[:, None], 1.0)
        out[:, N_FACIES:] = residual.clamp(-MOST_RESIDUAL, MOST_RESIDUAL)
        return out

    def _parameters(
        self, weights: Weights, h: Tensor, given: CellInput, facies: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Parameters of the whitening Gaussian, and the context of the residuals."""
        trends = given.trends
        at = torch.arange(len(facies), device=facies.device)
        trend = trends[at, facies]
        near = given.neighbour
        near_trend = trends[at, near[:, :N_FACIES].argmax(dim=1)]
        context = residual_context(weights, h, facies[None], trend[None])
        skip = mean_guess(weights, trend[None], near[None, :, N_FACIES:], near_trend[None],
                          given.has_neighbour[None])
        return affine(weights, context, skip), context

    def _evidence(
        self, weights: Weights, h: Tensor, given: CellInput, measured: Tensor
    ) -> Tensor:
        """Log likelihood of the known residuals under every facies, (n, N_FACIES)."""
        out = []
        for code in range(N_FACIES):
            facies = torch.full_like(given.facies, code)
            parameters, _ = self._parameters(weights, h, given, facies)
            out.append(known_log_likelihood(parameters[0], given.residual, measured))
        return torch.stack(out, dim=1)

    def _flow(self, weights: Weights, context: Tensor, noise: Tensor) -> Tensor:
        """Bring noise to whitened residuals, (1, n, 3)."""
        state = noise[None]
        scheduler: Any = self.flow
        scheduler._step_index = None
        for time in scheduler.timesteps:
            sigma = time / scheduler.config.num_train_timesteps
            # Pure noise tells nothing, and the mean of a whitened residual is 0.
            speed = (torch.zeros_like(state) if sigma >= 1.0
                     else velocity(weights, context, state, sigma.reshape(1, 1)) * PER_SIGMA)
            state = scheduler.step(speed, time, state, return_dict=False)[0]
        return state


def set_flow_steps(scheduler: Any, steps: int) -> None:
    """Set evenly spaced angles from pure noise to clean values."""
    scheduler.set_timesteps(sigmas=[1.0 - k / steps for k in range(steps)])


def covariance(parameters: Tensor) -> Tensor:
    """Return the covariance (n, 3, 3) of residuals under parameters (n, N_AFFINE)."""
    _, scale, coupling = parameters.split(N_RESIDUALS, dim=-1)  # type: ignore[no-untyped-call]
    lower = torch.zeros(*parameters.shape[:-1], 3, 3, device=parameters.device)
    lower[..., 0, 0] = lower[..., 1, 1] = lower[..., 2, 2] = 1.0
    lower[..., 1, 0] = coupling[..., 0]
    lower[..., 2, 0] = coupling[..., 1] + coupling[..., 2] * coupling[..., 0]
    lower[..., 2, 1] = coupling[..., 2]
    lower = lower * scale.exp()[..., None, :]
    whole: Tensor = lower @ lower.transpose(-1, -2)
    return whole


def condition_on_known(parameters: Tensor, drawn: Tensor, known: Tensor) -> Tensor:
    """Move drawn residuals so that the known ones hold: exact for Gaussian residuals.

    Parameters
    ----------
    parameters : Tensor, shape (n, N_AFFINE)
        Of `affine`.
    drawn : Tensor, shape (n, 3)
        Residuals as drawn.
    known : Tensor, shape (n, 3)
        NaN where unknown.

    Source: conditioning by kriging, Journel and Huijbregts (1978).
    """
    has = known.isfinite()
    gap = torch.where(has, known - drawn, 0.0)
    whole = covariance(parameters)
    mask = has.float()
    inner = whole * mask[:, :, None] * mask[:, None, :] + torch.diag_embed(1.0 - mask)
    gain = whole @ torch.linalg.solve(inner, (gap * mask)[..., None])
    return torch.where(has, known, drawn + gain[..., 0])


def known_log_likelihood(parameters: Tensor, known: Tensor, has: Tensor) -> Tensor:
    """Return the Gaussian log likelihood of the known residuals of cells, (n,)."""
    mask = has.float()
    gap = torch.where(has, known - parameters[:, :N_RESIDUALS], 0.0)
    whole = covariance(parameters)
    inner = whole * mask[:, :, None] * mask[:, None, :] + torch.diag_embed(1.0 - mask)
    solved = torch.linalg.solve(inner, gap[..., None])[..., 0]
    likelihood: Tensor = -0.5 * ((gap * solved).sum(dim=1) + torch.linalg.slogdet(inner)[1])
    return likelihood
