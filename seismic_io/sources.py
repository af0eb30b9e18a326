"""Traces and trace headers of one file: through segfast, or raw where segfast cannot.

Routing (measured on 434 MB): segfast's memory map serves headers, time slices and every
sample format but IBM; the memory-mapped segyio handle that segfast holds serves IBM
traces. `RawSource` reads what neither describes: several headers a trace, or extended
text headers without a count; `inspect` uses it because it must also read files that they
refuse.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import SegyError
from seismic_io.layout import FORMATS, TRACE_HEADER_BYTES, Layout, same_file

Headers = dict[str, NDArray[np.int64]]
Traces = NDArray[np.float32]
Selection = slice | NDArray[np.int64]

# name: (first byte counted from 1, bytes)
STANDARD_FIELDS: dict[str, tuple[int, int]] = {
    "field_record": (9, 4),
    "cdp": (21, 4),
    "trace_id": (29, 2),
    "offset": (37, 4),
    "xy_scalar": (71, 2),
    "xy_unit": (89, 2),
    "delay": (109, 2),
    "n_samples": (115, 2),
    "dt_us": (117, 2),
    "time_scalar": (215, 2),
}
CHUNK_TRACES = 65536


class TraceSource(Protocol):
    """What the cube needs from a file."""

    def headers(self, fields: Mapping[str, tuple[int, int]]) -> Headers:
        """Return one int64 array of shape (n_traces,) per field."""

    def traces(self, which: Selection, samples: slice) -> Traces:
        """Return float32 samples of shape (n_selected, n_wanted_samples)."""

    def time_slice(self, index: int) -> Traces:
        """Return float32 samples of shape (n_traces,) at one sample index."""

    def close(self) -> None:
        """Release the file."""


def position_fields(iline: int, xline: int, cdp_x: int, cdp_y: int) -> dict[str, tuple[int, int]]:
    """Return STANDARD_FIELDS plus the four positions asked for.

    Parameters
    ----------
    iline, xline, cdp_x, cdp_y : first byte of a 4-byte integer, 1..237, all different.

    Raises
    ------
    SegyError : a byte is out of range, or two fields overlap.
    """
    asked = {"iline": iline, "xline": xline, "cdp_x": cdp_x, "cdp_y": cdp_y}
    for name, byte in asked.items():
        if not isinstance(byte, int) or isinstance(byte, bool) or not 1 <= byte <= 237:
            raise SegyError(f"{name} is byte {byte!r}, wanted a byte from 1 to 237, e.g. 189")
    ordered = sorted(asked.items(), key=lambda item: item[1])
    for (name, byte), (other, next_byte) in itertools.pairwise(ordered):
        if next_byte - byte < 4:
            raise SegyError(f"{name}={byte} and {other}={next_byte} overlap, wanted two separate"
                            " 4-byte fields; give each its own byte")
    return {**STANDARD_FIELDS, **{name: (byte, 4) for name, byte in asked.items()}}


class RawSource:
    """Traces through a read-only NumPy memory map of any fixed-length layout.

    Parameters
    ----------
    layout : a layout without errors.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        code = layout.format_code
        self._dtype = np.dtype(layout.symbol + FORMATS[code][2])
        head = TRACE_HEADER_BYTES * layout.n_trace_headers
        record = np.dtype({"names": ["head", "samples"], "itemsize": layout.trace_bytes,
                           "formats": [f"V{head}", (self._dtype, (layout.n_samples,))],
                           "offsets": [0, head]})
        self._map = np.memmap(layout.path, dtype=record, mode="r", offset=layout.trace0,
                              shape=(layout.n_traces,))

    def headers(self, fields: Mapping[str, tuple[int, int]]) -> Headers:
        """Return one int64 array of shape (n_traces,) per field, in one sweep."""
        names = list(fields)
        dtype = np.dtype({
            "names": names,
            "formats": [f"{self._layout.symbol}i{fields[n][1]}" for n in names],
            "offsets": [fields[n][0] - 1 for n in names],
            "itemsize": self._layout.trace_bytes,
        })
        view = self._map.view(dtype)
        found = {n: np.empty(self._layout.n_traces, np.int64) for n in names}
        for start in range(0, self._layout.n_traces, CHUNK_TRACES):
            part = slice(start, start + CHUNK_TRACES)
            for name in names:
                found[name][part] = view[name][part]
        return found

    def raw_words(self, which: Selection) -> NDArray[Any]:
        """Return samples undecoded, in the machine's byte order."""
        stored = self._map["samples"][which]
        return np.ascontiguousarray(stored, dtype=self._dtype.newbyteorder("="))

    def traces(self, which: Selection, samples: slice) -> Traces:
        """Return float32 samples of shape (n_selected, n_wanted_samples)."""
        return self._decode(self._map["samples"][which, samples])

    def time_slice(self, index: int) -> Traces:
        """Return float32 samples of shape (n_traces,) at one sample index."""
        return self._decode(self._map["samples"][:, index])

    def close(self) -> None:
        """Release the file."""
        del self._map

    def _decode(self, stored: NDArray[Any]) -> Traces:
        if self._layout.format_code == 1:
            return ibm_to_float32(np.asarray(stored))
        return np.ascontiguousarray(stored, dtype=np.float32)


def ibm_to_float32(words: NDArray[np.uint32]) -> Traces:
    """Decode IBM floats held as unsigned 32-bit words, through segyio.

    Parameters
    ----------
    words : any shape, any byte order.
    """
    import segyio._segyio  # noqa: F401  tools.native needs it; only segyio.open would load it
    from segyio.tools import native

    big = np.ascontiguousarray(words, dtype=">u4")
    decoded: Traces = native(big.reshape(-1), format=1, copy=True).reshape(big.shape)
    return decoded


class SegfastSource:
    """Traces through segfast's memory-mapped loader and the segyio handle inside it.

    Parameters
    ----------
    layout : a layout without errors for which `is_plain` holds.

    Raises
    ------
    SegyError : segfast refuses the file.
    """

    def __init__(self, layout: Layout) -> None:
        import segfast

        self._layout = layout
        try:
            self._loader = segfast.open(str(layout.path), engine="memmap", endian=layout.endian)
        except (RuntimeError, OSError, KeyError, ValueError, IndexError) as exc:
            raise SegyError(
                f"segfast cannot read {layout.path} ({exc!r}), wanted a fixed-length SEG-Y file;"
                " export the file again"
            ) from exc
        got = (int(self._loader.n_traces), int(self._loader.n_samples))
        wanted = (layout.n_traces, layout.n_samples)
        if got != wanted:
            self.close()
            raise SegyError(f"segfast finds {got} traces and samples in {layout.path}, the"
                            f" preflight {wanted}; the file's headers contradict each other")

    def headers(self, fields: Mapping[str, tuple[int, int]]) -> Headers:
        """Return one int64 array of shape (n_traces,) per field.

        Fields that share bytes are read in separate sweeps: segfast refuses overlaps.
        """
        found: Headers = {}
        waiting = sorted(fields, key=lambda n: fields[n][0])
        while waiting:
            sweep, left, end = [], [], 1
            for name in waiting:
                byte, length = fields[name]
                if byte >= end:
                    sweep.append((name, byte, f"i{length}"))
                    end = byte + length
                else:
                    left.append(name)
            # one worker: with more, segfast 1.1 swallows a worker's exception and
            # returns uninitialised memory as headers
            table = self._loader.load_headers(
                sweep, reconstruct_tsf=False, sort_columns=False, max_workers=1
            )
            found |= {name: table[name].to_numpy(np.int64) for name, _, _ in sweep}
            waiting = left
        return found

    def traces(self, which: Selection, samples: slice) -> Traces:
        """Return float32 samples of shape (n_selected, n_wanted_samples)."""
        if self._layout.format_code == 1:
            return self._ibm_traces(which, samples)
        return np.asarray(self._loader.load_traces(which, limits=samples), dtype=np.float32)

    def _ibm_traces(self, which: Selection, samples: slice) -> Traces:
        """Read IBM traces through segyio, which decodes faster on few cores."""
        from segfast import SegyioLoader

        if isinstance(which, slice):
            start, stop, step = which.indices(self._layout.n_traces)
            if samples.indices(self._layout.n_samples) == (0, self._layout.n_samples, 1):
                raw = self._loader.file_handler.trace.raw[start:stop:step]
                return np.asarray(raw, dtype=np.float32)
            which = np.arange(start, stop, step)
        found = SegyioLoader.load_traces(self._loader, which, limits=samples)
        return np.asarray(found, dtype=np.float32)

    def time_slice(self, index: int) -> Traces:
        """Return float32 samples of shape (n_traces,) at one sample index."""
        if self._layout.format_code == 1:
            from segfast import SegyioLoader

            found = SegyioLoader.load_depth_slices(self._loader, [index])
        else:
            found = self._loader.load_depth_slices([index])
        return np.asarray(found[0], dtype=np.float32)

    def close(self) -> None:
        """Release the file."""
        self._loader.file_handler.close()


def open_source(layout: Layout) -> TraceSource:
    """Open the fastest reader for a layout.

    Raises
    ------
    SegyError : the file changed since the preflight, or the reader refuses it.
    """
    if not same_file(layout):
        raise SegyError(f"{layout.path} changed while it was being opened; try again when"
                        " nothing writes to it")
    return SegfastSource(layout) if layout.is_plain else RawSource(layout)
