"""Painting: which share of every voxel lies in a body, and in which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.rockphysics.facies import (
    COAL,
    HETEROLITHIC,
    LIMESTONE,
    MARL,
    SANDSTONE,
    SHALE,
)
from lithogen.structure.bodies.part import BodyPart

# Samples of a column that are looked at together; ages within them bound what a part can meet.
RUN = 8
# Ages above a stiff part, in lengths, beyond which its drape has ended.
DRAPE_LENGTHS = 3
# So much is left out of every bend: thin edges cost as much time as thick middles.
LEAST_DRAPE_MS = 1.0
# Facies of fills that have a condition map each; shuffled layers and a shift of ln vp follow them.
FILL_FACIES = (SANDSTONE, SHALE, HETEROLITHIC, LIMESTONE, MARL, COAL)
N_FILL = len(FILL_FACIES) + 2
# A shift of ln vp of this size counts as 1.
FILL_LN_VP = 0.1


@dataclass(frozen=True, slots=True)
class BodyFields:
    """Bodies on the voxels of a window.

    Parameters
    ----------
    cover : share of the voxel inside bodies, float32 0..1, (n_iline, n_xline, n_twt).
    part : 1 + place in `parts` of the part that takes most of it, int16; 0 where none does.
    parts : the parts that were painted.
    """

    cover: Tensor
    part: Tensor
    parts: tuple[BodyPart, ...]

    def label(self, values: Sequence[float], dtype: torch.dtype) -> Tensor:
        """Return a value per voxel: `values[0]` outside of bodies, `values[1 + i]` in part i."""
        table = torch.tensor(values, dtype=dtype, device=self.part.device)
        flat = self.part.reshape(-1).to(torch.int32)
        return table.index_select(0, flat).reshape(self.part.shape)

    def number(self) -> Tensor:
        """Return the label of the body that takes most of each voxel, int32, 0 for none."""
        return self.label([0, *(p.number for p in self.parts)], torch.int32)

    def kind(self) -> Tensor:
        """Return its `BodyKind`, int8."""
        return self.label([0, *(int(p.kind) for p in self.parts)], torch.int8)

    def fill(self) -> Tensor:
        """Return what bodies put into each voxel, times the share that they take of it.

        Returns
        -------
        float32 (n_iline, n_xline, n_twt, `N_FILL`): one map per facies of `FILL_FACIES`, then
        1 where layers are shuffled, then the shift of ln vp over `FILL_LN_VP`. Zero outside.
        """
        rows = np.zeros((len(self.parts) + 1, N_FILL), dtype=np.float32)
        for row, part in zip(rows[1:], self.parts, strict=True):
            if part.scramble_ms > 0.0:
                row[-2] = 1.0
            elif part.facies in FILL_FACIES:
                row[FILL_FACIES.index(part.facies)] = 1.0
                row[-1] = part.ln_vp / FILL_LN_VP
        if not rows.any():
            return torch.zeros(*self.cover.shape, N_FILL, device=self.cover.device)
        table = torch.from_numpy(rows).to(self.cover.device)
        found = table.index_select(0, self.part.reshape(-1).to(torch.int32))
        return found.mul_(self.cover.reshape(-1, 1)).reshape(*self.cover.shape, N_FILL)


def end_of_runs(values: Tensor, how: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Return the least (`torch.minimum`) or greatest of every run, (..., run) -> (...).

    Halving is several times as fast as a reduction over so short an axis. `run` is a power of 2.
    """
    while values.shape[-1] > 1:
        values = how(values[..., 0::2], values[..., 1::2])
    return values[..., 0]


def paint(age: Tensor, half_ms: Tensor, parts: Sequence[BodyPart]) -> BodyFields:
    """Paint parts in their order; a later one takes over where it takes the larger share.

    Parameters
    ----------
    age : relative geologic time in ms, (n_iline, n_xline, n_twt).
    half_ms : half the age that a voxel spans, same shape, > 0.
    parts : what to paint, see `BodyPart`.
    """
    n_y, n_x, n_t = age.shape
    run = next(r for r in (RUN, 4, 2, 1) if n_t % r == 0)
    runs = n_t // run
    ages, halves = age.reshape(-1, run), half_ms.reshape(-1, run)
    cover, part = torch.zeros_like(ages), torch.zeros(ages.shape, dtype=torch.int16,
                                                      device=age.device)
    widest = end_of_runs(halves, torch.maximum)
    low = (end_of_runs(ages, torch.minimum) - widest).reshape(n_y * n_x, runs)
    high = (end_of_runs(ages, torch.maximum) + widest).reshape(n_y * n_x, runs)
    lowest, highest = low.amin(dim=0), high.amax(dim=0)
    for place, one in enumerate(parts):
        near = ((lowest < float(one.base_age.max())) & (highest > float(one.top_age.min())))
        at = near.nonzero()[:, 0]
        if at.numel() == 0:
            continue
        box = slice(int(at[0]), int(at[-1]) + 1)
        column = _to(one.rows * n_x + one.cols, age)
        top, base = _to(one.top_age, age), _to(one.base_age, age)
        meets = (low[:, box].index_select(0, column) < base[:, None]) & (
            high[:, box].index_select(0, column) > top[:, None])
        which, deep = meets.nonzero(as_tuple=True)
        if which.numel() == 0:
            continue
        row = column[which] * runs + (deep + box.start)
        centre, half = ages.index_select(0, row), halves.index_select(0, row)
        # From the centre: a voxel that is filled has a share of exactly 1 at any age, so that a
        # later part that fills it too takes over.
        upper = torch.maximum(-half, top[which, None] - centre)
        lower = torch.minimum(half, base[which, None] - centre)
        share = (lower - upper).div_(2.0 * half).clamp_(0.0, 1.0)
        before = cover.index_select(0, row)
        mine = (share > 0) & (share >= before)
        cover.index_copy_(0, row, (before + share).clamp_(max=1.0))
        known = part.index_select(0, row)
        part.index_copy_(0, row, torch.where(mine, torch.full_like(known, place + 1), known))
    return BodyFields(cover.reshape(age.shape), part.reshape(age.shape), tuple(parts))


def _to(values: NDArray[np.generic], like: Tensor) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).to(like.device)


def drape(nodes: Tensor, rates: Tensor, part: BodyPart, length_ms: float) -> None:
    """Bend the layers above a stiff part up over it, in place.

    Parameters
    ----------
    nodes : age on nodes of every column, (n_iline, n_xline, n_node), increasing.
    rates : derivative of age by two-way time on the same nodes.
    part : its `drape` is the share of its thickness that the mud beside it has lost more.
    length_ms : scale of age over which the bend dies down; nothing bends `DRAPE_LENGTHS` of
        them above the part.

    Notes
    -----
    age += H K, where H is `drape` times the thickness h, less `LEAST_DRAPE_MS`. K is 1 at the
    top of the part, falls linearly to 0 at its base, and as (1 - d / 3 length)^3 at the age d
    above it, so age stays increasing for H < h. An exponential would never end, and which
    parts bend a layer would depend on the window.

    Source: differential compaction, Labute and Gretener (1969), Bull. Can. Petrol. Geol. 17.
    """
    n_x = nodes.shape[1]
    flat, flat_rates = (one.view(-1, nodes.shape[-1]) for one in (nodes, rates))
    thick = part.base_age - part.top_age
    bends = part.drape * thick > LEAST_DRAPE_MS
    if not bends.any():
        return
    column = _to((part.rows * n_x + part.cols)[bends], nodes)
    age = flat.index_select(0, column)
    top, base, height = (_to(v[bends], nodes)[:, None]
                         for v in (part.top_age, part.base_age, thick))
    lift = part.drape * height - LEAST_DRAPE_MS
    above = ((age - top) / (DRAPE_LENGTHS * length_ms)).add_(1.0).clamp_(0.0, 1.0)
    inside = ((base - age) / height).clamp_(0.0, 1.0)
    # Slope of K by age: positive above the part, negative inside it, none elsewhere.
    slope = above.square().mul_(age < top).div_(length_ms)
    slope.sub_(((age >= top) & (age < base)) / height)
    flat_rates.index_copy_(
        0, column, flat_rates.index_select(0, column).mul_(slope.mul_(lift).add_(1.0)))
    age += lift * torch.minimum(above.pow_(DRAPE_LENGTHS), inside)
    flat.index_copy_(0, column, age)
