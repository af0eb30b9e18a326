"""Where bodies lie: sites in cells of the map, patches of columns about them, the slope."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithogen.rng import uniform
from lithogen.structure.bodies.part import (
    INTERVAL_MS,
    REACH_MS,
    BodyKind,
    BodyPart,
)

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Site:
    """Where one body sits: its lateral cell, a place in it, and uniform draws in (0, 1).

    Parameters
    ----------
    cell : index of the lateral cell (y, x).
    y_m, x_m : absolute position in metres.
    draws : float64, (n_draw,).
    """

    cell: tuple[int, int]
    y_m: float
    x_m: float
    draws: Float


@dataclass(frozen=True, slots=True)
class Patch:
    """The columns of a lattice that one body may cover.

    Parameters
    ----------
    rows, cols : lattice indices, (n_row,) and (n_col,).
    y_m, x_m : their positions in metres.
    age_range : lowest and highest age in ms that the parts of the interval may take.
    """

    rows: NDArray[np.intp]
    cols: NDArray[np.intp]
    y_m: Float
    x_m: Float
    age_range: tuple[float, float]

    def local(self, y_m: float, x_m: float, azimuth_rad: float) -> tuple[Float, Float]:
        """Return distances in metres along and across an azimuth from a point, (n_row, n_col)."""
        cos, sin = np.cos(azimuth_rad), np.sin(azimuth_rad)
        d_y, d_x = self.y_m - y_m, self.x_m - x_m
        return np.add.outer(d_y * sin, d_x * cos), np.add.outer(d_y * cos, -d_x * sin)

    def part(
        self, kind: BodyKind, number: int, facies: int, top_age: Float, base_age: Float,
        **looks: Any,
    ) -> list[BodyPart]:
        """Return the part between two maps (n_row, n_col) of ages: one, or none where too thin.

        `looks` are the other fields of `BodyPart`. Ages beyond `age_range` are cut off.
        """
        low, high = self.age_range
        part = BodyPart.from_maps(
            kind, number, facies, np.maximum(top_age, low), np.minimum(base_age, high), **looks
        )
        if part is None:
            return []
        rows, cols = self.rows[part.rows], self.cols[part.cols]
        return [dataclasses.replace(part, rows=rows, cols=cols)]


def smooth_step(value: Float) -> Float:
    """Return 0 below 0, 1 above 1, and 3 u^2 - 2 u^3 between."""
    inside = np.clip(value, 0.0, 1.0)
    return np.asarray(inside * inside * (3.0 - 2.0 * inside))


def slope_azimuth(seed: int) -> float:
    """Return the direction from land to basin of a world, radians from the x axis."""
    return float(uniform(seed, "structure/slope", 0) * 2.0 * np.pi)


def sites_near(
    seed: int, stream: str, interval: int, y_m: Float, x_m: Float, *,
    cell_m: float, reach_m: float, chance: float, n_draw: int,
) -> list[Site]:
    """Return the sites whose bodies can touch a lattice, in the order of their cells.

    Parameters
    ----------
    seed, stream, interval : which random numbers.
    y_m, x_m : axes in metres, (n_iline,), (n_xline,); they only choose which cells are looked at.
    cell_m : size of the lateral cells, one site at most in each.
    reach_m : how far a body may reach from its site.
    chance : chance that a cell has a site, 0-1.
    n_draw : number of draws that come with a site.
    """
    first_y, last_y = float(y_m.min()) - reach_m, float(y_m.max()) + reach_m
    first_x, last_x = float(x_m.min()) - reach_m, float(x_m.max()) + reach_m
    range_y = np.arange(int(first_y // cell_m), int(last_y // cell_m) + 1)
    range_x = np.arange(int(first_x // cell_m), int(last_x // cell_m) + 1)
    cell_y, cell_x = np.repeat(range_y, range_x.size), np.tile(range_x, range_y.size)
    draws = uniform(
        seed, stream, interval, cell_y[:, None], cell_x[:, None], np.arange(3 + n_draw)
    )
    site_y, site_x = (cell_y + draws[:, 1]) * cell_m, (cell_x + draws[:, 2]) * cell_m
    is_near = (site_y > first_y) & (site_y < last_y) & (site_x > first_x) & (site_x < last_x)
    return [
        Site((int(cell_y[i]), int(cell_x[i])), float(site_y[i]), float(site_x[i]), draws[i, 3:])
        for i in np.flatnonzero(is_near & (draws[:, 0] < chance))
    ]


def patch_near(
    y_m: Float, x_m: Float, centre: tuple[float, float], reach_m: float, interval: int, *,
    reach_ms: tuple[float, float] = (REACH_MS, REACH_MS),
) -> Patch | None:
    """Return the columns within a square of half side `reach_m` about a point (y, x), or None.

    `reach_ms` is how far above and below the interval of age its parts may go.
    """
    rows = np.flatnonzero(np.abs(y_m - centre[0]) <= reach_m)
    cols = np.flatnonzero(np.abs(x_m - centre[1]) <= reach_m)
    if rows.size == 0 or cols.size == 0:
        return None
    ages = (interval * INTERVAL_MS - reach_ms[0], (interval + 1) * INTERVAL_MS + reach_ms[1])
    return Patch(rows, cols, y_m[rows], x_m[cols], ages)
