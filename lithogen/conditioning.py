"""What the network is told and what it says: condition maps, controls, and the latent code."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.grid import Spacing, Window
from lithogen.noise import N_NOISE_WEIGHTS, NoiseWeights
from lithogen.rockphysics.facies import N_FACIES
from lithogen.rockphysics.trends import RESIDUALS
from lithogen.scenario import N_CONTROLS, Scenario
from lithogen.structure import Conditions

AGE_PERIODS_MS = (32.0, 64.0, 128.0, 384.0)
N_CONDITION = 2 * len(AGE_PERIODS_MS) + 6
N_CODE = N_FACIES - 1
N_LATENT = N_CODE + len(RESIDUALS)
N_ALL_CONTROLS = N_CONTROLS + N_NOISE_WEIGHTS


def condition_maps(fields: Conditions, window: Window, spacing: Spacing) -> Tensor:
    """Return what the network is told about every voxel.

    Parameters
    ----------
    fields : structure on the window.
    window, spacing : where it lies; gives the depth channel.

    Returns
    -------
    float32 (n_iline, n_xline, n_twt, 14): sine and cosine of age at four periods, log
    rate of age, fault likelihood, throw, channel share, sand-filled share, depth.
    """
    n_twt = window.shape[2]
    twt_s = (window.origin[2] + torch.arange(n_twt, dtype=torch.float32)) * spacing.dt_s
    # The longest period is a multiple of the others: reducing first loses nothing and keeps bits.
    age = torch.remainder(fields.age, AGE_PERIODS_MS[-1])
    maps = []
    for period in AGE_PERIODS_MS:
        angle = age * (2 * np.pi / period)
        maps += [angle.sin(), angle.cos()]
    maps += [
        fields.rate.clamp(min=0.05).log().clamp(-1.5, 2.5),
        2.0 * fields.fault,
        (fields.throw_ms / 30.0).clamp(max=3.0),
        2.0 * fields.channel,
        2.0 * fields.sand_channel,
        (twt_s - 1.0).expand_as(age),
    ]
    return torch.stack(maps, dim=-1)


def control_vector(scenario: Scenario, weights: NoiseWeights) -> Tensor:
    """Return scenario controls and the square roots of the noise weights, float32 (17,)."""
    shares = np.sqrt(np.asarray(weights.as_tuple(), dtype=np.float32))
    return torch.from_numpy(np.concatenate([scenario.vector(), 2.0 * shares - 0.5]))


def simplex_code() -> NDArray[np.float32]:
    """Return the vertices of a regular simplex, (n_facies, n_facies - 1), unit length.

    Every pair of facies is equally far apart, so no order among them is invented.
    """
    centred = np.eye(N_FACIES) - 1.0 / N_FACIES
    basis, _ = np.linalg.qr(centred[:, :N_CODE])
    vertices = centred @ basis
    vertices *= np.sign(vertices[np.arange(N_CODE), np.arange(N_CODE)])[None, :]
    vertices /= np.linalg.norm(vertices, axis=1, keepdims=True)
    return np.asarray(np.round(vertices, 6), dtype=np.float32)


def encode_latent(
    facies: NDArray[np.int8], residual: NDArray[np.float32], mean: Tensor, std: Tensor
) -> Tensor:
    """Return the standardised latent (..., n_latent) of facies and residuals (3, ...)."""
    code = torch.from_numpy(simplex_code())[torch.from_numpy(facies.astype(np.int64))]
    units = torch.from_numpy(residual).movedim(0, -1)
    return (torch.cat([code, units], dim=-1) - mean) / std


def decode_latent(
    latent: Tensor, mean: Tensor, std: Tensor
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return facies codes (...) int8 and residuals (3, ...) float32 of a latent (..., n_latent)."""
    raw = latent.float() * std + mean
    vertices = torch.from_numpy(simplex_code())
    score = raw[..., :N_CODE] @ vertices.T
    facies = score.argmax(-1).to(torch.int8)
    return facies.numpy(), raw[..., N_CODE:].movedim(-1, 0).contiguous().numpy()
