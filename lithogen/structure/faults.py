"""Finite faults: elliptic displacement that dies at the tips, with throw and likelihood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.rng import generator, uniform
from lithogen.scenario import Scenario
from lithogen.structure.velocity import BackgroundVelocity

CELL_M = 4000.0
FAULTS_PER_CELL = 3
MAX_HALF_LENGTH_M = 4000.0
CENTRE_RANGE_MS = (-200.0, 3200.0)
LIKELIHOOD_WIDTH_M = 30.0
# Largest shift that all faults together can give: faults are culled with this margin.
MARGIN_MS = 140.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One normal fault.

    Parameters
    ----------
    x_m, y_m, twt_ms : centre.
    strike_rad, dip_rad : direction of the trace from the x axis, and dip of the plane.
    length_m, height_m : half axes of the displacement ellipse along strike and dip.
    reach_m : distance from the plane at which drag has died out.
    displacement_m : largest displacement.
    bend : curvature of the trace, relative to `length_m`.
    metres_per_ms : depth per two-way millisecond at the centre.
    """

    x_m: float
    y_m: float
    twt_ms: float
    strike_rad: float
    dip_rad: float
    length_m: float
    height_m: float
    reach_m: float
    displacement_m: float
    bend: float
    metres_per_ms: float

    def half_extent_m(self) -> float:
        """Return the lateral radius outside which the fault moves nothing, in metres."""
        return self.length_m + self.height_m + self.reach_m + abs(self.bend) * self.length_m

    def half_extent_ms(self) -> float:
        """Return the vertical radius outside which the fault moves nothing, in ms."""
        return (self.height_m + self.reach_m) / self.metres_per_ms


def faults_near(
    seed: int, scenario: Scenario, velocity: BackgroundVelocity,
    y_m: NDArray[np.float64], x_m: NDArray[np.float64], twt_ms: NDArray[np.float64],
) -> Iterator[Fault]:
    """Yield the faults that can move a point of the given axes, in canonical order.

    Faults live in lateral cells of 4 x 4 km, so the world has no edge.
    """
    reach = MAX_HALF_LENGTH_M * 2.2
    rows = range(int(np.floor((y_m[0] - reach) / CELL_M)), int((y_m[-1] + reach) // CELL_M) + 1)
    cols = range(int(np.floor((x_m[0] - reach) / CELL_M)), int((x_m[-1] + reach) // CELL_M) + 1)
    strike = float(uniform(seed, "structure/fault/strike", 0)) * np.pi
    for row in rows:
        for col in cols:
            for number in range(FAULTS_PER_CELL):
                fault = _draw(seed, scenario, velocity, strike, (row, col, number))
                if fault is not None and _touches(fault, y_m, x_m, twt_ms):
                    yield fault


def _draw(
    seed: int, scenario: Scenario, velocity: BackgroundVelocity, strike_rad: float,
    cell: tuple[int, int, int],
) -> Fault | None:
    rng = generator(seed, "structure/fault", *cell)
    exists = rng.uniform() < scenario.faulting
    u_y, u_x, u_t, u_size, u_ratio, u_strain, u_dip, u_side, u_bend = rng.uniform(size=9)
    strike = strike_rad + 0.25 * rng.standard_normal()
    if not exists:
        return None
    length = float(900.0 * (MAX_HALF_LENGTH_M / 900.0) ** u_size)
    height = length * (0.35 + 0.35 * u_ratio)
    displacement = min(2 * length * 0.012 * (0.05 / 0.012) ** u_strain, 110.0)
    low, high = CENTRE_RANGE_MS
    twt_ms = low + u_t * (high - low)
    return Fault(
        x_m=(cell[1] + u_x) * CELL_M,
        y_m=(cell[0] + u_y) * CELL_M,
        twt_ms=float(twt_ms),
        strike_rad=float(strike + (np.pi if u_side < 0.4 else 0.0)),
        dip_rad=float(np.deg2rad(48.0 + 22.0 * u_dip)),
        length_m=length,
        height_m=float(height),
        reach_m=float(0.6 * height),
        displacement_m=float(displacement),
        bend=float(0.3 * (u_bend - 0.5)),
        metres_per_ms=float(velocity.velocity(twt_ms * 1e-3) / 2000.0),
    )


def _touches(
    fault: Fault, y_m: NDArray[np.float64], x_m: NDArray[np.float64], twt_ms: NDArray[np.float64]
) -> bool:
    lateral, vertical = fault.half_extent_m(), fault.half_extent_ms() + MARGIN_MS
    return bool(
        y_m[0] - lateral < fault.y_m < y_m[-1] + lateral
        and x_m[0] - lateral < fault.x_m < x_m[-1] + lateral
        and twt_ms[0] - vertical < fault.twt_ms < twt_ms[-1] + vertical
    )


def _span(axis: NDArray[np.float64], centre: float, radius: float) -> slice:
    return slice(
        int(np.searchsorted(axis, centre - radius)), int(np.searchsorted(axis, centre + radius))
    )


def undo_fault(
    fault: Fault, time_ms: Tensor, likelihood: Tensor, throw_ms: Tensor,
    axes: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
) -> None:
    """Move points back to where they were before a fault slipped, in place.

    Parameters
    ----------
    fault : the fault.
    time_ms : two-way time of every point before younger events, (n_iline, n_xline, n_twt).
    likelihood, throw_ms : fault likelihood 0..1 and throw in ms, updated by maximum.
    axes : y in m, x in m, two-way time in ms of the lattice, increasing.

    Notes
    -----
    Displacement D = Dmax (1 - (s/a)^2 - (q/b)^2)^1.2 on an elliptic plane, shared
    half and half by both walls, and dying off with the distance n from the plane.

    Source: Barnett et al. (1987), AAPG Bulletin 71, displacement geometry in the
    volume containing a single normal fault.
    """
    rows = _span(axes[0], fault.y_m, fault.half_extent_m())
    cols = _span(axes[1], fault.x_m, fault.half_extent_m())
    deep = _span(axes[2], fault.twt_ms, fault.half_extent_ms() + MARGIN_MS)
    box = (rows, cols, deep)
    time = time_ms[box]
    if time.numel() == 0:
        return
    # Lateral parts are small maps in float64; only the per-voxel part is float32.
    dy = (axes[0][rows] - fault.y_m)[:, None]
    dx = (axes[1][cols] - fault.x_m)[None, :]
    cos, sin = np.cos(fault.strike_rad), np.sin(fault.strike_rad)
    along = dx * cos + dy * sin
    across = -dx * sin + dy * cos + fault.bend * along**2 / fault.length_m
    across = across + 0.012 * fault.length_m * np.sin(2 * np.pi * along / (0.45 * fault.length_m))

    def to_map(values: NDArray[np.float64]) -> Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(time.device)[:, :, None]

    depth = (time - fault.twt_ms) * fault.metres_per_ms
    c_dip, s_dip = float(np.cos(fault.dip_rad)), float(np.sin(fault.dip_rad))
    normal = to_map(across * s_dip) - depth * c_dip
    down_dip = to_map(across * c_dip) + depth * s_dip
    inside = (
        to_map(1.0 - (along / fault.length_m) ** 2) - (down_dip / fault.height_m) ** 2
    ).clamp_(min=0.0)
    slip = fault.displacement_m * inside * inside.sqrt().sqrt()
    decay = (1.0 - normal.abs() / fault.reach_m).clamp_(min=0.0).square()
    to_ms = s_dip / fault.metres_per_ms
    shift = torch.where(normal > 0, 0.5 * to_ms, -0.5 * to_ms) * slip * decay
    is_open = (slip / 12.0).clamp(max=1.0)
    near = (1.0 - (normal / LIKELIHOOD_WIDTH_M).square()).clamp_(min=0.0) * is_open
    likelihood[box] = torch.maximum(likelihood[box], near)
    throw_ms[box] = torch.maximum(throw_ms[box], near * slip * to_ms)
    time_ms[box] = time - shift
