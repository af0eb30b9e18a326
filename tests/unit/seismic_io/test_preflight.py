"""The preflight describes a file, says what to do, and does not load it."""

from __future__ import annotations

import json
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import segyio
import xarray as xr

import seismic_io

Make = Callable[..., xr.Dataset]


def codes(path: Path) -> dict[str, str]:
    return {p.code: p.severity for p in seismic_io.inspect(path).problems}


def test_report_has_every_fact(make_dataset: Make, tmp_path: Path) -> None:
    seismic_io.to_segy(make_dataset(), tmp_path / "a.sgy")
    report = seismic_io.inspect(tmp_path / "a.sgy")
    assert report.is_readable
    assert (report.endian, report.format_code, report.format_name) == (
        "big", 5, "IEEE float, 4 bytes")
    assert (report.n_traces, report.n_samples, report.size_bytes) == (20, 6, 3600 + 20 * 264)
    assert (report.dt_binary_us, report.dt_trace_us, report.dt_source) == (
        4000, 4000, "binary+trace")
    assert (report.t0_s, report.delay_ms) == (1.0, 1000.0)
    assert (report.iline_range, report.xline_range) == ((100, 106, 2, 4), (-2, 2, 1, 5))
    assert (report.n_sampled, report.n_dead, report.n_missing) == (20, 0, 0)
    assert report.xy_residual == pytest.approx(0.0, abs=0.01)
    assert report.text.startswith("C 1 lithogen")
    assert json.loads(json.dumps(report.to_dict()))["is_readable"] is True
    for wanted in ("100..106 step 2", "dt 4 ms", "revision 1.0", "readable      yes"):
        assert wanted in report.summary()


def test_problem_lines_say_what_came_what_was_wanted_what_to_do(
    make_dataset: Make, tmp_path: Path
) -> None:
    seismic_io.to_segy(make_dataset(), tmp_path / "a.sgy")
    content = (tmp_path / "a.sgy").read_bytes()
    (tmp_path / "a.sgy").write_bytes(content[:-10])
    report = seismic_io.inspect(tmp_path / "a.sgy")
    assert not report.is_readable
    (problem,) = report.errors
    assert problem.line().count(";") >= 2
    assert "254 bytes are left after 19 traces" in report.summary()


def test_samples_of_the_other_float_format_are_doubted(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).standard_normal((1, 5, 600)).astype(np.float32)
    ds = xr.Dataset({"seismic": (("iline", "xline", "twt"), samples)},
                    coords={"iline": [1], "xline": np.arange(5), "twt": 0.004 * np.arange(600)})
    for kind, other, code in (("ieee", 1, "looks_ieee"), ("ibm", 5, "looks_ibm")):
        path = tmp_path / f"{kind}.sgy"
        seismic_io.to_segy(ds, path, format=kind)
        assert code not in codes(path)
        content = bytearray(path.read_bytes())
        struct.pack_into(">h", content, 3224, other)
        path.write_bytes(content)
        assert codes(path)[code] == "warning"
        with seismic_io.open_segy(path) as cube:
            assert "compare amplitudes" in cube.attrs["segy_notes"]


def test_dead_non_finite_and_null_samples_are_warnings(
    make_dataset: Make, tmp_path: Path
) -> None:
    path = tmp_path / "a.sgy"
    seismic_io.to_segy(make_dataset(), path)
    with segyio.open(path, "r+", ignore_geometry=True) as file:
        file.trace[0] = np.zeros(6, np.float32)
        file.trace[1] = np.full(6, np.nan, np.float32)
        file.trace[2] = np.full(6, 1e30, np.float32)
    report = seismic_io.inspect(path)
    assert report.is_readable
    assert {"dead", "non_finite", "null"} <= set(codes(path))
    assert (report.n_dead, report.n_non_finite) == (1, 1)


@pytest.mark.parametrize(
    ("byte", "value", "code", "severity"),
    [(89, 2, "xy_unit", "warning"), (115, 7, "lengths", "warning"), (117, -4, "interval", "error"),
     (109, 5, "delay", "error"), (181, 2**31 - 1, "affine", "warning")],
)
def test_one_odd_header_is_named(
    make_dataset: Make, tmp_path: Path, byte: int, value: int, code: str, severity: str
) -> None:
    path = tmp_path / "a.sgy"
    seismic_io.to_segy(make_dataset(), path)
    with segyio.open(path, "r+", ignore_geometry=True) as file:
        file.header[3] = {byte: value}
    assert codes(path)[code] == severity


def test_feet_are_named(make_dataset: Make, tmp_path: Path) -> None:
    path = tmp_path / "a.sgy"
    seismic_io.to_segy(make_dataset(), path)
    with segyio.open(path, "r+", ignore_geometry=True) as file:
        file.bin[3255] = 2
    assert codes(path)["feet"] == "warning"
    with seismic_io.open_segy(path) as cube:
        assert cube.attrs["measurement_system"] == "ft"
        assert cube.to_xarray().cdp_x.attrs["units"] == "ft"


def test_large_file_is_sampled_and_not_loaded(make_dataset: Make, tmp_path: Path) -> None:
    seismic_io.to_segy(make_dataset((1, 2, 30000)), tmp_path / "a.sgy")
    n_traces = 4000
    with (tmp_path / "a.sgy").open("r+b") as handle:  # sparse: 480 MB that take no disk
        handle.truncate(3600 + n_traces * (240 + 4 * 30000))
    tracemalloc.start()
    report = seismic_io.inspect(tmp_path / "a.sgy")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert report.n_traces == n_traces
    assert 0 < report.n_sampled < n_traces
    assert f"a sample of {report.n_sampled}" in report.summary()
    assert peak < 300 * 2**20  # 64 MiB of samples and their float and mask copies
