"""Units of log files: converted to SI at the edge, an unknown one refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import ConfigError

Float = NDArray[np.float64]

FOOT_M = 0.3048


def _times(factor: float) -> Callable[[Float], Float]:
    return lambda values: values * factor


def _slowness(metres: float) -> Callable[[Float], Float]:
    """Microseconds per `metres` to m/s; a slowness that is not positive stays impossible."""
    def convert(values: Float) -> Float:
        out = np.full_like(values, -1.0)
        np.divide(1e6 * metres, values, out=out, where=values > 0)
        return np.where(np.isnan(values), np.nan, out)
    return convert


_FEET = ("ft", "f", "feet")
_DEPTH = {"m": _times(1.0), "metre": _times(1.0), "meter": _times(1.0),
          **dict.fromkeys(_FEET, _times(FOOT_M))}
_VELOCITY = {
    "m/s": _times(1.0), "m/sec": _times(1.0), "km/s": _times(1e3),
    "ft/s": _times(FOOT_M), "f/s": _times(FOOT_M),
    **{f"{us}/{ft}": _slowness(FOOT_M) for us in ("us", "usec") for ft in _FEET},
    **{f"{us}/m": _slowness(1.0) for us in ("us", "usec")},
}
_DENSITY = {**dict.fromkeys(("g/cm3", "g/cc", "gm/cc", "gm/cm3", "g/c3"), _times(1e3)),
            **dict.fromkeys(("kg/m3", "k/m3"), _times(1.0))}
_TIME = {"s": _times(1.0), "sec": _times(1.0), "ms": _times(1e-3), "msec": _times(1e-3)}

# Quantity -> unit, in small letters -> how its values become SI.
UNITS = {"depth": _DEPTH, "vp": _VELOCITY, "vs": _VELOCITY, "rho": _DENSITY, "twt": _TIME}


def to_si(values: Float, unit: str, quantity: str, curve: str) -> Float:
    """Return values in m, m/s, kg/m3 or s.

    Parameters
    ----------
    values : of a curve, NaN where unknown. unit : as the file gives it.
    quantity : a key of `UNITS`. curve : its name, for messages.

    Raises
    ------
    ConfigError : the unit is missing or not one of that quantity.

    Examples
    --------
    >>> import numpy as np
    >>> to_si(np.array([304.8]), "us/ft", "vp", "DT").tolist()
    [1000.0]
    """
    key = unit.strip().lower().replace("µ", "u").replace("μ", "u").replace(" ", "")
    known = UNITS[quantity]
    if key not in known:
        raise ConfigError(
            f"curve {curve!r} has the unit {unit!r}, wanted one of {', '.join(known)} for "
            f"{quantity}; say which with units={{{curve!r}: ...}}")
    return known[key](values)
