"""Files that commands read and write, and options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lithogen.errors import ConfigError, OutputError, require

if TYPE_CHECKING:
    import xarray as xr

SEGY_ENDINGS = (".sgy", ".segy")
STORE_ENDINGS = (".zarr", ".nc")
Angles = Annotated[str, typer.Option(help="Incidence angles in degrees, e.g. 5,15,25.")]
Overwrite = Annotated[bool, typer.Option(
    "--overwrite", help="Replace an earlier result of this command.")]


def angles_of(text: str) -> tuple[float, ...]:
    """Return the angles of an option as degrees."""
    try:
        return tuple(float(part) for part in text.replace(",", " ").split())
    except ValueError as exc:
        raise ConfigError(f"--angles is {text!r}, wanted degrees such as 5,15,25") from exc


def check_target(
    target: Path, is_overwriting: bool, endings: tuple[str, ...], source: Path
) -> None:
    """Refuse a target before any work starts."""
    require(target.suffix.lower() in endings,
            f"{target} ends in {target.suffix or 'nothing'!r}, wanted {' or '.join(endings)}")
    require(target.parent.is_dir(), f"folder {target.parent} does not exist; create it first",
            OutputError)
    require(os.access(target.parent, os.W_OK), f"folder {target.parent} cannot be written; choose "
            "another", OutputError)
    require(target.resolve() != source.resolve(), f"{target} is also the input; choose another",
            OutputError)
    is_folder = target.suffix.lower() == ".zarr"
    require(not target.exists() or (is_overwriting and target.is_dir() == is_folder),
            f"{target} exists; choose another name"
            f"{'' if target.exists() and is_overwriting else ', or add --overwrite'}", OutputError)


def open_store(path: Path) -> xr.Dataset:
    """Open a Zarr folder or a NetCDF file."""
    import xarray as xr

    require(path.exists(), f"{path} does not exist, wanted a .zarr folder or a .nc file")
    ending = path.suffix.lower()
    require(ending in STORE_ENDINGS, f"{path} ends in {ending or 'nothing'!r}, wanted .zarr or .nc")
    try:
        is_zarr = ending == ".zarr"
        if is_zarr:
            # Every store can be read without consolidated metadata.
            stored: xr.Dataset = xr.open_zarr(path, chunks=None, consolidated=False)
            return stored
        return xr.open_dataset(path)
    except (OSError, ValueError, TypeError, KeyError) as exc:
        raise ConfigError(
            f"{path} cannot be read as {ending}: {exc}; wanted what xarray or lithogen wrote"
        ) from exc


def write(ds: xr.Dataset, target: Path, variable: str, angle: float | None) -> None:
    """Write a Dataset, or one variable of it, in the format that the ending names."""
    import seismic_io

    ending = target.suffix.lower()
    if ending == ".zarr":
        seismic_io.to_zarr(ds, target)
    elif ending == ".nc":
        seismic_io.to_netcdf(ds, target)
    else:
        seismic_io.to_segy(ds, target, variable, angle=angle)
