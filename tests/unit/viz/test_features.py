"""Distributions of record features."""

import numpy as np
import pytest

from lithogen.errors import ConfigError
from viz import plot_features, save_figure

RNG = np.random.default_rng(1)
REAL = {"centroid": RNG.normal(30, 2, 200), "mfcc": RNG.normal(0, 1, (200, 8))}
MADE = {"centroid": RNG.normal(40, 2, 50), "mfcc": RNG.normal(2, 1, (50, 8))}


def test_one_panel_a_feature_with_both_and_the_distance(tmp_path) -> None:
    figure = plot_features(REAL, MADE, distances={"centroid": 5.0, "mfcc": 2.0},
                           units={"centroid": "Hz"}, title="survey")
    first, second = figure.axes
    assert first.get_title() == "centroid: 5.00"
    assert first.get_xlabel() == "centroid (Hz)"
    assert [t.get_text() for t in first.get_legend().get_texts()] == ["survey", "generated"]
    # Both histograms hold all traces: areas of 1 over the same bins.
    for patch in first.patches:
        corners = patch.get_xy()
        width = np.diff(corners[:, 0])
        assert float(np.abs((width * corners[:-1, 1]).sum())) == pytest.approx(1.0, abs=0.05)
    medians = [line.get_ydata() for line in second.lines if len(line.get_ydata()) == 8]
    assert np.allclose(medians[0], np.median(REAL["mfcc"], axis=0))
    assert save_figure(figure, tmp_path / "f.png").stat().st_size > 5000


def test_other_features_are_refused() -> None:
    with pytest.raises(ConfigError, match="wanted the same"):
        plot_features(REAL, {"centroid": MADE["centroid"]})
    with pytest.raises(ConfigError, match="one or more"):
        plot_features({}, {})


def test_a_feature_that_never_changes_is_drawn() -> None:
    figure = plot_features({"flatness": np.ones(5)}, {"flatness": np.ones(4)})
    assert len(figure.axes) == 1
