"""`to_segy`: write one variable of a Dataset as a SEG-Y revision 1 file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lithogen.config import atomic_path
from lithogen.errors import OutputError, ShapeError, require
from seismic_io.layout import HEAD_BYTES, TRACE_HEADER_BYTES

if TYPE_CHECKING:
    import xarray

FORMAT_CODES = {"ieee": 5, "ibm": 1}
DIMS = ("iline", "xline", "twt")
MAX_INT16 = 2**15 - 1
MAX_INT32 = 2**31 - 1
TIME_TOLERANCE_US = 0.25  # float32 times of several seconds are off by less
XY_SCALARS = (-100, -10, 1)  # centimetres first
TIME_SCALARS = (1, -10, -100, -1000, 10, 100, 1000)


@dataclass(frozen=True, slots=True)
class _Axes:
    """What the headers need: line numbers, time in integers, scaled coordinates."""

    iline: NDArray[np.int64]
    xline: NDArray[np.int64]
    n_samples: int
    dt_us: int
    delay: int
    time_scalar: int
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    xy_scalar: int
    has_xy: bool


def to_segy(
    ds: xarray.Dataset | xarray.DataArray,
    path: Path | str,
    variable: str = "seismic",
    format: str = "ieee",
    *,
    angle: float | None = None,
) -> None:
    """Write one variable as a post-stack SEG-Y file, atomically.

    Inline, crossline, CDP X and Y go to bytes 189, 193, 181, 185; coordinates are rounded
    to the centimetre (scalar -100) where that fits 32 bits, to 10 cm or 1 m where not; the
    first time goes to bytes 109-110 of every trace with the scalar of bytes 215-216. What
    the file cannot hold is refused, nothing is repaired.

    Parameters
    ----------
    ds : dims (iline, xline, twt); coordinates iline, xline (integers), twt (s, even steps of
    whole microseconds) and, both or neither, cdp_x, cdp_y (iline, xline) in metres.
    path : file to write; an existing one is replaced only when the new one is complete.
    variable : name in the Dataset; ignored for a DataArray.
    format : "ieee" (exact for float32) or "ibm" (truncated to 21..24 bits: off by
    less than 1e-6 of a value).
    angle : which angle in degrees of a variable with an `angle` dimension.

    Raises
    ------
    ConfigError : unknown variable, format or angle. ShapeError : wrong dims or axes.
    OutputError : values or axes that SEG-Y cannot hold, or the path cannot be written.

    Examples
    --------
    >>> to_segy(ds, "seismic.sgy")  # doctest: +SKIP
    """
    require(format in FORMAT_CODES, f"format is {format!r}, wanted 'ieee' or 'ibm'")
    block = _select(ds, variable, angle)
    name = str(block.name or variable)
    axes = _check_axes(block, name)
    samples = _check_samples(block, name)
    facts = dict(ds.attrs) | dict(block.attrs)
    if "angle" in block.coords:
        facts["angle"] = float(block["angle"])
    text = _text_header(name, format, axes, facts)
    with atomic_path(path) as temporary:
        try:
            _write(temporary, samples, axes, FORMAT_CODES[format], text)
            wanted = HEAD_BYTES + samples.shape[0] * (TRACE_HEADER_BYTES + 4 * axes.n_samples)
            got = temporary.stat().st_size
        except OSError:
            raise
        except RuntimeError as exc:  # segyio's name for a failed write
            raise OutputError(f"cannot write {path}: {exc}; is the disk full?") from exc
        require(got == wanted, f"cannot write {path}: {got} of {wanted} bytes were stored;"
                " is the disk full?", OutputError)


def _select(
    ds: xarray.Dataset | xarray.DataArray, variable: str, angle: float | None
) -> xarray.DataArray:
    """Return the variable with dims (iline, xline, twt)."""
    import xarray

    if isinstance(ds, xarray.Dataset):
        names = sorted(str(n) for n in ds.data_vars)
        require(variable in ds.data_vars,
                f"no variable {variable!r}, wanted one of {', '.join(names)}")
        block = ds[variable]
    else:
        block = ds
    if "angle" in block.dims:
        angles = [float(a) for a in block["angle"].values]
        require(angle is not None and float(angle) in angles,
                f"angle is {angle!r}, wanted one of {angles}; pass angle=")
        block = block.isel(angle=angles.index(float(angle or 0.0)))
    elif angle is not None:
        require("angle" in block.coords and float(block["angle"]) == angle,
                f"angle is {angle!r}, but {variable!r} has no angle dimension; leave angle= out")
    if block.dims != DIMS:
        raise ShapeError(f"{block.name or variable} has axes {block.dims}, expected {DIMS};"
                         " call ds.transpose('iline', 'xline', 'twt')")
    require(min(block.shape) >= 1 and block.shape[2] >= 2,
            f"{block.name or variable} has shape {block.shape}, wanted at least one trace of 2"
            " samples", ShapeError)
    return block


def _check_samples(block: xarray.DataArray, name: str) -> NDArray[np.float32]:
    """Return the samples as float32 (n_traces, n_twt); refuse what would change."""
    values = block.values
    if values.dtype.kind not in "fiub":
        raise OutputError(f"{name} is of type {values.dtype}, wanted numbers")
    is_bad = ~np.isfinite(values)
    if is_bad.any():
        first = tuple(int(i) for i in np.argwhere(is_bad)[0])
        raise OutputError(f"{name} holds {int(is_bad.sum())} NaN or infinite samples, first at"
                          f" (iline, xline, twt) index {first}; SEG-Y has no gaps: select a"
                          " window without them, or fill them yourself")
    with np.errstate(over="ignore"):
        samples = np.ascontiguousarray(values, dtype=np.float32)
    if values.dtype != np.float32:
        is_changed = samples.astype(values.dtype if values.dtype.kind == "f" else np.float64) \
            != values
        if is_changed.any():
            first = tuple(int(i) for i in np.argwhere(is_changed)[0])
            raise OutputError(f"{name} is {values.dtype} and does not fit float32 exactly, first"
                              f" at index {first}; call .astype('float32') if rounding is wanted")
    return samples.reshape(-1, samples.shape[2])


def _check_axes(block: xarray.DataArray, name: str) -> _Axes:
    """Turn coordinates into header integers; refuse what they cannot hold."""
    iline, xline = (_lines(block, dim) for dim in ("iline", "xline"))
    n_samples = block.shape[2]
    require(n_samples <= MAX_INT16, f"{name} has {n_samples} samples a trace, SEG-Y revision 1"
            f" holds at most {MAX_INT16}; write a shorter window", OutputError)
    dt_us, t0_us = _time(block)
    delay, time_scalar = _delay(t0_us)
    shape = block.shape[:2]
    has_xy = [n in block.coords for n in ("cdp_x", "cdp_y")]
    require(has_xy[0] == has_xy[1], "only one of cdp_x and cdp_y is given, wanted both or"
            " neither", ShapeError)
    x = y = np.zeros(shape)
    if has_xy[0]:
        x, y = (_coordinate(block, n) for n in ("cdp_x", "cdp_y"))
    scalar = next((s for s in XY_SCALARS if _fits(x, s) and _fits(y, s)), None)
    if scalar is None:
        raise OutputError(f"coordinates up to {max(np.abs(x).max(), np.abs(y).max()):.6g} m do not"
                          f" fit 32 bits, wanted at most {MAX_INT32} m; subtract an origin")
    unit = 1 if scalar > 0 else -scalar
    return _Axes(iline, xline, n_samples, dt_us, delay, time_scalar,
                 np.rint(x * unit).astype(np.int64), np.rint(y * unit).astype(np.int64),
                 scalar, has_xy[0])


def _lines(block: xarray.DataArray, dim: str) -> NDArray[np.int64]:
    """Return line numbers as integers."""
    require(dim in block.coords, f"coordinate {dim} is missing, wanted its line numbers",
            ShapeError)
    numbers = np.asarray(block[dim].values)
    is_whole = numbers.dtype.kind in "iu" or (
        numbers.dtype.kind == "f" and bool((numbers == np.rint(numbers)).all()))
    require(is_whole and bool((np.abs(numbers.astype(np.float64)) <= MAX_INT32).all()),
            f"{dim} numbers are {numbers[:3].tolist()}..., wanted 32-bit integers", ShapeError)
    whole = numbers.astype(np.int64)
    require(len(np.unique(whole)) == len(whole), f"{dim} numbers repeat, wanted each once",
            ShapeError)
    return whole


def _time(block: xarray.DataArray) -> tuple[int, int]:
    """Return the sample interval and the first time in whole microseconds."""
    require("twt" in block.coords, "coordinate twt is missing, wanted times in seconds",
            ShapeError)
    times_us = np.asarray(block["twt"].values, np.float64) * 1e6
    require(bool(np.isfinite(times_us).all()), "twt holds NaN, wanted times in seconds",
            ShapeError)
    n = len(times_us)
    step = float(times_us[-1] - times_us[0]) / (n - 1)
    misfit = np.abs(times_us - times_us[0] - step * np.arange(n))
    require(bool(misfit.max() <= TIME_TOLERANCE_US) and step > 0,
            f"twt is not evenly spaced (off by {misfit.max():.3g} us at sample"
            f" {int(misfit.argmax())}, step {step:.6g} us), wanted equal steps above 0",
            ShapeError)
    dt_us, t0_us = round(step), round(float(times_us[0]))
    require(abs(step - dt_us) * (n - 1) <= 2 * TIME_TOLERANCE_US and 1 <= dt_us <= MAX_INT16,
            f"the sample interval is {step:.6g} us, SEG-Y holds whole microseconds from 1 to"
            f" {MAX_INT16}; use another interval", OutputError)
    require(abs(times_us[0] - t0_us) <= TIME_TOLERANCE_US,
            f"twt starts at {times_us[0]:.6g} us, SEG-Y holds whole microseconds", OutputError)
    return dt_us, t0_us


def _delay(t0_us: int) -> tuple[int, int]:
    """Return delay and its scalar (bytes 109-110, 215-216) for a first time."""
    for scalar in TIME_SCALARS:
        up, down = (1, scalar) if scalar > 0 else (-scalar, 1)
        value, rest = divmod(t0_us * up, 1000 * down)
        if rest == 0 and abs(value) <= MAX_INT16:
            return value, scalar
    raise OutputError(f"twt starts at {t0_us} us, which 16 bits and a scalar cannot hold"
                      " (bytes 109-110, 215-216); start at a whole millisecond below 32.767 s")


def _coordinate(block: xarray.DataArray, name: str) -> NDArray[np.float64]:
    """Return a coordinate grid of shape (n_iline, n_xline)."""
    grid = block[name]
    if grid.dims != DIMS[:2]:
        raise ShapeError(f"{name} has axes {grid.dims}, expected ('iline', 'xline')")
    values = np.asarray(grid.values, np.float64)
    is_bad = ~np.isfinite(values)
    if is_bad.any():
        first = tuple(int(i) for i in np.argwhere(is_bad)[0])
        raise OutputError(f"{name} is not finite at index {first}, wanted metres at every trace;"
                          f" fill it in, or drop it: ds.drop_vars(['cdp_x', 'cdp_y'])")
    return values


def _fits(values: NDArray[np.float64], scalar: int) -> bool:
    unit = 1 if scalar > 0 else -scalar
    return bool(np.abs(values).max() * unit < MAX_INT32)


def _text_header(name: str, format: str, axes: _Axes, facts: dict[str, Any]) -> str:
    """Return 40 lines of 80 characters: what the file holds and where."""
    from segyio.tools import create_text_header

    scale = {-100: "centimetres", -10: "decimetres", 1: "metres"}[axes.xy_scalar]
    unit = facts.get("units") or "none"
    names = ("lithogen_version", "package_version", "version")
    version = next((facts[n] for n in names if n in facts), "not given")
    polarity = "not given (lithogen's own: impedance increase is positive)"
    lines = [
        f"lithogen: {name}" + (f", angle {facts['angle']:g} degrees" if "angle" in facts else ""),
        f"Unit: {unit}   Samples: {format.upper()} float 4 bytes, big endian",
        f"Inlines: {axes.iline[0]}..{axes.iline[-1]} ({len(axes.iline)}), bytes 189-192",
        f"Crosslines: {axes.xline[0]}..{axes.xline[-1]} ({len(axes.xline)}), bytes 193-196",
        f"CDP X: bytes 181-184   CDP Y: bytes 185-188   in {scale}, scalar bytes 71-72"
        if axes.has_xy else "Coordinates: none",
        f"Two-way time: {axes.n_samples} samples of {axes.dt_us} us, bytes 115-118",
        f"First sample: delay {axes.delay}, bytes 109-110, scalar {axes.time_scalar},"
        " bytes 215-216 (ms)",
        f"Polarity: {facts.get('polarity', polarity)}",
        f"Package version: {version}",
        f"Seed: {facts.get('seed', 'not given')}   Origin: {facts.get('origin', 'not given')}",
    ]
    if "flag_meanings" in facts:
        meanings = str(facts["flag_meanings"]).split()
        values = np.ravel(facts.get("flag_values", np.arange(len(meanings)))).tolist()
        words = "Classes: " + " ".join(
            f"{v}={m}" for v, m in zip(values, meanings, strict=False))
        lines += [words[k : k + 76] for k in range(0, min(len(words), 76 * 8), 76)]
    ascii_lines = [" ".join(t.split()).encode("ascii", "replace").decode()[:76] for t in lines]
    numbered = dict(enumerate(ascii_lines, start=1)) | {39: "SEG Y REV1", 40: "END TEXTUAL HEADER"}
    return str(create_text_header(numbered))


def _write(
    path: Path, samples: NDArray[np.float32], axes: _Axes, code: int, text: str
) -> None:
    """Write through segyio, headers and samples trace by trace; no writable memory map."""
    import segyio

    spec = segyio.spec()
    spec.format = code
    spec.samples = np.arange(axes.n_samples) * (axes.dt_us / 1e3)
    spec.tracecount = len(samples)
    n_x = len(axes.xline)
    with segyio.create(str(path), spec) as file:
        file.text[0] = text
        file.bin.update({
            3201: 1, 3205: 1, 3213: n_x if n_x <= MAX_INT16 else 0, 3217: axes.dt_us,
            3219: axes.dt_us, 3221: axes.n_samples, 3223: axes.n_samples, 3225: code,
            3229: 4, 3255: 1, 3503: 1, 3505: 0,
        })
        # two separate bytes in segyio 1.9: update(rev=256) would store revision 0
        file.bin[3501] = 1
        file.bin[3502] = 0
        same = {29: 1, 71: axes.xy_scalar, 89: 1, 109: axes.delay, 115: axes.n_samples,
                117: axes.dt_us, 215: axes.time_scalar}
        for k, trace in enumerate(samples):
            i, j = divmod(k, n_x)
            x, y = int(axes.x[i, j]), int(axes.y[i, j])
            file.header[k] = same | {
                1: k + 1, 5: k + 1, 21: k + 1, 73: x, 77: y, 181: x, 185: y,
                189: int(axes.iline[i]), 193: int(axes.xline[j]),
            }
            # a copy: segyio encodes in the caller's buffer and decodes it back, which
            # would leave IBM-rounded values in the Dataset
            file.trace[k] = trace.copy()
