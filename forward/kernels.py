"""Compiled loops of stage 2.

Every sum runs in one fixed order over float32 (or the input's) numbers with plain IEEE multiply
and add (`fastmath` off: no reassociation, no fused multiply-add), vectorised across time samples.
A sample's bits therefore depend on its inputs alone, not on its place in a SIMD register.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from forward.checks import MEAN_RATIO
from forward.terms import COSINE2_FLOOR

F32 = NDArray[np.float32]
BLOCK = 128
_JIT: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": False, "error_model": "numpy"}
Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a loop with numba: no reassociation, no fused multiply-add."""
    return cast(Function, numba.njit(**_JIT)(function))


@compiled
def is_elastic_sound(vp: NDArray[Any], vs: NDArray[Any], rho: NDArray[Any], ratio: float) -> bool:
    """Return True if every sample is finite and physically possible (one pass)."""
    limit = vp.dtype.type(ratio)
    for i in range(vp.shape[0]):
        bad = 0
        for k in range(vp.shape[1]):
            p, s, d = vp[i, k], vs[i, k], rho[i, k]
            # A comparison with NaN is false, and inf - inf is NaN, so both count as bad.
            is_good = (p > 0) & (s >= 0) & (d > 0) & (p >= s * limit)
            is_good = is_good & (p - p == 0) & (s - s == 0) & (d - d == 0)
            bad += 0 if is_good else 1
        if bad > 0:
            return False
    return True


@compiled
def _convolve_row(padded: F32, taps: F32, total: F32) -> None:
    """total[k] = sum_j taps[j] * padded[k + n - 1 - j], j ascending."""
    n = taps.size
    m = total.size
    total[:] = np.float32(0)
    whole = n // 8 * 8
    for j in range(0, whole, 8):
        t0, t1, t2, t3 = taps[j], taps[j + 1], taps[j + 2], taps[j + 3]
        t4, t5, t6, t7 = taps[j + 4], taps[j + 5], taps[j + 6], taps[j + 7]
        # One view per tap: plain index k, so that the compiler sees contiguous loads.
        p0, p1 = padded[n - 1 - j : n - 1 - j + m], padded[n - 2 - j : n - 2 - j + m]
        p2, p3 = padded[n - 3 - j : n - 3 - j + m], padded[n - 4 - j : n - 4 - j + m]
        p4, p5 = padded[n - 5 - j : n - 5 - j + m], padded[n - 6 - j : n - 6 - j + m]
        p6, p7 = padded[n - 7 - j : n - 7 - j + m], padded[n - 8 - j : n - 8 - j + m]
        for k in range(m):
            s = total[k] + t0 * p0[k]
            s = s + t1 * p1[k]
            s = s + t2 * p2[k]
            s = s + t3 * p3[k]
            s = s + t4 * p4[k]
            s = s + t5 * p5[k]
            s = s + t6 * p6[k]
            total[k] = s + t7 * p7[k]
    for j in range(whole, n):
        tap = taps[j]
        part = padded[n - 1 - j : n - 1 - j + m]
        for k in range(m):
            total[k] = total[k] + tap * part[k]


@compiled
def convolve_valid(traces: F32, taps: F32, out: F32) -> None:
    """Convolve rows (n, m + len(taps) - 1) into `out` (n, m), only where the filter fits."""
    for i in range(traces.shape[0]):
        _convolve_row(traces[i], taps, out[i])


@compiled
def interface_features(vp: F32, vs: F32, rho: F32, features: F32) -> None:
    """Fill (4, n - 1): contrasts of vp and rho, half step and centred mean of vs / vp."""
    half = vp.dtype.type(0.5)
    n = vp.size
    centre = vp.dtype.type(MEAN_RATIO)
    ratio = vs / vp
    for k in range(n - 1):
        features[0, k] = (vp[k + 1] - vp[k]) / (vp[k + 1] + vp[k])
    for k in range(n - 1):
        features[1, k] = (rho[k + 1] - rho[k]) / (rho[k + 1] + rho[k])
    for k in range(n - 1):
        features[2, k] = half * (ratio[k + 1] - ratio[k])
    for k in range(n - 1):
        features[3, k] = half * (ratio[k + 1] + ratio[k]) - centre


@compiled
def _product_units(
    features: F32, first: int, size: int, parents: NDArray[np.int64], terms: F32
) -> None:
    """Fill terms (n_term, BLOCK): 1, then each an earlier term times one feature."""
    terms[0, :size] = np.float32(1)
    for m in range(1, parents.shape[0]):
        row = features[parents[m, 1]]
        feature = row[first : first + size]
        parent, term = terms[parents[m, 0]], terms[m]
        for k in range(size):
            term[k] = parent[k] * feature[k]


@compiled
def impedance_and_ratio(vp: F32, rho: F32, impedance: F32, square: F32) -> None:
    """Fill impedances (n,) and, per interface, (vp below / vp above)^2 (n - 1 of n)."""
    n = vp.size
    for k in range(n):
        impedance[k] = vp[k] * rho[k]
    for k in range(n - 1):
        ratio = vp[k + 1] / vp[k]
        square[k] = ratio * ratio


@compiled
def _acoustic(impedance: F32, square: F32, sine2: np.float32, one_fold: F32, two_fold: F32) -> None:
    """Real parts of the fluid-fluid coefficient R and of R^2 of `square.size` interfaces.

    Source: Brekhovskikh (1960); R = (Z2 cos1 - Z1 cos2) / (Z2 cos1 + Z1 cos2), where beyond the
    critical angle cos2 is imaginary and |R| = 1.
    """
    one, two, zero = np.float32(1), np.float32(2), np.float32(0)
    floor = np.float32(COSINE2_FLOOR)
    cosine = math.sqrt(one - sine2)
    below = impedance[1:]
    for k in range(square.size):
        cosine2 = one - square[k] * sine2
        size2 = cosine2 if cosine2 >= zero else -cosine2
        size2 = size2 if size2 > floor else floor
        a = below[k] * cosine
        b = impedance[k] * math.sqrt(size2)
        is_real = cosine2 >= zero
        top = a - b if is_real else a * a - b * b
        bottom = a + b if is_real else a * a + b * b
        r = top / bottom
        one_fold[k] = r
        two_fold[k] = r * r if is_real else two * (r * r) - one


@compiled
def _join(plain: F32, once: F32, twice: F32, one_fold: F32, two_fold: F32, target: F32) -> None:
    """Fill target with R + R once + Re(R^2) twice + plain, held within -1..1."""
    one = np.float32(1)
    for k in range(target.size):
        r = one_fold[k]
        value = r + (r * once[k] + (two_fold[k] * twice[k] + plain[k]))
        value = value if value < one else one
        target[k] = value if value > -one else -one


@compiled
def _weigh(terms: F32, weights: F32, size: int, total: F32) -> None:
    """total[k] = sum_m weights[m] * terms[m, k], m ascending."""
    n = weights.size
    total[:size] = np.float32(0)
    whole = n // 4 * 4
    for m in range(0, whole, 4):
        w0, w1, w2, w3 = weights[m], weights[m + 1], weights[m + 2], weights[m + 3]
        a, b, c, d = terms[m], terms[m + 1], terms[m + 2], terms[m + 3]
        for k in range(size):
            s = total[k] + w0 * a[k]
            s = s + w1 * b[k]
            s = s + w2 * c[k]
            total[k] = s + w3 * d[k]
    for m in range(whole, n):
        for k in range(size):
            total[k] = total[k] + weights[m] * terms[m, k]


@compiled
def _is_outside(features: F32, low: F32, high: F32) -> bool:
    bad = 0
    for q in range(4):
        lowest, highest = low[q], high[q]
        for k in range(features.shape[1] - 1):
            bad += 1 if (features[q, k] < lowest) | (features[q, k] > highest) else 0
    return bad > 0


@compiled
def _gate(share: F32, powers: F32, gate: F32) -> None:
    """Fill gate with sum_p powers[p] * share^(p + 1), by Horner's rule."""
    gate[:] = np.float32(0)
    for p in range(powers.size - 1, -1, -1):
        power = powers[p]
        for k in range(gate.size):
            gate[k] = (gate[k] + power) * share[k]


@compiled
def _add_gated(
    reflectivity: F32, gates: F32, taps: F32, padded: F32, part: F32, out: F32
) -> None:
    """Add reflectivity (n,) times each gate (n_gated, n), convolved with its taps, to out (n,)."""
    half = taps.shape[1] // 2
    for f in range(taps.shape[0]):
        target = padded[half : half + out.size]
        for k in range(out.size):
            target[k] = gates[f, k] * reflectivity[k]
        _convolve_row(padded, taps[f], part)
        for k in range(out.size):
            out[k] = out[k] + part[k]


@compiled
def net_traces(
    model: tuple[F32, F32, F32],
    domain: F32,
    parents: NDArray[np.int64],
    weights: F32,
    sizes: NDArray[np.int64],
    sine2: F32,
    taps: F32,
    late: tuple[F32, F32, F32],
    out: F32,
) -> int:
    """Learned reflectivity and convolution of traces.

    Parameters: model: vp, vs, rho (n_trace, n_twt); domain (2, 4): lowest and highest features;
    parents (n_term, 2): earlier term and feature; weights (n_angle, 3, n_term); sizes (3,): terms
    of each group; sine2 (n_angle,): squared sines; taps (n,) odd; late: t* over its largest value
    (n_trace, n_twt), or (0, 0) for none, powers of the gates (n_gated, n_power) and gated taps
    (n_gated, n); out (n_angle, n_trace, n_twt); all float32 but `parents` and `sizes`.

    Returns -1, or the index of the first trace that leaves the domain (then `out` is unfinished).
    """
    vp, vs, rho = model
    share, powers, gated = late
    n_trace, n_twt = vp.shape
    n_angle = weights.shape[0]
    half = taps.size // 2
    gates = np.empty((powers.shape[0], n_twt), np.float32)
    wide, part = np.zeros(n_twt + gated.shape[1] - 1, np.float32), np.empty(n_twt, np.float32)
    features = np.empty((4, n_twt), np.float32)
    impedance, square = np.empty(n_twt, np.float32), np.empty(n_twt, np.float32)
    terms = np.empty((weights.shape[2], BLOCK), np.float32)
    sums = np.empty((5, BLOCK), np.float32)
    padded = np.zeros((n_angle, n_twt + 2 * half), np.float32)
    for i in range(n_trace):
        interface_features(vp[i], vs[i], rho[i], features)
        if _is_outside(features, domain[0], domain[1]):
            return i
        impedance_and_ratio(vp[i], rho[i], impedance, square)
        for first in range(0, n_twt - 1, BLOCK):
            size = min(BLOCK, n_twt - 1 - first)
            _product_units(features, first, size, parents, terms)
            for q in range(n_angle):
                for j in range(3):
                    _weigh(terms, weights[q, j, : sizes[j]], size, sums[j])
                _acoustic(
                    impedance[first : first + size + 1],
                    square[first : first + size],
                    sine2[q],
                    sums[3],
                    sums[4],
                )
                row = padded[q]
                target = row[half + first : half + first + size]
                _join(sums[0], sums[1], sums[2], sums[3], sums[4], target)
        for q in range(n_angle):
            _convolve_row(padded[q], taps, out[q, i])
        if share.shape[0] > 0:
            for f in range(powers.shape[0]):
                _gate(share[i], powers[f], gates[f])
            for q in range(n_angle):
                row = padded[q]
                _add_gated(row[half : half + n_twt], gates, gated, wide, part, out[q, i])
    return -1


@compiled
def zoeppritz_traces(vp: F32, vs: F32, rho: F32, sines: F32, taps: F32, out: F32) -> None:
    """Exact float32 Zoeppritz (pre-critical) and convolution: the hand-written rival of the net.

    Source: Aki and Richards (1980), eq. 5.40, with every angle from the ray parameter.
    """
    n_trace, n_twt = vp.shape
    half = taps.size // 2
    one, two, zero = np.float32(1), np.float32(2), np.float32(0)
    padded = np.zeros(n_twt + 2 * half, np.float32)
    for i in range(n_trace):
        for q in range(sines.size):
            target = padded[half : half + n_twt]
            sine2 = sines[q] * sines[q]
            for k in range(n_twt - 1):
                p1, p2 = vp[i, k], vp[i, k + 1]
                s1, s2 = vs[i, k], vs[i, k + 1]
                d1, d2 = rho[i, k], rho[i, k + 1]
                inv = one / p1
                # All velocities relative to vp above, so that the ray parameter is the sine.
                v2, b1, b2 = p2 * inv, s1 * inv, s2 * inv
                c1 = math.sqrt(one - sine2)
                c2 = math.sqrt(max(one - v2 * v2 * sine2, zero)) / v2
                g1 = math.sqrt(one - b1 * b1 * sine2) / b1
                g2 = math.sqrt(one - b2 * b2 * sine2) / b2
                m1, m2 = two * b1 * b1 * sine2, two * b2 * b2 * sine2
                a = d2 * (one - m2) - d1 * (one - m1)
                b = d2 * (one - m2) + d1 * m1
                c = d1 * (one - m1) + d2 * m2
                d = two * (d2 * b2 * b2 - d1 * b1 * b1)
                e = b * c1 + c * c2
                f = b * g1 + c * g2
                g = a - d * c1 * g2
                h = a - d * c2 * g1
                bottom = e * f + g * h * sine2
                top = (b * c1 - c * c2) * f - (a + d * c1 * g2) * h * sine2
                target[k] = top / bottom
            _convolve_row(padded, taps, out[q, i])
