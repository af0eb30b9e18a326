"""Sections and time slices: true axes, stated limits, a colour bar, clear refusals."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

import viz
from lithogen.errors import ConfigError, LithogenError, ShapeError
from lithogen.rockphysics import FACIES
from viz.style import FACIES_COLOURS


def test_two_way_time_increases_downwards(world):
    axes = viz.plot_section(world, iline=1010)
    bottom, top = axes.get_ylim()
    twt = world.twt.values
    assert bottom == pytest.approx(twt[-1] + 0.002)
    assert top == pytest.approx(twt[0] - 0.002)
    assert axes.get_ylabel() == "two-way time (s)"


def test_picture_holds_the_samples_of_that_line(world):
    axes = viz.plot_section(world, variable="impedance", xline=2007)
    drawn = np.asarray(axes.images[0].get_array())
    np.testing.assert_allclose(drawn, world.impedance.sel(xline=2007).values.T * 1e-6)
    assert axes.get_xlabel() == "inline number"
    assert axes.get_xlim() == (999.5, 1023.5)


def test_seismic_limits_are_symmetric_and_stated(world):
    axes = viz.plot_section(world, iline=1000, percentile=98)
    low, high = axes.images[0].get_clim()
    section = np.abs(world.seismic.sel(iline=1000).values.astype(float))
    assert low == -high
    assert high == pytest.approx(np.percentile(section, 98))
    assert "98" in axes.images[0].colorbar.ax.get_ylabel()


def test_black_is_positive(world):
    axes = viz.plot_section(world, iline=1000)
    image = axes.images[0]
    darkest, lightest = (image.cmap(image.norm(v))[0] for v in (image.get_clim()[1], -1e9))
    assert darkest < lightest


def test_facies_bar_names_every_class_in_the_documented_order(world):
    axes = viz.plot_section(world, variable="lithology", iline=1000)
    bar = axes.images[0].colorbar
    names = [text.get_text() for text in bar.ax.get_yticklabels()]
    assert names == world.lithology.attrs["flag_meanings"].split()
    bottom, top = bar.ax.get_ylim()
    assert bottom > top, "the first class stands on top"


def test_every_facies_of_the_package_has_its_own_colour():
    assert set(FACIES) <= set(FACIES_COLOURS)
    assert len(set(FACIES_COLOURS.values())) == len(FACIES_COLOURS)


def test_unknown_facies_name_gets_a_colour_of_its_own():
    colours = viz.style.facies_colour_map(["shale", "greywacke", "moon-dust"]).colors
    assert len({str(c) for c in colours}) == 3


def test_flag_values_out_of_order_keep_their_names(world):
    swapped = world.copy()
    values = np.array([7, 3, 5, 1], dtype=np.int8)
    swapped["lithology"] = world.lithology.copy(data=values[world.lithology.values])
    swapped["lithology"].attrs.update(world.lithology.attrs, flag_values=values)
    pictures = [
        viz.plot_section(ds, variable="lithology", iline=1000).images[0].get_array()
        for ds in (world, swapped)
    ]
    np.testing.assert_array_equal(*pictures)


def test_saved_file_holds_the_colour_bar(world, tmp_path):
    """The facies colours stand right of the picture, where only the bar is."""
    axes = viz.plot_section(world, variable="lithology", iline=1000)
    path = viz.save_figure(axes.get_figure(), tmp_path / "section.png", "t", world.attrs)
    pixels = imread(path)[..., :3]
    right = pixels[:, int(0.85 * pixels.shape[1]) :].reshape(-1, 3)
    for name in world.lithology.attrs["flag_meanings"].split():
        wanted = [int(FACIES_COLOURS[name][k : k + 2], 16) / 255 for k in (1, 3, 5)]
        assert (np.abs(right - wanted).max(axis=1) < 0.01).sum() > 100, name


def test_axes_in_axes_out(world):
    axes = Figure().add_subplot()
    assert viz.plot_section(world, iline=1000, axes=axes) is axes
    assert viz.plot_time_slice(world, 1.1, axes=Figure().add_subplot()).images


def test_time_slice_takes_the_nearest_sample(world):
    axes = viz.plot_time_slice(world, 1.1013, variable="rgt")
    drawn = np.asarray(axes.images[0].get_array())
    np.testing.assert_allclose(drawn, world.rgt.isel(twt=25).values)
    assert axes.get_title() == "rgt, twt 1.100 s"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("crossline number", "inline number")


def test_distance_is_measured_in_metres(world):
    axes = viz.plot_section(world, iline=1003, along="distance")
    assert axes.get_xlim() == pytest.approx((-12.5, 39 * 25 + 12.5))
    assert axes.get_xlabel() == "distance (m)"


def test_nan_samples_stay_blank(world):
    gap = world.seismic.copy()
    gap[:, 3] = np.nan
    drawn = viz.plot_section(gap, iline=1000).images[0].get_array()
    assert drawn.mask[:, 3].all()
    assert drawn.mask.sum() == gap.sizes["twt"]


def test_silent_section_is_drawn(world):
    low, high = viz.plot_section(world.seismic * 0, iline=1000).images[0].get_clim()
    assert (low, high) == (-1.0, 1.0) or low < high


def test_one_trace_wide_volume_is_drawn(world):
    axes = viz.plot_section(world.isel(xline=slice(5, 6)), iline=1000)
    assert axes.get_xlim() == (2004.5, 2005.5)


WRONG = {
    "no plane": (ConfigError, lambda w: viz.plot_section(w)),
    "two planes": (ConfigError, lambda w: viz.plot_section(w, iline=1000, xline=2000)),
    "unknown variable": (ConfigError, lambda w: viz.plot_section(w, variable="gr", iline=1000)),
    "line outside": (ConfigError, lambda w: viz.plot_section(w, iline=3)),
    "time outside": (ConfigError, lambda w: viz.plot_time_slice(w, 9.0)),
    "percentile": (ConfigError, lambda w: viz.plot_section(w, iline=1000, percentile=0)),
    "colours": (ConfigError, lambda w: viz.plot_section(w, iline=1000, colours="jet")),
    "along": (ConfigError, lambda w: viz.plot_section(w, iline=1000, along="time")),
    "no coordinates": (
        ConfigError,
        lambda w: viz.plot_section(w.drop_vars("cdp_x"), iline=1000, along="distance"),
    ),
    "axis order": (
        ShapeError,
        lambda w: viz.plot_section(w.seismic.transpose("twt", ...), iline=1000),
    ),
    "angle left": (ShapeError, lambda w: viz.plot_section(w, variable="angle_stack", iline=1000)),
    "uneven lines": (
        ShapeError,
        lambda w: viz.plot_section(w.isel(xline=[0, 1, 5]), iline=1000),
    ),
    "no line numbers": (
        ShapeError,
        lambda w: viz.plot_section(w.seismic.drop_vars("xline"), iline=1000),
    ),
    "class without name": (
        ConfigError,
        lambda w: viz.plot_section(
            w.assign(lithology=(w.lithology + 2).assign_attrs(w.lithology.attrs)),
            variable="lithology",
            iline=1000,
        ),
    ),
    "only NaN": (ConfigError, lambda w: viz.plot_section(w.seismic * np.nan, iline=1000)),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_refused_with_what_was_wanted(world, case):
    error, call = WRONG[case]
    with pytest.raises(error, match=r"wanted|not evenly spaced|nearest") as caught:
        call(world)
    assert isinstance(caught.value, LithogenError)
