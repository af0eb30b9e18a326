"""Stratigraphic noise: standard normal noise that is shared along isochrons.

Every voxel of every channel is N(0, 1), and a weighted sum of independent parts:

shared   a function of age alone, the same at any distance (bins of 4 to 90 ms of age, of 2 ms
         where samples are)
package  the same with bins of 90 ms, which lets thick units be thicker than the net's view
style    the same with bins of 300 ms: successions differ from one another as a whole
octaves  functions of age and of lateral cells of 3200 m and 1000 m: beds change and end
white    independent per voxel

Along age, every kind of latent channel has noise with the covariance of what it is to become in the
prior, in training: that is the shortest way to go (docs/stage1.md).

Points on one isochron start from the same numbers, so a net with a small view gives the
same bed there at any distance. Each part is a pure function of (seed, stream, age bin,
lateral cell) or of the voxel index, so any window can be evaluated alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.errors import require
from lithogen.grid import Spacing, Window
from lithogen.kernels import aged_noise
from lithogen.rng import hash_u64, normal, quantiles16

Float = NDArray[np.float64]

# Bins of the shared part, and their shares of it for every kind of channel in training: with them
# noise has the correlations of that kind in the prior along age (benchmarks/noise.py).
SHARED_BINS_MS = (4.0, 12.0, 36.0, 90.0)
BIN_SHARES = {
    "facies": (0.62, 0.20, 0.18, 0.0),
    "trend": (0.0, 0.0, 0.75, 0.25),
    "bedding": (0.0, 0.0, 0.45, 0.55),
    "detail": (1.0, 0.0, 0.0, 0.0),
}
# At 2 ms a part of the finest bins is half as wide: beds of one sample need it.
HALF_BIN_BELOW_S = 0.003
HALF_BIN_SHARES = {"facies": 0.6, "detail": 0.25}
# Detail has no longer waves than its finest bins: package and style are of these too.
FINEST_ONLY = "detail"
PACKAGE_BIN_MS = 90.0
STYLE_BIN_MS = 300.0
OCTAVE_BIN_MS = 12.0
OCTAVE_CELLS_M = (3200.0, 1000.0)


@dataclass(frozen=True, slots=True)
class NoiseWeights:
    """Shares of the variance; they sum to one. The continuity knob of stage 1.

    Parameters
    ----------
    shared, package, octave_long, octave_short, white : each >= 0, sum 1.
    fine : share of the finest bins of facies relative to training, 0..1. The network is not told:
        less makes beds thicker (docs/stage1.md).
    style : share of the whole in bins of 300 ms, 0..1; the five divide the rest. Not told either.
    lateral : octaves of elastic channels over those of facies, 0..10; 1 in training. What they gain
        `shared` loses, as far as it goes: elastic values change sooner along a layer than its
        facies. Not told.
    strength : standard deviation of all noise but that of detail, 0.5..2; 1 in training. Every
        answer of a network is a little too near the mean, and stronger noise mends that. Not told.
    renewed : whether noise of elastic channels is drawn anew where facies are decided, see
        `lithogen.schedulers`: without it elastic values spread too little.

    Raises
    ------
    ConfigError : a share is negative, they do not sum to one, or a value is out of range.

    Examples
    --------
    >>> NoiseWeights().shared
    0.8
    """

    shared: float = 0.8
    package: float = 0.18
    octave_long: float = 0.012
    octave_short: float = 0.008
    white: float = 0.0
    fine: float = 0.35
    style: float = 0.1
    lateral: float = 3.5
    strength: float = 1.05
    renewed: bool = True

    def __post_init__(self) -> None:
        values = self.as_tuple()
        for name, share in (("fine", self.fine), ("style", self.style)):
            require(0.0 <= share <= 1.0, f"{name} is {share}, wanted 0 to 1")
        require(0.0 <= self.lateral <= 10.0, f"lateral is {self.lateral}, wanted 0 to 10")
        require(0.5 <= self.strength <= 2.0,
                f"strength is {self.strength}, wanted 0.5 to 2, 1 as in training")
        require(
            min(values) >= 0.0 and abs(sum(values) - 1.0) < 1e-6,
            f"noise weights {values} must be >= 0 and sum to 1",
        )

    def as_tuple(self) -> tuple[float, float, float, float, float]:
        """Return the five shares of which the network is told, in their documented order."""
        return (self.shared, self.package, self.octave_long, self.octave_short, self.white)

    @classmethod
    def white_only(cls) -> NoiseWeights:
        """Return the weights of ordinary independent noise (the control that must fail)."""
        return cls(0.0, 0.0, 0.0, 0.0, 1.0, style=0.0, lateral=1.0, strength=1.0, renewed=False)


N_NOISE_WEIGHTS = 5


def bins() -> dict[str, Any]:
    """Return all that noise of given weights depends on beside the age: bins and their shares."""
    return {
        "shared_ms": SHARED_BINS_MS, "shares": BIN_SHARES,
        "half_below_s": HALF_BIN_BELOW_S, "half_shares": HALF_BIN_SHARES,
        "finest_only": FINEST_ONLY, "package_ms": PACKAGE_BIN_MS, "style_ms": STYLE_BIN_MS,
        "octave_ms": OCTAVE_BIN_MS, "octave_cells_m": OCTAVE_CELLS_M,
    }


def stratigraphic_noise(
    age: Tensor, window: Window, spacing: Spacing, seed: int, kinds: Sequence[str],
    weights: NoiseWeights,
) -> Tensor:
    """Evaluate the noise on a window.

    Parameters
    ----------
    age : relative geologic time in ms, (n_iline, n_xline, n_twt), float32.
    window, spacing : where those voxels lie.
    seed : names the noise; another seed is another stratigraphic column.
    kinds : of the channels, each independent: names of `BIN_SHARES`.
    weights : shares of the parts.

    Returns
    -------
    float32 (n_iline, n_xline, n_twt, n_channels), N(0, strength) at every voxel.

    Raises
    ------
    ConfigError : an unknown kind.
    """
    unknown = set(kinds) - set(BIN_SHARES)
    require(not unknown, f"kinds of channels {sorted(unknown)}, wanted of {sorted(BIN_SHARES)}")
    n_channels = len(kinds)
    y_m, x_m, _ = window.axes(spacing)
    out = np.zeros((age.shape[0] * age.shape[1], age.shape[2], n_channels), dtype=np.float32)
    power = _power(kinds, weights)
    rest = 1.0 - weights.style
    white = rest * weights.white
    factor = rest * _lateral(kinds, weights)
    octaves = (weights.octave_long * factor, weights.octave_short * factor)
    for stream, bin_ms, share in _along_age(kinds, weights, spacing):
        if share.any():
            _add_shared(out, age, seed, stream, bin_ms, share * power)
    if any(share.any() for share in octaves):
        _add_octaves(out, age, y_m, x_m, seed, [share * power for share in octaves])
    noise = torch.from_numpy(out).reshape(*age.shape, n_channels)
    if white > 0:
        amplitude = torch.from_numpy(np.sqrt(white * power).astype(np.float32))
        noise += white_noise(window, seed, n_channels).mul_(amplitude)
    return noise


def _power(kinds: Sequence[str], weights: NoiseWeights) -> Float:
    """Variance of every channel."""
    return np.array([1.0 if kind == FINEST_ONLY else weights.strength**2 for kind in kinds])


def _lateral(kinds: Sequence[str], weights: NoiseWeights) -> Float:
    """Octaves of every channel over those told."""
    octaves = weights.octave_long + weights.octave_short
    most = 1.0 + weights.shared / max(octaves, 1e-9)
    return np.array([1.0 if kind == "facies" else min(weights.lateral, most) for kind in kinds])


def _along_age(
    kinds: Sequence[str], weights: NoiseWeights, spacing: Spacing
) -> Iterator[tuple[str, float, Float]]:
    """Yield stream, width of bins and the share in every channel of the functions of age alone."""
    rest = 1.0 - weights.style
    more = (_lateral(kinds, weights) - 1.0) * (weights.octave_long + weights.octave_short)
    # Where octaves take all of it, rounding must not leave less than nothing.
    left = np.maximum(weights.shared - more, 0.0)
    shared, package = rest * left[:, None], rest * weights.package
    table = np.array([BIN_SHARES[kind] for kind in kinds])
    is_facies = np.array([kind == "facies" for kind in kinds])
    less = np.where(is_facies, (1.0 - weights.fine) * table[:, 0], 0.0)
    # What the finest bins lose the others gain, in proportion.
    coarser = table[:, 1:] * (1.0 + less / np.maximum(1.0 - table[:, 0], 1e-9))[:, None]
    shares = shared * np.column_stack([table[:, 0] - less, coarser])
    is_fine = np.array([kind == FINEST_ONLY for kind in kinds])
    shares[is_fine, 0] += package + weights.style
    if spacing.dt_s < HALF_BIN_BELOW_S:
        half = shares[:, 0] * [HALF_BIN_SHARES.get(kind, 0.0) for kind in kinds]
        shares[:, 0] -= half
        yield "noise/half", 0.5 * SHARED_BINS_MS[0], half
    for number, bin_ms in enumerate(SHARED_BINS_MS):
        yield f"noise/shared{number}", bin_ms, shares[:, number]
    yield "noise/package", PACKAGE_BIN_MS, np.where(is_fine, 0.0, package)
    yield "noise/style", STYLE_BIN_MS, np.where(is_fine, 0.0, weights.style)


def _add_shared(
    out: NDArray[np.float32], age: Tensor, seed: int, stream: str, bin_ms: float, share: Float
) -> None:
    """Add a function of age alone to (n_column, n_twt, n_channel)."""
    bins, lower, part = _used_bins(age, bin_ms)
    table = _scaled(seed, stream, bins, share)
    none = np.zeros((len(out), 0), dtype=np.int32)
    aged_noise(lower, part, table, np.zeros((0, *table.shape), dtype=np.float32),
               none, none.astype(np.float32), out)


def _scaled(
    seed: int, stream: str, bins: NDArray[np.int64], share: Float
) -> NDArray[np.float32]:
    """Noise of age bins, (n_bin, n_channels), times the square root of its share (n_channels,)."""
    table = normal(seed, stream, np.arange(len(share))[None, :], bins[:, None])
    return np.asarray(np.sqrt(share).astype(np.float32) * table, dtype=np.float32)


def _used_bins(
    age: Tensor, bin_ms: float
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Return the age bins in use and, per voxel, the place of its lower bin and its part.

    Returns
    -------
    bins (n_bin,); place and part (n_column, n_twt).
    """
    position = age * (1.0 / bin_ms)
    floor = torch.floor(position)
    first = int(floor.min())
    lower = floor.to(torch.int32).sub_(first)
    used = np.zeros(int(lower.max()) + 2, dtype=bool)
    used[:-1] = torch.bincount(lower.reshape(-1)).numpy() > 0
    used[1:] |= used[:-1].copy()
    places = torch.from_numpy((np.cumsum(used) - 1).astype(np.int32))
    column = (age.shape[0] * age.shape[1], age.shape[2])
    place = places.index_select(0, lower.reshape(-1)).reshape(column)
    return (first + np.nonzero(used)[0], place.numpy(),
            position.sub_(floor).reshape(column).numpy())


def _add_octaves(
    out: NDArray[np.float32], age: Tensor, y_m: Float, x_m: Float, seed: int,
    given: Sequence[Float],
) -> None:
    """Add the octaves of lateral cells to (n_column, n_twt, n_channel)."""
    n_channels = out.shape[-1]
    bins, lower, part = _used_bins(age, OCTAVE_BIN_MS)
    shared = np.zeros((len(bins), n_channels), dtype=np.float32)
    octaves: list[NDArray[np.float32]] = []
    cells: list[NDArray[np.int32]] = []
    shares: list[NDArray[np.float32]] = []
    count = 0
    for number, (cell_m, weight) in enumerate(
        zip(OCTAVE_CELLS_M, given, strict=True)
    ):
        if not weight.any():
            continue
        at_y, at_x = _hat(y_m / cell_m), _hat(x_m / cell_m)
        octaves.append(normal(
            seed, f"noise/octave{number}", np.arange(n_channels),
            bins[:, None], at_y.cells[:, None, None, None], at_x.cells[None, :, None, None],
        ).reshape(-1, *shared.shape) * np.sqrt(weight))
        share = (at_y.weight[:, None, :, None] * at_x.weight[None, :, None, :])
        share = share.reshape(len(out), -1)
        share /= np.sqrt(np.square(share).sum(axis=1, keepdims=True))
        place = (at_y.lower[:, None, None, None] + np.arange(2)[:, None]) * len(at_x.cells) + (
            at_x.lower[None, :, None, None] + np.arange(2))
        cells.append((count + place.reshape(len(out), -1)).astype(np.int32))
        shares.append(share.astype(np.float32))
        count += len(octaves[-1])
    none = np.zeros((len(out), 0), dtype=np.int32)
    aged_noise(lower, part, shared, np.concatenate(octaves).astype(np.float32),
               np.concatenate([none, *cells], axis=1),
               np.concatenate([none.astype(np.float32), *shares], axis=1), out)


class _Hat(NamedTuple):
    """Smooth two-cell weights of positions: cells, place of the lower one (n,), weight (n, 2)."""

    cells: NDArray[np.int64]
    lower: NDArray[np.int64]
    weight: Float


def _hat(position: Float) -> _Hat:
    """Return the cells around positions in units of cells, and their weights."""
    lower = np.floor(position).astype(np.int64)
    cells = np.arange(lower.min(), lower.max() + 2)
    part = position - lower
    part = part * part * (3.0 - 2.0 * part)
    return _Hat(cells, lower - cells[0], np.stack([1.0 - part, part], axis=1))


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
