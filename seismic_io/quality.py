"""Trace quality: which grid positions are live, dead, missing or hold non-finite samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seismic_io.sources import TraceSource

Mask = NDArray[np.bool_]
CHUNK_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Quality:
    """Condition of every position of a grid.

    Parameters
    ----------
    n_traces : traces in the file.
    n_live, n_dead, n_non_finite : positions whose trace has a nonzero sample and only
    finite ones; is all zero; holds NaN or infinity. They add up with `n_missing` to the grid.
    n_missing : positions without a trace; n_duplicate : traces beyond the first of a position.
    live, dead, non_finite, missing : masks of shape (n_iline, n_xline).
    duplicates : indices in the file of the duplicate traces, int64.
    """

    n_traces: int
    n_live: int
    n_dead: int
    n_missing: int
    n_non_finite: int
    n_duplicate: int
    live: Mask
    dead: Mask
    missing: Mask
    non_finite: Mask
    duplicates: NDArray[np.int64]


def measure_quality(
    source: TraceSource,
    trace_index: NDArray[np.int64],
    duplicates: NDArray[np.int64],
    n_traces: int,
    n_samples: int,
) -> Quality:
    """Read every trace once, in blocks of 32 MiB, and classify it.

    Parameters
    ----------
    source : open traces; trace_index : shape (n_iline, n_xline), -1 = missing.
    duplicates : traces without a position; n_traces, n_samples : size of the file.
    """
    is_dead = np.zeros(n_traces, bool)
    is_bad = np.zeros(n_traces, bool)
    block = max(1, CHUNK_BYTES // (4 * n_samples))
    for start in range(0, n_traces, block):
        part = slice(start, min(start + block, n_traces))
        samples = source.traces(part, slice(0, n_samples))
        is_dead[part] = ~samples.any(axis=1)
        is_bad[part] = ~np.isfinite(samples).all(axis=1)
    missing = trace_index < 0
    dead = is_dead[trace_index] & ~missing
    non_finite = is_bad[trace_index] & ~missing
    live = ~(missing | dead | non_finite)
    return Quality(
        n_traces=n_traces, n_live=int(live.sum()), n_dead=int(dead.sum()),
        n_missing=int(missing.sum()), n_non_finite=int(non_finite.sum()),
        n_duplicate=len(duplicates), live=live, dead=dead, missing=missing,
        non_finite=non_finite, duplicates=duplicates,
    )
