"""Pore fluids at depth, and their substitution after Gassmann."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithogen.config import import_bruges
from lithogen.errors import ShapeError, require
from lithogen.rockphysics.bounds import (
    MIN_BULK_OVER_SHEAR,
    MINERALS_GPA,
    mineral_bulk,
    moduli_bounds,
)
from lithogen.rockphysics.facies import CHALK, DOLOMITE, HETEROLITHIC, LIMESTONE, SANDSTONE

Float = NDArray[np.float64]
Float32 = NDArray[np.float32]

# Values of the label `fluid`.
FLUIDS = ("brine", "oil", "gas")
BRINE, OIL, GAS = range(3)
POROUS_FACIES = (SANDSTONE, HETEROLITHIC, LIMESTONE, CHALK, DOLOMITE)
# Below this porosity pores are not connected, and Gassmann's equation does not apply.
MIN_POROSITY = 0.05

SALINITY = 0.035
GAS_GRAVITY = 0.6
OIL_API = 35.0
# Litres of gas dissolved in a litre of oil, where the pressure can hold them.
GAS_OIL_RATIO = 100.0
GEOTHERM_C_PER_M = 0.030
SURFACE_C, DEEP_SEA_C, THERMOCLINE_M = 14.0, 4.0, 400.0
_G_M_S2 = 9.81
_SEA_KG_M3 = 1025.0
_PORE_WATER_KG_M3 = 1030.0
_ATMOSPHERE_MPA = 0.1
_GAS_CONSTANT = 8.314
_ZERO_C = 273.15
# Weight of sediment less that of its pore water, per volume: the effective stress it builds up.
_BUOYANT_KG_M3 = 1000.0


@cache
def _bruges() -> tuple[Any, Any]:
    """Return the modules of fluids and of substitution."""
    return (import_bruges("bruges.rockphysics.fluids"),
            import_bruges("bruges.rockphysics.fluidsub"))


def pressure_temperature(depth_m: ArrayLike, water_depth_m: float) -> tuple[Float, Float]:
    """Hydrostatic pore pressure in MPa and temperature in degrees Celsius.

    Parameters
    ----------
    depth_m : depth below the sea bed (depth below time zero plus the family's burial), m.
    water_depth_m : water above the sea bed, m.

    Source: sea-bed temperature falls from 14 to 4 degrees over a thermocline of 400 m (Levitus,
    1982, mid latitudes); 30 degrees per km (Allen and Allen, 2013).
    """
    depth = np.maximum(np.asarray(depth_m, dtype=np.float64), 0.0)
    head = _SEA_KG_M3 * water_depth_m + _PORE_WATER_KG_M3 * depth
    sea_bed = DEEP_SEA_C + (SURFACE_C - DEEP_SEA_C) * np.exp(-water_depth_m / THERMOCLINE_M)
    return _ATMOSPHERE_MPA + head * _G_M_S2 * 1e-6, sea_bed + GEOTHERM_C_PER_M * depth


def brine(pressure_mpa: Float, temperature_c: Float) -> tuple[Float, Float]:
    """Bulk modulus in Pa and density in kg/m3 of brine of 35 g/kg.

    Source: Batzle and Wang (1992), equations 27 to 29, as coded in bruges 0.5.4, whose
    `rho_brine` gives g/cm3.
    """
    fluids, _ = _bruges()
    state = (temperature_c, pressure_mpa * 1e6, SALINITY)
    rho = 1000.0 * np.asarray(fluids.rho_brine(*state))
    return rho * np.square(np.asarray(fluids.v_brine(*state))), rho


def gas(pressure_mpa: Float, temperature_c: Float) -> tuple[Float, Float]:
    """Adiabatic bulk modulus in Pa and density in kg/m3 of natural gas of gravity 0.6.

    Source: Batzle and Wang (1992), equations 9 to 11. Not bruges: its `rho_gas` is the ideal
    gas and its `rhogas` lacks a power of three and a bracket of equations 9 and 10.
    """
    kelvin = temperature_c + _ZERO_C
    p_r = pressure_mpa / (4.892 - 0.4048 * GAS_GRAVITY)
    t_r = kelvin / (94.72 + 170.75 * GAS_GRAVITY)
    linear = 0.03 + 0.00527 * (3.5 - t_r) ** 3
    rate = -(0.45 + 8.0 * (0.56 - 1.0 / t_r) ** 2) / t_r
    bump = 0.109 * (3.85 - t_r) ** 2 * np.exp(rate * p_r**1.2)
    z = linear * p_r + 0.642 * t_r - 0.007 * t_r**4 - 0.52 + bump
    dz_dp = linear + bump * rate * 1.2 * p_r**0.2
    rho = 28.8e3 * GAS_GRAVITY * pressure_mpa / (z * _GAS_CONSTANT * kelvin)
    heat = (
        0.85 + 5.6 / (p_r + 2.0) + 27.1 / (p_r + 3.5) ** 2 - 8.7 * np.exp(-0.65 * (p_r + 1.0))
    )
    return pressure_mpa * 1e6 * heat / (1.0 - p_r / z * dz_dp), rho


def oil(pressure_mpa: Float, temperature_c: Float) -> tuple[Float, Float]:
    """Bulk modulus in Pa and density in kg/m3 of live oil of 35 degrees API.

    It holds 100 litres of gas per litre, or as many as it can dissolve at that pressure.

    Source: Batzle and Wang (1992), equations 18 to 24.
    """
    rho_0 = 141.5 / (OIL_API + 131.5)
    dissolved = 2.03 * GAS_GRAVITY * (
        pressure_mpa * np.exp(0.02878 * OIL_API - 0.00377 * temperature_c)
    ) ** 1.205
    ratio = np.minimum(GAS_OIL_RATIO, dissolved)
    swell = 0.972 + 0.00038 * (
        2.4 * ratio * np.sqrt(GAS_GRAVITY / rho_0) + temperature_c + 17.8
    ) ** 1.175
    pseudo = rho_0 / swell / (1.0 + 0.001 * ratio)
    saturated = (rho_0 + 0.0012 * GAS_GRAVITY * ratio) / swell
    # The expansion with temperature of equation 20 is in the swelling factor already.
    rho = (
        saturated
        + (0.00277 * pressure_mpa - 1.71e-7 * pressure_mpa**3) * (saturated - 1.15) ** 2
        + 3.49e-4 * pressure_mpa
    )
    velocity = (
        2096.0 * np.sqrt(pseudo / (2.6 - pseudo))
        - 3.7 * temperature_c
        + 4.64 * pressure_mpa
        + 0.0115 * (4.12 * np.sqrt(1.08 / pseudo - 1.0) - 1.0) * temperature_c * pressure_mpa
    )
    return 1000.0 * rho * np.square(velocity), 1000.0 * rho


def fluid_properties(depth_m: ArrayLike, water_depth_m: float) -> tuple[Float, Float]:
    """Bulk modulus in Pa and density in kg/m3 of every fluid at depth.

    Parameters
    ----------
    depth_m : depth below the sea bed in m, any shape, 0 to about 6000.
    water_depth_m : water above the sea bed, m.

    Returns
    -------
    Two float64 arrays (3, ...) in the order of `FLUIDS`.

    Source: Batzle and Wang (1992) at hydrostatic pressure, see `pressure_temperature`.
    """
    pressure, temperature = pressure_temperature(depth_m, water_depth_m)
    pairs = [phase(pressure, temperature) for phase in (brine, oil, gas)]
    return np.stack([k for k, _ in pairs]), np.stack([rho for _, rho in pairs])


def mixed_bulk(brine_pa: ArrayLike, hydrocarbon_pa: ArrayLike, saturation: float) -> Float:
    """Bulk modulus in Pa of brine with a saturation of hydrocarbon mixed in finely.

    Source: Wood (1955), as coded in bruges (Batzle and Wang, 1992, equation 35b).
    """
    fluids, _ = _bruges()
    return np.asarray(fluids.wood(np.asarray(hydrocarbon_pa), np.asarray(brine_pa), saturation))


def loosest_frame(phi: Float, depth_m: Float) -> Float:
    """Bulk modulus in Pa of a dry pack of smooth quartz grains under its overburden.

    Parameters
    ----------
    phi : porosity; depth_m : depth below the sea bed in m, one shape.

    Source: Walton (1987), smooth spheres under hydrostatic stress, equation in Mavko et al.
    (2009), section 5.4; contacts per grain 20 - 34 phi + 14 phi^2 (Murphy, 1982).
    """
    bulk, shear = (v * 1e9 for v in MINERALS_GPA["quartz"])
    compliance = (1.0 / shear + 1.0 / (bulk + shear / 3.0)) / (4.0 * np.pi)
    contacts = 20.0 - 34.0 * phi + 14.0 * phi**2
    stress = _BUOYANT_KG_M3 * _G_M_S2 * np.maximum(depth_m, 0.0)
    cube = 3.0 * ((1.0 - phi) * contacts / compliance) ** 2 * stress / np.pi**4
    return np.asarray(np.cbrt(cube) / 6.0)


def substitute(
    vp: Float32, vs: Float32, rho: Float32, phi: Float32, facies: NDArray[np.integer],
    fluid: NDArray[np.integer],
    *, depth_m: ArrayLike, water_depth_m: float, saturation: float = 0.8,
) -> tuple[Float32, Float32, Float32]:
    """Replace brine by oil or gas in porous rock.

    Parameters
    ----------
    vp, vs, rho, phi : brine-filled rock, m/s, m/s, kg/m3, -, float32 arrays of one shape.
    facies : codes; only sandstone, heterolithic, limestone, chalk and dolomite change.
    fluid : index in `FLUIDS` per voxel.
    depth_m : depth below the sea bed in m, broadcasts to that shape (e.g. one per sample).
    water_depth_m : water above the sea bed, m.
    saturation : share of the pores that hydrocarbon fills, the rest is brine, 0 to 1.

    Returns
    -------
    vp, vs, rho, float32, new arrays; voxels of brine, of other facies and of porosity up to
    0.05 are bit for bit as given. The shear modulus never changes. Part of the definition:
    the bulk modulus rises for no fluid softer than brine, and falls no further than
    Poisson's ratio 0.05, the Reuss average of the facies' softest solid and the new fluid,
    and the bulk modulus of an uncemented dry pack (`loosest_frame`).

    Raises
    ------
    ShapeError : arrays of different shapes.
    ConfigError : saturation outside 0 to 1, or bruges cannot be imported.

    Source: Gassmann (1951) by `bruges.rockphysics.fluidsub.avseth_fluidsub` (Avseth et al.,
    2005, section 1.3.1), elementwise on the voxels concerned; mixture: `mixed_bulk`.
    """
    shape = np.shape(vp)
    for name, values in (("vs", vs), ("rho", rho), ("phi", phi), ("facies", facies),
                         ("fluid", fluid)):
        require(np.shape(values) == shape, f"{name} has shape {np.shape(values)}, vp has {shape}; "
                "pass arrays of one window", ShapeError)
    require(0.0 <= saturation <= 1.0, f"saturation is {saturation}, wanted 0 to 1")
    is_porous = np.isin(facies, POROUS_FACIES) & (phi > MIN_POROSITY)
    where = is_porous & (fluid != BRINE)
    out = tuple(np.array(values, dtype=np.float32) for values in (vp, vs, rho))
    if not where.any():
        return out[0], out[1], out[2]
    rock = [np.asarray(v)[where].astype(np.float64) for v in (vp, vs, rho, phi)]
    # Depths repeat along the window, and properties of fluids are the costly part.
    depth, index = np.unique(np.broadcast_to(depth_m, shape)[where], return_inverse=True)
    bulk, density = (v[:, index] for v in fluid_properties(depth, water_depth_m))
    kind, column = fluid[where], np.arange(len(index))
    mixture = (
        mixed_bulk(bulk[BRINE], bulk[kind, column], saturation),
        (1.0 - saturation) * density[BRINE] + saturation * density[kind, column],
    )
    changed = _gassmann(
        rock, facies[where], (bulk[BRINE], density[BRINE]), mixture,
        loosest_frame(rock[3], depth[index]),
    )
    for values, new in zip(out, changed, strict=True):
        values[where] = new
    return out[0], out[1], out[2]


def _gassmann(
    rock: list[Float], facies: NDArray[np.integer], before: tuple[Float, Float],
    after: tuple[Float, Float], frame_pa: Float,
) -> tuple[Float, Float, Float]:
    """vp, vs, rho of rock (vp, vs, rho, phi) whose fluid (bulk, density) changes."""
    vp, vs, rho, phi = rock
    _, fluidsub = _bruges()
    with np.errstate(invalid="ignore", divide="ignore"):
        result = fluidsub.avseth_fluidsub(
            vp, vs, rho, phi, rhof1=before[1], rhof2=after[1], kmin=mineral_bulk(facies),
            kf1=before[0], kf2=after[0],
        )
    shear = rho * vs * vs
    bulk_before = rho * vp * vp - (4.0 / 3.0) * shear
    reuss = moduli_bounds(phi, facies, fluid_bulk_pa=after[0]).bulk_low
    softest = np.maximum(np.maximum(MIN_BULK_OVER_SHEAR * shear, reuss), frame_pa)
    floor = np.minimum(softest, bulk_before)
    bulk = np.square(result.Vp) * result.rho - (4.0 / 3.0) * shear
    # A frame softer than the Reuss average has no dry modulus: Gassmann's equation gives a
    # negative or undefined one, which counts as the softest.
    bulk = np.where(np.isfinite(bulk), np.clip(bulk, floor, bulk_before), floor)
    modulus = bulk + (4.0 / 3.0) * shear
    return np.sqrt(modulus / result.rho), np.sqrt(shear / result.rho), result.rho
