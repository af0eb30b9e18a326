"""Porosity and net share of rock, from its facies and density."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithogen.rockphysics.facies import (
    CHALK,
    DOLOMITE,
    HETEROLITHIC,
    LIMESTONE,
    N_FACIES,
    SANDSTONE,
)
from lithogen.rockphysics.families import FLUID_DENSITY_KG_M3, PHI0, RHO_MATRIX
from lithogen.rockphysics.trends import POROSITY_LIMITS, POROSITY_SHARE, RockFamily

Float = NDArray[np.floating]

LEAST_NET_POROSITY = 0.10
_NET = np.zeros(N_FACIES, dtype=np.float32)
_NET[SANDSTONE], _NET[HETEROLITHIC] = 1.0, 0.5
_IS_CARBONATE = np.zeros(N_FACIES, dtype=bool)
_IS_CARBONATE[[LIMESTONE, CHALK, DOLOMITE]] = True


def net_share(facies: NDArray[np.integer], porosity: Float) -> NDArray[np.float32]:
    """Return the net share of rock: sandstone 1, heterolithic 0.5, porous carbonate 1.

    Parameters
    ----------
    facies : codes. porosity : 0..1, same shape.
    """
    is_net = _IS_CARBONATE[facies] & (porosity > LEAST_NET_POROSITY)
    return np.where(is_net, np.float32(1.0), _NET[facies])


def porosity_of(
    facies: NDArray[np.int8], rho: Float, family: RockFamily, depth_m: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return the porosity of brine-filled rock from its density.

    Parameters
    ----------
    facies : codes, (n_iline, n_xline, n_twt). rho : kg/m3, same shape.
    family : trends of the basin. depth_m : background depth of every sample, (n_twt,).

    Returns
    -------
    float32, 0.01 to 0.65, or 0 for coal and evaporite: the facies' trend less 0.7 of the density
    residual over rho_matrix - rho_fluid, as `bed_properties` has it.
    """
    trend = family.porosity(depth_m).astype(np.float32)
    density = family.trend(depth_m)[2].astype(np.float32)
    share = (POROSITY_SHARE / (family.table[:, RHO_MATRIX] - FLUID_DENSITY_KG_M3)).astype(
        np.float32)
    row = np.arange(facies.shape[-1]) * N_FACIES + facies
    shift = (rho - density.reshape(-1)[row]) * share[facies]
    low, high = (np.float32(v) for v in POROSITY_LIMITS)
    phi = np.clip(trend.reshape(-1)[row] - shift, low, high)
    has_none = family.table[:, PHI0] == 0.0
    return np.where(has_none[facies], np.float32(0.0), phi).astype(np.float32)
