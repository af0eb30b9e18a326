"""Checks of the inputs of stage 2; every message names the variable and the first bad index."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forward.attenuation import MAX_SAMPLES
from lithogen.errors import ConfigError, ShapeError, require
from lithogen.grid import AXES, check_shape

MAX_ANGLE_DEG = 40.0
# Centre of the mean vs/vp of an interface, so that its powers in the net stay small.
MEAN_RATIO = 0.4
# A bulk modulus K = rho (vp^2 - 4/3 vs^2) must not be negative.
MIN_VP_OVER_VS = math.sqrt(4.0 / 3.0)

Volume = NDArray[np.float32] | NDArray[np.float64]


def _refuse_first(is_bad: NDArray[np.bool_], values: Volume, name: str, wanted: str) -> None:
    if not is_bad.any():
        return
    where = tuple(int(i) for i in np.unravel_index(int(is_bad.argmax()), is_bad.shape))
    raise ConfigError(
        f"{name} is {values[where]!s} at index {where} (iline, xline, twt), wanted {wanted}; "
        f"{int(is_bad.sum())} samples are like it: correct the model, nothing is repaired here"
    )


def check_elastic(vp: Volume, vs: Volume, rho: Volume) -> None:
    """Check an elastic model of shape (iline, xline, twt).

    Parameters
    ----------
    vp, vs : velocities in m/s, vp > 0, vs >= 0, vp >= vs * sqrt(4/3).
    rho : density in kg/m3, > 0; all three of the same shape.

    Raises
    ------
    ShapeError : not three axes, or the shapes differ.
    ConfigError : a value is not finite or out of range; names the first index.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.ones((1, 1, 4))
    >>> check_elastic(3000 * one, 1500 * one, 2300 * one)
    """
    require(
        vp.ndim == 3 and vp.shape[-1] >= 2 and vp.size > 0,
        f"vp has shape {vp.shape}, wanted three axes {AXES} with at least 2 samples in twt",
        ShapeError,
    )
    check_shape(vs.shape, vp.shape, "vs")
    check_shape(rho.shape, vp.shape, "rho")
    from forward.kernels import is_elastic_sound

    flat = [np.ascontiguousarray(v).reshape(-1, vp.shape[-1]) for v in (vp, vs, rho)]
    if is_elastic_sound(flat[0], flat[1], flat[2], MIN_VP_OVER_VS):
        return
    for name, values in (("vp", vp), ("vs", vs), ("rho", rho)):
        _refuse_first(~np.isfinite(values), values, name, "a finite number")
    _refuse_first(vp <= 0, vp, "vp", "a velocity above 0 m/s")
    _refuse_first(vs < 0, vs, "vs", "a velocity of 0 m/s or more")
    _refuse_first(rho <= 0, rho, "rho", "a density above 0 kg/m3")
    is_stiff = vp < vs * vp.dtype.type(MIN_VP_OVER_VS)
    _refuse_first(is_stiff, vp, "vp", "vp >= vs * sqrt(4/3) (bulk modulus >= 0)")


def check_wavelet(wavelet: ArrayLike, n_twt: int) -> NDArray[np.float64]:
    """Return the wavelet as float64 of odd length, at most `n_twt` samples.

    Raises
    ------
    ShapeError : not one axis, even length, or longer than the trace.
    ConfigError : a sample is not finite.

    Examples
    --------
    >>> check_wavelet([0.0, 1.0, 0.0], 8).size
    3
    """
    taps = np.asarray(wavelet, dtype=np.float64)
    require(
        taps.ndim == 1 and taps.size % 2 == 1,
        f"wavelet has shape {taps.shape}, wanted one axis with an odd number of samples "
        "(its centre is time zero)",
        ShapeError,
    )
    require(
        taps.size <= n_twt,
        f"wavelet has {taps.size} samples, longer than the trace of {n_twt}; shorten the wavelet "
        "or model a taller window",
        ShapeError,
    )
    bad = np.flatnonzero(~np.isfinite(taps))
    require(
        bad.size == 0,
        f"wavelet is not finite at index {bad[:1].tolist()}, wanted finite numbers",
    )
    return taps


def check_angles(angles_deg: Sequence[float]) -> tuple[float, ...]:
    """Return incidence angles as floats.

    Raises
    ------
    ConfigError : empty, not finite, or outside 0..40 degrees.

    Examples
    --------
    >>> check_angles([5, 15])
    (5.0, 15.0)
    """
    angles = tuple(float(a) for a in np.atleast_1d(np.asarray(angles_deg, dtype=np.float64)))
    require(len(angles) > 0, "angles_deg is empty, wanted at least one incidence angle, e.g. 5,")
    for i, angle in enumerate(angles):
        require(
            math.isfinite(angle) and 0.0 <= angle <= MAX_ANGLE_DEG,
            f"angles_deg[{i}] is {angle}, wanted 0 to {MAX_ANGLE_DEG:g} degrees",
        )
    return angles


def check_dt(dt_s: float) -> float:
    """Return the sample interval in seconds.

    Raises
    ------
    ConfigError : not a finite number in 0.0001..0.1 s.

    Examples
    --------
    >>> check_dt(0.004)
    0.004
    """
    value = float(dt_s)
    require(
        math.isfinite(value) and 1e-4 <= value <= 0.1,
        f"dt_s is {dt_s}, wanted seconds between 0.0001 and 0.1 (4 ms is 0.004)",
    )
    return value


def check_t_star(
    t_star: ArrayLike | None, shape: tuple[int, ...], dt_s: float
) -> NDArray[np.float64] | None:
    """Return t* in samples, spread over (iline, xline, twt); None for none.

    Parameters
    ----------
    t_star : seconds, of `shape` or of one that numpy spreads over it, for example (n_twt,).

    Raises
    ------
    ShapeError : it does not fit the shape.
    ConfigError : not finite, negative, or above what the filters were made for.

    Examples
    --------
    >>> check_t_star(0.004, (1, 1, 3), 0.004).tolist()
    [[[1.0, 1.0, 1.0]]]
    """
    if t_star is None:
        return None
    given = np.asarray(t_star, dtype=np.float64)
    try:
        late = np.broadcast_to(given, shape)
    except ValueError as exc:
        raise ShapeError(
            f"t_star has shape {given.shape}, wanted {shape} or one that numpy spreads over it"
        ) from exc
    _refuse_first(~np.isfinite(late), late, "t_star", "a finite number")
    _refuse_first(late < 0, late, "t_star", "0 s or more")
    limit = MAX_SAMPLES * dt_s
    _refuse_first(late > limit, late, "t_star", f"at most {limit:g} s ({MAX_SAMPLES:g} samples)")
    return np.asarray(late / dt_s)
