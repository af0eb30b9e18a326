"""Finite faults: which ones a window meets, and the movement of points back over them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.errors import require
from lithogen.scenario import Scenario
from lithogen.structure.fault_styles import (
    CELL_M,
    MAX_EXTENT_M,
    Fault,
    setting_of,
    systems_in_cell,
)
from lithogen.structure.polygonal import polygonal_faults, tiers_between
from lithogen.structure.velocity import BackgroundVelocity

__all__ = ["Fault", "faults_near", "undo_fault"]

Float = NDArray[np.float64]
Axes = tuple[Float, Float, Float]

LIKELIHOOD_WIDTH_M = 30.0
# A fault counts fully where it slipped this far.
OPEN_M = 12.0
# Younger events may have moved points by this much before a fault is undone.
MARGIN_MS = 600.0
# Larger blocks leave the caches of a processor, smaller ones wait for the interpreter.
BLOCK_VOXELS = 1 << 17
BLOCK_VOXELS_DEVICE = 1 << 24
# Waves of the trace: wavelength over half length, weight, turn of phase.
_CORRUGATION = ((0.83, 1.0, 1.0), (0.47, 0.5, 2.3), (0.23, 0.25, 3.7))


def faults_near(
    seed: int, scenario: Scenario, velocity: BackgroundVelocity,
    y_m: Float, x_m: Float, twt_ms: Float, *, stage: int = 0,
) -> Iterator[Fault]:
    """Yield the faults that can move a point of the given axes, youngest first.

    The order is that of absolute cells, and what is left out moves nothing, so every window
    sees the same world.

    Parameters
    ----------
    seed, scenario, velocity : which world.
    y_m, x_m, twt_ms : axes of the lattice, increasing; younger events may have moved points by
        up to `MARGIN_MS`.
    stage : 0 for faults that cut all layers they reach, i for those older than unconformity i.

    Examples
    --------
    >>> import numpy as np
    >>> from lithogen.scenario import Scenario
    >>> velocity = BackgroundVelocity(1900.0, 0.5)
    >>> axes = np.arange(0.0, 9000.0, 25.0), np.arange(0.0, 9000.0, 25.0), np.arange(0.0, 2e3, 4.0)
    >>> len(list(faults_near(7, Scenario(faulting=0.0, polygonal=0.0), velocity, *axes)))
    0
    """
    require(stage >= 0, f"stage is {stage}, wanted 0 (youngest) or the number of an unconformity")
    setting = setting_of(scenario, velocity, stage)
    if setting.chance > 0:
        rows, cols = (
            range(int((axis[0] - MAX_EXTENT_M) // CELL_M),
                  int((axis[-1] + MAX_EXTENT_M) // CELL_M) + 1)
            for axis in (y_m, x_m)
        )
        for row, col in product(rows, cols):
            for fault in systems_in_cell(seed, setting, stage, row, col):
                if _touches(fault, y_m, x_m, twt_ms):
                    yield fault
    if stage == 0 and scenario.polygonal > 0:
        first, last = float(twt_ms[0]) - MARGIN_MS, float(twt_ms[-1]) + MARGIN_MS
        for tier in tiers_between(seed, scenario, first, last):
            for fault in polygonal_faults(seed, velocity, tier, y_m, x_m):
                if _touches(fault, y_m, x_m, twt_ms):
                    yield fault


def _touches(fault: Fault, y_m: Float, x_m: Float, twt_ms: Float) -> bool:
    y_first, y_last, x_first, x_last = fault.lateral_box_m()
    first, last = fault.time_range_ms()
    return bool(
        y_first <= y_m[-1] and y_last >= y_m[0] and x_first <= x_m[-1] and x_last >= x_m[0]
        and first - MARGIN_MS <= twt_ms[-1] and last + MARGIN_MS >= twt_ms[0]
    )


class _Plane(NamedTuple):
    """Constants of a fault in the variable u = time - centre, in ms.

    Distance from the plane n = across + slope u + curve u^2; ellipse e = ends + taper u^2.
    """

    slope: float
    curve: float
    taper: float
    throw_ms: float


def undo_fault(
    fault: Fault, time_ms: Tensor, likelihood: Tensor, throw_ms: Tensor, axes: Axes
) -> None:
    """Move points back to where they were before a fault slipped, in place.

    Parameters
    ----------
    fault : the fault.
    time_ms : two-way time of every point before younger events, float32,
        (n_iline, n_xline, n_twt), increasing along the last axis.
    likelihood, throw_ms : fault likelihood 0..1 and throw in ms, updated by maximum.
    axes : y in m, x in m, two-way time in ms of the lattice, increasing.

    Notes
    -----
    Displacement D = Dmax (1 - (s/a)^2 - (z/b)^2)^1.5 over the distance s along strike and z
    down dip from the centre. Each wall takes its share and dies off as (1 - n/reach)^2 with the
    distance n from the plane: reverse drag, the rollover of a listric hanging wall. Within
    `drag_width_m` of the plane the share `drag` is missing: normal drag. A growth fault has moved
    a layer only by what it slipped since that layer was laid down.

    Source: Barnett et al. (1987), AAPG Bulletin 71, displacement geometry in the volume
    containing a single normal fault; Thorsen (1963), GCAGS Transactions 13, expansion of growth
    strata.
    """
    y_first, y_last, x_first, x_last = fault.lateral_box_m()
    rows, cols = _span(axes[0], y_first, y_last), _span(axes[1], x_first, x_last)
    if rows.start >= rows.stop or cols.start >= cols.stop:
        return
    deep = _deep_span(time_ms[rows, cols], fault)
    if deep.start >= deep.stop:
        return
    along, across = _trace(fault, axes[0][rows], axes[1][cols])
    ends = _ends(fault, along)
    low, high = fault.across_range_m()
    is_moved = (ends > 0) & (across > low) & (across < high)
    sine, cosine = float(np.sin(fault.dip_rad)), float(np.cos(fault.dip_rad))
    per_ms = fault.metres_per_ms
    plane = _Plane(
        -cosine * per_ms, -0.5 * sine * fault.listric / fault.half_depth_m * per_ms**2,
        -1.0 / fault.half_time_ms**2, fault.throw_ms,
    )
    maps = torch.from_numpy(np.stack([across * sine, ends]).astype(np.float32))
    maps = maps.to(time_ms.device)[..., None]
    step = max(1, _block_size(time_ms) // ((cols.stop - cols.start) * (deep.stop - deep.start)))
    for first in range(0, rows.stop - rows.start, step):
        hit = np.flatnonzero(is_moved[first : first + step].any(axis=0))
        if hit.size == 0:
            continue
        part = slice(first, first + step), slice(int(hit[0]), int(hit[-1]) + 1)
        box = (
            slice(rows.start + first, min(rows.start + first + step, rows.stop)),
            slice(cols.start + part[1].start, cols.start + part[1].stop), deep,
        )
        _undo_block(
            fault, plane, maps[(slice(None), *part)],
            (time_ms[box], likelihood[box], throw_ms[box]),
        )


def _block_size(time_ms: Tensor) -> int:
    return BLOCK_VOXELS if time_ms.device.type == "cpu" else BLOCK_VOXELS_DEVICE


def _span(axis: Float, first: float, last: float) -> slice:
    return slice(int(axis.searchsorted(first)), int(axis.searchsorted(last, side="right")))


def _deep_span(time_ms: Tensor, fault: Fault) -> slice:
    """Samples that the fault can move in any column; time is that before younger events."""
    first, last = fault.time_range_ms()
    # One dimension after the other: twenty times as fast as both at once.
    deepest, shallowest = time_ms.amax(dim=1).amax(dim=0), time_ms.amin(dim=1).amin(dim=0)
    hit = np.flatnonzero(((deepest >= first) & (shallowest <= last)).cpu().numpy())
    return slice(int(hit[0]), int(hit[-1]) + 1) if hit.size else slice(0, 0)


def _trace(fault: Fault, y_m: Float, x_m: Float) -> tuple[Float, Float]:
    """Distances along strike and across the curved trace, maps in m, (n_iline, n_xline)."""
    cos, sin = float(np.cos(fault.strike_rad)), float(np.sin(fault.strike_rad))
    dy, dx = y_m - fault.y_m, x_m - fault.x_m
    along = np.add.outer(dy * sin, dx * cos)
    across = np.add.outer(dy * cos, dx * -sin)
    across += (fault.bend / fault.length_m) * along * along
    if fault.corrugation > 0:
        for ratio, weight, turn in _CORRUGATION:
            number = 2 * np.pi / (ratio * fault.length_m)
            # sin(a + b) by its products: cosines of two axes instead of a map.
            left, right = dy * (sin * number) + turn * fault.phase_rad, dx * (cos * number)
            size = weight * fault.corrugation * fault.length_m
            across += np.outer(size * np.sin(left), np.cos(right))
            across += np.outer(size * np.cos(left), np.sin(right))
    return along, across


def _ends(fault: Fault, along: Float) -> Float:
    """Ellipse along strike, 1 - (s / a)^2, with the half length of either side."""
    ahead, behind = fault.length_m * (1 + fault.skew), fault.length_m * (1 - fault.skew)
    relative = np.maximum(along / ahead, along / -behind)
    return np.asarray(1.0 - relative * relative)


def _undo_block(
    fault: Fault, plane: _Plane, maps: Tensor, fields: tuple[Tensor, Tensor, Tensor]
) -> None:
    time_ms, likelihood, throw_ms = fields
    since = time_ms - fault.twt_ms
    normal = torch.add(maps[0], since, alpha=plane.slope)
    if plane.curve != 0.0:
        normal.addcmul_(since, since, value=plane.curve)
    inside = torch.addcmul(maps[1], since, since, value=plane.taper).clamp_(min=0.0)
    slip = inside.sqrt().mul_(inside)
    if fault.growth_ms > 0:
        scale = 1.0 / fault.faulted_growth_ms
        since.mul_(scale).add_((fault.twt_ms - fault.growth_top_ms) * scale)
        slip.mul_(since.clamp_(0.0, 1.0))
    slip.mul_(plane.throw_ms)
    _mark(fault, normal, slip, inside, likelihood, throw_ms)
    wall = torch.gt(normal, 0.0, out=inside).sub_(1.0 - fault.hanging_share)
    slip.mul_(wall)
    # 1 at the plane, 0 at the reach of either wall.
    ratio = fault.reach_m / fault.footwall_reach_m
    closeness = torch.nn.functional.leaky_relu_(normal, -ratio)
    closeness.mul_(-1.0 / fault.reach_m).add_(1.0).clamp_(min=0.0)
    slip.mul_(closeness).mul_(closeness)
    if fault.drag > 0:
        wide = fault.reach_m / fault.drag_width_m
        dragged = closeness.mul_(wide).add_(1.0 - wide).clamp_(min=0.0)
        slip.addcmul_(slip, dragged.mul_(dragged), value=-fault.drag)
    time_ms.sub_(slip)


def _mark(
    fault: Fault, normal: Tensor, slip_ms: Tensor, near: Tensor, likelihood: Tensor,
    throw_ms: Tensor,
) -> None:
    """Raise likelihood and throw near the plane; `near` is overwritten."""
    torch.mul(normal, normal, out=near).mul_(-1.0 / LIKELIHOOD_WIDTH_M**2).add_(1.0)
    near.clamp_(min=0.0)
    per_ms = fault.displacement_m / (OPEN_M * fault.throw_ms)
    near.mul_((slip_ms * per_ms).clamp_(max=1.0))
    torch.maximum(likelihood, near, out=likelihood)
    torch.maximum(throw_ms, near.mul_(slip_ms), out=throw_ms)
