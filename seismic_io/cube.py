"""`open_segy` and `SegyCube`: a SEG-Y file as a grid of traces."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import ResourceError, SegyError, require
from lithogen.grid import Window
from seismic_io.geometry import FEET
from seismic_io.layout import TEXT_BYTES, Layout, check_file, decode_text, parse_layout, read_head
from seismic_io.preflight import Finding, examine, float_doubts
from seismic_io.quality import Quality, measure_quality
from seismic_io.report import Problem
from seismic_io.sources import (
    RawSource,
    Traces,
    TraceSource,
    open_source,
    position_fields,
)

if TYPE_CHECKING:
    import xarray

DOMAINS = ("twt", "depth")
FULL = slice(None)
SAMPLED_TRACES = 32
SampleRange = slice  # the class below has a method named slice


def open_segy(
    path: Path | str,
    *,
    domain: str = "twt",
    iline: int = 189,
    xline: int = 193,
    cdp_x: int = 181,
    cdp_y: int = 185,
    sample_interval: float | None = None,
    delay: float | None = None,
    endian: str = "auto",
) -> SegyCube:
    """Open a post-stack SEG-Y file; only headers are read.

    Parameters
    ----------
    path : file.
    domain : "twt" or "depth". A file does not say which; for "depth" give
    `sample_interval` (and `delay`) in metres.
    iline, xline, cdp_x, cdp_y : first byte of these 4-byte trace header fields.
    sample_interval : overrides the headers, seconds (metres for depth), > 0.
    delay : time of the first sample, overrides the headers, seconds (metres for depth).
    endian : "auto", "big" or "little".

    Returns
    -------
    The cube; use it in a `with` block or call `close`. A file whose inline and crossline
    numbers form no grid opens as a 2-D line: one inline, crosslines 1..n in file order.

    Raises
    ------
    SegyError : not SEG-Y, damaged, pre-stack, or headers that contradict each other; the
    message is one line and names the override where there is one.

    Examples
    --------
    >>> with open_segy("survey.sgy") as cube:  # doctest: +SKIP
    ...     section = cube.inline(362)
    """
    require(domain in DOMAINS, f"domain is {domain!r}, wanted 'twt' or 'depth'", SegyError)
    _check_overrides(domain, sample_interval, delay)
    fields = position_fields(iline, xline, cdp_x, cdp_y)
    file = check_file(path)
    layout, problems = parse_layout(file, endian)
    for problem in problems:
        require(problem.severity != "error", f"{path}: {problem.line()}", SegyError)
    if layout is None:
        raise SegyError(f"{path} has no SEG-Y layout; name a SEG-Y file")
    source = open_source(layout)
    try:
        finding = examine(layout, source.headers(fields), domain, sample_interval, delay)
        for problem in finding.problems:
            require(problem.severity != "error", f"{path}: {problem.line()}", SegyError)
        notes = tuple(p.line() for p in problems + _format_doubts(layout))
        return SegyCube(layout, source, finding, domain=domain, notes=notes)
    except BaseException:
        source.close()
        raise


def _format_doubts(layout: Layout) -> list[Problem]:
    """Look at a few traces for samples of another float format than the header says."""
    count = min(layout.n_traces, SAMPLED_TRACES)
    which = np.unique(np.linspace(0, layout.n_traces - 1, count).astype(np.int64))
    raw = RawSource(layout)
    doubts = float_doubts(layout, raw.raw_words(which))
    raw.close()
    return doubts


def _check_overrides(domain: str, interval: float | None, delay: float | None) -> None:
    """Refuse overrides that cannot be seconds or metres."""
    limit, unit, example = (1.0, "seconds", 0.004) if domain == "twt" else (1e4, "metres", 5.0)
    if interval is not None and not 0 < interval < limit:
        raise SegyError(f"sample_interval is {interval!r}, wanted {unit} above 0 and below"
                        f" {limit:g}, e.g. {example}")
    if delay is not None and not (np.isfinite(delay) and abs(delay) < 1e5):
        raise SegyError(f"delay is {delay!r}, wanted {unit}, e.g. 0.0")


class SegyCube:
    """A SEG-Y file on its grid; made by `open_segy`. Reading threads need a cube each.

    Attributes
    ----------
    path, text : the file and its decoded text header.
    shape : (n_iline, n_xline, n_twt).
    iline, xline : ascending line numbers, int64, shapes (n_iline,) and (n_xline,).
    twt : sample times in seconds (depths in metres), float64, shape (n_twt,).
    dt_s : sample interval, same unit.
    cdp_x, cdp_y : coordinates, float64 (n_iline, n_xline), NaN where missing, or None.
    trace_index : trace at each position, int64 (n_iline, n_xline), -1 = missing.
    kind : "3d" or "2d"; notes : decisions made on opening, one line each.
    attrs : facts that `to_xarray` stores with the data.
    """

    def __init__(
        self,
        layout: Layout,
        source: TraceSource,
        finding: Finding,
        *,
        domain: str,
        notes: tuple[str, ...] = (),
    ) -> None:
        grid, time = finding.grid, finding.time
        if time.dt_s is None or time.t0_s is None:
            raise SegyError(f"{layout.path} has no time axis; pass sample_interval= and delay=")
        self._layout, self._source, self._domain = layout, source, domain
        self._is_open = True
        self.path = layout.path
        self.text = decode_text(read_head(layout.path)[:TEXT_BYTES])[0]
        self.shape = (len(grid.iline), len(grid.xline), layout.n_samples)
        self.iline, self.xline, self.trace_index = grid.iline, grid.xline, grid.trace_index
        self.cdp_x, self.cdp_y, self.kind = grid.cdp_x, grid.cdp_y, grid.kind
        self.dt_s = time.dt_s
        self.twt = _axis(time.t0_s, time.dt_s, layout.n_samples)
        self.n_traces = layout.n_traces
        self._duplicates = grid.duplicates
        self._is_in_order = np.array_equal(grid.trace_index.ravel(), np.arange(layout.n_traces))
        warnings = tuple(p.line() for p in finding.problems)
        self.notes = tuple(dict.fromkeys(notes + grid.notes + warnings))
        self.attrs: Mapping[str, Any] = MappingProxyType(self._attrs(time.dt_source))

    def _attrs(self, dt_source: str | None) -> dict[str, Any]:
        """Return dataset attributes under segysak's names."""
        return {
            "source_file": self.path.name,
            "text": self.text,
            "ns": self.shape[2],
            "sample_rate": self.dt_s * (1e3 if self._domain == "twt" else 1.0),
            "sample_rate_unit": "ms" if self._domain == "twt" else "m",
            "sample_rate_source": dt_source or "",
            "measurement_system": {1: "m", 2: "ft"}.get(self._layout.measurement, ""),
            "vert_dimension": self._domain,
            "vert_domain": self._domain.upper(),
            "vert_domain_source": "assumed" if self._domain == "twt" else "argument",
            "d3_domain": self._domain.upper(),
            "geometry": self.kind,
            "srd": "",
            "coord_scaled": "yes" if self.cdp_x is not None else "no coordinates",
            "segy_format": self._layout.format_code,
            "segy_endian": self._layout.endian,
            "segy_notes": "\n".join(self.notes),
        }

    def __enter__(self) -> SegyCube:
        """Return the cube itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def __repr__(self) -> str:
        """Return path, kind and shape."""
        return f"SegyCube({str(self.path)!r}, {self.kind}, shape={self.shape})"

    def close(self) -> None:
        """Close the file; reading afterwards is refused. Closing twice is harmless."""
        if self._is_open:
            self._is_open = False
            self._source.close()

    def inline(self, number: int) -> Traces:
        """Return one inline, shape (n_xline, n_twt), NaN where a trace is missing.

        Raises
        ------
        SegyError : there is no such inline, or the cube is closed.
        """
        return self._lines(self.trace_index[_find(self.iline, number, "inline")], FULL)

    def crossline(self, number: int) -> Traces:
        """Return one crossline, shape (n_iline, n_twt), NaN where a trace is missing.

        Raises
        ------
        SegyError : there is no such crossline, or the cube is closed.
        """
        return self._lines(self.trace_index[:, _find(self.xline, number, "crossline")], FULL)

    def slice(self, twt_s: float) -> Traces:
        """Return one time slice, shape (n_iline, n_xline), NaN where a trace is missing.

        Parameters
        ----------
        twt_s : a sample time in seconds (metres for depth), within 1% of the interval.

        Raises
        ------
        SegyError : no sample lies there; the message names the nearest.
        """
        index = int(np.argmin(np.abs(self.twt - twt_s)))
        if not abs(self.twt[index] - twt_s) <= 0.01 * self.dt_s:
            raise SegyError(f"no sample at {twt_s}, wanted one of {self.twt[0]:g}.."
                            f"{self.twt[-1]:g} step {self.dt_s:g}; nearest is"
                            f" {self.twt[index]:.6g}")
        samples = self._reader().time_slice(index)
        if self._is_in_order:
            return samples.reshape(self.shape[:2])
        return np.where(self.trace_index < 0, np.float32(np.nan), samples[self.trace_index])

    def read(self, window: Window | None = None) -> Traces:
        """Return samples as float32 (iline, xline, twt), NaN where a trace is missing.

        Parameters
        ----------
        window : box in array indices of the grid, (0, 0, 0) first; None = everything.

        Raises
        ------
        ShapeError : the window leaves the grid. ResourceError : it does not fit in memory.
        """
        whole = Window((0, 0, 0), self.shape)
        window = whole if window is None else window
        rows, columns, samples = window.slices_in(whole)
        _check_memory(4 * window.size, window.shape)
        return self._lines(self.trace_index[rows, columns], samples)

    def traces(self) -> Traces:
        """Return every trace in file order, shape (n_traces, n_twt), duplicates included.

        Raises
        ------
        ResourceError : they do not fit in memory.
        """
        shape = (self.n_traces, self.shape[2])
        _check_memory(4 * shape[0] * shape[1], shape)
        return self._reader().traces(slice(0, self.n_traces), slice(0, self.shape[2]))

    def quality(self) -> Quality:
        """Read every trace once and return counts and masks, in bounded memory."""
        return measure_quality(self._reader(), self.trace_index, self._duplicates,
                               self.n_traces, self.shape[2])

    def to_xarray(self, window: Window | None = None) -> xarray.Dataset:
        """Return a Dataset with variable `seismic`, dims (iline, xline, twt or depth).

        Parameters
        ----------
        window : box in array indices of the grid; None = everything.

        Returns
        -------
        Coordinates iline, xline, twt (s) or depth (m), and cdp_x, cdp_y (iline, xline)
        where the file has them. `attrs["segy_notes"]` holds every doubt, one a line.
        """
        import xarray

        rows, columns, samples = (
            (FULL, FULL, FULL) if window is None
            else window.slices_in(Window((0, 0, 0), self.shape))
        )
        dims = ("iline", "xline", self._domain)
        unit = "s" if self._domain == "twt" else "m"
        length = "ft" if self._layout.measurement == FEET else "m"
        coords: dict[str, Any] = {
            "iline": self.iline[rows], "xline": self.xline[columns],
            self._domain: (self._domain, self.twt[samples], {"units": unit}),
        }
        for name, grid in (("cdp_x", self.cdp_x), ("cdp_y", self.cdp_y)):
            if grid is not None:
                coords[name] = (dims[:2], grid[rows, columns], {"units": length})
        return xarray.Dataset(
            {"seismic": (dims, self.read(window), {"long_name": "amplitude"})},
            coords=coords, attrs=dict(self.attrs) | {"ns": len(self.twt[samples])},
        )

    def _reader(self) -> TraceSource:
        require(self._is_open, f"{self.path} is closed; open it again with open_segy", SegyError)
        return self._source

    def _lines(self, index: NDArray[np.int64], samples: SampleRange) -> Traces:
        """Return the traces of a block of positions, NaN where there is none."""
        source = self._reader()
        flat = index.reshape(-1)
        samples = slice(*samples.indices(self.shape[2]))
        present = flat >= 0
        if present.all():
            found = source.traces(_as_slice(flat), samples)
        else:
            n_wanted = len(range(samples.start, samples.stop))
            found = np.full((len(flat), n_wanted), np.nan, np.float32)
            if present.any():
                found[present] = source.traces(_as_slice(flat[present]), samples)
        return found.reshape(*index.shape, -1)


def _axis(t0: float, dt: float, count: int) -> NDArray[np.float64]:
    """Return t0 + k * dt, rounded to the nanosecond so that 4 ms steps print as such."""
    return np.round(t0 + dt * np.arange(count), 9)


def _as_slice(index: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """Return a slice where the indices step evenly forward: readers are faster with it."""
    if len(index) == 1:
        return slice(int(index[0]), int(index[0]) + 1)
    steps = np.diff(index)
    if steps[0] > 0 and (steps == steps[0]).all():
        return slice(int(index[0]), int(index[-1]) + 1, int(steps[0]))
    return index


def _find(numbers: NDArray[np.int64], number: int, name: str) -> int:
    """Return the position of a line number."""
    found = np.flatnonzero(numbers == number)
    if not len(found):
        raise SegyError(f"no {name} {number}, wanted one of {numbers[0]}..{numbers[-1]}"
                        f" ({len(numbers)} lines); the numbers are in cube.iline, cube.xline")
    return int(found[0])


def _check_memory(n_bytes: int, shape: tuple[int, ...]) -> None:
    """Refuse a read larger than the machine's memory before it starts."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if n_bytes > 0.8 * total:
        raise ResourceError(
            f"{shape} samples need {n_bytes / 2**30:.1f} GiB, this machine has"
            f" {total / 2**30:.1f} GiB; read a smaller Window, or line by line")
