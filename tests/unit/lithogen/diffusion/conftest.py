"""Worlds of the toy network."""

from __future__ import annotations

import pytest

from lithogen.diffusion.drawing import CellDrawer
from lithogen.diffusion.filling import Lattice
from lithogen.diffusion.pipeline import LithologyPipeline
from lithogen.rockphysics import RockFamily
from lithogen.structure import Structure

SEED = 7


@pytest.fixture
def lattice_of(toy_network):
    """Makes lattices of one world that share nothing that was drawn before."""
    structure = Structure.random(SEED)
    family = RockFamily.random(SEED, structure.scenario.burial_m, structure.scenario.basin)

    def make(known=None, seed=SEED, steps=2):
        pipe = LithologyPipeline(toy_network)
        drawer = CellDrawer(pipe.network, pipe.unmasking, pipe.flow, steps)
        return Lattice(drawer, structure, family, seed, known)

    return make


@pytest.fixture
def fresh(toy_network):
    """Makes pipelines that share nothing that was drawn before."""
    return lambda: LithologyPipeline(toy_network)
