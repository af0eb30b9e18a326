"""Cutting one plane out of a Dataset, with the true coordinates of its two axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from lithogen.errors import ConfigError, ShapeError, require
from lithogen.grid import AXES

Volume = xr.Dataset | xr.DataArray
UNEVEN_SHARE = 1e-3  # a coordinate may be rounded by this share of its step


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Values on a plane, and the centre positions along its two axes.

    Parameters
    ----------
    values : array (n_down, n_across); the first axis is drawn downwards.
    across, down : positions of the samples, evenly spaced.
    across_label, down_label : axis labels with units.
    title : which plane this is.
    """

    values: NDArray[Any]
    across: NDArray[np.float64]
    down: NDArray[np.float64]
    across_label: str
    down_label: str
    title: str

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """(left, right, bottom, top): the outer edges of the samples, down increasing."""
        edges = []
        for centres in (self.across, self.down):
            half = 0.5 * step_of(centres)
            edges += [float(centres[0] - half), float(centres[-1] + half)]
        return (edges[0], edges[1], edges[3], edges[2])


def step_of(centres: NDArray[np.float64]) -> float:
    """Return the step between samples; 1.0 for a single sample."""
    if len(centres) == 1:
        return 1.0
    return float((centres[-1] - centres[0]) / (len(centres) - 1))


def pick_variable(volume: Volume, variable: str | None) -> xr.DataArray:
    """Return the variable as a DataArray with dims (iline, xline, twt).

    Raises
    ------
    ConfigError : no such variable, or none named where the Dataset holds several.
    ShapeError : other dims, another order, or an empty axis.
    """
    if isinstance(volume, xr.DataArray):
        cube = volume
    else:
        known = [str(name) for name in volume.data_vars]
        if variable not in known:
            raise ConfigError(
                f"variable {variable!r} is not in the Dataset, wanted one of: {', '.join(known)}"
            )
        cube = volume[variable]
    extra = [str(d) for d in cube.dims if d not in AXES]
    hint = f"select one with .sel({extra[0]}=...)" if extra else "call .transpose(*order)"
    require(
        cube.dims == AXES,
        f"{cube.name or 'the array'} has axes {tuple(map(str, cube.dims))}, wanted {AXES}; {hint}",
        ShapeError,
    )
    require(cube.size > 0, f"{cube.name} is empty, shape {cube.shape}", ShapeError)
    for name in AXES:
        if name not in cube.coords:
            raise ShapeError(
                f"{cube.name or 'the array'} has no coordinate {name!r}, wanted line numbers and "
                "two-way time in seconds; call .assign_coords(...)"
            )
    return cube


def cut(
    cube: xr.DataArray,
    *,
    iline: float | None = None,
    xline: float | None = None,
    twt: float | None = None,
    along: str = "line",
) -> Plane:
    """Cut a plane at a line number or a two-way time.

    Parameters
    ----------
    cube : DataArray (iline, xline, twt).
    iline, xline : line number (not index); twt : seconds, the nearest sample within half a
        step. Exactly one of the three.
    along : "line" for line numbers, "distance" for metres from cdp_x and cdp_y.

    Raises
    ------
    ConfigError : none or several planes named, or a position outside the volume.
    ShapeError : a coordinate is not evenly spaced.
    """
    wanted = {k: v for k, v in zip(AXES, (iline, xline, twt), strict=True) if v is not None}
    require(
        len(wanted) == 1,
        f"planes named: {wanted or 'none'}, wanted exactly one of iline=, xline=, twt=",
    )
    require(along in ("line", "distance"), f"along is {along!r}, wanted 'line' or 'distance'")
    fixed, position = next(iter(wanted.items()))
    index = _index_of(cube, fixed, position)
    plane = cube.isel({fixed: index})
    across_name = "xline" if fixed != "xline" else "iline"
    down_name = "iline" if fixed == "twt" else "twt"
    across, across_label = _positions(plane, across_name, along)
    down, down_label = _positions(plane, down_name, along)
    found = float(cube[fixed].values[index])
    title = f"twt {found:.3f} s" if fixed == "twt" else f"{_word(fixed)} {found:g}"
    values = plane.transpose(down_name, across_name).values
    return Plane(values, across, down, across_label, down_label, title)


def _word(name: str) -> str:
    return {"iline": "inline", "xline": "crossline"}[name]


def _index_of(cube: xr.DataArray, name: str, position: float) -> int:
    centres = np.asarray(cube[name].values, dtype=np.float64)
    index = int(np.abs(centres - position).argmin())
    tolerance = 0.5 * abs(step_of(centres)) * (1.0 + UNEVEN_SHARE) if name == "twt" else 1e-6
    require(
        abs(centres[index] - position) <= tolerance,
        f"{name} {position:g} is not in the volume, wanted {centres.min():g} to "
        f"{centres.max():g}; the nearest is {centres[index]:g}",
    )
    return index


def _positions(plane: xr.DataArray, name: str, along: str) -> tuple[NDArray[np.float64], str]:
    if name == "twt":
        centres, label = np.asarray(plane["twt"].values, dtype=np.float64), "two-way time (s)"
    elif along == "distance":
        centres, label = _distance_m(plane, name), "distance (m)"
    else:
        centres = np.asarray(plane[name].values, dtype=np.float64)
        label = f"{_word(name)} number"
    steps = np.diff(centres)
    is_even = bool(np.all(np.abs(steps - step_of(centres)) <= UNEVEN_SHARE * abs(step_of(centres))))
    require(
        is_even and step_of(centres) != 0.0,
        f"{name} ({label}) is not evenly spaced: steps {steps.min() if len(steps) else 0:g} to "
        f"{steps.max() if len(steps) else 0:g}; resample or cut to an even part first",
        ShapeError,
    )
    return centres, label


def _distance_m(plane: xr.DataArray, name: str) -> NDArray[np.float64]:
    for coordinate in ("cdp_x", "cdp_y"):
        if coordinate not in plane.coords:
            raise ConfigError(
                f"along='distance' wanted the coordinate {coordinate}, which is missing; "
                "use along='line'"
            )
    first = {d: 0 for d in plane["cdp_x"].dims if d != name}
    east = np.asarray(plane["cdp_x"].isel(first).values, dtype=np.float64)
    north = np.asarray(plane["cdp_y"].isel(first).values, dtype=np.float64)
    distance = np.hypot(east - east[0], north - north[0])
    return np.asarray(distance, dtype=np.float64)
