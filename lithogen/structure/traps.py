"""Traps: closures of reservoir horizons, filled to flat contacts, on a lattice of map cells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from lithogen.rng import generator
from lithogen.rockphysics.closures import Fill, closures, fill, filled_cells
from lithogen.structure import Structure
from lithogen.structure.bodies import SEQUENCE_OFFSET_MS
from lithogen.structure.present import bins_present

Float = NDArray[np.float64]

# Closures are looked for in map cells of this size, whose borders spill: none crosses them.
CELL_M = 12_800.0
STEP_M = 400.0
N_STEP = int(CELL_M / STEP_M)
# One reservoir at most in every interval of this many ms of age.
INTERVAL_MS = 130.0
LEAST_COLUMN_M = 12.0


@dataclass(frozen=True, slots=True)
class Trap:
    """A filled closure of one reservoir.

    Parameters
    ----------
    top_age, base_age : ages in ms between which porous rock is reservoir.
    contacts : flat contacts in background depth.
    mask : cells of the map that it fills, (N_STEP, N_STEP).
    y_m, x_m : place of the first cell in metres.
    """

    top_age: float
    base_age: float
    contacts: Fill
    mask: NDArray[np.bool_]
    y_m: float
    x_m: float

    def covers(self, y_m: Float, x_m: Float) -> NDArray[np.bool_]:
        """Return which columns lie over it, (n_iline, n_xline).

        One cell more than the closure on every side: the contact, not the coarse map, ends it.
        """
        from scipy.ndimage import binary_dilation

        wide = np.pad(binary_dilation(self.mask, np.ones((3, 3))), 1)
        row = np.clip(np.round((y_m - self.y_m) / STEP_M).astype(int) + 1, 0, N_STEP + 1)
        col = np.clip(np.round((x_m - self.x_m) / STEP_M).astype(int) + 1, 0, N_STEP + 1)
        return np.asarray(wide[np.ix_(row, col)])


def traps_near(
    structure: Structure, seed: int, intervals: list[int], y_m: Float, x_m: Float
) -> list[Trap]:
    """Return the traps of some intervals of age that may meet some axes, in canonical order."""
    if structure.scenario.hydrocarbons <= 0.0:
        return []
    rows = range(int(np.floor(y_m[0] / CELL_M)), int(np.floor(y_m[-1] / CELL_M)) + 1)
    cols = range(int(np.floor(x_m[0] / CELL_M)), int(np.floor(x_m[-1] / CELL_M)) + 1)
    return [trap for interval in intervals for row in rows for col in cols
            for trap in draw_traps(structure, seed, interval, row, col)]


@lru_cache(maxsize=512)
def draw_traps(
    structure: Structure, seed: int, interval: int, row: int, col: int
) -> tuple[Trap, ...]:
    """Return the filled closures of one reservoir in one cell of the map.

    Closures are those of the folds and of the thickness of layers; faults and salt do not
    seal here, they only displace reservoir rock against the flat contact.
    """
    rng = generator(seed, "prior/trap", interval)
    exists = rng.uniform() < structure.scenario.hydrocarbons
    u_top, u_thick = rng.uniform(size=2)
    age = (interval + float(u_top)) * INTERVAL_MS
    number = int(np.floor(age / SEQUENCE_OFFSET_MS + 0.3))
    if not exists or not 0 <= number < len(structure.sequences):
        return ()
    y_m = row * CELL_M + (np.arange(N_STEP) + 0.5) * STEP_M
    x_m = col * CELL_M + (np.arange(N_STEP) + 0.5) * STEP_M
    twt_s = structure.horizon_s(age, y_m, x_m)
    if not np.isfinite(twt_s).any():
        return ()
    depth = np.where(np.isfinite(twt_s), structure.velocity.depth(np.nan_to_num(twt_s)), np.nan)
    out = []
    for place, trap in enumerate(closures(depth, least_column_m=LEAST_COLUMN_M,
                                          cell_area_m2=STEP_M**2)):
        draw = generator(seed, "prior/trap/fill", interval, row, col, place)
        u_exists, u_fill, u_kind = (float(u) for u in draw.uniform(size=3))
        if u_exists > 0.5 + 0.5 * structure.scenario.hydrocarbons:
            continue
        contacts = fill(trap, u_fill, u_kind)
        mask = filled_cells(trap, depth, contacts.contact_m)
        out.append(Trap(age, age + 25.0 + 75.0 * float(u_thick), contacts, mask, float(y_m[0]),
                        float(x_m[0])))
    return tuple(out)


def fluids(
    structure: Structure, seed: int, age: NDArray[np.float32], depth_m: Float, y_m: Float,
    x_m: Float,
) -> NDArray[np.int8]:
    """Return the fluid of pores at every voxel, int8, index in `rockphysics.FLUIDS`.

    Parameters
    ----------
    structure, seed : the world.
    age : relative geologic time in ms, (n_iline, n_xline, n_twt).
    depth_m : background depth of every sample in m, (n_twt,).
    y_m, x_m : lateral axes in metres.
    """
    out = np.zeros(age.shape, dtype=np.int8)
    used = bins_present(torch.from_numpy(age), INTERVAL_MS)
    intervals = sorted({k - back for k in used for back in (0, 1)})
    for trap in traps_near(structure, seed, intervals, y_m, x_m):
        deep = depth_m < trap.contacts.contact_m
        rows, cols = np.nonzero(trap.covers(y_m, x_m))
        if rows.size == 0 or not deep.any():
            continue
        last = int(np.nonzero(deep)[0][-1]) + 1
        column = age[rows, cols, :last]
        inside = (column >= trap.top_age) & (column < trap.base_age)
        kind = trap.contacts.fluid(depth_m[:last])
        out[rows, cols, :last] = np.where(inside, kind, out[rows, cols, :last])
    return out
