"""What the network is told of a row of age, and of the whole world."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lithogen.diffusion.lattice import ROW_MS
from lithogen.formations import STYLES, formation_shares
from lithogen.rockphysics import RockFamily, encode_residual
from lithogen.rockphysics.facies import N_FACIES
from lithogen.scenario import N_CONTROLS, Scenario
from lithogen.structure import Structure
from lithogen.structure.bodies import SEQUENCE_OFFSET_MS

Float32 = NDArray[np.float32]

# How fast a world's elastic values scatter, and what beds it has, beyond what controls say.
N_WORLD_NUMBERS = 6
# Depth, its square, and velocity; then the trends of all facies, relative to that of shale.
N_ROW_SCALARS = 3
N_ROW_CONDITIONS = N_ROW_SCALARS + 3 * N_FACIES
# Controls, what follows from them for formations and beds, and whether they are known.
N_SCENARIO_CONDITIONS = N_CONTROLS + len(STYLES) + 2 + 1
# The last one says whether the numbers of the world are known.
N_WORLD_CONDITIONS = N_SCENARIO_CONDITIONS + N_WORLD_NUMBERS + 1
# Rare styles are told by ln of their shares, which is what chances of facies follow.
_LEAST_STYLE_SHARE = 0.01
# Elastic residuals are given to the network in halves of `RESIDUAL_UNIT`.
RESIDUAL_GAIN = 2.0
_DEEPEST_S = 6.0


def row_conditions(structure: Structure, family: RockFamily, rows: NDArray[np.int64]) -> Float32:
    """Return what the network is told of rows of age.

    Parameters
    ----------
    structure : Structure
        Gives the depth at which an age lies where nothing is folded.
    family : RockFamily
        Elastic trends of the basin.
    rows : ndarray of int64, shape (n,)
        Rows of the lattice, `ROW_MS` of age each.

    Returns
    -------
    ndarray of float32, shape (n, N_ROW_CONDITIONS)
        Depth below the depositional surface (km, less 2) and its square, ln of the background
        velocity over 2500 m/s, and the residuals of the trend of every facies, three each.
    """
    age = (np.asarray(rows, dtype=np.float64) + 0.5) * ROW_MS
    depth_m = structure.nominal_depth_m(age)
    z_km = np.maximum(depth_m + family.burial_m, 0.0) * 1e-3 - 2.0
    twt_s = np.clip(np.mod(age, SEQUENCE_OFFSET_MS) * 1e-3, 0.0, _DEEPEST_S)
    velocity = np.log(structure.velocity.velocity(twt_s) / 2500.0)
    out = np.empty((len(age), N_ROW_CONDITIONS), dtype=np.float32)
    out[:, :N_ROW_SCALARS] = np.stack([z_km, 0.5 * z_km**2, 2.0 * velocity], axis=1)
    out[:, N_ROW_SCALARS:] = RESIDUAL_GAIN * trend_residuals(family, depth_m).reshape(len(age), -1)
    return out


def trend_residuals(family: RockFamily, depth_m: NDArray[np.float64]) -> Float32:
    """Return the elastic residuals of the trends of all facies.

    Parameters
    ----------
    family : RockFamily
        Elastic trends of the basin.
    depth_m : ndarray of float64, shape (n,)
        Depths below time zero in m.

    Returns
    -------
    ndarray of float32, shape (n, N_FACIES, 3)
        As `encode_residual` gives them: relative to shale, in units of `RESIDUAL_UNIT`.
    """
    vp, vs, rho = (np.asarray(v.T, dtype=np.float32) for v in family.trend(depth_m))
    return np.ascontiguousarray(encode_residual(vp, vs, rho, family, depth_m).transpose(2, 1, 0))


def world_conditions(scenario: Scenario | None, numbers: Float32 | None) -> Float32:
    """Return what the network is told of the whole world.

    Parameters
    ----------
    scenario : Scenario or None
        Its controls; None where they are unknown.
    numbers : ndarray of float32, shape (N_WORLD_NUMBERS,), or None
        Standard normal numbers that set the world's character; None where unknown.

    Returns
    -------
    ndarray of float32, shape (N_WORLD_CONDITIONS,)
    """
    out = np.zeros(N_WORLD_CONDITIONS, dtype=np.float32)
    if scenario is not None:
        out[:N_SCENARIO_CONDITIONS] = np.concatenate([scenario.vector(), _styles(scenario), [1.0]])
    if numbers is not None:
        out[N_SCENARIO_CONDITIONS:-1], out[-1] = numbers, 1.0
    return out


def _styles(scenario: Scenario) -> Float32:
    """What controls amount to for formations and beds, (len(STYLES) + 2,)."""
    shares = np.array(list(formation_shares(scenario).values()))
    other = [2.0 * (scenario.sand_drive() - 0.3), math.log(scenario.bed_scale)]
    return np.concatenate(
        [1.0 + 0.5 * np.log(shares + _LEAST_STYLE_SHARE), other]).astype(np.float32)
