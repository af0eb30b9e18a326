"""Meandering channel belts: fills, levees, splays, oxbows, storeys; unbounded over the map."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lithogen.rng import generator
from lithogen.structure.bodies._channel_fill import Channel, Lane, lane_parts
from lithogen.structure.bodies._meander import (
    MAX_SWING_RAD,
    Columns,
    CutOffs,
    Meander,
    Ripple,
    amplitude_of,
    slow_azimuth,
    swing_of,
)
from lithogen.structure.bodies.part import INTERVAL_MS, BodyContext, BodyPart

Float = NDArray[np.float64]

CHANCE = 0.9
DEPTH_M = (5.0, 60.0)
WIDTH_OVER_DEPTH = (8.0, 60.0)
WIDTH_M = (100.0, 2500.0)
# Of lanes without cut-off loops; loops that were cut off make a line straighter again.
SINUOSITY = (1.08, 2.2)
# Storeys climb at most this far above the oldest, so that all stay within REACH_MS.
MAX_RISE_MS = 85.0
# Wavelength over width: bends of shorter ones would be tighter than the channel is wide.
LEAST_WAVELENGTH, MOST_WAVELENGTH = 9.5, 14.0
# How lanes of one belt differ, as factors, and bends of one lane, as relative deviation.
LENGTH_CHANGE = (0.85, 1.2)
WIDTH_CHANGE = (0.75, 1.3)
SWING_CHANGE = (0.85, 1.15)
SWING_DEVIATION = 0.07
# A sum of four equal cosines never leaves sqrt(8) of its deviations.
BEND_CHANGE = 8.0**0.5 * SWING_DEVIATION


@dataclass(frozen=True, slots=True)
class Belt:
    """A system of sub-parallel channels of one age interval.

    Parameters
    ----------
    interval : index of the age interval.
    top_age : age of the oldest channel tops, ms.
    depth_m, width_m : typical depth and width of its channels.
    azimuth_rad : mean flow direction from the x axis.
    wavelength_m : of the meanders; `swing_rad` : their swing, see `Meander`.
    spacing_m : distance between lanes across the flow.
    wander : shift of all lanes across the flow, m.
    """

    interval: int
    top_age: float
    depth_m: float
    width_m: float
    azimuth_rad: float
    wavelength_m: float
    swing_rad: float
    spacing_m: float
    wander: Ripple


def draw_parts(
    context: BodyContext, interval: int, y_m: Float, x_m: Float
) -> list[BodyPart]:
    """Return the parts of the channel belt of an age interval, in the order of painting.

    Parameters
    ----------
    context : seed, controls and velocity of the world.
    interval : index of the age interval, INTERVAL_MS each.
    y_m, x_m : lateral axes in m, (n_iline,) and (n_xline,).

    Examples
    --------
    >>> from lithogen.scenario import Scenario
    >>> from lithogen.structure.velocity import BackgroundVelocity
    >>> scenario = Scenario(channels=0.0)
    >>> context = BodyContext(7, scenario, BackgroundVelocity.from_scenario(scenario))
    >>> draw_parts(context, 3, np.arange(4.0), np.arange(4.0))
    []
    """
    belt = draw_belt(context, interval)
    if belt is None:
        return []
    columns = Columns.from_axes(y_m, x_m, belt.azimuth_rad)
    parts: list[BodyPart] = []
    low, high = _offsets_near(belt, *columns.box_m)
    for number in _lanes_between(belt, low, high):
        lane = draw_lane(context, interval, number)
        # Most lanes wander past: told apart before any of their lines are drawn.
        if lane is not None and low - lane.reach_m < lane.offset_m < high + lane.reach_m:
            parts += lane_parts(lane, columns, context.seed, interval)
    return parts


def _offsets_near(belt: Belt, low: Float, high: Float) -> tuple[float, float]:
    """Return the offsets across the flow of lanes that run through some columns."""
    margin = 0.5 * belt.wavelength_m + 7.0 * belt.width_m
    station = np.linspace(low[0] - margin, high[0] + margin, 40)
    shift = belt.wander(station)
    # Wander rises by less than its station, so between samples it adds less than a step.
    step = float(station[1] - station[0])
    return float(low[1] - shift.max() - step), float(high[1] - shift.min() + step)


def _lanes_between(belt: Belt, low_m: float, high_m: float) -> range:
    """Return the lanes that may reach offsets between two; some of them will not."""
    swing = min(SWING_CHANGE[1] * belt.swing_rad, MAX_SWING_RAD) * (1.0 + BEND_CHANGE)
    # Bends and their irregularities, then levees (or older storeys) of the widest lane.
    reach = belt.wavelength_m * WIDTH_CHANGE[1] * (amplitude_of(swing) + 0.08)
    reach += 7.0 * belt.width_m
    first = np.ceil((low_m - reach) / belt.spacing_m - 0.15)
    last = np.floor((high_m + reach) / belt.spacing_m + 0.15)
    return range(int(first), int(last) + 1)


@lru_cache(maxsize=256)
def draw_belt(context: BodyContext, interval: int) -> Belt | None:
    """Return the belt of an age interval, or None where there is none."""
    rng = generator(context.seed, "structure/channel", interval)
    exists = rng.uniform() < CHANCE * context.scenario.channels
    if not exists:
        return None
    u_top, u_depth, u_ratio, u_length, u_bend, u_space = rng.uniform(size=6)
    depth = DEPTH_M[0] * (DEPTH_M[1] / DEPTH_M[0]) ** u_depth
    low = max(WIDTH_OVER_DEPTH[0], WIDTH_M[0] / depth)
    high = min(WIDTH_OVER_DEPTH[1], WIDTH_M[1] / depth)
    width = depth * low * (high / low) ** u_ratio
    wavelength = width * (LEAST_WAVELENGTH + (MOST_WAVELENGTH - LEAST_WAVELENGTH) * u_length)
    swing = swing_of(SINUOSITY[0] + (SINUOSITY[1] - SINUOSITY[0]) * u_bend)
    # Half the way from bank to bank of the bends, for lanes that seldom run into each other.
    belt_m = wavelength * (0.2 + 0.45 * swing / 1.5) + width
    wander = Ripple.random(
        rng, (5.0 * wavelength, 25.0 * wavelength), deviation=0.35 * wavelength, n_wave=5
    )
    return Belt(
        interval=interval,
        top_age=(interval + u_top) * INTERVAL_MS,
        depth_m=float(depth),
        width_m=float(width),
        azimuth_rad=slow_azimuth(context.seed, "structure/channel/azimuth", interval),
        wavelength_m=float(wavelength),
        swing_rad=swing,
        spacing_m=float(max(belt_m * (1.0 + 1.1 * u_space), 1200.0)),
        wander=wander,
    )


@lru_cache(maxsize=1024)
def draw_lane(context: BodyContext, interval: int, number: int) -> Lane | None:
    """Return the channels of a lane of an interval's belt, or None where there are none."""
    belt = draw_belt(context, interval)
    if belt is None:
        return None
    rng = generator(context.seed, "structure/channel/lane", belt.interval, number)
    u = rng.uniform(size=12)
    if u[0] > 0.85:
        return None
    depth = float(np.clip(belt.depth_m * 0.8 * (1.25 / 0.8) ** u[2], *DEPTH_M))
    low, high = WIDTH_CHANGE
    narrow, wide = (depth * ratio for ratio in WIDTH_OVER_DEPTH)
    width = float(np.clip(
        belt.width_m * (low + (high - low) * u[1]),
        max(narrow, WIDTH_M[0]), min(wide, WIDTH_M[1]),
    ))
    top = belt.top_age + 10.0 * (u[3] - 0.5)
    depth_ms = context.milliseconds(depth, top)
    is_stacked = bool(u[5] < 0.65)
    count = 1 + int(np.searchsorted((0.4, 0.65, 0.85, 0.95), u[4]))
    count = count if is_stacked else min(count, 3)
    rise = depth_ms * (0.15 + 0.35 * u[6] if is_stacked else 0.7 + 0.5 * u[6])
    rise = min(rise, MAX_RISE_MS / max(count - 1, 1))
    line = _lane_line(context, belt, number, width, rng)
    # Walked back from the youngest storey, which stays where the lane is.
    steps = rng.uniform((0.1, 0.3), (0.7, 0.8), (count, 2))
    steps[-1] = 0.0
    steps[:, 1] *= np.where(rng.uniform(size=count) < 0.5, 1.0, -1.0)
    back = np.cumsum(steps[::-1], axis=0)[::-1] * width
    storeys = []
    for storey in range(count):
        age = count - 1 - storey
        # Bends of the younger storeys have grown and moved downstream.
        course = replace(
            line, swing_rad=line.swing_rad * (1.0 - 0.06 * age),
            phase_rad=line.phase_rad + 2.0 * np.pi * float(back[storey, 0]) / line.wavelength_m,
            offset_m=line.offset_m + float(back[storey, 1]),
            cut=line.cut if age == 0 else None,
        )
        breadth = Ripple.random(rng, (3.0 * width, 12.0 * width), deviation=0.06)
        storeys.append(Channel(course, top - storey * rise, depth_ms, width, breadth))
    return Lane(
        storeys=tuple(storeys), is_stacked=is_stacked, is_mud=bool(u[7] < 0.25),
        plug=float(0.25 + 0.35 * u[8]) if u[9] < 0.5 else 0.0, levee=float(0.15 + 0.25 * u[10]),
        levee_m=float(width * (1.0 + 2.0 * u[11])),
        splay_ms=context.milliseconds(4.0, top), number=number,
    )


def _lane_line(
    context: BodyContext, belt: Belt, number: int, width_m: float, rng: np.random.Generator
) -> Meander:
    """Return the centre line of the youngest storey of a lane, before its shifts."""
    wavelength = belt.wavelength_m * rng.uniform(*LENGTH_CHANGE)
    wavelength = max(float(wavelength), LEAST_WAVELENGTH * width_m)
    swing = float(min(belt.swing_rad * rng.uniform(*SWING_CHANGE), MAX_SWING_RAD))
    chance = 0.3 if swing > 1.1 else 0.0
    return Meander(
        wavelength_m=wavelength,
        swing_rad=swing,
        swing=Ripple.random(rng, (1.5 * wavelength, 6.0 * wavelength), deviation=SWING_DEVIATION),
        lag=Ripple.random(rng, (2.5 * wavelength, 8.0 * wavelength), deviation=0.7),
        phase_rad=rng.uniform(0.0, 2.0 * np.pi),
        skew=rng.uniform(-0.5, 0.5),
        offset_m=belt.spacing_m * (number + 0.3 * (rng.uniform() - 0.5)),
        wiggle=Ripple.random(
            rng, (0.7 * wavelength, 2.0 * wavelength), deviation=0.025 * wavelength
        ),
        wander=belt.wander,
        cut=CutOffs(context.seed, "structure/channel/cut", (belt.interval, number), chance),
    )
