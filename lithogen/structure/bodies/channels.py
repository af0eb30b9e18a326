"""Meandering channel belts: fills, levees, splays, oxbows, storeys; unbounded over the map."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lithogen.rng import generator, uniform
from lithogen.rockphysics.facies import HETEROLITHIC, SANDSTONE, SHALE
from lithogen.structure.bodies._meander import (
    CutOffs,
    Meander,
    Projection,
    Ripple,
    flow_frame,
    project,
    slow_azimuth,
    swing_of,
)
from lithogen.structure.bodies.part import (
    INTERVAL_MS,
    BodyContext,
    BodyKind,
    BodyPart,
    body_number,
)

Float = NDArray[np.float64]

CHANCE = 0.9
DEPTH_M = (5.0, 60.0)
WIDTH_OVER_DEPTH = (8.0, 60.0)
WIDTH_M = (100.0, 2500.0)
# Bends twist the bank and swing varies along a line, so lines come out more sinuous than drawn.
SINUOSITY = (1.08, 1.95)
LEAST_MS = 0.4
# Storeys climb at most this far above the oldest, so that all stay within REACH_MS.
MAX_RISE_MS = 85.0


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


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel at one time: a storey of a lane.

    Parameters
    ----------
    line : its centre line; `top_age` : age of its top, ms.
    depth_ms, width_m : its depth at straight reaches and its mean width.
    breadth : relative change of the width along it.
    """

    line: Meander
    top_age: float
    depth_ms: float
    width_m: float
    breadth: Ripple


@dataclass(frozen=True, slots=True)
class Lane:
    """The storeys that one channel course has left, oldest first, and their filling.

    Parameters
    ----------
    storeys : channels, oldest first; `is_stacked` : whether they cut into each other.
    is_mud : whether the last was abandoned suddenly and filled with mud.
    plug : depth of the mud plug over the depth of the fill, 0 for none.
    levee : height of the levees over the depth; `levee_m` : their width.
    splay_ms : largest thickness of crevasse splays.
    number : index of the lane in its belt.
    """

    storeys: tuple[Channel, ...]
    is_stacked: bool
    is_mud: bool
    plug: float
    levee: float
    levee_m: float
    splay_ms: float
    number: int


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
    along, across = flow_frame(y_m, x_m, belt.azimuth_rad)
    points = np.stack([along.ravel(), across.ravel()], axis=-1)
    margin = 1.2 * belt.wavelength_m + belt.wander.bound + 6.0 * belt.width_m
    first = int(np.floor((across.min() - margin) / belt.spacing_m))
    last = int(np.ceil((across.max() + margin) / belt.spacing_m))
    parts: list[BodyPart] = []
    for number in range(first, last + 1):
        lane = draw_lane(context, belt, number)
        if lane is not None:
            parts += _lane_parts(context, belt, lane, points, len(x_m))
    return parts


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
    wavelength = width * (9.5 + 4.5 * u_length)
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


def draw_lane(context: BodyContext, belt: Belt, number: int) -> Lane | None:
    """Return the channels of a lane of a belt, or None where the lane is empty."""
    rng = generator(context.seed, "structure/channel/lane", belt.interval, number)
    u = rng.uniform(size=12)
    if u[0] > 0.85:
        return None
    width = float(np.clip(belt.width_m * 0.75 * (1.3 / 0.75) ** u[1], *WIDTH_M))
    depth = float(np.clip(belt.depth_m * 0.8 * (1.25 / 0.8) ** u[2], *DEPTH_M))
    top = belt.top_age + 10.0 * (u[3] - 0.5)
    depth_ms = context.milliseconds(depth, top)
    is_stacked = bool(u[5] < 0.65)
    count = 1 + int(np.searchsorted((0.4, 0.65, 0.85, 0.95), u[4]))
    count = count if is_stacked else min(count, 3)
    rise = depth_ms * (0.15 + 0.35 * u[6] if is_stacked else 0.7 + 0.5 * u[6])
    rise = min(rise, MAX_RISE_MS / max(count - 1, 1))
    line = _lane_line(context, belt, number, rng)
    shift, drift = 0.0, 0.0
    storeys = []
    for storey in range(count):
        age = count - 1 - storey
        # Bends of the younger storeys have grown and moved downstream.
        course = replace(
            line, swing_rad=line.swing_rad * (1.0 - 0.06 * age),
            phase_rad=line.phase_rad - drift, offset_m=line.offset_m + shift,
            cut=line.cut if age == 0 else None,
        )
        breadth = Ripple.random(rng, (3.0 * width, 12.0 * width), deviation=0.06)
        storeys.append(Channel(course, top - storey * rise, depth_ms, width, breadth))
        drift += 2.0 * np.pi * width / line.wavelength_m * rng.uniform(0.1, 0.7)
        shift += width * rng.uniform(0.3, 0.8) * (1.0 if rng.uniform() < 0.5 else -1.0)
    return Lane(
        storeys=tuple(storeys), is_stacked=is_stacked, is_mud=bool(u[7] < 0.25),
        plug=float(0.25 + 0.35 * u[8]) if u[9] < 0.5 else 0.0, levee=float(0.15 + 0.25 * u[10]),
        levee_m=float(width * (1.0 + 2.0 * u[11])),
        splay_ms=context.milliseconds(4.0, top), number=number,
    )


def _lane_line(
    context: BodyContext, belt: Belt, number: int, rng: np.random.Generator
) -> Meander:
    """Return the centre line of the youngest storey of a lane, before its shifts."""
    wavelength = belt.wavelength_m * rng.uniform(0.85, 1.2)
    swing = float(min(belt.swing_rad * rng.uniform(0.85, 1.15), swing_of(SINUOSITY[1])))
    chance = 0.3 if swing > 1.1 else 0.0
    return Meander(
        wavelength_m=wavelength,
        swing_rad=swing,
        swing=Ripple.random(rng, (1.5 * wavelength, 6.0 * wavelength), deviation=0.09),
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


def near_line(
    channel: Channel, points: Float, reach_m: float, *, is_whole: bool = False
) -> Projection:
    """Return the columns within `reach_m` of a channel's centre line.

    Parameters
    ----------
    channel : the channel.
    points : columns in the frame of the belt, (n, 2), in m.
    reach_m : largest distance in m.
    is_whole : whether to look only at the loops that have been cut off, as they were before.
    """
    line = channel.line
    margin = line.reach_along_m + reach_m
    first, last = points[:, 0].min() - margin, points[:, 0].max() + margin
    step = channel.width_m / (5.0 * line.sinuosity)
    if not is_whole or line.cut is None:
        return project(points, line.centreline(first, last, step), reach_m)
    old = replace(line, cut=None).centreline(first, last, step)
    bend = np.rint(old.phase / np.pi)
    is_loop = line.cut(bend.astype(np.int64)) & (np.abs(old.phase - np.pi * bend) < 1.25)
    return project(points, old.where(is_loop), reach_m)


@dataclass(frozen=True, slots=True)
class Section:
    """Cross-section of a channel at columns, arrays of shape (n,).

    Parameters
    ----------
    depth_ms : depth of the erosional base below the flat top, ms; <= 0 outside the banks.
    inward : place across over half the width times the strength of the bend, > 0 towards
        the inner bank; 0 where the channel is straight.
    from_thalweg : distance from the deepest line over half the width, signed.
    edge_m : distance outside the bank in m, < 0 inside.
    """

    depth_ms: Float
    inward: Float
    from_thalweg: Float
    edge_m: Float


def section(channel: Channel, near: Projection) -> Section:
    """Return the cross-section at columns: deepest at the outer bank of bends.

    Parameters
    ----------
    channel : the channel; near : columns beside it.
    """
    bend = np.tanh(2.2 * channel.width_m * near.curvature)
    strength = np.abs(bend)
    half = 0.5 * channel.width_m * (1.0 + channel.breadth(near.station_m) + 0.1 * strength)
    across = -np.sign(bend) * near.offset_m / half
    thalweg = 0.5 * strength
    from_thalweg = across - thalweg
    share = np.abs(from_thalweg) / np.where(from_thalweg > 0.0, 1.0 - thalweg, 1.0 + thalweg)
    depth = channel.depth_ms * (0.9 + 0.2 * strength) * (1.0 - share**2.2)
    return Section(depth, -strength * across, from_thalweg, np.abs(near.offset_m) - half)


class _Painter:
    """Collects parts of one lane from columns and intervals of age."""

    def __init__(self, context: BodyContext, belt: Belt, lane: Lane, n_xline: int) -> None:
        self.index = (context.seed, belt.interval, lane.number)
        self.n_xline = n_xline
        self.parts: list[BodyPart] = []

    def add(
        self, kind: BodyKind, facies: int, column: NDArray[np.intp], top: Float, base: Float
    ) -> None:
        """Add the columns where `base` lies below `top`."""
        is_kept = base - top > LEAST_MS
        if not is_kept.any():
            return
        seed, interval, lane = self.index
        rows, cols = np.divmod(column[is_kept], self.n_xline)
        # Sand compacts least: the layers above drape it.
        drape = {SANDSTONE: 0.25, HETEROLITHIC: 0.1}.get(facies, 0.0)
        self.parts.append(BodyPart(
            kind, body_number(seed, kind, interval, lane), facies, rows, cols,
            top[is_kept].astype(np.float32), base[is_kept].astype(np.float32),
            drape if kind == BodyKind.CHANNEL else 0.0,
        ))


def _lane_parts(
    context: BodyContext, belt: Belt, lane: Lane, points: Float, n_xline: int
) -> list[BodyPart]:
    """Return the parts of a lane, oldest storey first."""
    line = lane.storeys[-1].line
    width = lane.storeys[-1].width_m
    distance = line.reach_across_m + 0.7 * width + lane.levee_m
    low, high = points[:, 1].min() - distance, points[:, 1].max() + distance
    shifts = [channel.line.offset_m for channel in lane.storeys]
    if max(shifts) < low or min(shifts) > high:
        return []
    painter = _Painter(context, belt, lane, n_xline)
    for storey, channel in enumerate(lane.storeys):
        is_last = storey == len(lane.storeys) - 1
        has_levee = is_last or not lane.is_stacked
        reach = 0.7 * width + (lane.levee_m if has_levee else 0.0)
        near = near_line(channel, points, reach)
        if is_last:
            _add_oxbows(painter, channel, points, near)
        if near.column.size:
            shape = section(channel, near)
            _add_fill(painter, lane, channel, near.column, shape, is_last=is_last)
            if has_levee:
                _add_levees(painter, lane, channel, near, shape.edge_m)
                _add_splays(painter, lane, channel, near, shape.edge_m)
    return painter.parts


def _add_fill(
    painter: _Painter, lane: Lane, channel: Channel, column: NDArray[np.intp],
    shape: Section, *, is_last: bool,
) -> None:
    """Add the fill of a channel: sand, finer upwards, or mud over a sandy lag."""
    kind, is_inside = BodyKind.CHANNEL, shape.edge_m < 0.0
    column, depth = column[is_inside], shape.depth_ms[is_inside]
    top = np.full(column.shape, channel.top_age)
    base = top + depth
    if is_last and lane.is_mud:
        lag = np.minimum(0.35 * np.maximum(depth - 0.55 * channel.depth_ms, 0.0), depth)
        painter.add(kind, SHALE, column, top, base - lag)
        painter.add(kind, SANDSTONE, column, base - lag, base)
        return
    if lane.is_stacked and not is_last:
        painter.add(kind, SANDSTONE, column, top, base)
        return
    # Point bars fine upwards: more of the section is fine-grained towards the inner bank.
    fine = channel.depth_ms * (0.3 + 0.2 * shape.inward[is_inside])
    painter.add(kind, SANDSTONE, column, top + fine, base)
    painter.add(kind, HETEROLITHIC, column, top, np.minimum(top + fine, base))
    if is_last and lane.plug > 0.0:
        place = shape.from_thalweg[is_inside] / 0.6
        hollow = lane.plug * channel.depth_ms * (1.0 - place**2)
        painter.add(kind, SHALE, column, top, top + np.minimum(hollow, depth))


def _add_oxbows(
    painter: _Painter, channel: Channel, points: Float, near: Projection
) -> None:
    """Add loops that the channel has cut off: mud over a sandy bottom."""
    if channel.line.cut is None or channel.line.cut.chance == 0.0:
        return
    old = near_line(channel, points, 0.7 * channel.width_m, is_whole=True)
    if old.column.size == 0:
        return
    depth = section(channel, old).depth_ms
    top = np.full(depth.shape, channel.top_age)
    mud = 0.65 * depth
    painter.add(BodyKind.CHANNEL, SANDSTONE, old.column, top + mud, top + 0.95 * depth)
    painter.add(BodyKind.CHANNEL, SHALE, old.column, top, top + mud)


def _outward(near: Projection) -> tuple[NDArray[np.int64], Float, Float]:
    """Return number of the bend, phase from its apex and sign towards its outer bank."""
    bend = np.rint(near.phase / np.pi)
    # Bends of even number turn left, so their outer bank is on the right, and so on.
    sign = np.where(bend % 2 == 0, -1.0, 1.0)
    return bend.astype(np.int64), near.phase - np.pi * bend, sign


def _add_levees(
    painter: _Painter, lane: Lane, channel: Channel, near: Projection, edge_m: Float
) -> None:
    """Add levees, wedges above the channel's top; higher and wider at outer banks."""
    _, angle, sign = _outward(near)
    outer = np.cos(angle) * np.clip(sign * near.offset_m / channel.width_m, -1.0, 1.0)
    away = edge_m / (lane.levee_m * (0.7 + 1.2 * channel.breadth(near.station_m) + 0.15 * outer))
    share = np.clip(1.0 - away, 0.0, 1.0) ** 1.6 * np.clip(away / 0.06, 0.0, 1.0)
    height = lane.levee * channel.depth_ms * share * (1.0 + 0.3 * outer)
    top = np.full(away.shape, channel.top_age)
    painter.add(BodyKind.LEVEE, HETEROLITHIC, near.column, top - height, top)


def _add_splays(
    painter: _Painter, lane: Lane, channel: Channel, near: Projection, edge_m: Float
) -> None:
    """Add crevasse splays: thin sandy lobes that spread from the outer bank of some bends."""
    bend, angle, sign = _outward(near)
    seed, *index = painter.index
    # Four hashed numbers a bend: whether, how long, where, how thick.
    u, length, place, thick = (
        uniform(seed, "structure/channel/splay", *index, bend, k) for k in range(4)
    )
    length = (0.45 + 0.4 * length) * lane.levee_m / channel.width_m
    out = (sign * near.offset_m / channel.width_m - 0.45) / length
    is_splay = (u < 0.5) & (edge_m > 0.0) & (out > 0.0) & (out < 1.0)
    if not is_splay.any():
        return
    arc = channel.line.wavelength_m * channel.line.sinuosity / (2.0 * np.pi * channel.width_m)
    beside = (angle - 0.6 * (place - 0.5)) * arc
    # A lobe: narrow at the breach, widest two thirds out, with a fingered front.
    inside = np.clip(out, 0.0, 1.0)
    spread = length * (0.06 + 0.85 * inside * np.sqrt(1.0 - inside**2))
    spread = spread * (1.0 + 0.15 * np.cos(11.0 * beside / length + 6.0 * place))
    lobe = np.maximum(1.0 - (beside / spread) ** 2, 0.0) * (1.0 - 0.6 * inside)
    sheet = np.where(is_splay, lane.splay_ms * (0.3 + 0.7 * thick) * lobe, 0.0)
    top = np.full(sheet.shape, channel.top_age)
    painter.add(BodyKind.SPLAY, SANDSTONE, near.column, top - sheet, top)
