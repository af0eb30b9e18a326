"""Residuals of cells of which some are known: conditional Gaussian."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lithogen.diffusion.lattice import N_RESIDUALS


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
    """Return the Gaussian log likelihood of the known residuals of cells, (n,).

    Parameters
    ----------
    parameters : Tensor, shape (n, N_AFFINE)
        Of `affine`.
    known, has : Tensor, shape (n, 3)
        Residuals, and which of them are known.
    """
    mask = has.float()
    gap = torch.where(has, known - parameters[:, :N_RESIDUALS], 0.0)
    whole = covariance(parameters)
    inner = whole * mask[:, :, None] * mask[:, None, :] + torch.diag_embed(1.0 - mask)
    solved = torch.linalg.solve(inner, gap[..., None])[..., 0]
    constant = mask.sum(dim=1) * math.log(2.0 * math.pi)
    log_det = torch.linalg.slogdet(inner)[1]
    likelihood: Tensor = -0.5 * ((gap * solved).sum(dim=1) + log_det + constant)
    return likelihood
