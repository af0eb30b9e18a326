"""Training pairs of stage 2: random interfaces and layered models, labelled by the oracle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forward.reference import interface_reflectivity
from lithogen.errors import require
from lithogen.rng import generator

Floats = NDArray[np.float64]
KINDS = ("layered", "wide", "outer")
_MAX_RATIO = 0.8


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
    """Draw interfaces of one of three kinds.

    Parameters
    ----------
    kind : "layered" (from `layered_model`), "wide" (strong random contrasts, vs/vp 0.05..0.7) or
        "outer" (uniform over nearly the whole domain of the net, with post-critical ones).
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
        contrast_vp = np.clip(rng.normal(0, 0.12, n), -0.26, 0.2)
        contrast_rho = np.clip(rng.normal(0, 0.07, n), -0.25, 0.25)
        mean, step = rng.uniform(0.05, 0.7, n), rng.normal(0, 0.035, n)
    else:
        contrast_vp, contrast_rho = rng.uniform(-0.42, 0.42, n), rng.uniform(-0.4, 0.4, n)
        mean, step = rng.uniform(0.0, 0.72, n), rng.uniform(-0.2, 0.2, n)
    step = np.clip(step, np.maximum(-mean, mean - _MAX_RATIO), np.minimum(mean, _MAX_RATIO - mean))
    sign = np.asarray([[-1.0], [1.0]])
    middle = rng.uniform(1800, 5500, n)
    vp = middle * (1 + sign * contrast_vp)
    return Interfaces(vp, vp * (mean + sign * step), 2300.0 * (1 + sign * contrast_rho))
