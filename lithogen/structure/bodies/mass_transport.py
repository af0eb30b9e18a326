"""Mass-transport deposits: slides that cut down, carry blocks and come to rest in a tongue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lithogen.rng import generator, uniform
from lithogen.rockphysics.facies import HETEROLITHIC, LIMESTONE, SANDSTONE, SHALE
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

CELL_M = 17000.0
CHANCE_IN_CELL = 0.8
WIDTH_M = (2000.0, 10000.0)
THICKNESS_M = (20.0, 120.0)
SCRAMBLE_MS = (8.0, 40.0)
# A slide is about twice as long as wide, at most this.
LONGEST_M = 18000.0
# How far a slide reaches above and below its interval of age, ms.
REACH_AGE_MS = (30.0, 70.0)


@dataclass(frozen=True, slots=True)
class Slide:
    """Size of one slide, whose head is at 0 and which moves along its axis.

    Parameters
    ----------
    length_m, width_m : full size.
    thickness_ms : greatest thickness, ms of age.
    cut : share of it that lies below the old sea floor.
    wall_m : length of the slope of its head and side walls in metres.
    """

    length_m: float
    width_m: float
    thickness_ms: float
    cut: float
    wall_m: float


def draw_parts(
    context: BodyContext, interval: int, y_m: Float, x_m: Float
) -> list[BodyPart]:
    """Return the parts of the mass transport of an interval of age on the lattice of two axes.

    Per slide: its mass, whose layers are shuffled; rafted blocks; the mud that fills its scar.

    Parameters
    ----------
    context : seed, scenario and velocity of the world.
    interval : index of the interval of age, `INTERVAL_MS` long.
    y_m, x_m : axes in metres, (n_iline,), (n_xline,), absolute.
    """
    seed = context.seed
    if uniform(seed, "structure/slides", interval) >= 0.8 * context.scenario.mass_transport:
        return []
    parts: list[BodyPart] = []
    for site in sites_near(
        seed, "structure/slides/site", interval, y_m, x_m, cell_m=CELL_M,
        reach_m=0.6 * LONGEST_M, chance=CHANCE_IN_CELL, n_draw=3,
    ):
        width = WIDTH_M[0] * (WIDTH_M[1] / WIDTH_M[0]) ** float(site.draws[0])
        length = min(width * (1.6 + 1.4 * float(site.draws[1])), LONGEST_M)
        patch = patch_near(
            y_m, x_m, (site.y_m, site.x_m), 0.6 * length, interval, reach_ms=REACH_AGE_MS
        )
        if patch is not None:
            parts += _slide(context, interval, site, patch, (length, width))
    return parts


def slide_surfaces(
    slide: Slide, along_m: Float, across_m: Float, groove: Float, hummock: Float, edge: Float
) -> tuple[Float, Float]:
    """Return how far the base lies below and the top above the old sea floor, ms of age.

    The top is below the floor (negative) in the scar at the head. Both are zero outside.

    Parameters
    ----------
    slide : its size.
    along_m, across_m : metres from the middle of the head, (n_row, n_col).
    groove, hummock, edge : noise of unit deviation: streaks along the axis; bumps; and long
        waves that bend the side walls.
    """
    half = 0.5 * slide.width_m
    share = along_m / slide.length_m
    # An arcuate head, a neck, and a toe that spreads and ends as a lobe.
    toe = np.clip((share - 0.62) / 0.38, 0.0, 1.0)
    flank = half * (0.6 + 0.4 * smooth_step(1.6 * share)) * np.sqrt(1.0 - toe * toe)
    flank = flank * (1.0 + 0.07 * edge)
    behind = along_m - 0.5 * across_m * across_m / half
    within = np.minimum(np.minimum(behind, flank - np.abs(across_m)), slide.length_m - along_m)
    wall = np.clip(within / slide.wall_m, 0.0, 1.0)
    deep = slide.cut * slide.thickness_ms * wall * (1.0 - 0.6 * smooth_step(1.3 * share - 0.2))
    deep = deep * np.clip(0.85 + 0.11 * groove + 0.05 * hummock, 0.2, 1.0)
    high = (1.0 - slide.cut) * slide.thickness_ms * smooth_step((share - 0.15) * 2.5)
    crown = smooth_step(within / (0.35 * half))
    high = high * crown * np.clip(0.75 + 0.1 * hummock, 0.2, 1.0)
    empty = 0.75 * (1.0 - smooth_step(share / 0.28))
    return np.asarray(deep), np.asarray(high - empty * deep)


def _slide(
    context: BodyContext, interval: int, site: Site, patch: Patch, size_m: tuple[float, float]
) -> list[BodyPart]:
    """Return the parts of one slide of a length and width; the site is its middle."""
    length, width = size_m
    rng = generator(context.seed, "structure/slides/slide", interval, *site.cell)
    azimuth = slope_azimuth(context.seed) + rng.normal(0.0, 0.3)
    along, across = patch.local(
        site.y_m - 0.5 * length * float(np.sin(azimuth)),
        site.x_m - 0.5 * length * float(np.cos(azimuth)), azimuth,
    )
    age = (interval + 0.2 + 0.6 * float(site.draws[2])) * INTERVAL_MS
    thickness_m = THICKNESS_M[0] * (THICKNESS_M[1] / THICKNESS_M[0]) ** rng.uniform(0.0, 1.0)
    cut = rng.uniform(0.55, 0.75)
    low, high_ms = patch.age_range
    room = min((age - low) / (1.0 - cut), (high_ms - age) / cut)
    slide = Slide(
        length, width, min(context.milliseconds(thickness_m, age), room), cut,
        thickness_m / np.tan(np.deg2rad(rng.uniform(6.0, 18.0))),
    )

    def waves(n: int, shortest: float, longest: float, aspect: float) -> Float:
        return PlaneWaves.random(
            context.seed, "structure/slides/waves", interval, *site.cell, n,
            wavelength_m=(shortest, longest), n_wave=10, azimuth_rad=azimuth, aspect=aspect,
        )(patch.y_m, patch.x_m)

    deep, high = slide_surfaces(
        slide, along, across, waves(0, 200.0, 1500.0, 0.08), waves(1, 350.0, 2500.0, 1.2),
        waves(2, 0.15 * width, 0.8 * width, 1.0),
    )
    number = body_number(context.seed, BodyKind.MASS_TRANSPORT, interval, *site.cell, 0)
    parts = patch.part(
        BodyKind.MASS_TRANSPORT, number, SHALE, age - high, age + deep,
        scramble_ms=float(rng.uniform(*SCRAMBLE_MS)),
    )
    if not parts:
        return []
    parts += _blocks(context, rng, patch, slide, number, (along, across, age - high, age + deep))
    scar = np.where(high < 0.0, age - high, age)
    return parts + patch.part(BodyKind.MASS_TRANSPORT, number, SHALE, age + 0.0 * scar, scar)


def _blocks(
    context: BodyContext, rng: np.random.Generator, patch: Patch, slide: Slide, number: int,
    maps: tuple[Float, Float, Float, Float],
) -> list[BodyPart]:
    """Return rafted blocks as one part: bits of older layers, tilted, in the outer two thirds."""
    along, across, top, base = maps
    hard = LIMESTONE if rng.uniform() < context.scenario.carbonate_share else SANDSTONE
    facies = hard if rng.uniform() < 0.6 else HETEROLITHIC
    first, last = np.full_like(top, np.inf), np.full_like(top, -np.inf)
    for _ in range(int(rng.integers(2, 8))):
        share, side = rng.uniform(0.3, 0.85), rng.uniform(-0.6, 0.6)
        radius = rng.uniform(0.02, 0.05) * slide.width_m + 70.0
        turn, aspect = rng.uniform(0.0, np.pi), rng.uniform(0.5, 1.0)
        low, tall = rng.uniform(0.0, 0.35), rng.uniform(0.4, 0.6)
        tilt = rng.uniform(-0.3, 0.3) / radius
        d_along = along - share * slide.length_m
        d_across = across - side * 0.5 * slide.width_m
        u = d_along * np.cos(turn) + d_across * np.sin(turn)
        v = (d_across * np.cos(turn) - d_along * np.sin(turn)) / aspect
        # A superellipse: a slab with steep broken sides rather than a lens.
        is_block = (u / radius) ** 4 + (v / radius) ** 4 < 1.0
        if not is_block.any():
            continue
        thick = base - top
        begin = top + thick * np.clip(low + tilt * u, 0.0, 0.5)
        first = np.where(is_block, np.minimum(first, begin), first)
        last = np.where(is_block, np.maximum(last, begin + tall * thick), last)
    is_any = last > first
    return patch.part(
        BodyKind.MASS_TRANSPORT, number, facies, np.where(is_any, first, 0.0),
        np.where(is_any, np.minimum(last, base), -1.0),
    )
