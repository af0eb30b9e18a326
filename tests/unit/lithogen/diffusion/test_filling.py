"""Any rows of a lattice are those of the whole, bit for bit; they are drawn as was learned."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from lithogen.diffusion.conditions import (
    N_ROW_SCALARS,
    RESIDUAL_GAIN,
    row_conditions,
    world_conditions,
)
from lithogen.diffusion.contexts import Surroundings, cells_of, write_context
from lithogen.diffusion.drawing import PER_SIGMA
from lithogen.diffusion.lattice import MIDDLE, N_POSITIONS, N_RESIDUALS, PASSES
from lithogen.diffusion.network import (
    N_INPUT,
    affine,
    all_guesses,
    colour,
    encode_context,
    facies_logits,
    mean_guess,
    nearest_rows,
    residual_context,
    velocity,
    white_guesses,
)
from lithogen.diffusion.numbers import N_CELL_NUMBERS, cell_numbers, world_numbers
from lithogen.diffusion.schedulers import MASKED
from lithogen.rockphysics.facies import N_FACIES
from lithogen.rockphysics.trends import RESIDUAL_LIMIT

FIRST, LAST = -700, 1100
# Sub-windows: single rows, rows at both ends, across blocks of every level, and all.
PARTS = [(0, 0), (511, 512), (-700, -650), (300, 900), (1099, 1100), (-3, 260), (-700, 1100)]
# The input's products are summed in another order there, in single precision.
SINGLE = 2e-4


def test_any_rows_are_the_crop_of_the_whole_alone_and_in_any_order(lattice_of) -> None:
    facies, residual = lattice_of().rows(FIRST, LAST)
    shared = lattice_of()
    for first, last in PARTS:
        crop = slice(first - FIRST, last + 1 - FIRST)
        for lattice in (lattice_of(), shared):
            got = lattice.rows(first, last)
            assert_array_equal(got[0], facies[crop])
            assert_array_equal(got[1], residual[crop])
    backwards = lattice_of()
    for first, last in reversed(PARTS):
        assert_array_equal(backwards.rows(first, last)[1], residual[first - FIRST : last + 1
                                                                    - FIRST])


def test_threads_do_not_change_a_bit(lattice_of) -> None:
    before, made = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            made.append(lattice_of().rows(0, 1))
    finally:
        torch.set_num_threads(before)
    assert_array_equal(made[0][0], made[1][0])
    assert_array_equal(made[0][1], made[1][1])


def test_worlds_of_other_seeds_differ_and_cells_are_rock(lattice_of) -> None:
    facies, residual = lattice_of().rows(0, 400)
    assert (facies.shape, residual.shape) == ((401, N_POSITIONS), (401, N_POSITIONS, 3))
    assert (facies.dtype, residual.dtype) == (np.int8, np.float32)
    assert facies.min() >= 0 and facies.max() < N_FACIES
    assert len(np.unique(facies)) > 3
    assert np.abs(residual).max() <= RESIDUAL_LIMIT
    assert (lattice_of(seed=8).rows(0, 400)[0] != facies).mean() > 0.2


def test_other_steps_change_residuals_alone_at_the_coarsest_rows(lattice_of) -> None:
    one, two = (lattice_of(steps=steps).rows(512, 512) for steps in (1, 4))
    assert one[0][0, MIDDLE] == two[0][0, MIDDLE]
    assert (one[1] != two[1]).mean() > 0.5


def test_lattices_of_different_steps_that_share_schedulers_do_not_mix(lattice_of) -> None:
    alone = [lattice_of(steps=steps).rows(0, 40)[1] for steps in (1, 3)]
    one, three = lattice_of(steps=1), lattice_of(steps=3)
    three.drawer.flow = one.drawer.flow
    one.rows(300, 340)
    three.rows(300, 340)
    assert_array_equal(one.rows(0, 40)[1], alone[0])
    assert_array_equal(three.rows(0, 40)[1], alone[1])


def _learned(lattice, one, row, position, cells, at):
    """Facies and residuals of one cell as the training's functions say them."""
    direction = int(np.sign(MIDDLE - position))
    level = one.level
    weights = lattice.drawer.network.weights(level.number)

    def cell(rows, places):
        return cells[at(np.asarray(rows))][..., places, :]

    seen = row + level.offsets
    has = torch.tensor([[float(direction != 0)]])
    near = position + direction
    around = Surroundings(
        cell(seen, position)[None], cell(row + one.offsets[len(seen):], position)[None],
        cell(seen[level.beside], near)[None] * has[..., None],
        cell(row, near)[None] * has, cell(row, MIDDLE)[None] * has,
        torch.tensor([float(direction)]), torch.tensor([float(abs(position - MIDDLE))]),
        torch.tensor([position]))
    told = torch.from_numpy(row_conditions(lattice.structure, lattice.family, np.array([row])))
    world = torch.from_numpy(world_conditions(lattice.structure.scenario,
                                              world_numbers(lattice.seed)))
    context = torch.zeros(1, N_INPUT)
    write_context(context, level, around, told, world)
    numbers = torch.from_numpy(cell_numbers(lattice.seed, np.array([row])))[0, position]
    h = encode_context(weights, context[None])
    facies = lattice.drawer.unmasking.step(
        facies_logits(weights, h)[0], 0, torch.tensor([MASKED]), numbers[None, 0]).prev_sample
    trends = told[0, N_ROW_SCALARS:].reshape(N_FACIES, N_RESIDUALS)
    trend = trends[facies][None]
    near_facies = int(around.neighbour[0, :N_FACIES].argmax())
    encoded = residual_context(weights, h, facies[None], trend)
    first = mean_guess(weights, trend, around.neighbour[None, :, N_FACIES:],
                       trends[near_facies][None, None], has[None])
    guesses = all_guesses(first, nearest_rows(context[None]))
    parameters = affine(weights, encoded, guesses)
    white = white_guesses(parameters, guesses)
    state = numbers[1:][None, None]
    steps = lattice.drawer.steps
    for k in range(steps):
        sigma = torch.tensor([[1.0 - k / steps]])
        # The first step, from pure noise, needs no network: the mean of white residuals is 0.
        speed = velocity(weights, encoded, white, state, sigma) * PER_SIGMA if k else 0.0 * state
        state = state - speed / steps
    return int(facies), colour(parameters, state)[0, 0]


@pytest.mark.parametrize("one", [PASSES[0], PASSES[1], PASSES[4], PASSES[-2], PASSES[-1]],
                         ids=lambda one: f"{one.level.stride}.{one.half}")
def test_cells_are_drawn_as_training_sees_them(lattice_of, one) -> None:
    """The drawing takes the network apart to be fast; the training's own functions agree."""
    row = one.first + one.step
    lattice, reach = lattice_of(steps=3), one.reach
    facies, residual = lattice.rows(row - reach, row + reach)
    cells = cells_of(torch.from_numpy(facies), torch.from_numpy(residual) * RESIDUAL_GAIN)
    with torch.inference_mode():
        for position in range(N_POSITIONS):
            code, wanted = _learned(lattice, one, row, position, cells,
                                    lambda rows: rows - (row - reach))
            assert code == facies[reach, position]
            limit = RESIDUAL_GAIN * RESIDUAL_LIMIT
            error = residual[reach, position] * RESIDUAL_GAIN - wanted.clamp(-limit, limit).numpy()
            assert np.abs(error).max() < SINGLE


def test_numbers_are_functions_of_seed_row_and_position_alone() -> None:
    rows = np.array([5, -3, 2**40])
    whole = cell_numbers(4, rows)
    assert whole.shape == (3, N_POSITIONS, N_CELL_NUMBERS)
    assert_array_equal(cell_numbers(4, rows[::-1]), whole[::-1])
    assert (cell_numbers(5, rows) != whole).all()
    many = cell_numbers(1, np.arange(2000))
    # Standard errors of 72 000 independent numbers are 0.004 and 0.003.
    assert abs(many.mean()) < 0.02 and abs(many.std() - 1.0) < 0.015
