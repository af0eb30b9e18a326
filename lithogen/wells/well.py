"""Well: facies and logs of one well along its track, in two-way time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithogen.errors import require
from lithogen.rockphysics import FACIES, N_FACIES
from lithogen.wells.voxels import UNKNOWN

Float = NDArray[np.float64]

LOG_NAMES = ("vp_m_s", "vs_m_s", "rho_kg_m3")
# A velocity in km/s or a density in g/cm3 is caught by these; real rock lies well inside.
LOG_LIMITS = {"vp_m_s": (300.0, 9000.0), "vs_m_s": (50.0, 6000.0), "rho_kg_m3": (800.0, 5000.0)}
# A solid has a positive bulk modulus only above this ratio.
MIN_VP_OVER_VS = (4.0 / 3.0) ** 0.5


@dataclass(frozen=True, eq=False)
class Well:
    """What one well found along its track.

    Parameters
    ----------
    name : name of the well, for messages.
    twt_s : two-way time of the samples in seconds, strictly increasing, (n,).
    iline, xline : absolute lattice position of the samples, in voxels, fractions allowed; (n,)
        for a deviated track, one number for a vertical well. Voxel 12 reaches from 11.5 to 12.5.
    facies : codes of `lithogen.rockphysics.FACIES`, -1 where unknown, (n,); None: all unknown.
    vp_m_s, vs_m_s, rho_kg_m3 : logs in m/s, m/s, kg/m3, NaN where unknown, (n,); None: unknown.
    notes : what a reader had to leave out or reorder.

    Raises
    ------
    ConfigError : lengths differ, times do not increase, a position is not finite, a facies or a
        value is impossible, or nothing at all is known. The first bad sample is named.

    Examples
    --------
    >>> well = Well("A-1", [0.400, 0.404], iline=10, xline=20, facies=[0, 1])
    >>> well.facies.tolist()
    [0, 1]
    """

    name: str
    twt_s: Float
    iline: Float
    xline: Float
    facies: NDArray[np.int8]
    vp_m_s: Float
    vs_m_s: Float
    rho_kg_m3: Float
    notes: tuple[str, ...]

    def __init__(
        self, name: str, twt_s: ArrayLike, *, iline: ArrayLike, xline: ArrayLike,
        facies: ArrayLike | None = None, vp_m_s: ArrayLike | None = None,
        vs_m_s: ArrayLike | None = None, rho_kg_m3: ArrayLike | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        require(isinstance(name, str) and bool(name.strip()),
                f"the name of a well is {name!r}, wanted a text; messages need it")
        twt = _series(name, "twt_s", twt_s, None)
        put = object.__setattr__
        put(self, "name", name)
        put(self, "notes", tuple(notes))
        put(self, "twt_s", twt)
        for axis, place in (("iline", iline), ("xline", xline)):
            put(self, axis, _series(name, axis, place, len(twt), is_scalar_allowed=True))
        put(self, "facies", _codes(name, facies, len(twt)))
        for log, values in zip(LOG_NAMES, (vp_m_s, vs_m_s, rho_kg_m3), strict=True):
            put(self, log, np.full(len(twt), np.nan) if values is None
                else _series(name, log, values, len(twt)))
        self._check()

    def _check(self) -> None:
        for axis in ("twt_s", "iline", "xline"):
            self._refuse(~np.isfinite(getattr(self, axis)), axis, "a finite number")
        self._refuse(np.diff(self.twt_s, prepend=-np.inf) <= 0, "twt_s",
                     "more than the sample before; sort the samples by time")
        for log, (low, high) in LOG_LIMITS.items():
            values = getattr(self, log)
            self._refuse(np.isinf(values) | (values < low) | (values > high), log,
                         f"{low:g} to {high:g}, or NaN where unknown; check the unit")
        self._refuse(self.vp_m_s <= self.vs_m_s * MIN_VP_OVER_VS, "vp_m_s",
                     f"more than {MIN_VP_OVER_VS:.3f} times vs_m_s; check which log is which")
        known = [self.facies != UNKNOWN, *(np.isfinite(getattr(self, log)) for log in LOG_NAMES)]
        require(bool(np.any(known)), f"well {self.name!r} knows neither facies nor a log anywhere; "
                "give at least one value, or leave the well out")

    def _refuse(self, is_bad: NDArray[np.bool_], name: str, wanted: str) -> None:
        if is_bad.any():
            at = int(np.argmax(is_bad))
            require(False, f"well {self.name!r}: {name} is {getattr(self, name)[at]:g} at sample "
                    f"{at} (of {len(is_bad)}), wanted {wanted}")

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.twt_s)


def _series(
    well: str, name: str, values: ArrayLike, length: int | None, *,
    is_scalar_allowed: bool = False,
) -> Float:
    """Return a read-only column of numbers of a well, or say what is wrong with it."""
    try:
        out = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as exc:
        require(False, f"well {well!r}: {name} holds something that is not a number ({exc})")
        raise
    if out.ndim == 0 and is_scalar_allowed and length is not None:
        out = np.full(length, float(out))
    is_fit = out.ndim == 1 and out.size > 0 and length in (None, out.size)
    wanted = "(n,) with n >= 1" if length is None else f"({length},), one value per time"
    require(is_fit, f"well {well!r}: {name} has shape {out.shape}, wanted {wanted}")
    out.setflags(write=False)
    return out


def _codes(well: str, facies: ArrayLike | None, length: int) -> NDArray[np.int8]:
    codes = np.full(length, float(UNKNOWN)) if facies is None else (
        _series(well, "facies", facies, length))
    is_bad = ~((codes >= UNKNOWN) & (codes < N_FACIES) & (codes == np.floor(codes)))
    if is_bad.any():
        at = int(np.argmax(is_bad))
        known = ", ".join(f"{n} {code}" for n, code in enumerate(FACIES))
        require(False, f"well {well!r}: facies is {codes[at]:g} at sample {at}, wanted -1 "
                f"(unknown) or one of: {known}")
    out = codes.astype(np.int8)
    out.setflags(write=False)
    return out
