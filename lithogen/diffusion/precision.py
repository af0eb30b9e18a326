"""Whether this processor is fast in bfloat16, decided by a short measurement."""

from __future__ import annotations

import time
from functools import cache

import torch

# bfloat16 must be this much faster than float32; without hardware support it is 40 times slower.
LEAST_GAIN = 1.5
_SIZE, _REPEATS = 256, 4


@cache
def bfloat16_gain() -> float:
    """Return how many times faster a product of matrices is in bfloat16 than in float32.

    Examples
    --------
    >>> bfloat16_gain() > 0.0
    True
    """
    took = {dtype: _seconds(dtype) for dtype in (torch.float32, torch.bfloat16)}
    return took[torch.float32] / took[torch.bfloat16]


def is_bfloat16_fast() -> bool:
    """Return whether products in bfloat16 pay off on this processor."""
    return bfloat16_gain() >= LEAST_GAIN


def _seconds(dtype: torch.dtype) -> float:
    """Return the least time of a product, s."""
    one = torch.ones(_SIZE, _SIZE, dtype=dtype)
    best = float("inf")
    for _ in range(_REPEATS):
        begin = time.perf_counter()
        one @ one
        best = min(best, time.perf_counter() - begin)
    return best
