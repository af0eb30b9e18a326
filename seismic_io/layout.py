"""Where the bytes of a SEG-Y file are: text header, binary header, trace stride.

Source: SEG-Y_r1 (2002) and SEG-Y_r2.1 (2023) data exchange formats, SEG. Byte
numbers in messages count from 1, as the standard does.
"""

from __future__ import annotations

import errno
import re
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

from lithogen.errors import SegyError
from seismic_io.report import Problem

TEXT_BYTES = 3200
HEAD_BYTES = 3600
TRACE_HEADER_BYTES = 240
MAX_TEXT_HEADERS = 1000
MAX_TRACE_HEADERS = 64
ENDIAN_CONSTANT = 0x01020304

# code: (name, bytes per sample, numpy type, whether the package reads it)
FORMATS: dict[int, tuple[str, int, str, bool]] = {
    1: ("IBM float, 4 bytes", 4, "u4", True),
    2: ("integer, 4 bytes", 4, "i4", True),
    3: ("integer, 2 bytes", 2, "i2", True),
    4: ("fixed point with gain, 4 bytes", 4, "u4", False),
    5: ("IEEE float, 4 bytes", 4, "f4", True),
    6: ("IEEE float, 8 bytes", 8, "f8", True),
    7: ("integer, 3 bytes", 3, "V3", False),
    8: ("integer, 1 byte", 1, "i1", True),
    9: ("integer, 8 bytes", 8, "i8", True),
    10: ("unsigned integer, 4 bytes", 4, "u4", True),
    11: ("unsigned integer, 2 bytes", 2, "u2", True),
    12: ("unsigned integer, 8 bytes", 8, "u8", True),
    15: ("unsigned integer, 3 bytes", 3, "V3", False),
    16: ("unsigned integer, 1 byte", 1, "u1", True),
}
INEXACT_FORMATS = (2, 6, 9, 10, 12)
SIGNATURES = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"CDF": "a NetCDF file",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Byte layout of a readable or nearly readable file.

    Parameters
    ----------
    path : the file; size_bytes : its size; endian : "big" or "little".
    format_code : key of FORMATS, or any number where it is not one.
    revision : "major.minor".
    n_text_headers : extended text headers of 3200 bytes after byte 3600.
    n_trace_headers : 240-byte headers before every trace, >= 1.
    n_samples, n_traces : counts; n_left_over : bytes after the last whole trace.
    dt_us : sample interval of the binary header, us, signed, 0 = not given.
    dt_extended_us : revision 2 interval in us, 0 = not given.
    is_fixed_length : fixed-length flag, byte 3503.
    sort_code, measurement : bytes 3229 and 3255.
    """

    path: Path
    size_bytes: int
    endian: str
    format_code: int
    revision: str
    n_text_headers: int
    n_trace_headers: int
    n_samples: int
    n_traces: int
    n_left_over: int
    dt_us: int
    dt_extended_us: float
    is_fixed_length: bool
    sort_code: int
    measurement: int
    is_count_declared: bool

    @property
    def symbol(self) -> str:
        """Byte-order symbol of numpy and struct."""
        return ">" if self.endian == "big" else "<"

    @property
    def trace0(self) -> int:
        """Offset of the first trace header in bytes."""
        return HEAD_BYTES + TEXT_BYTES * self.n_text_headers

    @property
    def sample_bytes(self) -> int:
        """Bytes per sample, 0 for an unknown format."""
        return FORMATS[self.format_code][1] if self.format_code in FORMATS else 0

    @property
    def trace_bytes(self) -> int:
        """Bytes from one trace header to the next."""
        return TRACE_HEADER_BYTES * self.n_trace_headers + self.sample_bytes * self.n_samples

    @property
    def is_plain(self) -> bool:
        """Whether segyio and segfast describe this layout (one header a trace)."""
        return self.n_trace_headers == 1 and self.is_count_declared


def check_file(path: Path | str) -> Path:
    """Return `path` as a Path if it is a file that can be opened.

    Raises
    ------
    SegyError : missing, a folder or device, or no permission.
    """
    file = Path(path)
    try:
        mode = file.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise SegyError(f"{file} is {kind}, wanted a SEG-Y file; name the file itself")
        with file.open("rb"):
            return file
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        if getattr(exc, "errno", None) == errno.ENOENT:
            reason = "no such file"
        raise SegyError(
            f"cannot open {file}: {reason}; wanted a readable SEG-Y file, check the path"
        ) from exc


def read_head(file: Path) -> bytes:
    """Return the first 3600 bytes of a file, or fewer where it is shorter."""
    try:
        with file.open("rb") as handle:
            return handle.read(HEAD_BYTES)
    except OSError as exc:
        raise SegyError(f"cannot read {file}: {exc.strerror}; check the disk") from exc


def decode_text(block: bytes) -> tuple[str, str]:
    """Decode a text header; return 80-column lines and "EBCDIC" or "ASCII".

    The encoding is the one in which more bytes are letters, digits or blanks.
    """
    def printable(encoding: str) -> int:
        text = block.decode(encoding, "replace")
        return sum(c.isascii() and (c.isalnum() or c in " .,:;-/()=_") for c in text)

    is_ascii = printable("latin-1") >= printable("cp037")
    raw = block.decode("latin-1" if is_ascii else "cp037", "replace")
    text = "".join(c if c.isprintable() else " " for c in raw)
    lines = [text[k : k + 80].rstrip() for k in range(0, len(text), 80)]
    return "\n".join(lines).rstrip(), "ASCII" if is_ascii else "EBCDIC"


def parse_layout(file: Path, endian: str = "auto") -> tuple[Layout | None, list[Problem]]:
    """Work out the byte layout of a file from its first bytes and its size.

    Parameters
    ----------
    file : an existing regular file.
    endian : "auto", "big" or "little".

    Returns
    -------
    The layout (None where the file is too short or clearly something else), problems.

    Raises
    ------
    SegyError : `endian` is none of the three, or reading failed.
    """
    if endian not in ("auto", "big", "little"):
        raise SegyError(f"endian is {endian!r}, wanted 'auto', 'big' or 'little'")
    size = file.stat().st_size
    head = read_head(file)
    if len(head) < HEAD_BYTES:
        return None, [_error("size", f"the file has {size} bytes",
                             "at least 3600 (text and binary header) and one trace",
                             "it is empty, truncated or not SEG-Y")]
    for magic, kind in SIGNATURES.items():
        if head.startswith(magic):
            return None, [_error("signature", f"the file is {kind}", "a SEG-Y file",
                                 "name another file")]
    choices = ["big", "little"] if endian == "auto" else [endian]
    best = min((_layout(file, size, head, e) for e in choices), key=_doubt)
    return best, _layout_problems(best)


def _error(code: str, got: str, wanted: str, action: str) -> Problem:
    return Problem("error", code, got, wanted, action)


def _doubt(layout: Layout) -> tuple[bool, bool, bool, bool]:
    """Sort key: layouts that explain the file size come first; big endian on a tie."""
    return (
        layout.format_code not in FORMATS,
        layout.n_samples < 1,
        layout.n_left_over != 0 or layout.n_traces < 1,
        layout.endian == "little",
    )


def _layout(file: Path, size: int, head: bytes, endian: str) -> Layout:
    """Read the binary header in one byte order and fit the size of the file."""
    symbol = ">" if endian == "big" else "<"

    def field(byte: int, kind: str = "h") -> int:
        return int(struct.unpack_from(symbol + kind, head, byte - 1)[0])

    major, minor = head[3500], head[3501]
    if endian == "little" and major == 0 and minor in (1, 2):
        major, minor = minor, 0  # the revision was byte-swapped with the rest
    code = field(3225)
    declared = field(3505)
    n_text = declared if declared >= 0 else _count_text_headers(file)
    n_samples, n_headers, dt_extended = field(3221, "H"), 1, 0.0
    if major == 2:
        if field(3269, "i") > 0:
            n_samples = field(3269, "i")
        extra = field(3507) or field(3507, "i")
        n_headers = 1 + extra if 0 <= extra < MAX_TRACE_HEADERS else 1
        value = struct.unpack_from(symbol + "d", head, 3272)[0]
        dt_extended = value if 0 < value < 1e9 else 0.0
    sample_bytes = FORMATS[code][1] if code in FORMATS else 0
    trace_bytes = TRACE_HEADER_BYTES * n_headers + sample_bytes * n_samples
    room = max(size - HEAD_BYTES - TEXT_BYTES * n_text, 0)
    return Layout(
        path=file, size_bytes=size, endian=endian, format_code=code,
        revision=f"{major}.{minor}", n_text_headers=n_text, n_trace_headers=n_headers,
        n_samples=n_samples, n_traces=room // trace_bytes, n_left_over=room % trace_bytes,
        dt_us=field(3217), dt_extended_us=dt_extended, is_fixed_length=field(3503) == 1,
        sort_code=field(3229), measurement=field(3255), is_count_declared=declared >= 0,
    )


def _count_text_headers(file: Path) -> int:
    """Count extended text headers up to and with the one that says EndText; 0 if none does."""
    with file.open("rb") as handle:
        handle.seek(HEAD_BYTES)
        for count in range(1, MAX_TEXT_HEADERS + 1):
            block = handle.read(TEXT_BYTES)
            if len(block) < TEXT_BYTES:
                return 0
            for encoding in ("latin-1", "cp037"):
                if re.search(r"\(\(\s*SEG:\s*EndText\s*\)\)", block.decode(encoding), re.I):
                    return count
    return 0


def has_layout_stanza(layout: Layout) -> bool:
    """Whether an extended text header declares its own trace header layout (revision 2.1)."""
    with layout.path.open("rb") as handle:
        handle.seek(HEAD_BYTES)
        block = handle.read(TEXT_BYTES * min(layout.n_text_headers, MAX_TEXT_HEADERS))
    return any(
        re.search(r"\(\(\s*SEG:\s*Layout", block.decode(encoding), re.I)
        for encoding in ("latin-1", "cp037")
    )


def _layout_problems(layout: Layout) -> list[Problem]:
    """Return what keeps the traces of a layout from being read, and doubts."""
    code = layout.format_code
    known = ", ".join(str(k) for k, v in FORMATS.items() if v[3])
    if code not in FORMATS:
        return [_error("format", f"sample format code is {code} (bytes 3225-3226)",
                       f"one of {known}", "the file is not SEG-Y, or its header is damaged")]
    if not FORMATS[code][3]:
        return [_error("format", f"sample format {code} ({FORMATS[code][0]}) is not read",
                       f"one of {known}", "export the file as IEEE float (5)")]
    if layout.n_samples < 1:
        return [_error("samples", f"{layout.n_samples} samples a trace (bytes 3221-3222)",
                       "at least 1", "the binary header is damaged, or not SEG-Y")]
    if layout.n_traces < 1:
        return [_error("traces", f"{layout.size_bytes} bytes hold no whole trace",
                       f"traces of {layout.trace_bytes} bytes from byte {layout.trace0 + 1}",
                       "the file is empty or truncated, or its header is damaged")]
    if layout.n_left_over:
        return [_error("truncated", f"{layout.n_left_over} bytes are left after"
                       f" {layout.n_traces} traces", f"whole traces of {layout.trace_bytes} bytes",
                       "the file is truncated, has traces of varying length or a damaged"
                       " header; copy or export it again")]
    problems = []
    if not layout.is_count_declared and not layout.n_text_headers:
        problems.append(_error("endtext", "extended text headers without a count and without"
                               " ((SEG: EndText))", "either", "export the file again"))
    if code in INEXACT_FORMATS:
        problems.append(Problem("warning", "precision", f"samples are {FORMATS[code][0]}",
                                "float32", "values are rounded to float32 on reading"))
    return problems


def same_file(layout: Layout) -> bool:
    """Whether the file still has the size it had when the layout was worked out."""
    try:
        return layout.path.stat().st_size == layout.size_bytes
    except OSError:
        return False
