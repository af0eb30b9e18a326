"""Compiled loops over voxels: noise along isochrons, condition maps, decoding of the latent.

Sums run in one fixed order over float32 with plain IEEE multiply and add (`fastmath` off), so
what a voxel gets depends on its own inputs alone, not on its place in an array.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
_JIT: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": False, "error_model": "numpy"}
Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a loop over voxels."""
    return cast(Function, numba.njit(**_JIT)(function))


@compiled
def mix_row(
    row: F32, shared: F32, octaves: F32, cells: I32, weights: F32, place: int
) -> None:
    """Write the noise of one age bin at one column: the shared part and lateral cells."""
    n_channel = row.size
    for c in range(n_channel):
        row[c] = shared[place, c]
    for corner in range(cells.size):
        weight = weights[corner]
        if weight != np.float32(0):
            cell = cells[corner]
            for c in range(n_channel):
                row[c] += weight * octaves[cell, place, c]


@compiled
def aged_noise(
    lower: I32, part: F32, shared: F32, octaves: F32, cells: I32, weights: F32, out: F32
) -> None:
    """Add noise that is a function of age and lateral cell to `out`, in place.

    Parameters
    ----------
    lower, part : bin below each voxel and how far the voxel lies beyond its centre, 0..1,
        (n_column, n_twt).
    shared : (n_bin, n_channel), scaled. octaves : (n_cell, n_bin, n_channel), N(0, 1).
    cells, weights : lateral cells of each column and their weights, (n_column, n_corner).
    out : (n_column, n_twt, n_channel).
    """
    n_bin, n_channel = shared.shape
    table = np.empty((n_bin, n_channel), dtype=np.float32)
    owner = np.full(n_bin, -1, dtype=np.int64)
    one = np.float32(1)
    for column in range(lower.shape[0]):
        for k in range(lower.shape[1]):
            place = lower[column, k]
            for bin_ in range(place, place + 2):
                if owner[bin_] != column:
                    owner[bin_] = column
                    mix_row(table[bin_], shared, octaves, cells[column], weights[column], bin_)
            t = part[column, k]
            norm = one / np.sqrt(t * t + (one - t) * (one - t))
            near, far = (one - t) * norm, t * norm
            for c in range(n_channel):
                out[column, k, c] += near * table[place, c] + far * table[place + 1, c]


@compiled
def write_conditions(
    place: I32, waves: F32, columns: tuple[F32, ...], fill: F32, depth: F32, out: F32
) -> None:
    """Write the condition maps of every voxel, see `conditioning.condition_maps`.

    Parameters
    ----------
    place : row of `waves` (n_row, n_wave) of each voxel, (n,).
    columns : maps of one value per voxel, each (n,). fill : (n, n_fill).
    depth : depth channel of every sample, (n_twt,); voxels lie along twt in C order.
    out : (n, n_wave + len(columns) + 1 + n_fill).
    """
    n_wave, n_fill, n_twt = waves.shape[1], fill.shape[1], depth.size
    log_rate, fault, throw, environment = columns
    for n in range(place.size):
        row = place[n]
        for c in range(n_wave):
            out[n, c] = waves[row, c]
        out[n, n_wave] = log_rate[n]
        out[n, n_wave + 1] = fault[n]
        out[n, n_wave + 2] = throw[n]
        out[n, n_wave + 3] = environment[n]
        out[n, n_wave + 4] = depth[n % n_twt]
        for c in range(n_fill):
            out[n, n_wave + 5 + c] = fill[n, c]


@compiled
def nearest_code(latent: F32, mean: F32, std: F32, codes: F32,
                 limits: tuple[np.float32, np.float32], facies: NDArray[np.int8],
                 residual: F32) -> None:
    """Write the facies whose code fits a latent best, and its residuals, per voxel.

    Parameters
    ----------
    latent : standardised, (n, n_latent). mean, std : (n_latent,). codes : (n_facies, n_code).
    limits : of the bedding. facies : out, (n,).
    residual : out, (n_residual, n): trend + exp(bedding) * detail.
    """
    n_facies, n_code = codes.shape
    n_latent, n_residual = latent.shape[1], residual.shape[0]
    middle = n_code + n_residual
    raw = np.empty(n_latent, dtype=np.float32)
    for n in range(latent.shape[0]):
        for c in range(n_latent):
            raw[c] = latent[n, c] * std[c] + mean[c]
        best, chosen = np.float32(-np.inf), 0
        for f in range(n_facies):
            score = np.float32(0)
            for c in range(n_code):
                score += raw[c] * codes[f, c]
            if score > best:
                best, chosen = score, f
        facies[n] = chosen
        strength = np.exp(min(max(raw[middle], limits[0]), limits[1]))
        for c in range(n_residual):
            residual[c, n] = raw[n_code + c] + strength * raw[middle + 1 + c]
