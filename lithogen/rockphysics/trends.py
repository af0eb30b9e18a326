"""Rock physics: elastic trends per facies and depth, scatter, and decoding of residuals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import ShapeError, require
from lithogen.rng import generator
from lithogen.rockphysics.bounds import limit_velocities
from lithogen.rockphysics.facies import COAL, EVAPORITE, N_FACIES, SHALE
from lithogen.rockphysics.families import (
    COMPACTION,
    FLUID_DENSITY_KG_M3,
    FLUID_VELOCITY_M_S,
    PHI0,
    RHO_MATRIX,
    SHEAR_OFFSET,
    SHEAR_SLOPE,
    V_GRADIENT,
    V_MATRIX,
    basin_table,
)

Float = NDArray[np.float64]

# Standard deviation of the residuals ln vp, ln(vs / trend(vp)), ln rho of beds, per facies.
RESIDUAL_SCALE = np.array(
    [
        [0.11, 0.05, 0.050],
        [0.12, 0.05, 0.050],
        [0.10, 0.05, 0.045],
        [0.14, 0.05, 0.055],
        [0.12, 0.05, 0.050],
        [0.09, 0.05, 0.040],
        [0.10, 0.05, 0.060],
        [0.11, 0.05, 0.045],
        [0.10, 0.05, 0.045],
        [0.05, 0.03, 0.030],
    ]
)
RESIDUALS = ("ln_vp", "ln_vs_ratio", "ln_rho")
# The unit in which the network generates them, around the trend of shale: four hold coal to
# dolomite at any depth.
RESIDUAL_UNIT = np.array([0.3, 0.2, 0.14])
RESIDUAL_LIMIT = 4.0
VP_LIMITS_M_S = (1450.0, 6500.0)
RHO_LIMITS_KG_M3 = (1350.0, 3050.0)
MIN_VS_M_S = 200.0
# vp / vs of at least 1.45 keeps Poisson's ratio above 0.05.
MIN_VP_OVER_VS = 1.45
MAX_TREND_POROSITY = 0.62
# Porosity of a bed; the lower limit applies to facies that have porosity at all.
POROSITY_LIMITS = (0.01, 0.65)
# Share of a bed's density residual that is porosity; the rest is grain density. In FORCE 2020
# wells ln vp scatters 2.4 times as much as ln rho at a correlation of 0.5 to 0.7.
POROSITY_SHARE = 0.7
# Grain density of a bed over that of its facies: clay minerals, siderite and pyrite.
GRAIN_DENSITY_LIMITS = (0.92, 1.08)
# No matrix velocity rises further below this depth, in km beyond 1 km.
_DEEPEST_GRADIENT_KM = 2.5
_SLOPE_STEP_M = 2.0


@dataclass(frozen=True, slots=True)
class RockFamily:
    """Elastic trends of one basin.

    Parameters
    ----------
    table : one row per facies: phi0 (-), compaction (1/km), matrix density (kg/m3),
        matrix velocity at 1 km (m/s), its increase per km, and vs = a vp + b (m/s).
    burial_m : depth of time zero below the depositional surface, m.
    basin : name of the table that it was drawn around.

    Notes
    -----
    phi = phi0 exp(-c z); vp = (1 - phi)^2 v_matrix + phi v_fluid.
    Source: Athy (1930); Raymer, Hunt and Gardner (1980); Castagna et al. (1985).
    """

    table: Float
    burial_m: float
    basin: str = "north_sea"

    @classmethod
    def random(cls, seed: int, burial_m: float, basin: str = "north_sea") -> RockFamily:
        """Draw around a basin's table: porosity, compaction and matrix velocity.

        Parameters
        ----------
        seed : of the world; all basins share the draws of a seed.
        burial_m : depth of time zero below the depositional surface, m.
        basin : one of `lithogen.scenario.BASINS`.

        Raises
        ------
        ConfigError : the basin is unknown.
        """
        rng = generator(seed, "rockphysics/family", 0)
        fitted = basin_table(basin)
        table = fitted.copy()
        table[:, 0] *= rng.uniform(0.92, 1.08) * rng.normal(1.0, 0.04, N_FACIES).clip(0.88, 1.12)
        table[:, 1] *= np.exp(0.12 * rng.standard_normal())
        table[:, 3] *= (1 + 0.025 * rng.standard_normal()) * rng.normal(
            1.0, 0.025, N_FACIES
        ).clip(0.92, 1.08)
        for fixed in (COAL, EVAPORITE):
            table[fixed, 3] = fitted[fixed, 3]
        return cls(table, burial_m, basin)

    def porosity(self, depth_m: Float) -> Float:
        """Return the porosity per depth and facies, (n, n_facies).

        Parameters
        ----------
        depth_m : depths below time zero in metres, shape (n,).

        Source: Athy (1930).
        """
        z_km = self._z_km(depth_m)[:, None]
        return _porosity(self.table[:, PHI0], self.table[:, COMPACTION], z_km)

    def trend(self, depth_m: Float) -> tuple[Float, Float, Float]:
        """Return vp (m/s), vs (m/s) and rho (kg/m3) per depth and facies, each (n, n_facies).

        Parameters
        ----------
        depth_m : depths below time zero in metres, shape (n,).
        """
        z_km = self._z_km(depth_m)[:, None]
        vp, rho = _vp_rho(self.table.T, self.porosity(depth_m), z_km)
        return vp, self.shear(vp, np.arange(N_FACIES)), rho

    def slopes(self, depth_m: Float) -> Float:
        """Return the change of the trends per metre of depth, (n, n_facies, 4).

        Parameters
        ----------
        depth_m : depths below time zero in metres, shape (n,).

        Returns
        -------
        d ln vp, d ln vs, d ln rho and d phi, each per metre; central differences over 4 m.
        """
        depth = np.asarray(depth_m, dtype=np.float64)

        def state(z_m: Float) -> Float:
            vp, vs, rho = self.trend(z_m)
            return np.stack([np.log(vp), np.log(vs), np.log(rho), self.porosity(z_m)], axis=-1)

        change = state(depth + _SLOPE_STEP_M) - state(depth - _SLOPE_STEP_M)
        return np.asarray(change / (2.0 * _SLOPE_STEP_M))

    def _z_km(self, depth_m: Float) -> Float:
        """Depth below the depositional surface in km, not above it."""
        return np.asarray(np.maximum(depth_m + self.burial_m, 0.0) * 1e-3)

    def shear(self, vp_m_s: Float, facies: NDArray[np.int_]) -> Float:
        """Return the trend of vs in m/s for vp in m/s and facies codes that broadcast."""
        a, b = self.table[facies, SHEAR_SLOPE], self.table[facies, SHEAR_OFFSET]
        return np.asarray(np.clip(a * vp_m_s + b, MIN_VS_M_S, vp_m_s / MIN_VP_OVER_VS))


def _porosity(phi0: Float, compaction: Float, z_km: Float) -> Float:
    return np.asarray(np.clip(phi0 * np.exp(-compaction * z_km), 0.0, MAX_TREND_POROSITY))


def _vp_rho(columns: Float, phi: Float, z_km: Float) -> tuple[Float, Float]:
    """Trend of vp and rho for table columns (7, ...) that broadcast with phi and z_km."""
    rho_m = columns[RHO_MATRIX]
    matrix = columns[V_MATRIX] + columns[V_GRADIENT] * np.minimum(
        z_km - 1.0, _DEEPEST_GRADIENT_KM
    )
    vp = (1.0 - phi) ** 2 * matrix + phi * FLUID_VELOCITY_M_S
    rho = rho_m - phi * (rho_m - FLUID_DENSITY_KG_M3)
    return np.clip(vp, *VP_LIMITS_M_S), np.clip(rho, *RHO_LIMITS_KG_M3)


def bed_properties(
    family: RockFamily, facies: NDArray[np.integer], depth_m: Float,
    *, ln_vp: Float, ln_shear: Float, ln_rho: Float,
) -> tuple[Float, Float, Float, Float]:
    """Elastic properties and porosity of beds around the trend of their facies.

    Parameters
    ----------
    family : trends of the basin.
    facies : codes of the beds, any shape.
    depth_m : depth below time zero in metres, same shape or one that broadcasts to it.
    ln_vp, ln_shear, ln_rho : residuals ln(vp / trend), ln(vs / trend of vs at that vp) and
        ln(rho / trend), no unit, same shape as facies.

    Returns
    -------
    vp, vs (m/s), rho (kg/m3), phi (-), float64 like `facies`, brine filled.

    Notes
    -----
    Limits are part of the model's definition, not a repair. In this order: density between
    grains of 0.92 to 1.08 times the facies' matrix density and within `RHO_LIMITS_KG_M3`,
    porosity (trend less 0.7 of the
    density residual over rho_matrix - rho_fluid; 0.01 to 0.65, or 0 for coal and evaporite),
    velocities within `VP_LIMITS_M_S`, then Poisson's ratio 0.05 to 0.49 and the moduli between
    Reuss and upper Hashin-Shtrikman of the facies' solids and brine at that porosity
    (`limit_velocities`).

    Raises
    ------
    ShapeError : the residuals have not the shape of facies.

    Source: Athy (1930); Raymer, Hunt and Gardner (1980); Hashin and Shtrikman (1963).
    """
    for name, values in (("ln_vp", ln_vp), ("ln_shear", ln_shear), ("ln_rho", ln_rho)):
        require(
            np.shape(values) == np.shape(facies),
            f"{name} has shape {np.shape(values)}, facies has {np.shape(facies)}; pass one "
            "residual per bed", ShapeError,
        )
    columns = family.table.T[:, facies]
    z_km = np.broadcast_to(family._z_km(np.asarray(depth_m, np.float64)), np.shape(facies))
    phi_trend = _porosity(columns[PHI0], columns[COMPACTION], z_km)
    vp, rho_trend = _vp_rho(columns, phi_trend, z_km)
    rho_m = columns[RHO_MATRIX]
    vp = np.clip(vp * np.exp(ln_vp), *VP_LIMITS_M_S)
    vs = columns[SHEAR_SLOPE] * vp + columns[SHEAR_OFFSET]
    vs = np.clip(vs, MIN_VS_M_S, vp / MIN_VP_OVER_VS) * np.exp(ln_shear)
    rho = rho_trend * np.exp(ln_rho)
    shift = (rho - rho_trend) * (POROSITY_SHARE / (rho_m - FLUID_DENSITY_KG_M3))
    phi = np.clip(phi_trend - shift, *POROSITY_LIMITS)
    phi[columns[PHI0] == 0.0] = 0.0
    grains, pores = (1.0 - phi) * rho_m, phi * FLUID_DENSITY_KG_M3
    low, high = GRAIN_DENSITY_LIMITS
    rho = np.clip(rho, grains * low + pores, grains * high + pores)
    rho = np.clip(rho, *RHO_LIMITS_KG_M3)
    vp, vs = limit_velocities(vp, vs, rho, phi, facies)
    return vp, vs, rho, phi


def _within(values: NDArray[np.floating], limits: tuple[float, float]) -> NDArray[np.float32]:
    low, high = (np.float32(v) for v in limits)
    return np.asarray(np.minimum(np.maximum(values, low), high), dtype=np.float32)


def decode_elastic(
    residual: NDArray[np.float32], family: RockFamily, depth_m: Float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Turn residual channels into elastic properties.

    Parameters
    ----------
    residual : in units of `RESIDUAL_UNIT` around the trend of shale at that depth, whatever the
        facies, (3, ..., n_twt), in the order of `RESIDUALS`; limited to +-4 units, which is part
        of the model's definition.
    family : trends of the basin.
    depth_m : background depth of every time sample, (n_twt,).

    Returns
    -------
    vp, vs (m/s) and rho (kg/m3), float32 (..., n_twt).

    Notes
    -----
    Residuals around the trend of each voxel's own facies jump wherever the facies does. Rock does
    not: along a bed of mixed layers the dominant facies changes and the mean of all stays
    (docs/stage1.md).
    """
    vp_trend, _, rho_trend = (a[:, SHALE].astype(np.float32) for a in family.trend(depth_m))
    unit = np.clip(residual, -RESIDUAL_LIMIT, RESIDUAL_LIMIT) * _unit(residual.ndim)
    vp = _within(vp_trend * np.exp(unit[0]), VP_LIMITS_M_S)
    most = vp / np.float32(MIN_VP_OVER_VS)
    vs = np.clip(_shear_trend(vp, family) * np.exp(unit[1]), np.float32(MIN_VS_M_S), most)
    rho = _within(rho_trend * np.exp(unit[2]), RHO_LIMITS_KG_M3)
    return vp, vs.astype(np.float32), rho


def encode_residual(
    vp: NDArray[np.float32], vs: NDArray[np.float32], rho: NDArray[np.float32],
    family: RockFamily, depth_m: Float,
) -> NDArray[np.float32]:
    """Return the residual channels of elastic properties: the inverse of `decode_elastic`.

    Parameters
    ----------
    vp, vs, rho : one shape (..., n_twt); m/s, m/s, kg/m3.
    family, depth_m : as in `decode_elastic`.

    Returns
    -------
    float32 (3, ..., n_twt), limited to +-4 units.
    """
    vp_trend, _, rho_trend = (a[:, SHALE].astype(np.float32) for a in family.trend(depth_m))
    out = np.stack([np.log(vp / vp_trend), np.log(vs / _shear_trend(vp, family)),
                    np.log(rho / rho_trend)]) / _unit(np.ndim(vp) + 1)
    return _within(out, (-RESIDUAL_LIMIT, RESIDUAL_LIMIT))


def _shear_trend(vp: NDArray[np.float32], family: RockFamily) -> NDArray[np.float32]:
    """Return vs of shale at a vp, m/s."""
    slope, offset = (np.float32(family.table[SHALE, k]) for k in (SHEAR_SLOPE, SHEAR_OFFSET))
    most = vp / np.float32(MIN_VP_OVER_VS)
    return np.asarray(np.clip(slope * vp + offset, np.float32(MIN_VS_M_S), most))


def _unit(n_axes: int) -> NDArray[np.float32]:
    return RESIDUAL_UNIT.astype(np.float32).reshape(-1, *(1,) * (n_axes - 1))
