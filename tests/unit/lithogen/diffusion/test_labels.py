"""Labels of a generated world agree with each other."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from lithogen.grid import Spacing, Window
from lithogen.rockphysics import RockFamily, facies_code
from lithogen.rockphysics.facies import SANDSTONE
from lithogen.rockphysics.fluids import BRINE, MIN_POROSITY, POROUS_FACIES
from lithogen.rockphysics.reservoir import net_share, porosity_of
from lithogen.scenario import Scenario
from lithogen.structure import Structure

WINDOW = Window((0, 0, 40), (16, 20, 64))


@pytest.fixture(scope="module")
def made(toy_pipeline):
    structure = Structure(4, Scenario(hydrocarbons=1.0, channels=1.0, faulting=1.0))
    return structure, toy_pipeline(structure, WINDOW, seed=4, num_inference_steps=1)


def test_structure_labels_are_those_of_the_structure(made) -> None:
    structure, world = made
    found = structure.evaluate(WINDOW, Spacing())
    assert_array_equal(world.sequence, found.sequence.numpy())
    # The tile is evaluated whole: rounding may differ in single voxels.
    assert (world.body_kind == found.bodies.kind().numpy()).mean() > 0.999
    assert (world.body == found.bodies.number().numpy()).mean() > 0.999
    assert np.abs(world.throw - found.throw_ms.numpy()).max() < 0.1


def test_hydrocarbons_lie_in_porous_rock_only(made) -> None:
    _, world = made
    held = world.fluid != BRINE
    assert np.isin(world.lithology[held], POROUS_FACIES).all()
    assert (world.porosity[held] > MIN_POROSITY).all()


def test_porosity_and_net_are_shares(made) -> None:
    """Means of all beds in a voxel, so that tight facies may hold some of their neighbours'."""
    _, world = made
    for values, most in ((world.porosity, 0.7), (world.net_to_gross, 1.0)):
        assert values.dtype == np.float32
        assert values.min() >= 0.0
        # Differences of running sums in single precision.
        assert values.max() <= most * (1.0 + 1e-4)


def test_porosity_falls_with_density_around_the_trend() -> None:
    family, depth = RockFamily.random(3, 600.0), np.array([500.0, 1500.0])
    facies = np.full((1, 3, 2), SANDSTONE, dtype=np.int8)
    trend = family.trend(depth)[2][:, SANDSTONE]
    rho = trend[None, None, :] + np.array([-50.0, 0.0, 50.0])[None, :, None]
    porosity = porosity_of(facies, rho.astype(np.float32), family, depth)[0]
    assert np.abs(porosity[1] - family.porosity(depth)[:, SANDSTONE]).max() < 1e-5
    assert (porosity[0] > porosity[1]).all()
    assert (porosity[1] > porosity[2]).all()
    # 0.7 of 50 kg/m3 over a contrast of some 1620.
    assert np.abs(porosity[0] - porosity[1] - 0.7 * 50.0 / 1620.0).max() < 0.003


def test_net_share_is_a_share_of_rock() -> None:
    codes = np.array([facies_code(n) for n in ("sandstone", "shale", "heterolithic", "chalk",
                                               "chalk")])
    porosity = np.array([0.01, 0.3, 0.2, 0.3, 0.05])
    assert_array_equal(net_share(codes, porosity), np.array([1, 0, 0.5, 1, 0], dtype=np.float32))
