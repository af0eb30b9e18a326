"""Continuity along age: one for a layer cake, zero for unrelated columns, blind to structure."""

from __future__ import annotations

import numpy as np
import pytest

from lithogen.errors import ShapeError
from lithogen.metrics import agreement_along_age, correlation_along_age

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
