"""Training pairs of stage 2: random interfaces and layered models, labelled by the oracle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forward.attenuation import MAX_SAMPLES
from forward.reference import interface_reflectivity
from forward.wavelets import ormsby, ricker
from lithogen.errors import require
from lithogen.rng import generator

Floats = NDArray[np.float64]
KINDS = ("layered", "wide", "strong", "corner")
_MAX_RATIO = 0.8
# Any two neighbours within these limits are inside the domain of the net.
VP_LIMITS_M_S = (1450.0, 6500.0)
RHO_LIMITS_KG_M3 = (1350.0, 3050.0)
MAX_VS_OVER_VP = 1.0 / 1.45
# Strong interfaces have a ratio of velocities of up to this.
MAX_VP_RATIO = 2.4


@dataclass(frozen=True)
class Interfaces:
    """Interfaces (n,): vp, vs in m/s and rho in kg/m3 above (row 0) and below (row 1), (2, n)."""

    vp: Floats
    vs: Floats
    rho: Floats

    def reflectivity(self, angle_deg: float) -> Floats:
        """Exact coefficients (n,) at one angle in degrees."""
        above, below = ((self.vp[i], self.vs[i], self.rho[i]) for i in (0, 1))
        return interface_reflectivity(above, below, angle_deg)


def layered_model(seed: int, n_trace: int, n_twt: int) -> tuple[Floats, Floats, Floats]:
    """Random layered columns with the statistics of wells on a 4 ms grid.

    Beds have geometric thickness (mean 2 samples); velocity follows a compaction trend plus an
    autoregressive, heavy-tailed residual; density is Gardner's with scatter; vs is the mudrock
    line with scatter. Reflection coefficients have a standard deviation near 0.04 and heavy tails.

    Parameters
    ----------
    seed : names the model. n_trace, n_twt : number of columns and of samples.

    Returns
    -------
    vp, vs (m/s), rho (kg/m3), each (n_trace, 1, n_twt) float64.

    Source: Castagna et al. (1985), vs = 0.862 vp - 1172; Gardner et al. (1974), rho = 310 vp^0.25.

    Examples
    --------
    >>> layered_model(1, 2, 32)[0].shape
    (2, 1, 32)
    """
    rng = generator(seed, "forward/layered")
    shape = (n_trace, n_twt)
    is_new = rng.random(shape) < 0.5
    is_new[:, 0] = True
    bed = np.cumsum(is_new, axis=1) - 1

    def per_bed(scale: float, memory: float) -> Floats:
        jump = rng.standard_t(4.5, shape) * scale
        value = np.empty(shape)
        value[:, 0] = jump[:, 0]
        for k in range(1, n_twt):
            value[:, k] = memory * value[:, k - 1] + jump[:, k]
        return np.clip(np.take_along_axis(value, bed, axis=1), -0.35, 0.35)

    top = rng.uniform(1750, 3200, (n_trace, 1))
    trend = np.log(top) + rng.uniform(0.0, 0.4, (n_trace, 1)) * np.linspace(0, 1, n_twt)
    vp = np.exp(trend + per_bed(0.049, 0.6))
    rho = 310.0 * vp**0.25 * np.exp(per_bed(0.021, 0.4))
    ratio = 0.862 - 1172.0 / vp + per_bed(0.022, 0.4)
    vs = vp * np.clip(ratio, 0.12, 0.68)
    return vp[:, None], vs[:, None], rho[:, None]


def draw_interfaces(kind: str, seed: int, n: int) -> Interfaces:
    """Draw interfaces of one of four kinds.

    Parameters
    ----------
    kind : "layered" (from `layered_model`), "wide" (random contrasts, vs/vp 0.05..0.7), "strong"
        (two unlike rocks on the mudrock and Gardner lines, ratio of vp up to 2.4 either way) or
        "corner" (any two samples within the limits of this module, vs from 0). The last two hold
        many post-critical interfaces.
    seed : names the draw. n : number of interfaces.

    Raises
    ------
    ConfigError : unknown kind.

    Examples
    --------
    >>> draw_interfaces("wide", 3, 5).vp.shape
    (2, 5)
    """
    require(kind in KINDS, f"kind is {kind!r}, wanted one of {KINDS}")
    if kind == "layered":
        volumes = layered_model(seed, -(-n // 63), 64)
        vp, vs, rho = (
            np.stack([v[..., :-1].reshape(-1)[:n], v[..., 1:].reshape(-1)[:n]]) for v in volumes
        )
        return Interfaces(vp, vs, rho)
    rng = generator(seed, f"forward/{kind}")
    if kind == "wide":
        return _wide(rng, n)
    return _strong(rng, n) if kind == "strong" else _corner(rng, n)


def _wide(rng: np.random.Generator, n: int) -> Interfaces:
    contrast_vp = np.clip(rng.normal(0, 0.12, n), -0.26, 0.2)
    contrast_rho = np.clip(rng.normal(0, 0.07, n), -0.25, 0.25)
    mean, step = rng.uniform(0.05, 0.7, n), rng.normal(0, 0.035, n)
    step = np.clip(step, np.maximum(-mean, mean - _MAX_RATIO), np.minimum(mean, _MAX_RATIO - mean))
    sign = np.asarray([[-1.0], [1.0]])
    vp = rng.uniform(1800, 5500, n) * (1 + sign * contrast_vp)
    return Interfaces(vp, vp * (mean + sign * step), 2300.0 * (1 + sign * contrast_rho))


def _strong(rng: np.random.Generator, n: int) -> Interfaces:
    low, high = np.log(VP_LIMITS_M_S)
    middle, half = rng.uniform(low, high, n), 0.5 * np.log(MAX_VP_RATIO) * rng.uniform(-1, 1, n)
    vp = np.exp(np.clip(middle + np.asarray([[-1.0], [1.0]]) * half, low, high))
    rho = 310.0 * vp**0.25 * np.exp(0.07 * rng.standard_normal((2, n)))
    ratio = 0.862 - 1172.0 / vp + 0.05 * rng.standard_normal((2, n))
    return Interfaces(
        vp, vp * np.clip(ratio, 0.05, MAX_VS_OVER_VP), np.clip(rho, *RHO_LIMITS_KG_M3)
    )


def _corner(rng: np.random.Generator, n: int) -> Interfaces:
    low, high = np.log(VP_LIMITS_M_S)
    vp = np.exp(rng.uniform(low, high, (2, n)))
    vs = vp * rng.uniform(0.0, MAX_VS_OVER_VP, (2, n))
    return Interfaces(vp, vs, rng.uniform(*RHO_LIMITS_KG_M3, (2, n)))


def random_t_star(seed: int, n_trace: int, n_twt: int) -> Floats:
    """Draw t* in samples that rises down traces, as it does in the earth: (n_trace, 1, n_twt).

    Examples
    --------
    >>> bool((np.diff(random_t_star(1, 3, 16)[:, 0]) >= 0).all())
    True
    """
    rng = generator(seed, "forward/t_star")
    loss = rng.exponential(1.0, (n_trace, n_twt)) * rng.uniform(0.1, 1.0, (n_trace, 1))
    late = np.cumsum(loss, axis=1)
    first = rng.uniform(0.0, 0.5, (n_trace, 1))
    last = rng.uniform(first, 1.0)
    share = first + (last - first) * late / late[:, -1:]
    return np.asarray(MAX_SAMPLES * share[:, None])


def random_wavelet(seed: int, dt_s: float = 0.004, n: int = 61) -> Floats:
    """Draw a Ricker (15-45 Hz) or Ormsby wavelet, half of them with another constant phase.

    Examples
    --------
    >>> random_wavelet(1).shape
    (61,)
    """
    rng = generator(seed, "forward/wavelet")
    if rng.random() < 0.5:
        shape = ricker(rng.uniform(15, 45), dt_s, n)
    else:
        corners = rng.uniform((3, 8, 35, 60), (6, 14, 55, 90))
        shape = ormsby((corners[0], corners[1], corners[2], corners[3]), dt_s, n)
    if rng.random() < 0.5:
        from scipy.signal import hilbert

        phase = rng.uniform(-math.pi, math.pi)
        shape = np.real(hilbert(shape) * np.exp(1j * phase))
    return np.asarray(shape * np.hanning(n + 2)[1:-1])
