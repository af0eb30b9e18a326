"""From trace headers to a grid: inlines, crosslines, coordinates, time axis.

Each function returns what it found and the problems; nothing is repaired.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seismic_io.layout import Layout
from seismic_io.report import Problem
from seismic_io.sources import Headers

Kind = Literal["3d", "2d", "prestack", "unknown"]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_STACKED = 0.9  # distinct positions a trace; fewer means gathers, not a few duplicates
MIN_FILL = 0.05  # below this share of occupied positions the numbers are no grid
MAX_GAP_GROWTH = 4  # whole missing lines may stretch an axis this many times
MAX_RESIDUAL = 0.1  # affine misfit of coordinates, share of the line spacing
FEET = 2
ANGLE_UNITS = (2, 3, 4)  # seconds of arc, degrees, degrees-minutes-seconds


@dataclass(frozen=True, slots=True)
class Geometry:
    """Grid of a file.

    Parameters
    ----------
    kind : "3d", "2d", "prestack" or "unknown".
    iline, xline : ascending line numbers, shapes (n_iline,), (n_xline,), int64.
    trace_index : trace at each position, shape (n_iline, n_xline), int64, -1 = missing.
    duplicates : traces that lost their position to an earlier one, int64.
    cdp_x, cdp_y : coordinates after the scalar, shape (n_iline, n_xline), float64, NaN
    where missing; None where the file has none.
    xy_residual : rms misfit of the best affine grid, in the file's unit; None if not fitted.
    notes : decisions worth recording with the data.
    """

    kind: Kind
    iline: Ints
    xline: Ints
    trace_index: Ints
    duplicates: Ints
    cdp_x: Floats | None
    cdp_y: Floats | None
    xy_residual: float | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Sample interval and first time.

    Parameters
    ----------
    dt_s, t0_s : seconds (metres for domain "depth"); None where they cannot be told.
    dt_source : header field or "override"; dt_trace_us : trace header value, 0 = none.
    delay_ms : delay of the trace headers after its scalar; None where traces differ.
    """

    dt_s: float | None
    t0_s: float | None
    dt_source: str | None
    dt_trace_us: int
    delay_ms: float | None


def scaled(value: Ints, scalar: Ints) -> Floats:
    """Apply a SEG-Y scalar: positive multiplies, negative divides, zero is one.

    Source: SEG-Y_r1, trace header bytes 71-72 and 215-216.
    """
    magnitude = np.where(scalar == 0, 1, np.abs(scalar)).astype(np.float64)
    return np.where(scalar < 0, value / magnitude, value * magnitude)


def find_geometry(layout: Layout, headers: Headers) -> tuple[Geometry, list[Problem]]:
    """Build the grid of a file from its trace headers.

    Parameters
    ----------
    layout : byte layout.
    headers : int64 arrays (n_traces,), at least those of `position_fields`.
    """
    il, xl = headers["iline"], headers["xline"]
    problems: list[Problem] = []
    notes: list[str] = []
    kind, why = _kind(headers)
    if kind == "3d":
        iline, note_i = _axis(il, "inline")
        xline, note_x = _axis(xl, "crossline")
        notes += note_i + note_x
        if len(il) / (len(iline) * len(xline)) < MIN_FILL:
            kind, why = "2d", (f"inline and crossline numbers fill less than {MIN_FILL:.0%} of"
                               " their grid")
    if kind != "3d":
        iline, xline = np.array([1]), np.arange(1, len(il) + 1)
        il, xl = np.ones_like(il), xline
    if kind == "2d":
        notes.append(f"opened as a 2-D line, xline is the trace number: {why}")
        problems.append(_warning("geometry", why, "numbers that form a grid", "the file opens as"
                                 " a 2-D line; pass iline= and xline= if they are elsewhere"))
    if kind == "prestack":
        problems.append(Problem("error", "prestack", f"the file is pre-stack: {why}",
                                "one trace a position", "stack it, or export one offset"))
    trace_index, duplicates = _index(il, xl, iline, xline)
    if len(duplicates):
        text = f"{len(duplicates)} traces repeat the position of an earlier trace"
        problems.append(_warning("duplicates", text, "one trace a position",
                                 "the first of each position is used"))
        notes.append(text + "; the first is used")
    if n_missing := int((trace_index < 0).sum()):
        problems.append(_warning("missing", f"{n_missing} of {trace_index.size} grid positions"
                                 " have no trace", "a full grid", "they are NaN in what is read"))
    cdp_x, cdp_y, residual, more = _coordinates(layout, headers, trace_index, kind)
    notes += [p.got for p in more]
    grid = Geometry(kind, iline, xline, trace_index, duplicates, cdp_x, cdp_y, residual,
                    tuple(notes))
    return grid, problems + more


def _warning(code: str, got: str, wanted: str, action: str) -> Problem:
    return Problem("warning", code, got, wanted, action)


def _kind(headers: Headers) -> tuple[Kind, str]:
    """Decide what the headers describe, and say why."""
    il, xl, offset = headers["iline"], headers["xline"], headers["offset"]
    n = len(il)
    is_offset_varying = bool(np.ptp(offset))
    if np.ptp(il) == 0 and np.ptp(xl) == 0 and (n > 1 or (il[0] == 0 and xl[0] == 0)):
        n_cdp = len(np.unique(headers["cdp"]))
        n_shots = len(np.unique(headers["field_record"]))
        if is_offset_varying and n_cdp <= n // 2:
            return "prestack", f"{len(np.unique(offset))} offsets at {n_cdp} CDP numbers"
        if 1 < n_shots <= n // 2 and n_cdp == 1:
            return "prestack", f"{n_shots} field records of several traces, no CDP numbers"
        return "2d", f"every trace has inline {il[0]} and crossline {xl[0]}"
    n_positions = _n_distinct(il, xl)
    is_repeating = n_positions <= MAX_STACKED * n
    if is_repeating and is_offset_varying and _n_distinct(il, xl, offset) > n_positions:
        return "prestack", f"{n} traces with differing offsets at {n_positions} positions"
    if is_repeating and np.ptp(np.unique(_row_ids(il, xl), return_counts=True)[1]) == 0:
        return "prestack", (f"{n // n_positions} traces at each of {n_positions} pairs of inline"
                            " and crossline number")
    if n_positions <= n // 2 and n > 2:
        return "2d", f"{n} traces share {n_positions} pairs of inline and crossline number"
    if n > 2 and len(np.unique(il)) == n and len(np.unique(xl)) == n:
        return "2d", "every trace has its own inline and its own crossline number"
    return "3d", ""


def _n_distinct(*columns: Ints) -> int:
    return int(_row_ids(*columns).max()) + 1


def _row_ids(*columns: Ints) -> Ints:
    """Return the rank of each row among the distinct rows; faster than unique(axis=...)."""
    rows = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        values, place = np.unique(column, return_inverse=True)
        rows = np.unique(rows * len(values) + place, return_inverse=True)[1]
    return rows


def _axis(numbers: Ints, name: str) -> tuple[Ints, list[str]]:
    """Return ascending line numbers; whole missing lines are put in if steps allow it."""
    unique = np.unique(numbers)
    if len(unique) < 3:
        return unique, []
    steps = np.diff(unique)
    step = int(np.gcd.reduce(steps))
    if (steps == step).all():
        return unique, []
    if int(unique[-1] - unique[0]) // step + 1 <= MAX_GAP_GROWTH * len(unique):
        full = np.arange(unique[0], unique[-1] + 1, step)
        return full, [f"{len(full) - len(unique)} whole {name}s are missing"]
    return unique, [f"{name} numbers have no constant step"]


def _index(il: Ints, xl: Ints, iline: Ints, xline: Ints) -> tuple[Ints, Ints]:
    """Return the trace at each position (-1 = none) and the traces left over."""
    row, column = np.searchsorted(iline, il), np.searchsorted(xline, xl)
    flat = row * len(xline) + column
    trace_index = np.full(len(iline) * len(xline), -1, np.int64)
    _, first = np.unique(flat, return_index=True)
    trace_index[flat[first]] = first
    lost = np.ones(len(il), bool)
    lost[first] = False
    return trace_index.reshape(len(iline), len(xline)), np.flatnonzero(lost)


def _coordinates(
    layout: Layout, headers: Headers, trace_index: Ints, kind: Kind
) -> tuple[Floats | None, Floats | None, float | None, list[Problem]]:
    """Place the scaled coordinates on the grid and fit an affine grid to them."""
    x = scaled(headers["cdp_x"], headers["xy_scalar"])
    y = scaled(headers["cdp_y"], headers["xy_scalar"])
    is_constant = len(x) > 1 and np.ptp(x) == 0 and np.ptp(y) == 0
    is_none = not (x.any() or y.any())
    if is_constant or is_none:
        got = "no coordinates in the headers" if is_none else (
            f"every trace has coordinates ({x[0]:g}, {y[0]:g})")
        return None, None, None, [_warning("coordinates", got, "coordinates of each trace",
                                           "pass cdp_x= and cdp_y= if they are elsewhere")]
    problems = []
    if np.isin(headers["xy_unit"], ANGLE_UNITS).any():
        problems.append(_warning("xy_unit", "the headers call coordinates angles (bytes 89-90)",
                                 "metres", "project them before measuring distances"))
    if layout.measurement == FEET:
        problems.append(_warning("feet", "lengths are in feet (bytes 3255-3256)", "metres",
                                 "coordinates are passed on in feet"))
    has_trace = trace_index >= 0
    grid_x = np.where(has_trace, x[trace_index], np.nan)
    grid_y = np.where(has_trace, y[trace_index], np.nan)
    residual = _misfit(grid_x, grid_y) if kind == "3d" else None
    if residual is not None and residual[0] > MAX_RESIDUAL * residual[1]:
        problems.append(_warning(
            "affine", f"coordinates miss a regular grid by {residual[0]:.3g} (rms)",
            f"at most {MAX_RESIDUAL:.0%} of the line spacing {residual[1]:.3g}",
            "check the coordinates; they are passed on as they are"))
    return grid_x, grid_y, None if residual is None else residual[0], problems


def _misfit(x: Floats, y: Floats) -> tuple[float, float] | None:
    """Return rms misfit of an affine map of indices, and the smaller line spacing."""
    rows, columns = np.nonzero(np.isfinite(x))
    if min(x.shape) < 2 or len(rows) < 4:
        return None
    design = np.stack([np.ones(len(rows)), rows, columns], axis=1)
    target = np.stack([x[rows, columns], y[rows, columns]], axis=1)
    target = target - target.mean(axis=0)
    fit, _, rank, _ = np.linalg.lstsq(design, target, rcond=None)
    if rank < 3:
        return None
    rms = float(np.sqrt(((design @ fit - target) ** 2).sum(axis=1).mean()))
    return rms, float(min(np.hypot(*fit[1]), np.hypot(*fit[2])))


def find_time_axis(
    layout: Layout, headers: Headers, domain: str, sample_interval: float | None,
    delay: float | None,
) -> tuple[TimeAxis, list[Problem]]:
    """Resolve sample interval and first time; conflicts are errors that name the override.

    Parameters
    ----------
    domain : "twt" or "depth"; the header interval is microseconds, so depth needs overrides.
    sample_interval, delay : overrides, seconds (metres for depth); None = take the headers.
    """
    problems: list[Problem] = []
    in_traces = np.unique(headers["dt_us"])
    in_traces = in_traces[in_traces != 0]
    trace_us = int(in_traces[0]) if len(in_traces) == 1 else 0
    dt_s = sample_interval
    source: str | None = "override"
    if sample_interval is None:
        dt_s, source, found = _header_interval(layout, in_traces, domain)
        problems += found
    delays = np.unique(np.round(scaled(headers["delay"], headers["time_scalar"]), 6))
    delay_ms = float(delays[0]) if len(delays) == 1 else None
    t0_s = delay
    if delay is None and delay_ms is not None:
        t0_s = delay_ms / 1e3
        if domain == "depth" and delay_ms:
            problems.append(_override("delay", f"a delay of {delay_ms:g} ms in a depth file",
                                      "the depth of the first sample", "delay=METRES"))
    elif delay is None:
        problems.append(_override("delay", f"delays from {delays[0]:g} to {delays[-1]:g} ms"
                                  " (bytes 109-110)", "one delay for all traces",
                                  "delay=SECONDS"))
    return TimeAxis(dt_s, t0_s, source, trace_us, delay_ms), problems


def _override(code: str, got: str, wanted: str, name: str) -> Problem:
    return Problem("error", code, got, wanted, f"pass {name} to open_segy")


def _header_interval(
    layout: Layout, in_traces: Ints, domain: str
) -> tuple[float | None, str | None, list[Problem]]:
    """Return dt in seconds and its source from the headers, or the conflict."""
    name = "sample_interval=SECONDS"
    if domain == "depth":
        return None, None, [_override("interval", "the header interval of a depth file has no"
                                      " fixed unit", "an explicit interval",
                                      "sample_interval=METRES")]
    if layout.dt_us < 0 or (in_traces < 0).any():
        return None, None, [_override("interval", f"a negative sample interval (binary header"
                                      f" {layout.dt_us}, trace headers {in_traces[:3].tolist()})",
                                      "microseconds above 0", name)]
    if len(in_traces) > 1:
        return None, None, [_override("interval", f"{len(in_traces)} sample intervals in the trace"
                                      f" headers, {in_traces[0]}..{in_traces[-1]} us",
                                      "one interval", name)]
    trace_us = int(in_traces[0]) if len(in_traces) else 0
    given = {k: v for k, v in (("binary", layout.dt_extended_us or layout.dt_us),
                               ("trace", trace_us)) if v}
    if not given:
        return None, None, [_override("interval", "no sample interval in the binary header or the"
                                      " trace headers", "one above 0", name)]
    if len(set(given.values())) > 1:
        return None, None, [_override("interval", f"sample interval {layout.dt_us} us in the binary"
                                      f" header, {trace_us} us in the trace headers",
                                      "the same in both", name)]
    return next(iter(given.values())) / 1e6, "+".join(given), []


def check_lengths(layout: Layout, headers: Headers) -> list[Problem]:
    """Compare the sample counts of the trace headers with the binary header."""
    counts = np.unique(headers["n_samples"] & 0xFFFF)
    counts = counts[counts != 0]
    if not len(counts) or (len(counts) == 1 and counts[0] == layout.n_samples):
        return []
    got = f"trace headers say {counts[0]}..{counts[-1]} samples, the binary header" \
          f" {layout.n_samples}"
    if len(counts) > 1 and not layout.is_fixed_length:
        return [Problem("error", "varying", got, "traces of one length",
                        "the trace headers are damaged, or traces vary in length; export the"
                        " file with fixed-length traces")]
    return [_warning("lengths", got, "the same in both",
                     "the binary header is used: it explains the size of the file")]
