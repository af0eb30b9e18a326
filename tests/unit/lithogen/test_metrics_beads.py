"""Beads and stacked changes: what repeats with the lattice of samples scores, a mean does not."""

from __future__ import annotations

import numpy as np
import pytest

from lithogen.errors import ShapeError
from lithogen.metrics.beads import Beads, seismic_of, undisturbed
from lithogen.metrics.stacked import LONG_RUN, stacked_changes

SHAPE = (6, 96, 80)
# Samples a line; a bed of two to four samples crosses a sample every four lines.
DIP, DT_S = 0.25, 0.004
FINE = 32


def dipping(dip: float = DIP):
    """Ages of a plane, in samples of 4 ms, float64."""
    iline, xline, twt = np.meshgrid(*map(np.arange, SHAPE), indexing="ij")
    return 4.0 * (twt + dip * xline + 0.1 * iline) + 100.0


def beds(age):
    """ln impedance of beds of 1.3 samples by age, two kinds of rock."""
    number = np.floor(age / 5.3).astype(int)
    return np.where(np.random.default_rng(0).uniform(size=500)[number % 500] < 0.5, 8.5, 8.9)


def averaged(age):
    """The mean of the beds over each voxel."""
    parts = (np.arange(FINE) + 0.5) / FINE - 0.5
    return np.mean([beds(age + 4.0 * part) for part in parts], axis=0)


def figures(values, age=None):
    score = Beads()
    age = dipping() if age is None else age
    score.add(age, np.ones(SHAPE, bool), values, DT_S)
    return score.figures()


def test_a_field_decided_sample_by_sample_beads_and_one_of_means_does_not() -> None:
    age = dipping()
    sampled, mean = figures(beds(age)), figures(averaged(age))
    assert sampled["excess"] > 1.5 * mean["excess"]
    assert sampled["comb_pct"] > 1.5 * mean["comb_pct"]
    assert sampled["seen_pct"] >= mean["seen_pct"]


def test_a_field_that_is_smooth_along_age_hardly_beads() -> None:
    smooth = 8.7 + 0.2 * np.sin(2.0 * np.pi * dipping() / 60.0)
    found = figures(smooth)
    # Steps follow ages linearly between samples.
    assert found["excess"] < 0.1
    assert found["comb_pct"] < 1.0


def test_lines_along_both_axes_are_looked_at() -> None:
    turned = dipping()[:, :, :].transpose(1, 0, 2)
    values = beds(turned)
    score = Beads()
    score.add(turned, np.ones(turned.shape, bool), values, DT_S)
    assert score.steps[:, 1].sum() > 1000
    assert sum(len(rows) for rows in score.rows) > 0


def test_only_undisturbed_places_count() -> None:
    score = Beads()
    score.add(dipping(), np.zeros(SHAPE, bool), beds(dipping()), DT_S)
    assert score.steps.sum() == 0.0


def test_arrays_of_other_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match="log_impedance"):
        Beads().add(dipping(), np.ones(SHAPE, bool), np.zeros(SHAPE[:2]), DT_S)
    with pytest.raises(ShapeError, match="ok has shape"):
        stacked_changes(np.zeros((2, 2, 3), int), np.ones((2, 2, 4), bool))


def test_seismic_is_the_wavelet_at_a_step_of_impedance() -> None:
    values = np.zeros((1, 1, 81))
    values[..., 41:] = 0.2
    trace = seismic_of(values, DT_S)[0, 0]
    assert trace.argmax() == 40
    assert trace[40] == pytest.approx(0.1)
    np.testing.assert_allclose(trace[:41], trace[40:][::-1], atol=1e-12)


def test_faults_bodies_and_unconformities_are_left_out() -> None:
    zero = np.zeros((2, 2, 6), np.float32)
    fault, cover, sequence = zero.copy(), zero.copy(), zero.astype(np.int8)
    fault[0, 0, 1], cover[0, 1, 2], sequence[1, 1, 4:] = 0.5, 0.3, 1
    is_quiet = undisturbed(fault, cover, sequence)
    assert np.argwhere(~is_quiet).tolist() == [[0, 0, 1], [0, 1, 2], [1, 1, 3]]


def test_changes_above_each_other_are_counted_as_stacked() -> None:
    facies = np.zeros((1, 3, 20), dtype=int)
    facies[0, 1, 2 : 2 + LONG_RUN] = 1
    facies[0, 2, 2 : 2 + LONG_RUN] = 1
    facies[0, 2, 12:14] = 1
    ok = np.ones(facies.shape, bool)
    # A wall between lines 0 and 1, and two samples between 1 and 2.
    assert stacked_changes(facies, ok) == (LONG_RUN + 2, LONG_RUN)
    # A fault through the wall leaves two short runs.
    ok[0, 0, 2 + LONG_RUN // 2] = False
    assert stacked_changes(facies, ok) == (LONG_RUN + 1, 0)
    turned = facies.transpose(1, 0, 2)
    assert stacked_changes(turned, np.ones(turned.shape, bool)) == (LONG_RUN + 2, LONG_RUN)
