"""Beads: how much a dipping bed varies with the phase at which samples meet it.

A bed that dips crosses the lattice of samples again and again. What a voxel says of it should be a
mean over the voxel, which hardly depends on where in the bed the sample falls; a model that decides
sample by sample says the bed on and off with that phase.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from lithogen.grid import check_shape

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Lines to the furthest neighbour, and dips in samples a line that are looked at.
LAGS = 4
LEAST_DIP, MOST_DIP = 0.05, 0.5
# Phases at which an isochron meets both lattices alike, and those half a sample apart.
LIKE_PHASE, UNLIKE_PHASE = 0.15, 0.35
STEEPEST = 0.6
# Ages that run at another rate than this (relative) are not followed.
RATE_TOLERANCE = 0.15
# Lines either side over which seismic is followed, and samples crossed there.
REACH = 12
LEAST_CROSSED, MOST_CROSSED = 3.0, 12.0
# A comb of this share of the local RMS is seen.
SEEN = 0.15
TAPS = 5
RICKER_HZ = 30.0
LEAST_FAULT, LEAST_COVER = 0.1, 0.02
# Of the places that a section is followed from, at most so many are kept.
MOST_PLACES = 200_000


Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a loop over voxels."""
    return cast(Function, numba.njit(cache=True, nogil=True)(function))


@compiled
def _next(age: Float, ok: Mask, a: float, p: float, gap: float) -> float:
    """Where in a trace an age lies, near sample p, or -1."""
    n = age.size
    q = int(np.floor(p))
    for move in (0, 1, -1, 2, -2):
        k = q + move
        if k < 0 or k + 1 >= n:
            continue
        if age[k] <= a < age[k + 1]:
            here = age[k + 1] - age[k]
            if not (ok[k] and ok[k + 1]) or abs(here - gap) > RATE_TOLERANCE * gap:
                return -1.0
            at = k + (a - age[k]) / here
            return at if abs(at - p) <= STEEPEST else -1.0
    return -1.0


@compiled
def _steps(age: Float, ok: Mask, z: Float, out: Float) -> None:
    """Add squared steps along isochrons: out[(in, middle, out phase, vertical), (sum, count)]."""
    ni, nj, nk = age.shape
    for i in range(ni):
        for j in range(nj - LAGS):
            for k in range(2, nk - 2):
                if not (ok[i, j, k] and ok[i, j, k + 1]):
                    continue
                a, gap, p = age[i, j, k], age[i, j, k + 1] - age[i, j, k], float(k)
                if gap <= 0:
                    continue
                for lag in range(1, LAGS + 1):
                    p = _next(age[i, j + lag], ok[i, j + lag], a, p, gap)
                    if p < 0:
                        break
                    dip = abs(p - k) / lag
                    if dip < LEAST_DIP or dip > MOST_DIP:
                        continue
                    q = int(np.floor(p))
                    t = p - q
                    there = (1 - t) * z[i, j + lag, q] + t * z[i, j + lag, q + 1]
                    phase = min(t, 1 - t)
                    row = 0 if phase < LIKE_PHASE else (2 if phase > UNLIKE_PHASE else 1)
                    d = there - z[i, j, k]
                    v = z[i, j, k + 1] - z[i, j, k]
                    out[row, 0] += d * d
                    out[row, 1] += 1
                    out[3, 0] += v * v
                    out[3, 1] += 1


@compiled
def _sinc(trace: Float, p: float) -> float:
    """Band-limited value between samples, 10 taps."""
    n = trace.size
    q = int(np.floor(p))
    t = p - q
    if t < 1e-9:
        return float(trace[q])
    total, weight = 0.0, 0.0
    for m in range(1 - TAPS, TAPS + 1):
        x = t - m
        w = np.sin(np.pi * x) / (np.pi * x) * (0.5 + 0.5 * np.cos(np.pi * x / (TAPS + 0.5)))
        k = min(max(q + m, 0), n - 1)
        total += w * trace[k]
        weight += w
    return total / weight


@compiled
def _combs(
    age: Float, ok: Mask, s: Float, step_i: int, step_j: int, rows: Float
) -> int:
    """Write energy at 1, .7 and 1.3 cycles and local energy of every place; return their number."""
    ni, nj, nk = age.shape
    reach, count = REACH, 0
    n = 2 * reach + 1
    p = np.empty(n)
    x = np.empty(n)
    h = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(n) + 0.5) / n)
    h = h / h.sum() * n
    u = (np.arange(n) - reach) / reach
    for i in range(0, ni, step_i):
        for j in range(reach, nj - reach, step_j):
            for k in range(REACH, nk - REACH):
                if not (ok[i, j, k] and ok[i, j, k + 1]):
                    continue
                a, gap = age[i, j, k], age[i, j, k + 1] - age[i, j, k]
                if gap <= 0:
                    continue
                p[reach] = k
                good = True
                for way in (-1, 1):
                    at = float(k)
                    for m in range(1, reach + 1):
                        at = _next(age[i, j + way * m], ok[i, j + way * m], a, at, gap)
                        if at < 6 or at > nk - 7:
                            good = False
                            break
                        p[reach + way * m] = at
                    if not good:
                        break
                if not good:
                    continue
                crossed = abs(p[n - 1] - p[0])
                if crossed < LEAST_CROSSED or crossed > MOST_CROSSED:
                    continue
                for m in range(n):
                    x[m] = _sinc(s[i, j + m - reach], p[m])
                # Quadratic trend along the isochron, by orthogonal polynomials under plain weights.
                mean = x.mean()
                c1 = (x * u).sum() / (u * u).sum()
                q2 = u * u - (u * u).mean()
                c2 = (x * q2).sum() / (q2 * q2).sum()
                y = x - mean - c1 * u - c2 * q2
                for f in range(3):
                    cycle = 1.0 if f == 0 else (0.7 if f == 1 else 1.3)
                    re, im = 0.0, 0.0
                    for m in range(n):
                        re += h[m] * y[m] * np.cos(2 * np.pi * cycle * p[m])
                        im += h[m] * y[m] * np.sin(2 * np.pi * cycle * p[m])
                    rows[count, f] = 2 * (re * re + im * im) / (n * n)
                local = 0.0
                for m in range(-12, 13):
                    local += s[i, j, k + m] ** 2
                rows[count, 3] = local / 25
                count += 1
                if count == rows.shape[0]:
                    return count
    return count


def seismic_of(log_impedance: Float, dt_s: float) -> Float:
    """Return normal-incidence seismic of ln impedance, same shape.

    Parameters
    ----------
    log_impedance : ndarray of float64, shape (..., n_twt)
        Natural logarithm, any unit.
    dt_s : float
        Sample interval in s.
    """
    from scipy.ndimage import convolve1d

    lag = np.arange(-int(np.ceil(0.06 / dt_s)), int(np.ceil(0.06 / dt_s)) + 1) * dt_s
    squared = (np.pi * RICKER_HZ * lag) ** 2
    coefficients = np.zeros_like(log_impedance, dtype=np.float64)
    coefficients[..., :-1] = 0.5 * np.diff(log_impedance, axis=-1)
    wavelet = (1.0 - 2.0 * squared) * np.exp(-squared)
    return np.asarray(convolve1d(coefficients, wavelet, axis=-1, mode="constant"))


def undisturbed(
    fault: NDArray[np.floating], cover: NDArray[np.floating], sequence: NDArray[np.integer]
) -> Mask:
    """Return where layers can be followed: no fault, no body, no unconformity below the sample.

    Parameters
    ----------
    fault, cover : ndarray, shape (n_iline, n_xline, n_twt)
        Fault likelihood, and the share that bodies cover, 0..1.
    sequence : ndarray of integers, same shape
        Sequence number.
    """
    is_quiet = np.asarray((fault < LEAST_FAULT) & (cover < LEAST_COVER))
    is_quiet[..., :-1] &= sequence[..., 1:] == sequence[..., :-1]
    return is_quiet


class Beads:
    """Beads of one set of worlds.

    Two measures. Steps: RMS difference of ln impedance between traces 1 to 4 lines apart at equal
    age, where layers dip by 0.05 to 0.5 samples a line, over that from sample to sample there.
    Combs: seismic followed along isochrons over 25 lines that cross at least three samples; energy
    at one cycle a sample crossed beyond that beside it, relative to the local RMS.
    """

    def __init__(self) -> None:
        self.steps = np.zeros((4, 2))
        self.rows: list[Float] = []

    def add(
        self, age: NDArray[np.floating], ok: Mask, log_impedance: NDArray[np.floating],
        dt_s: float,
    ) -> None:
        """Add a world; both directions of lines are looked along.

        Parameters
        ----------
        age : ndarray, shape (n_iline, n_xline, n_twt)
            Relative geologic time in ms.
        ok : ndarray of bool, same shape
            Where layers can be followed, see `undisturbed`.
        log_impedance : ndarray, same shape
            ln of impedance.
        dt_s : float
            Sample interval in s.

        Raises
        ------
        ShapeError
            The arrays differ in shape.
        """
        check_shape(log_impedance.shape, age.shape, "log_impedance")
        z = np.ascontiguousarray(log_impedance, dtype=np.float64)
        s = seismic_of(z, dt_s)
        ages = np.ascontiguousarray(age, dtype=np.float64)
        for is_turned in (False, True):
            if is_turned:
                ages, z, s = (np.ascontiguousarray(v.swapaxes(0, 1)) for v in (ages, z, s))
                ok = np.ascontiguousarray(ok.swapaxes(0, 1))
            _steps(ages[::2], ok[::2], z[::2], self.steps)
            rows = np.empty((MOST_PLACES, 4))
            n = _combs(ages, ok, s, 2, 6, rows)
            self.rows.append(rows[:n].copy())

    def figures(self) -> dict[str, float]:
        """Return the measures of the set.

        Returns
        -------
        dict
            excess : what steps at unlike phases exceed those at like ones by, relative to steps
            from sample to sample. comb_pct : amplitude of the comb, percent of the local RMS.
            seen_pct : share of places, in percent, where the comb exceeds 15 % of it.
        """
        like, _, unlike, down = np.sqrt(self.steps[:, 0] / np.maximum(self.steps[:, 1], 1))
        rows = np.concatenate(self.rows)
        comb, local = rows[:, 0] - rows[:, 1:3].mean(axis=1), rows[:, 3]
        # Weak places say nothing to the eye: only those of at least half the mean energy count.
        loud = local > 0.5 * local.mean()
        return {
            "excess": float(np.sqrt(max(unlike**2 - like**2, 0.0)) / down),
            "comb_pct": float(100.0 * np.sqrt(max(comb.mean(), 0.0) / local.mean())),
            "seen_pct": float(100.0 * (comb[loud] > SEEN**2 * local[loud]).mean()),
        }
