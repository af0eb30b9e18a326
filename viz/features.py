"""Distributions of record features, generated beside real."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import require
from viz.spectra import GENERATED_COLOUR, SURVEY_COLOUR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Features = Mapping[str, NDArray[Any]]
SIZE_IN = (11.0, 6.0)
N_BINS = 30
COLUMNS = 3


def plot_features(
    real: Features,
    generated: Features,
    *,
    distances: Mapping[str, float] | None = None,
    units: Mapping[str, str] | None = None,
    title: str = "",
) -> Figure:
    """Draw how features of records are distributed over traces.

    Parameters
    ----------
    real, generated : feature name -> (n_trace,), drawn as histograms of equal area, or
        (n_trace, n), drawn as medians and the range from the 10th to the 90th percentile over
        the coefficients; see `lithogen.metrics.record_features`.
    distances : number to put beside the names, e.g. of `lithogen.metrics.compare_features`.
    units : of the features. title : of the figure.

    Returns
    -------
    Figure with one panel a feature.

    Raises
    ------
    ConfigError : no feature, or other features than the other's.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> figure = plot_features({"centroid": rng.normal(30, 2, 50)}, {"centroid": np.full(9, 31.0)})
    >>> len(figure.axes)
    1
    """
    from matplotlib.figure import Figure

    require(len(real) > 0 and set(real) == set(generated),
            f"features are {sorted(real)} and {sorted(generated)}, wanted the same, one or more")
    n_row = -(-len(real) // COLUMNS)
    figure = Figure(figsize=(SIZE_IN[0], SIZE_IN[1] * n_row / 2), layout="constrained")
    figure.suptitle(title)
    for place, name in enumerate(real):
        axes = figure.add_subplot(n_row, min(COLUMNS, len(real)), place + 1)
        unit = (units or {}).get(name, "1")
        if real[name].ndim == 1:
            _histograms(axes, real[name], generated[name])
            axes.set(xlabel=f"{name} ({unit})", yticks=[])
        else:
            _ranges(axes, real[name], generated[name])
            axes.set(xlabel="coefficient", ylabel=f"{name} ({unit})")
        axes.set_title(name if distances is None else f"{name}: {distances[name]:.2f}", fontsize=10)
        if place == 0:
            axes.legend(fontsize=8)
    return figure


def _histograms(axes: Axes, real: NDArray[Any], generated: NDArray[Any]) -> None:
    both = np.concatenate((real, generated))
    low, high = float(both.min()), float(both.max())
    edges = np.linspace(low, high if high > low else low + 1.0, N_BINS + 1)
    for values, colour, label in ((real, SURVEY_COLOUR, "survey"),
                                  (generated, GENERATED_COLOUR, "generated")):
        axes.hist(values, edges.tolist(), density=True, histtype="step", color=colour, label=label)
    # Labels of small numbers are wide and would touch.
    axes.locator_params(axis="x", nbins=5)


def _ranges(axes: Axes, real: NDArray[Any], generated: NDArray[Any]) -> None:
    place = np.arange(real.shape[1]) + 1
    for values, colour, side, label in ((real, SURVEY_COLOUR, -0.12, "survey"),
                                        (generated, GENERATED_COLOUR, 0.12, "generated")):
        low, middle, high = np.percentile(values, (10, 50, 90), axis=0)
        axes.errorbar(place + side, middle, (middle - low, high - middle), fmt="o", markersize=4,
                      capsize=2, color=colour, label=label)
    axes.set_xticks(place)
