"""Compiled loops of layer C: sums of one fixed order, see `forward.kernels`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forward.kernels import compiled

F32 = NDArray[np.float32]
# Weights of B: the trace itself, its four neighbours, its four diagonal neighbours.
CENTRE, SIDE, CORNER = np.float32(-0.5), np.float32(0.25), np.float32(0.125)
# Samples that are worked on at once: the volumes of a block stay in the cache.
BLOCK = 64


@compiled
def _filter_row(row: F32, first: int, taps: F32, out: F32) -> None:
    """out[k] = taps[0] row[first + k] + sum_d taps[d] (row[first + k - d] + row[first + k + d])."""
    n = out.size
    middle = row[first : first + n]
    for k in range(n):
        out[k] = taps[0] * middle[k]
    for d in range(1, taps.size):
        above, below = row[first - d : first - d + n], row[first + d : first + d + n]
        tap = taps[d]
        for k in range(n):
            out[k] = out[k] + tap * (above[k] + below[k])


@compiled
def _add_neighbours(
    field: F32, i: int, x: int, is_line: bool, factor: np.float32, out: F32
) -> None:
    """Add factor times B of the field (iline, xline, block) at trace (i, x) to out."""
    n = out.size
    half = np.float32(0.5)
    if is_line:
        before, after = field[i, x - 1], field[i, x + 1]
        for k in range(n):
            out[k] = out[k] + factor * (half * (before[k] + after[k]))
        return
    m = field[i, x]
    a, b, c, d = field[i - 1, x], field[i + 1, x], field[i, x - 1], field[i, x + 1]
    e, f = field[i - 1, x - 1], field[i - 1, x + 1]
    g, h = field[i + 1, x - 1], field[i + 1, x + 1]
    for k in range(n):
        straight = (a[k] + b[k]) + (c[k] + d[k])
        diagonal = (e[k] + f[k]) + (g[k] + h[k])
        out[k] = out[k] + factor * (CENTRE * m[k] + (SIDE * straight + CORNER * diagonal))


@compiled
def lateral_block(
    image: F32, taps: F32, weights: F32, total: F32, start: int, work: tuple[F32, F32], out: F32
) -> None:
    """Pass a block of samples of an image through layer C.

    Parameters: image (iline, xline, n) with n_tap - 1 samples of zeros or more above and below
    the `start` of the block; taps (n_lateral, n_tap); weights (n_order, n_lateral, size): of the
    samples of the block, and total (n_lateral, size), their sum over orders; work: filtered
    (n_lateral, wide iline, wide xline, size) and three fields (3, wide iline, wide xline, size);
    out (iline, xline, size). A first axis of size 1 is a line and is not widened.
    """
    filtered, fields = work
    n_order, n_filter, size = weights.shape
    n_i, n_x = out.shape[0], out.shape[1]
    is_line = n_i == 1
    edge = 0 if is_line else n_order
    for m in range(n_filter):
        for i in range(n_i):
            for x in range(n_x):
                _filter_row(image[i, x], start, taps[m], filtered[m, i + edge, x + n_order])
        for i in range(edge, edge + n_i):
            for x in range(n_order):
                filtered[m, i, x] = filtered[m, i, n_order]
                filtered[m, i, n_order + n_x + x] = filtered[m, i, n_order + n_x - 1]
        for i in range(edge):
            filtered[m, i] = filtered[m, edge]
            filtered[m, edge + n_i + i] = filtered[m, edge + n_i - 1]
    one, two = np.float32(1), np.float32(2)
    for order in range(n_order, 0, -1):
        new, once = fields[order % 3], fields[(order + 1) % 3]
        twice = fields[(order + 2) % 3]
        cut = n_order - order
        skip = 0 if is_line else cut
        for i in range(skip, n_i + 2 * edge - skip):
            for x in range(cut, n_x + 2 * n_order - cut):
                row = new[i, x]
                row[:] = np.float32(0)
                for m in range(n_filter):
                    weight, part = weights[order - 1, m], filtered[m, i, x]
                    for k in range(size):
                        row[k] = row[k] + weight[k] * part[k]
                if order < n_order:
                    _add_neighbours(once, i, x, is_line, two, row)
                if order < n_order - 1:
                    older = twice[i, x]
                    for k in range(size):
                        row[k] = row[k] - older[k]
    for i in range(n_i):
        for x in range(n_x):
            row, source = out[i, x], image[i, x]
            source = source[start : start + size]
            for k in range(size):
                row[k] = source[k]
            for m in range(n_filter):
                part = filtered[m, i + edge, x + n_order]
                for k in range(size):
                    row[k] = row[k] - total[m, k] * part[k]
            _add_neighbours(fields[1], i + edge, x + n_order, is_line, one, row)
            if n_order > 1:
                older = fields[2, i + edge, x + n_order]
                for k in range(size):
                    row[k] = row[k] - older[k]
