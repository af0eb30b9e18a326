"""What a channel leaves behind: fill, plug, oxbows, levees and splays as parts of bodies."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lithogen.rng import uniform
from lithogen.rockphysics.facies import HETEROLITHIC, SANDSTONE, SHALE
from lithogen.structure.bodies._meander import Columns, Meander, Projection, Ripple, project
from lithogen.structure.bodies.part import BodyKind, BodyPart, body_number

Float = NDArray[np.float64]

LEAST_MS = 0.4


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

    @property
    def offset_m(self) -> float:
        """Position of the youngest storey across the flow, without the belt's wander, m."""
        return self.storeys[-1].line.offset_m

    @property
    def reach_m(self) -> float:
        """How far from its offset the lane has left anything, across the flow, in m."""
        reach = 0.0
        for storey in self.storeys:
            shift = abs(storey.line.offset_m - self.offset_m)
            reach = max(reach, shift + storey.line.reach_across_m)
        return reach + 0.7 * self.storeys[-1].width_m + self.levee_m


def near_line(
    channel: Channel, columns: Columns, reach_m: float, *, is_whole: bool = False
) -> Projection:
    """Return the columns within `reach_m` of a channel's centre line.

    Parameters
    ----------
    channel : the channel.
    columns : columns in the frame of the belt.
    reach_m : largest distance in m.
    is_whole : whether to look only at the loops that have been cut off, as they were before.
    """
    line = channel.line
    margin = line.reach_along_m + reach_m
    low, high = columns.box_m
    first, last = float(low[0]) - margin, float(high[0]) + margin
    step = channel.width_m / (5.0 * line.sinuosity)
    if not is_whole or line.cut is None:
        return project(columns, line.centreline(first, last, step), reach_m)
    old = replace(line, cut=None).centreline(first, last, step)
    bend = np.rint(old.phase / np.pi)
    is_loop = line.cut(bend.astype(np.int64)) & (np.abs(old.phase - np.pi * bend) < 1.25)
    return project(columns, old, reach_m, is_loop)


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
    # Smooth along the line, so its vertices are enough: interpolated rather than evaluated.
    line = near.line
    turn = np.tanh(2.2 * channel.width_m * line.curvature)
    wide = 0.5 * channel.width_m * (1.0 + channel.breadth(line.station_m) + 0.1 * np.abs(turn))
    bend, half = near.along(turn), near.along(wide)
    strength = np.abs(bend)
    across = -np.sign(bend) * near.offset_m / half
    thalweg = 0.5 * strength
    from_thalweg = across - thalweg
    share = np.abs(from_thalweg) / np.where(from_thalweg > 0.0, 1.0 - thalweg, 1.0 + thalweg)
    depth = channel.depth_ms * (0.9 + 0.2 * strength) * (1.0 - share**2.2)
    return Section(depth, -strength * across, from_thalweg, np.abs(near.offset_m) - half)


class _Painter:
    """Collects parts of one lane from columns and intervals of age."""

    def __init__(self, seed: int, interval: int, lane: Lane, n_xline: int) -> None:
        self.index = (seed, interval, lane.number)
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


def lane_parts(lane: Lane, columns: Columns, seed: int, interval: int) -> list[BodyPart]:
    """Return the parts of a lane of an interval's belt, oldest storey first."""
    width = lane.storeys[-1].width_m
    painter = _Painter(seed, interval, lane, columns.n_xline)
    for storey, channel in enumerate(lane.storeys):
        is_last = storey == len(lane.storeys) - 1
        has_levee = is_last or not lane.is_stacked
        reach = 0.7 * width + (lane.levee_m if has_levee else 0.0)
        near = near_line(channel, columns, reach)
        if is_last:
            _add_oxbows(painter, channel, columns)
        if near.column.size:
            shape = section(channel, near)
            _add_fill(painter, lane, channel, near.column, shape, is_last=is_last)
            if has_levee:
                crest = _add_levees(painter, lane, channel, near, shape.edge_m)
                if is_last:
                    _add_splays(painter, lane, channel, near, crest)
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
    painter: _Painter, channel: Channel, columns: Columns
) -> None:
    """Add loops that the channel has cut off: mud over a sandy bottom."""
    if channel.line.cut is None or channel.line.cut.chance == 0.0:
        return
    old = near_line(channel, columns, 0.7 * channel.width_m, is_whole=True)
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
) -> Float:
    """Add levees, higher and wider at outer banks; return the age of their surface, ms."""
    _, angle, sign = _outward(near)
    outer = np.cos(angle) * np.clip(sign * near.offset_m / channel.width_m, -1.0, 1.0)
    away = edge_m / (lane.levee_m * (0.7 + 1.2 * near.along(channel.breadth(near.line.station_m)) + 0.15 * outer))
    share = np.clip(1.0 - away, 0.0, 1.0) ** 1.6 * np.clip(away / 0.06, 0.0, 1.0)
    height = lane.levee * channel.depth_ms * share * (1.0 + 0.3 * outer)
    top = np.full(away.shape, channel.top_age)
    painter.add(BodyKind.LEVEE, HETEROLITHIC, near.column, top - height, top)
    return np.asarray(top - height)


def _add_splays(
    painter: _Painter, lane: Lane, channel: Channel, near: Projection, surface: Float
) -> None:
    """Add crevasse splays: thin sandy lobes on the levee's `surface`, outside some bends."""
    bend, angle, sign = _outward(near)
    seed, *index = painter.index
    # Four hashed numbers a bend: whether, how long, where, how thick.
    u, length, place, thick = (
        uniform(seed, "structure/channel/splay", *index, bend, k) for k in range(4)
    )
    length = (0.6 + 0.4 * length) * lane.levee_m / channel.width_m
    out = (sign * near.offset_m / channel.width_m - 0.65) / length
    # A bend that was cut off no longer turns the way its number says: no splay there.
    is_splay = (u < 0.6) & (out > 0.0) & (out < 1.0) & (sign * near.curvature < 0.0)
    if not is_splay.any():
        return
    arc = channel.line.wavelength_m * channel.line.sinuosity / (2.0 * np.pi * channel.width_m)
    beside = (angle - 0.6 * (place - 0.5)) * arc
    # A lobe: narrow at the breach, widest two thirds out, with a fingered front.
    inside = np.clip(out, 0.0, 1.0)
    spread = length * (0.08 + 1.1 * inside * np.sqrt(1.0 - inside**2))
    spread = spread * (1.0 + 0.15 * np.cos(11.0 * beside / length + 6.0 * place))
    lobe = np.maximum(1.0 - (beside / spread) ** 2, 0.0) * (1.0 - 0.6 * inside)
    sheet = np.where(is_splay, lane.splay_ms * (0.3 + 0.7 * thick) * lobe, 0.0)
    painter.add(BodyKind.SPLAY, SANDSTONE, near.column, surface - sheet, surface)
