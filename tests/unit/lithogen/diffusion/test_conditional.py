"""Residuals: whitening and its inverse, conditioning on known ones, likelihood of known ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from lithogen.diffusion.conditional import condition_on_known, covariance, known_log_likelihood
from lithogen.diffusion.lattice import N_RESIDUALS
from lithogen.diffusion.network import N_AFFINE, RowNetwork, colour, input_slices, whiten

# Products and inverses of 3 x 3 matrices in single precision.
SINGLE = 2e-4
N = 60
MASKS = [(True, False, False), (False, True, False), (True, True, False), (True, False, True),
         (False, True, True), (True, True, True)]


@pytest.fixture
def parameters() -> torch.Tensor:
    """Means, ln of scales and couplings of N cells."""
    return 0.6 * torch.randn(N, N_AFFINE, generator=torch.Generator().manual_seed(1))


def some(seed: int = 2) -> torch.Tensor:
    return torch.randn(N, N_RESIDUALS, generator=torch.Generator().manual_seed(seed))


def moments(parameters: torch.Tensor, k: int):
    """Mean and covariance of the k-th cell, float64."""
    return parameters[k, :N_RESIDUALS].double().numpy(), covariance(parameters)[k].double().numpy()


def test_colour_is_the_inverse_of_whiten(parameters) -> None:
    residual = some()
    torch.testing.assert_close(colour(parameters, whiten(parameters, residual)), residual,
                               atol=SINGLE, rtol=SINGLE)
    torch.testing.assert_close(whiten(parameters, colour(parameters, residual)), residual,
                               atol=SINGLE, rtol=SINGLE)


def test_covariance_is_that_of_coloured_white_noise(parameters) -> None:
    unit = torch.eye(N_RESIDUALS)[:, None].expand(-1, N, -1)
    zero = torch.zeros(N, N_RESIDUALS)
    # Columns of the matrix that colours.
    matrix = torch.stack([colour(parameters, one) - colour(parameters, zero) for one in unit],
                         dim=-1)
    torch.testing.assert_close(covariance(parameters), matrix @ matrix.transpose(1, 2),
                               atol=SINGLE, rtol=SINGLE)


@pytest.mark.parametrize("mask", MASKS)
def test_known_residuals_hold_exactly_and_the_rest_follows_kriging(parameters, mask) -> None:
    has = torch.tensor(mask)
    drawn, wanted = some(3), some(4)
    known = torch.where(has, wanted, torch.nan)
    found = condition_on_known(parameters, drawn, known)
    assert torch.equal(found[:, has], wanted[:, has])
    at, rest = np.flatnonzero(mask), np.flatnonzero(~np.array(mask))
    for k in range(N):
        _, whole = moments(parameters, k)
        gain = whole[np.ix_(rest, at)] @ np.linalg.inv(whole[np.ix_(at, at)])
        gap = (wanted[k, at] - drawn[k, at]).double().numpy()
        np.testing.assert_allclose(found[k, rest], drawn[k, rest].double().numpy() + gain @ gap,
                                   atol=10 * SINGLE, rtol=10 * SINGLE)


def test_conditioned_draws_have_the_conditional_mean_and_spread() -> None:
    n = 40_000
    one = torch.tensor([0.3, -0.2, 0.5, 0.1, -0.4, 0.2, 0.8, -0.5, 0.3])
    parameters = one.repeat(n, 1)
    white = torch.randn(n, 3, generator=torch.Generator().manual_seed(5))
    known = torch.tensor([1.1, torch.nan, torch.nan]).repeat(n, 1)
    found = condition_on_known(parameters, colour(parameters, white), known)[:, 1:].double()
    mean, whole = moments(parameters[:1], 0)
    gain = whole[1:, :1] / whole[0, 0]
    wanted_mean = mean[1:] + gain[:, 0] * (1.1 - mean[0])
    wanted_cov = whole[1:, 1:] - gain @ whole[:1, 1:]
    # Five standard errors.
    error = 5.0 * np.sqrt(np.diag(wanted_cov) / n)
    assert (np.abs(found.mean(dim=0).numpy() - wanted_mean) < error).all()
    assert np.abs(np.cov(found.numpy().T) / wanted_cov - 1.0).max() < 0.06


def test_nothing_known_leaves_residuals_as_drawn(parameters) -> None:
    drawn = some(3)
    known = torch.full_like(drawn, torch.nan)
    assert torch.equal(condition_on_known(parameters, drawn, known), drawn)


@pytest.mark.parametrize("mask", MASKS)
def test_likelihood_of_known_residuals_is_the_normal_density(parameters, mask) -> None:
    has = torch.tensor(mask).repeat(N, 1)
    known = torch.where(has, some(6), torch.nan)
    found = known_log_likelihood(parameters, known, has).double().numpy()
    at = np.flatnonzero(mask)
    for k in range(N):
        mean, whole = moments(parameters, k)
        wanted = multivariate_normal(mean[at], whole[np.ix_(at, at)]).logpdf(
            known[k, at].double().numpy())
        assert found[k] == pytest.approx(wanted, abs=50 * SINGLE, rel=10 * SINGLE)


def test_parts_of_the_input_lie_side_by_side_and_fill_it() -> None:
    parts = list(input_slices().values())
    assert parts[0].start == 0
    assert [p.stop for p in parts[:-1]] == [p.start for p in parts[1:]]
    assert parts[-1].stop == RowNetwork(width=4, head_width=4).input_weight.shape[1]
