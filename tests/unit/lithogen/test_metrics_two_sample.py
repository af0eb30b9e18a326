"""The classifier finds what differs, nothing where nothing does, and draws no global number."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lithogen.errors import ConfigError, ShapeError
from lithogen.metrics import (
    ClassifierTraining,
    CropSet,
    binomial_interval,
    classifier_two_sample,
)

SHORT = ClassifierTraining(n_folds=2, n_steps=50, batch=8, widths=(6, 8), lateral_part=0.5)
N_WORLD, SHAPE = 24, (16, 16, 24)


def crops(seed, *, thickness=4, n_world=N_WORLD, of_world=2, impedance=None):
    """Layer cakes with their own beds in every world."""
    rng = np.random.default_rng(seed)
    world = np.repeat(np.arange(n_world), of_world)
    facies = np.empty((len(world), *SHAPE), dtype=np.int8)
    for crop in facies:
        crop[:] = np.repeat(rng.integers(0, 4, 40), thickness)[: SHAPE[2]]
    values = None if impedance is None else np.full(facies.shape, 15.0) + impedance * (
        rng.standard_normal(facies.shape))
    return CropSet(facies, world, values)


def test_two_samples_of_one_distribution_cannot_be_told_apart():
    found = classifier_two_sample(crops(1), crops(2), 4, training=SHORT)
    assert found.low < 0.5 < found.high
    assert (found.n_crops, found.n_worlds) == (96, 24)


def test_other_bed_thickness_is_told_apart():
    found = classifier_two_sample(crops(1), crops(2, thickness=1), 4, training=SHORT)
    assert found.accuracy > 0.9
    assert found.low > 0.65


def test_impedance_alone_can_give_it_away():
    found = classifier_two_sample(
        crops(1, impedance=0.0), crops(2, impedance=0.3), 4, training=SHORT)
    assert found.accuracy > 0.9


def test_a_world_that_both_sets_share_is_in_one_fold_only():
    """Sets that tell worlds apart, and nothing else, stay at chance: no world is learnt by heart.

    Each world has one facies per set, drawn at random: told only by having seen that world.
    """
    rng = np.random.default_rng(4)
    world = np.repeat(np.arange(16), 4)
    sets = [CropSet(np.broadcast_to(rng.integers(0, 8, 16)[world].astype(np.int8)[
        :, None, None, None], (64, 8, 8, 8)).copy(), world) for _ in range(2)]
    # Held-out folds of few worlds lean the other way from the training ones: below 0.5 is fair.
    assert classifier_two_sample(*sets, 8, training=SHORT).low < 0.5


def test_the_seed_decides_and_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    fast = ClassifierTraining(n_folds=2, n_steps=3, widths=(4,))
    one, two = crops(1, n_world=4), crops(2, n_world=4)
    first, again = (classifier_two_sample(one, two, 4, seed=3, training=fast) for _ in range(2))
    assert first == again
    assert torch.equal(before, torch.get_rng_state())


def test_sets_that_do_not_belong_together_are_refused():
    with pytest.raises(ShapeError, match="sets have shapes"):
        classifier_two_sample(crops(1), crops(2, n_world=5), 4)
    with pytest.raises(ConfigError, match="at least 3"):
        classifier_two_sample(crops(1, n_world=2), crops(2, n_world=2), 4)
    with pytest.raises(ShapeError, match="impedance"):
        classifier_two_sample(crops(1), crops(2, impedance=1.0), 4)
    with pytest.raises(ShapeError, match="world"):
        CropSet(np.zeros((3, 4, 4, 4), dtype=np.int8), np.zeros(2, dtype=int))
    with pytest.raises(ConfigError, match="folds"):
        ClassifierTraining(n_folds=1)


def test_interval_narrows_with_trials():
    assert binomial_interval(0.5, 100) == pytest.approx((0.404, 0.596), abs=0.001)
    low, high = binomial_interval(1.0, 20)
    assert (round(low, 2), high) == (0.84, 1.0)
