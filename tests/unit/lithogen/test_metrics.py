"""Continuity along age: one for a layer cake, zero for unrelated columns, blind to structure."""

from __future__ import annotations

import numpy as np
import pytest

from lithogen.errors import ShapeError
from lithogen.metrics import (
    agreement_along_age,
    change_rate,
    correlation_along_age,
    facies_shares,
    share_inside,
    small_body_share,
)

LAGS = (1, 8, 32)


@pytest.fixture(scope="module")
def section():
    rng = np.random.default_rng(2)
    beds = np.repeat(rng.standard_normal(400), 3)
    columns = np.arange(80)[:, None]
    age = 4.0 * np.arange(256)[None, :] + 60.0 * np.sin(columns / 15) + 200.0
    value = beds[np.floor(age / 4).astype(int)] + 0.01 * rng.standard_normal(age.shape)
    return value, age


def test_folded_layer_cake_correlates_fully(section) -> None:
    value, age = section
    found = correlation_along_age(value, age, LAGS)
    assert min(found.values()) > 0.85
    kappa = agreement_along_age((value > 0).astype(int), age, LAGS)
    assert min(kappa.values()) > 0.8


def test_wrong_age_finds_nothing(section) -> None:
    value, age = section
    flat = np.broadcast_to(4.0 * np.arange(256.0), age.shape)
    assert abs(correlation_along_age(value, flat, (32,))[32]) < 0.35


def test_unrelated_columns_correlate_to_zero(section) -> None:
    _, age = section
    noise = np.random.default_rng(3).standard_normal(age.shape)
    for value in correlation_along_age(noise, age, LAGS).values():
        assert abs(value) < 0.03
    labels = np.random.default_rng(3).integers(0, 4, age.shape)
    for value in agreement_along_age(labels, age, LAGS).values():
        assert abs(value) < 0.03


def test_a_sequence_gap_takes_no_part(section) -> None:
    value, age = section
    gap = np.where(age > 700.0, age + 20_000.0, age)
    found = correlation_along_age(value, gap, LAGS)
    assert min(found.values()) > 0.85


def test_lags_beyond_the_section_are_left_out(section) -> None:
    assert list(correlation_along_age(*section, (8, 500))) == [8]


def test_shapes_must_agree(section) -> None:
    with pytest.raises(ShapeError, match="age has shape"):
        correlation_along_age(section[0], section[1][:, :9], LAGS)


def test_facies_of_another_shape_than_the_age_are_refused(section) -> None:
    _, age = section
    with pytest.raises(ShapeError, match="age"):
        agreement_along_age(np.zeros((80, 255), dtype=int), age, LAGS)


def test_change_rate_is_the_reciprocal_of_the_bed_length() -> None:
    beds = np.broadcast_to(np.repeat(np.arange(40) % 2, 5), (6, 7, 200))
    assert change_rate(beds, 2).mean() == pytest.approx(39 / 199)
    assert change_rate(beds, 0).tolist() == [0.0] * 5
    assert change_rate(beds, 1).shape == (6,)


def test_small_bodies_are_found_unless_they_touch_a_side() -> None:
    facies = np.zeros((20, 20, 20), dtype=np.int8)
    facies[5:8, 5:8, 5:8] = 1
    facies[0, 0, 0] = 2
    facies[10:15, 10:15, 10:15] = 3
    assert small_body_share(facies) == pytest.approx(27 / 8000)
    facies[8, 8, 8] = 1
    # Corners do not join bodies.
    assert small_body_share(facies) == pytest.approx(28 / 8000)
    assert small_body_share(facies, max_voxels=126) == pytest.approx((28 + 125) / 8000)


def test_shares_sum_to_one_and_an_empty_mask_has_none() -> None:
    facies = np.array([[[0, 1, 1, 4]]])
    assert facies_shares(facies, 10).tolist() == [0.25, 0.5, 0, 0, 0.25, 0, 0, 0, 0, 0]
    assert share_inside(facies, 1, facies > 0) == pytest.approx(2 / 3)
    assert np.isnan(share_inside(facies, 1, facies > 9))
    with pytest.raises(ShapeError, match="voxel"):
        facies_shares(facies[:0], 10)
    with pytest.raises(ShapeError, match="axes"):
        small_body_share(facies[0])
