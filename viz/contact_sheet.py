"""Contact sheet: many worlds as small sections and time slices in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import ShapeError, require
from lithogen.grid import Spacing, check_shape
from viz.style import (
    DPI,
    NO_DATA_COLOUR,
    SEISMIC_COLOURS,
    facies_colour_map,
    percentile_limits,
    save_figure,
    symmetric_limit,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

PERCENTILE = 99.0
# One salt stock of 24 worlds would take half the colours from all the others.
IMPEDANCE_PERCENTILE = 96.0
IMPEDANCE_UNIT = 1e-6  # printed in 10^6 kg/m2/s
# Inches; one voxel is one pixel of the saved file, so that nothing is blurred or dropped.
GAP, TITLE, HEAD, FOOT, SIDE = 0.06, 0.42, 0.75, 0.5, 0.6


@dataclass(frozen=True, slots=True, eq=False)
class SheetWorld:
    """One world of a contact sheet.

    Parameters
    ----------
    title : printed above. words : printed below the time slice, one a line.
    lithology : facies codes of an inline, (n_xline, n_twt).
    impedance : kg/m2/s, same shape. seismic : amplitudes, same shape.
    time_slice : facies codes of a horizontal plane, (n_iline, n_xline).
    """

    title: str
    lithology: NDArray[np.integer]
    impedance: NDArray[np.floating]
    seismic: NDArray[np.floating]
    time_slice: NDArray[np.integer]
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("impedance", "seismic"):
            check_shape(getattr(self, name).shape, self.lithology.shape, name)
        n_xline = self.lithology.shape[0]
        require(self.time_slice.ndim == 2 and self.time_slice.shape[1] == n_xline,
                f"time_slice has shape {self.time_slice.shape}, wanted (n_iline, {n_xline}): "
                "the crosslines of the section", ShapeError)


@dataclass(frozen=True, slots=True)
class SheetPlace:
    """Where the panels of every world lie.

    Parameters
    ----------
    spacing : of the voxels. top_s : two-way time of the first sample of the sections.
    slice_s : two-way time of the time slices. section_iline : row of the slices that the
        sections show.
    """

    spacing: Spacing
    top_s: float
    slice_s: float
    section_iline: int = 0


def plot_contact_sheet(
    worlds: Sequence[SheetWorld],
    facies: Sequence[str],
    place: SheetPlace,
    *,
    n_columns: int = 4,
    surveys: Sequence[tuple[str, NDArray[np.floating]]] = (),
    path: Path | str | None = None,
) -> tuple[Axes, ...]:
    """Draw lithology, impedance and seismic of an inline and a time slice of every world.

    Parameters
    ----------
    worlds : all of one shape. facies : names of the codes. place : axes of the panels.
    n_columns : worlds in a row.
    surveys : titles and real sections (n_trace, n_twt) of the same sample interval, drawn below.
    path : file to save to (.png, .pdf, .svg), written atomically.

    Returns
    -------
    Four Axes a world (lithology, impedance, seismic, time slice), then one a survey. Impedance
    has one colour scale for all worlds; seismic is scaled to its own section's 99th percentile.

    Raises
    ------
    ShapeError : no world, or worlds of several shapes.
    OutputError : `path` cannot be written.

    Examples
    --------
    >>> axes = plot_contact_sheet(worlds, FACIES, place, path="sheet.png")  # doctest: +SKIP
    """
    require(len(worlds) > 0, "worlds is empty, wanted at least one", ShapeError)
    for world in worlds:
        check_shape(world.lithology.shape, worlds[0].lithology.shape, f"lithology, {world.title}")
        check_shape(world.time_slice.shape, worlds[0].time_slice.shape, f"slice, {world.title}")
    sheet = _Sheet(worlds[0], len(worlds), n_columns, len(surveys) > 0)
    impedance = np.concatenate([w.impedance.ravel()[::7] for w in worlds]) * IMPEDANCE_UNIT
    low, high = percentile_limits(impedance, IMPEDANCE_PERCENTILE)
    panels: list[Axes] = []
    for index, world in enumerate(worlds):
        panels += _draw_world(sheet, index, world, place, (facies, low, high))
    panels += _draw_surveys(sheet, surveys, place)
    _legend(sheet.figure, facies, (panels[1].images[0], panels[2].images[0]))
    if path is not None:
        save_figure(sheet.figure, path, f"{len(worlds)} worlds")
    return tuple(panels)


class _Sheet:
    """The figure and the rectangles of its panels."""

    def __init__(self, world: SheetWorld, n_world: int, n_columns: int, has_surveys: bool) -> None:
        from matplotlib.figure import Figure

        n_xline, n_twt = world.lithology.shape
        self.section = (n_xline / DPI, n_twt / DPI)
        self.slice = (n_xline / DPI, world.time_slice.shape[0] / DPI)
        self.group_width = 4 * (self.section[0] + GAP) + 0.12
        # Words stand below the time slice: a slice as high as the section gets room for them.
        self.group_height = max(self.section[1], self.slice[1] + 0.6) + TITLE
        self.n_columns = min(n_columns, n_world)
        self.n_rows = -(-n_world // self.n_columns)
        n_high = self.n_rows + (1 if has_surveys else 0)
        self.size = (SIDE + self.n_columns * self.group_width,
                     HEAD + n_high * self.group_height + FOOT)
        self.figure: Figure = Figure(figsize=self.size)

    def axes(self, left: float, top: float, size: tuple[float, float]) -> Axes:
        """Add an Axes whose upper left corner lies `left`, `top` inches from the sheet's."""
        width, height = self.size
        axes = self.figure.add_axes(
            (left / width, 1.0 - (top + size[1]) / height, size[0] / width, size[1] / height)
        )
        axes.set_facecolor(NO_DATA_COLOUR)
        axes.tick_params(labelsize=6, length=2, pad=1)
        return axes

    def corner(self, index: int) -> tuple[float, float]:
        """Return the upper left corner of a world's panels in inches."""
        row, column = divmod(index, self.n_columns)
        return SIDE + column * self.group_width, HEAD + row * self.group_height + 0.8 * TITLE


def _draw_world(
    sheet: _Sheet, index: int, world: SheetWorld, place: SheetPlace,
    scale: tuple[Sequence[str], float, float],
) -> list[Axes]:
    facies, low, high = scale
    left, top = sheet.corner(index)
    panels = []
    looks: list[tuple[NDArray[Any], dict[str, Any]]] = [
        (world.lithology, _facies_look(facies)),
        (world.impedance * IMPEDANCE_UNIT, {"cmap": "viridis", "vmin": low, "vmax": high}),
        (world.seismic, _seismic_look(world.seismic)),
    ]
    n_xline, n_twt = world.lithology.shape
    extent = _extent(n_xline, n_twt, place)
    for number, (values, look) in enumerate(looks):
        axes = sheet.axes(left + number * (sheet.section[0] + GAP), top, sheet.section)
        axes.imshow(values.T, extent=extent, aspect="auto", interpolation="nearest", **look)
        axes.axhline(place.slice_s, color="black", linewidth=0.4, linestyle=":")
        if number or index % sheet.n_columns:
            axes.set_yticklabels([])
        else:
            axes.set_ylabel("two-way time (s)", fontsize=7)
        panels.append(axes)
    panels[0].set_title(world.title, fontsize=9, loc="left", pad=3)
    panels.append(_draw_slice(sheet, (left + 3 * (sheet.section[0] + GAP), top), world, place,
                              facies))
    is_last_row = index + sheet.n_columns >= sheet.n_columns * sheet.n_rows
    for axes in panels[:3]:
        if is_last_row:
            axes.set_xlabel("xline (km)", fontsize=7)
        else:
            axes.set_xticklabels([])
    return panels


def _draw_slice(
    sheet: _Sheet, corner: tuple[float, float], world: SheetWorld, place: SheetPlace,
    facies: Sequence[str],
) -> Axes:
    axes = sheet.axes(*corner, sheet.slice)
    n_iline, n_xline = world.time_slice.shape
    width_km, height_km = n_xline * place.spacing.dx_m / 1e3, n_iline * place.spacing.dy_m / 1e3
    axes.imshow(world.time_slice, extent=(0.0, width_km, height_km, 0.0), aspect="auto",
                interpolation="nearest", **_facies_look(facies))
    axes.axhline((place.section_iline + 0.5) * place.spacing.dy_m / 1e3, color="black",
                 linewidth=0.5, linestyle=":")
    axes.set_yticklabels([])
    axes.set_xlabel("\n".join(("xline (km), iline down", *world.words)), fontsize=7, labelpad=1)
    axes.set_title(f"slice at {place.slice_s:g} s", fontsize=7, loc="left", pad=2)
    return axes


def _draw_surveys(
    sheet: _Sheet, surveys: Sequence[tuple[str, NDArray[np.floating]]], place: SheetPlace
) -> list[Axes]:
    panels: list[Axes] = []
    left, top = SIDE, sheet.corner(sheet.n_columns * sheet.n_rows)[1] + 0.2
    for title, section in surveys:
        n_trace, n_twt = section.shape
        # As many pixels a trace and a sample as in the worlds, as far as the sheet goes.
        n_shown = min(n_trace, int((sheet.size[0] - left) * DPI))
        if n_shown < 2:
            break
        shown = section[:n_shown]
        axes = sheet.axes(left, top, (n_shown / DPI, n_twt / DPI))
        axes.imshow(shown.T, extent=(0, n_shown, n_twt * place.spacing.dt_s, 0.0), aspect="auto",
                    interpolation="nearest", **_seismic_look(shown))
        axes.set_title(title, fontsize=9, loc="left", pad=3)
        axes.set_xlabel("trace", fontsize=7)
        axes.set_ylabel("time in the picture (s)", fontsize=7)
        panels.append(axes)
        left += n_shown / DPI + 0.5
    return panels


def _extent(n_xline: int, n_twt: int, place: SheetPlace) -> tuple[float, float, float, float]:
    """Left, right, bottom and top: samples lie in the middle of their pixels."""
    half = 0.5 * place.spacing.dt_s
    bottom = place.top_s + n_twt * place.spacing.dt_s - half
    return (0.0, n_xline * place.spacing.dx_m / 1e3, bottom, place.top_s - half)


def _facies_look(facies: Sequence[str]) -> dict[str, Any]:
    return {"cmap": facies_colour_map(facies), "vmin": -0.5, "vmax": len(facies) - 0.5}


def _seismic_look(section: NDArray[np.floating]) -> dict[str, Any]:
    high = symmetric_limit(section, PERCENTILE)
    return {"cmap": SEISMIC_COLOURS["grey"], "vmin": -high, "vmax": high}


def _legend(
    figure: Figure, facies: Sequence[str], images: tuple[AxesImage, AxesImage]
) -> None:
    """Put the facies and the two colour bars at the top of the sheet."""
    from matplotlib.patches import Patch

    shades = facies_colour_map(facies)
    patches = [Patch(color=shades(i), label=name) for i, name in enumerate(facies)]
    width, height = figure.get_size_inches()
    figure.legend(handles=patches, loc="upper left", ncols=(len(facies) + 1) // 2, fontsize=9,
                  bbox_to_anchor=(SIDE / width, 1.0 - 0.12 / height), frameon=False)
    labels = ("impedance (10⁶ kg m⁻² s⁻¹)\npercentiles 4 to 96 of all worlds",
              "seismic (black positive)\n± percentile 99 of each section")
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        # Beside the legend where the sheet is wide, else at the right edge.
        left = min(9.0 + 4.5 * place, width - 4.3 + 2.1 * place)
        cax = figure.add_axes((left / width, 1.0 - 0.3 / height, 1.8 / width, 0.14 / height))
        bar = figure.colorbar(image, cax=cax, orientation="horizontal", extend="both")
        bar.set_label(label, fontsize=7)
        bar.ax.tick_params(labelsize=7)
        if place == 1:
            low, high = image.get_clim()
            bar.set_ticks([low, 0.0, high], labels=["-", "0", "+"])
