"""A tiny recipe and its worlds."""

from __future__ import annotations

import pytest

from lithogen.diffusion.training.recipe import RowTraining
from lithogen.diffusion.training.train import prior_diagrams

TINY = RowTraining(
    seed=4, n_worlds=4, n_held_out=2, n_rows=2048, batch=16, n_steps=6, warm_up=2, width=16,
    head_width=16, precision="float32", log_every=1, save_every=2, judge_every=3)


@pytest.fixture(scope="session")
def tiny() -> RowTraining:
    """A recipe that ends in a second."""
    return TINY


@pytest.fixture(scope="session")
def worlds():
    """Diagrams of its worlds, to learn from and to hold out."""
    return (prior_diagrams(TINY, "train", TINY.n_worlds),
            prior_diagrams(TINY, "test", TINY.n_held_out))


@pytest.fixture
def few_judged(monkeypatch) -> None:
    """Held-out cells that are enough for a test."""
    monkeypatch.setattr("lithogen.diffusion.training.train.JUDGED_CELLS", 64)
