"""Sharper chances of facies: away from a power of their shares."""

from __future__ import annotations

import pytest
import torch

from lithogen.diffusion.lattice import LEVELS
from lithogen.diffusion.network import RowNetwork, facies_logits
from lithogen.diffusion.training.columns import CellSource
from lithogen.diffusion.training.sharpening import BALANCE, SHARPEN_MS, sharpen
from lithogen.rockphysics.facies import N_FACIES

FACTOR = 1.2


@pytest.fixture
def shares() -> torch.Tensor:
    return torch.arange(1.0, N_FACIES + 1).div(N_FACIES * (N_FACIES + 1) / 2)


def chances(model: RowNetwork, h: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return facies_logits(model.weights(), h).log_softmax(dim=-1)


def test_ln_chances_go_further_from_a_power_of_shares(shares) -> None:
    model = RowNetwork(width=4, head_width=4)
    h = torch.randn(len(LEVELS), 6, 4, generator=torch.Generator().manual_seed(2))
    before = chances(model, h)
    sharpen(model, FACTOR, shares)
    middle = BALANCE * shares.log()
    wanted = (middle + FACTOR * (before - middle)).log_softmax(dim=-1)
    fine = torch.tensor([level.stride <= SHARPEN_MS for level in LEVELS])
    torch.testing.assert_close(chances(model, h)[fine], wanted[fine])
    torch.testing.assert_close(chances(model, h)[~fine], before[~fine])


def test_chances_that_are_that_power_stay(shares) -> None:
    model = RowNetwork(width=4, head_width=4)
    with torch.no_grad():
        model.facies_weight.zero_()
        model.facies_bias.copy_(BALANCE * shares.log())
    sharpen(model, FACTOR, shares)
    found = chances(model, torch.ones(len(LEVELS), 1, 4))
    torch.testing.assert_close(found, (BALANCE * shares.log()).log_softmax(dim=0).expand_as(found))


def test_one_changes_no_bit(shares) -> None:
    model = RowNetwork(width=4, head_width=4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    sharpen(model, 1.0, shares)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_shares_are_of_cells_as_they_are_drawn(worlds) -> None:
    source = CellSource(worlds[0])
    found = source.shares()
    assert float(found.sum()) == pytest.approx(1.0)
    facies = worlds[0].facies
    plain = torch.bincount(facies.flatten().long(), minlength=N_FACIES) / facies.numel()
    assert float((found - plain).abs().max()) < 0.1
    assert (found > 0).tolist() == (plain > 0).tolist()
