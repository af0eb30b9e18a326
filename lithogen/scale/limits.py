"""Refuse a request before it starts if it does not fit in memory or on disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

from lithogen.dataset import Layout
from lithogen.errors import OutputError, ResourceError
from lithogen.grid import Index3
from lithogen.scale.columns import BLOCK_SAMPLES

# Interpreter, torch, diffusers and the tables of structure and strata.
BASE_BYTES = 450_000_000
# Structure, block means and labels per voxel of a tile, at their peak; a test holds it to what a
# tile takes.
TILE_BYTES_PER_VOXEL = 600
# A block exists three times at its peak: held, modelled (angles and their noise) and encoded.
BLOCK_COPIES = 3
# vp, vs and rho of a voxel.
ELASTIC_BYTES = 12
# Of free memory; the rest of the machine wants some as well.
MEMORY_SHARE = 0.9


def working_bytes(layout: Layout, halo: Index3) -> int:
    """Return the memory that a run takes besides a result in memory.

    Parameters
    ----------
    layout : variables of the result; its size matters up to a block.
    halo : voxels that seismic needs beyond a block, on every axis.

    Notes
    -----
    Base, plus one tile at TILE_BYTES_PER_VOXEL, plus a block of one column of tiles, BLOCK_COPIES
    times.
    """
    from lithogen.diffusion import pipeline

    tile = pipeline.TILE_SHAPE
    voxels = int(np.prod(tile))
    depth = min(BLOCK_SAMPLES, layout.window.shape[2]) + tile[2] + 2 * halo[2]
    lines = [min(n, size) for n, size in zip(tile, layout.window.shape, strict=True)]
    per_voxel = layout.n_bytes() / layout.window.size
    block = lines[0] * lines[1] * depth * per_voxel
    return int(BASE_BYTES + TILE_BYTES_PER_VOXEL * voxels + BLOCK_COPIES * block)


def waiting_bytes(layout: Layout, halo: Index3) -> int:
    """Return the size of the columns that wait for their neighbours: three rows of columns.

    They wait in memory, or on the disk of a store; without a lateral halo none waits.
    """
    from lithogen.diffusion import pipeline

    if not any(halo[:2]):
        return 0
    deep = layout.window.padded(halo).shape
    return min(3 * pipeline.TILE_SHAPE[0], deep[0]) * deep[1] * deep[2] * ELASTIC_BYTES


def refuse_if_memory_is_short(layout: Layout, halo: Index3, *, is_streamed: bool) -> None:
    """Refuse a request that does not fit in free memory.

    Raises
    ------
    ResourceError : with the estimate, what is free and what would fit.
    """
    import psutil

    working = working_bytes(layout, halo)
    needed = working + (0 if is_streamed else layout.n_bytes() + waiting_bytes(layout, halo))
    free = psutil.virtual_memory().available
    if needed <= MEMORY_SHARE * free:
        return
    if is_streamed:
        raise ResourceError(f"streaming needs about {needed / 1e9:.1f} GB of memory whatever the "
                            f"shape, {free / 1e9:.1f} GB are free; free some")
    per_voxel = layout.n_bytes() / layout.window.size
    side = int(max((MEMORY_SHARE * free - working) / per_voxel, 0.0) ** (1 / 3))
    raise ResourceError(
        f"shape {layout.window.shape} needs about {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are "
        f"free; ask for at most about {side} voxels a side, or pass store=FOLDER to stream to Zarr"
    )


def refuse_if_disk_is_full(
    layout: Layout, path: Path, share_left: float = 1.0, waiting: int = 0
) -> None:
    """Refuse a store whose uncompressed size exceeds what is free on its disk.

    Compression is not counted on: floats with noise hardly shrink, and a disk that fills up
    after hours is worse than a refusal.

    Parameters
    ----------
    layout : variables and size. path : store; its parent exists.
    share_left : of the columns that are still to be written, 0..1. waiting : see `waiting_bytes`.

    Raises
    ------
    ResourceError : with the estimate and what is free. OutputError : the parent is missing.
    """
    if not path.parent.is_dir():
        raise OutputError(f"folder {path.parent} does not exist; create it first")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"folder {path.parent} cannot be written; choose another store")
    needed, free = share_left * layout.n_bytes() + waiting, shutil.disk_usage(path.parent).free
    if needed > free:
        raise ResourceError(
            f"store {path} may take {needed / 1e9:,.1f} GB, {free / 1e9:,.1f} GB are free on its "
            "disk; ask for a smaller shape or fewer angles, or choose another disk"
        )
