"""From strata to voxels: tables looked up at the age of every voxel, bodies, depth, fluids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.grid import Spacing, Window
from lithogen.rockphysics import encode_residual
from lithogen.rockphysics.bounds import MAX_BULK_OVER_SHEAR
from lithogen.rockphysics.facies import N_FACIES
from lithogen.rockphysics.fluids import BRINE, MIN_POROSITY, POROUS_FACIES, substitute
from lithogen.rockphysics.reservoir import net_share, porosity_of
from lithogen.rockphysics.trends import (
    MIN_VP_OVER_VS,
    MIN_VS_M_S,
    RHO_LIMITS_KG_M3,
    VP_LIMITS_M_S,
)
from lithogen.strata.fills import fill_bodies, shuffled
from lithogen.strata.tables import COLUMNS, Strata
from lithogen.structure import Structure, StructureFields
from lithogen.structure.traps import fluids

Volumes = dict[str, NDArray[Any]]
# Gives voxels their known values, in place, and returns where: three index arrays.
HardVoxels = Callable[[Volumes], tuple[NDArray[np.int64], ...]]

AGE_STEP_MS = 2.0
# Poisson's ratio 0.49 at most: muds at the sea bed.
MIN_VS_OVER_VP = (MAX_BULK_OVER_SHEAR + 4.0 / 3.0) ** -0.5


@dataclass(frozen=True, slots=True)
class WorldFields:
    """A world on one window, brine-filled; arrays are (n_iline, n_xline, n_twt).

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


def fill_structure(
    structure: Structure, window: Window, spacing: Spacing, strata: Strata,
    device: torch.device | str = "cpu",
) -> WorldFields:
    """Fill a structure with strata.

    Parameters
    ----------
    structure : Structure
        Where layers go.
    window, spacing : Window, Spacing
        Which voxels.
    strata : Strata
        What lies in them; made by the prior or by stage 1.
    device : torch.device or str
        Where voxels are computed. Worlds of another device differ from those of a CPU by
        the rounding of single precision, which moves edges of beds by a row (0.5 ms) at most.

    Returns
    -------
    WorldFields
        Brine-filled.
    """
    fields = structure.evaluate(window, spacing, device)
    y_m, x_m, twt_s = window.axes(spacing)
    depth_m = structure.velocity.depth(twt_s)
    age = shuffled(fields, y_m, x_m, strata.seed)
    half = fields.rate * (0.5e3 * spacing.dt_s)
    mean, facies = strata.voxel_means(age, half, fields.environment, y_m, x_m)
    lift = _lift(strata, fields, depth_m)
    fill_bodies(mean, facies, fields.bodies, strata, depth_m)
    lift *= 1.0 - fields.bodies.cover
    net = mean[..., COLUMNS.index("net")].contiguous()
    vp, vs, rho, porosity = _elastic(mean, facies, lift, strata, depth_m)
    return WorldFields(
        fields, facies.cpu().numpy(), vp.cpu().numpy(), vs.cpu().numpy(), rho.cpu().numpy(),
        porosity.cpu().numpy(), net.cpu().numpy(), strata, depth_m,
    )


def _lift(strata: Strata, fields: StructureFields, depth_m: NDArray[np.float64]) -> Tensor:
    """How much deeper a voxel lies than its layer does where nothing is folded, in m."""
    # Steps of one absolute lattice: the same voxel takes the same step in any window.
    first = AGE_STEP_MS * (float(torch.floor(fields.age.min() / AGE_STEP_MS)) - 1.0)
    count = int((float(fields.age.max()) - first) / AGE_STEP_MS) + 2
    nominal = strata.structure.nominal_depth_m(first + AGE_STEP_MS * np.arange(count))
    table = torch.from_numpy(nominal.astype(np.float32)).to(fields.age.device)
    # Half-way ages go up: rounding to even would depend on where the table begins.
    index = ((fields.age - first) * (1.0 / AGE_STEP_MS)).add_(0.5).floor_().to(torch.int32)
    index = index.reshape(-1)
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


def label_world(
    world: WorldFields, structure: Structure, window: Window, spacing: Spacing,
    hard: HardVoxels | None = None,
) -> Volumes:
    """Return every variable of a world, with fluids in its closures.

    Parameters
    ----------
    world : WorldFields
        On the window; its arrays may be changed.
    structure : Structure
        Gives the closures.
    window, spacing : Window, Spacing
        Which voxels.
    hard : callable, optional
        Gives voxels their known values. Logs hold the fluid that was there, so these stay.

    Returns
    -------
    dict of ndarray, shape (n_iline, n_xline, n_twt)
        lithology, vp, vs (m/s), rho (kg/m3), rgt (ms), fault, throw (ms), sequence, body,
        body_kind, fluid, porosity, net_to_gross.
    """
    found, strata = world.structure, world.strata
    out: Volumes = {
        "lithology": world.facies, "vp": world.vp, "vs": world.vs, "rho": world.rho,
        "porosity": world.porosity, "net_to_gross": world.net_to_gross,
        "rgt": found.age.cpu().numpy(), "fault": found.fault.cpu().numpy(),
        "throw": found.throw_ms.cpu().numpy(), "sequence": found.sequence.cpu().numpy(),
        "body": found.bodies.number().cpu().numpy(),
        "body_kind": found.bodies.kind().cpu().numpy(),
    }
    y_m, x_m, _ = window.axes(spacing)
    fluid = fluids(structure, strata.seed, out["rgt"], world.depth_m, y_m, x_m)
    if hard is not None:
        at = hard(out)
        fluid[at] = BRINE
        for name, values in zip(("porosity", "net_to_gross"), _reservoir_at(out, at, world),
                                strict=True):
            out[name][at] = values
    out["fluid"] = fluid
    _substitute(out, world.depth_m, structure.scenario.burial_m,
                structure.scenario.water_depth_m)
    return out


def _reservoir_at(
    out: Volumes, at: tuple[NDArray[np.int64], ...], world: WorldFields
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Porosity and net share of single voxels, from their facies and density."""
    facies = out["lithology"][at]
    porosity = porosity_of(facies, out["rho"][at], world.strata.family, world.depth_m[at[2]])
    return porosity, net_share(facies, porosity)


def _substitute(
    out: Volumes, depth_m: NDArray[np.float64], burial_m: float, water_depth_m: float
) -> None:
    """Keep fluids in porous rock only, and give that rock their elastic values, in place."""
    fluid = out["fluid"]
    held = fluid.nonzero()
    is_reservoir = np.isin(out["lithology"][held], POROUS_FACIES) & (
        out["porosity"][held] > MIN_POROSITY)
    fluid[held] = np.where(is_reservoir, fluid[held], BRINE)
    if not fluid.any():
        return
    out["vp"], out["vs"], out["rho"] = substitute(
        out["vp"], out["vs"], out["rho"], out["porosity"], out["lithology"], fluid,
        depth_m=depth_m + burial_m, water_depth_m=water_depth_m,
    )
