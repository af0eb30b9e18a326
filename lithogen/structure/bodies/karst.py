"""Karst: what rain dissolved out of a carbonate bank that once stood above the sea.

A column of strata need not hold carbonate at a given age, so karst brings its host: a limestone
bank over a region of the map. Sinkholes, collapse pipes and cave passages lie inside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lithogen.rng import uniform
from lithogen.rockphysics.facies import LIMESTONE, SHALE
from lithogen.structure.bodies.part import (
    INTERVAL_MS,
    BodyContext,
    BodyKind,
    BodyPart,
    body_number,
)
from lithogen.structure.bodies.place import Float, Patch, patch_near, smooth_step
from lithogen.structure.waves import PlaneWaves

HOLE_CELL_M = 420.0
PIPE_CELL_M = 520.0
BANK_M = (50.0, 130.0)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What the parts of one interval share: lattice, exposure age, bank and rock."""

    context: BodyContext
    interval: int
    patch: Patch
    age_ms: float
    ms_per_m: float
    bank_ms: Float
    ln_vp: float

    def part(self, n: int, facies: int, top_ms: Float, base_ms: Float, ln_vp: float
             ) -> list[BodyPart]:
        """Return the part between two depths below the exposure, kept inside the bank."""
        number = body_number(self.context.seed, BodyKind.KARST, self.interval, 0, 0, n)
        base = np.minimum(base_ms, self.bank_ms)
        return self.patch.part(
            BodyKind.KARST, number, facies, self.age_ms + top_ms, self.age_ms + base, ln_vp=ln_vp
        )


def draw_parts(
    context: BodyContext, interval: int, y_m: Float, x_m: Float
) -> list[BodyPart]:
    """Return the karst of an interval of age on the lattice of two axes.

    Present with chance 0.5 karst (0.2 + carbonate_share). Parts: the limestone bank (kind
    `BUILDUP`); the weathered skin, two levels of caves, pipes and sinkholes (breccia, slower
    limestone), and the mud in the sinkholes (kind `KARST`).

    Parameters
    ----------
    context : seed, scenario and velocity of the world.
    interval : index of the interval of age, `INTERVAL_MS` long.
    y_m, x_m : axes in metres, (n_iline,), (n_xline,), absolute.
    """
    seed, scenario = context.seed, context.scenario
    chance = 0.5 * scenario.karst * (0.2 + scenario.carbonate_share)
    if uniform(seed, "structure/karst", interval) >= chance:
        return []
    u = uniform(seed, "structure/karst/interval", interval, np.arange(8))
    region = PlaneWaves.random(
        seed, "structure/karst/region", interval, wavelength_m=(7000.0, 22000.0), n_wave=8
    )(y_m, x_m)
    bank = smooth_step((region + 0.05) * 4.0) * (0.88 + 0.12 * np.tanh(region))
    if not bank.any():
        return []
    # Everywhere is near: a bank has no centre.
    patch = patch_near(y_m, x_m, (0.0, 0.0), np.inf, interval)
    if patch is None or not bank.any():
        return []
    age = (interval + float(u[0])) * INTERVAL_MS
    ms_per_m = context.milliseconds(1.0, age)
    thick = (BANK_M[0] + float(u[1]) * (BANK_M[1] - BANK_M[0])) * ms_per_m
    thick = min(thick, patch.age_range[1] - age)
    ground = _Ground(context, interval, patch, age, ms_per_m, thick * bank, -0.10 - 0.15 * u[2])
    number = body_number(seed, BodyKind.BUILDUP, interval, 0, 0, 0)
    parts = patch.part(
        BodyKind.BUILDUP, number, LIMESTONE, age + 0.0 * bank, age + thick * bank, drape=0.15
    )
    parts += _skin(ground, PlaneWaves.random(
        seed, "structure/karst/skin", interval, wavelength_m=(120.0, 700.0), n_wave=7
    )(y_m, x_m))
    for level in range(2):
        parts += _caves(ground, level, float(u[3]) * np.pi)
    return parts + _pipes(ground) + _sinkholes(ground)


def _skin(ground: _Ground, rough: Float) -> list[BodyPart]:
    """Return the weathered skin below the exposure, 3 to 15 m, absent in places."""
    depth_m = 7.0 + 4.0 * rough
    return ground.part(1, LIMESTONE, 0.0 * rough, depth_m * ground.ms_per_m, 0.5 * ground.ln_vp)


def _caves(ground: _Ground, level: int, azimuth_rad: float) -> list[BodyPart]:
    """Return the passages of one level: ribbons along two sets of joints, wide where they cross.

    A level is where the water table stood for long. Passages are level sets of a coordinate
    across the joints that a smooth map bends, and fade in and out along the joints.
    """
    seed, interval, patch = ground.context.seed, ground.interval, ground.patch
    u = uniform(seed, "structure/karst/cave", interval, level, np.arange(4))
    open_share = np.zeros_like(ground.bank_ms)
    for joint in range(2):
        turn = azimuth_rad + joint * (1.1 + 0.4 * float(u[0]))
        bend, present = (
            PlaneWaves.random(
                seed, "structure/karst/joint", interval, level, joint, n,
                wavelength_m=(400.0, 2500.0), n_wave=6, azimuth_rad=turn, aspect=0.6,
            )(patch.y_m, patch.x_m)
            for n in range(2)
        )
        spacing = 280.0 + 300.0 * float(u[1])
        _, across = patch.local(0.0, 0.0, turn)
        line = across / spacing + 0.22 * bend
        gap = np.abs(line - np.round(line)) * spacing
        width = (40.0 + 70.0 * float(u[2])) * np.clip(0.6 + 0.7 * present, 0.0, 1.6)
        open_share += np.maximum(1.0 - (2.0 * gap / np.maximum(width, 1.0)) ** 2, 0.0)
    depth_m = (22.0, 62.0)[level] + 12.0 * float(u[3])
    half_m = np.where(open_share > 0.0, 3.0 + 6.0 * np.sqrt(open_share), 0.0)
    top = (depth_m - half_m) * ground.ms_per_m
    base = (depth_m + half_m) * ground.ms_per_m
    return ground.part(2 + level, LIMESTONE, top, base, ground.ln_vp)


def _pipes(ground: _Ground) -> list[BodyPart]:
    """Return the collapse pipes: upright columns of breccia, up to 100 m deep."""
    depth_m = np.zeros_like(ground.bank_ms)
    for share, draw in _holes(ground, "structure/karst/pipe", PIPE_CELL_M, (35.0, 95.0), 0.22):
        # Walls are steep: the pipe keeps nine tenths of its depth to its edge.
        depth = (45.0 + 55.0 * draw) * (1.0 - 0.1 * share * share)
        depth_m = np.maximum(depth_m, np.where(share < 1.0, depth, 0.0))
    return ground.part(4, LIMESTONE, 0.0 * depth_m, depth_m * ground.ms_per_m, ground.ln_vp)


def _sinkholes(ground: _Ground) -> list[BodyPart]:
    """Return the bowls of the sinkholes: broken rock below, the mud that filled them above."""
    depth_m = np.zeros_like(ground.bank_ms)
    for share, draw in _holes(ground, "structure/karst/hole", HOLE_CELL_M, (50.0, 200.0), 0.5):
        depth_m = np.maximum(depth_m, (10.0 + 25.0 * draw) * (1.0 - share * share))
    bowl = depth_m * ground.ms_per_m
    broken = ground.part(5, LIMESTONE, 0.0 * bowl, 1.5 * bowl, ground.ln_vp)
    return broken + ground.part(5, SHALE, 0.0 * bowl, bowl, 0.0)


def _holes(
    ground: _Ground, stream: str, cell_m: float, radius_m: tuple[float, float], chance: float
) -> Iterator[tuple[Float, Float]]:
    """Yield for each of the nine cells about a column: distance to its hole over the radius
    of the hole, and one more draw, maps (n_row, n_col). A cell without a hole is far away.

    Draws are made once per cell and spread to the columns, whose cells are an outer product.
    """
    patch = ground.patch
    cell_y = np.floor(patch.y_m / cell_m).astype(np.int64)
    cell_x = np.floor(patch.x_m / cell_m).astype(np.int64)
    all_y = np.arange(cell_y.min() - 1, cell_y.max() + 2)
    all_x = np.arange(cell_x.min() - 1, cell_x.max() + 2)
    draws = uniform(
        ground.context.seed, stream, ground.interval, all_y[:, None, None], all_x[:, None],
        np.arange(5),
    )
    hole_y = (all_y[:, None] + draws[..., 0]) * cell_m
    hole_x = (all_x + draws[..., 1]) * cell_m
    # Small holes are many, large ones few.
    radius = radius_m[0] + (radius_m[1] - radius_m[0]) * draws[..., 2] ** 2
    scale = np.where(draws[..., 3] < chance, 1.0 / radius, 1.0)
    far = np.where(draws[..., 3] < chance, 0.0, 10.0)
    for step_y in (0, 1, 2):
        for step_x in (0, 1, 2):
            place = np.ix_(cell_y - all_y[0] - 1 + step_y, cell_x - all_x[0] - 1 + step_x)
            distance = np.hypot(
                patch.y_m[:, None] - hole_y[place], patch.x_m - hole_x[place]
            )
            yield distance * scale[place] + far[place], draws[..., 4][place]
