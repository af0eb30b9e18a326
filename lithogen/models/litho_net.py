"""LithoNet: the denoiser of stage 1, a bounded-view convolutional network on voxels."""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.functional import silu

from lithogen.models.blocks import (
    ChannelNorm,
    ConvBlock,
    SigmaEmbedding,
    depth_to_space,
    space_to_depth,
    to_channels_first,
    to_channels_last,
)


class LithoNet(ModelMixin, ConfigMixin):
    """Predict the clean latent from a noisy one and the structure it lies in.

    Parameters
    ----------
    n_latent : channels of the latent (facies code and elastic residuals).
    n_condition : channels of the structure maps.
    n_controls : length of the vector of scenario controls and noise weights.
    patch : voxels folded into one token per axis (iline, xline, twt). Strata change some seven
        times faster along time than along lines, so patches are wide and one sample thin.
    coarsen : tokens folded into one cell of the second level, per axis.
    widths : channels of tokens and of cells.
    n_blocks : blocks before, at and after the second level.
    n_voxel : channels of the voxel level, a network of one hidden layer that joins what a
        voxel itself holds to what its token says.
    n_embedding : size of the embedding of sigma and controls.
    latent_mean, latent_std : standardisation of the latent, kept with the weights.
    """

    config_name = "config.json"  # type: ignore[assignment]

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        n_latent: int = 12,
        n_condition: int = 14,
        n_controls: int = 17,
        patch: tuple[int, int, int] = (4, 4, 1),
        coarsen: tuple[int, int, int] = (1, 1, 4),
        widths: tuple[int, int] = (48, 64),
        n_blocks: tuple[int, int, int] = (1, 3, 1),
        n_voxel: int = 24,
        n_embedding: int = 96,
        latent_mean: tuple[float, ...] = (),
        latent_std: tuple[float, ...] = (),
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.patch = (int(patch[0]), int(patch[1]), int(patch[2]))
        fold = self.patch[0] * self.patch[1] * self.patch[2]
        fine, coarse = widths
        self.embed = SigmaEmbedding(n_controls, n_embedding)
        self.enter = nn.Linear((n_latent + n_condition) * fold, fine)
        self.before = nn.ModuleList(ConvBlock(fine, n_embedding) for _ in range(n_blocks[0]))
        steps = (int(coarsen[0]), int(coarsen[1]), int(coarsen[2]))
        self.stride = tuple(p * c for p, c in zip(self.patch, steps, strict=True))
        self.down = nn.Conv3d(fine, coarse, steps, stride=steps)
        self.middle = nn.ModuleList(ConvBlock(coarse, n_embedding) for _ in range(n_blocks[1]))
        self.up = nn.ConvTranspose3d(coarse, fine, steps, stride=steps)
        self.join = nn.Linear(2 * fine, fine)
        self.after = nn.ModuleList(ConvBlock(fine, n_embedding) for _ in range(n_blocks[2]))
        self.norm = ChannelNorm(fine)
        self.leave = nn.Linear(fine, n_voxel * fold)
        # Without a level of voxels, facies change at the borders of tokens and hardly within.
        self.own = nn.Linear(n_latent + n_condition, n_voxel, bias=False)
        self.film = nn.Linear(n_embedding, 2 * n_voxel)
        self.last = nn.Linear(n_voxel, n_latent)
        # The noisy latent reaches the output directly: at low noise little remains to be learnt.
        self.skip = nn.Linear(n_embedding, n_latent)
        for zero in (self.film, self.last, self.skip):
            nn.init.zeros_(zero.weight)
            nn.init.zeros_(zero.bias)

    def forward(
        self, latent: Tensor, sigma: Tensor, condition: Tensor, controls: Tensor
    ) -> Tensor:
        """Predict the clean latent.

        Parameters
        ----------
        latent : noisy latent, (batch, iline, xline, twt, n_latent).
        sigma : noise level 0..1, (batch,); latent = (1 - sigma) clean + sigma noise.
        condition : structure maps, (batch, iline, xline, twt, n_condition).
        controls : scenario and noise weights, (batch, n_controls).

        Returns
        -------
        Clean latent, like `latent`. Sizes are multiples of `stride`, the voxels per cell.
        """
        embedding = self.embed(sigma, controls)
        voxels = torch.cat([latent, condition.to(latent.dtype)], -1)
        tokens = space_to_depth(voxels, self.patch)
        # 1x1x1 convolutions are matrix products over the last axis: several times faster so.
        fine = to_channels_first(self.enter(tokens))
        for block in self.before:
            fine = block(fine, embedding)
        coarse = self.down(fine)
        for block in self.middle:
            coarse = block(coarse, embedding)
        joined = torch.cat([to_channels_last(fine), to_channels_last(self.up(coarse))], dim=-1)
        fine = to_channels_first(self.join(joined))
        for block in self.after:
            fine = block(fine, embedding)
        said = self.leave(to_channels_last(silu(self.norm(fine))))
        near = self.own(voxels)
        near += depth_to_space(said, self.patch)
        scale, shift = self.film(embedding)[:, None, None, None, :].to(near.dtype).chunk(2, dim=-1)
        # Volumes of voxels are the largest of all: work in place where no gradient needs them.
        near = torch.addcmul(shift, near, 1 + scale)
        out = self.last(silu(near, inplace=not torch.is_grad_enabled()))
        gate = self.skip(embedding)[:, None, None, None, :]
        return torch.addcmul(out, gate.to(out.dtype), latent)
