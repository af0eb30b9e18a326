"""Quality of a ForwardNet on held-out models: the table of its manifest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from forward import reference
from forward.net import ForwardNet
from forward.pairs import (
    KINDS,
    Interfaces,
    draw_interfaces,
    layered_model,
    random_t_star,
    random_wavelet,
)
from forward.spectra import amplitude_spectrum, spectrum_db

Floats = NDArray[np.float64]
ANGLES_DEG = (0.0, 5.0, 15.0, 25.0, 35.0, 40.0)
_HELD_OUT = 10**6
_N_INTERFACE = 20000


def interface_error(net: ForwardNet, pairs: Interfaces, angle_deg: float) -> tuple[Floats, Floats]:
    """Return the error of bare coefficients and the exact ones, both (n,).

    Examples
    --------
    >>> pairs = draw_interfaces("wide", 1, 50)
    >>> bool(np.abs(interface_error(ForwardNet(), pairs, 0.0)[0]).max() < 1e-12)
    True
    """
    vp, vs, rho = (torch.as_tensor(v.T[:, None].copy()) for v in (pairs.vp, pairs.vs, pairs.rho))
    with torch.no_grad():
        got = net(vp, vs, rho, torch.ones(1, dtype=vp.dtype), (angle_deg,))[0, :, 0, 0].numpy()
    exact = pairs.reflectivity(angle_deg)
    return got - exact, exact


def quality(net: ForwardNet, seed: int, n_trace: int) -> dict[str, Any]:
    """Measure a net on held-out models against the oracle.

    Parameters
    ----------
    seed : names the held-out models, apart from those of training.
    n_trace : number of layered columns of 256 samples; half have a Ricker, half another wavelet.

    Returns
    -------
    Per angle in degrees: NRMSE in per cent on layered models (traces) with a stationary wavelet and
    with t* up to its limit; the largest error of the amplitude spectrum in the 25-dB band in dB
    for both; and for bare coefficients of each kind of
    interface (see `forward.pairs.draw_interfaces`) NRMSE in per cent of all and of those below
    their critical angle, and the largest error.

    Examples
    --------
    >>> sorted(quality(ForwardNet(), 1, 2)["nrmse_layered_percent"])[:2]
    ['0', '15']
    """
    names = ("nrmse_layered_percent", "spectrum_error_max_db", "nrmse_attenuated_percent",
             "spectrum_error_attenuated_max_db")
    tables: dict[str, dict[str, float]] = {name: {} for name in names}
    vp, vs, rho = layered_model(seed + _HELD_OUT, n_trace, 256)
    late = 0.004 * random_t_star(seed + _HELD_OUT, n_trace, 256)
    for place, angle in enumerate(ANGLES_DEG):
        taps = random_wavelet(seed + _HELD_OUT + place)
        args: dict[str, Any] = {"vp": vp, "vs": vs, "rho": rho, "wavelet": taps, "dt_s": 0.004}
        for pair, t_star in ((names[:2], None), (names[2:], late)):
            wanted = reference.synthesize(angles_deg=(angle,), t_star=t_star, **args)
            got = net.synthesize(angles_deg=(angle,), t_star=t_star, **args).astype(np.float64)
            tables[pair[0]][f"{angle:g}"] = 100 * _nrmse(got - wanted, wanted)
            freq, amplitude = amplitude_spectrum(wanted, 0.004)
            wanted_db = spectrum_db(freq, amplitude)
            error = spectrum_db(*amplitude_spectrum(got, 0.004)) - wanted_db
            in_band = wanted_db > wanted_db.max() - 25
            tables[pair[1]][f"{angle:g}"] = float(np.abs(error[in_band]).max())
    for kind in KINDS:
        tables |= _interface_tables(net, kind, seed + _HELD_OUT)
    return {k: {a: round(v, 4) for a, v in t.items()} for k, t in tables.items()}


def _interface_tables(net: ForwardNet, kind: str, seed: int) -> dict[str, dict[str, float]]:
    pairs = draw_interfaces(kind, seed, _N_INTERFACE)
    tables: dict[str, dict[str, float]] = {
        f"nrmse_{kind}_interfaces_percent": {},
        f"nrmse_{kind}_below_critical_percent": {},
        f"error_max_{kind}": {},
    }
    for angle in ANGLES_DEG:
        error, exact = interface_error(net, pairs, angle)
        is_below = pairs.vp[1] * math.sin(math.radians(angle)) < pairs.vp[0]
        figures = (
            100 * _nrmse(error, exact),
            100 * _nrmse(error[is_below], exact[is_below]),
            float(np.abs(error).max()),
        )
        for table, figure in zip(tables.values(), figures, strict=True):
            table[f"{angle:g}"] = figure
    return tables


def _nrmse(error: Floats, exact: Floats) -> float:
    return float(np.sqrt(np.square(error).mean() / exact.var()))
