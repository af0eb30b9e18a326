"""Deterministic sampling: explicit noise levels, Euler steps, canonical tiles."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from lithogen.errors import require
from lithogen.models.litho_net import LithoNet

DEFAULT_STEPS = 4
TIME_SHIFT = 3.0


def noise_levels(steps: int, shift: float = TIME_SHIFT) -> list[float]:
    """Return the noise levels of a run, from 1 downwards; the scheduler adds the final 0.

    Parameters
    ----------
    steps : number of network evaluations, 1 to 64.
    shift : > 1 spends more steps at high noise.

    Raises
    ------
    ConfigError : steps out of range.

    Examples
    --------
    >>> [round(s, 3) for s in noise_levels(4)]
    [1.0, 0.9, 0.75, 0.5]

    Source: Esser et al. (2024), Scaling rectified flow transformers, section 5.3.2.
    """
    require(1 <= steps <= 64, f"steps is {steps}, wanted 1 to 64")
    linear = 1.0 - np.arange(steps) / steps
    return [float(v) for v in shift * linear / (1.0 + (shift - 1.0) * linear)]


def denoise(
    model: LithoNet, noise: Tensor, condition: Tensor, controls: Tensor, steps: int,
    scheduler: object | None = None,
) -> Tensor:
    """Integrate the flow from noise to a clean latent.

    Parameters
    ----------
    model : denoiser in evaluation mode.
    noise : start, (batch, iline, xline, twt, n_latent), N(0, 1).
    condition, controls : as in `LithoNet.forward`.
    steps : network evaluations.
    scheduler : a diffusers FlowMatchEulerDiscreteScheduler; by default a new one.

    Returns
    -------
    Clean latent, like `noise`. No random number is drawn.
    """
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
        FlowMatchEulerDiscreteScheduler,
    )

    euler = scheduler if scheduler is not None else FlowMatchEulerDiscreteScheduler()
    require(isinstance(euler, FlowMatchEulerDiscreteScheduler),
            f"scheduler is {type(euler).__name__}, wanted FlowMatchEulerDiscreteScheduler: "
            "others draw random numbers that depend on the tile")
    flow: FlowMatchEulerDiscreteScheduler = euler  # type: ignore[assignment]
    flow.set_timesteps(sigmas=noise_levels(steps), device=noise.device)
    latent = noise
    for timestep, sigma in zip(flow.timesteps, flow.sigmas, strict=False):
        level = sigma.to(noise.device).expand(noise.shape[0])
        clean = model(latent, level, condition, controls)
        velocity = (latent - clean) / sigma
        latent = flow.step(
            velocity, timestep, latent, return_dict=False  # type: ignore[arg-type]
        )[0]
    return latent
