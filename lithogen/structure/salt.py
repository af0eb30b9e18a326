"""Salt domes: stocks with a single-valued top, uplifted flanks, thinned roofs and rim synclines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.rng import uniform
from lithogen.scenario import Scenario
from lithogen.structure.bodies.part import BodyKind, body_number
from lithogen.structure.velocity import BackgroundVelocity

Float = NDArray[np.float64]

CELL_M = 6000.0
RADIUS_M = (600.0, 2500.0)
CREST_MS = (150.0, 1500.0)
# Below this time there is no top of salt: the layer that fed the domes.
BASE_MS = 5500.0
# Radii from the axis beyond which a dome moves nothing, and where its rim syncline is deepest.
REACH_RADII = 3.6
RIM_RADII = 2.4
# Radius, in outline radii, where the uplift has halved: just outside the stock, which widens.
HALF_RADII = 1.3
# Largest change of the shift per ms of time: keeps ages increasing with time.
STEEPEST = 0.55
# Largest slope of v**2 / (1 + v**2), reached at v = 3**-0.5.
_STEEPEST_RISE = 3.0 * math.sqrt(3.0) / 8.0
# Largest relative radius of the outline harmonics 1 to 4: lopsided, elliptic, lobed.
OUTLINE = (0.1, 0.2, 0.1, 0.06)
# Voxels of a block: its two scratch arrays stay in the cache.
BLOCK_VOXELS = 32768


@dataclass(frozen=True, slots=True)
class SaltDome:
    """One salt stock and what it did to the layers around it.

    Parameters
    ----------
    number : label of the body, > 0.
    x_m, y_m : centre.
    crest_ms : two-way time of its highest point.
    radius_m : mean radius of its outline, some `flank_ms` below the crest.
    outline : cosine and sine amplitudes of the harmonics 1, 2, ... of the outline, relative.
    shoulder_ms, flank_ms : top of salt = crest + shoulder q**2 + flank q**8, where q is the
        distance from the axis over the radius of the outline.
    uplift_ms : uplift of the layers beside and deep below the crest.
    roof_ms : how far above the crest the uplift has died out.
    width_ms : time below the top of the roof at which the uplift has grown to half.
    rim : subsidence of the rim syncline relative to the uplift.
    """

    number: int
    x_m: float
    y_m: float
    crest_ms: float
    radius_m: float
    outline: tuple[tuple[float, float], ...]
    shoulder_ms: float
    flank_ms: float
    uplift_ms: float
    roof_ms: float
    width_ms: float
    rim: float

    def half_extent_m(self) -> float:
        """Return the lateral radius outside which the dome moves nothing, in metres."""
        widest = 1.0 + sum(math.hypot(c, s) for c, s in self.outline)
        return REACH_RADII * widest * self.radius_m


def domes_near(
    seed: int, scenario: Scenario, velocity: BackgroundVelocity, y_m: Float, x_m: Float
) -> Iterator[SaltDome]:
    """Yield the domes that can move a point of the given axes, in canonical order.

    Parameters
    ----------
    seed, scenario, velocity : the world; `scenario.salt` is the chance of a dome per cell of
        6 x 6 km, so the world has no edge.
    y_m, x_m : axes of the map in metres, increasing.

    Examples
    --------
    >>> import numpy as np
    >>> world = Scenario(salt=1.0)
    >>> axis = np.arange(0.0, 12000.0, 50.0)
    >>> len(list(domes_near(7, world, BackgroundVelocity.from_scenario(world), axis, axis))) > 3
    True
    """
    if scenario.salt <= 0.0:
        return
    reach = REACH_RADII * (1.0 + sum(OUTLINE)) * RADIUS_M[1]
    rows = np.arange(np.floor((y_m[0] - reach) / CELL_M), (y_m[-1] + reach) // CELL_M + 1)
    cols = np.arange(np.floor((x_m[0] - reach) / CELL_M), (x_m[-1] + reach) // CELL_M + 1)
    u = uniform(seed, "structure/salt", rows[:, None, None], cols[:, None], np.arange(3))
    # Domes stay in the inner part of their cell, so that neighbours rarely merge.
    centre_y = CELL_M * (rows[:, None] + 0.2 + 0.6 * u[..., 1])
    centre_x = CELL_M * (cols + 0.2 + 0.6 * u[..., 2])
    away_y = centre_y - np.clip(centre_y, y_m[0], y_m[-1])
    away_x = centre_x - np.clip(centre_x, x_m[0], x_m[-1])
    away = np.hypot(away_y, away_x)
    for i, j in np.argwhere((u[..., 0] < scenario.salt) & (away < reach)):
        cell = (int(rows[i]), int(cols[j]))
        radius = _radius_m(float(uniform(seed, "structure/salt/radius", *cell)))
        if away[i, j] >= radius / RADIUS_M[1] * reach:
            continue
        centre = (float(centre_y[i, j]), float(centre_x[i, j]))
        dome = _draw(seed, velocity, cell, centre, radius)
        if away[i, j] < dome.half_extent_m():
            yield dome


def _radius_m(share: float) -> float:
    low, high = RADIUS_M
    # Log-uniform, bent so that small stocks are the common ones.
    return float(low * (high / low) ** (share**1.3))


def _draw(
    seed: int, velocity: BackgroundVelocity, cell: tuple[int, int],
    centre_m: tuple[float, float], radius_m: float,
) -> SaltDome:
    """Return the dome of a cell, from numbers of its own: the same whatever the axes."""
    u = [float(v) for v in uniform(seed, "structure/salt/dome", *cell, np.arange(15))]
    crest = CREST_MS[0] + u[14] * (CREST_MS[1] - CREST_MS[0])
    outline = []
    for harmonic, largest in enumerate(OUTLINE):
        size = largest * (0.3 + 0.7 * u[2 * harmonic])
        angle = 2 * math.pi * u[2 * harmonic + 1]
        outline.append((size * math.cos(angle), size * math.sin(angle)))
    height = float(velocity.milliseconds(radius_m * (0.14 + 0.16 * u[8]), crest))
    shoulder = 0.15 + 0.5 * u[9]
    width = 450.0 + 300.0 * u[10]
    uplift = float(velocity.milliseconds(radius_m * (0.35 + 0.35 * u[11]), crest))
    return SaltDome(
        number=body_number(seed, BodyKind.SALT, *cell), x_m=centre_m[1], y_m=centre_m[0],
        crest_ms=crest, radius_m=radius_m, outline=tuple(outline),
        shoulder_ms=shoulder * height, flank_ms=(1.0 - shoulder) * height,
        uplift_ms=min(uplift, STEEPEST * width / _STEEPEST_RISE),
        roof_ms=400.0 + 250.0 * u[12], width_ms=width, rim=0.1 + 0.2 * u[13],
    )


def _radii_squared(dome: SaltDome, y_m: Float, x_m: Float) -> Float:
    """Return the squared distance from the axis in radii of the outline, (n_iline, n_xline).

    Only sums, products, quotients and roots: the same in every window to the last bit.
    """
    dy, dx = (y_m - dome.y_m)[:, None], (x_m - dome.x_m)[None, :]
    square = dy * dy + dx * dx
    distance = np.sqrt(square)
    safe = np.maximum(distance, 1e-9)
    cos, sin = dx / safe, dy / safe
    edge = np.ones_like(square)
    c_n, s_n = cos, sin
    for c, s in dome.outline:
        edge = edge + c * c_n + s * s_n
        c_n, s_n = c_n * cos - s_n * sin, s_n * cos + c_n * sin
    edge = edge * dome.radius_m
    return np.asarray(square / (edge * edge))


def salt_top_ms(dome: SaltDome, y_m: Float, x_m: Float) -> Float:
    """Return the two-way time of the top of salt in ms, inf outside the stock.

    Parameters
    ----------
    dome : the dome.
    y_m, x_m : axes of the map in metres, (n_iline,) and (n_xline,).

    Returns
    -------
    Map (n_iline, n_xline), float64. Salt fills everything below it.
    """
    square = _radii_squared(dome, y_m, x_m)
    top = dome.crest_ms + square * (dome.shoulder_ms + dome.flank_ms * square * square * square)
    return np.where(top < BASE_MS, top, np.inf)


def uplift_ms(dome: SaltDome, y_m: Float, x_m: Float) -> Float:
    """Return the uplift that layers far below the crest took, in ms, (n_iline, n_xline).

    A bell that halves just outside the stock, less the ring of the rim syncline; exactly zero
    beyond the reach of the dome.
    """
    square = _radii_squared(dome, y_m, x_m)
    wide = square / HALF_RADII**2
    ring = square / RIM_RADII**2
    ring = 2.0 * ring / (1.0 + ring * ring)
    ring = ring * ring
    edge = square / REACH_RADII**2
    taper = np.maximum(1.0 - edge * edge, 0.0)
    shape = 1.0 / (1.0 + wide * wide * wide) - dome.rim * ring * ring
    return np.asarray(dome.uplift_ms * shape * taper * taper)


def _span(axis: Float, centre: float, radius: float) -> slice:
    first, last = np.searchsorted(axis, [centre - radius, centre + radius])
    return slice(int(first), int(last))


def undo_dome(dome: SaltDome, time_ms: Tensor, axes: tuple[Float, Float, Float]) -> None:
    """Move points back to where they were before the salt rose, in place.

    Parameters
    ----------
    dome : the dome.
    time_ms : two-way time of every point before younger events, float32,
        (n_iline, n_xline, n_twt).
    axes : y in m, x in m, two-way time in ms of the lattice, increasing.

    Notes
    -----
    shift = U(y, x) v**2 / (1 + v**2), v = max(t - crest + roof, 0) / width: nothing above the
    roof, half of U at v = 1, and less than 0.6 ms per ms, so time stays in order.

    Source: Trusheim (1960), AAPG Bulletin 44, 1519-1540, for uplift, thinned cover and rim
    synclines of salt stocks; the shape in time is a choice made here.
    """
    reach = dome.half_extent_m()
    rows, cols = _span(axes[0], dome.y_m, reach), _span(axes[1], dome.x_m, reach)
    box = time_ms[rows, cols]
    if box.numel() == 0:
        return
    amount = uplift_ms(dome, axes[0][rows], axes[1][cols]).astype(np.float32)
    lift = torch.from_numpy(amount).to(box.device)[:, :, None]
    onset, square = dome.crest_ms - dome.roof_ms, dome.width_ms**2
    step = max(1, BLOCK_VOXELS // max(1, box[0].numel()))
    for first in range(0, box.shape[0], step):
        time = box[first : first + step]
        shift = (time - onset).clamp_(min=0.0)
        shift.mul_(shift)
        shift.div_(shift + square).mul_(lift[first : first + step])
        time.add_(shift)
