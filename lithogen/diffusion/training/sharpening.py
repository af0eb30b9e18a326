"""Sharper chances of facies, for rows that are drawn beside drawn ones."""

from __future__ import annotations

import torch
from torch import Tensor

from lithogen.diffusion.lattice import LEVELS
from lithogen.diffusion.network import RowNetwork

# Rows so far apart or nearer are sharpened; facies so rare count as not rarer.
SHARPEN_MS, LEAST_SHARE = 32, 1e-4
# Away from equal chances (0) sharpening adds to frequent facies, away from their shares (1) to
# rare ones; so much between them it leaves the shares of worlds as they are.
BALANCE = 0.6


def sharpen(model: RowNetwork, factor: float, shares: Tensor) -> None:
    """Make chances of facies sharper, at rows up to `SHARPEN_MS` apart.

    Known rows that are drawn are not quite those of training, and each level that sees them is a
    little less sure than it would be of true ones.

    Parameters
    ----------
    model : RowNetwork
        Changed in place.
    factor : float
        On ln of chances, less that of shares to the power of `BALANCE`; 1 changes nothing.
    shares : Tensor, shape (N_FACIES,)
        Of facies among all cells.
    """
    if factor == 1.0:
        return
    part = slice(next(level.number for level in LEVELS if level.stride <= SHARPEN_MS), None)
    with torch.no_grad():
        model.facies_weight[part] *= factor
        model.facies_bias[part] *= factor
        model.facies_bias[part] += (
            (1.0 - factor) * BALANCE * shares.clamp(min=LEAST_SHARE).log())
