"""Counter-based random numbers: portable, windowable, standard normal."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from lithogen import rng


def test_numbers_are_those_of_version_1() -> None:
    """Golden values: another machine or a refactoring must give the same worlds."""
    assert rng.NOISE_VERSION == 1
    got = rng.hash_u64(7, "golden", np.array([-1, 0, 1]), 5)
    assert [int(v) for v in got] == [
        12584320985904509546, 7659899913784481463, 2280181886037608737,
    ]  # fmt: skip
    assert rng.normal(7, "golden", np.array([-1, 0, 1]), 5).tolist() == pytest.approx(
        [0.21602922677993774, -0.7695569396018982, -1.0637999773025513], abs=1e-7
    )


def test_window_equals_crop_with_negative_indices() -> None:
    axes = [np.arange(-9, 9), np.arange(-5, 12), np.arange(3, 20)]
    whole = rng.normal(3, "field", axes[0][:, None, None], axes[1][None, :, None], axes[2])
    part = rng.normal(3, "field", axes[0][4:9, None, None], axes[1][None, 2:7, None], axes[2][5:])
    assert_array_equal(part, whole[4:9, 2:7, 5:])


def test_normals_are_standard_and_uncorrelated() -> None:
    sample = rng.normal(11, "moments", np.arange(200_000)).astype(np.float64)
    # Four standard errors of mean, standard deviation, kurtosis and lag-one correlation.
    assert abs(sample.mean()) < 4 / np.sqrt(200_000)
    assert abs(sample.std() - 1) < 4 / np.sqrt(400_000)
    assert abs((sample**4).mean() - 3) < 4 * np.sqrt(96 / 200_000)
    assert abs((sample[1:] * sample[:-1]).mean()) < 4 / np.sqrt(200_000)


def test_seeds_streams_and_order_of_indices_matter() -> None:
    base = int(rng.hash_u64(1, "a", 2, 3))
    others = [(2, "a", 2, 3), (1, "b", 2, 3), (1, "a", 3, 2), (1, "a", 2, 4)]
    assert all(int(rng.hash_u64(s, n, i, j)) != base for s, n, i, j in others)


def test_seeds_beyond_64_bits_and_negative_ones_work() -> None:
    assert int(rng.hash_u64(-1, "a", 0)) == int(rng.hash_u64(2**64 - 1, "a", 0))


def test_uniform_stays_inside_the_open_interval() -> None:
    sample = rng.uniform(5, "u", np.arange(100_000))
    assert sample.min() > 0.0
    assert sample.max() < 1.0
    assert abs(sample.mean() - 0.5) < 4 / np.sqrt(12 * 100_000)


def test_generators_do_not_depend_on_each_other() -> None:
    first = rng.generator(1, "object", 4).standard_normal(3)
    rng.generator(1, "object", 5).standard_normal(100)
    assert_array_equal(rng.generator(1, "object", 4).standard_normal(3), first)


def test_quantile_table_is_that_of_version_1() -> None:
    digest = hashlib.sha256(rng.quantiles16().tobytes()).hexdigest()
    assert digest == "c5f5ea2d3eff3897271e7e3760dfed060d7fb6d24ef430c0e5626e20d41211b3"
