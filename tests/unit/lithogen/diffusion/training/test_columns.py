"""Training data: diagrams are the prior's strata, and cells come with what is known of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from lithogen.diffusion.conditions import N_ROW_SCALARS, N_SCENARIO_CONDITIONS, RESIDUAL_GAIN
from lithogen.diffusion.lattice import LEVELS, MIDDLE, N_CELL, N_LEVELS, N_POSITIONS
from lithogen.diffusion.network import input_slices
from lithogen.diffusion.training.columns import (
    COARSE_ROWS,
    CellSource,
    Diagrams,
    diagram_of,
    draw_batch,
    joined_batch,
)
from lithogen.diffusion.training.train import prior_diagrams
from lithogen.prior.tables import strata_of
from lithogen.rng import generator
from lithogen.rockphysics import decode_elastic
from lithogen.rockphysics.facies import N_FACIES
from lithogen.scenario import Scenario
from lithogen.structure import Structure

# Running sums of single precision over some steps of a table, and a logarithm.
SINGLE = 2e-3


def rng(number: int = 0) -> np.random.Generator:
    return generator(1, "test", number)


def test_a_diagram_holds_the_backus_means_of_the_priors_rows() -> None:
    structure = Structure(3, Scenario.random(3))
    strata = strata_of(3, structure)
    rows = np.arange(500, 530)
    facies, residual = diagram_of(strata, rows)
    assert facies.shape == (30, N_POSITIONS) and residual.shape == (30, N_POSITIONS, 3)
    vp, _, rho = decode_elastic(np.ascontiguousarray(residual.transpose(2, 1, 0)), strata.family,
                                structure.nominal_depth_m(rows + 0.5))
    for k in (0, 11, 12, 29):
        table, step = strata.chunk(int(rows[k]) // 512), 2 * (int(rows[k]) % 512)
        mean = (table.total[:, step + 2] - table.total[:, step]).astype(np.float64) / 2.0
        assert_array_equal(facies[k], table.dominant[:, step, 1])
        inside = (np.abs(residual[k]) < 3.9).all(axis=1)
        found = np.stack([1e9 / (rho[:, k] * vp[:, k] ** 2.0), rho[:, k]], axis=1)[inside]
        assert np.abs(found / mean[inside][:, [0, 2]] - 1.0).max() < SINGLE


def test_diagrams_do_not_depend_on_the_chunks_that_rows_begin_in() -> None:
    strata = strata_of(3, Structure(3, Scenario.random(3)))
    whole, part = diagram_of(strata, np.arange(0, 1100)), diagram_of(strata, np.arange(505, 520))
    assert_array_equal(whole[0][505:520], part[0])
    assert_array_equal(whole[1][505:520], part[1])


def test_worlds_are_functions_of_seed_stream_and_number(tiny, worlds) -> None:
    again = prior_diagrams(tiny, "train", 2)
    for one, two in zip(again.tensors(), worlds[0].tensors(), strict=True):
        assert torch.equal(one, two[:2])
    assert len(worlds[0]) == tiny.n_worlds
    assert not torch.equal(worlds[1].facies, worlds[0].facies[:2])


@pytest.mark.slow
def test_any_number_of_processes_makes_the_same_worlds(tiny, worlds) -> None:
    counted = []
    two = prior_diagrams(tiny, "train", tiny.n_worlds, 2, counted.append)
    for one, other in zip(worlds[0].tensors(), two.tensors(), strict=True):
        assert torch.equal(one, other)
    assert sum(counted) == tiny.n_worlds


def test_cells_come_with_their_facies_residuals_and_known_rows(worlds) -> None:
    """One batch is put together again, cell by cell, from the diagrams."""
    diagrams = worlds[0]
    source = CellSource(diagrams)
    batch = draw_batch(source, 40, rng())
    parts = input_slices()
    assert batch.context.shape[:2] == (N_LEVELS, 40)
    assert (batch.weight == 1.0).all()
    flat = diagrams.facies.long()
    for level in LEVELS:
        # The same draws again: which worlds, rows and positions.
        again = rng()
        for one in LEVELS[: level.number + 1]:
            world, k = source.draw(one, 40, again)
            position, start = source.positions(40, again)
            n_seen = len(one.offsets) + len(one.mates)
            again.standard_normal((40, n_seen, 3), dtype=np.float32)
            has_mates = torch.from_numpy(again.uniform(size=40) < 0.5)
            again.uniform(size=(40, 2))
        assert torch.equal(batch.facies[level.number], flat[world, k, position])
        wanted = diagrams.residual[world, k, position].float()
        assert torch.equal(batch.residual[level.number], wanted)
        assert torch.equal(batch.has_neighbour[level.number][:, 0], (start != position).float())
        told = diagrams.row[world, k // COARSE_ROWS].float()
        assert torch.equal(batch.trend[level.number].flatten(1), told[:, N_ROW_SCALARS:])
        context = batch.context[level.number]
        assert torch.equal(context[:, parts["row"]], told)
        assert torch.equal(context[:, parts["position"]].argmax(dim=1), position)
        window = context[:, parts["window"]].reshape(40, -1, N_CELL)
        lead = (window.shape[1] - len(level.offsets)) // 2
        for place, offset in enumerate(level.offsets):
            seen = window[:, lead + place, :N_FACIES].argmax(dim=1)
            assert torch.equal(seen, flat[world, k + int(offset), position])
        assert (window[:, :lead] == 0.0).all()
        mates = context[:, parts["mates"]].reshape(40, -1, N_CELL)
        assert (mates[~has_mates] == 0.0).all()
        for place, offset in enumerate(level.mates):
            seen = mates[has_mates, place, :N_FACIES].argmax(dim=1)
            assert torch.equal(seen, flat[world, k + int(offset), position][has_mates])


def test_jitter_moves_known_residuals_and_nothing_else(worlds) -> None:
    source, parts = CellSource(worlds[0]), input_slices()
    plain, moved = (draw_batch(source, 200, rng(), jitter=jitter) for jitter in (0.0, 0.1))
    assert torch.equal(plain.facies, moved.facies) and torch.equal(plain.residual, moved.residual)
    change = (moved.context - plain.context)[1:]
    for name in ("position", "row", "world"):
        assert (change[..., parts[name]] == 0.0).all()
    window = change[..., parts["window"]].reshape(N_LEVELS - 1, 200, -1, N_CELL)
    assert (window[..., :N_FACIES] == 0.0).all()
    some = window[-1, ..., N_FACIES:]
    # 200 cells of 24 rows of 3: a standard error of 0.0006.
    assert float(some.std()) == pytest.approx(0.1, abs=0.004)


def test_a_share_of_cells_is_not_told_the_world(worlds) -> None:
    batch = draw_batch(CellSource(worlds[0]), 400, rng(), unknown=0.3)
    world = batch.context[..., input_slices()["world"]]
    for told in (world[..., :N_SCENARIO_CONDITIONS], world[..., N_SCENARIO_CONDITIONS:]):
        is_hidden = (told == 0.0).all(dim=-1)
        # 4000 draws: a standard error of 0.007.
        assert float(is_hidden.float().mean()) == pytest.approx(0.3, abs=0.035)
        assert (told[..., -1][~is_hidden] == 1.0).all()
    all_hidden = draw_batch(CellSource(worlds[0]), 20, rng(), unknown=1.0)
    assert (all_hidden.context[..., input_slices()["world"]] == 0.0).all()


def test_lateral_cells_all_have_a_neighbour(worlds) -> None:
    batch = draw_batch(CellSource(worlds[0], only_lateral=True), 100, rng())
    assert (batch.has_neighbour == 1.0).all()
    share = draw_batch(CellSource(worlds[0]), 400, rng()).has_neighbour.mean()
    assert 0.4 < float(share) < 0.7


def middle_only(known: slice, n_rows: int = 1024) -> Diagrams:
    """One own model: rows of the middle position that are known from..to."""
    facies = torch.full((1, n_rows, 1), -1, dtype=torch.int8)
    facies[0, known, 0] = (torch.arange(n_rows)[known] // 3 % N_FACIES).to(torch.int8)
    residual = torch.zeros(1, n_rows, 1, 3, dtype=torch.float16)
    row = torch.zeros(1, n_rows // COARSE_ROWS, N_ROW_SCALARS + 3 * N_FACIES, dtype=torch.float16)
    world = torch.zeros(1, input_slices()["world"].stop - input_slices()["world"].start)
    return Diagrams(facies, residual, row, world)


def test_cells_of_own_models_see_known_rows_alone() -> None:
    source = CellSource(middle_only(slice(100, 400)))
    has = [source.has(level) for level in LEVELS]
    # Rows 1 ms apart see 91 rows either side, those 2 ms apart twice as many.
    assert has[1:] == [False] * (N_LEVELS - 2) + [True]
    batch = draw_batch(source, 50, rng())
    for level in LEVELS:
        assert (batch.weight[level.number] == float(has[level.number])).all()
        if has[level.number]:
            _, k = source.draw(level, 200, rng())
            assert int(k.min()) - level.reach >= 100 and int(k.max()) + level.reach < 400
    position, start = source.positions(5, rng())
    assert (position == MIDDLE).all() and (start == MIDDLE).all()
    assert (batch.has_neighbour == 0.0).all()


def test_a_joined_batch_holds_the_cells_of_both(worlds) -> None:
    one, two = (draw_batch(CellSource(worlds[0]), n, rng(n)) for n in (3, 5))
    both = joined_batch(one, two)
    assert both.context.shape[:2] == (N_LEVELS, 8)
    assert torch.equal(both.facies[:, 3:], two.facies)
    assert float(both.residual.abs().max()) <= RESIDUAL_GAIN * 4.01
