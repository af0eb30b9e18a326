"""Polygonal faults: tiers of many small faults without a common strike, in fine-grained layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lithogen.rng import uniform
from lithogen.scenario import Scenario
from lithogen.structure.fault_styles import Fault
from lithogen.structure.velocity import BackgroundVelocity
from lithogen.structure.waves import PlaneWaves

Float = NDArray[np.float64]

# One tier at most in each of these intervals of two-way time.
PERIOD_MS = 600.0
THICKNESS_MS = (60.0, 150.0)
SPACING_M = (320.0, 640.0)
HALF_LENGTH_M = (150.0, 500.0)
DISPLACEMENT_M = (6.0, 25.0)
# Half length with skew 700, half width in fast deep rock 990: no fault acts further than this.
MAX_EXTENT_M = 1300.0
STEEPEST = 0.5
# A tier is broken where noise of unit variance lies above this level: on 58 % of the map.
PATCH_LEVEL = -0.2


class Tier(NamedTuple):
    """One faulted interval: centre and half thickness in ms, mean distance of its faults in m."""

    number: int
    twt_ms: float
    half_time_ms: float
    spacing_m: float


def tiers_between(
    seed: int, scenario: Scenario, first_ms: float, last_ms: float
) -> Iterator[Tier]:
    """Yield the tiers that meet an interval of two-way time in ms, downwards."""
    for number in range(int(first_ms // PERIOD_MS) - 1, int(last_ms // PERIOD_MS) + 1):
        chance, at, thick, far = uniform(seed, "structure/polygonal/tier", number, np.arange(4))
        if chance >= scenario.polygonal:
            continue
        half = 0.5 * (THICKNESS_MS[0] + thick * (THICKNESS_MS[1] - THICKNESS_MS[0]))
        centre = PERIOD_MS * number + half + at * (PERIOD_MS - 2 * half)
        if centre + half >= first_ms and centre - half <= last_ms:
            spacing = SPACING_M[0] + far * (SPACING_M[1] - SPACING_M[0])
            yield Tier(number, float(centre), float(half), float(spacing))


def polygonal_faults(
    seed: int, velocity: BackgroundVelocity, tier: Tier, y_m: Float, x_m: Float
) -> Iterator[Fault]:
    """Yield the faults of a tier within reach of the axes, one per occupied cell, by cell.

    Parameters
    ----------
    seed, velocity : which world.
    tier : the interval that they break.
    y_m, x_m : lateral axes in metres, increasing.
    """
    cells = [
        np.arange(
            int(np.floor((axis[0] - MAX_EXTENT_M) / tier.spacing_m)),
            int(np.floor((axis[-1] + MAX_EXTENT_M) / tier.spacing_m)) + 1,
        )
        for axis in (y_m, x_m)
    ]
    patches = PlaneWaves.random(
        seed, "structure/polygonal/patch", tier.number, wavelength_m=(5000.0, 20_000.0), n_wave=6
    )
    row_m, col_m = (
        np.asarray((cell + 0.5) * tier.spacing_m, dtype=np.float64) for cell in cells
    )
    is_here = patches(row_m, col_m) > PATCH_LEVEL
    drawn = uniform(
        seed, "structure/polygonal", tier.number,
        cells[0][:, None, None], cells[1][None, :, None], np.arange(10),
    )
    metres_per_ms = float(velocity.velocity(tier.twt_ms * 1e-3) / 2000.0)
    for row, col in np.argwhere(is_here).tolist():
        yield _fault(
            drawn[row, col].tolist(), tier, metres_per_ms,
            y_m=float(cells[0][row] * tier.spacing_m), x_m=float(cells[1][col] * tier.spacing_m),
        )


def _fault(
    u: list[float], tier: Tier, metres_per_ms: float, *, y_m: float, x_m: float
) -> Fault:
    low, high = HALF_LENGTH_M
    length = min(max(tier.spacing_m * (0.45 + 0.5 * u[0]), low), high)
    dip = 0.79 + 0.40 * u[1]
    sine, cosine = float(np.sin(dip)), float(np.cos(dip))
    half_time = tier.half_time_ms * (0.8 + 0.2 * u[2])
    height = half_time * metres_per_ms / sine
    reach = height * (0.9 + 0.6 * u[3])
    steepest_per_metre = 0.5 * sine / metres_per_ms * (
        1.5 / half_time + 2.0 * cosine * metres_per_ms / reach
    )
    displacement = DISPLACEMENT_M[0] + (DISPLACEMENT_M[1] - DISPLACEMENT_M[0]) * u[4]
    return Fault(
        x_m=x_m + u[5] * tier.spacing_m, y_m=y_m + u[6] * tier.spacing_m, twt_ms=tier.twt_ms,
        strike_rad=u[7] * 2 * np.pi, dip_rad=dip, length_m=length, height_m=height,
        reach_m=reach, displacement_m=min(displacement, STEEPEST / steepest_per_metre),
        bend=0.5 * (u[8] - 0.5), metres_per_ms=metres_per_ms, skew=0.8 * (u[9] - 0.5),
        footwall_reach_m=reach,
    )
