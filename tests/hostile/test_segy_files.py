"""Files that are damaged, mislabelled or not SEG-Y: one clear line, no crash, no garbage."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import seismic_io
from lithogen.errors import SegyError

N_SAMPLES = 8
TRACE_BYTES = 240 + 4 * N_SAMPLES
TEXT = ("C 1 hostile test file".ljust(3200)).encode("cp037")


def segy(code: int = 5, order: str = ">", binary: dict[str, int] | None = None) -> bytearray:
    """Return a file made by hand: IEEE samples whatever the format code says."""
    fields = {"dt": 4000, "ns": N_SAMPLES, "text": 0} | (binary or {})
    head = bytearray(400)
    struct.pack_into(order + "h", head, 16, fields["dt"])
    struct.pack_into(order + "H", head, 20, fields["ns"] & 0xFFFF)
    struct.pack_into(order + "h", head, 24, code)
    struct.pack_into(order + "h", head, 304, fields["text"])
    content = bytearray(TEXT + head)
    rng = np.random.default_rng(0)
    for il in range(1, 4):
        for xl in range(10, 14):
            trace = bytearray(240)
            struct.pack_into(order + "h", trace, 116, 4000)
            struct.pack_into(order + "ii", trace, 180, 1000 * xl, 2000 * il)
            struct.pack_into(order + "ii", trace, 188, il, xl)
            content += trace + rng.standard_normal(N_SAMPLES).astype(order + "f4").tobytes()
    return content


def put(content: bytearray, trace: int, byte: int, kind: str, value: float) -> bytearray:
    struct.pack_into(kind, content, 3600 + trace * TRACE_BYTES + byte - 1, value)
    return content


def refusal(path: Path) -> str:
    """Return the one-line refusal, which the preflight must agree with."""
    report = seismic_io.inspect(path)
    assert not report.is_readable
    assert report.errors[0].line() in report.summary()
    with pytest.raises(SegyError) as caught:
        seismic_io.open_segy(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_unharmed_file_opens(tmp_path: Path) -> None:
    (tmp_path / "a.sgy").write_bytes(segy())
    with seismic_io.open_segy(tmp_path / "a.sgy") as cube:
        assert cube.shape == (3, 4, N_SAMPLES)


NOT_SEGY: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "0 bytes"),
    "one byte": (lambda: b"C", "1 bytes"),
    "text only": (lambda: TEXT, "3200 bytes"),
    "headers only": (lambda: bytes(segy()[:3600]), "no whole trace"),
    "zeros": (lambda: bytes(10000), "format code is 0"),
    "png": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(10000), "PNG"),
    "pdf": (lambda: b"%PDF-1.4" + bytes(10000), "PDF"),
    "gzip": (lambda: b"\x1f\x8b" + bytes(10000), "gzip"),
    "random": (lambda: np.random.default_rng(5).bytes(100000), "format code"),
    "plain text": (lambda: b"seismic data follow below\n" * 500, "format code"),
}


@pytest.mark.parametrize("case", list(NOT_SEGY))
def test_what_is_not_segy_is_refused(tmp_path: Path, case: str) -> None:
    make, message = NOT_SEGY[case]
    (tmp_path / "a.sgy").write_bytes(make())
    assert message in refusal(tmp_path / "a.sgy")


@pytest.mark.parametrize("code", [-1, 0, 4, 7, 13, 14, 15, 17, 99])
def test_unreadable_sample_formats_are_refused(tmp_path: Path, code: int) -> None:
    (tmp_path / "a.sgy").write_bytes(segy(code=code))
    message = refusal(tmp_path / "a.sgy")
    assert f"format code is {code} " in message or f"sample format {code} " in message


@pytest.mark.parametrize(
    ("binary", "message"),
    [({"ns": 0}, "0 samples"), ({"ns": -1}, "no whole trace"), ({"ns": 60000}, "no whole trace"),
     ({"ns": N_SAMPLES + 1}, "left after"), ({"text": 1}, "no whole trace"),
     ({"text": 5}, "no whole trace"), ({"text": 32767}, "no whole trace"),
     ({"text": -1}, "EndText"), ({"dt": 0}, None), ({"dt": -4000}, "sample_interval="),
     ({"dt": 2000}, "sample_interval=")],
)
def test_lies_of_the_binary_header(
    tmp_path: Path, binary: dict[str, int], message: str | None
) -> None:
    (tmp_path / "a.sgy").write_bytes(segy(binary=binary))
    if message is None:
        assert seismic_io.inspect(tmp_path / "a.sgy").dt_source == "trace"
    else:
        assert message in refusal(tmp_path / "a.sgy")


@pytest.mark.parametrize("cut", [1, 4, 31, 32, 100, TRACE_BYTES - 1])
def test_truncation_inside_a_trace_is_refused(tmp_path: Path, cut: int) -> None:
    (tmp_path / "a.sgy").write_bytes(segy()[:-cut])
    assert "truncated" in refusal(tmp_path / "a.sgy")


def test_truncation_by_whole_traces_shows_as_missing(tmp_path: Path) -> None:
    (tmp_path / "a.sgy").write_bytes(segy()[: -2 * TRACE_BYTES])
    with seismic_io.open_segy(tmp_path / "a.sgy") as cube:
        assert cube.quality().n_missing == 2
        assert np.isnan(cube.inline(3)[2:]).all()


def test_little_endian_is_found(tmp_path: Path) -> None:
    (tmp_path / "b.sgy").write_bytes(segy())
    (tmp_path / "l.sgy").write_bytes(segy(order="<"))
    with (seismic_io.open_segy(tmp_path / "b.sgy") as big,
          seismic_io.open_segy(tmp_path / "l.sgy") as little):
        np.testing.assert_array_equal(big.read(), little.read())
        assert little.attrs["segy_endian"] == "little"


def test_unset_lengths_of_varying_traces_are_refused(tmp_path: Path) -> None:
    content = put(put(segy(), 0, 115, ">h", N_SAMPLES), 1, 115, ">h", N_SAMPLES - 3)
    (tmp_path / "a.sgy").write_bytes(content)
    assert "fixed-length" in refusal(tmp_path / "a.sgy")


def test_garbage_trace_headers_do_not_become_a_grid(tmp_path: Path) -> None:
    content = segy()
    rng = np.random.default_rng(2)
    for trace in range(12):
        at = 3600 + trace * TRACE_BYTES
        content[at : at + 240] = rng.bytes(240)
    (tmp_path / "a.sgy").write_bytes(content)
    refusal(tmp_path / "a.sgy")


def test_duplicates_dead_and_nan_traces_open_and_are_counted(tmp_path: Path) -> None:
    content = put(segy(), 5, 193, ">i", 10)  # trace 5 repeats the position of trace 4
    at = 3600 + 2 * TRACE_BYTES + 240
    content[at : at + 4 * N_SAMPLES] = bytes(4 * N_SAMPLES)
    put(content, 7, 241, ">f", float("nan"))
    (tmp_path / "a.sgy").write_bytes(content)
    with seismic_io.open_segy(tmp_path / "a.sgy") as cube:
        quality = cube.quality()
    assert (quality.n_duplicate, quality.n_dead, quality.n_non_finite, quality.n_missing,
            quality.n_live) == (1, 1, 1, 1, 9)
    report = seismic_io.inspect(tmp_path / "a.sgy")
    assert {p.code for p in report.problems} == {"duplicates", "missing", "dead", "non_finite"}


@pytest.mark.parametrize("scalar", [-32768, 32767, 0])
def test_extreme_coordinate_scalars_do_not_overflow(tmp_path: Path, scalar: int) -> None:
    content = segy()
    for trace in range(12):
        put(content, trace, 71, ">h", scalar)
    (tmp_path / "a.sgy").write_bytes(content)
    with seismic_io.open_segy(tmp_path / "a.sgy") as cube:
        assert cube.cdp_x is not None
        assert np.isfinite(cube.cdp_x).all()


def test_extreme_line_numbers_do_not_overflow(tmp_path: Path) -> None:
    content = segy()
    for trace in range(12):
        put(content, trace, 189, ">i", (-(2**31), 0, 2**31 - 1)[trace // 4])
    (tmp_path / "a.sgy").write_bytes(content)
    with seismic_io.open_segy(tmp_path / "a.sgy") as cube:
        np.testing.assert_array_equal(cube.iline, [-(2**31), 0, 2**31 - 1])


def test_paths_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.sgy").mkdir()
    os.mkfifo(tmp_path / "pipe.sgy")
    (tmp_path / "link.sgy").symlink_to(tmp_path / "gone.sgy")
    for name, message in (("none.sgy", "no such file"), ("folder.sgy", "a folder"),
                          ("pipe.sgy", "not a regular file"), ("link.sgy", "no such file"),
                          ("none.sgy/a.sgy", "no such file"), ("a" * 300, "too long"),
                          ("nul\0.sgy", "null byte")):
        for function in (seismic_io.inspect, seismic_io.open_segy):
            with pytest.raises(SegyError, match=message) as caught:
                function(tmp_path / name)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["小文件.sgy", "Ωμέγα line.sgy", "a b 'c'.sgy", "no_suffix"])
def test_unusual_names_open(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(segy())
    with seismic_io.open_segy(tmp_path / name) as cube:
        assert cube.attrs["source_file"] == name
        seismic_io.to_segy(cube.to_xarray(), tmp_path / ("copy " + name))
    with seismic_io.open_segy(tmp_path / ("copy " + name)) as copy:
        assert copy.shape == (3, 4, N_SAMPLES)


@pytest.mark.parametrize("seed", range(20))
def test_flipped_bytes_never_crash(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    content = segy()
    for _ in range(8):
        content[int(rng.integers(3200, len(content)))] = int(rng.integers(256))
    (tmp_path / "a.sgy").write_bytes(content)
    report = seismic_io.inspect(tmp_path / "a.sgy")
    if report.is_readable:
        with seismic_io.open_segy(tmp_path / "a.sgy") as cube:
            assert cube.read().shape == cube.shape
    else:
        refusal(tmp_path / "a.sgy")
