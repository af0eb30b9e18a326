"""Rock physics: elastic trends per facies and depth, scatter, and decoding of residuals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithogen.rng import generator
from lithogen.rockphysics.facies import COAL, EVAPORITE, N_FACIES

Float = NDArray[np.float64]

# Order of the facies list: phi0, c (1/km), rho_matrix, v1, dv (m/s per km), vs = a vp + b.
# Fitted to FORCE 2020 wells (logs NLOD 2.0, lithology CC BY 4.0, Bormann et al. 2020) for the
# first four and tuff; the others from Castagna et al. (1993) and Sclater and Christie (1980).
_TABLE = np.array(
    [
        [0.635, 0.58, 2680.0, 3850.0, 200.0, 0.7707, -882.0],
        [0.620, 0.46, 2650.0, 4500.0, 450.0, 0.5899, -288.0],
        [0.465, 0.46, 2660.0, 3950.0, 550.0, 0.6467, -442.0],
        [0.500, 0.66, 2710.0, 4400.0, 400.0, 0.6221, -493.0],
        [0.365, 0.39, 2700.0, 3950.0, 180.0, 0.6000, -330.0],
        [0.570, 0.35, 2650.0, 4150.0, 0.0, 0.7000, -600.0],
        [0.0, 0.0, 1800.0, 2600.0, 0.0, 0.5000, -100.0],
        [0.680, 0.71, 2710.0, 4700.0, 500.0, 0.6200, -450.0],
        [0.300, 0.45, 2840.0, 5600.0, 300.0, 0.5830, -78.0],
        [0.0, 0.0, 2170.0, 4500.0, 0.0, 0.5550, 0.0],
    ]
)
FLUID_VELOCITY_M_S = 1580.0
FLUID_DENSITY_KG_M3 = 1030.0

# Standard deviation of the residuals ln vp, ln(vs / trend(vp)), ln rho per facies: the unit in
# which the network generates them.
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
RESIDUAL_LIMIT = 4.0
VP_LIMITS_M_S = (1450.0, 6500.0)
RHO_LIMITS_KG_M3 = (1350.0, 3050.0)
MIN_VS_M_S = 200.0
# vp / vs of at least 1.45 keeps Poisson's ratio above 0.05.
MIN_VP_OVER_VS = 1.45


@dataclass(frozen=True, slots=True)
class RockFamily:
    """Elastic trends of one basin.

    Parameters
    ----------
    table : one row per facies: phi0 (-), compaction (1/km), matrix density (kg/m3),
        matrix velocity at 1 km (m/s), its increase per km, and vs = a vp + b (m/s).
    burial_m : depth of time zero below the depositional surface, m.

    Notes
    -----
    phi = phi0 exp(-c z); vp = (1 - phi)^2 v_matrix + phi v_fluid.
    Source: Athy (1930); Raymer, Hunt and Gardner (1980); Castagna et al. (1985).
    """

    table: Float
    burial_m: float

    @classmethod
    def random(cls, seed: int, burial_m: float) -> RockFamily:
        """Draw a basin around the fitted table: porosity, compaction and matrix velocity."""
        rng = generator(seed, "rockphysics/family", 0)
        table = _TABLE.copy()
        table[:, 0] *= rng.uniform(0.92, 1.08) * rng.normal(1.0, 0.04, N_FACIES).clip(0.88, 1.12)
        table[:, 1] *= np.exp(0.12 * rng.standard_normal())
        table[:, 3] *= (1 + 0.025 * rng.standard_normal()) * rng.normal(
            1.0, 0.025, N_FACIES
        ).clip(0.92, 1.08)
        for fixed in (COAL, EVAPORITE):
            table[fixed, 3] = _TABLE[fixed, 3]
        return cls(table, burial_m)

    def trend(self, depth_m: Float) -> tuple[Float, Float, Float]:
        """Return vp (m/s), vs (m/s) and rho (kg/m3) per depth and facies, each (n, n_facies).

        Parameters
        ----------
        depth_m : depths below time zero in metres, shape (n,).
        """
        z_km = np.maximum(depth_m + self.burial_m, 0.0)[:, None] * 1e-3
        phi0, c, rho_m, v1, dv, _, _ = self.table.T
        phi = np.clip(phi0 * np.exp(-c * z_km), 0.0, 0.62)
        matrix = v1 + dv * np.minimum(z_km - 1.0, 2.5)
        vp = (1.0 - phi) ** 2 * matrix + phi * FLUID_VELOCITY_M_S
        rho = rho_m - phi * (rho_m - FLUID_DENSITY_KG_M3)
        vp = np.clip(vp, *VP_LIMITS_M_S)
        return vp, self.shear(vp, np.arange(N_FACIES)), np.clip(rho, *RHO_LIMITS_KG_M3)

    def shear(self, vp_m_s: Float, facies: NDArray[np.int_]) -> Float:
        """Return the trend of vs in m/s for vp in m/s and facies codes that broadcast."""
        a, b = self.table[facies, 5], self.table[facies, 6]
        return np.asarray(np.clip(a * vp_m_s + b, MIN_VS_M_S, vp_m_s / MIN_VP_OVER_VS))


def _within(values: NDArray[np.floating], limits: tuple[float, float]) -> NDArray[np.float32]:
    low, high = (np.float32(v) for v in limits)
    return np.asarray(np.minimum(np.maximum(values, low), high), dtype=np.float32)


def decode_elastic(
    facies: NDArray[np.int8], residual: NDArray[np.float32], family: RockFamily, depth_m: Float
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Turn facies and residual channels into elastic properties.

    Parameters
    ----------
    facies : codes, (n_iline, n_xline, n_twt).
    residual : in units of `RESIDUAL_SCALE`, (3, n_iline, n_xline, n_twt), in the order
        of `RESIDUALS`; limited to +-4 units, which is part of the model's definition.
    family : trends of the basin.
    depth_m : background depth of every time sample, (n_twt,).

    Returns
    -------
    vp, vs (m/s) and rho (kg/m3), float32, like `facies`. A change of facies is a
    change of trend, so a facies boundary is an elastic boundary.
    """
    vp_trend, _, rho_trend = (a.astype(np.float32) for a in family.trend(depth_m))
    scale = RESIDUAL_SCALE.astype(np.float32)
    column = np.arange(facies.shape[-1])
    code = facies.astype(np.intp)
    unit = np.clip(residual, -RESIDUAL_LIMIT, RESIDUAL_LIMIT)
    vp = vp_trend[column, code] * np.exp(scale[code, 0] * unit[0])
    vp = _within(vp, VP_LIMITS_M_S)
    a, b = (family.table[:, k].astype(np.float32)[code] for k in (5, 6))
    vs = np.clip(a * vp + b, np.float32(MIN_VS_M_S), vp / np.float32(MIN_VP_OVER_VS))
    vs = np.clip(
        vs * np.exp(scale[code, 1] * unit[1]), np.float32(MIN_VS_M_S),
        vp / np.float32(MIN_VP_OVER_VS),
    )
    rho = rho_trend[column, code] * np.exp(scale[code, 2] * unit[2])
    rho = _within(rho, RHO_LIMITS_KG_M3)
    return vp.astype(np.float32), vs.astype(np.float32), rho.astype(np.float32)


def encode_residual(
    facies: NDArray[np.int8], vp: NDArray[np.float32], vs: NDArray[np.float32],
    rho: NDArray[np.float32], family: RockFamily, depth_m: Float,
) -> NDArray[np.float32]:
    """Return the residual channels of elastic properties: the inverse of `decode_elastic`.

    Parameters
    ----------
    facies, vp, vs, rho : (n_iline, n_xline, n_twt); m/s, m/s, kg/m3.
    family, depth_m : as in `decode_elastic`.

    Returns
    -------
    float32 (3, n_iline, n_xline, n_twt), limited to +-4 units.
    """
    vp_trend, _, rho_trend = (a.astype(np.float32) for a in family.trend(depth_m))
    scale = RESIDUAL_SCALE.astype(np.float32)
    column = np.arange(facies.shape[-1])
    code = facies.astype(np.intp)
    a, b = (family.table[:, k].astype(np.float32)[code] for k in (5, 6))
    shear = np.clip(a * vp + b, np.float32(MIN_VS_M_S), vp / np.float32(MIN_VP_OVER_VS))
    out = np.stack(
        [
            np.log(vp / vp_trend[column, code]) / scale[code, 0],
            np.log(vs / shear) / scale[code, 1],
            np.log(rho / rho_trend[column, code]) / scale[code, 2],
        ]
    )
    return _within(out, (-RESIDUAL_LIMIT, RESIDUAL_LIMIT))
