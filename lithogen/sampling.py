"""Deterministic sampling: explicit noise levels, and Euler steps that keep the variance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
    FlowMatchEulerDiscreteSchedulerOutput,
)
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from torch import Tensor

from lithogen.conditioning import N_CODE
from lithogen.errors import require
from lithogen.models.litho_net import LithoNet

DEFAULT_STEPS = 4
FIRST_LEVEL, LAST_LEVEL = 0.95, 0.5
TIME_SHIFT = 3.0
_FLOWS = ("AngleEulerScheduler", "FlowMatchEulerDiscreteScheduler",
          "FlowMatchHeunDiscreteScheduler")


class AngleEulerScheduler(FlowMatchEulerDiscreteScheduler):
    """Euler steps of a flow along the angle atan2(sigma, 1 - sigma), on scaled latents.

    On the straight path a Gaussian of unit variance shrinks and grows again, and Euler steps lose
    much of its variance when they are few. Divided by hypot(sigma, 1 - sigma) it stays as it is:
    then steps of any size keep it, and elastic residuals are close to Gaussian.

    Source: Lu and Song (2024), Simplifying, stabilizing and scaling continuous-time consistency
    models, section 3: the trigonometric flow of which this is the reparametrisation.
    """

    _step_index: Any

    def step(  # type: ignore[override]
        self, model_output: Tensor, timestep: Tensor, sample: Tensor, *_: Any,
        return_dict: bool = True, **__: Any,
    ) -> tuple[Tensor] | FlowMatchEulerDiscreteSchedulerOutput:
        """Take one step.

        Parameters
        ----------
        model_output : velocity (sample - clean) / sigma. timestep : as in `timesteps`.
        sample : latent at that noise level.

        Returns
        -------
        The latent at the next noise level, in a tuple or in diffusers' output.
        """
        if self.step_index is None:
            self._init_step_index(timestep)  # type: ignore[arg-type]
        place = self._step_index
        now, then = (float(self.sigmas[place + k]) for k in (0, 1))
        turn = math.atan2(then, 1.0 - then) - math.atan2(now, 1.0 - now)
        size, next_size = math.hypot(now, 1.0 - now), math.hypot(then, 1.0 - then)
        own = next_size * (1.0 - turn * (2.0 * now - 1.0)) / size
        out = sample * own
        out.add_(model_output, alpha=next_size * turn * size)
        self._step_index = place + 1
        if not return_dict:
            return (out,)
        return FlowMatchEulerDiscreteSchedulerOutput(prev_sample=out)  # type: ignore[arg-type]


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

    def put_noisy(self, latent: Tensor, noise: Tensor, sigma: float) -> None:
        """Write what is known into a latent of a noise level, in place.

        Parameters
        ----------
        latent, noise : (1, iline, xline, twt, n_latent). sigma : noise level 0..1.
        """
        i, j, k = self.index.T
        found, start = latent[0, i, j, k], noise[0, i, j, k]
        wanted = (1.0 - sigma) * self.latent + sigma * start
        latent[0, i, j, k] = torch.where(self.latent.isnan(), found, wanted)


def denoise(
    model: LithoNet, noise: Tensor, condition: Tensor, controls: Tensor, steps: int,
    scheduler: SchedulerMixin | None = None, *, wells: Tensor | None = None,
    known: Known | None = None, is_decided: bool = False,
) -> Tensor:
    """Integrate the flow from noise to a clean latent.

    Parameters
    ----------
    model : denoiser in evaluation mode; what it returns is overwritten.
    noise : start, (batch, iline, xline, twt, n_latent), N(0, 1).
    condition, controls, wells : as in `LithoNet.forward`.
    steps : network evaluations.
    scheduler : a deterministic flow-matching scheduler of diffusers, see `checked_scheduler`; by
        default that of `default_scheduler`, at `noise_levels`.
    known : voxels whose clean latent is replaced at every step; batch 1.
    is_decided : the last of the Euler steps answers with the residuals of the likeliest facies, if
        the model says them, instead of with their mean over facies (docs/stage1.md).

    Returns
    -------
    Clean latent, like `noise`. No random number is drawn.

    Raises
    ------
    ConfigError : a scheduler that draws random numbers or does not follow a flow.
    """
    flow = checked_scheduler(scheduler or default_scheduler(model))
    levels = _scheduled(flow, model, steps, noise.device)
    # The standardised latent has mean 0 and variance 1.
    is_angle = isinstance(flow, AngleEulerScheduler)
    latent = noise * (math.hypot(levels[0], 1.0 - levels[0]) if is_angle else levels[0])
    for place, (sigma, timestep) in enumerate(zip(levels, flow.timesteps, strict=True)):
        if known is not None:
            known.put_noisy(latent, noise, sigma)
        level = torch.full((noise.shape[0],), sigma, device=noise.device)
        is_last = place == len(levels) - 1
        # A last Euler step ends where the network says.
        ending = ({"is_decided": True} if is_last and is_decided and _can_decide(model, flow)
                  else {})
        clean: Tensor = model(latent, level, condition, controls, wells, **ending)
        if known is not None:
            known.put(clean)
        if is_last and type(flow) is FlowMatchEulerDiscreteScheduler:
            # The last Euler step, to noise level 0, ends at the clean latent.
            return clean
        code = clean[..., :N_CODE].clone() if is_last and is_angle else None
        # The clean latent is not needed any more, and volumes are large: work in it.
        velocity = clean.sub_(latent).div_(-sigma)
        latent = flow.step(velocity, timestep, latent, return_dict=False)[0]
        if code is not None:
            # Facies are decided; residuals keep their variance.
            latent[..., :N_CODE] = code
    if known is not None:
        known.put(latent)
    return latent


def _scheduled(flow: Any, model: LithoNet, steps: int, device: torch.device) -> list[float]:
    """Set the timesteps of a scheduler and return their noise levels."""
    if isinstance(flow, FlowMatchEulerDiscreteScheduler):
        flow.set_timesteps(sigmas=_levels(model, steps), device=device)
    else:
        flow.set_timesteps(steps, device=device)
    scale = float(flow.config.num_train_timesteps)
    return [float(timestep) / scale for timestep in flow.timesteps]


def _levels(model: LithoNet, steps: int) -> list[float]:
    """Noise levels that a model was distilled to, if it has as many, else the usual ones."""
    own = _distilled(model)
    return own if len(own) == steps else noise_levels(steps)


def _distilled(model: LithoNet) -> list[float]:
    """Noise levels that a model was distilled to, empty for none."""
    return list(_config(model).get("levels", ()))


def _can_decide(model: LithoNet, flow: Any) -> bool:
    """Whether a model says residuals for every facies, and the scheduler ends with its answer."""
    is_euler = isinstance(flow, FlowMatchEulerDiscreteScheduler)
    return is_euler and bool(_config(model).get("given", False))


def _config(model: LithoNet) -> dict[str, Any]:
    config = getattr(model, "config", None)
    return {} if config is None else dict(config)


def default_scheduler(model: LithoNet) -> SchedulerMixin:
    """Return the scheduler of a model: straight steps where it was distilled, else angle steps.

    A distilled model knows the end of every path, which is straight: then straight steps are exact.
    """
    found: SchedulerMixin = (
        FlowMatchEulerDiscreteScheduler() if _distilled(model) else AngleEulerScheduler())
    return found


def checked_scheduler(scheduler: SchedulerMixin) -> Any:
    """Return a scheduler that can be used, or refuse it.

    Parameters
    ----------
    scheduler : AngleEulerScheduler, FlowMatchEulerDiscreteScheduler,
        FlowMatchHeunDiscreteScheduler, or a multistep solver (DPMSolverMultistepScheduler,
        UniPCMultistepScheduler) with prediction_type="flow_prediction" and use_flow_sigmas=True.

    Raises
    ------
    ConfigError : it would draw random numbers, which depend on the tile, or follows no flow.
    """
    flow: Any = scheduler
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
