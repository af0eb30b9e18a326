"""Meandering channel belts: fills, levees, splays, oxbows, storeys; unbounded over the map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lithogen.rng import uniform
from lithogen.structure.bodies._beside import Columns
from lithogen.structure.bodies._channel_fill import (
    DEEPEST,
    HIGHEST_LEVEE,
    Channel,
    Lane,
    lane_parts,
)
from lithogen.structure.bodies._meander import (
    MAX_SWING_RAD,
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
# How far above and below their interval they may lie, ms: see `_ages_within`.
REACH_AGE_MS = (40.0, 40.0)
# Numbers that a lane is drawn from.
_DRAWS, _STOREYS = 42, 5
# Wavelength over width: bends of shorter ones would be tighter than the channel is wide.
LEAST_WAVELENGTH, MOST_WAVELENGTH = 9.5, 14.0
# Levees and splays of a lane, or its older storeys, lie no further from its line, in widths.
REACH_WIDTHS = 5.5
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
    numbers = _lanes_between(belt, low, high)
    draws = _lane_draws(context.seed, interval, numbers)
    for number, u in zip(numbers, draws, strict=True):
        lane = _lane(context, belt, number, u, between_m=(low, high))
        if lane is not None:
            parts += lane_parts(lane, columns, context.seed, interval)
    return parts


def _offsets_near(belt: Belt, low: Float, high: Float) -> tuple[float, float]:
    """Return the offsets across the flow of lanes that run through some columns."""
    margin = 0.5 * belt.wavelength_m + REACH_WIDTHS * WIDTH_CHANGE[1] * belt.width_m
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
    reach += REACH_WIDTHS * WIDTH_CHANGE[1] * belt.width_m
    first = np.ceil((low_m - reach) / belt.spacing_m - 0.15)
    last = np.floor((high_m + reach) / belt.spacing_m + 0.15)
    return range(int(first), int(last) + 1)


@lru_cache(maxsize=256)
def draw_belt(context: BodyContext, interval: int) -> Belt | None:
    """Return the belt of an age interval, or None where there is none."""
    u = uniform(context.seed, "structure/channel", interval, np.arange(17))
    exists = u[0] < CHANCE * context.scenario.channels
    if not exists:
        return None
    u_top, u_depth, u_ratio, u_length, u_bend, u_space = u[1:7].tolist()
    depth = DEPTH_M[0] * (DEPTH_M[1] / DEPTH_M[0]) ** u_depth
    low = max(WIDTH_OVER_DEPTH[0], WIDTH_M[0] / depth)
    high = min(WIDTH_OVER_DEPTH[1], WIDTH_M[1] / depth)
    width = depth * low * (high / low) ** u_ratio
    wavelength = width * (LEAST_WAVELENGTH + (MOST_WAVELENGTH - LEAST_WAVELENGTH) * u_length)
    swing = swing_of(SINUOSITY[0] + (SINUOSITY[1] - SINUOSITY[0]) * u_bend)
    # Half the way from bank to bank of the bends, for lanes that seldom run into each other.
    belt_m = wavelength * (0.2 + 0.45 * swing / 1.5) + width
    wander = Ripple.drawn(u[7:], (5.0 * wavelength, 25.0 * wavelength), 0.35 * wavelength)
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


def _lane_draws(seed: int, interval: int, numbers: Sequence[int]) -> Float:
    """Return the uniform numbers of lanes, each in (0, 1), shape (n_lane, n)."""
    index = np.arange(_DRAWS + 11 * _STOREYS)
    lanes = np.asarray(numbers, dtype=np.int64).reshape(-1, 1)
    return uniform(seed, "structure/channel/lane", interval, lanes, index)


def draw_lane(context: BodyContext, interval: int, number: int) -> Lane | None:
    """Return the channels of a lane of an interval's belt, or None where there are none."""
    belt = draw_belt(context, interval)
    if belt is None:
        return None
    return _lane(context, belt, number, _lane_draws(context.seed, interval, [number])[0])


def _lane(
    context: BodyContext, belt: Belt, number: int, draws: Float, *,
    between_m: tuple[float, float] = (-np.inf, np.inf),
) -> Lane | None:
    """Return a lane of a belt from its uniform numbers, or None where there is none.

    `between_m` are offsets across the flow: lanes that reach none between them are left out.
    """
    u: list[float] = draws[:12].tolist()
    if u[0] > 0.85:
        return None
    depth = min(max(belt.depth_m * 0.8 * (1.25 / 0.8) ** u[2], DEPTH_M[0]), DEPTH_M[1])
    narrow, wide = (depth * ratio for ratio in WIDTH_OVER_DEPTH)
    width = belt.width_m * (WIDTH_CHANGE[0] + (WIDTH_CHANGE[1] - WIDTH_CHANGE[0]) * u[1])
    width = min(max(width, narrow, WIDTH_M[0]), wide, WIDTH_M[1])
    line = _lane_line(context, belt, number, width, draws[12:_DRAWS])
    # Most lanes wander past: told apart before anything else of them is drawn.
    reach = line.reach_across_m + REACH_WIDTHS * width
    if not between_m[0] - reach < line.offset_m < between_m[1] + reach:
        return None
    top = belt.top_age + 10.0 * (u[3] - 0.5)
    depth_ms, splay_ms = context.milliseconds(depth, top), context.milliseconds(4.0, top)
    is_stacked = u[5] < 0.65
    count = 1 + sum(u[4] > share for share in (0.4, 0.65, 0.85, 0.95))
    count = count if is_stacked else min(count, 3)
    rise = depth_ms * (0.15 + 0.35 * u[6] if is_stacked else 0.7 + 0.5 * u[6])
    levee = 0.15 + 0.25 * u[10]
    top, rise = _ages_within(
        belt.interval, top, (count - 1) * rise,
        above_ms=HIGHEST_LEVEE * levee * depth_ms + splay_ms, below_ms=DEEPEST * depth_ms,
    )
    storeys = _storeys(line, top, rise, depth_ms, draws[_DRAWS:], width, count)
    return Lane(
        storeys=storeys, is_stacked=is_stacked, is_mud=u[7] < 0.25,
        plug=0.25 + 0.35 * u[8] if u[9] < 0.5 else 0.0, levee=levee,
        levee_m=width * (1.0 + 2.0 * u[11]), splay_ms=splay_ms, number=number,
    )


def _ages_within(
    interval: int, top_age: float, rise_ms: float, *, above_ms: float, below_ms: float
) -> tuple[float, float]:
    """Return the age of the oldest top and the rise of the youngest, within REACH_AGE_MS.

    Parameters
    ----------
    interval : index of the age interval.
    top_age, rise_ms : as drawn: age of the oldest top, and by how much the youngest lies above.
    above_ms, below_ms : what lanes leave above their youngest and below their oldest top.

    Notes
    -----
    Deep channels in slow rock are moved, and climb less where that does not suffice.
    """
    low = interval * INTERVAL_MS - REACH_AGE_MS[0] + above_ms
    high = (interval + 1) * INTERVAL_MS + REACH_AGE_MS[1] - below_ms
    rise = min(rise_ms, high - low)
    return min(max(top_age, low + rise), high), rise


def _storeys(
    line: Meander, top: float, rise: float, depth_ms: float, u: Float, width: float, count: int
) -> tuple[Channel, ...]:
    """Return the channels of a lane, oldest first; the youngest has its `line`."""
    back = np.zeros(2)
    storeys: list[Channel] = []
    # Walked back from the youngest storey, which stays where the lane is.
    for age, own in enumerate(u.reshape(_STOREYS, 11)[:count]):
        if age > 0:
            step = 0.3 + 0.5 * own[1]
            back += (0.1 + 0.6 * own[0], step if own[2] > 0.5 else -step)
        # Bends of the younger storeys have grown and moved downstream.
        course = line if age == 0 else replace(
            line, swing_rad=line.swing_rad * (1.0 - 0.06 * age),
            phase_rad=line.phase_rad + 2.0 * np.pi * float(back[0]) * width / line.wavelength_m,
            offset_m=line.offset_m + float(back[1]) * width, cut=None,
        )
        breadth = Ripple.drawn(own[3:], (3.0 * width, 12.0 * width), 0.06)
        place = top - rise * (count - 1 - age) / max(count - 1, 1)
        storeys.append(Channel(course, place, depth_ms, width, breadth))
    return tuple(storeys[::-1])


def _lane_line(
    context: BodyContext, belt: Belt, number: int, width_m: float, draws: Float
) -> Meander:
    """Return the centre line of the youngest storey of a lane."""
    u: list[float] = draws[:5].tolist()
    low, high = LENGTH_CHANGE
    wavelength = max(belt.wavelength_m * (low + (high - low) * u[0]), LEAST_WAVELENGTH * width_m)
    low, high = SWING_CHANGE
    swing = min(belt.swing_rad * (low + (high - low) * u[1]), MAX_SWING_RAD)
    chance = 0.3 if swing > 1.1 else 0.0

    def ripple(first: int, low: float, high: float, deviation: float) -> Ripple:
        return Ripple.drawn(
            draws[first : first + 8], (low * wavelength, high * wavelength), deviation)

    return Meander(
        wavelength_m=wavelength,
        swing_rad=swing,
        swing=ripple(6, 1.5, 6.0, SWING_DEVIATION),
        lag=ripple(14, 2.5, 8.0, 0.7),
        phase_rad=2.0 * np.pi * u[2],
        skew=u[3] - 0.5,
        offset_m=belt.spacing_m * (number + 0.3 * (u[4] - 0.5)),
        wiggle=ripple(22, 0.7, 2.0, 0.025 * wavelength),
        wander=belt.wander,
        cut=CutOffs(context.seed, "structure/channel/cut", (belt.interval, number), chance),
    )
