"""Procedural worlds: tables of strata looked up at the age of every voxel, and bodies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.grid import Spacing, Window
from lithogen.prior.beds import CHUNK_MS
from lithogen.prior.fills import fill_bodies, shuffled
from lithogen.prior.tables import (
    COLUMNS,
    ENVIRONMENT_LIMIT,
    ENVIRONMENTS,
    MAX_SPAN,
    N_ROWS,
    STEP_MS,
    WIDTHS,
    Strata,
    strata_of,
)
from lithogen.rockphysics import encode_residual
from lithogen.rockphysics.bounds import MAX_BULK_OVER_SHEAR
from lithogen.rockphysics.facies import N_FACIES
from lithogen.rockphysics.trends import (
    MIN_VP_OVER_VS,
    MIN_VS_M_S,
    RHO_LIMITS_KG_M3,
    VP_LIMITS_M_S,
)
from lithogen.structure import Structure, StructureFields
from lithogen.structure.present import bins_present

AGE_STEP_MS = 2.0
# Poisson's ratio 0.49 at most: muds at the sea bed.
MIN_VS_OVER_VP = (MAX_BULK_OVER_SHEAR + 4.0 / 3.0) ** -0.5


@dataclass(frozen=True, slots=True)
class WorldFields:
    """A procedural world on one window, brine-filled; arrays are (n_iline, n_xline, n_twt).

    Parameters
    ----------
    structure : ages, faults, bodies.
    facies : int8 codes of the dominant facies of each voxel.
    vp, vs, rho : float32 block averages (Backus) in m/s, m/s, kg/m3.
    porosity, net_to_gross : float32 block averages, 0..1.
    strata : the tables behind it.
    depth_m : background depth of every sample below time zero, (n_twt,).
    """

    structure: StructureFields
    facies: NDArray[np.int8]
    vp: NDArray[np.float32]
    vs: NDArray[np.float32]
    rho: NDArray[np.float32]
    porosity: NDArray[np.float32]
    net_to_gross: NDArray[np.float32]
    strata: Strata
    depth_m: NDArray[np.float64]

    def residual(self) -> NDArray[np.float32]:
        """Return elastic residuals around the trend of shale, float32 (3, ...)."""
        return encode_residual(self.vp, self.vs, self.rho, self.strata.family, self.depth_m)


def world_fields(
    structure: Structure, window: Window, spacing: Spacing, seed: int,
    device: torch.device | str = "cpu",
) -> WorldFields:
    """Fill a structure with procedural strata.

    Parameters
    ----------
    structure : where layers go.
    window, spacing : which voxels.
    seed : of strata and rock physics; the structure keeps its own.
    device : where voxels are computed. Worlds of another device differ from those of a CPU by
        the rounding of single precision, which moves edges of beds by a row (0.5 ms) at most.
    """
    fields = structure.evaluate(window, spacing, device)
    strata = strata_of(seed, structure)
    y_m, x_m, twt_s = window.axes(spacing)
    depth_m = structure.velocity.depth(twt_s)
    age = shuffled(fields, y_m, x_m, seed)
    half = fields.rate * (0.5e3 * spacing.dt_s)
    mean, facies = block_means(strata, age, half, fields.environment)
    lift = _lift(strata, fields, depth_m)
    fill_bodies(mean, facies, fields.bodies, strata, depth_m)
    lift *= 1.0 - fields.bodies.cover
    net = mean[..., COLUMNS.index("net")].contiguous()
    vp, vs, rho, porosity = _elastic(mean, facies, lift, strata, depth_m)
    return WorldFields(
        fields, facies.cpu().numpy(), vp.cpu().numpy(), vs.cpu().numpy(), rho.cpu().numpy(),
        porosity.cpu().numpy(), net.cpu().numpy(), strata, depth_m,
    )


def block_means(
    strata: Strata, age: Tensor, half_ms: Tensor, environment: Tensor
) -> tuple[Tensor, Tensor]:
    """Mean of the strata over the ages that every voxel spans.

    Parameters
    ----------
    strata : tables of the world.
    age, half_ms : centre and half width of the span in ms, (n_iline, n_xline, n_twt).
    environment : depositional environment, same shape.

    Returns
    -------
    means (..., 6), columns as in `tables.COLUMNS`; dominant facies (...), int8. Spans are
    rounded to rows of 0.5 ms, at most 64 ms.
    """
    used = bins_present(age, CHUNK_MS)
    # A span may begin in the chunk above that of its centre.
    chunks = sorted({chunk - back for chunk in used for back in (0, 1)})
    tables = [strata.chunk(c) for c in chunks]
    device = age.device
    total = torch.from_numpy(np.stack([t.total for t in tables])).to(device)
    label = torch.from_numpy(np.stack([t.dominant for t in tables])).to(device)
    slots = torch.zeros(chunks[-1] - chunks[0] + 1, dtype=torch.int32, device=device)
    slots[[c - chunks[0] for c in chunks]] = torch.arange(
        len(chunks), dtype=torch.int32, device=device)
    span = (half_ms * (2.0 / STEP_MS)).round_().clamp_(1, MAX_SPAN).to(torch.int32)
    start = (age - half_ms).mul_(1.0 / STEP_MS).round_().to(torch.int32).reshape(-1)
    row = start & (N_ROWS - 1)
    slot = slots.index_select(0, (start >> (N_ROWS.bit_length() - 1)).sub_(chunks[0])
                              .clamp_(0, len(slots) - 1))
    scale = (ENVIRONMENTS - 1) / (2.0 * ENVIRONMENT_LIMIT)
    level = (environment + ENVIRONMENT_LIMIT).mul_(scale).round_()
    level = level.clamp_(0, ENVIRONMENTS - 1).to(torch.int32).reshape(-1)
    place = slot.mul_(ENVIRONMENTS).add_(level)
    rows = total.reshape(-1, len(COLUMNS))
    index = place * (N_ROWS + MAX_SPAN + 1) + row
    flat_span = span.reshape(-1)
    mean = rows.index_select(0, index + flat_span)
    mean.sub_(rows.index_select(0, index))
    mean.div_(flat_span.to(torch.float32)[:, None])
    nearest = _nearest_width().to(device).index_select(0, flat_span)
    dominant = label.reshape(-1).index_select(
        0, place.mul_(N_ROWS).add_(row).mul_(len(WIDTHS)).add_(nearest))
    return mean.reshape(*age.shape, -1), dominant.reshape(age.shape)


def _nearest_width() -> Tensor:
    """Return for spans 0..MAX_SPAN the place of the nearest of `WIDTHS`, int32."""
    spans = np.maximum(np.arange(MAX_SPAN + 1), 1)
    ratio = np.abs(np.log(spans[:, None] / WIDTHS[None, :]))
    return torch.from_numpy(ratio.argmin(axis=1).astype(np.int32))


def _lift(strata: Strata, fields: StructureFields, depth_m: NDArray[np.float64]) -> Tensor:
    """How much deeper a voxel lies than its layer does where nothing is folded, in m."""
    # Steps of one absolute lattice: the same voxel takes the same step in any window.
    first = AGE_STEP_MS * (float(torch.floor(fields.age.min() / AGE_STEP_MS)) - 1.0)
    count = int((float(fields.age.max()) - first) / AGE_STEP_MS) + 2
    nominal = strata.structure.nominal_depth_m(first + AGE_STEP_MS * np.arange(count))
    table = torch.from_numpy(nominal.astype(np.float32)).to(fields.age.device)
    index = ((fields.age - first) * (1.0 / AGE_STEP_MS)).round_().to(torch.int32).reshape(-1)
    here = torch.from_numpy(depth_m.astype(np.float32)).to(fields.age.device)
    return here - table.index_select(0, index).reshape(fields.age.shape)


def _elastic(
    mean: Tensor, facies: Tensor, lift_m: Tensor, strata: Strata, depth_m: NDArray[np.float64]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Velocities, density and porosity of block means, carried to the depth of the voxel.

    Source: Backus (1962), J. Geophys. Res. 67: harmonic mean of the moduli.
    """
    compliance, shear, rho, porosity = (mean[..., k].contiguous() for k in range(4))
    vp = (compliance * rho).rsqrt_().mul_(1e9**0.5)
    vs = (shear * rho).rsqrt_().mul_(1e9**0.5)
    slope = strata.family.slopes(depth_m).reshape(-1, 4).astype(np.float32)
    table = torch.from_numpy(slope).to(mean.device)
    sample = torch.arange(len(depth_m), dtype=torch.int32, device=mean.device) * N_FACIES
    rows = table.index_select(0, (facies.to(torch.int32) + sample).reshape(-1))
    change = (rows * lift_m.reshape(-1, 1)).reshape(*facies.shape, 4)
    vp.mul_(change[..., 0].exp())
    vs.mul_(change[..., 1].exp())
    rho.mul_(change[..., 2].exp())
    porosity.add_(change[..., 3]).clamp_(0.0, 0.7)
    vp.clamp_(*VP_LIMITS_M_S)
    torch.maximum(vs.clamp_(min=MIN_VS_M_S), vp * MIN_VS_OVER_VP, out=vs)
    vs = torch.minimum(vs, vp / MIN_VP_OVER_VS)
    return vp, vs, rho.clamp_(*RHO_LIMITS_KG_M3), porosity
