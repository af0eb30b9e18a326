"""Submarine fans: lobes that stack compensationally; and how any body is placed on the map.

`sites_near`, `patch_near`, `slope_azimuth` and `smooth_step` serve the other bodies that are
hashed into lateral cells: deltas, build-ups and mass transport.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lithogen.rng import generator, uniform
from lithogen.rockphysics.facies import HETEROLITHIC, SANDSTONE
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

CELL_M = 14000.0
CHANCE_IN_CELL = 0.75
LENGTH_M = (2200.0, 7000.0)
THICKNESS_M = (5.0, 30.0)
# Furthest that a fan reaches from its apex, per length of its lobes; the feeder reaches less.
REACH_PER_LENGTH = 2.1
DRAPE = 0.12
N_CANDIDATE = 24
# How far a fan reaches above and below its interval of age, ms; less than `REACH_MS`, so that
# fewer intervals have to be drawn for a window.
REACH_AGE_MS = (40.0, 40.0)


@dataclass(frozen=True, slots=True)
class Lobe:
    """One lobe in the frame of its fan (apex at 0, 0; along the fan's axis).

    Parameters
    ----------
    along_m, across_m : centre.
    azimuth_rad : its axis against that of the fan.
    length_m, width_m : full size.
    thickness_ms : at the centre, ms of age.
    """

    along_m: float
    across_m: float
    azimuth_rad: float
    length_m: float
    width_m: float
    thickness_ms: float

    def height(self, along_m: Float, across_m: Float, ragged: Float | float = 0.0) -> Float:
        """Return 1 - (distance to the centre / distance of the margin)^2, at least 0.

        `ragged` moves the margin inwards by its share of the size. The lobe is
        wider downslope than at its neck.
        """
        cos, sin = np.cos(self.azimuth_rad), np.sin(self.azimuth_rad)
        d_along, d_across = along_m - self.along_m, across_m - self.across_m
        u = (d_along * cos + d_across * sin) * (2.0 / self.length_m)
        v = (d_across * cos - d_along * sin) * (2.0 / self.width_m)
        v = v / (1.0 + 0.35 * np.clip(u, -1.0, 1.0))
        distance = (u * u + v * v) * (1.0 + ragged) ** 2
        return np.asarray(np.maximum(1.0 - distance, 0.0))


def stack_lobes(
    rng: np.random.Generator, length_m: float, thickness_ms: float, budget_ms: float
) -> list[Lobe]:
    """Return the lobes of a fan, oldest first, each where the pile so far is thinnest.

    Parameters
    ----------
    rng : the fan's generator.
    length_m, thickness_ms : typical length and thickness of its lobes.
    budget_ms : greatest thickness of the pile at the centres of the lobes.

    Source: Deptuck et al. (2008), Geomorphology 95, compensational stacking of lobes; the
    thinnest of `N_CANDIDATE` places wins.
    """
    lobes: list[Lobe] = []
    for _ in range(int(rng.integers(3, 8))):
        length = length_m * rng.uniform(0.75, 1.15)
        width = length * rng.uniform(0.4, 0.8)
        thickness = thickness_ms * rng.uniform(0.6, 1.0)
        angle = rng.uniform(-0.9, 0.9, N_CANDIDATE)
        radius = length * 0.5 * rng.uniform(0.8, 2.1, N_CANDIDATE)
        along, across = radius * np.cos(angle), radius * np.sin(angle)
        pile = np.zeros((3, 3, N_CANDIDATE))
        step_along = np.array([-0.25, 0.0, 0.25])[:, None, None] * length
        step_across = np.array([-0.25, 0.0, 0.25])[:, None] * width
        for lobe in lobes:
            high = lobe.height(along + step_along, across + step_across)
            pile += lobe.thickness_ms * high**1.5
        # Flows lose head with distance: of two low places the nearer one is filled.
        cost = pile.mean(axis=(0, 1)) / thickness + 0.2 * radius / length
        best = int(np.argmin(cost))
        lobes.append(Lobe(
            float(along[best]), float(across[best]), 0.75 * float(angle[best]),
            float(length), float(width), float(thickness),
        ))
    highest = max(
        sum(b.thickness_ms * float(b.height(np.array(a.along_m), np.array(a.across_m))) ** 1.5
            for b in lobes)
        for a in lobes
    )
    share = min(1.0, budget_ms / highest)
    return [dataclasses.replace(lobe, thickness_ms=lobe.thickness_ms * share) for lobe in lobes]


def draw_parts(
    context: BodyContext, interval: int, y_m: Float, x_m: Float
) -> list[BodyPart]:
    """Return the parts of the fans of an interval of age on the lattice of two axes.

    Per fan: the core (sandstone) and the fringe (heterolithic) of each lobe, oldest first, then
    the feeder channel. Core and fringe share a column without overlap.

    Parameters
    ----------
    context : seed, scenario and velocity of the world.
    interval : index of the interval of age, `INTERVAL_MS` long.
    y_m, x_m : axes in metres, (n_iline,), (n_xline,), absolute.
    """
    if uniform(context.seed, "structure/lobes", interval) >= 0.8 * context.scenario.lobes:
        return []
    parts: list[BodyPart] = []
    for site in sites_near(
        context.seed, "structure/lobes/site", interval, y_m, x_m, cell_m=CELL_M,
        reach_m=REACH_PER_LENGTH * LENGTH_M[1], chance=CHANCE_IN_CELL, n_draw=3,
    ):
        length = LENGTH_M[0] * (LENGTH_M[1] / LENGTH_M[0]) ** float(site.draws[0])
        patch = patch_near(
            y_m, x_m, (site.y_m, site.x_m), REACH_PER_LENGTH * length, interval,
            reach_ms=REACH_AGE_MS,
        )
        if patch is not None:
            fan = _fan(context, interval, site.cell, (float(site.draws[1]), length))
            parts += _fan_parts(context, interval, site, patch, fan)
    return parts


@dataclass(frozen=True, slots=True)
class _Feeder:
    """The channel that feeds a fan: its size in m and ms of age, and the bends of its line."""

    width_m: float
    depth_ms: float
    k_m: float
    phase: float
    other: float
    swing_m: float

    @classmethod
    def random(
        cls, rng: np.random.Generator, context: BodyContext, age: float, length_m: float
    ) -> _Feeder:
        """Draw the feeder of a fan of some age and length of its lobes."""
        width = float(np.clip(length_m * rng.uniform(0.05, 0.09), 150.0, 600.0))
        depth = min(context.milliseconds(width * rng.uniform(0.04, 0.08), age), 40.0)
        k_m = 2.0 * np.pi / (length_m * rng.uniform(0.5, 0.9))
        phase, other = rng.uniform(0.0, 2.0 * np.pi, 2)
        return cls(width, depth, k_m, phase, other, rng.uniform(0.25, 0.6) / k_m)

    def away(self, along_m: Float, across_m: Float, bend_rad: float) -> Float:
        """Return the distance in metres to the centre line, which bends to the last lobe."""
        k_m, phase, other, swing = self.k_m, self.phase, self.other, self.swing_m
        ahead = np.maximum(along_m, 0.0)
        line = swing * (np.sin(k_m * along_m + phase) + 0.4 * np.sin(2.3 * k_m * along_m + other))
        # The line is measured from where it passes the apex, so that it meets it.
        line += np.tan(bend_rad) * ahead - swing * (np.sin(phase) + 0.4 * np.sin(other))
        slope = swing * k_m * (
            np.cos(k_m * along_m + phase) + 0.92 * np.cos(2.3 * k_m * along_m + other)
        ) + np.where(along_m > 0, np.tan(bend_rad), 0.0)
        return np.asarray((across_m - line) / np.sqrt(1.0 + slope * slope))


@dataclass(frozen=True, slots=True)
class _Fan:
    """A fan wherever it is looked at.

    Parameters
    ----------
    age : of its base, ms.
    thickness_ms, length_m : typical thickness and length of its lobes.
    azimuth_rad : of its axis.
    lobes : oldest first.
    ragged : two fields that make margins ragged.
    feeder : its channel.
    """

    age: float
    thickness_ms: float
    length_m: float
    azimuth_rad: float
    lobes: tuple[Lobe, ...]
    ragged: tuple[PlaneWaves, PlaneWaves]
    feeder: _Feeder


# Neighbouring windows meet the same fans.
@lru_cache(maxsize=256)
def _fan(
    context: BodyContext, interval: int, cell: tuple[int, int], draws: tuple[float, float]
) -> _Fan:
    """Draw the fan of a cell, from where in its interval it lies and the length of its lobes."""
    place, length_m = draws
    rng = generator(context.seed, "structure/lobes/fan", interval, *cell)
    age = (interval + 0.4 + 0.6 * place) * INTERVAL_MS
    # Long lobes are thick ones, with scatter.
    size = np.log(length_m / LENGTH_M[0]) / np.log(LENGTH_M[1] / LENGTH_M[0])
    thickness_m = 12.0 * (THICKNESS_M[1] / 12.0) ** size * rng.uniform(0.55, 1.0)
    thickness = context.milliseconds(float(max(thickness_m, THICKNESS_M[0])), age)
    highest = interval * INTERVAL_MS - REACH_AGE_MS[0]
    lobes = tuple(stack_lobes(rng, length_m, thickness, 0.8 * (age - highest)))
    azimuth = slope_azimuth(context.seed) + rng.normal(0.0, 0.25)
    one, two = (
        PlaneWaves.random(
            context.seed, "structure/lobes/ragged", interval, *cell, n,
            wavelength_m=(length_m / 9.0, length_m / 2.5), n_wave=6, azimuth_rad=azimuth,
            aspect=0.5,
        )
        for n in range(2)
    )
    return _Fan(age, thickness, length_m, azimuth, lobes, (one, two),
                _Feeder.random(rng, context, age, length_m))


def _fan_parts(
    context: BodyContext, interval: int, site: Site, patch: Patch, fan: _Fan
) -> list[BodyPart]:
    """Return the parts of one fan on the columns of a patch."""
    age = fan.age
    along, across = patch.local(site.y_m, site.x_m, fan.azimuth_rad)
    ragged = [waves(patch.y_m, patch.x_m) for waves in fan.ragged]
    mud = 0.06 * fan.thickness_ms
    pile = np.zeros_like(along)
    parts: list[BodyPart] = []
    for n, lobe in enumerate(fan.lobes):
        turn = 2.4 * n
        noise = np.cos(turn) * ragged[0] + np.sin(turn) * ragged[1]
        high = lobe.height(along, across, 0.11 * noise)
        if not high.any():
            continue
        number = body_number(context.seed, BodyKind.LOBE, interval, *site.cell, n)
        thick = lobe.thickness_ms * high * np.sqrt(high)
        base = age - pile - mud * n
        top = base - thick
        # Sand reaches out in fingers along the flow and builds upon a heterolithic base.
        sand = 0.85 * smooth_step((high + 0.1 * noise - 0.3) / 0.45)
        core = top + sand * thick
        parts += patch.part(BodyKind.LOBE, number, SANDSTONE, top, core, drape=DRAPE)
        parts += patch.part(BodyKind.LOBE, number, HETEROLITHIC, core, base, drape=DRAPE)
        pile += thick
    feeder = fan.feeder
    curve = feeder.away(along, across, fan.lobes[-1].azimuth_rad)
    cut = feeder.depth_ms * _fade(along, fan.length_m) * (
        1.0 - (curve * (2.0 / feeder.width_m)) ** 2)
    top = age - pile - np.where(pile > 0, mud * (len(fan.lobes) - 1), 0.0)
    number = body_number(context.seed, BodyKind.LOBE, interval, *site.cell, len(fan.lobes))
    return parts + patch.part(BodyKind.LOBE, number, SANDSTONE, top, top + cut)


def _fade(along_m: Float, length_m: float) -> Float:
    """Return how deep the feeder is, 0..1: dying out upslope and in the middle of the lobes."""
    upslope = smooth_step(along_m / (0.6 * length_m) + 2.6)
    return np.asarray(upslope * smooth_step(0.9 - along_m / (0.55 * length_m)))

