"""What `to_segy` writes is what three readers read back; what cannot be held is refused."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import segfast
import segyio
import xarray as xr

import seismic_io
from lithogen.errors import ConfigError, LithogenError, OutputError, ShapeError

Make = Callable[..., xr.Dataset]
IBM_RELATIVE = 2.0**-20  # 24-bit fraction whose leading hex digit may be 1
CENTIMETRE = 0.005 + 1e-9  # rounding to the nearest centimetre


def test_round_trip_is_exact_through_segyio(make_dataset: Make, tmp_path: Path) -> None:
    ds = make_dataset()
    seismic_io.to_segy(ds, tmp_path / "a.sgy")
    with segyio.open(tmp_path / "a.sgy", strict=True) as file:
        np.testing.assert_array_equal(segyio.cube(file), ds.seismic.values)
        np.testing.assert_array_equal(file.ilines, ds.iline.values)
        np.testing.assert_array_equal(file.xlines, ds.xline.values)
        np.testing.assert_allclose(file.samples, ds.twt.values * 1e3, rtol=0, atol=1e-6)
        assert file.bin[3217] == 4000
        assert (file.bin[3501], file.bin[3502], file.bin[3503]) == (1, 0, 1)
        header = file.header[7]
        assert (header[109], header[215], header[71], header[117]) == (1000, 1, -100, 4000)
        assert header[181] == round(100 * float(ds.cdp_x[1, 2]))
        assert header[185] == round(100 * float(ds.cdp_y[1, 2]))
        text = segyio.tools.wrap(file.text[0])
    for wanted in ("lithogen: seismic", "bytes 189-192", "181-184", "Seed: 7", "Polarity", "REV1"):
        assert wanted in text


def test_round_trip_is_exact_through_segfast(make_dataset: Make, tmp_path: Path) -> None:
    ds = make_dataset()
    seismic_io.to_segy(ds, tmp_path / "a.sgy")
    with segfast.open(str(tmp_path / "a.sgy"), engine="memmap") as loader:
        np.testing.assert_array_equal(loader.load_traces(np.arange(20)),
                                      ds.seismic.values.reshape(20, -1))
        table = loader.load_headers(["INLINE_3D", "CROSSLINE_3D"], max_workers=1)
        assert (loader.sample_interval, loader.delay) == (4000, 1000)
    np.testing.assert_array_equal(table["INLINE_3D"].values.reshape(4, 5)[:, 0], ds.iline.values)
    np.testing.assert_array_equal(table["CROSSLINE_3D"].values[:5], ds.xline.values)


def test_round_trip_is_exact_through_open_segy(make_dataset: Make, tmp_path: Path) -> None:
    ds = make_dataset()
    seismic_io.to_segy(ds, tmp_path / "a.sgy")
    report = seismic_io.inspect(tmp_path / "a.sgy")
    assert (report.problems, report.revision, report.geometry) == ((), "1.0", "3d")
    with seismic_io.open_segy(tmp_path / "a.sgy") as cube:
        back = cube.to_xarray()
    np.testing.assert_array_equal(back.seismic.values, ds.seismic.values)
    for name in ("iline", "xline", "twt"):
        np.testing.assert_array_equal(back[name].values, ds[name].values)
    for name in ("cdp_x", "cdp_y"):
        np.testing.assert_allclose(back[name].values, ds[name].values, rtol=0, atol=CENTIMETRE)


def test_ibm_is_close_and_the_dataset_is_left_alone(make_dataset: Make, tmp_path: Path) -> None:
    ds = make_dataset()
    before = ds.seismic.values.copy()
    seismic_io.to_segy(ds, tmp_path / "a.sgy", format="ibm")
    np.testing.assert_array_equal(ds.seismic.values, before)  # segyio encodes in place
    with seismic_io.open_segy(tmp_path / "a.sgy") as cube:
        np.testing.assert_allclose(cube.read(), before, rtol=IBM_RELATIVE, atol=0)


def test_integers_are_written_exactly_with_their_meanings(
    make_dataset: Make, tmp_path: Path
) -> None:
    ds = make_dataset()
    seismic_io.to_segy(ds, tmp_path / "a.sgy", variable="lithology")
    with seismic_io.open_segy(tmp_path / "a.sgy") as cube:
        np.testing.assert_array_equal(cube.read(), ds.lithology.values)
        assert "0=shale 1=sandstone 2=marl" in cube.text


@pytest.mark.parametrize("select", ["argument", "before"])
def test_one_angle_is_written(make_dataset: Make, tmp_path: Path, select: str) -> None:
    ds = make_dataset()
    if select == "argument":
        seismic_io.to_segy(ds, tmp_path / "a.sgy", "angle_stack", angle=15)
    else:
        seismic_io.to_segy(ds.angle_stack.sel(angle=15), tmp_path / "a.sgy")
    with seismic_io.open_segy(tmp_path / "a.sgy") as cube:
        np.testing.assert_array_equal(cube.read(), ds.angle_stack.values[1])
        assert "angle 15 degrees" in cube.text


@pytest.mark.parametrize(
    ("t0_s", "delay", "scalar"),
    [(0.0, 0, 1), (-0.1, -100, 1), (1.0005, 10005, -10), (0.000001, 1, -1000), (40.0, 4000, 10)],
)
def test_first_time_uses_the_scalar_it_needs(
    make_dataset: Make, tmp_path: Path, t0_s: float, delay: int, scalar: int
) -> None:
    seismic_io.to_segy(make_dataset(t0_s=t0_s), tmp_path / "a.sgy")
    with segyio.open(tmp_path / "a.sgy", ignore_geometry=True) as file:
        assert set(file.attributes(109)[:]) == {delay}
        assert set(file.attributes(215)[:]) == {scalar}
    with seismic_io.open_segy(tmp_path / "a.sgy") as cube:
        assert cube.twt[0] == t0_s


def test_missing_coordinates_are_stated_and_read_as_none(
    make_dataset: Make, tmp_path: Path
) -> None:
    seismic_io.to_segy(make_dataset().drop_vars(["cdp_x", "cdp_y"]), tmp_path / "a.sgy")
    with seismic_io.open_segy(tmp_path / "a.sgy") as cube:
        assert cube.cdp_x is None
        assert "Coordinates: none" in cube.text


def test_large_coordinates_lose_the_centimetre_not_the_metre(
    make_dataset: Make, tmp_path: Path
) -> None:
    ds = make_dataset()
    ds = ds.assign_coords(cdp_x=ds.cdp_x + 1e8)
    seismic_io.to_segy(ds, tmp_path / "a.sgy")
    with seismic_io.open_segy(tmp_path / "a.sgy") as cube:
        assert cube.cdp_x is not None
        np.testing.assert_allclose(cube.cdp_x, ds.cdp_x.values, rtol=0, atol=0.05 + 1e-6)
        assert "decimetres" in cube.text


def nan_sample(ds: xr.Dataset) -> xr.Dataset:
    ds.seismic[1, 2, 3] = np.nan
    return ds


REFUSALS: dict[str, tuple[Callable[[xr.Dataset], xr.Dataset], type[LithogenError], str]] = {
    "order": (lambda d: d.transpose("xline", "iline", "twt", "angle"), ShapeError, "transpose"),
    "nan": (nan_sample, OutputError, r"index \(1, 2, 3\)"),
    "uneven twt": (lambda d: d.assign_coords(twt=[1, 1.004, 1.008, 1.012, 1.017, 1.02]),
                   ShapeError, "not evenly spaced"),
    "falling twt": (lambda d: d.isel(twt=slice(None, None, -1)), ShapeError, "above 0"),
    "half us": (lambda d: d.assign_coords(twt=0.0040005 * np.arange(6)), OutputError,
                "whole microseconds"),
    "long dt": (lambda d: d.assign_coords(twt=0.05 * np.arange(6)), OutputError, "32767"),
    "start": (lambda d: d.assign_coords(twt=100.000001 + 0.004 * np.arange(6)), OutputError,
              "109-110"),
    "one sample": (lambda d: d.isel(twt=[0]), ShapeError, "2 samples"),
    "long trace": (lambda d: d.isel(iline=[0], xline=[0]).pad(twt=(0, 33000), mode="edge")
                   .assign_coords(twt=0.001 * np.arange(33006)), OutputError, "32767"),
    "fraction line": (lambda d: d.assign_coords(iline=[1, 2, 3, 4.5]), ShapeError, "integers"),
    "same line": (lambda d: d.assign_coords(xline=[1, 2, 3, 3, 4]), ShapeError, "repeat"),
    "big line": (lambda d: d.assign_coords(iline=[1, 2, 3, 2**40]), ShapeError, "32-bit"),
    "no twt": (lambda d: d.drop_vars("twt"), ShapeError, "twt is missing"),
    "x only": (lambda d: d.drop_vars("cdp_y"), ShapeError, "both"),
    "nan x": (lambda d: d.assign_coords(cdp_x=d.cdp_x * np.nan), OutputError, "cdp_x"),
    "huge x": (lambda d: d.assign_coords(cdp_x=d.cdp_x * 1e6), OutputError, "32 bits"),
    "double": (lambda d: d.assign(seismic=d.seismic.astype("f8") / 3), OutputError, "float32"),
    "text": (lambda d: d.assign(seismic=d.seismic.astype(str)), OutputError, "numbers"),
    "no variable": (lambda d: d.drop_vars("seismic"), ConfigError, "angle_stack"),
}


@pytest.mark.parametrize("case", list(REFUSALS))
def test_what_segy_cannot_hold_is_refused(make_dataset: Make, tmp_path: Path, case: str) -> None:
    change, error, message = REFUSALS[case]
    with pytest.raises(error, match=message) as caught:
        seismic_io.to_segy(change(make_dataset()), tmp_path / "a.sgy")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("angle", [None, 6.0])
def test_unknown_angle_lists_the_known_ones(
    make_dataset: Make, tmp_path: Path, angle: float | None
) -> None:
    with pytest.raises(ConfigError, match=r"\[5.0, 15.0\]"):
        seismic_io.to_segy(make_dataset(), tmp_path / "a.sgy", "angle_stack", angle=angle)


def test_unknown_format_is_refused(make_dataset: Make, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'ieee' or 'ibm'"):
        seismic_io.to_segy(make_dataset(), tmp_path / "a.sgy", format="float")


def test_file_size_limit_leaves_nothing_and_keeps_the_old_file(
    make_dataset: Make, tmp_path: Path
) -> None:
    path = tmp_path / "a.sgy"
    seismic_io.to_segy(make_dataset((2, 2, 4)), path)
    before = path.read_bytes()
    big = make_dataset((8, 8, 500))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, hard))
    try:
        with pytest.raises(OutputError, match=r"a\.sgy"):
            seismic_io.to_segy(big, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["missing/a.sgy", "file/a.sgy", "folder"])
def test_unwritable_places_are_output_errors(
    make_dataset: Make, tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_text("keep")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError):
        seismic_io.to_segy(make_dataset(), tmp_path / place)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "keep"
