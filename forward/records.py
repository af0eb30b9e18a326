"""Records of a survey that are fit to be measured; others are refused, or left out and counted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from forward.checks import check_dt
from lithogen.errors import CalibrationError, require

Floats = NDArray[np.float64]
WINDOW_S = 0.512
MIN_PAIRS = 8
# Clipped records pile up at their largest value; a live record meets it once or twice.
MAX_CLIPPED = 0.002
_WANTED = "wanted an array (..., n_twt) of numbers, traces adjacent along its last but one axis"


def as_traces(seismic: Any, dt_s: float | None) -> tuple[NDArray[Any], float, float]:
    """Return traces (..., twt), dt and first time of an array or of a DataArray with twt."""
    if hasattr(seismic, "dims") and hasattr(seismic, "coords"):
        require(
            "twt" in seismic.dims and "twt" in seismic.coords,
            f"seismic has dimensions {tuple(seismic.dims)}, wanted one named 'twt' with "
            "coordinates in seconds",
            CalibrationError,
        )
        step = np.diff(np.asarray(seismic.coords["twt"], dtype=np.float64))
        require(
            step.size > 0 and bool(np.allclose(step, step[0], rtol=1e-3)) and bool(step[0] > 0),
            "the twt coordinate of seismic is not uniform and increasing",
            CalibrationError,
        )
        found = float(np.median(step))
        require(
            dt_s is None or abs(found - dt_s) < 1e-3 * found,
            f"dt_s is {dt_s}, but the twt coordinate has a step of {found:g} s; leave out dt_s",
            CalibrationError,
        )
        first_s = float(np.asarray(seismic.coords["twt"], dtype=np.float64)[0])
        return np.asarray(seismic.transpose(..., "twt")), check_dt(round(found, 9)), first_s
    require(dt_s is not None, "dt_s is missing; give the sample interval in seconds")
    return np.asarray(seismic), check_dt(float(dt_s or 0.0)), 0.0


def live_lines(traces: NDArray[Any], dt_s: float) -> tuple[list[Floats], int, list[str]]:
    """Return runs of adjacent live traces (n, n_twt), common dead ends cut, first sample, notes."""
    require(
        traces.ndim >= 2 and traces.dtype.kind in "fiu",
        f"seismic has shape {traces.shape} and type {traces.dtype}, {_WANTED}",
        CalibrationError,
    )
    n_twt = traces.shape[-1]
    size = round(WINDOW_S / dt_s)
    require(
        n_twt >= size,
        f"seismic has {n_twt} samples ({n_twt * dt_s:.3g} s) a trace, too short for a spectrum: "
        f"wanted {size} or more ({WINDOW_S} s)",
        CalibrationError,
    )
    rows = traces.reshape(-1, n_twt)
    is_finite = np.isfinite(rows).all(axis=1)
    require(
        bool(is_finite.any()),
        "every trace of seismic holds non-finite samples; cut it to where it is filled",
        CalibrationError,
    )
    is_live = is_finite & (np.abs(np.where(is_finite[:, None], rows, 0)).max(axis=1) > 0)
    require(bool(is_live.any()), "seismic is dead: every trace is zero", CalibrationError)
    is_used = np.mean(rows[is_live] != 0, axis=0) > 0.5
    first, last = int(is_used.argmax()), n_twt - int(is_used[::-1].argmax())
    require(
        last - first >= size,
        f"seismic is live over {last - first} samples only, wanted {size} or more ({WINDOW_S} s)",
        CalibrationError,
    )
    notes = [f"{int(is_live.sum())} of {len(rows)} traces used"]
    if not is_live.all():
        n_gap = int((~is_finite).sum())
        n_dead = len(rows) - n_gap - int((is_live).sum())
        notes.append(f"left out: {n_gap} traces with non-finite samples, {n_dead} dead traces")
    notes.append(f"samples {first} to {last - 1} of {n_twt} used (live in most traces)")
    lines = []
    flags = is_live.reshape(-1, traces.shape[-2]) if traces.shape[-2] else is_live[None]
    for line, flag in zip(rows.reshape(-1, *traces.shape[-2:]), flags, strict=True):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], flag.astype(int), [0]])))
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            if stop - start >= 2:
                lines.append(line[start:stop, first:last].astype(np.float64))
    n_pairs = sum(len(line) - 1 for line in lines)
    require(
        n_pairs >= MIN_PAIRS,
        f"seismic has {n_pairs} pairs of adjacent live traces, wanted {MIN_PAIRS} or more to tell "
        "signal from noise",
        CalibrationError,
    )
    return lines, first, notes


def refuse_clipped(lines: list[Floats]) -> None:
    """Refuse records whose samples pile up at the largest value."""
    peak = max(float(np.abs(line).max()) for line in lines)
    n_sample = sum(line.size for line in lines)
    n_peak = sum(int((np.abs(line) >= peak).sum()) for line in lines)
    require(
        n_peak <= max(MAX_CLIPPED * n_sample, 4),
        f"{100 * n_peak / n_sample:.1f} % of the samples of seismic stand at the largest value "
        f"{peak:g}: the record is clipped; use the record before clipping",
        CalibrationError,
    )


def trace_at(traces: NDArray[Any], place: tuple[int, ...]) -> Floats:
    """Return the trace that a well sits at, float64."""
    lead = traces.shape[:-1]
    is_inside = len(place) == len(lead) and all(
        0 <= i < n for i, n in zip(place, lead, strict=True))
    require(is_inside, f"trace of the well is {place}, wanted indices into {lead}",
            CalibrationError)
    trace = np.asarray(traces[place], dtype=np.float64)
    require(bool(np.isfinite(trace).all() and trace.any()),
            f"trace {place} of the well is dead or not finite", CalibrationError)
    return trace
