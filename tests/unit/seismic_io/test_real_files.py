"""Every file of the developer data folder opens, or is refused for a known reason."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import segyio

import seismic_io
from lithogen.errors import SegyError

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("LITHOGEN_DATA", ROOT.parent / "shared" / "data"))

PRESTACK = "pre-stack"
TEST = "segy_odd/segyio_test-data/"
REFUSED = {
    "segy_odd/obspy/1.su_first_trace": "format code",  # Seismic Unix: no file header
    "segy_odd/obspy/one_trace_year_11.su": "format code",
    "segy_odd/obspy/one_trace_year_99.su": "format code",
    "segy_odd/obspy/readme.txt": "1175 bytes",
    TEST + "README.md": "format code",
    TEST + "small.su": "format code",
    TEST + "small-lsb.su": "format code",
    TEST + "1x1.sgy": PRESTACK,
    TEST + "1xN.sgy": PRESTACK,
    TEST + "Mx1.sgy": PRESTACK,
    TEST + "shot-gather.sgy": PRESTACK,
    TEST + "broken.sgy": "left after",  # its end is cut off
    TEST + "text.sgy": "no whole trace",  # headers only
    # every header field holds its largest or smallest value: no size fits the file
    TEST + "decrement.sgy": "no whole trace",
    TEST + "decrement-lsb.sgy": "no whole trace",
    TEST + "increment.sgy": "left after",
    TEST + "increment-lsb.sgy": "left after",
    TEST + "interval-neg-bin-neg-trace.sgy": "sample_interval=",
    TEST + "interval-neg-bin-pos-trace.sgy": "sample_interval=",
    TEST + "interval-pos-bin-neg-trace.sgy": "sample_interval=",
    TEST + "long.sgy": "trace headers say",  # trace headers are overwritten by samples
    TEST + "mapping-empty.sgy": "left after",  # extended text header that is not counted
    TEST + "mapping-shifted.sgy": PRESTACK,  # its own header layout, all fields one byte on
    # revision 2.1 files whose own header layout puts other fields at byte 37
    **{TEST + f"mapping-{name}.sgy": PRESTACK for name in (
        "encoding-ext1", "encoding-private", "minimal", "mixed-order", "no-extension1",
        "unsupported-type")},
    **{TEST + f"small-ps{name}.sgy": PRESTACK for name in (
        "", "-dec-il-inc-xl-off", "-dec-il-off-inc-xl", "-dec-il-xl-inc-off", "-dec-il-xl-off",
        "-dec-off-inc-il-xl", "-dec-xl-inc-il-off", "-dec-xl-off-inc-il")},
    **{TEST + f"multiformats/Format{code}{end}.sgy": "not read"
       for code in (4, 7, 15) for end in ("lsb", "msb")},
}
FILES = sorted(
    p.relative_to(DATA).as_posix()
    for folder, pattern in (("segy_odd", "**/*"), ("f3", "*.sgy"), ("npra", "*"))
    for p in (DATA / folder).glob(pattern) if p.is_file()
)


@pytest.mark.parametrize("name", FILES)
def test_file_opens_or_is_refused_for_the_known_reason(name: str) -> None:
    report = seismic_io.inspect(DATA / name)
    if name in REFUSED:
        assert not report.is_readable
        with pytest.raises(SegyError, match=REFUSED[name]) as caught:
            seismic_io.open_segy(DATA / name)
        assert "\n" not in str(caught.value)
        return
    assert report.is_readable, report.summary()
    with seismic_io.open_segy(DATA / name) as cube:
        traces = cube.traces()
        assert traces.shape == (report.n_traces, report.n_samples)
        assert traces.dtype == np.float32
        assert cube.read().shape == cube.shape
        quality = cube.quality()
        assert (quality.n_live + quality.n_dead + quality.n_non_finite + quality.n_missing
                == cube.shape[0] * cube.shape[1])


def test_refused_names_exist(data_folder: Path) -> None:
    assert set(REFUSED) <= set(FILES)


@pytest.mark.parametrize("code", [1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 16])
@pytest.mark.parametrize("end", ["msb", "lsb"])
def test_every_format_and_byte_order_reads_as_segyio_does(
    data_folder: Path, code: int, end: str
) -> None:
    path = data_folder / TEST / f"multiformats/Format{code}{end}.sgy"
    with segyio.open(path, ignore_geometry=True, endian=end) as file:
        wanted = file.trace.raw[:].astype(np.float32)
    with seismic_io.open_segy(path) as cube:
        np.testing.assert_array_equal(cube.traces(), wanted)
        np.testing.assert_array_equal(cube.slice(cube.twt[3]).ravel(),
                                      wanted[cube.trace_index.ravel(), 3])


def test_npra_line_opens_as_a_2d_line_with_a_note(data_folder: Path) -> None:
    with seismic_io.open_segy(data_folder / "npra/npra_31_81_PR.sgy") as cube:
        assert (cube.kind, cube.shape) == ("2d", (1, 534, 1501))
        np.testing.assert_array_equal(cube.xline, np.arange(1, 535))
        ds = cube.to_xarray()
    assert "2-D line" in ds.attrs["segy_notes"]
    assert "cdp_x" not in ds.coords


def test_f3_coordinates_delay_and_missing_traces(data_folder: Path) -> None:
    with seismic_io.open_segy(data_folder / "f3/f3-withdead.sgy") as cube:
        quality = cube.quality()
        assert (quality.n_traces, quality.n_missing) == (239, 175)
        assert cube.twt[0] == 0.004
        volume = cube.read()
        np.testing.assert_array_equal(np.isnan(volume).all(axis=2), quality.missing)
        assert cube.cdp_x is not None
        assert np.nanmin(cube.cdp_x) == pytest.approx(620197.2, abs=1000)


def test_delay_scalar_is_applied(data_folder: Path) -> None:
    report = seismic_io.inspect(data_folder / TEST / "delay-scalar.sgy")
    assert (report.delay_ms, report.t0_s, report.text_encoding) == (1000.0, 1.0, "ASCII")


def test_ieee_samples_labelled_ibm_are_doubted_only_where_true(data_folder: Path) -> None:
    doubted = {n for n in FILES for p in seismic_io.inspect(data_folder / n).problems
               if p.code in ("looks_ieee", "looks_ibm")}
    assert doubted == {"segy_odd/obspy/00001034.sgy_first_trace"}


def test_f3_text_export_reads_as_a_full_line(data_folder: Path) -> None:
    path = data_folder / "f3/f3_export_inline362.ascii"
    traces, iline, xline, dt_s = seismic_io.read_ascii_export(path, 0.004)
    assert (traces.shape, dt_s) == ((951, 463), 0.004)
    assert traces.dtype == np.float32
    assert set(iline) == {362}
    np.testing.assert_array_equal(xline, np.arange(300, 1251))
    assert traces[0, 24] == 2538
