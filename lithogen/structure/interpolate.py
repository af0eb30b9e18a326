"""Monotone cubic interpolation of age against two-way time, column by column."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Float = NDArray[np.float64]

# Surfaces closer than this touch: nothing lies between them. Single precision resolves
# 0.0002 ms at 4 s, so a thinner layer would be rounding.
TOUCH_MS = 1e-3
# A slope is at most this many times the lesser mean rate beside it. 3 is the bound of
# monotonicity; with 1.5 a layer that thins to nothing does not crowd its neighbours.
STEEPEST = 1.5
# Continuation beyond what is given stays near one millisecond of age per millisecond.
END_RATES = (0.3, 3.0)
# Voxels worked on at a time: index and coefficients of so many stay in the cache.
BLOCK_VOXELS = 65536


def knot_slopes(
    step_above: Float, rate_above: Float, step_below: Float, rate_below: Float,
    limit: float = STEEPEST,
) -> Float:
    """Return the slope at the knots between two intervals, > 0.

    Parameters
    ----------
    step_above, step_below : lengths of the intervals in ms, >= 0, any common shape.
    rate_above, rate_below : their mean rates of age, > 0; infinite where the length is 0.
    limit : largest multiple of the lesser rate, 1 to 3; 3 is PCHIP unchanged.

    Returns
    -------
    float64 array of the common shape; 1 where both rates are infinite (nothing is there).

    Examples
    --------
    >>> one = np.ones(1)
    >>> float(knot_slopes(one, 2 * one, one, 2 * one)[0])
    2.0

    Source: Fritsch and Butland (1984), SIAM J. Sci. Stat. Comput. 5, weighted harmonic mean;
    Fritsch and Carlson (1980), SIAM J. Numer. Anal. 17, slopes within 3 times the lesser
    secant keep a cubic monotone.
    """
    weight_above = step_above + 2.0 * step_below
    weight_below = 2.0 * step_above + step_below
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (weight_above + weight_below) / (
            weight_above / rate_above + weight_below / rate_below
        )
    lesser = limit * np.minimum(rate_above, rate_below)
    return np.asarray(np.where(np.isfinite(lesser), np.fmin(mean, lesser), 1.0))


def end_rate(mean_rate: float) -> float:
    """Return the rate that continues a column beyond its first or last knot, 0.3 to 3."""
    return float(np.clip(mean_rate, *END_RATES))


def slope_beside(depth_m: Float, axis: int, step_m: float) -> Float:
    """Return the derivative of a map along an axis from the neighbours that are known.

    Parameters
    ----------
    depth_m : (n_iline, n_xline), NaN where unknown. axis : 0 or 1. step_m : distance of columns.

    Returns
    -------
    float64, like `depth_m`: mean of the steps to both sides; the step to one side where the
    other is unknown; 0 where both are.
    """
    before, after = np.full_like(depth_m, np.nan), np.full_like(depth_m, np.nan)
    near, far = [slice(None)] * 2, [slice(None)] * 2
    near[axis], far[axis] = slice(None, -1), slice(1, None)
    step = (depth_m[tuple(far)] - depth_m[tuple(near)]) / step_m
    after[tuple(near)], before[tuple(far)] = step, step
    n_known = np.isfinite(before).astype(float) + np.isfinite(after)
    return np.asarray((np.nan_to_num(before) + np.nan_to_num(after)) / np.maximum(n_known, 1.0))


def touching_closed(knot_ms: Float) -> Float:
    """Return knots (n, n_iline, n_xline) that touch or increase along n.

    One that lies above its predecessor, or less than TOUCH_MS below it, takes its place. Values
    are multiples of the float32 step, so that a voxel and a knot compare exactly.
    """
    out = knot_ms.astype(np.float32)
    for index in range(1, len(out)):
        is_thin = out[index] - out[index - 1] < TOUCH_MS
        out[index] = np.where(is_thin, out[index - 1], out[index])
    return out.astype(np.float64)


def cubic_columns(
    knot_ms: Float, age_ms: Float, end_rates: tuple[float, float], twt_ms: Tensor
) -> tuple[Tensor, Tensor]:
    """Evaluate the monotone cubic of every column, and its derivative.

    Parameters
    ----------
    knot_ms : two-way times in ms, (n, n_iline, n_xline), not decreasing along n, n >= 2;
        made equal where they touch, see `touching_closed`.
    age_ms : age of each knot, (n,), strictly increasing.
    end_rates : rates above the first knot and below the last one, > 0.
    twt_ms : where to evaluate, float32 (n_iline, n_xline, n_twt), in any order.

    Returns
    -------
    age in ms and rate = d age / d twt > 0, float32 tensors like `twt_ms`. Where knots touch,
    the ages between them are absent.

    Notes
    -----
    In an interval of length h, with s = (t - t_i) / h, age = a_i + s (A1 + s (A2 + s A3)),
    A1 = h m_i, A2 = 3 D - h (2 m_i + m_i+1), A3 = h (m_i + m_i+1) - 2 D, D = a_i+1 - a_i.
    Every voxel is computed by itself, so values do not depend on the window.

    Source: de Boor (1978), A Practical Guide to Splines, ch. 4, cubic Hermite form.
    """
    table = torch.from_numpy(_coefficients(knot_ms, age_ms, end_rates))
    knots = torch.from_numpy(np.ascontiguousarray(np.moveaxis(knot_ms, 0, -1), dtype=np.float32))
    age, rate = torch.empty_like(twt_ms), torch.empty_like(twt_ms)
    n_row = max(1, BLOCK_VOXELS // max(1, twt_ms[0].numel()))
    for first in range(0, len(twt_ms), n_row):
        block = slice(first, first + n_row)
        time = twt_ms[block].contiguous()
        index = torch.searchsorted(knots[block], time, right=True)
        start, value, inverse, a1, a2, a3 = (part[block].gather(2, index) for part in table)
        s = time.sub(start).mul_(inverse)
        torch.mul(a3, s, out=age[block]).add_(a2).mul_(s).add_(a1).mul_(s).add_(value)
        a3.mul_(3.0).mul_(s).add_(a2.mul_(2.0)).mul_(s).add_(a1)
        torch.mul(a3, inverse, out=rate[block])
    return age, rate


def _coefficients(
    knot_ms: Float, age_ms: Float, end_rates: tuple[float, float]
) -> NDArray[np.float32]:
    """Return t_i, a_i, 1/h, A1, A2, A3 of the n + 1 segments: (6, n_iline, n_xline, n + 1)."""
    n, *lateral = knot_ms.shape
    step = np.diff(knot_ms, axis=0)
    change = np.broadcast_to(np.diff(age_ms)[:, None, None], step.shape)
    is_open = step > 0
    inverse = np.divide(1.0, step, out=np.ones_like(step), where=is_open)
    mean_rate = np.where(is_open, change * inverse, np.inf)
    slope = np.empty_like(knot_ms)
    slope[1:-1] = knot_slopes(step[:-1], mean_rate[:-1], step[1:], mean_rate[1:])
    slope[0] = np.minimum(end_rates[0], STEEPEST * mean_rate[0])
    slope[-1] = np.minimum(end_rates[1], STEEPEST * mean_rate[-1])
    table = np.zeros((6, *lateral, n + 1))
    of_segment = np.moveaxis(table, -1, 1)
    of_segment[0, 0], of_segment[0, 1:] = knot_ms[0], knot_ms
    of_segment[1, 0], of_segment[1, 1:] = age_ms[0], age_ms[:, None, None]
    of_segment[2] = 1.0
    of_segment[2, 1:-1] = inverse
    of_segment[3, 0], of_segment[3, -1] = end_rates
    of_segment[3, 1:-1] = step * slope[:-1]
    of_segment[4, 1:-1] = 3.0 * change - step * (2.0 * slope[:-1] + slope[1:])
    of_segment[5, 1:-1] = step * (slope[:-1] + slope[1:]) - 2.0 * change
    return table.astype(np.float32)
