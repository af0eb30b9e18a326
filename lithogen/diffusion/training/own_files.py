"""Files of a user's own labelled models: opened and checked, nothing changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lithogen.config import nearest_name
from lithogen.errors import LithogenError, require
from lithogen.grid import AXES, MIN_SIZE, Index3, Spacing
from lithogen.rockphysics.facies import FACIES

if TYPE_CHECKING:
    import xarray

ENDINGS = (".nc", ".zarr")
ELASTIC = ("vp", "vs", "rho")
DT_S = (0.0005, 0.008)
STEP_M = (3.0, 100.0)
# Coordinates in single precision and rounded headers are this far off, relative to a step.
STEP_TOLERANCE = 0.01
_SHEAR_ADVICE = ("derive it first, e.g. ds['vs'] = 0.862 * ds['vp'] - 1172 (m/s, water-saturated "
                 "clastics, Castagna et al. 1985) or, better, a relation for each facies")
_DENSITY_ADVICE = ("derive it first, e.g. ds['rho'] = 310 * ds['vp'] ** 0.25 (kg/m3 and m/s, "
                   "Gardner et al. 1974) or, better, a relation for each facies")
_ADVICE = {
    "lithology": "integer codes with attributes flag_values and flag_meanings",
    "vp": "the P-wave velocity in m/s", "vs": _SHEAR_ADVICE, "rho": _DENSITY_ADVICE,
}


class OwnDataError(LithogenError):
    """A user's own labelled model cannot be trained on as it is."""


def own_paths(folder: Path | str) -> list[Path]:
    """Return the .nc files and .zarr folders of a folder, sorted by name.

    Raises
    ------
    OwnDataError : no such folder, or none in it.
    """
    root = Path(folder)
    require(root.is_dir(), f"{root} is not a folder, wanted one with .nc or .zarr models",
            OwnDataError)
    found = sorted(p for p in root.iterdir() if p.suffix.lower() in ENDINGS)
    require(bool(found), f"folder {root} holds no .nc file and no .zarr folder, wanted at least "
            "one labelled model; `lithogen convert` makes them from SEG-Y", OwnDataError)
    return found


def open_own(path: Path) -> xarray.Dataset:
    """Open a NetCDF file or a Zarr folder; values are read when they are asked for.

    Raises
    ------
    OwnDataError : it cannot be read.
    """
    import xarray

    try:
        if path.suffix.lower() == ".zarr":
            # Any store can be read without consolidated metadata; codes stay codes.
            stored: xarray.Dataset = xarray.open_zarr(path, chunks=None, consolidated=False)
            return stored
        return xarray.open_dataset(path)
    except (OSError, ValueError, TypeError, KeyError) as exc:
        raise OwnDataError(f"{path} cannot be read: {exc}; wanted a model that xarray wrote"
                           ) from exc


def check_model(ds: xarray.Dataset, name: str) -> Index3:
    """Check the variables, axes and size of a model; return its shape.

    Parameters
    ----------
    ds : the model. name : what to call it in messages.

    Raises
    ------
    OwnDataError : a variable is missing or has other axes, or the model is too small.
    """
    for variable, advice in _ADVICE.items():
        require(variable in ds, f"{name} has no variable {variable}, only "
                f"{', '.join(map(str, ds.data_vars))}; {advice}", OwnDataError)
    require("rgt" in ds or "horizons" in ds, f"{name} has neither rgt (iline, xline, twt) nor "
            "horizons (horizon, iline, xline) in seconds, wanted one: layers must be known",
            OwnDataError)
    volumes = ("lithology", *ELASTIC, *(n for n in ("rgt",) if n in ds))
    for variable in volumes:
        _check_dims(ds, variable, AXES, name)
    if "rgt" not in ds:
        _check_dims(ds, "horizons", ("horizon", *AXES[:2]), name)
    sizes = ds["lithology"].shape
    require(sizes[2] >= MIN_SIZE, f"{name} has {_times(sizes)} voxels, wanted at least {MIN_SIZE} "
            "along twt: nothing is padded or resized", OwnDataError)
    return int(sizes[0]), int(sizes[1]), int(sizes[2])


def _check_dims(
    ds: xarray.Dataset, variable: str, dims: tuple[str, ...], name: str
) -> None:
    got = tuple(map(str, ds[variable].dims))
    require(got == dims, f"{variable} of {name} has axes {got}, wanted {dims}; "
            f"call .transpose{dims} or rename them", OwnDataError)


def _times(sizes: tuple[int, ...]) -> str:
    return " x ".join(map(str, sizes))


def spacing_of(ds: xarray.Dataset, name: str) -> tuple[Spacing, int]:
    """Return the spacing of a model, and the index of its first sample counted from time zero.

    Lateral steps come from cdp_x and cdp_y (m), or from the attributes dx_m and dy_m.

    Raises
    ------
    OwnDataError : coordinates are missing or uneven, or the spacing lies outside of 0.5 to 8 ms
        and 3 to 100 m.
    """
    require("twt" in ds.coords, f"{name} has no coordinate twt, wanted seconds", OwnDataError)
    twt_s = np.asarray(ds["twt"].to_numpy(), dtype=np.float64)
    dt_s = _even_step(twt_s, f"twt of {name}")
    dt_s = _known(dt_s, DT_S, f"the time step of {name}", "s",
                  "; divide twt by 1000 if it is in ms")
    first = float(twt_s[0] / dt_s)
    require(abs(first - round(first)) <= STEP_TOLERANCE,
            f"twt of {name} begins at {twt_s[0]:g} s, wanted a multiple of {dt_s:g} s; shift "
            "the model's time axis to the lattice", OwnDataError)
    dy_m, dx_m = (_lateral_step(ds, axis, name) for axis in (0, 1))
    return Spacing(dt_s, dx_m, dy_m), round(first)


def _even_step(values: NDArray[np.float64], what: str) -> float:
    require(len(values) > 1 and bool(np.isfinite(values).all()),
            f"{what} has {len(values)} values or gaps, wanted an even axis", OwnDataError)
    step = float(values[-1] - values[0]) / (len(values) - 1)
    off = np.abs(np.diff(values) - step) > STEP_TOLERANCE * abs(step)
    require(not off.any(), f"{what} is not even: its mean step is {step:g}, after index "
            f"{int(off.argmax())} it is {float(np.diff(values)[off.argmax()]):g}", OwnDataError)
    return step


def _lateral_step(ds: xarray.Dataset, axis: int, name: str) -> float:
    dim, attribute = AXES[axis], ("dy_m", "dx_m")[axis]
    what = f"the distance between {dim}s of {name}"
    if attribute in ds.attrs:
        return _known(float(ds.attrs[attribute]), STEP_M, what, "m", "")
    require("cdp_x" in ds and "cdp_y" in ds, f"{name} has no coordinates cdp_x and cdp_y "
            f"(iline, xline), wanted them in metres, or attributes dx_m and dy_m", OwnDataError)
    steps = []
    for coordinate in ("cdp_x", "cdp_y"):
        _check_dims(ds, coordinate, AXES[:2], name)
        steps.append(np.diff(np.asarray(ds[coordinate].to_numpy(), dtype=np.float64), axis=axis))
    distance = np.hypot(*steps)
    mean = float(distance.mean())
    is_even = bool((np.abs(distance - mean) <= STEP_TOLERANCE * mean).all())
    require(is_even, f"{what} runs from {distance.min():g} to {distance.max():g} m, wanted "
            "an even lattice; nothing is resampled", OwnDataError)
    return _known(mean, STEP_M, what, "m", "")


def _known(
    step: float, limits: tuple[float, float], what: str, unit: str, advice: str
) -> float:
    """Return a spacing within limits, without the rounding of coordinates."""
    low, high = limits
    require(low <= step <= high, f"{what} is {step:g} {unit}, wanted {low:g} to {high:g} {unit}: "
            f"nothing is resampled, do it with a tool of your choice{advice}", OwnDataError)
    return float(f"{step:.6g}")


def facies_table(attrs: Mapping[Any, Any], name: str) -> dict[int, int]:
    """Return the package's code for each of a model's facies values.

    Parameters
    ----------
    attrs : attributes of `lithology`: flag_values, and flag_meanings as words (CF conventions).

    Raises
    ------
    OwnDataError : attributes are missing or of different length, or a facies is unknown.
    """
    require("flag_values" in attrs and "flag_meanings" in attrs,
            f"lithology of {name} has no attributes flag_values and flag_meanings, wanted both, "
            "e.g. flag_values [0, 1], flag_meanings 'shale sandstone'", OwnDataError)
    values = [int(v) for v in np.atleast_1d(attrs["flag_values"])]
    words = str(attrs["flag_meanings"]).split()
    require(len(values) == len(words), f"lithology of {name} has {len(values)} flag_values and "
            f"{len(words)} flag_meanings, wanted one word for each value", OwnDataError)
    for word in words:
        require(word in FACIES, f"facies {word!r} of {name} is unknown"
                f"{nearest_name(word, list(FACIES))}; known: {', '.join(FACIES)}; rename it in "
                "flag_meanings to the nearest of these", OwnDataError)
    return {value: FACIES.index(word) for value, word in zip(values, words, strict=True)}


def facies_codes(
    raw: NDArray[Any], table: Mapping[int, int], name: str, first_iline: int = 0
) -> NDArray[np.int8]:
    """Return facies codes of the package, int8 like `raw`.

    Parameters
    ----------
    raw : values of `lithology`, (n_iline, n_xline, n_twt).
    table : see `facies_table`. first_iline : index of its first inline, for messages.

    Raises
    ------
    OwnDataError : a value is not among the model's flag_values; names the first voxel.
    """
    known = np.array(sorted(table))
    refuse_first(~np.isin(raw, known), raw, f"lithology of {name}", first_iline,
                 f"one of its flag_values {known.tolist()}")
    codes = np.array([table[value] for value in known.tolist()], dtype=np.int8)
    return np.asarray(codes[np.searchsorted(known, raw)])


def refuse_first(
    is_bad: NDArray[np.bool_], values: NDArray[Any], what: str, first_iline: int, wanted: str
) -> None:
    """Raise for the first bad voxel of an array (n_iline, n_xline, n_twt), if there is one.

    Raises
    ------
    OwnDataError : naming variable, value and index.
    """
    if is_bad.any():
        i, j, k = np.unravel_index(int(is_bad.argmax()), is_bad.shape)
        raise OwnDataError(
            f"{what} is {values[i, j, k]} at index iline {first_iline + i}, xline {j}, twt {k}, "
            f"and wrong in {int(is_bad.sum())} of {is_bad.size} voxels there; wanted {wanted}"
        )
