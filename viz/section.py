"""One picture of one plane: a vertical section or a time slice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from lithogen.errors import ConfigError, require
from viz.selection import Plane, Volume, cut, pick_variable
from viz.style import (
    NO_DATA_COLOUR,
    SEISMIC_COLOURS,
    facies_colour_map,
    figure_of,
    new_axes,
    percentile_limits,
    symmetric_limit,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar
    from matplotlib.image import AxesImage

SIZE_IN = (9.0, 5.5)
# Units as they are printed: factor on the SI value, and the text.
SHOWN_UNITS = {"kg/m2/s": (1e-6, "10⁶ kg m⁻² s⁻¹"), "kg/m3": (1.0, "kg m⁻³"), "m/s": (1.0, "m s⁻¹")}
SIGNED = ("seismic", "angle_stack", "reflectivity", "residual", "noise")


def plot_section(
    volume: Volume,
    *,
    variable: str | None = None,
    iline: float | None = None,
    xline: float | None = None,
    along: str = "line",
    percentile: float = 99.0,
    colours: str = "grey",
    axes: Axes | None = None,
) -> Axes:
    """Draw a vertical section with true axes and a colour bar.

    Parameters
    ----------
    volume : DataArray (iline, xline, twt), or a Dataset that holds `variable`.
    variable : name in the Dataset, "seismic" by default.
    iline, xline : line number of the section; exactly one of the two.
    along : "line" for line numbers across, "distance" for metres (needs cdp_x, cdp_y).
    percentile : limits of the colour scale, of |value| and symmetric for seismic.
    colours : "grey" (positive is black) or "red-blue" (positive is blue), for seismic.
    axes : Axes to draw into; a new figure by default.

    Returns
    -------
    The Axes: two-way time in seconds increases downwards.

    Raises
    ------
    ConfigError : unknown variable, line or option.
    ShapeError : the dims are not (iline, xline, twt), or a coordinate is uneven.

    Examples
    --------
    >>> axes = plot_section(ds, variable="impedance", iline=12)  # doctest: +SKIP
    """
    require(
        (iline is None) != (xline is None),
        f"got iline={iline}, xline={xline}, wanted one of the two; for a horizontal plane "
        "call plot_time_slice",
    )
    cube = pick_variable(volume, variable or "seismic")
    plane = cut(cube, iline=iline, xline=xline, along=along)
    return _draw(cube, plane, percentile, colours, new_axes(axes, SIZE_IN))


def plot_time_slice(
    volume: Volume,
    twt: float,
    *,
    variable: str | None = None,
    along: str = "line",
    percentile: float = 99.0,
    colours: str = "grey",
    axes: Axes | None = None,
) -> Axes:
    """Draw a horizontal plane at a two-way time, crossline across and inline down.

    Parameters
    ----------
    volume : DataArray (iline, xline, twt), or a Dataset that holds `variable`.
    twt : two-way time in seconds; the nearest sample, at most half a step away.
    variable, along, percentile, colours, axes : as for `plot_section`; with
        along="distance" both axes have the same scale.

    Returns
    -------
    The Axes.

    Raises
    ------
    ConfigError : unknown variable or option, or a time outside the volume.
    ShapeError : the dims are not (iline, xline, twt), or a coordinate is uneven.

    Examples
    --------
    >>> axes = plot_time_slice(ds, 1.2, variable="lithology")  # doctest: +SKIP
    """
    cube = pick_variable(volume, variable or "seismic")
    plane = cut(cube, twt=twt, along=along)
    drawn = _draw(cube, plane, percentile, colours, new_axes(axes, SIZE_IN))
    if along == "distance":
        drawn.set_aspect("equal")
    return drawn


def _draw(
    cube: xr.DataArray, plane: Plane, percentile: float, colours: str, axes: Axes
) -> Axes:
    if "flag_meanings" in cube.attrs:
        _draw_facies(cube, plane, axes)
    else:
        _draw_values(cube, plane, percentile, colours, axes)
    axes.set_xlabel(plane.across_label)
    axes.set_ylabel(plane.down_label)
    axes.set_title(f"{cube.name or 'values'}, {plane.title}")
    return axes


def _image(axes: Axes, plane: Plane, values: Any, **look: Any) -> AxesImage:
    image = axes.imshow(values, extent=plane.extent, aspect="auto", **look)
    axes.set_facecolor(NO_DATA_COLOUR)
    return image


def _bar(axes: Axes, image: AxesImage, label: str, **look: Any) -> Colorbar:
    # An inset beside the picture keeps the picture's height when the aspect is fixed.
    inset = axes.inset_axes((1.03, 0.0, 0.04, 1.0))
    return figure_of(axes).colorbar(image, cax=inset, label=label, **look)


def _draw_facies(cube: xr.DataArray, plane: Plane, axes: Axes) -> None:
    from matplotlib.colors import BoundaryNorm

    names = str(cube.attrs["flag_meanings"]).split()
    flags = np.atleast_1d(np.asarray(cube.attrs.get("flag_values", np.arange(len(names)))))
    require(
        len(flags) == len(names),
        f"{cube.name} has {len(flags)} flag_values for {len(names)} flag_meanings, wanted as many",
    )
    strange = sorted(set(np.unique(plane.values).tolist()) - set(flags.tolist()))
    require(
        not strange,
        f"{cube.name} holds the values {strange[:5]}, wanted only its flag_values {flags.tolist()}",
    )
    order = np.argsort(flags)
    classes = order[np.searchsorted(flags, plane.values, sorter=order)]
    norm = BoundaryNorm(np.arange(len(names) + 1) - 0.5, len(names))
    image = _image(
        axes, plane, classes, cmap=facies_colour_map(names), norm=norm, interpolation="nearest"
    )
    bar = _bar(axes, image, "facies class", ticks=np.arange(len(names)))
    bar.ax.set_yticklabels(names)
    bar.ax.tick_params(which="both", length=0)
    bar.ax.invert_yaxis()


def _draw_values(
    cube: xr.DataArray, plane: Plane, percentile: float, colours: str, axes: Axes
) -> None:
    factor, unit = SHOWN_UNITS.get(str(cube.attrs.get("units", "")), (1.0, None))
    unit = unit or str(cube.attrs.get("units", "no unit given"))
    unit = "relative" if unit == "1" else unit
    values = np.asarray(plane.values, dtype=np.float64) * factor
    if str(cube.name) in SIGNED:
        if colours not in SEISMIC_COLOURS:
            raise ConfigError(f"colours is {colours!r}, wanted one of {list(SEISMIC_COLOURS)}")
        high = symmetric_limit(values, percentile)
        low, shades = -high, SEISMIC_COLOURS[colours]
        stated = f"± percentile {percentile:g} of |{cube.name}|"
    else:
        low, high = percentile_limits(values, percentile)
        shades, stated = "viridis", f"percentiles {100 - percentile:g} to {percentile:g}"
    image = _image(
        axes, plane, np.ma.masked_invalid(values), cmap=shades, vmin=low, vmax=high
    )
    _bar(axes, image, f"{cube.name or 'values'} ({unit})\n{stated}", extend="both")
