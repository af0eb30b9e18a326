"""Ages of wells: those of the structure, and which sample speaks for an age."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lithogen.errors import ShapeError
from lithogen.grid import Spacing, Window
from lithogen.scenario import Scenario
from lithogen.structure import Structure
from lithogen.structure.bodies import BodyKind
from lithogen.wells import Well, Wells
from lithogen.wells.ages import MOST_COVER, nearest_samples, well_ages

SPACING = Spacing()
# A column alone may differ from a tile in the last bits of a sine.
AGE_TOLERANCE_MS = 0.01


def voxels_of(*wells):
    return Wells(wells).on_voxels(SPACING)


def test_the_nearest_sample_that_reaches_an_age_speaks() -> None:
    age, reach = np.array([100.0, 120.0]), np.array([2.0, 6.0])
    found = nearest_samples(age, reach, np.array([97.0, 99.0, 103.0, 110.0, 115.0, 125.0, 127.0]))
    assert_array_equal(found, [-1, 0, -1, -1, 1, 1, -1])


def test_ages_between_samples_that_follow_each_other_are_told_and_missing_samples_are_not() -> None:
    age, reach = np.array([100.0, 105.0, 113.0]), np.full(3, 2.0)
    assert_array_equal(nearest_samples(age, reach, np.array([102.4, 102.6, 109.0])), [0, 1, -1])


def test_samples_come_in_any_order_and_a_fault_may_repeat_ages() -> None:
    age, reach = np.array([100.0, 104.0, 100.8, 104.9]), np.full(4, 2.0)
    assert_array_equal(nearest_samples(age, reach, np.array([100.1, 100.7, 104.1, 104.8])),
                       [0, 2, 1, 3])
    assert_array_equal(nearest_samples(age[::-1], reach, np.array([100.1, 104.8])), [3, 0])


def test_one_sample_speaks_for_its_own_span() -> None:
    found = nearest_samples(np.array([50.0]), np.array([2.0]), np.array([47.0, 48.0, 52.0, 53.0]))
    assert_array_equal(found, [-1, 0, 0, -1])


def test_ages_of_a_well_are_those_of_the_structure_vertical_or_deviated() -> None:
    structure, window = Structure.random(2), Window((-20, -9, 60), (40, 36, 30))
    fields = structure.evaluate(window, SPACING)
    twt = (60 + np.arange(30)) * SPACING.dt_s
    for track in ({"iline": -3, "xline": 2}, {"iline": np.linspace(-18, 15, 30), "xline": 20}):
        voxels = voxels_of(Well("A", twt, facies=np.zeros(30), **track))
        found = well_ages(voxels, structure, SPACING)
        at = tuple((voxels.index - np.array(window.origin)).T)
        assert_allclose(found.age_ms, fields.age.numpy()[at], atol=AGE_TOLERANCE_MS)
        assert_allclose(found.environment, fields.environment.numpy()[at], atol=1e-3)
        # Half a sample of 4 ms at the rate of age there.
        assert_allclose(found.reach_ms, 2.0 * fields.rate.numpy()[at], rtol=1e-3)
        assert_array_equal(found.is_layer, fields.bodies.cover.numpy()[at] <= MOST_COVER)


def test_voxels_in_salt_are_no_layers() -> None:
    structure = Structure(2, Scenario(salt=1.0, faulting=0.0, channels=0.0))
    window, wide = Window((0, 0, 250), (30, 30, 30)), Spacing(dx_m=200.0, dy_m=200.0)
    is_salt = structure.evaluate(window, wide).bodies.kind().numpy() == BodyKind.SALT
    iline, xline = np.unravel_index(is_salt.sum(axis=2).argmax(), window.shape[:2])
    twt = (250 + np.arange(30)) * wide.dt_s
    voxels = Wells([Well("A", twt, iline=iline, xline=xline, facies=np.zeros(30))]).on_voxels(wide)
    assert is_salt[iline, xline].sum() > 2, "no salt; take another seed"
    assert not well_ages(voxels, structure, wide).is_layer[is_salt[iline, xline]].any()


def test_a_track_that_leaves_a_given_structure_is_refused_by_name() -> None:
    rgt = np.broadcast_to(np.arange(40, dtype=np.float32) * 4.0, (6, 8, 40)).copy()
    structure = Structure.from_rgt(rgt)
    leaving = voxels_of(Well("A-7", np.arange(20) * 0.004, iline=np.linspace(0, 9, 20), xline=3,
                             facies=np.zeros(20)))
    with pytest.raises(ShapeError, match="'A-7' leaves the given structure"):
        well_ages(leaving, structure, SPACING)
