"""Procedural worlds: bed tables looked up at the age of every voxel, plus channel fills."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.grid import Spacing, Window
from lithogen.prior.strata import (
    CHUNK_MS,
    ENVIRONMENT_LEVELS,
    ENVIRONMENTS,
    N_CHANNELS,
    N_ROWS,
    STEP_MS,
    chunk_table,
)  # fmt: skip
from lithogen.rockphysics.facies import N_FACIES, SANDSTONE, SHALE
from lithogen.rockphysics.trends import (
    MIN_VP_OVER_VS,
    MIN_VS_M_S,
    RHO_LIMITS_KG_M3,
    VP_LIMITS_M_S,
    RockFamily,
    encode_residual,
)
from lithogen.scenario import Scenario
from lithogen.structure import Structure, StructureFields
from lithogen.structure.waves import PlaneWaves

_N_BELTS = 4
_ENV_PERIOD_MS = 150.0


@dataclass(frozen=True, slots=True)
class WorldFields:
    """A procedural world on one window; arrays are (n_iline, n_xline, n_twt).

    Parameters
    ----------
    structure : ages, faults and channels.
    facies : int8 codes of the dominant facies of each voxel.
    vp, vs, rho : float32 block averages (Backus) in m/s, m/s, kg/m3.
    residual : float32 (3, ...), elastic residuals in units of the facies' scatter.
    """

    structure: StructureFields
    facies: NDArray[np.int8]
    vp: NDArray[np.float32]
    vs: NDArray[np.float32]
    rho: NDArray[np.float32]
    residual: NDArray[np.float32]


def world_fields(
    structure: Structure, window: Window, spacing: Spacing, seed: int
) -> WorldFields:
    """Fill a structure with procedural strata.

    Parameters
    ----------
    structure : where layers go.
    window, spacing : which voxels.
    seed : of strata and rock physics; the structure keeps its own.
    """
    scenario = structure.scenario
    fields = structure.evaluate(window, spacing)
    y_m, x_m, twt_s = window.axes(spacing)
    environment = _environment(fields.age, y_m, x_m, seed, scenario)
    mean = _block_means(fields, environment, spacing, seed, scenario)
    share, residual = mean[..., :N_FACIES], mean[..., N_FACIES:]
    _fill_channels(share, fields)
    depth_m = structure.velocity.depth(twt_s)
    family = RockFamily.random(seed, scenario.burial_m)
    vp, vs, rho = _backus(share, residual, family, depth_m)
    facies = share.argmax(-1).to(torch.int8).numpy()
    units = encode_residual(facies, vp, vs, rho, family, depth_m)
    return WorldFields(fields, facies, vp, vs, rho, units)


def _environment(
    age: Tensor, y_m: NDArray[np.float64], x_m: NDArray[np.float64], seed: int, scenario: Scenario
) -> Tensor:
    """Depositional environment, standard deviation `lateral_change`: maps that turn over age."""
    total = torch.zeros_like(age)
    for index in range(_N_BELTS):
        waves = PlaneWaves.random(
            seed, "prior/environment", index, wavelength_m=(1800.0, 16000.0), n_wave=6
        )
        field = torch.from_numpy(waves(y_m, x_m).astype(np.float32))[:, :, None]
        period = _ENV_PERIOD_MS * (1.0 + 0.7 * index)
        total += field * (age * (2 * np.pi / period) + 1.7 * index).sin()
    return total * (scenario.lateral_change * float(np.sqrt(2.0 / _N_BELTS)))


def _table(age: Tensor, seed: int, scenario: Scenario) -> tuple[Tensor, dict[int, int]]:
    """Cumulative rows of all chunks that occur, and the place of each chunk among them."""
    first = int(torch.floor(age.min() / CHUNK_MS)) - 1
    last = int(torch.floor(age.max() / CHUNK_MS)) + 1
    counts = torch.histc(age / CHUNK_MS, last - first + 1, first, last + 1).numpy()
    near = np.convolve(counts, np.ones(3), "same")
    chunks = [first + int(i) for i in np.nonzero(near)[0]]
    runs = [np.asarray(chunk_table(seed, scenario, chunk)) for chunk in chunks]
    rows = np.concatenate(runs)
    total = np.zeros((len(rows) + 1, ENVIRONMENTS, N_CHANNELS), dtype=np.float32)
    total[1:] = np.cumsum(rows, axis=0, dtype=np.float64)
    return torch.from_numpy(total), {chunk: n for n, chunk in enumerate(chunks)}


def _block_means(
    fields: StructureFields, environment: Tensor, spacing: Spacing, seed: int, scenario: Scenario
) -> Tensor:
    """Mean of the table over the age span of every voxel, (..., n_facies + 3)."""
    table, place = _table(fields.age, seed, scenario)
    first = min(place)
    slots = torch.tensor([place.get(c, 0) for c in range(first, max(place) + 1)])
    half = fields.rate * (0.5e3 * spacing.dt_s)
    half = half.clamp(min=STEP_MS, max=100.0)
    chunk = torch.floor(fields.age / CHUNK_MS)
    base = slots[(chunk.to(torch.int64) - first)].to(torch.float32) * N_ROWS
    row = base + (fields.age - chunk * CHUNK_MS) / STEP_MS
    top = (row - half / STEP_MS).clamp(0.0, table.shape[0] - 1.001)
    bottom = (row + half / STEP_MS).clamp(0.0, table.shape[0] - 1.001)
    step = float(ENVIRONMENT_LEVELS[1] - ENVIRONMENT_LEVELS[0])
    level = ((environment - float(ENVIRONMENT_LEVELS[0])) / step).clamp(0, ENVIRONMENTS - 1.001)
    low = level.to(torch.int64)
    mix = (level - low).unsqueeze(-1)
    flat = table.reshape(-1, N_CHANNELS)

    def total_at(position: Tensor, env: Tensor) -> Tensor:
        row = position.to(torch.int64)
        part = (position - row).unsqueeze(-1)
        index = (row * ENVIRONMENTS + env).reshape(-1)
        upper = flat.index_select(0, index)
        lower = flat.index_select(0, index + ENVIRONMENTS)
        return torch.lerp(upper, lower, part.reshape(-1, 1)).reshape(*position.shape, N_CHANNELS)

    span = (bottom - top).unsqueeze(-1)
    mean = total_at(bottom, low) - total_at(top, low)
    other = total_at(bottom, low + 1) - total_at(top, low + 1)
    return torch.lerp(mean, other, mix) / span


def _fill_channels(share: Tensor, fields: StructureFields) -> None:
    """Replace the share of each voxel that lies in a channel by the channel's fill, in place."""
    share *= (1.0 - fields.channel).unsqueeze(-1)
    share[..., SANDSTONE] += fields.sand_channel
    share[..., SHALE] += fields.channel - fields.sand_channel


def _backus(
    share: Tensor, residual: Tensor, family: RockFamily, depth_m: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Backus average of the facies in a voxel, then the voxel's mean residual.

    Source: Backus (1962), J. Geophys. Res. 67: harmonic mean of the moduli.
    """
    vp, vs, rho = family.trend(depth_m)

    def combine(values: NDArray[np.float64]) -> Tensor:
        return torch.einsum("ijkf,kf->ijk", share, torch.from_numpy(values.astype(np.float32)))

    density = combine(rho)
    modulus = 1.0 / combine(1.0 / (rho * vp**2))
    shear = 1.0 / combine(1.0 / (rho * vs**2))
    ln_vp, ln_shear, ln_rho = residual.unbind(-1)
    velocity = (modulus / density).sqrt() * ln_vp.exp()
    # Shear follows vp along the mudrock slope (about 1.5 in logarithms), plus its own scatter.
    transverse = (shear / density).sqrt() * (1.5 * ln_vp + ln_shear).exp()
    velocity = velocity.clamp(*VP_LIMITS_M_S)
    transverse = torch.minimum(transverse.clamp(min=MIN_VS_M_S), velocity / MIN_VP_OVER_VS)
    density = (density * ln_rho.exp()).clamp(*RHO_LIMITS_KG_M3)
    return velocity.numpy(), transverse.numpy(), density.numpy()
