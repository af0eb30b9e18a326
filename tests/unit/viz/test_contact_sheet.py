"""Contact sheet: every world keeps its own pixels, its place and true axes."""

import numpy as np
import pytest
from matplotlib.image import imread

from lithogen.errors import ShapeError
from lithogen.grid import Spacing
from viz.contact_sheet import SheetPlace, SheetWorld, plot_contact_sheet
from viz.style import DPI

FACIES = ("shale", "sandstone", "limestone")
PLACE = SheetPlace(Spacing(), top_s=0.4, slice_s=0.5, section_iline=10)
N_XLINE, N_TWT, N_ILINE = 60, 50, 40


def make_sheet_world(seed, n_twt=N_TWT):
    rng = np.random.default_rng(seed)
    return SheetWorld(
        f"seed {seed}: flat, muddy, faulted",
        rng.integers(0, len(FACIES), (N_XLINE, n_twt)).astype(np.int8),
        rng.uniform(4e6, 9e6, (N_XLINE, n_twt)),
        (1 + seed) * rng.standard_normal((N_XLINE, n_twt)),
        rng.integers(0, len(FACIES), (N_ILINE, N_XLINE)).astype(np.int8),
        ("deep water",),
    )


@pytest.fixture(scope="module")
def worlds():
    return [make_sheet_world(seed) for seed in range(3)]


@pytest.fixture(scope="module")
def panels(worlds):
    return plot_contact_sheet(worlds, FACIES, PLACE, n_columns=2)


def test_four_panels_a_world_hold_its_samples(worlds, panels):
    assert len(panels) == 4 * len(worlds)
    for index, world in enumerate(worlds):
        shown = [np.asarray(axes.images[0].get_array()) for axes in panels[4 * index :][:4]]
        np.testing.assert_array_equal(shown[0], world.lithology.T)
        np.testing.assert_allclose(shown[1], world.impedance.T * 1e-6)
        np.testing.assert_array_equal(shown[2], world.seismic.T)
        np.testing.assert_array_equal(shown[3], world.time_slice)
        assert panels[4 * index].get_title(loc="left") == world.title


def test_time_increases_downwards_on_true_axes(panels):
    bottom, top = panels[0].get_ylim()
    assert top == pytest.approx(0.4 - 0.002)
    assert bottom == pytest.approx(0.4 + N_TWT * 0.004 - 0.002)
    assert panels[0].get_xlim() == pytest.approx((0.0, N_XLINE * 0.025))
    assert panels[3].get_ylim() == pytest.approx((N_ILINE * 0.025, 0.0))


def test_impedance_is_comparable_between_worlds_and_seismic_is_not_dimmed_by_a_loud_one(panels):
    assert panels[1].images[0].get_clim() == panels[5].images[0].get_clim()
    quiet, loud = (panels[i].images[0].get_clim()[1] for i in (2, 6))
    assert loud > 1.5 * quiet


def test_panels_do_not_overlap(panels):
    boxes = [axes.get_position() for axes in panels]
    for i, one in enumerate(boxes):
        for two in boxes[i + 1 :]:
            apart_x = one.x1 <= two.x0 or two.x1 <= one.x0
            assert apart_x or one.y1 <= two.y0 or two.y1 <= one.y0


def test_surveys_stand_below_and_a_voxel_is_a_pixel(worlds, tmp_path):
    path = tmp_path / "sheet.png"
    survey = np.random.default_rng(9).standard_normal((70, N_TWT))
    panels = plot_contact_sheet(
        worlds, FACIES, PLACE, n_columns=2, surveys=[("real", survey)], path=path
    )
    assert panels[-1].get_position().y1 < panels[0].get_position().y0
    height, width = imread(path).shape[:2]
    box = panels[0].get_position()
    assert box.width * width == pytest.approx(N_XLINE, abs=1.0)
    assert box.height * height == pytest.approx(N_TWT, abs=1.0)
    assert panels[-1].get_position().width * width == pytest.approx(70, abs=1.0)
    assert panels[0].figure.get_size_inches()[0] * DPI == pytest.approx(width, abs=1.0)


def test_worlds_of_several_shapes_are_refused(worlds):
    with pytest.raises(ShapeError, match="lithology, seed 7"):
        plot_contact_sheet([*worlds, make_sheet_world(7, N_TWT + 1)], FACIES, PLACE)
    with pytest.raises(ShapeError, match="worlds is empty"):
        plot_contact_sheet([], FACIES, PLACE)


def test_a_slice_of_other_crosslines_is_refused(worlds):
    one = worlds[0]
    with pytest.raises(ShapeError, match="time_slice"):
        SheetWorld("a", one.lithology, one.impedance, one.seismic, one.time_slice[:, 1:])
