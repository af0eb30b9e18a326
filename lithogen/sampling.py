"""Deterministic sampling at explicit noise levels."""

from __future__ import annotations

from collections.abc import Sequence
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
from lithogen.latent import CODE_TRUST, N_CODE, RESIDUAL_TRUST
from lithogen.models.litho_net import LithoNet
from lithogen.schedulers import (
    AngleEulerScheduler,
    Fresh,
    RenewingScheduler,
    StraightEulerScheduler,
    flow_size,
)

DEFAULT_STEPS = 4
# Noise levels of four steps: at the first two it is decided how strongly beds differ, at the third
# facies, at the last elastic values. Other numbers of steps lie between them.
LEVELS = (0.98, 0.92, 0.8, 0.35)
_FLOWS = ("AngleEulerScheduler", "StraightEulerScheduler", "FlowMatchEulerDiscreteScheduler",
          "FlowMatchHeunDiscreteScheduler")


def noise_levels(steps: int) -> list[float]:
    """Return the noise levels of a run, falling; the scheduler adds the final 0.

    Parameters
    ----------
    steps : number of network evaluations, 1 to 64.

    Notes
    -----
    Above the first of `LEVELS` the noise hides everything, so that the network can only answer with
    the mean, which is 0. Log odds of other numbers of steps lie on the polygon through `LEVELS`.

    Raises
    ------
    ConfigError : steps out of range.

    Examples
    --------
    >>> noise_levels(4)
    [0.98, 0.92, 0.8, 0.35]
    """
    require(1 <= steps <= 64, f"steps is {steps}, wanted 1 to 64")
    if steps == 1:
        return [LEVELS[2]]
    known = np.array(LEVELS)
    odds = np.interp(np.linspace(0.0, len(known) - 1.0, steps), np.arange(len(known)),
                     np.log(known / (1.0 - known)))
    return [round(float(level), 6) for level in 1.0 / (1.0 + np.exp(-odds))]


@dataclass(frozen=True, slots=True)
class Known:
    """Voxels whose latent is known, for replacement while sampling.

    Parameters
    ----------
    index : places (batch, iline, xline, twt), int64 (n, 4).
    latent : standardised, (n, n_latent), NaN in channels that are unknown.
    """

    index: Tensor
    latent: Tensor

    def to(self, device: torch.device) -> Known:
        """Return it on a device."""
        return Known(self.index.to(device), self.latent.to(device))

    def put(self, clean: Tensor) -> None:
        """Write what is known into a clean latent, (batch, iline, xline, twt, n_latent)."""
        at = self.index.unbind(1)
        clean[at] = torch.where(self.latent.isnan(), clean[at], self.latent)

    def put_noisy(self, latent: Tensor, noise: Tensor, sigma: float) -> None:
        """Write what is known into a latent of a noise level, in place.

        Parameters
        ----------
        latent, noise : (batch, iline, xline, twt, n_latent). sigma : noise level 0..1.
        """
        at = self.index.unbind(1)
        wanted = (1.0 - sigma) * self.latent + sigma * noise[at]
        latent[at] = torch.where(self.latent.isnan(), latent[at], wanted)


def denoise(
    model: LithoNet, noise: Tensor, condition: Tensor, controls: Tensor, steps: int,
    scheduler: SchedulerMixin | None = None, *, wells: Tensor | None = None,
    known: Known | None = None, is_spent: bool = False,
    fresh: Fresh | None = None, begun: Tensor | None = None,
    levels: Sequence[float] | None = None,
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
    known : voxels whose clean latent is replaced at every step.
    is_spent : the noise is not needed any more and may be overwritten; ignored with `known`.
    fresh : returns other noise of elastic channels for a range of lines, (batch, lines, xline, twt,
        channel), with which `lithogen.schedulers` renew theirs on the way; without it none do.
    begun : latent at the first of `levels` to go on from, else pure noise.
    levels : noise levels to use instead of those of so many steps, falling, above 0.

    Returns
    -------
    Clean latent, like `noise`. No random number is drawn.

    Raises
    ------
    ConfigError : a scheduler that draws random numbers or does not follow a flow.
    """
    flow = checked_scheduler(scheduler or default_scheduler(model))
    is_spent = is_spent and known is None
    levels = _scheduled(flow, model, steps, noise.device, levels)
    is_angle = isinstance(flow, AngleEulerScheduler)
    size: Tensor | float = levels[0]
    if isinstance(flow, RenewingScheduler):
        flow.scales, flow.fresh = _scales(model), fresh
    if is_angle:
        # What is not noise has mean 0 and is unknown yet; noise stands for its variance too.
        size = flow_size(levels[0], torch.as_tensor(flow.scales).double()).to(noise)
    start = noise.mul_ if is_spent else noise.mul
    latent = start(size) if begun is None else begun.clone()
    told = {"told": model.told(condition, wells)} if hasattr(model, "told") else {}
    for place, (sigma, timestep) in enumerate(zip(levels, flow.timesteps, strict=True)):
        if known is not None:
            known.put_noisy(latent, noise, sigma)
        level = torch.full((noise.shape[0],), sigma, device=noise.device)
        is_last = place == len(levels) - 1
        clean: Tensor = model(latent, level, condition, controls, wells, **told)
        if known is not None:
            known.put(clean)
        straight = None
        if is_angle and wells is not None:
            then = 0.0 if is_last else levels[place + 1]
            straight = torch.lerp(clean, latent, then / sigma)
        if is_last and type(flow) in (FlowMatchEulerDiscreteScheduler, StraightEulerScheduler):
            # The last Euler step, to noise level 0, ends at the clean latent.
            return clean
        if is_last and is_angle:
            _finish(flow, latent, clean, sigma, timestep)
            _trust_wells(latent, straight, wells)
            break
        # The clean latent is not needed any more, and volumes are large: work in it.
        velocity = clean.sub_(latent).div_(-sigma)
        latent = flow.step(velocity, timestep, latent, return_dict=False)[0]
        # The network makes the next one: what it takes the place of must not be held meanwhile.
        del clean, velocity
        _trust_wells(latent, straight, wells)
    if known is not None:
        known.put(latent)
    return latent


def _trust_wells(latent: Tensor, straight: Tensor | None, wells: Tensor | None) -> None:
    """Let latents follow the straight path as far as wells say where it ends, in place.

    A step along the angle is exact where nothing is known of the clean latent, a straight one where
    all is; what a well tells of a voxel is about the square of its confidence of the variance.
    """
    if straight is None or wells is None:
        return
    for part, channel in ((slice(N_CODE), CODE_TRUST), (slice(N_CODE, None), RESIDUAL_TRUST)):
        share = wells[..., channel, None].square()
        latent[..., part].lerp_(straight[..., part], share)


def _finish(
    flow: AngleEulerScheduler, latent: Tensor, clean: Tensor, sigma: float, timestep: Tensor
) -> None:
    """Take the last angle step, in place: facies are decided, residuals keep their variance."""
    rest = (..., slice(N_CODE, None))
    if isinstance(flow.scales, Tensor):
        flow.scales = flow.scales[N_CODE:]
    velocity = clean[rest].sub_(latent[rest]).div_(-sigma)
    flow.step(velocity, timestep, latent[rest])
    latent[..., :N_CODE] = clean[..., :N_CODE]


def _scheduled(
    flow: Any, model: LithoNet, steps: int, device: torch.device, levels: Sequence[float] | None
) -> list[float]:
    """Set the timesteps of a scheduler and return their noise levels."""
    if isinstance(flow, FlowMatchEulerDiscreteScheduler):
        flow.set_timesteps(sigmas=list(levels or _levels(model, steps)), device=device)
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


def _scales(model: LithoNet) -> Tensor | float:
    """Standard deviation of every latent channel of a model in the flow."""
    found = getattr(model, "channel_scale", 1.0)
    return found if isinstance(found, Tensor) else 1.0


def _config(model: LithoNet) -> dict[str, Any]:
    config = getattr(model, "config", None)
    return {} if config is None else dict(config)


def default_scheduler(model: LithoNet) -> SchedulerMixin:
    """Return the scheduler of a model: straight steps where it was distilled, else angle steps.

    A distilled model knows the end of every path, which is straight: then straight steps are exact.
    """
    found: SchedulerMixin = AngleEulerScheduler()
    if _distilled(model):
        is_renewed = bool(_config(model).get("renewed"))
        found = StraightEulerScheduler() if is_renewed else FlowMatchEulerDiscreteScheduler()
    return found


def checked_scheduler(scheduler: SchedulerMixin) -> Any:
    """Return a scheduler that can be used, or refuse it.

    Parameters
    ----------
    scheduler : AngleEulerScheduler, StraightEulerScheduler, FlowMatchEulerDiscreteScheduler,
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
