"""What the network is told: condition maps and controls."""

from __future__ import annotations

import functools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.grid import Spacing, Window
from lithogen.kernels import write_conditions
from lithogen.noise import N_NOISE_WEIGHTS, NoiseWeights
from lithogen.scenario import N_CONTROLS, Scenario
from lithogen.structure import Conditions
from lithogen.structure.bodies import N_FILL

AGE_PERIODS_MS = (32.0, 64.0, 128.0, 384.0)
N_CONDITION = 2 * len(AGE_PERIODS_MS) + 5 + N_FILL
# A flag for known controls, two for the spacing.
N_ALL_CONTROLS = N_CONTROLS + 3 + N_NOISE_WEIGHTS
# Rows of the table of waves over the longest period: steps of 0.05 ms.
N_WAVE_ROWS = 7680


def condition_maps(fields: Conditions, window: Window, spacing: Spacing) -> Tensor:
    """Return what the network is told about every voxel.

    Parameters
    ----------
    fields : structure on the window.
    window, spacing : where it lies; gives the depth channel.

    Returns
    -------
    float32 (n_iline, n_xline, n_twt, `N_CONDITION`): sine and cosine of age at four periods
    (age in steps of 0.05 ms), log rate of age, fault likelihood, throw, environment, depth,
    and what bodies put into the voxel (`BodyFields.fill`).
    """
    n_twt = window.shape[2]
    twt_s = (window.origin[2] + torch.arange(n_twt, dtype=torch.float32)) * spacing.dt_s
    # The longest period is a multiple of the others: reducing first loses nothing and keeps bits.
    turn = torch.remainder(fields.age, AGE_PERIODS_MS[-1])
    place = turn.mul_(N_WAVE_ROWS / AGE_PERIODS_MS[-1]).round_().to(torch.int32)
    columns = (
        fields.rate.clamp(min=0.05).log().clamp(-1.5, 2.5),
        2.0 * fields.fault,
        (fields.throw_ms / 30.0).clamp(max=3.0),
        fields.environment,
    )
    out = np.empty((*fields.age.shape, N_CONDITION), dtype=np.float32)
    write_conditions(
        place.reshape(-1).numpy(), _waves(), tuple(c.reshape(-1).numpy() for c in columns),
        fields.fill.reshape(-1, N_FILL).numpy(), (twt_s - 1.0).numpy(),
        out.reshape(-1, N_CONDITION),
    )
    return torch.from_numpy(out)


@functools.cache
def _waves() -> NDArray[np.float32]:
    """Sines and cosines of age at every step of the longest period, and its end once more."""
    age = np.arange(N_WAVE_ROWS + 1) * (AGE_PERIODS_MS[-1] / N_WAVE_ROWS)
    angle = 2.0 * np.pi * age[:, None] / np.array(AGE_PERIODS_MS)
    waves = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    return np.ascontiguousarray(waves.reshape(len(age), -1), dtype=np.float32)


def control_vector(
    scenario: Scenario | None, weights: NoiseWeights, spacing: Spacing
) -> Tensor:
    """Return what the network is told of the whole world, float32 (`N_ALL_CONTROLS`,).

    Parameters
    ----------
    scenario : its controls, or None where they are unknown.
    weights : shares of the noise; their square roots are given.
    spacing : of the voxels; logarithms of its ratio to the native 25 m and 4 ms are given.
    """
    shares = np.sqrt(np.asarray(weights.as_tuple(), dtype=np.float32))
    known = np.zeros(N_CONTROLS, dtype=np.float32) if scenario is None else scenario.vector()
    native = Spacing()
    scale = [float(scenario is not None), np.log2(spacing.dt_s / native.dt_s),
             np.log2(spacing.dx_m / native.dx_m)]
    return torch.from_numpy(np.concatenate(
        [known, np.asarray(scale, dtype=np.float32), 2.0 * shares - 0.5]))
