"""Calibration: factors bring shares of facies towards the prior's, rare facies with care."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from lithogen.diffusion.lattice import N_LEVELS, N_POSITIONS
from lithogen.diffusion.network import RowNetwork
from lithogen.diffusion.training import calibrate
from lithogen.diffusion.training.calibrate import (
    DAMPING,
    MOST_FACTOR,
    calibrate_facies,
    share_factors,
)
from lithogen.diffusion.training.columns import POSITION_WEIGHTS
from lithogen.rockphysics.facies import N_FACIES


def shares(*values: float) -> np.ndarray:
    """Counts of every level: the given facies, the others none."""
    return np.tile(np.pad(np.array(values), (0, N_FACIES - len(values))), (N_LEVELS, 1))


def test_shares_that_agree_are_left_alone() -> None:
    factor, off = share_factors(shares(3.0, 1.0), shares(300.0, 100.0))
    assert_allclose(factor, 1.0)
    assert_allclose(off, 0.0)


def test_factors_are_damped_ratios_within_limits() -> None:
    factor, off = share_factors(shares(60.0, 40.0), shares(80.0, 20.0))
    assert_allclose(factor[:, 0], 0.75**DAMPING)
    assert_allclose(factor[:, 1], 2.0**DAMPING)
    assert_allclose(off, 0.2)
    # Facies that one of both lacks, and facies that both lack.
    factor, _ = share_factors(shares(50.0, 50.0, 0.0), shares(50.0, 0.0, 50.0))
    assert_allclose(factor[:, 1], MOST_FACTOR**DAMPING)
    assert_allclose(factor[:, 2], MOST_FACTOR**-DAMPING)
    assert_allclose(factor[:, 3:], 1.0)


def test_sampled_worlds_come_near_the_priors_shares(monkeypatch) -> None:
    """A network that finds all facies equally likely is brought to those of the prior."""
    monkeypatch.setattr(calibrate, "N_ROWS", 512)
    network = RowNetwork(width=4, head_width=4)
    for value in network.parameters():
        torch.nn.init.zeros_(value)
    off = []
    calibrate_facies(network.eval(), 3, 2, lambda _, shares_off, changes: off.append(shares_off))
    assert len(off) == calibrate.ROUNDS
    # Levels of many rows: those of the coarsest are too few to count.
    assert (off[-1][-4:] < 0.5 * off[0][-4:]).all()
    assert float(network.facies_bias.detach().std()) > 0.1
    for name, value in network.named_parameters():
        assert name == "facies_bias" or not value.any()


@pytest.mark.parametrize("gain", [0.3, 3.0])
def test_facies_that_change_too_often_get_sharper_logits_and_others_flatter(
    monkeypatch, gain
) -> None:
    """What the network says is made stronger where facies change more often than in the prior."""
    monkeypatch.setattr(calibrate, "N_ROWS", 512)
    monkeypatch.setattr(calibrate, "ROUNDS", 1)
    torch.manual_seed(0)
    network = RowNetwork(width=8, head_width=4).eval()
    with torch.no_grad():
        network.facies_weight *= gain
    before = network.facies_weight.detach().clone()
    told = []
    calibrate_facies(network, 3, 1, lambda *given: told.append(given))
    (_, _, excess), = told
    limit = calibrate.MOST_SHARPENING
    scale = torch.from_numpy(np.clip(excess, 1.0 / limit, limit)).float()[:, None, None]
    torch.testing.assert_close(network.facies_weight.detach(), before * scale)
    # Untrained logits are nearly chance, which changes at every other row; beds last longer.
    assert (excess[-3:] > 1.0).all()


def test_changes_are_counted_between_the_rows_known_at_each_level() -> None:
    rows = np.arange(1024)
    facies = np.zeros((1024, N_POSITIONS), dtype=np.int8)
    facies[700:] = 3
    found = calibrate._changes(facies, rows)
    # One change at every position, whatever rows are known; rows 0 and 512 are alike.
    assert_allclose(found[1:], POSITION_WEIGHTS.sum())
    assert found[0] == 0.0


def test_calibration_is_a_function_of_the_seed(monkeypatch) -> None:
    monkeypatch.setattr(calibrate, "N_ROWS", 512)
    monkeypatch.setattr(calibrate, "ROUNDS", 1)
    made = []
    for seed in (3, 3, 4):
        torch.manual_seed(0)
        network = RowNetwork(width=4, head_width=4).eval()
        calibrate_facies(network, seed, 1)
        made.append(network.facies_bias.detach())
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
