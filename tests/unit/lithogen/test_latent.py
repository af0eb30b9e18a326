"""The latent code: facies equally far apart, residuals split by scale and put together again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from lithogen.errors import ShapeError
from lithogen.latent import (
    BEDDING_LIMITS,
    KINDS,
    MIN_RUN,
    N_LATENT,
    N_PARTS,
    decode_latent,
    encode_latent,
    parts_of,
    parts_of_samples,
    settle,
    simplex_code,
    whole_of,
)
from lithogen.models.litho_net import LithoNet
from lithogen.rockphysics import N_FACIES
from lithogen.world import latent_scale

MEAN, STD = torch.linspace(-1, 1, N_LATENT), torch.linspace(0.2, 2, N_LATENT)
# Single precision.
ROUNDING = 1e-5


def rough(shape=(3, 2, 2, 200), seed=1):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_facies_are_equally_far_apart() -> None:
    vertices = simplex_code().astype(np.float64)
    distance = np.linalg.norm(vertices[:, None] - vertices[None], axis=-1)
    off = distance[~np.eye(N_FACIES, dtype=bool)]
    assert off.max() - off.min() < 1e-5
    assert np.abs(np.linalg.norm(vertices, axis=1) - 1).max() < 1e-5


def test_latent_encodes_and_decodes() -> None:
    facies = np.random.default_rng(1).integers(0, N_FACIES, (2, 2, 200)).astype(np.int8)
    residual = rough()
    latent = encode_latent(facies, parts_of(residual, 0.004), MEAN, STD)
    assert latent.shape == (2, 2, 200, N_LATENT)
    assert len(KINDS) == N_LATENT
    got, units = decode_latent(latent, MEAN, STD)
    assert_array_equal(got, facies)
    assert np.abs(units - residual).max() < ROUNDING


def test_parts_make_the_whole() -> None:
    residual = rough() * np.linspace(0.1, 2.0, 200, dtype=np.float32)
    parts = parts_of(residual, 0.004)
    assert parts.shape == (N_PARTS, 2, 2, 200)
    assert np.abs(whole_of(parts) - residual).max() < ROUNDING


def test_detail_is_as_strong_in_quiet_rock_as_in_bedded() -> None:
    strength = np.where(np.arange(400) < 200, 0.1, 1.0).astype(np.float32)
    parts = parts_of(rough((3, 2, 2, 400)) * strength, 0.004)
    quiet, bedded = parts[4:, ..., 40:160].std(), parts[4:, ..., 240:360].std()
    assert abs(quiet / bedded - 1.0) < 0.1
    step = parts[3, ..., 240:360].mean() - parts[3, ..., 40:160].mean()
    assert abs(step - np.log(10.0)) < 0.1


def test_still_rock_has_the_least_bedding_and_no_detail() -> None:
    parts = parts_of(np.ones((3, 1, 1, 60), dtype=np.float32), 0.004)
    assert np.abs(parts[4:]).max() == 0.0
    assert np.abs(parts[3] - np.log(BEDDING_LIMITS[0])).max() < ROUNDING


def test_windows_of_parts_are_as_long_in_ms_at_any_sample_interval() -> None:
    twt = np.arange(0, 2.0, 0.002)
    wave = np.sin(2 * np.pi * twt / 0.2)[None].repeat(3, 0).astype(np.float32)
    fine, coarse = parts_of(wave, 0.002)[:, ::2], parts_of(wave[:, ::2], 0.004)
    assert np.abs(fine - coarse)[:, 40:-40].max() < 0.02


def test_samples_of_a_well_tell_parts_in_any_order_and_not_across_gaps() -> None:
    residual = rough((3, 60))
    sample = np.delete(np.arange(100, 160), [20])
    kept = np.delete(residual, 20, axis=1).T.copy()
    found = parts_of_samples(kept, sample, 0.004)
    for run in (slice(0, 20), slice(20, 59)):
        assert np.abs(found[run] - parts_of(kept[run].T, 0.004).T).max() < ROUNDING
    order = np.random.default_rng(2).permutation(59)
    assert_array_equal(parts_of_samples(kept[order], sample[order], 0.004), found[order])
    kept[30] = np.nan
    found = parts_of_samples(kept, sample, 0.004)
    assert np.isnan(found[30]).all()
    assert np.isfinite(np.delete(found, 30, axis=0)).all()


@pytest.mark.parametrize("n", [1, MIN_RUN - 1, MIN_RUN])
def test_short_runs_tell_their_trend_only(n) -> None:
    found = parts_of_samples(rough((3, n)).T.copy(), np.arange(n), 0.004)
    assert np.isfinite(found[:, :3]).all()
    assert bool(np.isfinite(found[:, 3:]).all()) == (n >= MIN_RUN)


def test_extreme_bedding_stays_within_its_limits() -> None:
    parts = np.zeros((N_PARTS, 1), dtype=np.float32)
    parts[3], parts[4:] = 50.0, 1.0
    latent = encode_latent(np.zeros(1, np.int8), parts, MEAN, STD)
    for residual in (whole_of(parts), decode_latent(latent, MEAN, STD)[1]):
        assert np.abs(residual - BEDDING_LIMITS[1]).max() < 1e-3


def test_a_settled_latent_has_the_codes_of_its_facies() -> None:
    latent = torch.randn(3, 4, 5, N_LATENT, generator=torch.Generator().manual_seed(5))
    facies, settled = settle(latent, MEAN, STD)
    assert_array_equal(facies, decode_latent(latent, MEAN, STD)[0])
    again = settle(settled, MEAN, STD)
    assert_array_equal(again[0], facies)
    assert float((again[1] - settled).abs().max()) == 0.0
    assert_array_equal(settled[..., 9:].numpy(), latent[..., 9:].numpy())


def test_a_scale_of_another_length_is_refused_before_memory_beyond_it_is_read() -> None:
    latent, one = torch.zeros(2, 2, 2, N_LATENT), torch.ones(N_LATENT)
    for mean, std in ((torch.empty(0), one), (one, torch.ones(3))):
        with pytest.raises(ShapeError, match=r"(mean|std) has shape"):
            decode_latent(latent, mean, std)


def test_a_network_without_a_scale_has_a_latent_of_mean_0_and_deviation_1() -> None:
    mean, std = latent_scale(LithoNet(widths=(8, 8), n_embedding=8))
    assert_array_equal(mean.numpy(), np.zeros(N_LATENT))
    assert_array_equal(std.numpy(), np.ones(N_LATENT))
