"""The oracle of stage 2: exact Zoeppritz reflectivity by bruges, convolved with a wavelet.

Rules that this module keeps because bruges 0.5.4 needs them: time goes on axis 0 and one angle
is asked at a time (several angles on another axis land in the middle of the result, and axes of
size 1 are squeezed away); `zoeppritz_rpp` is used, since `method="zoeppritz"` fails on arrays;
its wavelets (rounded time axis) and its `depth_to_time` (arithmetic mean velocity) are not used.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forward.attenuation import LEVEL_SAMPLES, attenuated, levels
from forward.checks import check_angles, check_dt, check_elastic, check_t_star, check_wavelet
from lithogen.config import import_bruges

Floats = NDArray[np.float64]


@cache
def _zoeppritz() -> Any:
    return import_bruges("bruges.reflection").zoeppritz_rpp


def interface_reflectivity(
    upper: Sequence[ArrayLike], lower: Sequence[ArrayLike], angle_deg: float
) -> Floats:
    """Exact PP reflection coefficient of plane interfaces at one incidence angle.

    Parameters
    ----------
    upper, lower : (vp, vs, rho) above and below, arrays of one shape, m/s, m/s, kg/m3.
    angle_deg : P incidence angle in the upper medium, degrees.

    Returns
    -------
    float64 array of that shape: the real part. Beyond the critical angle the coefficient is
    complex and its imaginary part (a phase rotation) is left out.

    Source: Zoeppritz (1919); Dvorkin, Gutierrez and Grana (2014), as coded in bruges 0.5.4.

    Examples
    --------
    >>> round(float(interface_reflectivity((2000, 800, 2200), (3000, 1500, 2400), 0.0)), 4)
    0.2414
    """
    parts = [np.asarray(v, dtype=np.float64) for v in (*upper, *lower)]
    shape = np.broadcast_shapes(*(p.shape for p in parts))
    flat = [np.broadcast_to(p, shape).reshape(-1) for p in parts]
    return np.asarray(np.real(_zoeppritz()(*flat, float(angle_deg)))).reshape(shape)


def reflectivity(vp: Floats, vs: Floats, rho: Floats, angles_deg: Sequence[float]) -> Floats:
    """Exact reflectivity of a volume.

    Parameters
    ----------
    vp, vs, rho : (iline, xline, twt), m/s, m/s, kg/m3.
    angles_deg : incidence angles in degrees, 0..40.

    Returns
    -------
    (angle, iline, xline, twt) float64; the coefficient between samples k and k + 1 sits at k,
    the last sample is 0.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.ones((1, 1, 4))
    >>> float(abs(reflectivity(3000 * one, 1500 * one, 2300 * one, (10,))).max())
    0.0
    """
    first = [np.moveaxis(v, -1, 0) for v in (vp, vs, rho)]
    out = np.zeros((len(angles_deg), *vp.shape))
    for row, angle in zip(out, angles_deg, strict=True):
        rc = interface_reflectivity([v[:-1] for v in first], [v[1:] for v in first], angle)
        row[..., :-1] = np.moveaxis(rc, 0, -1)
    return out


def synthesize(
    *,
    vp: ArrayLike,
    vs: ArrayLike,
    rho: ArrayLike,
    wavelet: ArrayLike,
    angles_deg: Sequence[float],
    dt_s: float,
    t_star: ArrayLike | None = None,
) -> Floats:
    """Angle stacks of an elastic model: exact Zoeppritz, then convolution with the wavelet.

    With `t_star` every coefficient brings a wavelet of its own, out of a bank of attenuated ones.

    Parameters
    ----------
    vp, vs, rho : (iline, xline, twt), m/s, m/s, kg/m3; vs >= 0, vp >= vs * sqrt(4/3).
    wavelet : (n,), n odd and at most n_twt; the centre is time zero.
    angles_deg : incidence angles in degrees, 0..40.
    dt_s : sample interval in seconds of model and wavelet.
    t_star : attenuation of what comes back from a sample, seconds (two-way time over quality
        factor, summed along the way), 0 .. 7.5 dt_s, spread over (iline, xline, twt); see
        `forward.attenuation`. None is a stationary wavelet.

    Returns
    -------
    (angle, iline, xline, twt) float64, unit of the wavelet. Positive for an increase of impedance.

    Raises
    ------
    ShapeError, ConfigError : see `forward.checks`.

    Source: Zoeppritz (1919) through bruges; the convolutional model of Robinson (1967).

    Examples
    --------
    >>> import numpy as np
    >>> vp = np.full((1, 1, 9), 2000.0); vp[..., 5:] = 3000.0
    >>> out = synthesize(vp=vp, vs=vp / 2, rho=vp, wavelet=[1.0], angles_deg=(0,), dt_s=0.004)
    >>> int(out[0, 0, 0].argmax())
    4
    """
    check_dt(dt_s)
    angles = check_angles(angles_deg)
    p, s, d = (np.asarray(v, dtype=np.float64) for v in (vp, vs, rho))
    check_elastic(p, s, d)
    taps = check_wavelet(wavelet, p.shape[-1])
    late = check_t_star(t_star, p.shape, dt_s)
    rc = reflectivity(p, s, d, angles)
    rows = rc.reshape(-1, rc.shape[-1])
    if late is None:
        out = np.stack([np.convolve(trace, taps, mode="same") for trace in rows])
    else:
        lates = np.broadcast_to(late, rc.shape).reshape(rows.shape)
        bank = attenuated(taps, levels(float(late.max())))
        out = np.stack([_convolve_bank(*pair, bank) for pair in zip(rows, lates, strict=True)])
    return out.reshape(rc.shape)


def _convolve_bank(trace: Floats, late: Floats, bank: Floats) -> Floats:
    """Convolve a trace with a bank of wavelets; `late` is the t* of every sample, in samples."""
    place = late / LEVEL_SAMPLES
    below = np.minimum(place.astype(np.int64), max(len(bank) - 2, 0))
    share = place - below
    half, n = bank.shape[1] // 2, len(trace)
    out = np.zeros(n + 2 * half)
    for level, taps in enumerate(bank):
        part = trace * ((1.0 - share) * (below == level) + share * (below == level - 1))
        if part.any():
            out += np.convolve(part, taps)
    return out[half : half + n]
