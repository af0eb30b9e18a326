"""Schedulers of the flow: steps that keep the variance, and noise that is renewed on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
    FlowMatchEulerDiscreteSchedulerOutput,
)
from torch import Tensor

from lithogen.latent import N_CODE

# Where facies are decided noise of elastic channels can be renewed: latents go on to the second
# level and come back, with fresh noise, to that of the run nearest to the first. Only a level
# between 0.5 and 0.9 will do.
RENEWED, BEYOND = 0.8, 0.45
_RENEWABLE = (0.5, 0.9)
FRESH_LINES = 8
ELASTIC = slice(N_CODE, None)
# Noise of elastic channels for a range of lines, (batch, lines, xline, twt, channel).
Fresh = Callable[[slice], Tensor]


class RenewingScheduler(FlowMatchEulerDiscreteScheduler):
    """A flow whose noise of elastic channels is renewed on the way.

    With `fresh`, a function that returns N(0, 1) noise of the elastic channels for some lines of a
    sample, they go on beyond the level chosen by `renewed_place` to level `BEYOND` and turn back
    into fresh noise: what earlier answers got wrong is forgotten in part and decided again. Facies
    keep their noise. `scales` holds the standard deviation of every channel in the flow.
    `denoise` sets both.

    Source: Karras et al. (2022), Elucidating the design space of diffusion-based generative models,
    section 4: added noise corrects errors of earlier steps.
    """

    _step_index: Any
    scales: Tensor | float = 1.0
    fresh: Fresh | None = None

    def step(  # type: ignore[override]
        self, model_output: Tensor, timestep: Tensor, sample: Tensor, *_: Any,
        return_dict: bool = True, **__: Any,
    ) -> tuple[Tensor] | FlowMatchEulerDiscreteSchedulerOutput:
        """Take one step.

        Parameters
        ----------
        model_output : velocity (sample - clean) / sigma. timestep : as in `timesteps`.
        sample : latent at that noise level; overwritten.

        Returns
        -------
        The latent at the next noise level, in a tuple or in diffusers' output.
        """
        if self.step_index is None:
            self._init_step_index(timestep)  # type: ignore[arg-type]
        place = self._step_index
        now, then = (float(self.sigmas[place + k]) for k in (0, 1))
        scales = torch.as_tensor(self.scales, dtype=torch.float64).expand(sample.shape[-1])
        # Volumes are large: work in the one given.
        if self.fresh is not None and place + 1 == renewed_place(self.sigmas.tolist()):
            for channels, level in ((slice(N_CODE), then), (ELASTIC, BEYOND)):
                inside = (..., channels)
                self.move(sample[inside], model_output[inside], now, level, scales[channels])
            turn_back(sample, self.fresh, then, scales)
        else:
            self.move(sample, model_output, now, then, scales)
        self._step_index = place + 1
        if not return_dict:
            return (sample,)
        return FlowMatchEulerDiscreteSchedulerOutput(prev_sample=sample)  # type: ignore[arg-type]

    def move(
        self, sample: Tensor, velocity: Tensor, now: float, then: float, scales: Tensor
    ) -> None:
        """Take a latent from level `now` to level `then`, in place."""
        raise NotImplementedError


class StraightEulerScheduler(RenewingScheduler):
    """Euler steps along the straight path, as FlowMatchEulerDiscreteScheduler takes them."""

    def move(
        self, sample: Tensor, velocity: Tensor, now: float, then: float, scales: Tensor
    ) -> None:
        """Take a latent from level `now` to level `then`, in place."""
        sample.add_(velocity, alpha=then - now)


class AngleEulerScheduler(RenewingScheduler):
    """Euler steps of a flow along the angle atan2(sigma, 1 - sigma), on scaled latents.

    On the straight path a Gaussian of unit variance shrinks and grows again, and Euler steps lose
    much of its variance when they are few. Divided by hypot(sigma, 1 - sigma) it stays as it is:
    then steps of any size keep it, and elastic residuals are close to Gaussian. A channel of
    another standard deviation turns by its own angle atan2(sigma, (1 - sigma) scale).

    Source: Lu and Song (2024), Simplifying, stabilizing and scaling continuous-time consistency
    models, section 3: the trigonometric flow of which this is the reparametrisation.
    """

    def move(
        self, sample: Tensor, velocity: Tensor, now: float, then: float, scales: Tensor
    ) -> None:
        """Take a latent from level `now` to level `then`, in place."""
        angle, next_angle = (flow_angle(level, scales) for level in (now, then))
        size, next_size = (flow_size(level, scales) for level in (now, then))
        turn = next_angle - angle
        # The latent is (1 - now) clean + now noise, and the velocity noise - clean.
        by_latent = next_size * (1.0 / size + turn * (angle.cos() - angle.sin() / scales))
        by_output = next_size * turn * ((1.0 - now) * angle.cos() + now * angle.sin() / scales)
        sample.mul_(by_latent.to(sample)).addcmul_(velocity, by_output.to(sample))


def turn_back(latent: Tensor, fresh: Fresh, level: float, scales: Tensor) -> None:
    """Bring elastic channels of level `BEYOND` back to a higher one with fresh noise, in place.

    Parameters
    ----------
    latent : (batch, iline, xline, twt, n_latent). fresh : returns N(0, 1) noise of those channels
        for some of its lines. level : above `BEYOND`.
    scales : standard deviation of every channel in the flow, float64 (n_latent,).
    """
    power = scales[ELASTIC]
    back = flow_angle(level, power) - flow_angle(BEYOND, power)
    size = flow_size(level, power)
    kept = (back.cos() * size / flow_size(BEYOND, power)).to(latent)
    share = (back.sin() * size).to(latent)
    # Volumes are large: a few lines of fresh noise at a time.
    for first in range(0, latent.shape[1], FRESH_LINES):
        lines = slice(first, min(first + FRESH_LINES, latent.shape[1]))
        latent[:, lines, ..., ELASTIC].mul_(kept).addcmul_(fresh(lines), share)


def flow_angle(sigma: float, scales: Tensor) -> Tensor:
    """Angle of channels of some standard deviations at a noise level."""
    return torch.atan2(torch.full_like(scales, sigma), (1.0 - sigma) * scales)


def flow_size(sigma: float, scales: Tensor) -> Tensor:
    """Standard deviation of channels at a noise level."""
    return torch.hypot(torch.full_like(scales, sigma), (1.0 - sigma) * scales)


def renewed_place(levels: Sequence[float]) -> int | None:
    """Return which of falling noise levels is reached with fresh noise, None for none.

    Examples
    --------
    >>> renewed_place([0.98, 0.92, 0.8, 0.35]), renewed_place([0.98, 0.35])
    (2, None)
    """
    low, high = _RENEWABLE
    far = {place: abs(_log_odds(level) - _log_odds(RENEWED))
           for place, level in enumerate(levels) if place and low < level < high}
    return min(far, key=lambda place: far[place]) if far else None


def _log_odds(level: float) -> float:
    return float(np.log(level / (1.0 - level)))
