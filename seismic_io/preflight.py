"""`inspect`: look at a SEG-Y file without loading it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seismic_io.geometry import (
    Geometry,
    TimeAxis,
    check_lengths,
    find_geometry,
    find_time_axis,
)
from seismic_io.layout import (
    FORMATS,
    TEXT_BYTES,
    Layout,
    check_file,
    decode_text,
    has_layout_stanza,
    parse_layout,
    read_head,
)
from seismic_io.report import Problem, Report
from seismic_io.sources import Headers, RawSource, ibm_to_float32, position_fields

SAMPLED_TRACES = 1024
SAMPLED_BYTES = 64 * 2**20
NULL_LIKE = 1e29
MIN_DISTINCT = 1000  # distinct values below which a format guess is not made
MAX_UNNORMALISED = 0.01


def inspect(path: Path | str) -> Report:
    """Describe a SEG-Y file: layout, time axis, geometry, doubts; the cube is not loaded.

    All trace headers are read, and at most 1024 traces (64 MiB), evenly spread; dead and
    non-finite traces are counted among those. Bad data never raises: it is described in
    `Report.problems`. Bytes 189, 193, 181 and 185 are read for the geometry.

    Parameters
    ----------
    path : file to look at.

    Returns
    -------
    The report; `Report.is_readable` says whether `open_segy` takes the file as it is.

    Raises
    ------
    SegyError : the path cannot be read at all: missing, a folder, a device, no permission.

    Examples
    --------
    >>> inspect("survey.sgy").is_readable  # doctest: +SKIP
    True
    """
    file = check_file(path)
    layout, problems = parse_layout(file)
    head = read_head(file)
    text, encoding = decode_text(head[:TEXT_BYTES]) if head else ("", None)
    if layout is None:
        return Report(str(path), file.stat().st_size, text_encoding=encoding, text=text,
                      problems=tuple(problems))
    known = {
        "path": str(path), "size_bytes": layout.size_bytes, "endian": layout.endian,
        "format_code": layout.format_code,
        "format_name": FORMATS[layout.format_code][0] if layout.format_code in FORMATS
        else "unknown",
        "revision": layout.revision, "text_encoding": encoding, "text": text,
        "n_extended_headers": layout.n_text_headers, "n_trace_headers": layout.n_trace_headers,
        "n_traces": layout.n_traces, "n_samples": layout.n_samples,
        "dt_binary_us": layout.dt_us,
    }
    if any(p.severity == "error" for p in problems):
        return Report(**known, problems=tuple(problems))  # type: ignore[arg-type]
    return _full_report(layout, known, problems)


def _full_report(layout: Layout, known: dict[str, object], problems: list[Problem]) -> Report:
    """Add what the trace headers and a sample of the traces say."""
    source = RawSource(layout)
    headers = source.headers(position_fields(189, 193, 181, 185))
    finding = examine(layout, headers)
    time, grid = finding.time, finding.grid
    n_dead, n_bad, n_sampled, doubts = _sample(layout, source)
    source.close()
    return Report(
        **known,  # type: ignore[arg-type]
        dt_trace_us=time.dt_trace_us, dt_s=time.dt_s, dt_source=time.dt_source,
        t0_s=time.t0_s, delay_ms=time.delay_ms, geometry=grid.kind,
        iline_range=_span(grid.iline) if grid.kind in ("2d", "3d") else None,
        xline_range=_span(grid.xline) if grid.kind in ("2d", "3d") else None,
        n_missing=int((grid.trace_index < 0).sum()), n_duplicate=len(grid.duplicates),
        n_sampled=n_sampled, n_dead=n_dead, n_non_finite=n_bad,
        x_range_m=_extent(grid.cdp_x), y_range_m=_extent(grid.cdp_y),
        xy_residual=grid.xy_residual,
        problems=tuple(problems + finding.problems + doubts),
    )


@dataclass(frozen=True, slots=True)
class Finding:
    """Grid, time axis and problems of one file."""

    grid: Geometry
    time: TimeAxis
    problems: list[Problem]


def examine(
    layout: Layout,
    headers: Headers,
    domain: str = "twt",
    sample_interval: float | None = None,
    delay: float | None = None,
) -> Finding:
    """Derive grid and time axis from the trace headers, with every problem.

    Parameters
    ----------
    layout, headers : as read; domain, sample_interval, delay : see `open_segy`.
    """
    problems = check_lengths(layout, headers)
    if layout.n_text_headers and has_layout_stanza(layout):
        problems.append(Problem(
            "warning", "layout", "an extended text header declares its own header layout",
            "standard byte positions", "standard bytes are read; pass iline=, xline=, cdp_x=,"
            " cdp_y= if they are elsewhere"))
    if layout.n_trace_headers > 1:
        problems.append(Problem(
            "warning", "trace_headers", f"{layout.n_trace_headers} headers a trace", "one",
            "only the first, standard header is read"))
    time, in_time = find_time_axis(layout, headers, domain, sample_interval, delay)
    grid, in_space = find_geometry(layout, headers)
    return Finding(grid, time, problems + in_time + in_space)


def _span(numbers: NDArray[np.int64]) -> tuple[int, int, int, int]:
    """Return first, last, step (0 where not constant) and count of line numbers."""
    steps = np.unique(np.diff(numbers))
    step = int(steps[0]) if len(steps) == 1 else 0
    return int(numbers[0]), int(numbers[-1]), step, len(numbers)


def _extent(grid: NDArray[np.float64] | None) -> tuple[float, float] | None:
    return None if grid is None else (float(np.nanmin(grid)), float(np.nanmax(grid)))


def _sample(layout: Layout, source: RawSource) -> tuple[int, int, int, list[Problem]]:
    """Read evenly spread traces; return dead, non-finite and read counts, and doubts."""
    fits = max(1, SAMPLED_BYTES // layout.trace_bytes)
    count = min(layout.n_traces, SAMPLED_TRACES, fits)
    which = np.unique(np.linspace(0, layout.n_traces - 1, count).astype(np.int64))
    words = source.raw_words(which)
    decoded = ibm_to_float32(words) if layout.format_code == 1 else words
    is_finite = np.isfinite(decoded)
    n_dead = int((decoded == 0).all(axis=1).sum())
    n_bad = int((~is_finite).any(axis=1).sum())
    problems = float_doubts(layout, words)
    if n_bad:
        problems.append(Problem("warning", "non_finite", f"{n_bad} of {len(which)} traces read"
                                " hold NaN or infinity", "finite samples",
                                "they are passed on as they are"))
    if n_dead:
        problems.append(Problem("warning", "dead", f"{n_dead} of {len(which)} traces read are"
                                " all zero", "live traces", "they are passed on as zeros"))
    largest = float(np.abs(decoded, where=is_finite, out=np.zeros(decoded.shape)).max())
    if largest > NULL_LIKE:
        problems.append(Problem("warning", "null", f"samples up to {largest:.3g}", "amplitudes",
                                "they look like a null value or a wrong sample format"))
    return n_dead, n_bad, len(which), problems


def float_doubts(layout: Layout, words: NDArray[np.uint32]) -> list[Problem]:
    """Doubt a float format whose bit patterns look like the other one.

    IBM floats are normalised: the four bits after sign and exponent are never all zero.
    In IEEE floats those bits are the last exponent bit and three mantissa bits, all zero
    for about 1 value in 12 (half of log2(9/8)). Fewer than 1000 distinct values: no verdict.

    Parameters
    ----------
    layout : gives the format; words : undecoded samples of some traces, any shape.
    """
    if layout.format_code not in (1, 5):
        return []
    bits = np.unique(words.view(np.uint32))
    bits = bits[(bits & 0x00FFFFFF) != 0]
    if len(bits) < MIN_DISTINCT:
        return []
    share = float(((bits & 0x00F00000) == 0).mean())
    if layout.format_code == 1 and share > MAX_UNNORMALISED:
        return [Problem("warning", "looks_ieee", f"format says IBM float, but {share:.1%} of the"
                        " values are not normalised IBM floats", "at most 1%",
                        "the samples may be IEEE floats (format 5); compare amplitudes")]
    if layout.format_code == 5 and share == 0.0:
        return [Problem("warning", "looks_ibm", "format says IEEE float, but every value is a"
                        " normalised IBM float", "a mix of bit patterns",
                        "the samples may be IBM floats (format 1); compare amplitudes")]
    return []
