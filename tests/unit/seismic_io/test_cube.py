"""A cube reads what was written, marks what is missing and refuses what is not there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import segyio
import xarray as xr

import seismic_io
from lithogen.errors import ResourceError, SegyError, ShapeError
from lithogen.grid import Window

Make = Callable[..., xr.Dataset]


def set_header(path: Path, trace: int, values: dict[int, int]) -> None:
    with segyio.open(path, "r+", ignore_geometry=True) as file:
        file.header[trace] = values


@pytest.fixture(params=["ieee", "ibm"])
def written(request: pytest.FixtureRequest, make_dataset: Make, tmp_path: Path) -> Path:
    seismic_io.to_segy(make_dataset(), tmp_path / "a.sgy", format=request.param)
    return tmp_path / "a.sgy"


def test_lines_slices_and_windows_are_crops_of_the_whole(written: Path) -> None:
    with seismic_io.open_segy(written) as cube:
        whole = cube.read()
        assert whole.shape == cube.shape == (4, 5, 6)
        np.testing.assert_array_equal(cube.inline(104), whole[2])
        np.testing.assert_array_equal(cube.crossline(-1), whole[:, 1])
        np.testing.assert_array_equal(cube.slice(1.008), whole[:, :, 2])
        window = Window((1, 2, 3), (2, 3, 2))
        np.testing.assert_array_equal(cube.read(window), whole[1:3, 2:5, 3:5])
        np.testing.assert_array_equal(cube.traces(), whole.reshape(20, 6))
        part = cube.to_xarray(window)
        assert part.seismic.dims == ("iline", "xline", "twt")
        np.testing.assert_array_equal(part.iline, [102, 104])
        np.testing.assert_array_equal(part.twt, [1.012, 1.016])
        assert part.cdp_x.shape == (2, 3)


def test_missing_trace_is_nan_everywhere_and_counted(written: Path) -> None:
    whole = seismic_io.open_segy(written).read()
    content = written.read_bytes()
    at = 3600 + 7 * (240 + 24)
    written.write_bytes(content[:at] + content[at + 264 :])
    with seismic_io.open_segy(written) as cube:
        assert cube.shape == (4, 5, 6)
        volume = cube.read()
        assert np.isnan(volume[1, 2]).all()
        assert int(np.isnan(volume).sum()) == 6
        assert np.isnan(cube.inline(102)[2]).all()
        assert np.isnan(cube.crossline(0)[1]).all()
        assert np.isnan(cube.slice(1.0)[1, 2])
        assert cube.traces().shape == (19, 6)
        quality = cube.quality()
        assert (quality.n_missing, quality.n_live) == (1, 19)
        assert quality.missing[1, 2]
        assert cube.cdp_x is not None
        assert np.isnan(cube.cdp_x[1, 2])
        assert "1 of 20 grid positions" in cube.attrs["segy_notes"]
    keep = np.ones((4, 5), bool)
    keep[1, 2] = False
    np.testing.assert_array_equal(volume[keep], whole[keep])


def test_missing_inline_is_put_in_as_nan(make_dataset: Make, tmp_path: Path) -> None:
    seismic_io.to_segy(make_dataset().isel(iline=[0, 1, 3]), tmp_path / "a.sgy")
    with seismic_io.open_segy(tmp_path / "a.sgy") as cube:
        np.testing.assert_array_equal(cube.iline, [100, 102, 104, 106])
        assert np.isnan(cube.inline(104)).all()
        assert "1 whole inlines are missing" in cube.attrs["segy_notes"]


def test_reverse_order_in_the_file_reads_ascending(make_dataset: Make, tmp_path: Path) -> None:
    ds = make_dataset()
    seismic_io.to_segy(ds.isel(iline=slice(None, None, -1), xline=slice(None, None, -1)),
                       tmp_path / "a.sgy")
    with seismic_io.open_segy(tmp_path / "a.sgy") as cube:
        np.testing.assert_array_equal(cube.iline, ds.iline.values)
        np.testing.assert_array_equal(cube.read(), ds.seismic.values)
        np.testing.assert_array_equal(cube.inline(104), ds.seismic.values[2])


def test_duplicate_keeps_the_first_and_says_so(written: Path) -> None:
    set_header(written, 8, {189: 102, 193: 0})  # trace 7 is (102, 0)
    with seismic_io.open_segy(written) as cube:
        quality = cube.quality()
        np.testing.assert_array_equal(quality.duplicates, [8])
        assert (quality.n_duplicate, quality.n_missing) == (1, 1)
        np.testing.assert_array_equal(cube.inline(102)[2], cube.traces()[7])
        assert "the first" in cube.attrs["segy_notes"]


def test_dead_and_non_finite_traces_are_passed_on_and_counted(
    make_dataset: Make, tmp_path: Path
) -> None:
    seismic_io.to_segy(make_dataset(), tmp_path / "a.sgy")
    with segyio.open(tmp_path / "a.sgy", "r+", ignore_geometry=True) as file:
        file.trace[3] = np.zeros(6, np.float32)
        file.trace[4] = np.array([1, np.nan, 0, np.inf, 0, 0], np.float32)
    with seismic_io.open_segy(tmp_path / "a.sgy") as cube:
        quality = cube.quality()
        assert (quality.n_dead, quality.n_non_finite, quality.n_live) == (1, 1, 18)
        assert quality.dead[0, 3]
        assert quality.non_finite[0, 4]
        assert not cube.read()[0, 3].any()
        assert np.isinf(cube.read()[0, 4, 3])


def test_interval_conflict_names_the_override(written: Path) -> None:
    set_header(written, 0, {117: 2000})
    with pytest.raises(SegyError, match="sample_interval=SECONDS"):
        seismic_io.open_segy(written)
    with seismic_io.open_segy(written, sample_interval=0.002) as cube:
        assert cube.dt_s == 0.002
        assert cube.attrs["sample_rate_source"] == "override"


def test_varying_delay_names_the_override(written: Path) -> None:
    set_header(written, 5, {109: 900})
    with pytest.raises(SegyError, match="delay=SECONDS"):
        seismic_io.open_segy(written)
    with seismic_io.open_segy(written, delay=0.5) as cube:
        assert cube.twt[0] == 0.5


def test_depth_needs_metres(written: Path) -> None:
    with pytest.raises(SegyError, match="sample_interval=METRES"):
        seismic_io.open_segy(written, domain="depth")
    with seismic_io.open_segy(written, domain="depth", sample_interval=5.0, delay=100.0) as cube:
        ds = cube.to_xarray()
    assert ds.seismic.dims == ("iline", "xline", "depth")
    np.testing.assert_array_equal(ds.depth, 100.0 + 5.0 * np.arange(6))
    assert ds.attrs["vert_domain_source"] == "argument"


def test_attributes_say_where_the_domain_came_from(written: Path) -> None:
    with seismic_io.open_segy(written) as cube:
        ds = cube.to_xarray()
    assert ds.attrs["vert_domain"] == "TWT"
    assert ds.attrs["vert_domain_source"] == "assumed"
    assert (ds.attrs["sample_rate"], ds.attrs["source_file"]) == (4.0, "a.sgy")
    assert ds.twt.attrs["units"] == "s"


def test_other_header_bytes_are_read_where_asked(written: Path) -> None:
    with seismic_io.open_segy(written, cdp_x=73, cdp_y=77) as cube:
        other = cube.cdp_x
    with seismic_io.open_segy(written) as cube:
        np.testing.assert_array_equal(other, cube.cdp_x)
    with seismic_io.open_segy(written, iline=21, xline=1) as cube:
        assert cube.kind == "2d"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"domain": "time"}, "'twt' or 'depth'"), ({"endian": "middle"}, "'auto'"),
        ({"iline": 0}, "1 to 237"), ({"iline": 238}, "1 to 237"), ({"xline": 190}, "overlap"),
        ({"iline": 193}, "overlap"), ({"sample_interval": 4}, "seconds"),
        ({"sample_interval": 0.0}, "seconds"), ({"sample_interval": float("nan")}, "seconds"),
        ({"delay": float("inf")}, "seconds"), ({"endian": "little"}, "format code"),
    ],
)
def test_bad_arguments_are_refused(
    written: Path, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(SegyError, match=message):
        seismic_io.open_segy(written, **arguments)  # type: ignore[arg-type]


def test_positions_that_are_not_there_are_refused(written: Path) -> None:
    with seismic_io.open_segy(written) as cube:
        with pytest.raises(SegyError, match="no inline 101"):
            cube.inline(101)
        with pytest.raises(SegyError, match="no crossline 9"):
            cube.crossline(9)
        with pytest.raises(SegyError, match="nearest is 1"):
            cube.slice(1.002)
        with pytest.raises(SegyError, match="nearest"):
            cube.slice(float("nan"))
        with pytest.raises(ShapeError):
            cube.read(Window((0, 0, 0), (5, 5, 6)))


def test_closed_cube_is_refused(written: Path) -> None:
    with seismic_io.open_segy(written) as cube:
        pass
    cube.close()
    for read in (cube.read, cube.traces, cube.quality, lambda: cube.inline(100)):
        with pytest.raises(SegyError, match="closed"):
            read()


def test_read_larger_than_memory_is_refused_before_it_starts(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sysconf", lambda name: 16)
    with seismic_io.open_segy(written) as cube, pytest.raises(ResourceError, match="Window"):
        cube.read()


@pytest.mark.parametrize(("name", "n_headers"), [
    ("rotated-small-rev2.sgy", 2), ("stanzas-unknown-count.sgy", 1),
    ("trace-header-extension1.sgy", 2),
])
def test_layouts_that_segfast_refuses_are_read(
    data_folder: Path, name: str, n_headers: int
) -> None:
    odd = data_folder / "segy_odd/segyio_test-data" / name
    plain = "small.sgy" if n_headers == 2 and "rotated" in name else "tiny.sgy"
    assert seismic_io.inspect(odd).n_trace_headers == n_headers
    with (seismic_io.open_segy(odd) as cube,
          seismic_io.open_segy(odd.with_name(plain)) as wanted):
        np.testing.assert_array_equal(cube.read(), wanted.read())
        np.testing.assert_array_equal(cube.iline, wanted.iline)
        np.testing.assert_array_equal(cube.slice(wanted.twt[1]), wanted.slice(wanted.twt[1]))
