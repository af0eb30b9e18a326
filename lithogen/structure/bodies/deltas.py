"""Deltas: shingled clinothems that build out from an apex, with distributary channels on top."""

from __future__ import annotations

import numpy as np

from lithogen.rng import generator, uniform
from lithogen.rockphysics.facies import COAL, HETEROLITHIC, SANDSTONE, SHALE
from lithogen.structure.bodies.part import (
    INTERVAL_MS,
    BodyContext,
    BodyKind,
    BodyPart,
    body_number,
)
from lithogen.structure.bodies.place import (
    Float,
    Patch,
    Site,
    patch_near,
    sites_near,
    slope_azimuth,
    smooth_step,
)
from lithogen.structure.waves import PlaneWaves

CELL_M = 11000.0
CHANCE_IN_CELL = 0.7
LENGTH_M = (3000.0, 10000.0)
THICKNESS_M = (10.0, 60.0)
# Lengths from the apex within which a delta stays, in lengths of the delta.
REACH_PER_LENGTH = 1.15
# How far a delta reaches above and below its interval of age, ms.
REACH_AGE_MS = (60.0, 60.0)
DRAPE = 0.1
# Thickest seam of coal on a delta plain.
COAL_M = 3.0
# Thin fines between sands are kept, or the layers from before the delta would show there.
LEAST_MS = 0.1


def draw_parts(
    context: BodyContext, interval: int, y_m: Float, x_m: Float
) -> list[BodyPart]:
    """Return the parts of the deltas of an interval of age on the lattice of two axes.

    Per delta: the mud of the prodelta, then per clinothem its front (heterolithic) and its
    mouth bars (sandstone), oldest first, then the delta plain and its channels. The parts of
    one delta do not overlap.

    Parameters
    ----------
    context : seed, scenario and velocity of the world.
    interval : index of the interval of age, `INTERVAL_MS` long.
    y_m, x_m : axes in metres, (n_iline,), (n_xline,), absolute.
    """
    if uniform(context.seed, "structure/deltas", interval) >= 0.8 * context.scenario.deltas:
        return []
    parts: list[BodyPart] = []
    for site in sites_near(
        context.seed, "structure/deltas/site", interval, y_m, x_m, cell_m=CELL_M,
        reach_m=REACH_PER_LENGTH * LENGTH_M[1], chance=CHANCE_IN_CELL, n_draw=4,
    ):
        length = LENGTH_M[0] * (LENGTH_M[1] / LENGTH_M[0]) ** float(site.draws[0])
        patch = patch_near(
            y_m, x_m, (site.y_m, site.x_m), REACH_PER_LENGTH * length, interval,
            reach_ms=REACH_AGE_MS,
        )
        if patch is not None:
            parts += _delta(context, interval, site, patch, length)
    return parts


def clinothem_tops(
    rng: np.random.Generator, along_m: Float, across_m: Float, ragged: Float, *,
    length_m: float, foreset_m: float,
) -> list[Float]:
    """Return the heights of the delta after each clinothem, oldest first, in 0..1.

    A clinothem is a flat-topped mound with a rollover and a concave toe, further into the
    basin, higher and to the side of the one before; it fills what is left beside it.

    Parameters
    ----------
    rng : the delta's generator.
    along_m, across_m : maps of distances from the apex in metres, (n_row, n_col).
    ragged : map, how far the shore is moved inwards as a share of its distance.
    length_m : length of the delta; foreset_m : length of its front slope.
    """
    number = int(rng.integers(3, 7))
    step = 0.42 * length_m / number
    height = np.zeros_like(along_m)
    tops = []
    for n in range(number):
        radius = 0.24 * length_m * rng.uniform(0.85, 1.15)
        side = length_m * 0.2 * rng.uniform(-1.0, 1.0) * (n > 0)
        ahead = along_m - (0.12 * length_m + n * step)
        # Behind the shore the plain wedges out gently; there is no slope that faces the land.
        ahead = np.where(ahead < 0.0, 0.45 * ahead, ahead)
        distance = np.hypot(ahead, 0.8 * (across_m - side)) * (1.0 + ragged)
        down = np.clip((distance - radius) / (1.5 * foreset_m) + 0.3, 0.0, 1.0)
        level = 0.7 + 0.3 * (n + 1) / number
        height = np.maximum(height, level * (1.0 - down * down) ** 3)
        tops.append(height)
    return tops


def _delta(
    context: BodyContext, interval: int, site: Site, patch: Patch, length_m: float
) -> list[BodyPart]:
    """Return the parts of one delta."""
    rng = generator(context.seed, "structure/deltas/delta", interval, *site.cell)
    azimuth = slope_azimuth(context.seed) + rng.normal(0.0, 0.3)
    along, across = patch.local(site.y_m, site.x_m, azimuth)
    age = (interval + 0.3 + 0.7 * float(site.draws[1])) * INTERVAL_MS
    thickness_m = THICKNESS_M[0] * 6.0 ** float(site.draws[2]) * min(length_m / 4500.0, 1.0)
    thickness_m = max(thickness_m, THICKNESS_M[0])
    thick = min(context.milliseconds(thickness_m, age), age - patch.age_range[0])
    foreset = thickness_m / np.tan(np.deg2rad(0.8 * 5.0 ** float(site.draws[3])))
    ragged = PlaneWaves.random(
        context.seed, "structure/deltas/ragged", interval, *site.cell,
        wavelength_m=(0.12 * length_m, 0.5 * length_m), n_wave=8,
    )(patch.y_m, patch.x_m)
    tops = clinothem_tops(
        rng, along, across, 0.045 * ragged, length_m=length_m,
        foreset_m=float(np.clip(foreset, 120.0, 0.2 * length_m)),
    )
    if not tops[-1].any():
        return []
    # Depth of water parts sand from mud in front of the shore only; behind it is land.
    sea = smooth_step(along * (3.0 / length_m) + 1.0 + 0.4 * ragged)
    has_coal = rng.uniform() < 4.0 * context.scenario.coal_share
    most = COAL_M / thickness_m if has_coal else 1.0
    cover = _channels(rng, along, across, length_m)
    soil, channel = _plain(rng, tops[-1], sea, cover, most)
    ground = tops[-1] - np.maximum(soil, channel)

    def add(n: int, facies: int, top: Float, base: Float) -> list[BodyPart]:
        number = body_number(context.seed, BodyKind.DELTA, interval, *site.cell, n)
        return patch.part(BodyKind.DELTA, number, facies, age - thick * top, age - thick * base,
                          drape=DRAPE, least_ms=LEAST_MS)

    mud = rng.uniform(0.08, 0.25) * sea * (1.0 + 0.15 * ragged)
    before = np.zeros_like(along)
    parts = add(0, SHALE, np.minimum(mud, tops[-1]), before)
    for n, top in enumerate(tops):
        level = (0.7 + 0.3 * (n + 1) / len(tops)) * sea
        shallow = level * (1.0 - rng.uniform(0.3, 0.55) - 0.05 * ragged)
        # Every clinothem begins with the fines of the flooding before it, which part the sands.
        foot = np.maximum(before + rng.uniform(0.15, 0.35) * (top - before), shallow)
        foot, roof = np.maximum(foot, mud), np.minimum(top, ground)
        parts += add(n + 1, HETEROLITHIC, np.minimum(foot, roof), np.maximum(before, mud))
        parts += add(n + 1, SANDSTONE, roof, foot)
        before = top
    plain = COAL if has_coal else SHALE
    parts += add(len(tops) + 1, plain, tops[-1] - channel, tops[-1] - soil)
    return parts + add(len(tops) + 2, SANDSTONE, tops[-1], tops[-1] - channel)


def _plain(
    rng: np.random.Generator, top: Float, sea: Float, cover: Float, most: float
) -> tuple[Float, Float]:
    """Return the thickness of the delta plain and the depth of its channels, shares of height.

    Channels are as deep as on a plain of mud, whatever `most` leaves of the plain.
    """
    is_plain = np.maximum(smooth_step((top - 0.72) * 8.0), 1.0 - sea)
    soil = np.minimum(rng.uniform(0.08, 0.16) * is_plain, top)
    return np.minimum(soil, most), rng.uniform(1.2, 2.0) * soil * cover


def _channels(
    rng: np.random.Generator, along_m: Float, across_m: Float, length_m: float
) -> Float:
    """Return how deep the channels are, 1 in the middle and 0 at the bank and beyond.

    Distributaries leave the apex and split; each is a line of angle over radius.
    """
    radius = np.hypot(along_m, across_m)
    angle = np.arctan2(across_m, along_m)
    width = float(np.clip(length_m * rng.uniform(0.02, 0.035), 70.0, 260.0))
    distance = np.full_like(radius, np.inf)
    trunks = np.linspace(-0.6, 0.6, int(rng.integers(2, 4))) + rng.normal(0.0, 0.1)
    for trunk in trunks:
        split = rng.uniform(0.15, 0.4) * length_m
        for side in (-1.0, 1.0):
            spread = side * rng.uniform(0.08, 0.35)
            k_m = 2.0 * np.pi / (length_m * rng.uniform(0.12, 0.22))
            apart = smooth_step((radius - split) / (0.5 * length_m))
            wiggle = 0.05 * np.sin(k_m * radius + rng.uniform(0.0, 2.0 * np.pi)) * apart
            shape = 0.07 * np.sin(0.6 * k_m * radius + 3.0 * trunk)
            line = trunk + spread * apart + wiggle + shape
            gap = radius * np.abs(angle - line) / (1.0 - 0.35 * apart)
            distance = np.minimum(distance, gap)
    # The river that feeds the apex comes down from the land.
    k_m = 2.0 * np.pi / (0.3 * length_m)
    river = np.abs(across_m - 0.03 * length_m * np.sin(k_m * along_m))
    distance = np.where(along_m < 0.0, river / 1.4, distance)
    return np.asarray(np.maximum(1.0 - (distance * (2.0 / width)) ** 2, 0.0))
