"""Statistics of facies volumes: each means what it says on volumes whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from lithogen.errors import ConfigError, ShapeError
from lithogen.metrics import (
    bed_thickness,
    column_agreement,
    connectivity,
    fray,
    indicator_variogram,
    isolated_volume,
    jensen_shannon,
    nearest_neighbour,
    pattern_divergence,
    pattern_kinds,
    small_body_share,
    spread_ratio,
    stratigraphic_column,
    transition_divergence,
    variogram,
    vertical_transitions,
    wasserstein,
)

# The same sums in another order.
SAME = 1e-9
# Shares of about 10^5 independent voxels scatter by some 0.002.
SAMPLING = 0.01


def random_facies(seed, shape=(24, 24, 48), n_facies=4):
    return np.random.default_rng(seed).integers(0, n_facies, shape).astype(np.int8)


def layered(seed, n_crop=12, shape=(16, 16, 24)):
    """Beds of 2 to 5 samples, cut by a step in the middle of each crop."""
    rng = np.random.default_rng(seed)
    out = np.empty((n_crop, *shape), dtype=np.int8)
    for crop in out:
        beds = np.repeat(rng.integers(0, 4, 60), rng.integers(2, 6, 60))
        step = int(rng.integers(0, 9))
        for xline in range(shape[1]):
            first = 10 + (step if xline > shape[1] // 2 else 0)
            crop[:, xline] = beds[first : first + shape[2]]
    return out


def test_divergence_is_zero_for_the_same_shares_and_one_bit_for_none_in_common():
    assert jensen_shannon([1, 2, 3], [2, 4, 6]) == pytest.approx(0.0, abs=SAME)
    assert jensen_shannon([[1, 0]], [[0, 9]]) == pytest.approx(1.0)
    assert jensen_shannon([3, 1], [1, 3]) == pytest.approx(jensen_shannon([1, 3], [3, 1]))
    with pytest.raises(ConfigError, match="at least one"):
        jensen_shannon([0, 0], [1, 0])
    with pytest.raises(ShapeError):
        jensen_shannon([1, 0], [1, 0, 0])


def test_wasserstein_is_the_shift_of_a_histogram():
    from scipy.stats import wasserstein_distance

    rng = np.random.default_rng(1)
    one, two = rng.integers(0, 50, 20), rng.integers(0, 50, 30)
    assert wasserstein(one, np.r_[0, 0, 0, one]) == pytest.approx(3.0)
    wanted = wasserstein_distance(np.arange(20), np.arange(30), one, two)
    assert wasserstein(one, two) == pytest.approx(wanted, rel=SAME)


def test_transitions_count_every_pair_at_their_lag():
    column = np.array([0, 0, 1, 2, 2, 2], dtype=np.int8)
    facies = np.broadcast_to(column, (3, 4, 6))
    one = vertical_transitions(facies, 3)
    assert one == pytest.approx(np.array([[1, 1, 0], [0, 0, 1], [0, 0, 2]]) / 5)
    five = vertical_transitions(facies, 3, lag=5)
    assert five[0, 2] == 1.0
    assert transition_divergence(one, one) == pytest.approx(0.0, abs=SAME)
    upside_down = vertical_transitions(facies[..., ::-1], 3)
    assert transition_divergence(one, upside_down) > 0.3
    with pytest.raises(ConfigError, match="lag is 6"):
        vertical_transitions(facies, 3, lag=6)
    with pytest.raises(ConfigError, match="codes 0 to 2"):
        vertical_transitions(facies, 2)


def test_thickness_counts_whole_beds_of_each_column():
    facies = np.zeros((2, 1, 12), dtype=np.int8)
    facies[0, 0, 2:5] = 1
    facies[0, 0, 8:10] = 1
    facies[1, 0, 6:] = 2
    counts = bed_thickness(facies, 3)
    assert counts[1].nonzero()[0].tolist() == [2, 3]
    # Beds at the top and base are cut; the one of facies 2 reaches the base.
    assert counts[0].nonzero()[0].tolist() == [3]
    assert counts[2].sum() == 0
    assert counts.sum() == 3


def test_thickness_scales_with_the_beds():
    beds = np.random.default_rng(2).integers(0, 5, (6, 6, 40)).astype(np.int8)
    one, three = (np.repeat(beds, n, axis=2) for n in (1, 3))
    distance = wasserstein(bed_thickness(one, 5).sum(0), bed_thickness(three, 5).sum(0))
    mean = (bed_thickness(one, 5).sum(0) * np.arange(41)).sum() / bed_thickness(one, 5).sum()
    assert distance == pytest.approx(2 * mean, rel=SAME)


def test_isolated_volume_splits_the_small_bodies_by_facies():
    facies = np.zeros((20, 20, 20), dtype=np.int8)
    facies[5:8, 5:8, 5:8] = 1
    facies[12:14, 12, 12] = 2
    found = isolated_volume(facies, 4)
    assert found == pytest.approx([0, 27 / 8000, 2 / 8000, 0])
    assert small_body_share(facies) == pytest.approx(found.sum())
    assert isolated_volume(facies, 4, max_voxels=20).tolist()[1] == 0.0


def test_fray_sees_patches_and_nothing_where_there_are_none():
    facies = random_facies(3)
    border, within = fray(facies, 4, 1)
    assert abs(border - within) < 5 * SAMPLING
    blocks = np.repeat(random_facies(4, (24, 6, 48)), 4, axis=1)
    border, within = fray(blocks, 4, 1)
    assert within == 0.0
    assert border == pytest.approx(0.75, abs=5 * SAMPLING)
    with pytest.raises(ConfigError, match="patch is 1"):
        fray(facies, 1, 0)


def test_spread_ratio_falls_where_worlds_are_alike():
    shares = np.random.default_rng(5).dirichlet([5.0, 3.0, 2.0], 200)
    shares = np.hstack([shares, np.zeros((200, 1))])
    mean = shares.mean(axis=0)
    found = spread_ratio(mean + 0.5 * (shares - mean), shares)
    assert found[:3] == pytest.approx([0.5] * 3)
    assert np.isnan(found[3])
    with pytest.raises(ShapeError, match="two worlds"):
        spread_ratio(shares[:1], shares)


def test_indicator_variogram_is_that_of_its_definition():
    facies = random_facies(6, n_facies=3)
    found = indicator_variogram(facies, 2, (1, 5), n_facies=3)
    for code in range(3):
        is_code = (facies == code).astype(np.float64)
        for column, lag in enumerate((1, 5)):
            half = 0.5 * np.mean((is_code[..., lag:] - is_code[..., :-lag]) ** 2)
            assert found[code, column] == pytest.approx(half, rel=SAME)
        # Independent voxels: p (1 - p) at every lag.
        assert found[code] == pytest.approx([2 / 9] * 2, abs=SAMPLING)


def test_variogram_of_a_plane_grows_with_the_squared_lag():
    plane = np.broadcast_to(3.0 * np.arange(40.0)[None, :, None], (5, 40, 6))
    # Single precision: seven digits.
    assert variogram(plane, 1, (1, 2, 32)) == pytest.approx([4.5, 18.0, 4608.0], rel=1e-6)
    assert variogram(plane, 0, (1, 4)).tolist() == [0.0, 0.0]
    with pytest.raises(ConfigError, match="lags"):
        variogram(plane, 0, (5,))


def test_connectivity_of_two_slabs():
    facies = np.zeros((10, 10, 30), dtype=np.int8)
    facies[:, :, 5:8] = 1
    facies[:, :, 20:21] = 1
    found = connectivity(facies, (1, 3), n_facies=3)
    assert found.largest[1] == pytest.approx(3 / 4)
    assert found.tau[0, 1].tolist() == [1.0, 1.0]
    # Along twt no pair lies 3 apart, but every neighbour is in the same slab.
    assert found.tau[2, 1, 0] == 1.0
    assert np.isnan(found.tau[2, 1, 1])
    cube = np.zeros((20, 20, 20), dtype=np.int8)
    cube[:, :, 2:4] = cube[:, :, 12:14] = 1
    # Ten samples apart all pairs are of different slabs.
    assert connectivity(cube, (10,), n_facies=2).tau[2, 1, 0] == 0.0
    assert np.isnan(found.largest[2])


def test_connectivity_falls_with_scattered_voxels():
    scattered = connectivity((random_facies(7, n_facies=10) == 0).astype(np.int8), (4,), n_facies=2)
    assert scattered.largest[1] < 0.2
    assert scattered.largest[0] > 0.9


def test_kinds_of_patterns_are_told_apart() -> None:
    level = np.zeros((2, 2, 3), dtype=np.int8)
    assert pattern_kinds(level).tolist() == [1, 0, 0, 0]
    level[..., 2] = 5
    assert pattern_kinds(level).tolist() == [0.5, 0.5, 0, 0]
    level[0, 0, 2] = 0
    assert pattern_kinds(level).tolist() == [0.5, 0, 0.5, 0]
    level[0, 0, 2] = 1
    assert pattern_kinds(level).tolist() == [0.5, 0, 0, 0.5]
    level[..., 0] = 7
    assert pattern_kinds(level).tolist() == [0, 0.5, 0, 0.5]
    with pytest.raises(ShapeError, match="facies has shape"):
        pattern_kinds(np.zeros((1, 4, 4)))


def test_pattern_divergence_is_small_within_and_large_between_kinds():
    one, two, noise = layered(1), layered(2), random_facies(8, (12, 16, 16, 24))
    within, between = (pattern_divergence(one, other, 4) for other in (two, noise))
    assert pattern_divergence(one, one, 4) == pytest.approx(0.0, abs=SAME)
    assert within < 0.15
    assert between > 0.6
    assert pattern_divergence(two, one, 4) == pytest.approx(within, rel=SAME)


def test_pattern_divergence_tells_mirrored_axes_apart_and_wants_equal_sets():
    """All eight codes of a pattern count, each in its place."""
    one = np.zeros((1, 2, 2, 2), dtype=np.int8)
    corners = []
    for corner in np.ndindex(2, 2, 2):
        two = one.copy()
        two[(0, *corner)] = 15
        corners.append(two)
        assert pattern_divergence(one, two, 16) == 1.0
    assert pattern_divergence(corners[0], corners[1], 16) == 1.0
    with pytest.raises(ShapeError):
        pattern_divergence(layered(1), layered(2, n_crop=11), 4)


def test_copies_of_training_crops_are_found():
    training, unseen = layered(10, 40), layered(11, 20)
    fresh = nearest_neighbour(layered(12, 20), unseen, training)
    copied = nearest_neighbour(training[5:25], unseen, training)
    half = nearest_neighbour(np.concatenate([training[:10], layered(12, 10)]), unseen, training)
    # Twenty crops: their mean distance scatters by a tenth.
    assert fresh.ratio == pytest.approx(1.0, abs=0.25)
    assert copied.ratio == 0.0
    assert 0.3 < half.ratio < 0.7
    with pytest.raises(ConfigError, match="every held-out crop"):
        nearest_neighbour(unseen, training, training)
    with pytest.raises(ShapeError, match="made"):
        nearest_neighbour(unseen[:, :8], unseen, training)


def test_nearest_distance_is_the_share_of_voxels_that_differ():
    training, unseen = layered(10, 7), layered(11, 3)
    pairs = (unseen[:, None] != training[None]).mean(axis=(2, 3, 4))
    found = nearest_neighbour(unseen, unseen, training)
    # Agreement is summed in single precision.
    assert found.made == pytest.approx(pairs.min(axis=1).mean(), rel=1e-5)


def column_world(seed, shift=0.0, tilt=0.0):
    """Beds of 12 ms by age; `shift` in ms and `tilt` in ms a line make the structure."""
    beds = np.random.default_rng(seed).integers(0, 4, 200)
    iline, xline, twt = np.meshgrid(np.arange(16), np.arange(16), np.arange(120), indexing="ij")
    age = 4.0 * twt + tilt * (iline + xline) + shift
    return beds[(age // 12).astype(int)].astype(np.int8), age


def test_columns_agree_in_other_structures_and_not_with_other_beds():
    one, moved, other = column_world(1), column_world(1, 100.0, 5.0), column_world(2)
    columns = [stratigraphic_column(*world) for world in (one, moved, other)]
    assert column_agreement(columns[0], columns[1]) > 0.95
    # Forty beds: kappa of unrelated ones scatters by some 0.1.
    assert abs(column_agreement(columns[0], columns[2])) < 0.35


def test_column_leaves_masked_and_rare_ages_out():
    facies, age = column_world(1)
    is_counted = age < 200.0
    column = stratigraphic_column(facies, age, is_counted=is_counted)
    assert column.bins.max() == 49
    assert len(stratigraphic_column(facies, age, is_counted=age < 0).bins) == 0
    rare = stratigraphic_column(facies, age, min_voxels=16 * 16 + 1)
    assert len(rare.bins) == 0
    with pytest.raises(ShapeError, match="no age in common"):
        column_agreement(column, rare)
