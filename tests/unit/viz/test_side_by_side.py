"""Lithology, impedance and seismic of one line in one saved figure."""

import itertools
import json

import pytest
from PIL import Image

import viz
from lithogen.errors import ConfigError, OutputError


def test_three_panels_each_with_a_colour_bar(world):
    panels = viz.plot_side_by_side(world)
    assert [axes.get_title() for axes in panels] == [
        f"{name}, inline 1012" for name in ("lithology", "impedance", "seismic")
    ]
    for axes in panels:
        bar = axes.images[0].colorbar
        assert bar.ax.get_ylabel()
        assert axes.get_xlabel() == "crossline number"
    assert panels[0].get_ylabel() == "two-way time (s)"
    assert "kg m⁻² s⁻¹" in panels[1].images[0].colorbar.ax.get_ylabel()


def test_panels_share_limits_and_time_grows_downwards(world):
    panels = viz.plot_side_by_side(world, xline=2010)
    assert len({axes.get_ylim() for axes in panels}) == 1
    bottom, top = panels[0].get_ylim()
    assert bottom > top


def test_nothing_overlaps_in_the_saved_figure(world, tmp_path):
    panels = viz.plot_side_by_side(world, path=tmp_path / "overview.png")
    boxes = [axes.get_tightbbox() for axes in panels]
    for left, right in itertools.pairwise(boxes):
        assert left.x1 < right.x0
    width = panels[0].get_figure().bbox.width
    assert boxes[0].x0 >= 0
    assert boxes[-1].x1 <= width


def test_saved_file_carries_the_seed(world, tmp_path):
    viz.plot_side_by_side(world, path=tmp_path / "overview.png")
    with Image.open(tmp_path / "overview.png") as picture:
        assert json.loads(picture.info["Description"])["seed"] == 7
    assert [p.name for p in tmp_path.iterdir()] == ["overview.png"]


@pytest.mark.parametrize("ending", [".pdf", ".svg"])
def test_vector_files_are_written(world, tmp_path, ending):
    viz.plot_side_by_side(world, path=tmp_path / f"overview{ending}")
    assert (tmp_path / f"overview{ending}").stat().st_size > 5000


@pytest.mark.parametrize("name", ["overview.xyz", "overview", "missing/overview.png"])
def test_unwritable_target_is_refused_and_nothing_is_left(world, tmp_path, name):
    with pytest.raises(OutputError):
        viz.plot_side_by_side(world, path=tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_no_variable_is_refused(world):
    with pytest.raises(ConfigError, match="at least one"):
        viz.plot_side_by_side(world, variables=())
