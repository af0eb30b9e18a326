"""Procedural worlds: a structure filled with the prior's strata."""

from __future__ import annotations

import torch

from lithogen.grid import Spacing, Window
from lithogen.prior.tables import strata_of
from lithogen.strata.voxels import WorldFields, fill_structure
from lithogen.structure import Structure


def world_fields(
    structure: Structure, window: Window, spacing: Spacing, seed: int,
    device: torch.device | str = "cpu",
) -> WorldFields:
    """Fill a structure with procedural strata.

    Parameters
    ----------
    structure : Structure
        Where layers go.
    window, spacing : Window, Spacing
        Which voxels.
    seed : int
        Of strata and rock physics; the structure keeps its own.
    device : torch.device or str
        Where voxels are computed, see `fill_structure`.
    """
    return fill_structure(structure, window, spacing, strata_of(seed, structure), device)
