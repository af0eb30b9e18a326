"""A seed names the stratigraphic column, a structure says where it lies."""

from __future__ import annotations

import pytest

from lithogen.diffusion.pipeline import LithologyPipeline
from lithogen.grid import Window
from lithogen.metrics import column_agreement, stratigraphic_column
from lithogen.scenario import Scenario
from lithogen.structure import Structure

# Without bodies, which belong to the structure.
SCENARIO = Scenario(unconformities=0, channels=0.0, lobes=0.0, deltas=0.0, buildups=0.0, karst=0.0,
                    mass_transport=0.0, canyons=0.0, salt=0.0, clinoforms=0.0)
WINDOW = Window((0, 0, 0), (64, 64, 160))
# Kappa: 1 for one column, 0 for unrelated ones.
LEAST_KEPT, MOST_BY_CHANCE = 0.35, 0.2


@pytest.fixture(scope="module")
def columns():
    """Columns of (structure, seed) made by the shipped model."""
    pipe = LithologyPipeline.from_pretrained()
    made = {}
    for structure, seed in ((1, 5), (2, 5), (1, 6)):
        out = pipe(Structure(structure, SCENARIO), WINDOW, seed=seed)
        made[structure, seed] = stratigraphic_column(out.lithology, out.rgt)
    return made


@pytest.mark.slow
def test_a_seed_keeps_its_column_in_another_structure(columns) -> None:
    assert column_agreement(columns[1, 5], columns[2, 5]) > LEAST_KEPT


@pytest.mark.slow
def test_another_seed_is_another_column_in_the_same_structure(columns) -> None:
    assert column_agreement(columns[1, 5], columns[1, 6]) < MOST_BY_CHANCE
