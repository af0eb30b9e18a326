"""Exact means of strata over the ages that voxels span."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import torch
from torch import Tensor

from lithogen.strata.tables import (
    COLUMNS,
    ENVIRONMENT_LIMIT,
    ENVIRONMENTS,
    MAX_SPAN,
    N_ROWS,
    STEP_MS,
    WIDTHS,
    ChunkTable,
    Float,
    Tables,
)
from lithogen.structure.present import bins_present

KEPT_CHUNKS = 64


class ChunkedStrata:
    """Strata in tables by chunk of age, made when asked for; recent ones are kept.

    Subclasses hold `_kept`, and `_make` a table.
    """

    __slots__ = ()
    _kept: OrderedDict[int, ChunkTable]

    def chunk(self, number: int) -> ChunkTable:
        """Return the table of a chunk of age."""
        if number not in self._kept:
            self._kept[number] = self._make(number)
            if len(self._kept) > KEPT_CHUNKS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(number)
        return self._kept[number]

    def _make(self, number: int) -> ChunkTable:
        raise NotImplementedError

    def voxel_means(
        self, age: Tensor, half_ms: Tensor, environment: Tensor, y_m: Float, x_m: Float
    ) -> tuple[Tensor, Tensor]:
        """Return the means of voxels and their dominant facies, see `block_means`."""
        return block_means(self, age, half_ms, environment)


def block_means(
    strata: Tables, age: Tensor, half_ms: Tensor, environment: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean of the strata over the ages that every voxel spans.

    Parameters
    ----------
    strata : tables of the world.
    age, half_ms : centre and half width of the span in ms, (n_iline, n_xline, n_twt).
    environment : depositional environment, same shape.

    Returns
    -------
    means (..., 6), columns as in `tables.COLUMNS`; dominant facies (...), int8. Spans are
    rounded to rows of 0.5 ms, at most 64 ms.
    """
    start = (age - half_ms).mul_(1.0 / STEP_MS).round_()
    # A table reaches as far beyond its chunk as a span may.
    chunks = bins_present(start, N_ROWS)
    start = start.to(torch.int32).reshape(-1)
    tables = [strata.chunk(c) for c in chunks]
    device = age.device
    total = torch.from_numpy(np.stack([t.total for t in tables])).to(device)
    label = torch.from_numpy(np.stack([t.dominant for t in tables])).to(device)
    slots = torch.zeros(chunks[-1] - chunks[0] + 1, dtype=torch.int32, device=device)
    slots[[c - chunks[0] for c in chunks]] = torch.arange(
        len(chunks), dtype=torch.int32, device=device)
    span = (half_ms * (2.0 / STEP_MS)).round_().clamp_(1, MAX_SPAN).to(torch.int32)
    row = start & (N_ROWS - 1)
    slot = slots.index_select(0, (start >> (N_ROWS.bit_length() - 1)).sub_(chunks[0])
                              .clamp_(0, len(slots) - 1))
    scale = (ENVIRONMENTS - 1) / (2.0 * ENVIRONMENT_LIMIT)
    level = (environment + ENVIRONMENT_LIMIT).mul_(scale).round_()
    level = level.clamp_(0, ENVIRONMENTS - 1).to(torch.int32).reshape(-1)
    place = slot.mul_(ENVIRONMENTS).add_(level)
    rows = total.reshape(-1, len(COLUMNS))
    index = place * (N_ROWS + MAX_SPAN + 1) + row
    flat_span = span.reshape(-1)
    mean = rows.index_select(0, index + flat_span)
    mean.sub_(rows.index_select(0, index))
    mean.div_(flat_span.to(torch.float32)[:, None])
    nearest = _nearest_width().to(device).index_select(0, flat_span)
    dominant = label.reshape(-1).index_select(
        0, place.mul_(N_ROWS).add_(row).mul_(len(WIDTHS)).add_(nearest))
    return mean.reshape(*age.shape, -1), dominant.reshape(age.shape)


def _nearest_width() -> Tensor:
    """Return for spans 0..MAX_SPAN the place of the nearest of `WIDTHS`, int32."""
    spans = np.maximum(np.arange(MAX_SPAN + 1), 1)
    ratio = np.abs(np.log(spans[:, None] / WIDTHS[None, :]))
    return torch.from_numpy(ratio.argmin(axis=1).astype(np.int32))
