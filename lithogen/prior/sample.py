"""`sample_world`: a procedural world as a Dataset, the reference that stage 1 learns from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from lithogen.dataset import LABELS, Layout, MemorySink
from lithogen.errors import ShapeError, require
from lithogen.grid import MIN_SIZE, Index3, Spacing, Window, three_integers, tiles_covering
from lithogen.prior.world import world_fields
from lithogen.scenario import Scenario
from lithogen.strata.voxels import label_world
from lithogen.structure import Structure

if TYPE_CHECKING:
    import xarray

# Evaluated on whole tiles of one lattice, so that a window is a crop of the world.
TILE_SHAPE: Index3 = (64, 64, 128)


def labelled_world(
    structure: Structure, window: Window, spacing: Spacing, seed: int
) -> dict[str, NDArray[Any]]:
    """Return the variables of a procedural world on a window, with fluids in its closures.

    Parameters
    ----------
    structure, seed : the world. window, spacing : which voxels.
    """
    world = world_fields(structure, window, spacing, seed)
    out = label_world(world, structure, window, spacing)
    return out | {"impedance": out["vp"] * out["rho"]}


def sample_world(
    shape: Sequence[int], seed: int, scenario: Scenario | None = None,
    origin: Sequence[int] = (0, 0, 0), structure: Structure | None = None,
) -> xarray.Dataset:
    """Return a procedural world: the variables of `lithogen.generate` without seismic.

    Parameters
    ----------
    shape : voxels (n_iline, n_xline, n_twt), each >= 16; 25 m, 25 m and 4 ms a voxel.
    seed : names the world: structure, strata and rock physics.
    scenario : what it is like; by default drawn from the seed.
    origin : index of the first voxel, negative laterally, twt >= 0.
    structure : where layers go; by default that of seed and scenario.

    Returns
    -------
    Dataset with dims (iline, xline, twt): lithology, vp, vs, rho, impedance, rgt, fault, throw,
    sequence, body, body_kind, fluid, porosity and net_to_gross. Closures may hold oil or gas
    above flat contacts; their elastic values are those of the fluid (Gassmann).

    Raises
    ------
    ShapeError : shape or origin out of range.

    Examples
    --------
    >>> int(sample_world((16, 16, 32), seed=1).lithology.max()) < 10
    True
    """
    window = Window(three_integers(origin, "origin"), three_integers(shape, "shape"))
    is_wide = all(size == 1 or size >= MIN_SIZE for size in window.shape[:2])
    require(is_wide and window.shape[2] >= MIN_SIZE,
            f"shape is {window.shape}, wanted 1 or at least {MIN_SIZE} voxels along lines and at "
            f"least {MIN_SIZE} along twt", ShapeError)
    require(window.origin[2] >= 0,
            f"origin twt index is {window.origin[2]}, wanted 0 or more", ShapeError)
    if structure is None:
        structure = Structure.random(seed, scenario)
    require(scenario is None or scenario == structure.scenario,
            "scenario and structure.scenario differ; pass only one of them")
    structure.require_window(window)
    sink = MemorySink(Layout(window, Spacing(), labels=tuple(LABELS)))
    for tile in tiles_covering(window, TILE_SHAPE):
        common = tile.intersection(window)
        if common is None:
            continue
        values = labelled_world(structure, tile, Spacing(), seed)
        box = common.slices_in(tile)
        sink.put(common, {name: value[box] for name, value in values.items()})
    return sink.finish({
        "title": "lithogen procedural world", "seed": str(seed), "origin": list(window.origin),
        "scenario": structure.scenario.to_dict(),
    })
