"""Tables of the basins: what `RockFamily` draws its trends from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithogen.config import nearest_name
from lithogen.errors import require
from lithogen.scenario import BASINS

Float = NDArray[np.float64]

# The brine that fills the pores of every trend.
FLUID_VELOCITY_M_S = 1580.0
FLUID_DENSITY_KG_M3 = 1030.0
BRINE_BULK_PA = FLUID_DENSITY_KG_M3 * FLUID_VELOCITY_M_S**2

# Columns of every table, rows in the order of the facies list.
PHI0, COMPACTION, RHO_MATRIX, V_MATRIX, V_GRADIENT, SHEAR_SLOPE, SHEAR_OFFSET = range(7)

# Shale, sandstone, heterolithic, limestone, marl and tuff: fitted to FORCE 2020 wells of
# quadrants 25, 31 and 32 (logs NLOD 2.0, lithology CC BY 4.0, Bormann et al. 2020). The others:
# Castagna et al. (1993), Sclater and Christie (1980).
_NORTH_SEA = (
    (0.635, 0.58, 2680.0, 3850.0, 200.0, 0.7707, -882.0),
    (0.620, 0.46, 2650.0, 4500.0, 450.0, 0.5899, -288.0),
    (0.465, 0.46, 2660.0, 3950.0, 550.0, 0.6200, -310.0),
    (0.500, 0.66, 2710.0, 4400.0, 400.0, 0.6520, -434.0),
    (0.365, 0.39, 2700.0, 3950.0, 180.0, 0.6000, -330.0),
    (0.570, 0.35, 2650.0, 4150.0, 0.0, 0.7000, -720.0),
    (0.0, 0.0, 1800.0, 2600.0, 0.0, 0.5000, -100.0),
    (0.680, 0.71, 2710.0, 4700.0, 500.0, 0.6200, -450.0),
    (0.300, 0.45, 2840.0, 5600.0, 300.0, 0.5830, -78.0),
    (0.0, 0.0, 2170.0, 4500.0, 0.0, 0.5550, 0.0),
)
# Young clastics of the Gulf Coast type: shale stiffens fast, sand keeps its porosity, so that
# sand is the harder one near the sea bed and the softer one below about 1 km. Porosity and
# velocity of shale and sand: fitted to the example trends of Merrifield et al. (2022,
# Interpretation 10(3)), 0.5-3.5 km; vs: mudrock line of Castagna et al. (1985) and sand line of
# Castagna et al. (1993); limestone and dolomite porosity: Schmoker and Halley (1982); lignite.
_GULF_COAST = (
    (0.471, 0.677, 2680.0, 3760.0, 217.0, 0.8621, -1172.0),
    (0.392, 0.208, 2650.0, 4900.0, 223.0, 0.8042, -856.0),
    (0.400, 0.400, 2660.0, 4250.0, 230.0, 0.8300, -1000.0),
    (0.417, 0.400, 2710.0, 5300.0, 250.0, 0.5220, 28.0),
    (0.450, 0.500, 2700.0, 4300.0, 200.0, 0.7000, -600.0),
    (0.500, 0.450, 2650.0, 4200.0, 0.0, 0.7000, -600.0),
    (0.0, 0.0, 1400.0, 2400.0, 0.0, 0.5000, -100.0),
    (0.700, 0.710, 2710.0, 4700.0, 500.0, 0.6200, -450.0),
    (0.303, 0.163, 2840.0, 6500.0, 100.0, 0.5830, -78.0),
    (0.0, 0.0, 2170.0, 4500.0, 0.0, 0.5550, 0.0),
)
# Old, once deeper buried clastics: shale is dense from shallow depth on. Shale and sand: fitted
# to trend values published for West Siberia (Tagilsk) in the rock-property examples of Synthoseis,
# 1.5-3.5 km (their shallow end is a polynomial's); vs of sand: Han (1986). The rest: between
# these and the North Sea rows.
_WEST_SIBERIA = (
    (0.400, 0.363, 2680.0, 4300.0, 300.0, 0.7000, -550.0),
    (0.385, 0.276, 2650.0, 4390.0, 300.0, 0.7936, -787.0),
    (0.390, 0.320, 2660.0, 4300.0, 300.0, 0.7400, -660.0),
    (0.400, 0.450, 2710.0, 5200.0, 300.0, 0.5220, 28.0),
    (0.380, 0.400, 2700.0, 4200.0, 220.0, 0.6500, -430.0),
    (0.500, 0.380, 2650.0, 4300.0, 50.0, 0.7000, -600.0),
    (0.0, 0.0, 1450.0, 2500.0, 0.0, 0.5000, -100.0),
    (0.680, 0.710, 2710.0, 4700.0, 500.0, 0.6200, -450.0),
    (0.300, 0.350, 2840.0, 5800.0, 250.0, 0.5830, -78.0),
    (0.0, 0.0, 2170.0, 4500.0, 0.0, 0.5550, 0.0),
)
# Early cemented carbonates with calcareous shale. Limestone and dolomite porosity: Schmoker and
# Halley (1982, south Florida), phi = 0.417 exp(-z / 2.5 km) and 0.303 exp(-z / 6.1 km); sand,
# sandy shale and chalk porosity after Sclater and Christie (1980); vs of limestone: Castagna et
# al. (1993), straight between 3.5 and 5.5 km/s, of shale and sand the same authors; the
# evaporite is anhydrite.
_CARBONATE_SHELF = (
    (0.580, 0.560, 2700.0, 4150.0, 220.0, 0.7700, -867.0),
    (0.490, 0.270, 2650.0, 4700.0, 300.0, 0.8042, -856.0),
    (0.470, 0.390, 2660.0, 4300.0, 350.0, 0.7700, -780.0),
    (0.417, 0.400, 2710.0, 5800.0, 150.0, 0.5220, 28.0),
    (0.500, 0.450, 2700.0, 4700.0, 250.0, 0.6200, -350.0),
    (0.570, 0.350, 2650.0, 4150.0, 0.0, 0.7000, -600.0),
    (0.0, 0.0, 1800.0, 2600.0, 0.0, 0.5000, -100.0),
    (0.700, 0.710, 2710.0, 5000.0, 400.0, 0.6221, -493.0),
    (0.303, 0.163, 2840.0, 6900.0, 50.0, 0.5830, -78.0),
    (0.0, 0.0, 2950.0, 5900.0, 0.0, 0.5550, 0.0),
)
_TABLES = dict(
    zip(BASINS, (_NORTH_SEA, _GULF_COAST, _WEST_SIBERIA, _CARBONATE_SHELF), strict=True)
)


# Stocks of salt are halite in every basin: a denser evaporite would not rise. vp and vs in m/s,
# rho in kg/m3. Source: Mavko, Mukerji and Dvorkin (2009), The Rock Physics Handbook, table A.4.1.
HALITE = (4500.0, 2590.0, 2160.0)


def basin_table(basin: str) -> Float:
    """Return the table of a basin, float64 (n_facies, 7), a fresh copy.

    Parameters
    ----------
    basin : one of `lithogen.scenario.BASINS`.

    Returns
    -------
    One row per facies: porosity at the surface (-), compaction (1/km), matrix density (kg/m3),
    matrix velocity at 1 km (m/s), its increase per km, and vs = a vp + b (-, m/s).

    Raises
    ------
    ConfigError : the basin is unknown.

    Examples
    --------
    >>> float(basin_table("north_sea")[1, 0])
    0.62

    Source: per basin, above each table.
    """
    require(
        basin in _TABLES,
        f"basin {basin!r} is unknown{nearest_name(basin, list(BASINS))}; "
        f"known: {', '.join(BASINS)}",
    )
    return np.array(_TABLES[basin])
