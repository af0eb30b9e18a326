"""`to_zarr` and `to_netcdf`: whole Datasets, written to a temporary and renamed."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lithogen.config import atomic_path, consolidate_zarr
from lithogen.errors import OutputError, require

if TYPE_CHECKING:
    import xarray

CHUNK = 128
NETCDF3_TYPES = ("i1", "i2", "i4", "f4", "f8", "S1")


def to_zarr(ds: xarray.Dataset, path: Path | str) -> None:
    """Write a Dataset as a Zarr version 3 folder, chunks of at most 128 per axis.

    Attributes that JSON cannot hold as they are become JSON text (mappings), lists (arrays,
    tuples), numbers (NumPy scalars) or an empty string (None).

    Parameters
    ----------
    ds : any Dataset; path : folder. An existing Zarr folder is replaced when the new one is
    complete; any other existing folder or file is refused.

    Raises
    ------
    OutputError : the path cannot be written or is not a Zarr folder, or an attribute cannot
    be stored.

    Examples
    --------
    >>> to_zarr(ds, "world.zarr")  # doctest: +SKIP
    """
    target = Path(path)
    is_ours = (target / "zarr.json").is_file() or (target / ".zgroup").is_file()
    require(not target.exists() or is_ours, f"{target} exists and is no Zarr folder; choose"
            " another name, nothing was overwritten", OutputError)
    plain = _plain(ds, is_netcdf=False)
    encoding = {n: {"chunks": _chunks(plain[n].shape)} for n in plain.variables if plain[n].ndim}
    with atomic_path(target) as temporary:
        plain.to_zarr(temporary, mode="w", zarr_format=3, consolidated=False, encoding=encoding)
        consolidate_zarr(temporary)


def _chunks(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return chunk sizes: 128 along the last three axes, 1 along any before (angles)."""
    return (1,) * (len(shape) - 3) + tuple(min(CHUNK, max(n, 1)) for n in shape[-3:])


def to_netcdf(ds: xarray.Dataset, path: Path | str) -> None:
    """Write a Dataset as one NetCDF file: NetCDF 4 where h5netcdf or netCDF4 is installed.

    With SciPy alone the file is NetCDF 3 with 64-bit offsets: int64 coordinates are stored
    as int32, or refused where they do not fit.

    Parameters
    ----------
    ds : any Dataset; path : file, replaced when the new one is complete.

    Raises
    ------
    OutputError : no NetCDF library, a type it cannot hold, or the path cannot be written.

    Examples
    --------
    >>> to_netcdf(ds, "world.nc")  # doctest: +SKIP
    """
    engine = next((e for e, m in (("h5netcdf", "h5netcdf"), ("netcdf4", "netCDF4"),
                                  ("scipy", "scipy")) if importlib.util.find_spec(m)), None)
    require(engine is not None, "no NetCDF library is installed, wanted h5netcdf, netCDF4 or"
            " scipy; pip install h5netcdf", OutputError)
    plain = _plain(ds, is_netcdf=True)
    format = "NETCDF3_64BIT" if engine == "scipy" else "NETCDF4"
    with atomic_path(path) as temporary:
        try:
            plain.to_netcdf(temporary, engine=engine, format=format)  # type: ignore[call-overload]
        except (TypeError, ValueError) as exc:
            raise OutputError(f"{engine} cannot store this Dataset in {path}: {exc}; install"
                              " h5netcdf, or use to_zarr") from exc


def _plain(ds: xarray.Dataset, is_netcdf: bool) -> xarray.Dataset:
    """Return a shallow copy with storable attributes and no inherited encoding."""
    plain = ds.copy(deep=False).drop_encoding()
    plain.attrs = _attributes(ds.attrs, "the Dataset", is_netcdf)
    for name in ds.variables:
        plain[name].attrs = _attributes(ds[name].attrs, str(name), is_netcdf)
    return plain


def _attributes(attrs: Mapping[Any, Any], owner: str, is_netcdf: bool) -> dict[str, Any]:
    return {str(k): _value(v, f"attribute {k!r} of {owner}", is_netcdf) for k, v in attrs.items()}


def _value(value: Any, where: str, is_netcdf: bool) -> Any:
    """Return a JSON-able value; mappings become JSON text."""
    if value is None:
        return ""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, bool) and is_netcdf:
        return int(value)
    if isinstance(value, (tuple, list)):
        items = [_value(v, where, is_netcdf) for v in value]
        is_flat = all(isinstance(v, (int, float, str)) for v in items)
        kinds = {isinstance(v, str) for v in items}
        is_array = is_flat and (not is_netcdf or (bool(items) and kinds == {False}))
        return items if is_array else json.dumps(items)
    if isinstance(value, Mapping):
        try:
            return json.dumps(value, default=_json_default)
        except (TypeError, ValueError) as exc:
            raise OutputError(f"{where} cannot be stored: {exc}; wanted JSON values") from exc
    if isinstance(value, (str, int, float)):
        return value
    raise OutputError(f"{where} is a {type(value).__name__}, wanted text, numbers, lists or"
                      " mappings of them")


def _json_default(value: Any) -> Any:
    """Make NumPy values, dataclasses and paths inside mappings JSON-able."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a {type(value).__name__}")
