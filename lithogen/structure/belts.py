"""Channel belts: sinuous bodies attached to an age, unbounded over the map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.rng import generator, uniform
from lithogen.scenario import Scenario
from lithogen.structure.sequences import SEQUENCE_OFFSET_MS
from lithogen.structure.velocity import BackgroundVelocity
from lithogen.structure.waves import PlaneWaves

Float = NDArray[np.float64]

INTERVAL_MS = 70.0
# A belt is never deeper than this, so a point meets belts of two intervals at most.
MAX_DEPTH_MS = 60.0
FAR = 9.0


@dataclass(frozen=True, slots=True)
class Belt:
    """A system of sub-parallel channels with its top at one age.

    Parameters
    ----------
    top_age : age of the channel tops in ms.
    depth_ms : depth of the channels in ms of age.
    width_m : full width of a channel.
    spacing_m : mean distance between channels.
    azimuth_rad : mean flow direction from the x axis.
    meander : across-flow offset of the centre line, unit waves.
    meander_m : its scale.
    sand_fill : whether the fill is sand (otherwise mud).
    """

    top_age: float
    depth_ms: float
    width_m: float
    spacing_m: float
    azimuth_rad: float
    meander: PlaneWaves
    meander_m: float
    sand_fill: bool


def draw_belt(
    seed: int, scenario: Scenario, velocity: BackgroundVelocity, interval: int
) -> Belt | None:
    """Return the belt of an age interval, or None where there is none."""
    rng = generator(seed, "structure/belt", interval)
    exists = rng.uniform() < 0.9 * scenario.channels
    u_top, u_depth, u_ratio, u_space, azimuth, u_sinuous, u_fill, u_length = rng.uniform(size=8)
    if not exists:
        return None
    nominal_ms = float(np.mod(interval * INTERVAL_MS, SEQUENCE_OFFSET_MS))
    depth_m = 9.0 * (48.0 / 9.0) ** u_depth
    width = float(np.clip(depth_m * 9.0 * (45.0 / 9.0) ** u_ratio, 110.0, 1500.0))
    wavelength = width * (7.0 + 5.0 * u_length)
    depth_ms = float(velocity.milliseconds(depth_m, min(nominal_ms, 4000.0)))
    return Belt(
        top_age=(interval + u_top) * INTERVAL_MS,
        depth_ms=min(depth_ms, MAX_DEPTH_MS),
        width_m=width,
        spacing_m=float(width * (5.0 + 9.0 * u_space)),
        azimuth_rad=float(azimuth * np.pi),
        meander=PlaneWaves.random(
            seed, "structure/belt/meander", interval, wavelength_m=(wavelength, 4.0 * wavelength),
            n_wave=7,
        ),
        meander_m=float(wavelength * (0.16 + 0.22 * u_sinuous)),
        sand_fill=bool(u_fill < 0.8),
    )


def channel_distance(belt: Belt, seed: int, interval: int, y_m: Float, x_m: Float) -> Float:
    """Return the distance to the nearest centre line over half the width, (n_iline, n_xline).

    1 is the channel's edge; at most `FAR`. The centre lines are level sets of a
    smooth map, so they wander and bend back; the distance is first order.
    """
    cos, sin = np.cos(belt.azimuth_rad), np.sin(belt.azimuth_rad)
    across = np.add.outer(y_m * cos, -x_m * sin)
    level = across + belt.meander_m * belt.meander(y_m, x_m)
    d_y, d_x = belt.meander.gradient(y_m, x_m)
    slope = np.hypot(cos + belt.meander_m * d_y, -sin + belt.meander_m * d_x)
    number = np.round(level / belt.spacing_m)
    has_channel = uniform(seed, "structure/belt/branch", interval, number.astype(np.int64)) < 0.75
    # A floor on the slope keeps flat spots of the map from becoming lakes.
    distance = np.abs(level - number * belt.spacing_m) / np.maximum(slope, 0.45)
    return np.where(has_channel, np.minimum(distance / (0.5 * belt.width_m), FAR), FAR)


def channel_cover(
    age: Tensor, half_ms: Tensor, y_m: Float, x_m: Float, *,
    seed: int, scenario: Scenario, velocity: BackgroundVelocity,
) -> tuple[Tensor, Tensor]:
    """Return the share of each voxel inside a channel and inside a sand-filled channel.

    Parameters
    ----------
    age : relative geologic time in ms, (n_iline, n_xline, n_twt).
    half_ms : half the age that a voxel spans, same shape, > 0.
    y_m, x_m : lateral axes in metres.

    Returns
    -------
    cover, sand_cover : float32, 0..1, like `age`.
    """
    cover, sand = torch.zeros_like(age), torch.zeros_like(age)
    for number in _intervals(age):
        belt = draw_belt(seed, scenario, velocity, number)
        if belt is None:
            continue
        distance = channel_distance(belt, seed, number, y_m, x_m)
        rows, cols = np.nonzero(distance < 1.0)
        if rows.size == 0:
            continue
        iy, ix = torch.from_numpy(rows), torch.from_numpy(cols)
        depth = (belt.depth_ms * (1.0 - distance[rows, cols] ** 2)).astype(np.float32)
        column, half = age[iy, ix], half_ms[iy, ix]
        base = torch.from_numpy(depth).to(age.device)[:, None] + belt.top_age
        top = torch.maximum(column - half, torch.full_like(column, belt.top_age))
        bottom = torch.minimum(column + half, base)
        part = ((bottom - top) / (2.0 * half)).clamp(0.0, 1.0)
        total = torch.maximum(cover[iy, ix], part)
        cover[iy, ix] = total
        if belt.sand_fill:
            sand[iy, ix] = torch.maximum(sand[iy, ix], part)
    return cover, torch.minimum(sand, cover)


def _intervals(age: Tensor) -> list[int]:
    """Return the intervals whose belts can reach the ages present, in increasing order."""
    first = int(torch.floor(age.min() / INTERVAL_MS)) - 1
    last = int(torch.floor(age.max() / INTERVAL_MS))
    # A histogram skips the empty ages between two sequences without sorting every voxel.
    counts = torch.histc(age / INTERVAL_MS, last - first + 1, first, last + 1).numpy()
    used = np.nonzero(counts)[0]
    return sorted({first + int(i) + back for i in used for back in (-1, 0)})
