"""Lithology, impedance and seismic of one section in one figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from lithogen.errors import ConfigError, require
from viz.section import plot_section
from viz.style import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL_SIZE_IN = (5.6, 5.2)
PANELS = ("lithology", "impedance", "seismic")


def plot_side_by_side(
    ds: xr.Dataset,
    *,
    iline: float | None = None,
    xline: float | None = None,
    variables: Sequence[str] = PANELS,
    along: str = "line",
    percentile: float = 99.0,
    path: Path | str | None = None,
) -> tuple[Axes, ...]:
    """Draw one section of several variables, each with its own colour bar.

    Parameters
    ----------
    ds : Dataset with dims (iline, xline, twt).
    iline, xline : line number of the section; the middle inline by default.
    variables : names of the panels, left to right.
    along, percentile : as for `plot_section`.
    path : file to save to (.png, .pdf, .svg), written atomically.

    Returns
    -------
    One Axes per variable; `axes[0].figure` is the figure. The panels share both axes.

    Raises
    ------
    ConfigError : unknown variable, line or option.
    ShapeError : the dims are not (iline, xline, twt), or a coordinate is uneven.
    OutputError : `path` cannot be written.

    Examples
    --------
    >>> axes = plot_side_by_side(ds, iline=12, path="overview.png")  # doctest: +SKIP
    """
    from matplotlib.figure import Figure

    require(len(variables) > 0, "variables is empty, wanted at least one name")
    if iline is None and xline is None:
        if "iline" not in ds.coords:
            raise ConfigError("the Dataset has no coordinate 'iline', wanted line numbers")
        iline = float(ds["iline"].values[ds.sizes["iline"] // 2])
    width, height = PANEL_SIZE_IN
    figure = Figure(figsize=(width * len(variables), height), layout="constrained")
    figure.get_layout_engine().set(wspace=0.04)  # type: ignore[union-attr, call-arg]
    panels = figure.subplots(1, len(variables), sharex=True, sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, variables, strict=True):
        plot_section(
            ds, variable=name, iline=iline, xline=xline, along=along, percentile=percentile,
            axes=axes,
        )
        axes.label_outer()
    if path is not None:
        save_figure(figure, path, f"{' | '.join(variables)}", ds.attrs)
    return tuple(panels)
