"""Building blocks without spatial statistics: a voxel depends on its surroundings only.

No group or batch normalisation and no attention: a window cut out of a larger volume sees
the same numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from lithogen.models.convolution import Convolution


class ChannelNorm(nn.Module):
    """RMS normalisation over channels, voxel by voxel.

    Source: Zhang and Sennrich (2019), Root mean square layer normalization.
    """

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_channels))

    def forward(self, hidden: Tensor) -> Tensor:
        """Normalise (batch, channel, iline, xline, twt)."""
        last = hidden.permute(0, 2, 3, 4, 1)
        weight = self.weight.to(last.dtype)
        out: Tensor = functional.rms_norm(last, (last.shape[-1],), weight, 1e-5)
        return to_channels_first(out)


class ConvBlock(nn.Module):
    """Two dense convolutions with a modulated residual connection (FiLM).

    Parameters
    ----------
    n_channels : width. n_embedding : size of the embedding that modulates it.
    kernels : odd extents (iline, xline, twt) of the two convolutions.

    Source: Perez et al. (2018), FiLM: visual reasoning with a general conditioning layer.
    """

    def __init__(
        self, n_channels: int, n_embedding: int,
        kernels: Sequence[Sequence[int]] = ((3, 3, 3), (3, 3, 3)),
    ) -> None:
        super().__init__()
        first, second = ((int(k[0]), int(k[1]), int(k[2])) for k in kernels)
        self.norm1 = ChannelNorm(n_channels)
        self.conv1 = Convolution(n_channels, first)
        self.norm2 = ChannelNorm(n_channels)
        self.conv2 = Convolution(n_channels, second)
        self.film = nn.Linear(n_embedding, 2 * n_channels)
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)
        nn.init.zeros_(self.conv2.weight)
        self.is_columnar = first[:2] == second[:2] == (1, 1)

    def forward(self, hidden: Tensor, embedding: Tensor) -> Tensor:
        """Transform (batch, channel, iline, xline, twt) under an embedding (batch, n)."""
        scale, shift = self.film(embedding)[:, :, None, None, None].chunk(2, dim=1)
        inner = self.conv1(functional.silu(self.norm1(hidden)))
        inner = torch.addcmul(shift.to(inner.dtype), self.norm2(inner), 1 + scale.to(inner.dtype))
        in_place = not torch.is_grad_enabled()
        more = self.conv2(functional.silu(inner, inplace=in_place))
        out: Tensor = more.add_(hidden) if in_place else hidden + more
        return out


def through(blocks: nn.ModuleList, hidden: Tensor, embedding: Tensor) -> Tensor:
    """Take (batch, channel, iline, xline, twt) through blocks, one after the other.

    Without gradients, blocks that look along twt only are worked through line by line: what a line
    holds stays in the cache from the first block to the last.
    """
    is_apart = not torch.is_grad_enabled() and hidden.device.type == "cpu" and len(blocks) > 0 and (
        all(block.is_columnar for block in blocks))
    if not is_apart:
        for block in blocks:
            hidden = block(hidden, embedding)
        return hidden
    out = torch.empty_like(hidden)
    for line in range(hidden.shape[2]):
        part = hidden[:, :, line:line + 1]
        for block in blocks:
            part = block(part, embedding)
        out[:, :, line:line + 1] = part
    return out


class SigmaEmbedding(nn.Module):
    """Fourier features of the noise level, and a small network that joins the scenario to them."""

    def __init__(self, n_controls: int, n_embedding: int) -> None:
        super().__init__()
        self.frequency: Tensor
        self.register_buffer("frequency", 2.0 ** torch.arange(6).float() * torch.pi / 2)
        self.mix = nn.Sequential(
            nn.Linear(12 + n_controls, n_embedding),
            nn.SiLU(),
            nn.Linear(n_embedding, n_embedding),
            nn.SiLU(),
        )

    def forward(self, sigma: Tensor, controls: Tensor) -> Tensor:
        """Embed sigma (batch,) in 0..1 and controls (batch, n_controls) -> (batch, n)."""
        angle = sigma[:, None].float() * self.frequency[None]
        joined: Tensor = self.mix(torch.cat([angle.sin(), angle.cos(), controls.float()], dim=1))
        return joined


def to_channels_first(tokens: Tensor) -> Tensor:
    """View (batch, iline, xline, twt, channel) as (batch, channel, iline, xline, twt)."""
    return tokens.permute(0, 4, 1, 2, 3)


def to_channels_last(hidden: Tensor) -> Tensor:
    """View (batch, channel, iline, xline, twt) as (batch, iline, xline, twt, channel)."""
    return hidden.permute(0, 2, 3, 4, 1)


def space_to_depth(volume: Tensor, patch: tuple[int, int, int]) -> Tensor:
    """Fold patches of voxels into channels.

    Parameters
    ----------
    volume : (batch, iline, xline, twt, channel), sizes divisible by `patch`.

    Returns
    -------
    (batch, iline / p0, xline / p1, twt / p2, channel * prod(patch)).
    """
    b, ni, nj, nk, c = volume.shape
    p, q, r = patch
    folded = volume.reshape(b, ni // p, p, nj // q, q, nk // r, r, c)
    return folded.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(
        b, ni // p, nj // q, nk // r, p * q * r * c
    )


def depth_to_space(tokens: Tensor, patch: tuple[int, int, int]) -> Tensor:
    """Undo `space_to_depth`: (batch, ..., channel * prod(patch)) -> (batch, ..., channel)."""
    p, q, r = patch
    b, ni, nj, nk, c = tokens.shape
    c = c // (p * q * r)
    unfolded = tokens.reshape(b, ni, nj, nk, p, q, r, c).permute(0, 1, 4, 2, 5, 3, 6, 7)
    return unfolded.reshape(b, ni * p, nj * q, nk * r, c)


@functools.cache
def lift_weights(n_token: int, step: int) -> Tensor:
    """Return weights that interpolate tokens linearly at the centres of their voxels.

    Parameters
    ----------
    n_token : tokens along an axis. step : voxels per token. Beyond the centres of the outer
        tokens the outer token speaks alone.

    Returns
    -------
    float32 (n_token * step, n_token), rows sum to 1.
    """
    place = _centres(n_token, step)
    return (1.0 - (place[:, None] - torch.arange(n_token)[None, :]).abs()).clamp(min=0.0)


def lift_places(
    n_token: int, step: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Return the tokens before and after every voxel and the share of the second, as above."""
    place = _centres(n_token, step)
    before = place.floor().to(torch.int32)
    after = (before + 1).clamp(max=n_token - 1)
    return before.numpy(), after.numpy(), (place - before).numpy()


def _centres(n_token: int, step: int) -> Tensor:
    return ((torch.arange(n_token * step) + 0.5) / step - 0.5).clamp(0, n_token - 1)
