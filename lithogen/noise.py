"""Stratigraphic noise: standard normal noise that is shared along isochrons.

Every voxel of every channel is N(0, 1), and a weighted sum of independent parts:

shared   a function of age alone, the same at any distance (bins of 6 ms of age)
package  the same with bins of 90 ms, which lets thick units be thicker than the net's view
octaves  functions of age and of lateral cells of 3200 m and 1000 m: beds change and end
white    independent per voxel

Points on one isochron start from the same numbers, so a net with a small view gives the
same bed there at any distance. Each part is a pure function of (seed, stream, age bin,
lateral cell) or of the voxel index, so any window can be evaluated alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.errors import require
from lithogen.grid import Spacing, Window
from lithogen.rng import hash_u64, normal, quantiles16

Float = NDArray[np.float64]

BIN_MS = 6.0
PACKAGE_BIN_MS = 90.0
OCTAVE_CELLS_M = (3200.0, 1000.0)


@dataclass(frozen=True, slots=True)
class NoiseWeights:
    """Shares of the variance; they sum to one. The continuity knob of stage 1.

    Parameters
    ----------
    shared, package, octave_long, octave_short, white : each >= 0, sum 1.

    Raises
    ------
    ConfigError : a share is negative, or they do not sum to one.

    Examples
    --------
    >>> NoiseWeights().shared
    0.848
    """

    shared: float = 0.848
    package: float = 0.12
    octave_long: float = 0.02
    octave_short: float = 0.012
    white: float = 0.0

    def __post_init__(self) -> None:
        values = self.as_tuple()
        require(
            min(values) >= 0.0 and abs(sum(values) - 1.0) < 1e-6,
            f"noise weights {values} must be >= 0 and sum to 1",
        )

    def as_tuple(self) -> tuple[float, float, float, float, float]:
        """Return the five shares in their documented order."""
        return (self.shared, self.package, self.octave_long, self.octave_short, self.white)

    @classmethod
    def white_only(cls) -> NoiseWeights:
        """Return the weights of ordinary independent noise (the control that must fail)."""
        return cls(0.0, 0.0, 0.0, 0.0, 1.0)


N_NOISE_WEIGHTS = 5


def stratigraphic_noise(
    age: Tensor, window: Window, spacing: Spacing, seed: int, n_channels: int,
    weights: NoiseWeights,
) -> Tensor:
    """Evaluate the noise on a window.

    Parameters
    ----------
    age : relative geologic time in ms, (n_iline, n_xline, n_twt), float32.
    window, spacing : where those voxels lie.
    seed : names the noise; another seed is another stratigraphic column.
    n_channels : number of independent channels.
    weights : shares of the parts.

    Returns
    -------
    float32 (n_iline, n_xline, n_twt, n_channels), N(0, 1) at every voxel.
    """
    y_m, x_m, _ = window.axes(spacing)
    out = torch.zeros(*age.shape, n_channels)
    columns = weights.shared + weights.octave_long + weights.octave_short
    if columns > 0:
        out += _aged(age, y_m, x_m, seed, n_channels, weights)
    if weights.package > 0:
        bins, index = _used_bins(age, PACKAGE_BIN_MS)
        table = normal(seed, "noise/package", np.arange(n_channels)[None, :], bins[:, None])
        flat = torch.from_numpy(table)
        out += np.sqrt(weights.package) * _between(flat, index, age / PACKAGE_BIN_MS)
    if weights.white > 0:
        out += np.sqrt(weights.white) * white_noise(window, seed, n_channels)
    return out


def _used_bins(age: Tensor, bin_ms: float) -> tuple[NDArray[np.int64], Tensor]:
    """Return the age bins in use and, per voxel, the place of its lower bin among them."""
    first = int(torch.floor(age.min() / bin_ms))
    last = int(torch.floor(age.max() / bin_ms))
    counts = torch.histc(age / bin_ms, last - first + 1, first, last + 1).numpy()
    used = np.zeros(last - first + 3, dtype=bool)
    used[1:-1] = counts > 0
    # Rounding at a bin's edge may count a voxel next door: keep both neighbours.
    used[:-1] |= used[1:].copy()
    used[1:] |= used[:-1].copy()
    used[1:] |= used[:-1].copy()
    offsets = np.cumsum(used) - 1
    lower = torch.floor(age / bin_ms).to(torch.int64) - (first - 1)
    return (first - 1 + np.nonzero(used)[0]).astype(np.int64), torch.from_numpy(offsets)[lower]


def _between(table: Tensor, lower: Tensor, position: Tensor) -> Tensor:
    """Interpolate rows of a table along age, with unit variance: (..., n_channels)."""
    part = (position - torch.floor(position)).reshape(-1, 1)
    norm = torch.rsqrt(part.square() + (1.0 - part).square())
    index = lower.reshape(-1)
    above = table.index_select(0, index)
    below = table.index_select(0, index + 1)
    return torch.lerp(above, below, part).mul_(norm).reshape(*lower.shape, table.shape[-1])


def _aged(
    age: Tensor, y_m: Float, x_m: Float, seed: int, n_channels: int, weights: NoiseWeights
) -> Tensor:
    """Shared part and octaves: one table per column of the map, then one look-up along age."""
    bins, lower = _used_bins(age, BIN_MS)
    channel = np.arange(n_channels)
    shared = normal(seed, "noise/shared", channel[None, :], bins[:, None])
    table = np.sqrt(weights.shared) * np.broadcast_to(
        shared, (len(y_m), len(x_m), len(bins), n_channels)
    )
    table = torch.from_numpy(np.ascontiguousarray(table, dtype=np.float32))
    octaves = (weights.octave_long, weights.octave_short)
    for number, (cell_m, weight) in enumerate(zip(OCTAVE_CELLS_M, octaves, strict=True)):
        if weight > 0:
            table += np.sqrt(weight) * _octave(number, cell_m, bins, y_m, x_m, seed, n_channels)
    column = torch.arange(len(y_m) * len(x_m)).reshape(len(y_m), len(x_m), 1) * len(bins)
    return _between(table.reshape(-1, n_channels), lower + column, age / BIN_MS)


def _octave(
    number: int, cell_m: float, bins: NDArray[np.int64], y_m: Float, x_m: Float, seed: int,
    n_channels: int,
) -> Tensor:
    """Bilinear value noise over lateral cells, per age bin: (n_iline, n_xline, n_bin, channel)."""
    weight_y, cells_y = _hat(y_m / cell_m)
    weight_x, cells_x = _hat(x_m / cell_m)
    corners = normal(
        seed, f"noise/octave{number}", np.arange(n_channels)[None, None, None, :],
        bins[None, None, :, None], cells_y[:, None, None, None], cells_x[None, :, None, None],
    )
    norm = np.sqrt(np.multiply.outer((weight_y**2).sum(1), (weight_x**2).sum(1)))
    mixed = torch.einsum(
        "ya,xb,abnc->yxnc",
        torch.from_numpy(weight_y.astype(np.float32)),
        torch.from_numpy(weight_x.astype(np.float32)),
        torch.from_numpy(corners),
    )
    return mixed / torch.from_numpy(norm.astype(np.float32))[:, :, None, None]


def _hat(position: Float) -> tuple[Float, NDArray[np.int64]]:
    """Smooth two-cell weights (n, n_cell) of positions in units of cells, and the cells."""
    lower = np.floor(position).astype(np.int64)
    cells = np.arange(lower.min(), lower.max() + 2)
    part = position - lower
    part = part * part * (3.0 - 2.0 * part)
    weights = np.zeros((len(position), len(cells)))
    rows = np.arange(len(position))
    weights[rows, lower - cells[0]] = 1.0 - part
    weights[rows, lower - cells[0] + 1] = part
    return weights, cells


def white_noise(window: Window, seed: int, n_channels: int) -> Tensor:
    """Independent N(0, 1) noise per voxel and channel, (n_iline, n_xline, n_twt, n_channels).

    Four 16-bit quantile look-ups share one 64-bit hash: exact enough for noise that
    carries a few percent of the variance, and four times cheaper.
    """
    (i0, j0, k0), (ni, nj, nk) = window.origin, window.shape
    quantile = quantiles16()
    out = np.empty((ni, nj, nk, n_channels), dtype=np.float32)
    cols = (j0 + np.arange(nj))[:, None]
    deep = (k0 + np.arange(nk))[None, :]
    for row in range(ni):
        for group in range(0, n_channels, 4):
            code = hash_u64(seed, "noise/white", group // 4, i0 + row, cols, deep)
            for part in range(min(4, n_channels - group)):
                index = (code >> np.uint64(16 * part)) & np.uint64(0xFFFF)
                out[row, :, :, group + part] = quantile[index.astype(np.intp)]
    return torch.from_numpy(out)
