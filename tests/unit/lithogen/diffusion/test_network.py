"""The distribution of a cell's residuals: guesses, whitening frame, and what the flow sees."""

from __future__ import annotations

import pytest
import torch

from lithogen.diffusion.conditions import N_ROW_CONDITIONS, N_WORLD_CONDITIONS
from lithogen.diffusion.contexts import Surroundings, cells_of, write_context
from lithogen.diffusion.lattice import LEVELS, N_CELL, N_RESIDUALS
from lithogen.diffusion.network import (
    N_AFFINE,
    N_BESIDE_CELLS,
    N_GUESSES,
    N_INPUT,
    WHITE_LIMIT,
    all_guesses,
    nearest_rows,
    parameters_of,
    white_guesses,
)
from lithogen.rockphysics.facies import N_FACIES

N = 5


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


@pytest.fixture
def rows() -> torch.Tensor:
    return cells_of(torch.tensor([[0, 3]]).expand(N, 2), draw(N, 2, N_RESIDUALS))


def test_guesses_are_the_first_and_the_known_rows(rows) -> None:
    first = draw(N, N_RESIDUALS)
    found = all_guesses(first, rows)
    torch.testing.assert_close(found[:, 0], first)
    torch.testing.assert_close(found[:, 1:], rows[..., N_FACIES:])


def test_without_known_rows_all_guesses_are_the_first() -> None:
    first = draw(N, N_RESIDUALS)
    found = all_guesses(first, torch.zeros(N, 2, N_CELL))
    torch.testing.assert_close(found, first[:, None].expand(N, N_GUESSES, N_RESIDUALS))


@pytest.mark.parametrize("chosen", range(N_GUESSES))
def test_a_bed_that_goes_on_is_copied(rows, chosen) -> None:
    """A network that is sure of a guess and adds nothing gives that guess as the mean."""
    guesses = all_guesses(draw(N, N_RESIDUALS), rows)
    out = torch.zeros(N, N_AFFINE + N_GUESSES)
    out[:, N_AFFINE + chosen] = 50.0
    mean = parameters_of(out, guesses)[:, :N_RESIDUALS]
    torch.testing.assert_close(mean, guesses[:, chosen])


def test_a_network_that_is_not_sure_takes_what_lies_between(rows) -> None:
    guesses = all_guesses(draw(N, N_RESIDUALS), rows)
    mean = parameters_of(torch.zeros(N, N_AFFINE + N_GUESSES), guesses)[:, :N_RESIDUALS]
    torch.testing.assert_close(mean, guesses.mean(dim=1))


def test_white_guesses_are_zero_at_the_mean_and_limited() -> None:
    guesses = torch.zeros(1, N_GUESSES, N_RESIDUALS)
    guesses[0, 1], guesses[0, 2] = 0.5, 100.0
    parameters = torch.zeros(1, N_AFFINE)
    parameters[:, :N_RESIDUALS] = 0.5
    white = white_guesses(parameters, guesses).view(N_GUESSES, N_RESIDUALS)
    assert white[0].tolist() == [-0.5] * 3
    assert white[1].tolist() == [0.0] * 3
    assert white[2].tolist() == [WHITE_LIMIT] * 3


@pytest.mark.parametrize("level", LEVELS[1:], ids=lambda level: str(level.stride))
def test_nearest_rows_are_those_beside_the_new_one(level) -> None:
    n_offset, middle = len(level.offsets), len(level.offsets) // 2
    assert level.offsets[middle - 1 : middle + 1].tolist() == [-level.stride, level.stride]
    window = draw(N, n_offset, N_CELL)
    beside = torch.zeros(N, N_BESIDE_CELLS // N_CELL, N_CELL)
    none = torch.zeros(N, N_CELL)
    around = Surroundings(window, torch.zeros(N, len(level.mates), N_CELL), beside, none, none,
                          torch.zeros(N), torch.zeros(N), torch.full((N,), 4))
    context = torch.zeros(N, N_INPUT)
    write_context(context, level, around, torch.zeros(N, N_ROW_CONDITIONS),
                  torch.zeros(N, N_WORLD_CONDITIONS))
    torch.testing.assert_close(nearest_rows(context), window[:, middle - 1 : middle + 1])
