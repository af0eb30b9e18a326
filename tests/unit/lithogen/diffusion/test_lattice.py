"""The lattice: levels share out the rows, see rows that are known, and fill every position."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lithogen.diffusion.filling import demands_of
from lithogen.diffusion.lattice import (
    LEVELS,
    MOST_OFFSETS,
    N_BESIDE,
    PASSES,
    level_of,
)

FIRST, LAST = -3000, 3000


def rows_of(one, first=FIRST, last=LAST):
    """New rows of a pass between two rows, one entry for each time they are drawn."""
    rows = np.concatenate([one.rows(number) for number in one.blocks(first, last)])
    return rows[(rows >= first) & (rows <= last)]


def test_every_row_is_drawn_in_one_pass_and_once() -> None:
    drawn = np.concatenate([rows_of(one) for one in PASSES])
    assert np.array_equal(np.sort(drawn), np.arange(FIRST, LAST + 1))
    for one in PASSES:
        assert (level_of(rows_of(one)) == one.level.number).all()


def test_rows_of_a_second_pass_see_those_of_the_first_beside_them() -> None:
    for one in PASSES:
        assert len(one.level.mates) == (2 if one.level.n_passes == 2 else 0)
        if one.half == 0:
            assert np.array_equal(one.offsets, one.level.offsets)
            continue
        first = {int(row) for row in rows_of(PASSES[PASSES.index(one) - 1], 2 * FIRST, 2 * LAST)}
        for row in rows_of(one):
            assert {int(row + mate) for mate in one.level.mates} <= first


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: str(level.stride))
def test_a_new_row_sees_rows_of_coarser_levels_alone(level) -> None:
    for row in (level.first, level.first - 7 * level.step, level.first + 40 * level.step):
        assert (level_of(row + level.offsets) < level.number).all()
    assert len(level.offsets) <= MOST_OFFSETS
    assert level.reach == (max(level.offsets) if len(level.offsets) else 0)
    # Alike upwards and downwards, in order, none twice.
    assert np.array_equal(level.offsets, -level.offsets[::-1])
    assert (np.diff(level.offsets) > 0).all()


def test_the_rows_beside_are_the_nearest_ones() -> None:
    for level in LEVELS[1:]:
        offsets = level.offsets
        nearest = np.sort(np.abs(offsets))[: 2 * N_BESIDE]
        assert np.array_equal(np.sort(np.abs(offsets[level.beside])), nearest)
    assert len(LEVELS[0].offsets[LEVELS[0].beside]) == 0


@pytest.mark.parametrize("level", PASSES, ids=lambda one: f"{one.level.stride}.{one.half}")
def test_blocks_of_a_range_hold_its_rows_and_no_block_is_idle(level) -> None:
    for first, last in ((-700, -690), (0, 0), (5, 3000), (-1, 1)):
        blocks = level.blocks(first, last)
        inside = {number: ((rows := level.rows(number)) >= first) & (rows <= last)
                  for number in range(blocks.start - 1, blocks.stop + 1)}
        assert not inside[blocks.start - 1].any() and not inside[blocks.stop].any()
    assert len(level.rows(3)) == level.block_rows
    # A block begins where the one before ends.
    assert level.rows(1)[0] - level.rows(0)[-1] == level.step


@pytest.mark.parametrize(("first", "last"), [(0, 0), (-1, 1), (100, 611), (-5000, -4200)])
def test_spans_hold_all_that_rows_depend_on(first, last) -> None:
    demands = demands_of(first, last)
    assert [demand.of for demand in demands] == list(PASSES)
    drawn = [{int(row) for block in demand.blocks for row in demand.of.rows(block)}
             for demand in demands]
    assert set(range(first, last + 1)) <= set().union(*drawn)
    for number, demand in enumerate(demands):
        seen = {row + int(offset) for row, offset in
                itertools.product(drawn[number], demand.of.offsets)}
        before = set().union(*drawn[:number])
        assert seen <= before, demand.of
        # What is known after a pass is all of it, and all that the next one looks at.
        stride = demand.of.level.stride
        if demand.of.half == demand.of.level.n_passes - 1:
            whole = range(-(-demand.first // stride) * stride, demand.last + 1, stride)
            assert set(whole) <= before | drawn[number]
