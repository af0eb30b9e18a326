"""Carbonate build-ups: mounds, pinnacles, platforms and atolls, gathered along trends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lithogen.rng import generator, uniform
from lithogen.rockphysics.facies import LIMESTONE, MARL
from lithogen.structure.bodies.part import (
    INTERVAL_MS,
    BodyContext,
    BodyKind,
    BodyPart,
    body_number,
)
from lithogen.structure.bodies.place import Float, Patch, Site, patch_near, sites_near, smooth_step
from lithogen.structure.waves import PlaneWaves

CELL_M = 3000.0
# A platform of 4 km with its ragged margin and its talus.
REACH_M = 3600.0


@dataclass(frozen=True, slots=True)
class Shape:
    """Ranges of one kind of build-up.

    Parameters
    ----------
    width_m, height_m : full width and height in metres.
    slope_deg : steepest dip of the flank.
    ragged : how far the margin wanders, share of the radius.
    is_flat : whether the top is a plain rather than a dome.
    has_lagoon : whether the middle stayed behind the rim.
    """

    width_m: tuple[float, float]
    height_m: tuple[float, float]
    slope_deg: tuple[float, float]
    ragged: float
    is_flat: bool
    has_lagoon: bool


MOUND = Shape((500.0, 2200.0), (30.0, 110.0), (10.0, 20.0), 0.06, False, False)
PINNACLE = Shape((300.0, 900.0), (60.0, 200.0), (20.0, 35.0), 0.05, False, False)
PLATFORM = Shape((1800.0, 4000.0), (40.0, 160.0), (15.0, 35.0), 0.11, True, False)
ATOLL = Shape((1400.0, 3600.0), (50.0, 160.0), (15.0, 35.0), 0.08, True, True)
SHAPES = (MOUND, PINNACLE, PLATFORM, ATOLL)


def draw_parts(
    context: BodyContext, interval: int, y_m: Float, x_m: Float
) -> list[BodyPart]:
    """Return the parts of the build-ups of an interval of age on the lattice of two axes.

    Per build-up: its core (limestone), its talus (marl), and the fill of a lagoon (marl). They
    do not overlap, so that their drapes add up to that of the whole.

    Parameters
    ----------
    context : seed, scenario and velocity of the world.
    interval : index of the interval of age, `INTERVAL_MS` long.
    y_m, x_m : axes in metres, (n_iline,), (n_xline,), absolute.
    """
    seed = context.seed
    if uniform(seed, "structure/buildups", interval) >= 0.8 * context.scenario.buildups:
        return []
    u_azimuth, u_shape, u_age = (
        float(uniform(seed, "structure/buildups/interval", interval, n)) for n in range(3)
    )
    trend = PlaneWaves.random(
        seed, "structure/buildups/trend", interval, wavelength_m=(5000.0, 14000.0), n_wave=8,
        azimuth_rad=u_azimuth * np.pi, aspect=0.2,
    )
    parts: list[BodyPart] = []
    for site, shape, width in _grown(seed, interval, trend, u_shape, (y_m, x_m)):
        patch = patch_near(y_m, x_m, (site.y_m, site.x_m), REACH_M, interval)
        if patch is not None:
            age = (interval + 0.25 + 0.6 * u_age + 0.15 * float(site.draws[3])) * INTERVAL_MS
            parts += _buildup(context, interval, (site, shape, width), patch, age)
    # Where an apron meets the build-up beside it, the reef is what stays.
    return sorted(parts, key=lambda part: part.facies == LIMESTONE)


def _grown(
    seed: int, interval: int, trend: PlaneWaves, u_shape: float, axes_m: tuple[Float, Float]
) -> list[tuple[Site, Shape, float]]:
    """Return the sites near the axes where one grows, with its shape and width in metres.

    A build-up that would touch a wider one does not grow. Which ones do is decided among
    all that could, so that no chain of neighbours reaches beyond the cells looked at.
    """
    found: list[tuple[Site, Shape, float]] = []
    for site in sites_near(
        seed, "structure/buildups/site", interval, *axes_m, cell_m=CELL_M, reach_m=2.0 * REACH_M,
        chance=0.85, n_draw=5,
    ):
        angle = trend.wavenumber_x * site.x_m + trend.wavenumber_y * site.y_m + trend.phase
        if float(trend.amplitude @ np.cos(angle)) < 0.1 + 0.8 * float(site.draws[0]):
            continue
        # One interval has one sea: most of its build-ups are of one kind and began together.
        pick = u_shape if site.draws[1] < 0.75 else float(site.draws[2])
        shape = SHAPES[int(pick * len(SHAPES))]
        narrow, wide = shape.width_m
        found.append((site, shape, float(narrow * (wide / narrow) ** float(site.draws[4]))))
    return [
        (site, shape, width) for site, shape, width in found
        if not any(
            other > width and np.hypot(place.y_m - site.y_m, place.x_m - site.x_m)
            < 0.5 * (other + width) for place, _, other in found
        )
    ]


def _buildup(
    context: BodyContext, interval: int, one: tuple[Site, Shape, float], patch: Patch,
    age_ms: float,
) -> list[BodyPart]:
    """Return the parts of one build-up that begins to grow at `age_ms`."""
    site, shape, width = one
    rng = generator(context.seed, "structure/buildups/one", interval, *site.cell)
    u = rng.uniform(size=6)
    height = shape.height_m[0] * (shape.height_m[1] / shape.height_m[0]) ** u[1]
    steepest = shape.slope_deg[0] + u[2] * (shape.slope_deg[1] - shape.slope_deg[0])
    slope = np.tan(np.deg2rad(steepest))
    low_ms = age_ms - patch.age_range[0]
    ms_per_m = context.milliseconds(1.0, age_ms)
    # The flank is steepest at its foot, 1.5 times the mean (see `_rise`); an atoll and a
    # platform keep room for what lies inside their flanks.
    room = (0.3 - 0.12 * shape.is_flat - 0.05 * shape.has_lagoon) * width * slope
    height = float(min(height, low_ms / ms_per_m, room))
    run = 1.5 * height / slope
    margin = PlaneWaves.random(
        context.seed, "structure/buildups/margin", interval, *site.cell,
        wavelength_m=(0.18 * width, 0.9 * width), n_wave=7,
    )
    inside, lee = _inside(rng, site, patch, margin, 0.5 * width, shape.ragged)
    if not (inside > -0.5 * width).any():
        return []
    if not shape.is_flat:
        run = max(run, 0.45 * width)
    core = _rise(inside / run)
    if shape.is_flat and not shape.has_lagoon and u[3] < 0.5:
        # Drowned once: the margin stepped back and the rest grew on.
        low = 0.4 + 0.3 * u[4]
        core = low * _rise(inside / (low * run)) + (1.0 - low) * _rise(
            (inside - low * run - 0.12 * width) / ((1.0 - low) * run)
        )
    rim = core
    if shape.has_lagoon:
        rim_m = run + 0.06 * width
        core = core * (1.0 - (0.25 + 0.3 * u[4]) * smooth_step((inside - rim_m) / (0.1 * width)))
    # Talus: a concave apron that begins on the flank, longer on the lee side.
    apron = (0.35 + 0.6 * u[5]) * run * (1.0 + 0.45 * lee)
    wedge = np.clip((apron + inside) / (apron + 0.35 * run), 0.0, 1.0)
    talus = np.maximum(core, 0.3 * wedge * wedge)
    ms = height * ms_per_m
    number = body_number(context.seed, BodyKind.BUILDUP, interval, *site.cell, 0)
    drape = float(0.3 + 0.15 * rng.uniform())
    parts = patch.part(
        BodyKind.BUILDUP, number, LIMESTONE, age_ms - ms * core, age_ms + 0.0 * core, drape=drape
    )
    parts += patch.part(
        BodyKind.BUILDUP, number, MARL, age_ms - ms * talus, age_ms - ms * core, drape=drape
    )
    if shape.has_lagoon:
        fill = core + 0.6 * (rim - core) * (inside > run)
        parts += patch.part(
            BodyKind.BUILDUP, number, MARL, age_ms - ms * fill, age_ms - ms * core, drape=drape
        )
    return parts


def _rise(share: Float) -> Float:
    """Return the height of a flank over its run, 0..1: slope 1.5 at the foot, 0 at the top."""
    inside = np.clip(share, 0.0, 1.0)
    return np.asarray(inside * (1.5 - 0.5 * inside * inside))


def _inside(
    rng: np.random.Generator, site: Site, patch: Patch, waves: PlaneWaves, half: float,
    ragged: float,
) -> tuple[Float, Float]:
    """Return the distance inside the margin in m (< 0 outside), and cos of the lee direction.

    `half` is half the width in metres, `waves` bend the margin by `ragged` of it.
    """
    azimuth = rng.uniform(0.0, np.pi)
    cos, sin = np.cos(azimuth), np.sin(azimuth)
    along, across = patch.local(site.y_m, site.x_m, azimuth)
    aspect = np.sqrt(rng.uniform(0.5, 1.0))
    radius = np.hypot(along * aspect, across / aspect) + 1e-3
    margin = waves(patch.y_m, patch.x_m)
    d_y, d_x = waves.gradient(patch.y_m, patch.x_m)
    # Far from the margin the waves would make islands; they fade there.
    near = np.exp(-(((radius - half) / (0.8 * half)) ** 2))
    level = half * (1.0 + ragged * margin * near) - radius
    # Level over slope is distance to first order; without it a bent flank would be a cliff.
    d_along, d_across = d_y * sin + d_x * cos, d_y * cos - d_x * sin
    slope = np.hypot(
        half * ragged * near * d_along - along * aspect**2 / radius,
        half * ragged * near * d_across - across / (aspect**2 * radius),
    )
    return level / np.maximum(slope, 1.0), along / np.hypot(along, across + 1e-3)
