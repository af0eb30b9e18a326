"""Physical bounds of elastic moduli: Hashin-Shtrikman, Reuss and Poisson's ratio."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithogen.rockphysics.facies import FACIES, N_FACIES
from lithogen.rockphysics.families import BRINE_BULK_PA

Float = NDArray[np.float64]

# Bulk and shear modulus of minerals, GPa. Source: Mavko, Mukerji and Dvorkin (2009), appendix
# A.4; clay: Han, Nur and Morgan (1986); kerogen as the softest coal: Blangy (1992).
MINERALS_GPA: dict[str, tuple[float, float]] = {
    "quartz": (37.0, 44.0),
    "clay": (25.0, 9.0),
    "calcite": (76.8, 32.0),
    "dolomite": (94.9, 45.0),
    "plagioclase": (75.6, 25.6),
    "halite": (24.8, 14.9),
    "sylvite": (17.4, 9.4),
    "anhydrite": (56.1, 29.1),
    "kerogen": (2.9, 2.7),
}
# The softest and the stiffest solid that a facies can be made of, as volume fractions: a facies
# is a range of compositions, so its bounds are those of the range.
_SOLIDS: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    "shale": ({"clay": 1.0}, {"clay": 0.35, "quartz": 0.45, "calcite": 0.2}),
    "sandstone": ({"quartz": 0.6, "clay": 0.4}, {"quartz": 1.0}),
    "heterolithic": ({"clay": 0.8, "quartz": 0.2}, {"quartz": 0.8, "clay": 0.2}),
    "limestone": ({"calcite": 0.6, "clay": 0.4}, {"calcite": 1.0}),
    "marl": ({"clay": 0.7, "calcite": 0.3}, {"calcite": 0.7, "quartz": 0.15, "clay": 0.15}),
    "tuff": ({"clay": 1.0}, {"plagioclase": 0.7, "clay": 0.3}),
    "coal": ({"kerogen": 1.0}, {"kerogen": 0.4, "clay": 0.4, "quartz": 0.2}),
    "chalk": ({"calcite": 0.8, "clay": 0.2}, {"calcite": 1.0}),
    "dolomite": ({"dolomite": 0.5, "calcite": 0.3, "clay": 0.2}, {"dolomite": 1.0}),
    "evaporite": ({"halite": 0.3, "sylvite": 0.7}, {"anhydrite": 0.6, "dolomite": 0.4}),
}
POISSON_LIMITS = (0.05, 0.49)
# Width of the rounding of float32 properties, and of 4 ms means of them, in moduli.
BOUND_TOLERANCE = 0.01
_GPA = 1e9


def _bulk_over_shear(poisson: float) -> float:
    return 2.0 * (1.0 + poisson) / (3.0 * (1.0 - 2.0 * poisson))


MIN_BULK_OVER_SHEAR, MAX_BULK_OVER_SHEAR = (_bulk_over_shear(v) for v in POISSON_LIMITS)


def solid_moduli(fractions: dict[str, float], *, is_soft: bool = False) -> tuple[float, float]:
    """Bulk and shear modulus in Pa of a mixture of minerals.

    Parameters
    ----------
    fractions : volume fraction per name of `MINERALS_GPA`, sum 1.
    is_soft : the Reuss bound instead of the upper Hashin-Shtrikman bound.

    Examples
    --------
    >>> solid_moduli({"quartz": 1.0})
    (37000000000.0, 44000000000.0)

    Source: Berryman (1995), equations for N phases; Reuss (1929).
    """
    share = np.array(list(fractions.values()))
    bulk, shear = np.array([MINERALS_GPA[name] for name in fractions]).T
    if is_soft:
        pad_bulk = pad_shear = 0.0
    else:
        k, mu = float(bulk.max()), float(shear.max())
        pad_bulk, pad_shear = 4.0 / 3.0 * mu, mu / 6.0 * (9 * k + 8 * mu) / (k + 2 * mu)
    mixed = [
        1.0 / float((share / (modulus + pad)).sum()) - pad
        for modulus, pad in ((bulk, pad_bulk), (shear, pad_shear))
    ]
    return round(mixed[0], 9) * _GPA, round(mixed[1], 9) * _GPA


def _solid_table() -> Float:
    """Softest bulk, stiffest bulk, stiffest shear in Pa, (3, n_facies + 1); last: any facies."""
    table = np.empty((3, N_FACIES + 1))
    for code, name in enumerate(FACIES):
        soft, stiff = _SOLIDS[name]
        table[:, code] = solid_moduli(soft, is_soft=True)[0], *solid_moduli(stiff)
    table[:, -1] = table[0, :-1].min(), table[1, :-1].max(), table[2, :-1].max()
    return table


_SOLID_PA = _solid_table()
_ANY = N_FACIES


def mineral_bulk(facies: NDArray[np.integer]) -> Float:
    """Bulk modulus in Pa of the stiffest solid of each facies code, same shape."""
    return np.asarray(_SOLID_PA[1][np.asarray(facies)])


@dataclass(frozen=True, slots=True)
class ModuliBounds:
    """Bounds in Pa, arrays of one shape.

    Parameters
    ----------
    bulk_low : Reuss average of the softest solid and the pore fluid; it is also the lower
        Hashin-Shtrikman bound, since a fluid has no shear modulus.
    bulk_high, shear_high : upper Hashin-Shtrikman bounds of the stiffest solid and brine. The
        lower bound of the shear modulus is 0.
    """

    bulk_low: Float
    bulk_high: Float
    shear_high: Float


def moduli_bounds(
    phi: ArrayLike,
    facies: NDArray[np.integer] | None,
    *,
    fluid_bulk_pa: ArrayLike = BRINE_BULK_PA,
) -> ModuliBounds:
    """Bounds of the moduli at a porosity.

    Parameters
    ----------
    phi : porosity, 0 to 1, any shape.
    facies : codes that broadcast with `phi`; None for "any facies": softest and stiffest
        mineral that can occur at all.
    fluid_bulk_pa : bulk modulus of the pore fluid for the lower bound, Pa. The upper bound
        keeps brine, the stiffest fluid.

    Returns
    -------
    `ModuliBounds` of the broadcast shape.

    Source: Hashin and Shtrikman (1963), J. Mech. Phys. Solids 11, for solid and fluid; equal to
    `bruges.rockphysics.bounds.hashin_shtrikman(modulus="bulk")`. Its "shear" (version 0.5.4)
    mixes bulk moduli, so that bound is the paper's own formula.
    """
    porosity = np.asarray(phi, dtype=np.float64)
    soft, bulk, shear = _SOLID_PA[:, _ANY if facies is None else np.asarray(facies)]
    solid = 1.0 - porosity
    fluid = np.asarray(fluid_bulk_pa, dtype=np.float64)
    pad = (4.0 / 3.0) * shear
    pad_shear = shear / 6.0 * (9.0 * bulk + 8.0 * shear) / (bulk + 2.0 * shear)
    return ModuliBounds(
        1.0 / (solid / soft + porosity / fluid),
        1.0 / (solid / (bulk + pad) + porosity / (BRINE_BULK_PA + pad)) - pad,
        1.0 / (solid / (shear + pad_shear) + porosity / pad_shear) - pad_shear,
    )


def limit_velocities(
    vp: Float, vs: Float, rho: Float, phi: Float, facies: NDArray[np.integer] | None
) -> tuple[Float, Float]:
    """Bring velocities of brine-filled rock inside the bounds.

    Parameters
    ----------
    vp, vs, rho : m/s, m/s, kg/m3, one shape.
    phi : porosity; facies : codes, None for mixtures of any facies.

    Returns
    -------
    vp, vs in m/s. First the P-wave modulus is limited to what Reuss, upper Hashin-Shtrikman and
    Poisson's ratio leave; then the shear modulus, so that vp stays and vs gives way: vs is
    the one that trends extrapolate worst. Values inside the bounds come back as they went in,
    up to rounding.
    """
    bounds = moduli_bounds(phi, facies)
    # mu / M at the two ends of Poisson's ratio, and K / M there.
    least, most = (1.0 / (r + 4.0 / 3.0) for r in (MAX_BULK_OVER_SHEAR, MIN_BULK_OVER_SHEAR))
    modulus_high = np.minimum(
        bounds.bulk_high + (4.0 / 3.0) * bounds.shear_high,
        bounds.bulk_high / (1.0 - 4.0 / 3.0 * most),
    )
    modulus = rho * vp * vp
    np.maximum(modulus, bounds.bulk_low / (1.0 - 4.0 / 3.0 * least), out=modulus)
    np.minimum(modulus, modulus_high, out=modulus)
    shear = rho * vs * vs
    shear_low = np.maximum(0.75 * (modulus - bounds.bulk_high), least * modulus)
    shear_high = np.minimum(0.75 * (modulus - bounds.bulk_low), most * modulus)
    np.minimum(shear_high, bounds.shear_high, out=shear_high)
    np.minimum(np.maximum(shear, shear_low, out=shear), shear_high, out=shear)
    return np.sqrt(modulus / rho), np.sqrt(shear / rho)


def poisson_ratio(vp: ArrayLike, vs: ArrayLike) -> Float:
    """Poisson's ratio of velocities, float64, same shape.

    Source: (vp^2 - 2 vs^2) / (2 (vp^2 - vs^2)), Mavko et al. (2009), table 2.1.
    """
    p2, s2 = (np.square(np.asarray(v, dtype=np.float64)) for v in (vp, vs))
    return np.asarray((p2 - 2.0 * s2) / (2.0 * (p2 - s2)))


def within_bounds(
    vp: ArrayLike, vs: ArrayLike, rho: ArrayLike, phi: ArrayLike,
    facies: NDArray[np.integer] | None,
    *, fluid_bulk_pa: ArrayLike = BRINE_BULK_PA, tolerance: float = BOUND_TOLERANCE,
) -> NDArray[np.bool_]:
    """Say where properties are physically possible.

    Parameters
    ----------
    vp, vs, rho, phi : m/s, m/s, kg/m3, -, arrays of one shape.
    facies : codes of beds of one facies; None for block averages of several facies.
    fluid_bulk_pa : bulk modulus of the pore fluid, Pa (that of the mixture in gas sand).
    tolerance : relative tolerance of the moduli, and of the ratio of P-wave and shear modulus
        that stands for Poisson's ratio.

    Returns
    -------
    bool array. Beds: bulk modulus between Reuss and upper Hashin-Shtrikman of their facies.
    Block averages: the same with the softest and stiffest mineral that any facies holds, and on
    the P-wave modulus instead of the bulk modulus, because a stack of layers has no bulk
    modulus of its own, while its harmonic mean of P-wave moduli stays between the bounds at the
    mean porosity (1/M is convex in porosity along both). Both: shear modulus below its upper
    bound, and Poisson's ratio within `POISSON_LIMITS`.

    Source: Hashin and Shtrikman (1963); Backus (1962).
    """
    density = np.asarray(rho, dtype=np.float64)
    modulus = density * np.square(np.asarray(vp, dtype=np.float64))
    shear = density * np.square(np.asarray(vs, dtype=np.float64))
    bounds = moduli_bounds(phi, facies, fluid_bulk_pa=fluid_bulk_pa)
    less, more = 1.0 - tolerance, 1.0 + tolerance
    if facies is None:
        tested, high = modulus, bounds.bulk_high + (4.0 / 3.0) * bounds.shear_high
    else:
        tested, high = modulus - (4.0 / 3.0) * shear, bounds.bulk_high
    ratio_low, ratio_high = (r + 4.0 / 3.0 for r in (MIN_BULK_OVER_SHEAR, MAX_BULK_OVER_SHEAR))
    return np.asarray(
        (tested >= bounds.bulk_low * less)
        & (tested <= high * more)
        & (shear <= bounds.shear_high * more)
        & (modulus >= ratio_low * less * shear)
        & (modulus <= ratio_high * more * shear)
    )
