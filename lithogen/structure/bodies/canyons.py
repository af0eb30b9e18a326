"""Canyons and incised valleys: large erosional cuts with gullies and onlapping fill."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lithogen.rng import generator, uniform
from lithogen.rockphysics.facies import HETEROLITHIC, SANDSTONE, SHALE
from lithogen.structure.bodies._beside import Columns, Projection, project
from lithogen.structure.bodies._meander import Meander, Ripple, slow_azimuth, swing_of
from lithogen.structure.bodies.part import (
    INTERVAL_MS,
    REACH_MS,
    BodyContext,
    BodyKind,
    BodyPart,
    body_number,
)

Float = NDArray[np.float64]

CHANCE = 0.25
DEPTH_M = (60.0, 250.0)
WIDTH_M = (800.0, 4000.0)
SINUOSITY = (1.02, 1.25)
# How far above and below their interval they lie, ms; canyons deeper than below are moved up.
REACH_AGE_MS = (40.0, REACH_MS)
# Deep canyons in slow rock: what both and the interval hold.
MAX_DEPTH_MS = sum(REACH_AGE_MS) + INTERVAL_MS
LEAST_MS = 1.0
# No canyon reaches further than this from its offset: the widest, with the longest bends.
MAX_REACH_M = 26000.0
# Fills from the base up, by number of stages.
FILLS = {
    2: (SANDSTONE, SHALE),
    3: (SANDSTONE, HETEROLITHIC, SHALE),
    4: (SANDSTONE, HETEROLITHIC, SANDSTONE, SHALE),
}


@dataclass(frozen=True, slots=True)
class Canyon:
    """One canyon and its fill.

    Parameters
    ----------
    number : its label; `index` : (interval, lane), which random numbers are its own.
    line : centre line; `top_age` : age of its rim, ms.
    depth_ms, width_m : depth of its thalweg and mean width at the rim.
    steepness : exponent of the section, 1.2 (V) to 4 (U).
    terraces : number of terraces on the flanks; `tread` : how flat they are, 0-0.9.
    flanks : relative change of the half width along the left and the right flank.
    gully_m : length of tributary gullies; `gully_cell_m` : mean distance between them.
    slant : how far they lean upstream, along over across.
    levels : tops of the stages of fill, shares of the depth from the rim, deepest first.
    relief : change of those shares along the canyon; `swerve` : place of its inner channel.
    """

    number: int
    index: tuple[int, int]
    line: Meander
    top_age: float
    depth_ms: float
    width_m: float
    steepness: float
    terraces: int
    tread: float
    flanks: tuple[Ripple, Ripple]
    gully_m: float
    gully_cell_m: float
    slant: float
    levels: tuple[float, ...]
    relief: Ripple
    swerve: Ripple

    @property
    def reach_m(self) -> float:
        """Largest distance from the centre line to anything that was cut, m."""
        widest = 0.5 * self.width_m * (1.0 + max(flank.bound for flank in self.flanks))
        return widest + self.gully_m


def draw_parts(context: BodyContext, interval: int, y_m: Float, x_m: Float) -> list[BodyPart]:
    """Return the parts of the canyons of an age interval, in the order of painting.

    Parameters
    ----------
    context : seed, controls and velocity of the world.
    interval : index of the age interval, INTERVAL_MS each.
    y_m, x_m : lateral axes in m, (n_iline,) and (n_xline,).

    Examples
    --------
    >>> from lithogen.scenario import Scenario
    >>> from lithogen.structure.velocity import BackgroundVelocity
    >>> scenario = Scenario(canyons=0.0)
    >>> context = BodyContext(7, scenario, BackgroundVelocity.from_scenario(scenario))
    >>> draw_parts(context, 3, np.arange(4.0), np.arange(4.0))
    []
    """
    rng = generator(context.seed, "structure/canyon", interval)
    if rng.uniform() >= CHANCE * context.scenario.canyons:
        return []
    spacing = 12000.0 + 10000.0 * rng.uniform()
    azimuth = slow_azimuth(context.seed, "structure/canyon/azimuth", interval)
    columns = Columns.from_axes(y_m, x_m, azimuth)
    low, high = columns.box_m
    first = int(np.ceil((low[1] - MAX_REACH_M) / spacing - 0.2))
    last = int(np.floor((high[1] + MAX_REACH_M) / spacing + 0.2))
    parts: list[BodyPart] = []
    for lane in range(first, last + 1):
        canyon = draw_canyon(context, interval, lane, spacing)
        if canyon is None:
            continue
        across = canyon.line.reach_across_m + canyon.line.wander.bound + canyon.reach_m
        if not low[1] - across < canyon.line.offset_m < high[1] + across:
            continue
        along = canyon.line.reach_along_m + canyon.reach_m
        line = canyon.line.centreline(low[0] - along, high[0] + along, canyon.width_m / 12.0)
        near = project(columns, line, canyon.reach_m)
        if near.column.size:
            parts += _fill(canyon, context.seed, near, columns.n_xline)
    return parts


@lru_cache(maxsize=256)
def draw_canyon(
    context: BodyContext, interval: int, lane: int, spacing_m: float
) -> Canyon | None:
    """Return the canyon of a lane, or None where the lane is empty."""
    rng = generator(context.seed, "structure/canyon/lane", interval, lane)
    u = rng.uniform(size=14)
    if u[0] > 0.8:
        return None
    width = WIDTH_M[0] * (WIDTH_M[1] / WIDTH_M[0]) ** u[1]
    depth_m = DEPTH_M[0] * (DEPTH_M[1] / DEPTH_M[0]) ** (0.7 * u[2] + 0.3 * u[1])
    top = (interval + u[3]) * INTERVAL_MS
    depth_ms = min(context.milliseconds(depth_m, top), MAX_DEPTH_MS)
    top = min(top, (interval + 1) * INTERVAL_MS + REACH_MS - depth_ms)
    wavelength = width * (7.0 + 6.0 * u[4])
    flanks = (
        Ripple.random(rng, (0.5 * width, 5.0 * width), deviation=0.12),
        Ripple.random(rng, (0.5 * width, 5.0 * width), deviation=0.12),
    )
    line = Meander(
        wavelength_m=wavelength,
        swing_rad=swing_of(SINUOSITY[0] + (SINUOSITY[1] - SINUOSITY[0]) * u[5]),
        swing=Ripple.random(rng, (1.5 * wavelength, 5.0 * wavelength), deviation=0.15),
        lag=Ripple.random(rng, (2.0 * wavelength, 6.0 * wavelength), deviation=0.6),
        phase_rad=2.0 * np.pi * u[6],
        skew=0.0,
        offset_m=spacing_m * (lane + 0.4 * (u[7] - 0.5)),
        wiggle=Ripple.random(rng, (1.5 * width, 6.0 * width), deviation=0.04 * width),
        wander=Ripple.random(rng, (20000.0, 90000.0), deviation=1500.0),
    )
    stages = 2 + int(3.0 * u[8])
    # Tops of the stages from the lag upwards; the last one fills the canyon to its rim.
    inner = np.linspace(0.6 + 0.2 * u[9], 0.0, stages)[:-1]
    return Canyon(
        number=body_number(context.seed, BodyKind.CANYON, interval, lane),
        index=(interval, lane), line=line, top_age=top, depth_ms=depth_ms, width_m=width,
        steepness=1.2 * (4.0 / 1.2) ** u[10], terraces=2 + int(3.0 * u[11]),
        tread=0.9 * max(2.0 * u[12] - 1.0, 0.0), flanks=flanks,
        gully_m=width * rng.uniform(0.3, 0.8), gully_cell_m=width * rng.uniform(0.45, 0.9),
        slant=rng.uniform(0.2, 0.9) * (1.0 if u[13] < 0.5 else -1.0),
        levels=(*(float(level) for level in inner), 0.0),
        relief=Ripple.random(rng, (2.0 * width, 8.0 * width), deviation=0.03),
        swerve=Ripple.random(rng, (1.5 * width, 4.0 * width), deviation=0.22),
    )


def section(canyon: Canyon, seed: int, near: Projection) -> tuple[Float, Float]:
    """Return the depth of the cut in ms, <= 0 outside, and the place across, -1 to 1.

    Parameters
    ----------
    canyon : the canyon; seed : of the world; near : columns beside it.
    """
    left, right = (flank(near.station_m) for flank in canyon.flanks)
    # Flanks swap sides where the offset changes sign, at the thalweg: there it cannot be seen.
    half = 0.5 * canyon.width_m * (1.0 + np.where(near.offset_m > 0.0, left, right))
    across = near.offset_m / half
    cut = 1.0 - np.abs(across) ** canyon.steepness
    turn = 2.0 * np.pi * canyon.terraces
    cut = cut + canyon.tread * np.sin(turn * np.clip(cut, 0.0, 1.0)) / turn
    gully = _gullies(canyon, seed, near, np.abs(near.offset_m) - half)
    return canyon.depth_ms * np.maximum(cut, gully), across


def _gullies(canyon: Canyon, seed: int, near: Projection, edge_m: Float) -> Float:
    """Return the depth of tributary gullies on the flanks over the canyon's, <= 0 outside."""
    is_left = near.offset_m > 0.0
    # Gullies join at an acute angle, and bend a little on their way.
    place = near.station_m + canyon.slant * edge_m
    place = place + 0.06 * canyon.gully_cell_m * np.sin(7.0 * edge_m / canyon.width_m)
    cell = np.floor(place / canyon.gully_cell_m).astype(np.int64)
    stream, index = "structure/canyon/gully", (*canyon.index, is_left.astype(np.int64), cell)
    u, size, centre = (uniform(seed, stream, *index, k) for k in range(3))
    length = canyon.gully_m * (0.25 + 0.75 * size**2)
    # From inside the rim, where a gully hangs above the canyon floor, to its head.
    inside = 0.15 * canyon.width_m
    way = (edge_m + inside) / (length + inside)
    breadth = canyon.gully_cell_m * 0.26 * (1.0 - 0.7 * np.clip(way, 0.0, 1.0))
    beside = place - (cell + 0.5 + 0.4 * (centre - 0.5)) * canyon.gully_cell_m
    depth = 0.55 * (1.0 - way) * (1.0 - (beside / breadth) ** 2)
    return np.where((u < 0.65) & (way > 0.0) & (way < 1.0), depth, 0.0)


def _fill(canyon: Canyon, seed: int, near: Projection, n_xline: int) -> list[BodyPart]:
    """Return the stages of the fill, from the base up, and a channel sand inside it."""
    depth, across = section(canyon, seed, near)
    is_cut = depth > LEAST_MS
    depth, across, column = depth[is_cut], across[is_cut], near.column[is_cut]
    station = near.station_m[is_cut]
    # Levels sag over the thickest fill and change along the canyon; beds onlap the flanks.
    sag = 0.06 * np.maximum(1.0 - across**2, 0.0) + canyon.relief(station)
    parts: list[BodyPart] = []

    def add(facies: int, upper: Float, lower: Float) -> None:
        is_kept = lower - upper > LEAST_MS
        if is_kept.any():
            rows, cols = np.divmod(column[is_kept], n_xline)
            parts.append(BodyPart(
                BodyKind.CANYON, canyon.number, facies, rows, cols,
                (canyon.top_age + upper[is_kept]).astype(np.float32),
                (canyon.top_age + lower[is_kept]).astype(np.float32),
                0.15 if facies == SANDSTONE else 0.0,
            ))

    lower = depth
    for level, facies in zip(canyon.levels, FILLS[len(canyon.levels)], strict=True):
        upper = np.clip(canyon.depth_ms * (level + sag * (level > 0.0)), 0.0, depth)
        add(facies, upper, lower)
        if facies == HETEROLITHIC:
            # A sinuous channel of the next stage, cut into the top of this one.
            place = (across - canyon.swerve(station)) / 0.22
            channel = 0.13 * canyon.depth_ms * (1.0 - place**2)
            add(SANDSTONE, upper, np.minimum(upper + channel, depth))
        lower = upper
    return parts
