"""LithoNet: the denoiser of stage 1, a bounded-view convolutional network on voxels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.functional import linear, silu

from lithogen.models import voxel_kernel
from lithogen.models.blocks import (
    ChannelNorm,
    ConvBlock,
    SigmaEmbedding,
    depth_to_space,
    lift_weights,
    space_to_depth,
    through,
    to_channels_first,
    to_channels_last,
)

# Without gradients, volumes of voxels are worked through in slabs of at most so many.
SLAB_VOXELS = 50_000


class LithoNet(ModelMixin, ConfigMixin):
    """Predict the clean latent from a noisy one and the structure it lies in.

    Voxels are folded into tokens, wide and one sample thin, on which blocks of convolutions work
    before and after a coarser level of cells; tokens then speak to a small network of voxels.

    Parameters
    ----------
    n_latent : channels of the latent (facies code and elastic residuals).
    n_condition : channels of the structure maps.
    n_controls : length of the vector of scenario controls, spacing and noise weights.
    n_well : channels of the maps of wells.
    patch : voxels folded into one token per axis (iline, xline, twt). Strata change some seven
        times faster along time than along lines, so patches are wide and one sample thin.
    coarsen : tokens folded into one cell of the second level, per axis.
    widths : channels of tokens and of cells.
    n_blocks : blocks before, at and after the second level.
    kernels : extents of the two convolutions of a block of cells.
    token_kernels : the same for blocks of tokens, () for those of cells.
    n_voxel : channels of the voxel level, a small network that joins what a voxel itself
        holds to what its tokens say.
    n_hidden : channels of a second layer of the voxel level, 0 for none.
    taps : odd numbers of samples along twt around it that a voxel sees of the latent and of the
        first layer of the voxel level (the second only with `n_hidden`). Beds are a few samples
        thin and dip within a token: a voxel has to see its own column.
    lift : how tokens speak to voxels: "fold" (a token has an own word for each of its voxels),
        "linear" (tokens are interpolated between lines) or "both".
    n_embedding : size of the embedding of sigma and controls.
    latent_mean, latent_std : standardisation of the latent, kept with the weights; () for 0 and 1.
    levels : noise levels that the network was distilled to, from 1 downwards; () for none.
    renewed : whether noise is renewed between those levels, as it was when it was distilled.
    knows_scenario : whether it was told scenarios when it was last trained; else it is told none.
    codes : code of every facies, (n_facies, n_code). Where given, the network says probabilities
        of facies and the clean code is their mean; else it says the clean latent itself.
    scales : standard deviation of every latent channel in the flow, (n_latent,); () for 1. What
        is stronger stands out of the noise earlier.
    """

    config_name = "config.json"  # type: ignore[assignment]

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        n_latent: int = 16,
        n_condition: int = 21,
        n_controls: int = 41,
        n_well: int = 15,
        patch: tuple[int, int, int] = (4, 4, 1),
        coarsen: tuple[int, int, int] = (1, 1, 4),
        widths: tuple[int, int] = (48, 64),
        n_blocks: tuple[int, int, int] = (1, 3, 1),
        kernels: tuple[tuple[int, int, int], tuple[int, int, int]] = ((3, 3, 3), (3, 3, 3)),
        token_kernels: tuple[tuple[int, int, int], ...] = (),
        n_voxel: int = 24,
        n_hidden: int = 0,
        taps: tuple[int, int] = (1, 1),
        lift: str = "fold",
        n_embedding: int = 96,
        latent_mean: tuple[float, ...] = (),
        latent_std: tuple[float, ...] = (),
        levels: tuple[float, ...] = (),
        renewed: bool = False,
        knows_scenario: bool = True,
        codes: tuple[tuple[float, ...], ...] = (),
        scales: tuple[float, ...] = (),
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.patch = (int(patch[0]), int(patch[1]), int(patch[2]))
        fold = self.patch[0] * self.patch[1] * self.patch[2]
        fine, coarse = widths
        n_in = n_latent + n_condition
        self.embed = SigmaEmbedding(n_controls, n_embedding)
        self.enter = nn.Linear(n_in * fold, fine)
        # Without wells the maps of wells are left out: what they add is linear in them.
        self.enter_wells = nn.Linear(n_well * fold, fine, bias=False)
        self.before = _blocks(n_blocks[0], fine, n_embedding, token_kernels or kernels)
        steps = (int(coarsen[0]), int(coarsen[1]), int(coarsen[2]))
        self.stride = tuple(p * c for p, c in zip(self.patch, steps, strict=True))
        self.down = nn.Conv3d(fine, coarse, steps, stride=steps)
        self.middle = _blocks(n_blocks[1], coarse, n_embedding, kernels)
        self.up = nn.ConvTranspose3d(coarse, fine, steps, stride=steps)
        self.join = nn.Linear(2 * fine, fine)
        self.after = _blocks(n_blocks[2], fine, n_embedding, token_kernels or kernels)
        self.norm = ChannelNorm(fine)
        self.fold = nn.Linear(fine, n_voxel * fold) if lift in ("fold", "both") else None
        self.linear = nn.Linear(fine, n_voxel) if lift in ("linear", "both") else None
        # Without a level of voxels, facies change at the borders of tokens and hardly within.
        self.own = nn.Linear(n_in, n_voxel, bias=False)
        self.own_wells = nn.Linear(n_well, n_voxel, bias=False)
        self.film = nn.Linear(n_embedding, 2 * n_voxel)
        self.hidden = nn.Linear(n_voxel, n_hidden) if n_hidden else None
        self.own_around = _column(n_latent, n_voxel, taps[0])
        self.hidden_around = _column(n_voxel, n_hidden, taps[1]) if n_hidden else None
        self.n_code = len(codes[0]) if codes else 0
        n_out = n_latent - self.n_code + len(codes)
        self.last = nn.Linear(n_hidden or n_voxel, n_out)
        # The noisy latent reaches the output directly: at low noise little remains to be learnt.
        self.direct = nn.Linear(n_latent, n_out, bias=False)
        self.skip = nn.Linear(n_embedding, n_out)
        for part in (self.film, self.last, self.skip, self.enter_wells, self.own_wells):
            for value in part.parameters():
                nn.init.zeros_(value)
        self.code_table: Tensor
        self.channel_scale: Tensor
        self.answer_scale: Tensor
        scale = torch.tensor(scales) if scales else torch.ones(n_latent)
        answered = torch.cat([torch.ones(len(codes)), scale[self.n_code:]])
        for name, values in (("code_table", _standardised(codes, latent_mean, latent_std)),
                             ("channel_scale", scale), ("answer_scale", answered)):
            self.register_buffer(name, values, persistent=False)

    def forward(
        self, latent: Tensor, sigma: Tensor, condition: Tensor, controls: Tensor,
        wells: Tensor | None = None, told: Tensor | None = None,
    ) -> Tensor:
        """Predict the clean latent.

        Parameters
        ----------
        latent : noisy latent, (batch, iline, xline, twt, n_latent).
        sigma : noise level 0..1, (batch,); latent = (1 - sigma) clean + sigma noise.
        condition : structure maps, (batch, iline, xline, twt, n_condition).
        controls : scenario, spacing and noise weights, (batch, n_controls).
        wells : maps of wells, (batch, iline, xline, twt, n_well), or None for no wells.
        told : what `told` says of condition and wells, to be worked out once for all steps.

        Returns
        -------
        Clean latent, like `latent`. Sizes are multiples of `stride`, the voxels per cell.
        """
        embedding, gain = self.embed(sigma, controls), self.gain(sigma)
        known = self.told(condition, wells) if told is None else told
        said = self._tokens(latent, gain, known, embedding)
        if torch.is_grad_enabled():
            return self.clean(self._voxels(latent, gain, condition, embedding, said, wells))
        if voxel_kernel.can_fuse(self, latent):
            return voxel_kernel.answered(self, (latent, condition, wells), gain, embedding, said)
        out = torch.empty_like(latent)
        for rows, times in self._slabs(latent):
            inside = (slice(None), rows, slice(None), times)
            own = None if wells is None else wells[inside]
            tokens = said[..., times.start // self.patch[2]:times.stop // self.patch[2], :]
            out[inside] = self.clean(self._voxels(
                latent[inside], gain, condition[inside], embedding, tokens, own, rows))
        return out

    def scores(
        self, latent: Tensor, sigma: Tensor, condition: Tensor, controls: Tensor,
        wells: Tensor | None = None,
    ) -> Tensor:
        """Return log-probabilities of facies (unnormalised) and residuals, for the loss.

        Parameters are those of `forward`.

        Returns
        -------
        (batch, iline, xline, twt, n_facies + n_latent - n_code).
        """
        embedding, gain = self.embed(sigma, controls), self.gain(sigma)
        said = self._tokens(latent, gain, self.told(condition, wells), embedding)
        return self._voxels(latent, gain, condition, embedding, said, wells)

    def gain(self, sigma: Tensor) -> Tensor:
        """Return what brings every channel of a noisy latent to unit variance, (batch, n_latent).

        Source: Karras et al. (2022), Elucidating the design space, input scaling.
        """
        level = sigma[:, None]
        return ((1.0 - level) * self.channel_scale).hypot(level).reciprocal()

    def clean(self, scores: Tensor) -> Tensor:
        """Return the clean latent of `scores`: the mean code under the probabilities."""
        if not self.n_code:
            return scores
        n_facies = len(self.code_table)
        code = scores[..., :n_facies].float().softmax(-1) @ self.code_table
        return torch.cat([code, scores[..., n_facies:].float()], dim=-1)

    def _slabs(self, latent: Tensor) -> Iterator[tuple[slice, slice]]:
        """Yield ranges of lines and of samples of few enough voxels, whole patches each."""
        batch, n_line, n_cross, n_twt = latent.shape[:4]
        (lines, _, step), per_sample = self.patch, batch * self.patch[0] * n_cross
        # Layers that look along twt want whole traces.
        is_pointwise = self.own_around is None and self.hidden_around is None
        samples = max(SLAB_VOXELS // per_sample // step, 1) * step if is_pointwise else n_twt
        for first in range(0, n_line, lines):
            for top in range(0, n_twt, samples):
                yield slice(first, first + lines), slice(top, min(top + samples, n_twt))

    def told(self, condition: Tensor, wells: Tensor | None = None) -> Tensor:
        """Return what enters the tokens of structure and wells, the same at all noise levels.

        Parameters
        ----------
        condition, wells : as in `forward`.

        Returns
        -------
        (batch, iline, xline, twt, channel) in tokens.
        """
        out = self._folded(condition, self._columns(slice(int(self.config["n_latent"]), None)),
                           self.enter.bias)
        return out if wells is None else out + self._folded(wells, self.enter_wells.weight, None)

    def _tokens(self, latent: Tensor, gain: Tensor, told: Tensor, embedding: Tensor) -> Tensor:
        """Features of tokens, (batch, iline, xline, twt, channel) in tokens."""
        # 1x1x1 convolutions are matrix products over the last axis: several times faster so.
        weight = self._columns(slice(0, gain.shape[1]))
        fine = to_channels_first(told + self._folded(latent, weight, None, gain))
        fine = through(self.before, fine, embedding)
        coarse = through(self.middle, self.down(fine), embedding)
        joined = torch.cat([to_channels_last(fine), to_channels_last(self.up(coarse))], dim=-1)
        fine = to_channels_first(self.join(joined))
        fine = through(self.after, fine, embedding)
        return silu(to_channels_last(self.norm(fine)))

    def _columns(self, channels: slice) -> Tensor:
        """Weights of some channels of the voxels of a token, (fine, voxels * channels)."""
        fine, fold = len(self.enter.weight), self.patch[0] * self.patch[1] * self.patch[2]
        return self.enter.weight.reshape(fine, fold, -1)[..., channels].reshape(fine, -1)

    def _folded(
        self, volume: Tensor, weight: Tensor, bias: Tensor | None, gain: Tensor | None = None
    ) -> Tensor:
        """Fold voxels into tokens, (batch, iline, xline, twt, channel) in tokens."""

        def folded(inside: tuple[slice, ...]) -> Tensor:
            part = volume[inside].to(weight.dtype)
            if gain is not None:
                part = part * gain[:, None, None, None]
            return linear(space_to_depth(part, self.patch), weight, bias)

        if torch.is_grad_enabled():
            return folded((slice(None),))
        sizes = [n // p for n, p in zip(volume.shape[1:4], self.patch, strict=True)]
        out = weight.new_empty(volume.shape[0], *sizes, len(weight))
        for rows, times in self._slabs(volume):
            here = (slice(None), slice(rows.start // self.patch[0], rows.stop // self.patch[0]),
                    slice(None), slice(times.start // self.patch[2], times.stop // self.patch[2]))
            out[here] = folded((slice(None), rows, slice(None), times))
        return out

    def _voxels(
        self, latent: Tensor, gain: Tensor, condition: Tensor, embedding: Tensor, said: Tensor,
        wells: Tensor | None, rows: slice | None = None,
    ) -> Tensor:
        """Scores of the voxels of some lines; `said` holds the tokens of all their samples."""
        plain = latent * gain[:, None, None, None]
        near = self.own(torch.cat([plain, condition.to(plain.dtype)], -1))
        if self.own_around is not None:
            near = near + to_channels_last(self.own_around(to_channels_first(plain)))
        if wells is not None:
            near = near + self.own_wells(wells)
        here = rows if rows is not None else slice(0, latent.shape[1])
        if self.fold is not None:
            p = self.patch[0]
            mine = said[:, here.start // p : here.stop // p]
            near = near + depth_to_space(self.fold(mine), self.patch)
        if self.linear is not None:
            near = near + self._lifted(said, self.linear, here)
        scale, shift = self.film(embedding)[:, None, None, None, :].to(near.dtype).chunk(2, dim=-1)
        # Volumes of voxels are the largest of all: work in place where no gradient needs them.
        in_place = not torch.is_grad_enabled()
        near = silu(torch.addcmul(shift, near, 1 + scale), inplace=in_place)
        if self.hidden is not None:
            inner = self.hidden(near)
            if self.hidden_around is not None:
                inner = inner + to_channels_last(self.hidden_around(to_channels_first(near)))
            near = silu(inner, inplace=in_place)
        gate = self.skip(embedding)[:, None, None, None, :]
        out = torch.addcmul(self.last(near), gate.to(near.dtype), self.direct(plain))
        return out * self.answer_scale.to(out.dtype)

    def _lifted(self, said: Tensor, linear: nn.Linear, rows: slice) -> Tensor:
        """Interpolate words of tokens (batch, I, J, twt, channel) between lines, for some lines."""
        p, q, r = self.patch
        # Lines beyond the neighbouring tokens have no weight.
        near = slice(max(rows.start // p - 1, 0), rows.stop // p + 1)
        along_i = lift_weights(said.shape[1], p)[rows, near].to(said)
        words = linear(said[:, near])
        batch, n_i, n_j, n_k, channel = words.shape
        along_j = lift_weights(n_j, q).to(words)
        wide = torch.matmul(along_j, words.reshape(batch * n_i, n_j, -1))
        out = torch.matmul(along_i, wide.reshape(batch, n_i, -1))
        out = out.reshape(batch, len(along_i), n_j * q, n_k, channel)
        return out if r == 1 else out.repeat_interleave(r, dim=3)


def _blocks(
    count: int, width: int, n_embedding: int,
    kernels: Sequence[Sequence[int]],
) -> nn.ModuleList:
    return nn.ModuleList(ConvBlock(width, n_embedding, kernels) for _ in range(count))


def _column(n_in: int, n_out: int, taps: int) -> nn.Conv3d | None:
    """Convolution along twt that begins at zero, None for a single sample."""
    if taps == 1:
        return None
    layer = nn.Conv3d(n_in, n_out, (1, 1, int(taps)), padding=(0, 0, int(taps) // 2), bias=False)
    nn.init.zeros_(layer.weight)
    return layer


def _standardised(
    codes: Sequence[Sequence[float]], mean: Sequence[float], std: Sequence[float]
) -> Tensor:
    """Codes of the facies as the latent holds them, (n_facies, n_code)."""
    if not codes:
        return torch.empty(0, 0)
    raw = torch.tensor(codes)
    n_code = raw.shape[1]
    return (raw - torch.tensor(mean[:n_code])) / torch.tensor(std[:n_code])
