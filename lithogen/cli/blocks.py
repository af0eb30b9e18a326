"""Files of a stored world that is too large for memory, made a block of inlines at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lithogen.config import atomic_path
from lithogen.errors import OutputError, require

if TYPE_CHECKING:
    import xarray as xr

BLOCK_BYTES = 128_000_000
# Spectra of more inlines than this differ by less than a line's width.
SPECTRUM_INLINES = 16
CODE_PAGE = "cp037"
TEXT_BYTES = 3200
# First bytes (from 0) of a trace's number in the line, in the file, and of its ensemble.
TRACE_NUMBERS = (0, 4, 20)
COORDINATE_SCALAR = slice(70, 72)
# Auxiliary traces per ensemble: segyio puts the number of traces there, a block's is wrong.
AUXILIARY_TRACES = slice(3214, 3216)


def inline_blocks(ds: xr.Dataset) -> Iterator[xr.Dataset]:
    """Yield a Dataset in blocks of inlines of at most 128 MB a variable, at least one inline."""
    n_line, n_xline, n_twt = (ds.sizes[d] for d in ("iline", "xline", "twt"))
    step = max(1, BLOCK_BYTES // (4 * n_xline * n_twt))
    for first in range(0, n_line, step):
        yield ds.isel(iline=slice(first, first + step))


def facies_shares(ds: xr.Dataset) -> dict[str, float]:
    """Return the share of every facies that occurs, by name."""
    names = str(ds.lithology.attrs["flag_meanings"]).split()
    flags = [int(v) for v in np.asarray(ds.lithology.attrs["flag_values"])]
    counts = np.zeros(max(flags) + 1, dtype=np.int64)
    for block in inline_blocks(ds):
        counts += np.bincount(block.lithology.values.ravel(), minlength=len(counts))
    return {name: float(counts[flag] / counts.sum())
            for name, flag in zip(names, flags, strict=True) if counts[flag] > 0}


def some_inlines(ds: xr.Dataset) -> xr.Dataset:
    """Return at most 16 inlines, evenly spread."""
    n_line = ds.sizes["iline"]
    return ds.isel(iline=np.unique(np.linspace(0, n_line - 1, SPECTRUM_INLINES).astype(int)))


def middle_inline(ds: xr.Dataset) -> xr.Dataset:
    """Return the middle inline and its neighbour, loaded."""
    middle = ds.sizes["iline"] // 2
    keep = [name for name in ds.data_vars if name != "angle_stack"]
    return ds[keep].isel(iline=slice(middle, middle + 2)).load()


def to_segy_by_blocks(ds: xr.Dataset, path: Path, variable: str) -> None:
    """Write the file that `seismic_io.to_segy` writes, but for the number of auxiliary traces
    in its binary header, with the memory of a block.

    Every block is written by `to_segy` to a file of its own; what a block cannot know (numbers
    of traces, range of inlines) is set when it is added to the whole.

    Parameters
    ----------
    ds : as for `to_segy`, read lazily. path : file to write. variable : which one.

    Raises
    ------
    OutputError, ShapeError, ConfigError : as `to_segy`.
    """
    import seismic_io

    lines = ds.iline.values
    n_done, scalar = 0, b""
    # Within its own folder, so that whatever fails leaves nothing behind.
    with atomic_path(path) as temporary:
        part = temporary.with_name(f"{temporary.name}.part")
        try:
            with open(temporary, "wb") as whole:
                for block in inline_blocks(ds[[variable]]):
                    seismic_io.to_segy(block, part, variable)
                    head, traces = _parts_of(part, ds.sizes["twt"])
                    mine = traces[0, COORDINATE_SCALAR].tobytes()
                    if n_done == 0:
                        whole.write(_with_lines(head, block.iline.values, lines))
                        scalar = mine
                    require(mine == scalar, f"coordinates of {path} need two scalars, wanted one; "
                            "subtract an origin", OutputError)
                    _number(traces, n_done)
                    whole.write(traces.tobytes())
                    n_done += len(traces)
        finally:
            part.unlink(missing_ok=True)


def _parts_of(path: Path, n_twt: int) -> tuple[bytes, NDArray[np.uint8]]:
    """Return the file's headers and its traces (n_traces, bytes), writable."""
    from seismic_io.layout import HEAD_BYTES, TRACE_HEADER_BYTES

    content = np.fromfile(path, dtype=np.uint8)
    traces = content[HEAD_BYTES:].reshape(-1, TRACE_HEADER_BYTES + 4 * n_twt)
    return content[:HEAD_BYTES].tobytes(), traces


def _number(traces: NDArray[np.uint8], n_before: int) -> None:
    """Count the traces from `n_before` + 1 on, in place."""
    numbers = (n_before + 1 + np.arange(len(traces))).astype(">i4")
    as_bytes = numbers.view(np.uint8).reshape(-1, 4)
    for first in TRACE_NUMBERS:
        traces[:, first : first + 4] = as_bytes


def _with_lines(head: bytes, mine: NDArray[np.int64], lines: NDArray[np.int64]) -> bytes:
    """Return the headers with the inlines of the whole file in their text, no auxiliary traces."""
    text = head[:TEXT_BYTES].decode(CODE_PAGE)
    cards = [text[k : k + 80] for k in range(0, TEXT_BYTES, 80)]
    before, after = (f"Inlines: {n[0]}..{n[-1]} ({len(n)})" for n in (mine, lines))
    cards = [card.replace(before, after).rstrip().ljust(80)[:80] for card in cards]
    out = bytearray("".join(cards).encode(CODE_PAGE) + head[TEXT_BYTES:])
    out[AUXILIARY_TRACES] = bytes(2)
    return bytes(out)
