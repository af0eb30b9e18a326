"""Figures of earth models and seismic: sections, time slices and spectra with true axes."""

from __future__ import annotations

from viz.features import plot_features
from viz.section import plot_section, plot_time_slice
from viz.side_by_side import plot_side_by_side
from viz.spectra import BAND_DB, mean_spectrum, plot_spectra
from viz.style import FACIES_COLOURS, figure_of, save_figure
from viz.survey import plot_style

__all__ = [
    "BAND_DB",
    "FACIES_COLOURS",
    "figure_of",
    "mean_spectrum",
    "plot_features",
    "plot_section",
    "plot_side_by_side",
    "plot_spectra",
    "plot_style",
    "plot_time_slice",
    "save_figure",
]
