"""Deterministic sampling: explicit noise levels, Euler steps, canonical tiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from torch import Tensor

from lithogen.errors import require
from lithogen.models.litho_net import LithoNet

DEFAULT_STEPS = 4
FIRST_LEVEL, LAST_LEVEL = 0.95, 0.5
TIME_SHIFT = 3.0
_FLOWS = ("FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler")


def noise_levels(steps: int) -> list[float]:
    """Return the noise levels of a run, falling; the scheduler adds the final 0.

    Parameters
    ----------
    steps : number of network evaluations, 1 to 64.

    Notes
    -----
    Above `FIRST_LEVEL` the noise hides everything, so that the network can only answer with the
    mean, which is 0: sampling starts below. Under `LAST_LEVEL` facies are decided.

    Raises
    ------
    ConfigError : steps out of range.

    Examples
    --------
    >>> [round(s, 2) for s in noise_levels(4)]
    [0.95, 0.85, 0.71, 0.5]

    Source: time shift of Esser et al. (2024), Scaling rectified flow transformers, 5.3.2.
    """
    require(1 <= steps <= 64, f"steps is {steps}, wanted 1 to 64")
    if steps == 1:
        return [0.5 * (FIRST_LEVEL + LAST_LEVEL)]
    # More steps at high noise, as the shifted time of the flow has them.
    first, last = (level / (TIME_SHIFT - (TIME_SHIFT - 1.0) * level)
                   for level in (FIRST_LEVEL, LAST_LEVEL))
    linear = np.linspace(first, last, steps)
    levels = TIME_SHIFT * linear / (1.0 + (TIME_SHIFT - 1.0) * linear)
    return [round(float(level), 6) for level in levels]


@dataclass(frozen=True, slots=True)
class Known:
    """Voxels whose latent is known, for replacement while sampling.

    Parameters
    ----------
    index : places (iline, xline, twt) in the volume, int64 (n, 3).
    latent : standardised, (n, n_latent), NaN in channels that are unknown.
    """

    index: Tensor
    latent: Tensor

    def to(self, device: torch.device) -> Known:
        """Return it on a device."""
        return Known(self.index.to(device), self.latent.to(device))

    def put(self, clean: Tensor) -> None:
        """Write what is known into a clean latent (1, iline, xline, twt, n_latent), in place."""
        i, j, k = self.index.T
        found = clean[0, i, j, k]
        clean[0, i, j, k] = torch.where(self.latent.isnan(), found, self.latent)


def denoise(
    model: LithoNet, noise: Tensor, condition: Tensor, controls: Tensor, steps: int,
    scheduler: SchedulerMixin | None = None, *, wells: Tensor | None = None,
    known: Known | None = None,
) -> Tensor:
    """Integrate the flow from noise to a clean latent.

    Parameters
    ----------
    model : denoiser in evaluation mode.
    noise : start, (batch, iline, xline, twt, n_latent), N(0, 1).
    condition, controls, wells : as in `LithoNet.forward`.
    steps : network evaluations.
    scheduler : a deterministic flow-matching scheduler of diffusers, see `checked_scheduler`; by
        default Euler steps at `noise_levels`.
    known : voxels whose clean latent is replaced at every step; batch 1.

    Returns
    -------
    Clean latent, like `noise`. No random number is drawn.

    Raises
    ------
    ConfigError : a scheduler that draws random numbers or does not follow a flow.
    """
    flow = checked_scheduler(scheduler)
    if isinstance(flow, FlowMatchEulerDiscreteScheduler):
        flow.set_timesteps(sigmas=_levels(model, steps), device=noise.device)
    else:
        flow.set_timesteps(steps, device=noise.device)
    scale = float(flow.config.num_train_timesteps)
    last = len(flow.timesteps) - 1
    # The mean of the standardised latent is 0.
    latent = noise * (float(flow.timesteps[0]) / scale)
    if known is not None:
        start = torch.zeros_like(noise)
        known.put(start)
        latent = latent + (1.0 - float(flow.timesteps[0]) / scale) * start
    for place, timestep in enumerate(flow.timesteps):
        sigma = float(timestep) / scale
        level = torch.full((noise.shape[0],), sigma, device=noise.device)
        clean: Tensor = model(latent, level, condition, controls, wells)
        if known is not None:
            known.put(clean)
        if place == last and isinstance(flow, FlowMatchEulerDiscreteScheduler):
            # The last Euler step, to noise level 0, ends at the clean latent.
            return clean
        velocity = (latent - clean).div_(sigma)
        latent = flow.step(velocity, timestep, latent, return_dict=False)[0]
    return latent


def _levels(model: LithoNet, steps: int) -> list[float]:
    """Noise levels that a model was distilled to, if it has as many, else the usual ones."""
    config = getattr(model, "config", None)
    own = list(dict(config).get("levels", ())) if config is not None else []
    return own if len(own) == steps else noise_levels(steps)


def checked_scheduler(scheduler: SchedulerMixin | None) -> Any:
    """Return a scheduler that can be used, or refuse it.

    Parameters
    ----------
    scheduler : FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler, or a multistep
        solver (DPMSolverMultistepScheduler, UniPCMultistepScheduler) with
        prediction_type="flow_prediction" and use_flow_sigmas=True.

    Raises
    ------
    ConfigError : it would draw random numbers, which depend on the tile, or follows no flow.
    """
    flow: Any = FlowMatchEulerDiscreteScheduler() if scheduler is None else scheduler
    name = type(flow).__name__
    config = dict(flow.config)
    is_flow = name in _FLOWS or (
        config.get("prediction_type") == "flow_prediction" and bool(config.get("use_flow_sigmas")))
    require(is_flow, f"scheduler {name} follows no flow; pass a FlowMatch scheduler, or a "
            "multistep solver with prediction_type='flow_prediction' and use_flow_sigmas=True")
    is_random = bool(config.get("stochastic_sampling")) or "LCM" in name or str(
        config.get("algorithm_type", "")).startswith("sde")
    require(not is_random, f"scheduler {name} draws random numbers, which would depend on the "
            "tile; pass a deterministic one")
    return flow
