"""Colours, limits and files: how every figure of the package looks and is saved."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lithogen.config import atomic_path
from lithogen.errors import ConfigError, OutputError, require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import ListedColormap
    from matplotlib.figure import Figure

# After the usual colours of geological charts, spread in lightness so that neighbours
# stay apart in grey print and for colour-blind eyes.
FACIES_COLOURS: Mapping[str, str] = {
    "shale": "#8a9a7b",
    "sandstone": "#f7d95c",
    "heterolithic": "#c9b26a",
    "limestone": "#3f8fc5",
    "marl": "#7fc0b5",
    "tuff": "#b0578d",
    "coal": "#1f1f1f",
    "chalk": "#c4e4f2",
    "dolomite": "#5a5aa8",
    "evaporite": "#f4a6b4",
}
SEISMIC_COLOURS: Mapping[str, str] = {"grey": "gray_r", "red-blue": "RdBu"}
NO_DATA_COLOUR = "#d8d8d8"
FALLBACK_MAP = "tab20"
DPI = 150


def facies_colour_map(names: Sequence[str]) -> ListedColormap:
    """Colour map with one colour per facies name, in the given order.

    Parameters
    ----------
    names : facies names; one that `FACIES_COLOURS` does not hold gets a colour of its own.

    Returns
    -------
    Map of len(names) colours.

    Examples
    --------
    >>> facies_colour_map(["shale", "sandstone"]).N
    2
    """
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap, to_hex

    spare = iter(to_hex(colormaps[FALLBACK_MAP](k % 20)) for k in range(len(names)))
    colours = [FACIES_COLOURS.get(name) or next(spare) for name in names]
    return ListedColormap(colours, name="facies")


def symmetric_limit(values: NDArray[Any], percentile: float) -> float:
    """Limit of a colour scale that is symmetric about zero.

    Parameters
    ----------
    values : amplitudes of any shape; NaN is left out.
    percentile : percentile of |values|, 50 < percentile <= 100.

    Returns
    -------
    Positive limit in the unit of `values`; 1.0 where all values are zero.

    Raises
    ------
    ConfigError : the percentile is out of range, or no value is finite.

    Examples
    --------
    >>> symmetric_limit(np.array([-2.0, 0.0, 1.0]), 100)
    2.0
    """
    finite = _finite(values, percentile)
    limit = float(np.percentile(np.abs(finite), percentile))
    # A sparse section (few live samples) can have a zero percentile: take its peak.
    return limit or float(np.abs(finite).max()) or 1.0


def percentile_limits(values: NDArray[Any], percentile: float) -> tuple[float, float]:
    """Lower and upper limit that leave out (100 - percentile) % at either end.

    Raises
    ------
    ConfigError : the percentile is out of range, or no value is finite.

    Examples
    --------
    >>> percentile_limits(np.arange(5.0), 100)
    (0.0, 4.0)
    """
    finite = _finite(values, percentile)
    low, high = (float(v) for v in np.percentile(finite, [100.0 - percentile, percentile]))
    return (low, high) if low < high else (low - 0.5, low + 0.5)


def _finite(values: NDArray[Any], percentile: float) -> NDArray[np.float64]:
    require(
        50.0 < percentile <= 100.0,
        f"percentile is {percentile}, wanted a number above 50 and up to 100, e.g. 99",
    )
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    require(
        finite.size > 0,
        "every sample of the picture is NaN, wanted at least one finite sample; "
        "choose a line inside the survey",
    )
    return finite


def new_axes(axes: Axes | None, size_in: tuple[float, float]) -> Axes:
    """Return `axes`, or the only Axes of a new Figure of `size_in` inches (no pyplot state)."""
    if axes is not None:
        return axes
    from matplotlib.figure import Figure

    return Figure(figsize=size_in, layout="constrained").add_subplot()


def figure_of(axes: Axes) -> Figure:
    """Return the Figure that holds `axes`.

    Raises
    ------
    ConfigError : the Axes were removed from their figure.
    """
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ConfigError("the Axes belong to no figure, wanted Axes of a Figure; make new ones")
    return figure


def save_figure(
    figure: Figure, path: Path | str, title: str = "", attrs: Mapping[Any, Any] | None = None
) -> Path:
    """Save a figure atomically, with its title and origin in the file's metadata.

    Parameters
    ----------
    figure : the figure to save.
    path : target ending in .png, .pdf or .svg.
    title : title in the metadata.
    attrs : attributes of the Dataset; seed, origin and the like go into the metadata.

    Returns
    -------
    The path that was written.

    Raises
    ------
    OutputError : another ending, or the folder cannot be written.

    Examples
    --------
    >>> save_figure(axes.figure, "section.png", "inline 120", ds.attrs)  # doctest: +SKIP
    """
    target = Path(path)
    ending = target.suffix.lower()
    require(
        ending in (".png", ".pdf", ".svg"),
        f"figure {target} ends in {ending or 'nothing'!r}, wanted .png, .pdf or .svg",
        OutputError,
    )
    about = json.dumps({str(k): v for k, v in (attrs or {}).items()}, default=str)
    described = {"Title": title, "Software" if ending == ".png" else "Creator": "lithogen"}
    described[{".png": "Description", ".pdf": "Subject", ".svg": "Description"}[ending]] = about
    with atomic_path(target) as temporary:
        figure.savefig(temporary, dpi=DPI, metadata=described)
    return target
