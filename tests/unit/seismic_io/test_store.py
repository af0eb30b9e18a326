"""Zarr and NetCDF keep values and attributes, and replace only what is theirs."""

from __future__ import annotations

import json
import resource
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

import seismic_io
from lithogen.errors import OutputError
from lithogen.grid import Spacing

Make = Callable[..., xr.Dataset]


@pytest.mark.parametrize("kind", ["zarr", "nc"])
def test_values_and_attributes_come_back(make_dataset: Make, tmp_path: Path, kind: str) -> None:
    ds = make_dataset()
    ds.attrs |= {"spacing": Spacing(), "none": None, "flag": True, "mean": np.float32(0.5),
                 "where": tmp_path, "angles": (5, 15), "names": ["a", "b"]}
    path = tmp_path / f"w.{kind}"
    if kind == "zarr":
        seismic_io.to_zarr(ds, path)
        back = xr.open_zarr(path, consolidated=False).load()
    else:
        seismic_io.to_netcdf(ds, path)
        back = xr.load_dataset(path)
    for name in ("seismic", "lithology", "angle_stack", "iline", "twt", "cdp_x"):
        np.testing.assert_array_equal(back[name].values, ds[name].values)
    assert back.lithology.dtype == np.int8
    assert json.loads(back.attrs["scenario"]) == {"net_to_gross": 0.3}
    assert json.loads(back.attrs["spacing"])["dt_s"] == 0.004
    assert (back.attrs["seed"], back.attrs["none"], back.attrs["mean"]) == (7, "", 0.5)
    assert ds.attrs["scenario"] == {"net_to_gross": 0.3}  # the caller's Dataset is untouched
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_zarr_is_version_3_with_bounded_chunks(make_dataset: Make, tmp_path: Path) -> None:
    seismic_io.to_zarr(make_dataset((2, 3, 300)), tmp_path / "w.zarr")
    group = zarr.open_group(tmp_path / "w.zarr", mode="r")
    assert group.metadata.zarr_format == 3
    chunks = {name: array.chunks for name, array in group.arrays()}
    assert chunks["seismic"] == (2, 3, 128)
    assert chunks["angle_stack"] == (1, 2, 3, 128)


def test_a_zarr_can_be_written_again_from_itself(make_dataset: Make, tmp_path: Path) -> None:
    seismic_io.to_zarr(make_dataset((2, 3, 300)), tmp_path / "w.zarr")
    with warnings.catch_warnings():
        # A reader of a finished store sees no warning.
        warnings.simplefilter("error")
        back = xr.open_zarr(tmp_path / "w.zarr")
    seismic_io.to_zarr(back.isel(twt=slice(100)).load(), tmp_path / "w.zarr")
    assert xr.open_zarr(tmp_path / "w.zarr", consolidated=False).sizes["twt"] == 100


def test_a_folder_that_is_no_zarr_is_kept(make_dataset: Make, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/a.txt").write_text("keep")
    (tmp_path / "file").write_text("keep")
    for name in ("precious", "file"):
        with pytest.raises(OutputError, match="no Zarr folder"):
            seismic_io.to_zarr(make_dataset(), tmp_path / name)
    assert (tmp_path / "precious/a.txt").read_text() == "keep"


@pytest.mark.parametrize("write", ["to_zarr", "to_netcdf"])
def test_file_size_limit_leaves_nothing_and_keeps_the_old(
    make_dataset: Make, tmp_path: Path, write: str
) -> None:
    function = getattr(seismic_io, write)
    function(make_dataset((2, 2, 4)), tmp_path / "w")
    big = make_dataset((64, 64, 64))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100000, hard))
    try:
        with pytest.raises(OutputError, match="cannot write"):
            function(big, tmp_path / "w")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [p.name for p in tmp_path.iterdir()] == ["w"]
    if write == "to_zarr":
        assert xr.open_zarr(tmp_path / "w", consolidated=False).sizes["twt"] == 4
    else:
        assert xr.load_dataset(tmp_path / "w", engine="scipy").sizes["twt"] == 4


@pytest.mark.parametrize("write", ["to_zarr", "to_netcdf"])
def test_failures_are_output_errors_and_leave_nothing(
    make_dataset: Make, tmp_path: Path, write: str
) -> None:
    function = getattr(seismic_io, write)
    with pytest.raises(OutputError, match="does not exist"):
        function(make_dataset(), tmp_path / "missing/w")
    with pytest.raises(OutputError, match="attribute 'bad'"):
        function(make_dataset().assign_attrs(bad=object()), tmp_path / "w")
    with pytest.raises(OutputError, match="attribute 'deep'"):
        function(make_dataset().assign_attrs(deep={"a": object()}), tmp_path / "w")
    assert list(tmp_path.iterdir()) == []


def test_a_type_that_netcdf_cannot_hold_is_an_output_error(
    make_dataset: Make, tmp_path: Path
) -> None:
    ds = make_dataset().assign(seismic=lambda d: d.seismic.astype(np.complex64))
    with pytest.raises(OutputError, match="to_zarr"):
        seismic_io.to_netcdf(ds, tmp_path / "w.nc")
    assert list(tmp_path.iterdir()) == []
