"""What a channel leaves behind: fill, plug, oxbows, levees and splays as parts of bodies."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lithogen.rng import uniform
from lithogen.rockphysics.facies import HETEROLITHIC, SANDSTONE, SHALE
from lithogen.structure.bodies._beside import Columns, Projection, project
from lithogen.structure.bodies._meander import Meander, Ripple, Stretch
from lithogen.structure.bodies.part import BodyKind, BodyPart, body_number

Float = NDArray[np.float64]

LEAST_MS = 0.4
# Levees: shape of their flank, and height at the outer bank over that at straight reaches.
LEVEE_POWER, HIGHEST_LEVEE = 1.6, 1.3
# Depth in the sharpest bends over the depth at straight reaches is 1.1, see `section`.
DEEPEST = 1.1
# Vertices of a line on a length of one width.
VERTICES = 4.0
# Splays begin at this distance from the line over the width.
SPLAY_START = 0.65


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

    @property
    def half_m(self) -> float:
        """Half of its largest width, m, see `half_width`."""
        return 0.5 * self.width_m * (1.1 + self.breadth.bound)


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
        return reach + self.beside_m(len(self.storeys) - 1)

    def has_levee(self, storey: int) -> bool:
        """Return whether a storey kept its levees: the youngest, or any that none cut into."""
        return storey == len(self.storeys) - 1 or not self.is_stacked

    def beside_m(self, storey: int) -> float:
        """Return how far from its line a storey has left anything, in m."""
        channel = self.storeys[storey]
        breadth = channel.breadth.bound
        half = channel.half_m
        if not self.has_levee(storey):
            return half
        # Where levees get thinner than LEAST_MS, see `_add_levees`.
        share: float = LEAST_MS / (HIGHEST_LEVEE * self.levee * channel.depth_ms)
        away = 1.0 - float(min(share, 1.0) ** (1.0 / LEVEE_POWER))
        reach = half + away * self.levee_m * (0.85 + 1.2 * breadth)
        is_last = storey == len(self.storeys) - 1
        return max(reach, SPLAY_START * channel.width_m + self.levee_m) if is_last else reach


    def stretch(self, columns: Columns) -> Stretch:
        """Return the stations of the lane that can have left anything in some columns."""
        line, width = self.storeys[-1].line, self.storeys[-1].width_m
        margin = line.reach_along_m + self.beside_m(len(self.storeys) - 1)
        low, high = columns.box_m
        step = width / (VERTICES * line.sinuosity)
        return line.stretch(float(low[0]) - margin, float(high[0]) + margin, step)


def near_line(
    channel: Channel, columns: Columns, reach_m: float, stretch: Stretch, *,
    is_whole: bool = False,
) -> Projection | None:
    """Return the columns within `reach_m` of a channel's centre line; None where there are none.

    Parameters
    ----------
    channel : the channel.
    columns : columns in the frame of the belt.
    reach_m : largest distance in m.
    stretch : stations to look at, see `Lane.stretch`.
    is_whole : whether to look only at the loops that have been cut off, as they were before.
    """
    line = channel.line
    low, high = columns.box_m
    reach_across = line.reach_across_m - line.wiggle.bound + reach_m
    here = stretch.between(
        float(low[1]) - line.offset_m - reach_across, float(high[1]) - line.offset_m + reach_across
    )
    if here is None:
        return None
    is_loop = None
    if is_whole and line.cut is not None:
        phase = line.phase_along(here)
        bend = np.rint(phase / np.pi)
        is_loop = line.cut(bend.astype(np.int64)) & (np.abs(phase - np.pi * bend) < 1.25)
        if not is_loop.any():
            return None
        line = replace(line, cut=None)
    near = project(columns, line.trace(here), reach_m, is_loop)
    return near if near.column.size else None


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
    bend, half = near.along(_bend(channel, near)), near.along(half_width(channel, near))
    strength = np.abs(bend)
    across = -np.sign(bend) * near.offset_m / half
    thalweg = 0.5 * strength
    from_thalweg = across - thalweg
    share = np.abs(from_thalweg) / np.where(from_thalweg > 0.0, 1.0 - thalweg, 1.0 + thalweg)
    depth = channel.depth_ms * (0.9 + (DEEPEST - 0.9) * strength) * (1.0 - share**2.2)
    return Section(depth, -strength * across, from_thalweg, np.abs(near.offset_m) - half)


def _bend(channel: Channel, near: Projection) -> Float:
    """Return the strength of the bend at the vertices of the line, -1 to 1, > 0 to the left."""
    return np.asarray(np.tanh(2.2 * channel.width_m * near.line.curvature))


def half_width(channel: Channel, near: Projection) -> Float:
    """Return half the width at the vertices of the line, m: wider in bends."""
    breadth = channel.breadth(near.line.station_m)
    return 0.5 * channel.width_m * (1.0 + breadth + 0.1 * np.abs(_bend(channel, near)))


class _Painter:
    """Collects parts of one lane from columns and intervals of age."""

    def __init__(self, seed: int, interval: int, lane: Lane, n_xline: int) -> None:
        self.index = (seed, interval, lane.number)
        self.n_xline = n_xline
        self.parts: list[BodyPart] = []
        self.numbers: dict[BodyKind, int] = {}

    def add(
        self, kind: BodyKind, facies: int, column: NDArray[np.intp], top: Float | float,
        base: Float | float,
    ) -> None:
        """Add the columns where `base` lies below `top`; numbers stand for flat surfaces."""
        is_kept = np.subtract(base, top) > LEAST_MS
        if not is_kept.any():
            return
        if kind not in self.numbers:
            seed, interval, lane = self.index
            self.numbers[kind] = body_number(seed, kind, interval, lane)
        kept = column[is_kept]
        rows = kept // self.n_xline
        upper, lower = (
            one[is_kept].astype(np.float32) if isinstance(one, np.ndarray)
            else np.full(kept.shape, one, dtype=np.float32) for one in (top, base)
        )
        # Sand compacts least: the layers above drape it.
        drape = {SANDSTONE: 0.25, HETEROLITHIC: 0.1}.get(facies, 0.0)
        self.parts.append(BodyPart(
            kind, self.numbers[kind], facies, rows, kept - rows * self.n_xline, upper, lower,
            drape if kind == BodyKind.CHANNEL else 0.0,
        ))


def lane_parts(lane: Lane, columns: Columns, seed: int, interval: int) -> list[BodyPart]:
    """Return the parts of a lane of an interval's belt, oldest storey first."""
    painter = _Painter(seed, interval, lane, columns.n_xline)
    stretch = lane.stretch(columns)
    for storey, channel in enumerate(lane.storeys):
        is_last = storey == len(lane.storeys) - 1
        if is_last:
            _add_oxbows(painter, channel, columns, stretch)
        near = near_line(channel, columns, lane.beside_m(storey), stretch)
        if near is None:
            continue
        edge_m = np.abs(near.offset_m) - near.along(half_width(channel, near))
        is_inside = edge_m < 0.0
        _add_fill(painter, lane, channel, near.where(is_inside), is_last=is_last)
        if lane.has_levee(storey):
            is_outside = ~is_inside
            beside = _Overbank.beside(channel, near.where(is_outside), edge_m[is_outside])
            crest = _add_levees(painter, lane, channel, beside)
            if is_last:
                _add_splays(painter, lane, channel, beside, crest)
    return painter.parts


def _add_fill(
    painter: _Painter, lane: Lane, channel: Channel, near: Projection, *, is_last: bool
) -> None:
    """Add the fill of a channel: sand, finer upwards, or mud over a sandy lag."""
    kind, column, top = BodyKind.CHANNEL, near.column, channel.top_age
    shape = section(channel, near)
    depth = shape.depth_ms
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
    fine = channel.depth_ms * (0.3 + 0.2 * shape.inward)
    painter.add(kind, SANDSTONE, column, top + fine, base)
    painter.add(kind, HETEROLITHIC, column, top, np.minimum(top + fine, base))
    if is_last and lane.plug > 0.0:
        place = shape.from_thalweg / 0.6
        hollow = lane.plug * channel.depth_ms * (1.0 - place**2)
        painter.add(kind, SHALE, column, top, top + np.minimum(hollow, depth))


def _add_oxbows(
    painter: _Painter, channel: Channel, columns: Columns, stretch: Stretch
) -> None:
    """Add loops that the channel has cut off: mud over a sandy bottom."""
    if channel.line.cut is None or channel.line.cut.chance == 0.0:
        return
    old = near_line(channel, columns, channel.half_m, stretch, is_whole=True)
    if old is None:
        return
    depth = section(channel, old).depth_ms
    top = channel.top_age
    mud = 0.65 * depth
    painter.add(BodyKind.CHANNEL, SANDSTONE, old.column, top + mud, top + 0.95 * depth)
    painter.add(BodyKind.CHANNEL, SHALE, old.column, top, top + mud)


@dataclass(frozen=True, slots=True)
class _Overbank:
    """Columns outside the banks.

    They lie `edge_m` from the bank, `angle` in radians from the apex of bend number `bend`, and
    `outward` from the line over the width, > 0 at its outer bank.
    """

    near: Projection
    edge_m: Float
    bend: NDArray[np.int64]
    angle: Float
    outward: Float

    @classmethod
    def beside(cls, channel: Channel, near: Projection, edge_m: Float) -> _Overbank:
        phase = near.phase
        bend = np.rint(phase / np.pi)
        number = bend.astype(np.int64)
        # Bends of even number turn left, so their outer bank is on the right, and so on.
        outward = near.offset_m * ((2 * (number & 1) - 1) / channel.width_m)
        return cls(near, edge_m, number, phase - np.pi * bend, outward)


def _add_levees(painter: _Painter, lane: Lane, channel: Channel, beside: _Overbank) -> Float:
    """Add levees, higher and wider at outer banks; return the age of their surface, ms."""
    near = beside.near
    outer = np.cos(beside.angle) * np.clip(beside.outward, -1.0, 1.0)
    wide = near.along(0.7 + 1.2 * channel.breadth(near.line.station_m))
    away = beside.edge_m / (lane.levee_m * (wide + 0.15 * outer))
    share = np.clip(1.0 - away, 0.0, 1.0) ** LEVEE_POWER * np.minimum(away / 0.06, 1.0)
    share *= 1.0 + (HIGHEST_LEVEE - 1.0) * outer
    top = channel.top_age - lane.levee * channel.depth_ms * share
    painter.add(BodyKind.LEVEE, HETEROLITHIC, near.column, top, channel.top_age)
    return top


def _add_splays(
    painter: _Painter, lane: Lane, channel: Channel, beside: _Overbank, surface: Float
) -> None:
    """Add crevasse splays: thin sandy lobes on the levee's `surface`, outside some bends."""
    if beside.bend.size == 0:
        return
    seed, *index = painter.index
    first = int(beside.bend.min())
    bends = np.arange(first, int(beside.bend.max()) + 1)
    # Four hashed numbers a bend: whether, how long, where, how thick.
    drawn = uniform(seed, "structure/channel/splay", *index, bends, np.arange(4)[:, None])
    longest = lane.levee_m / channel.width_m
    # A bend that was cut off no longer turns the way its number says: no splay there.
    here = np.flatnonzero(
        (drawn[0] < 0.6)[beside.bend - first] & (beside.outward > SPLAY_START))
    near = beside.near.where(here)
    here = here[near.curvature * near.offset_m < 0.0]
    if here.size == 0:
        return
    bend = beside.bend[here] - first
    length = (0.6 + 0.4 * drawn[1, bend]) * longest
    inside = (beside.outward[here] - SPLAY_START) / length
    arc = channel.line.wavelength_m * channel.line.sinuosity / (2.0 * np.pi * channel.width_m)
    across = (beside.angle[here] - 0.6 * (drawn[2, bend] - 0.5)) * arc
    # A lobe: narrow at the breach, widest two thirds out, with a fingered front.
    inside = np.minimum(inside, 1.0)
    spread = length * (0.08 + 1.1 * inside * np.sqrt(1.0 - inside**2))
    spread *= 1.0 + 0.15 * np.cos(11.0 * across / length + 6.0 * drawn[2, bend])
    lobe = np.maximum(1.0 - (across / spread) ** 2, 0.0) * (1.0 - 0.6 * inside)
    lobe[inside >= 1.0] = 0.0
    sheet = lane.splay_ms * (0.3 + 0.7 * drawn[3, bend]) * lobe
    painter.add(
        BodyKind.SPLAY, SANDSTONE, beside.near.column[here], surface[here] - sheet, surface[here])
