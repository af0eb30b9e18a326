"""Extent of beds along isochrons: blind to structure, and honest about walks that end."""

from __future__ import annotations

import numpy as np
import pytest

from lithogen.errors import ConfigError, ShapeError
from lithogen.metrics import bed_extent

LAGS = (1, 4, 16, 30)
N_LINE = 48
# Ages leave a tilted window through its base, in one of some hundred steps.
NEAR = 0.02
# At its top and base an age up to 6 ms outside counts as that of the last sample.
EDGE = 0.005


def tilted(tilt_ms=6.0):
    twt = 4.0 * np.arange(96.0)
    return np.broadcast_to(twt + tilt_ms * np.arange(float(N_LINE))[:, None], (9, N_LINE, 96))


def test_layers_of_a_tilted_cake_never_end_in_another_facies():
    age = tilted()
    found = bed_extent((age // 40 % 3).astype(np.int8), age, LAGS, n_facies=3)
    changes, losses = found.ends()
    assert changes < EDGE
    assert 0.0 < losses < NEAR
    flat = np.broadcast_to(tilted(0.0), age.shape)
    whole = bed_extent((flat // 40 % 3).astype(np.int8), flat, LAGS, n_facies=3)
    assert whole.persistence().tolist() == [1.0] * 4
    assert whole.lengths.sum() == 0


def test_walks_follow_age_and_not_the_samples():
    age = tilted()
    along_time = np.broadcast_to((np.arange(96) // 10 % 3).astype(np.int8), age.shape)
    found = bed_extent(along_time, age, LAGS, n_facies=3)
    assert found.persistence()[2] < 0.1


def test_a_change_every_eight_lines_gives_runs_of_eight():
    age = tilted(0.0)
    lines = (np.arange(N_LINE) // 8 % 2).astype(np.int8)
    facies = np.broadcast_to(lines[None, :, None], age.shape)
    found = bed_extent(facies, age, (1, 7, 8), n_facies=2)
    assert found.lengths.nonzero()[1].tolist() == [8, 8]
    changes, losses = found.ends()
    assert changes == pytest.approx(5 / 47)
    assert losses == 0.0
    # Of 47 walks of one line 5 leave; of 41 walks of seven, one in each run of eight stays.
    assert found.persistence() == pytest.approx([42 / 47, 6 / 41, 0.0])
    across = bed_extent(facies, age, (1, 4), n_facies=2, axis=0)
    assert across.persistence().tolist() == [1.0, 1.0]


def test_a_cut_age_is_a_loss_and_no_change():
    age = np.array(tilted(0.0))
    age[:, 24:] += 20_000.0
    found = bed_extent(np.zeros(age.shape, dtype=np.int8), age, LAGS, n_facies=1)
    changes, losses = found.ends()
    assert changes == 0.0
    # Each age is there on 24 lines: 23 steps on one side; 24 with the one off it on the other.
    assert losses == pytest.approx(1 / 47)


def test_counts_of_volumes_add_up():
    age = tilted()
    facies = np.random.default_rng(1).integers(0, 3, age.shape).astype(np.int8)
    one = bed_extent(facies, age, LAGS, n_facies=3)
    both = one + one
    assert (both.starts == 2 * one.starts).all()
    assert both.persistence() == pytest.approx(one.persistence())
    with pytest.raises(ShapeError):
        one + bed_extent(facies, age, (1, 2), n_facies=3)
    with pytest.raises(ConfigError, match="lags"):
        bed_extent(facies, age, (48,), n_facies=3)
    with pytest.raises(ConfigError, match="axis"):
        bed_extent(facies, age, LAGS, n_facies=3, axis=2)
