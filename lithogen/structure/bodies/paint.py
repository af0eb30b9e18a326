"""Painting: which share of every voxel lies in a body, and in which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.structure.bodies.part import BodyPart

# Samples of a column that are looked at together; ages within them bound what a part can meet.
RUN = 16


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


def paint(age: Tensor, half_ms: Tensor, parts: Sequence[BodyPart]) -> BodyFields:
    """Paint parts in their order; a later one takes over where it takes the larger share.

    Parameters
    ----------
    age : relative geologic time in ms, (n_iline, n_xline, n_twt).
    half_ms : half the age that a voxel spans, same shape, > 0.
    parts : what to paint, see `BodyPart`.
    """
    n_y, n_x, n_t = age.shape
    run = next(r for r in (RUN, 8, 4, 2, 1) if n_t % r == 0)
    runs = n_t // run
    ages, halves = age.reshape(-1, run), half_ms.reshape(-1, run)
    cover, part = torch.zeros_like(ages), torch.zeros(ages.shape, dtype=torch.int16,
                                                      device=age.device)
    widest = halves.amax(dim=1)
    low = (ages.amin(dim=1) - widest).reshape(n_y * n_x, runs)
    high = (ages.amax(dim=1) + widest).reshape(n_y * n_x, runs)
    for place, one in enumerate(parts):
        column = _to(one.rows * n_x + one.cols, age)
        top, base = _to(one.top_age, age), _to(one.base_age, age)
        meets = (low.index_select(0, column) < base[:, None]) & (
            high.index_select(0, column) > top[:, None])
        which, deep = meets.nonzero(as_tuple=True)
        if which.numel() == 0:
            continue
        row = column[which] * runs + deep
        centre, half = ages.index_select(0, row), halves.index_select(0, row)
        upper = torch.maximum(centre - half, top[which, None])
        lower = torch.minimum(centre + half, base[which, None])
        share = (lower - upper).div_(2.0 * half).clamp_(0.0, 1.0)
        before = cover.index_select(0, row)
        mine = (share > 0) & (share >= before)
        cover.index_copy_(0, row, (before + share).clamp_(max=1.0))
        known = part.index_select(0, row)
        part.index_copy_(0, row, torch.where(mine, torch.full_like(known, place + 1), known))
    return BodyFields(cover.reshape(age.shape), part.reshape(age.shape), tuple(parts))


def _to(values: NDArray[np.generic], like: Tensor) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).to(like.device)


def drape(nodes: Tensor, part: BodyPart, length_ms: float) -> None:
    """Bend the layers above a stiff part up over it, in place.

    Parameters
    ----------
    nodes : age on nodes of every column, (n_iline * n_xline, n_node), increasing.
    part : its `drape` is the share of its thickness that the mud beside it has lost more.
    length_ms : age above the part at which the bend has died down to 1 / e.

    Notes
    -----
    age += c h K: K is 1 at the top of the part, falls linearly to 0 at its base, and as
    exp(-d / length) above it, so age stays increasing for c < 1.

    Source: differential compaction, Labute and Gretener (1969), Bull. Can. Petrol. Geol. 17.
    """
    n_x = nodes.shape[1]
    flat = nodes.reshape(-1, nodes.shape[-1])
    column = _to(part.rows * n_x + part.cols, nodes)
    age = flat.index_select(0, column)
    top, base = _to(part.top_age, nodes)[:, None], _to(part.base_age, nodes)[:, None]
    height = base - top
    above = (age - top).div_(length_ms).clamp_(max=0.0).exp_()
    inside = (base - age).div_(height).clamp_(0.0, 1.0)
    age += (part.drape * height) * torch.minimum(above, inside)
    flat.index_copy_(0, column, age)
