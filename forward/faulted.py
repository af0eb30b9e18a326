"""Random folded, dipping and faulted reflectivity with channels and points, to train layer C on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lithogen.rng import generator

Floats = NDArray[np.float64]


def faulted_reflectivity(seed: int, shape: tuple[int, int, int]) -> Floats:
    """Draw a reflectivity with lateral change of many kinds.

    Beds (heavy-tailed coefficients, half of the samples without one) fold, dip and are thrown by
    faults of any strike; channels cut into them, with an edge and a base of their own; some points
    scatter. All sizes are in traces and samples.

    Parameters
    ----------
    seed : names the draw. shape : (n_iline, n_xline, n_twt), 1 across a line.

    Returns
    -------
    float64 of that shape, standard deviation near 0.05.

    Examples
    --------
    >>> faulted_reflectivity(1, (1, 8, 16)).shape
    (1, 8, 16)
    """
    rng = generator(seed, "forward/faulted")
    n_twt = shape[2]
    place = np.stack(np.meshgrid(*(np.arange(n) - n / 2 for n in shape[:2]), indexing="ij"))
    shift = np.zeros(shape[:2])
    slope = rng.normal(0.0, 0.5) * rng.random()

    def across(strike: float) -> Floats:
        return np.asarray(np.cos(strike) * place[0] + np.sin(strike) * place[1])

    shift += slope * across(rng.uniform(0, np.pi))
    for _ in range(2):
        length = rng.uniform(40.0, 160.0)
        wave = across(rng.uniform(0, np.pi)) / length + rng.random()
        shift += rng.normal(0.0, 3.0) * np.sin(2 * np.pi * wave)
    for _ in range(rng.poisson(2.0 + max(shape[:2]) / 40.0)):
        strike, offset = rng.uniform(0, np.pi), rng.uniform(-0.5, 0.5) * max(shape[:2])
        shift += np.where(across(strike) > offset, rng.normal(0.0, 6.0), 0.0)
    base = rng.standard_t(4, 4 * n_twt) * 0.05 * (rng.random(4 * n_twt) < 0.5)
    row = np.round(np.arange(n_twt) + 1.5 * n_twt + shift[..., None]).astype(np.int64)
    out: Floats = base[np.clip(row, 0, 4 * n_twt - 1)]
    for _ in range(rng.poisson(1.5)):
        _cut_channel(out, across(rng.uniform(0, np.pi)), rng)
    n_point = rng.poisson(0.008 * out[..., 0].size)
    where = tuple(rng.integers(0, n, n_point) for n in shape)
    out[where] += rng.normal(0.0, 0.25, n_point)
    return out


def _cut_channel(rc: Floats, across: Floats, rng: np.random.Generator) -> None:
    """Fill a channel with its own coefficient at top and base, in place."""
    n_twt = rc.shape[2]
    half, depth = rng.uniform(1.5, 12.0), rng.uniform(1.0, 8.0)
    middle, top = rng.uniform(-0.4, 0.4) * max(rc.shape[:2]), int(rng.integers(0, n_twt))
    inside = 1.0 - ((across - middle) / half) ** 2
    size = rng.normal(0.0, 0.12)
    base = np.round(top + depth * np.sqrt(np.maximum(inside, 0.0))).astype(np.int64)
    time = np.arange(n_twt)
    is_in = inside[..., None] > 0
    rc[is_in & (time > top) & (time < base[..., None])] = 0.0
    rc += np.where(is_in & (time == top), size, 0.0)
    rc -= np.where(is_in & (time == base[..., None]) & (base[..., None] > top), size, 0.0)
