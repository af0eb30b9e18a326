"""LAS files: a well with its logs, facies, track and time-depth relation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lithogen.config import nearest_name
from lithogen.errors import ConfigError, require
from lithogen.rockphysics import facies_code
from lithogen.structure import BackgroundVelocity
from lithogen.wells.units import to_si
from lithogen.wells.voxels import UNKNOWN
from lithogen.wells.well import Well

Float = NDArray[np.float64]
TimeDepth = ArrayLike | BackgroundVelocity | Callable[[Float], ArrayLike]
FaciesCodes = Mapping[Any, str | None]

# Quantity -> names of curves looked for, in this order.
MNEMONICS: dict[str, tuple[str, ...]] = {
    "vp": ("DTC", "DTCO", "DT", "AC", "VP"),
    "vs": ("DTS", "DTSM", "VS"),
    "rho": ("RHOB", "RHOZ", "DEN"),
    "twt": ("TWT",),
}
FORCE_CURVE = "FORCE_2020_LITHOFACIES_LITHOLOGY"
# Basement has no facies of ours: it stays unknown. Source: Bormann et al. (2020), FORCE
# machine learning competition with wells and seismic.
FORCE_CODES: dict[Any, str | None] = {
    30000: "sandstone", 65030: "heterolithic", 65000: "shale", 80000: "marl", 74000: "dolomite",
    70000: "limestone", 70032: "chalk", 88000: "evaporite", 86000: "evaporite", 99000: "tuff",
    90000: "coal", 93000: None,
}
# Two-way times at which a background velocity is tabulated to turn depth into time, in s.
_TIMES_S = np.arange(0.0, 20.0, 0.002)


@dataclass(frozen=True, slots=True)
class LasCurves:
    """Which curves of a file hold what.

    Parameters
    ----------
    mnemonics : "vp", "vs", "rho" or "twt" -> name of the curve; defaults are `MNEMONICS`.
    units : name of a curve, or "DEPTH" -> its unit, where the file has none or a wrong one.
    null : values that mean unknown, beside the one that the file declares.
    facies : name of the lithology curve; None reads none.
    facies_codes : value in the file -> name in `FACIES`, or None for rock that is no facies of
        ours; needed with `facies`, except for FORCE_2020_LITHOFACIES_LITHOLOGY.

    Raises
    ------
    ConfigError : an unknown quantity or facies, or codes that are missing.
    """

    mnemonics: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    null: Sequence[float] = ()
    facies: str | None = None
    facies_codes: FaciesCodes | None = None

    def __post_init__(self) -> None:
        for name in self.mnemonics:
            require(name in MNEMONICS, f"mnemonics has {name!r}{nearest_name(name, [*MNEMONICS])}, "
                    f"wanted {', '.join(MNEMONICS)}")
        if self.facies is not None and self.facies_codes is None:
            require(self.facies.upper() == FORCE_CURVE, f"the codes of curve {self.facies!r} are "
                    "unknown; pass facies_codes={code in the file: name in FACIES, ...}")
            object.__setattr__(self, "facies_codes", FORCE_CODES)
        for facies in (self.facies_codes or {}).values():
            if facies is not None:
                facies_code(facies)


def read_las(
    path: Path | str, *, curves: LasCurves, iline: ArrayLike | None = None,
    xline: ArrayLike | None = None, track: ArrayLike | None = None,
    time_depth: TimeDepth | None = None,
) -> Well:
    """Read one well from a LAS file; parameters as in `Wells.from_las`."""
    las = _open(Path(path))
    name = str(las.well["WELL"].value).strip() if "WELL" in las.well else ""
    name = name or Path(path).stem
    depth_m = _depth(las, name, curves)
    logs = {quantity: _log(las, name, quantity, curves) for quantity in MNEMONICS}
    facies = _facies(las, name, curves)
    place = _places(name, depth_m, iline, xline, track)
    twt_s = _time(name, depth_m, logs["twt"], time_depth)
    order = np.arange(len(depth_m))
    notes = []
    if len(depth_m) > 1 and depth_m[0] > depth_m[-1]:
        order = order[::-1]
        notes.append("depths decrease in the file; samples were put in order of time")
    has_place = np.isfinite(twt_s) & np.isfinite(place[0]) & np.isfinite(place[1])
    if not has_place.all():
        notes.append(f"{int((~has_place).sum())} of {len(depth_m)} samples have no two-way time "
                     "or no position and were left out")
    order = order[has_place[order]]
    require(order.size > 0, f"well {name!r}: no sample has a two-way time and a position; depths "
            f"are {depth_m.min():g} to {depth_m.max():g} m; check time_depth and track")
    columns = {f"{quantity}_m_s" if quantity != "rho" else "rho_kg_m3": values[order]
               for quantity, values in logs.items() if values is not None and quantity != "twt"}
    return Well(name, twt_s[order], iline=place[0][order], xline=place[1][order],
                facies=None if facies is None else facies[order], notes=tuple(notes), **columns)


def _open(path: Path) -> Any:
    import lasio

    # lasio takes a text that is no file for the content of one, or for an address.
    require(path.is_file(), f"LAS file {path} does not exist or is no file")
    try:
        las = lasio.read(str(path), null_policy="strict", mnemonic_case="upper",
                         encoding=_encoding(path))
    except Exception as exc:  # lasio raises what its parsing of a broken file happens to hit
        raise ConfigError(f"{path} cannot be read as LAS ({type(exc).__name__}: {exc})") from exc
    require(len(las.curves) > 1 and len(las.curves[0].data) > 0,
            f"{path} holds no curves with data; is it a LAS file?")
    return las


def _encoding(path: Path) -> str:
    """LAS is ASCII by its standard; units with a Greek letter come in either of these."""
    try:
        path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _depth(las: Any, well: str, curves: LasCurves) -> Float:
    first = las.curves[0]
    unit = _unit(first, curves, "DEPTH")
    depth = to_si(_numbers(first, well, ()), unit, "depth", str(first.mnemonic))
    step = np.diff(depth) if depth[-1] > depth[0] else -np.diff(depth)
    is_bad: NDArray[np.bool_] = ~(step > 0.0)
    if is_bad.any():
        at = int(np.argmax(is_bad))
        raise ConfigError(f"well {well!r}: depth does not go one way at row {at + 1} "
                          f"({depth[at]:g} m, then {depth[at + 1]:g} m); sort the file by depth")
    return depth


def _unit(curve: Any, curves: LasCurves, other_name: str = "") -> str:
    wanted = {name.upper(): unit for name, unit in curves.units.items()}
    given = wanted.get(str(curve.mnemonic).upper(), wanted.get(other_name))
    return str(curve.unit) if given is None else given


def _find(las: Any, well: str, name: str) -> Any:
    """Return a curve that has to be there, once."""
    known = [str(curve.mnemonic) for curve in las.curves]
    same = [k for k in known if k.split(":")[0] == name.upper()]
    require(len(same) > 0, f"well {well!r} has no curve {name!r}"
            f"{nearest_name(name.upper(), known)}; it has {', '.join(known)}")
    require(len(same) == 1, f"well {well!r} has {len(same)} curves {name!r}; rename all but one")
    return las.curves[same[0]]


def _numbers(curve: Any, well: str, null: Sequence[float]) -> Float:
    try:
        values = np.array(curve.data, dtype=np.float64)
    except (TypeError, ValueError) as exc:
        raise ConfigError(f"well {well!r}: curve {curve.mnemonic!r} holds text where numbers are "
                          f"wanted ({exc}); choose another curve or mend the file") from exc
    values[np.isin(values, np.asarray(null, dtype=np.float64))] = np.nan
    return values


def _log(las: Any, well: str, quantity: str, curves: LasCurves) -> Float | None:
    """Return one quantity in SI, None where the file does not hold it."""
    name = curves.mnemonics.get(quantity)
    if name is None:
        known = {str(curve.mnemonic).split(":")[0] for curve in las.curves}
        name = next((n for n in MNEMONICS[quantity] if n in known), None)
        if name is None:
            return None
    curve = _find(las, well, name)
    values = _numbers(curve, well, curves.null)
    is_bad = (values <= 0.0) & (quantity != "twt")
    if is_bad.any():
        at = int(np.argmax(is_bad))
        declared = las.well["NULL"].value if "NULL" in las.well else "none"
        raise ConfigError(
            f"well {well!r}: curve {name!r} is {values[at]:g} at row {at}, wanted a positive "
            f"value; the file declares {declared} as unknown: if {values[at]:g} means unknown "
            f"too, pass null=[{values[at]:g}]")
    return to_si(values, _unit(curve, curves), quantity, name)


def _facies(las: Any, well: str, curves: LasCurves) -> NDArray[np.int8] | None:
    if curves.facies is None:
        return None
    curve, table = _find(las, well, curves.facies), curves.facies_codes or {}
    is_text = np.asarray(curve.data).dtype.kind not in "fiu"
    values = np.asarray(curve.data).astype(str) if is_text else (
        _numbers(curve, well, curves.null))
    out = np.full(len(values), UNKNOWN, dtype=np.int8)
    codes = {(str(key) if is_text else float(key)): name for key, name in table.items()}
    for value in np.unique(values) if is_text else np.unique(values[np.isfinite(values)]):
        key = str(value) if is_text else float(value)
        require(key in codes, f"well {well!r}: curve {curves.facies!r} holds {value}, which "
                f"facies_codes does not name; add it (None: no facies of ours); known: "
                f"{', '.join(str(k) for k in table)}")
        facies = codes[key]
        out[values == value] = UNKNOWN if facies is None else facies_code(facies)
    return out


def _places(
    well: str, depth_m: Float, iline: ArrayLike | None, xline: ArrayLike | None,
    track: ArrayLike | None,
) -> tuple[Float, Float]:
    """Return the lattice position of every row; NaN beyond a deviation survey."""
    if track is not None:
        require(iline is None and xline is None, f"well {well!r}: both a track and iline or xline "
                "are given; give one of them")
        survey = _table(well, "track", track, ("measured depth in m", "iline", "xline"))
        return (_interpolate(depth_m, survey[:, 0], survey[:, 1]),
                _interpolate(depth_m, survey[:, 0], survey[:, 2]))
    out = []
    for axis, place in (("iline", iline), ("xline", xline)):
        require(place is not None, f"well {well!r}: {axis} is missing; a LAS file does not know "
                "the lattice: give iline and xline, or a track")
        values = np.asarray(place, dtype=np.float64)
        require(values.shape in ((), depth_m.shape), f"well {well!r}: {axis} has shape "
                f"{values.shape}, wanted one number or {depth_m.shape}, one per row of the file")
        out.append(np.broadcast_to(values, depth_m.shape).copy())
    return out[0], out[1]


def _time(
    well: str, depth_m: Float, twt_s: Float | None, time_depth: TimeDepth | None
) -> Float:
    """Return the two-way time of every row; NaN beyond a time-depth table."""
    if time_depth is None:
        require(twt_s is not None, f"well {well!r} has no curve {MNEMONICS['twt'][0]} and no "
                "time_depth is given; pass a table of depth in m and two-way time in s, or a "
                "function of depth")
        return np.asarray(twt_s)
    if isinstance(time_depth, BackgroundVelocity):
        return _interpolate(depth_m, time_depth.depth(_TIMES_S), _TIMES_S)
    if callable(time_depth):
        found = np.asarray(time_depth(depth_m), dtype=np.float64)
        require(found.shape == depth_m.shape, f"well {well!r}: time_depth gives shape "
                f"{found.shape} for depths of shape {depth_m.shape}, wanted the same")
        return found
    table = _table(well, "time_depth", time_depth, ("depth in m", "two-way time in s"))
    require(bool((np.diff(table[:, 1]) > 0).all()), f"well {well!r}: times of time_depth do not "
            "increase; sort the table and remove repeated rows")
    return _interpolate(depth_m, table[:, 0], table[:, 1])


def _table(well: str, name: str, values: ArrayLike, columns: tuple[str, ...]) -> Float:
    table = np.asarray(values, dtype=np.float64)
    require(table.ndim == 2 and table.shape[1] == len(columns) and len(table) >= 2,
            f"well {well!r}: {name} has shape {table.shape}, wanted (n, {len(columns)}), n >= 2: "
            f"{', '.join(columns)}")
    require(bool(np.isfinite(table).all() and (np.diff(table[:, 0]) > 0).all()),
            f"well {well!r}: depths of {name} do not increase or a value is not finite; sort the "
            "table and remove repeated rows")
    return table


def _interpolate(at: Float, known: Float, values: Float) -> Float:
    return np.asarray(np.interp(at, known, values, left=np.nan, right=np.nan))
