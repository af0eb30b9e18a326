"""Structural closures of a reservoir top on a coarse map, and what fills them."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithogen.errors import ShapeError, require
from lithogen.rockphysics.fluids import BRINE, GAS, OIL

Float = NDArray[np.float64]

MIN_COLUMN_M = 10.0
# Share of the column that hydrocarbon fills at least; full to the spill point at most.
MIN_FILL = 0.3
# Of filled closures: gas alone, oil alone, the rest oil under a gas cap.
GAS_SHARE, OIL_SHARE = 0.35, 0.35
# Share of the hydrocarbon column that is gas cap, at least and at most.
GAS_CAP = (0.15, 0.6)


@dataclass(frozen=True, slots=True)
class Closure:
    """One trap of a map.

    Parameters
    ----------
    crest_m, spill_m : depth of its highest point and of its spill point, m.
    crest : row and column of the crest.
    mask : cells above the spill point that connect to the crest without leaving them, (ny, nx).
    area_m2 : area of the mask, m2.
    """

    crest_m: float
    spill_m: float
    crest: tuple[int, int]
    mask: NDArray[np.bool_]
    area_m2: float

    @property
    def column_m(self) -> float:
        """Greatest column that it can hold, spill less crest, m."""
        return self.spill_m - self.crest_m


@dataclass(frozen=True, slots=True)
class Fill:
    """Flat contacts of a filled closure, in background depth.

    Parameters
    ----------
    contact_m : depth of the contact with brine, m.
    gas_contact_m : depth of the base of gas: equal to contact_m where there is gas alone, minus
        infinity where there is none.
    """

    contact_m: float
    gas_contact_m: float

    def fluid(self, depth_m: ArrayLike) -> NDArray[np.int8]:
        """Return the index in `FLUIDS` of pores of the reservoir at depths in m."""
        depth = np.asarray(depth_m)
        liquid = np.where(depth < self.contact_m, OIL, BRINE)
        return np.where(depth < self.gas_contact_m, GAS, liquid).astype(np.int8)


def spill_depth(depth_m: Float) -> Float:
    """Depth down to which hydrocarbon can fill every cell of a map before it escapes.

    Parameters
    ----------
    depth_m : depth of a horizon, increasing downward, (ny, nx); NaN where it is absent.

    Returns
    -------
    (ny, nx), float64: the least, over all paths to the border, of the deepest point of the path;
    equal to depth_m outside closures. Cells on the border and beside NaN are open: nothing is
    trapped against the edge of the map. Paths go to all eight neighbours. NaN stays NaN.

    Source: priority-flood, Barnes, Lehman and Mulla (2014), Computers and Geosciences 62.
    """
    n_row, n_col = depth_m.shape
    width = n_col + 2
    # A frame of absent cells makes the border of the map an edge like any other.
    frame = np.full((n_row + 2, width), np.nan)
    frame[1:-1, 1:-1] = depth_m
    is_open = np.isnan(frame)
    level = frame.ravel().tolist()
    is_done = is_open.ravel().tolist()
    near = is_open | np.roll(is_open, 1, 0) | np.roll(is_open, -1, 0)
    edge = near | np.roll(near, 1, 1) | np.roll(near, -1, 1)
    heap: list[tuple[float, int]] = []
    for cell in np.flatnonzero(edge & ~is_open).tolist():
        heappush(heap, (level[cell], cell))
        is_done[cell] = True
    steps = (-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1)
    while heap:
        spill, cell = heappop(heap)
        for step in steps:
            other = cell + step
            if not is_done[other]:
                is_done[other] = True
                if level[other] < spill:
                    level[other] = spill
                heappush(heap, (level[other], other))
    return np.asarray(level).reshape(frame.shape)[1:-1, 1:-1]


def closures(
    depth_m: ArrayLike, *, least_column_m: float = MIN_COLUMN_M, cell_area_m2: float = 1.0
) -> list[Closure]:
    """Find the traps of a horizon, thickest column first.

    Parameters
    ----------
    depth_m : depth of the horizon in m, increasing downward, (ny, nx), at least 3 x 3; NaN
        where it is absent, which counts as border.
    least_column_m : smaller traps are left out, m.
    cell_area_m2 : area of a cell, m2.

    Returns
    -------
    One `Closure` per outermost spill point: domes that share one are one closure, whose crest
    is the highest of them. `filled_cells` tells which of them a contact reaches.

    Raises
    ------
    ShapeError : not a map, or smaller than 3 x 3.

    Examples
    --------
    >>> import numpy as np
    >>> bowl = np.full((5, 5), 1100.0)
    >>> bowl[2, 2] = 1000.0
    >>> [trap.column_m for trap in closures(bowl)]
    [100.0]
    """
    from scipy import ndimage

    depth = np.asarray(depth_m, dtype=np.float64)
    require(
        depth.ndim == 2 and min(depth.shape) >= 3,
        f"depth_m has shape {depth.shape}, wanted a map (ny, nx) of at least 3 x 3 cells",
        ShapeError,
    )
    spill = spill_depth(depth)
    inside = spill > depth
    labels, count = ndimage.label(inside, structure=np.ones((3, 3)))
    if count == 0:
        return []
    numbers = np.arange(1, count + 1)
    crests = ndimage.minimum_position(np.where(inside, depth, np.inf), labels, numbers)
    cells = np.bincount(labels.ravel())
    found = []
    for number, (row, col) in zip(numbers.tolist(), crests, strict=True):
        if spill[row, col] - depth[row, col] >= least_column_m:
            found.append(
                Closure(
                    float(depth[row, col]), float(spill[row, col]), (int(row), int(col)),
                    labels == number, float(cells[number]) * cell_area_m2,
                )
            )
    return sorted(found, key=lambda trap: -trap.column_m)


def fill(closure: Closure, u_fill: float, u_kind: float) -> Fill:
    """Fill a closure from two uniform numbers.

    Parameters
    ----------
    closure : the trap.
    u_fill : 0 to 1; the contact lies at crest + (0.3 + 0.7 u_fill) times the column.
    u_kind : 0 to 1; below 0.35 gas, below 0.7 oil, else oil under a gas cap of 15 to 60 % of
        the hydrocarbon column.

    Raises
    ------
    ConfigError : a number outside 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> trap = Closure(1000.0, 1100.0, (0, 0), np.ones((1, 1), bool), 1.0)
    >>> fill(trap, 1.0, 0.0)
    Fill(contact_m=1100.0, gas_contact_m=1100.0)
    """
    for name, value in (("u_fill", u_fill), ("u_kind", u_kind)):
        require(0.0 <= value <= 1.0, f"{name} is {value}, wanted a number from 0 to 1")
    column = closure.column_m * (MIN_FILL + (1.0 - MIN_FILL) * u_fill)
    contact = closure.crest_m + column
    oil_ends = GAS_SHARE + OIL_SHARE
    if u_kind < GAS_SHARE:
        return Fill(contact, contact)
    if u_kind < oil_ends:
        return Fill(contact, float("-inf"))
    low, high = GAS_CAP
    share = low + (high - low) * (u_kind - oil_ends) / (1.0 - oil_ends)
    return Fill(contact, closure.crest_m + share * column)


def filled_cells(closure: Closure, depth_m: ArrayLike, contact_m: float) -> NDArray[np.bool_]:
    """Cells of a closure that a contact fills: above it and connected to the crest above it.

    Parameters
    ----------
    closure : the trap.
    depth_m : the map that it was found on, (ny, nx), m.
    contact_m : depth of the contact, m. A second dome beyond a saddle deeper than the contact
        stays dry.

    Returns
    -------
    bool (ny, nx).
    """
    from scipy import ndimage

    above = closure.mask & (np.asarray(depth_m, dtype=np.float64) < contact_m)
    labels, _ = ndimage.label(above, structure=np.ones((3, 3)))
    return np.asarray(above & (labels == labels[closure.crest]))
