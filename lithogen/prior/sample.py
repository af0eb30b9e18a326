"""`sample_world`: a procedural world as a Dataset, the reference that stage 1 learns from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lithogen.dataset import Layout, MemorySink
from lithogen.errors import ShapeError, require
from lithogen.grid import MIN_SIZE, Index3, Spacing, Window, three_integers, tiles_covering
from lithogen.prior.world import world_fields
from lithogen.scenario import Scenario
from lithogen.structure import Structure

if TYPE_CHECKING:
    import xarray

# Evaluated on whole tiles of one lattice, so that a window is a crop of the world.
TILE_SHAPE: Index3 = (64, 64, 128)


def sample_world(
    shape: Sequence[int], seed: int, scenario: Scenario | None = None,
    origin: Sequence[int] = (0, 0, 0),
) -> xarray.Dataset:
    """Return a procedural world: the variables of `lithogen.generate` without seismic.

    Parameters
    ----------
    shape : voxels (n_iline, n_xline, n_twt), each >= 16; 25 m, 25 m and 4 ms a voxel.
    seed : names the world: structure, strata and rock physics.
    scenario : what it is like; by default drawn from the seed.
    origin : index of the first voxel, negative laterally, twt >= 0.

    Returns
    -------
    Dataset with dims (iline, xline, twt): lithology, vp, vs, rho, impedance, rgt, fault.

    Raises
    ------
    ShapeError : shape or origin out of range.

    Examples
    --------
    >>> int(sample_world((16, 16, 32), seed=1).lithology.max()) < 10
    True
    """
    window = Window(three_integers(origin, "origin"), three_integers(shape, "shape"))
    require(min(window.shape) >= MIN_SIZE,
            f"shape is {window.shape}, wanted at least {MIN_SIZE} voxels on every axis", ShapeError)
    require(window.origin[2] >= 0,
            f"origin twt index is {window.origin[2]}, wanted 0 or more", ShapeError)
    structure = Structure.random(seed, scenario)
    sink = MemorySink(Layout(window, Spacing()))
    for tile in tiles_covering(window, TILE_SHAPE):
        common = tile.intersection(window)
        if common is None:
            continue
        world = world_fields(structure, tile, Spacing(), seed)
        values: dict[str, NDArray[Any]] = {
            "lithology": world.facies, "vp": world.vp, "vs": world.vs, "rho": world.rho,
            "impedance": np.asarray(world.vp * world.rho),
            "rgt": world.structure.age.numpy(), "fault": world.structure.fault.numpy(),
        }
        box = common.slices_in(tile)
        sink.put(common, {name: value[box] for name, value in values.items()})
    return sink.finish({
        "title": "lithogen procedural world", "seed": str(seed), "origin": list(window.origin),
        "scenario": structure.scenario.to_dict(),
    })
