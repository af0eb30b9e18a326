"""The latent of stage 1: a code of facies, and elastic residuals split by scale.

Squared error sees strong beds and hardly the quiet rock between them, a hundredth of it. So elastic
residuals are told in parts: their running mean (trend), how strongly beds differ around it
(bedding, a logarithm), and what they are relative to that (detail), which is as strong in quiet
rock as anywhere (docs/stage1.md).
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from lithogen.grid import check_shape
from lithogen.kernels import nearest_code
from lithogen.rockphysics.facies import N_FACIES
from lithogen.rockphysics.trends import RESIDUALS

N_CODE = N_FACIES - 1
N_RESIDUAL = len(RESIDUALS)
N_PARTS = 2 * N_RESIDUAL + 1
N_LATENT = N_CODE + N_PARTS
# Channels of maps of wells: code, residuals, confidence of both, and whether a voxel is a well's.
N_WELL = N_CODE + N_RESIDUAL + 3
CODE_TRUST, RESIDUAL_TRUST, IS_WELL = range(N_CODE + N_RESIDUAL, N_WELL)
# What every channel is, in order.
KINDS = ("facies",) * N_CODE + ("trend",) * N_RESIDUAL + ("bedding",) + ("detail",) * N_RESIDUAL
# Standard deviation of each kind in the flow. What is stronger stands out of the noise earlier: how
# strongly beds differ is decided first, then what they are, then their elastic values.
SCALES = {"facies": 3.0, "trend": 1.0, "bedding": 8.0, "detail": 1.0}
# Standard deviations of the Gaussian windows of trend and bedding.
TREND_MS, BEDDING_MS = 12.0, 24.0
# Least and greatest strength of bedding, in units of the residuals.
BEDDING_LIMITS = (0.02, 4.0)
_LOG_LIMITS = (np.float32(np.log(BEDDING_LIMITS[0])), np.float32(np.log(BEDDING_LIMITS[1])))
# A shorter run of samples of a well does not tell how strongly beds differ.
MIN_RUN = 6

F32 = NDArray[np.float32]


@functools.cache
def simplex_code() -> F32:
    """Return the vertices of a regular simplex, (n_facies, n_facies - 1), unit length.

    Every pair of facies is equally far apart, so no order among them is invented.
    """
    centred = np.eye(N_FACIES) - 1.0 / N_FACIES
    basis, _ = np.linalg.qr(centred[:, :N_CODE])
    vertices = centred @ basis
    vertices *= np.sign(vertices[np.arange(N_CODE), np.arange(N_CODE)])[None, :]
    vertices /= np.linalg.norm(vertices, axis=1, keepdims=True)
    return np.asarray(np.round(vertices, 6), dtype=np.float32)


def channel_scales() -> Tensor:
    """Return the standard deviation of every latent channel in the flow, (n_latent,)."""
    return torch.tensor([SCALES[kind] for kind in KINDS])


def parts_of(residual: F32, dt_s: float) -> F32:
    """Split elastic residuals by scale along twt.

    Parameters
    ----------
    residual : (3, ..., n_twt), in the order and units of `RESIDUALS`.
    dt_s : sample interval in seconds.

    Returns
    -------
    float32 (7, ..., n_twt): three trends (Gaussian mean of 12 ms standard deviation), the bedding
    (logarithm of the RMS of the rest, all three, over 24 ms) and three details: the rest divided by
    exp(bedding).

    Examples
    --------
    >>> parts = parts_of(np.ones((3, 40), dtype=np.float32), 0.004)
    >>> parts.shape, float(parts[0, 5]), float(parts[4, 5])
    ((7, 40), 1.0, 0.0)
    """
    sigma = 1e-3 / dt_s
    values = np.asarray(residual, dtype=np.float32)
    trend = gaussian_filter1d(values, TREND_MS * sigma, mode="nearest", truncate=3.0)
    rest = values - trend
    power = gaussian_filter1d(np.square(rest).mean(axis=0), BEDDING_MS * sigma, mode="nearest",
                              truncate=3.0)
    bedding = 0.5 * np.log(np.clip(power, *np.square(BEDDING_LIMITS)))
    return np.concatenate([trend, bedding[None], rest / np.exp(bedding)]).astype(np.float32)


def whole_of(parts: F32) -> F32:
    """Return residuals (3, ...) of their parts (7, ...): the inverse of `parts_of`."""
    trend, bedding, detail = np.split(parts, [N_RESIDUAL, N_RESIDUAL + 1])
    strength = np.exp(np.clip(bedding, *_LOG_LIMITS))
    return np.asarray(trend + strength * detail, dtype=np.float32)


def parts_of_samples(residual: F32, sample: NDArray[np.int64], dt_s: float) -> F32:
    """Split the residuals of a well by scale.

    Parameters
    ----------
    residual : (n, 3), NaN where unknown. sample : index along twt of each, (n,), any order.
    dt_s : sample interval in seconds.

    Returns
    -------
    float32 (n, 7), NaN where unknown. Runs of fewer than six samples tell their trend only.
    """
    out = np.full((len(sample), N_PARTS), np.nan, dtype=np.float32)
    known = np.flatnonzero(np.isfinite(residual).all(axis=1))
    known = known[np.argsort(sample[known], kind="stable")]
    for run in np.split(known, np.flatnonzero(np.diff(sample[known]) != 1) + 1):
        if len(run):
            parts = parts_of(residual[run].T, dt_s).T
            n = N_PARTS if len(run) >= MIN_RUN else N_RESIDUAL
            out[run, :n] = parts[:, :n]
    return out


def encode_latent(facies: NDArray[np.int8], parts: F32, mean: Tensor, std: Tensor) -> Tensor:
    """Return the standardised latent (..., n_latent) of facies and parts of residuals (7, ...)."""
    units = torch.from_numpy(parts).movedim(0, -1)
    return (torch.cat([_codes(facies), units], dim=-1) - mean) / std


def _codes(facies: NDArray[np.int8]) -> Tensor:
    """Codes of facies (...), (..., n_code)."""
    return torch.from_numpy(simplex_code())[torch.from_numpy(facies.astype(np.int64))]


def decode_latent(latent: Tensor, mean: Tensor, std: Tensor) -> tuple[NDArray[np.int8], F32]:
    """Return facies codes (...) int8 and residuals (3, ...) float32 of a latent (..., n_latent).

    Raises
    ------
    ShapeError : mean or std do not have n_latent values.
    """
    for name, values in (("mean", mean), ("std", std)):
        check_shape(tuple(values.shape), (N_LATENT,), name)
    flat = latent.float().contiguous().reshape(-1, N_LATENT)
    facies = np.empty(len(flat), dtype=np.int8)
    residual = np.empty((N_RESIDUAL, len(flat)), dtype=np.float32)
    nearest_code(flat.numpy(), mean.numpy(), std.numpy(), simplex_code(), _LOG_LIMITS, facies,
                 residual)
    shape = latent.shape[:-1]
    return facies.reshape(shape), residual.reshape(-1, *shape)


def settle(latent: Tensor, mean: Tensor, std: Tensor) -> tuple[NDArray[np.int8], Tensor]:
    """Return facies (...) of a latent, and the latent with exactly their codes."""
    facies, _ = decode_latent(latent, mean, std)
    code = (_codes(facies) - mean[:N_CODE]) / std[:N_CODE]
    return facies, torch.cat([code.to(latent), latent[..., N_CODE:]], dim=-1)
