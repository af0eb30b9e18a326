"""From rows to tables and voxels: means of tables are those of the rows, at any spacing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from lithogen.diffusion.lattice import N_POSITIONS
from lithogen.diffusion.mapping import CHUNK_ROWS, STEPS_A_ROW, LatticeStrata
from lithogen.grid import Spacing, Window
from lithogen.rockphysics import decode_elastic
from lithogen.rockphysics.bounds import limit_velocities
from lithogen.rockphysics.reservoir import net_share, porosity_of
from lithogen.scenario import Scenario
from lithogen.strata import blocks
from lithogen.strata.tables import COLUMNS, MAX_SPAN, N_ROWS
from lithogen.structure import Structure

# Running sums of 1152 steps in single precision, and a difference of two over few steps.
MEAN_TOLERANCE = 5e-4
FLAT = Scenario(
    faulting=0.0, polygonal=0.0, folding=0.0, regional_dip_deg=0.0, thickness_variation=0.0,
    clinoforms=0.0, unconformities=0, salt=0.0, lateral_change=0.0, channels=0.0, lobes=0.0,
    deltas=0.0, buildups=0.0, karst=0.0, mass_transport=0.0, canyons=0.0)


@pytest.fixture
def strata(lattice_of) -> LatticeStrata:
    return LatticeStrata(lattice_of())


def columns_of(strata, first, last):
    """Columns of the tables but texture of rows first..last, (n, N_POSITIONS, 5), float64."""
    facies, residual = strata.lattice.rows(first, last)
    depth_m = strata.structure.nominal_depth_m(np.arange(first, last + 1) + 0.5)
    vp, vs, rho = (v.astype(np.float64) for v in decode_elastic(
        np.ascontiguousarray(residual.transpose(2, 1, 0)), strata.family, depth_m))
    porosity = porosity_of(facies.T, rho.astype(np.float32), strata.family, depth_m)
    vp, vs = limit_velocities(vp, vs, rho, porosity.astype(np.float64), None)
    return np.stack([1e9 / (rho * vp**2), 1e9 / (rho * vs**2), rho, porosity,
                     net_share(facies.T, porosity)], axis=-1).transpose(1, 0, 2)


def test_steps_of_a_table_hold_the_rock_of_their_row(strata) -> None:
    table = strata.chunk(1)
    assert table.total.shape == (N_POSITIONS, N_ROWS + MAX_SPAN + 1, len(COLUMNS))
    rows = columns_of(strata, CHUNK_ROWS, 2 * CHUNK_ROWS - 1)
    steps = np.diff(table.total.astype(np.float64), axis=1)[:, :N_ROWS]
    found = steps.reshape(N_POSITIONS, CHUNK_ROWS, STEPS_A_ROW, -1).mean(axis=2)[..., :-1]
    wanted = rows.transpose(1, 0, 2)
    assert_allclose(found, wanted, atol=MEAN_TOLERANCE * np.abs(wanted).max(axis=(0, 1)).max(),
                    rtol=0.0)
    for column in range(wanted.shape[-1]):
        error = np.abs(found[..., column] - wanted[..., column]).max()
        # At the end of the chunk a sum is hundreds of rows: its last bit over one step.
        scale = np.abs(table.total[..., column]).max()
        assert error <= 4.0 * scale * 2.0**-23, COLUMNS[column]
    facies, _ = strata.lattice.rows(CHUNK_ROWS, 2 * CHUNK_ROWS - 1)
    assert_array_equal(table.dominant[:, ::STEPS_A_ROW, 0], facies.T)
    # What compaction and minerals allow.
    assert (wanted[..., 3] >= 0.0).all() and (wanted[..., 3] <= 0.7).all()
    assert set(np.unique(wanted[..., 4])) <= {0.0, 0.5, 1.0}


def test_a_table_reaches_into_the_next_as_that_one_begins(strata) -> None:
    one, two = strata.chunk(-1), strata.chunk(0)
    ends = np.diff(one.total.astype(np.float64), axis=1)[:, N_ROWS:]
    begins = np.diff(two.total.astype(np.float64), axis=1)[:, :MAX_SPAN]
    # Sums are ten times as large at the end of a table as at its beginning.
    for column in range(len(COLUMNS)):
        limit = 4.0 * np.abs(one.total[..., column]).max() * 2.0**-23
        assert np.abs(ends[..., column] - begins[..., column]).max() <= limit


def test_only_recent_tables_are_kept_and_come_again(strata, monkeypatch) -> None:
    monkeypatch.setattr(blocks, "KEPT_CHUNKS", 2)
    first = strata.chunk(0)
    assert strata.chunk(0) is first
    for number in (1, 2):
        strata.chunk(number)
    assert_array_equal(strata.chunk(0).total, first.total)


def test_a_voxel_is_the_mean_of_its_halves(strata) -> None:
    """Spans of 4 ms are those of two spans of 2 ms: means of compliances and density, exactly."""
    rng = np.random.default_rng(0)
    # Whole steps of 0.5 ms, over borders of chunks.
    centre = torch.from_numpy(0.5 * rng.integers(-300, 2200, (3, 4, 40)).astype(np.float32))
    environment = torch.from_numpy(rng.uniform(-2.5, 2.5, centre.shape).astype(np.float32))
    lines = np.zeros(3), np.zeros(4)

    def means(age, half_ms):
        half = torch.full_like(age, half_ms)
        return strata.voxel_means(age, half, environment, *lines)[0].double().numpy()

    whole = means(centre, 2.0)
    halves = 0.5 * (means(centre - 1.0, 1.0) + means(centre + 1.0, 1.0))
    error = np.abs(whole - halves) / np.abs(whole).mean(axis=(0, 1, 2))
    assert error.max() < MEAN_TOLERANCE


def test_a_voxel_of_4_ms_is_the_backus_mean_of_voxels_of_half_a_ms(fresh) -> None:
    """Where ages are regular; the edges of a voxel are rounded to steps of 0.5 ms."""
    structure = Structure(4, FLAT)
    n, fold = 40, 8
    pipe = fresh()
    coarse = pipe.world_fields(structure, Window((0, 0, 100), (1, 1, n)), seed=4, steps=2)
    # The eighths of a voxel lie on both sides of its centre, one more at either end.
    window = Window((0, 0, 100 * fold - fold // 2 - 1), (1, 1, n * fold + 2))
    fine = pipe.world_fields(structure, window, seed=4, steps=2, spacing=Spacing(0.0005))

    def values(world):
        rho, vp, vs = (getattr(world, name)[0, 0].astype(np.float64)
                       for name in ("rho", "vp", "vs"))
        return {"rho": rho, "compliance": 1.0 / (rho * vp**2), "shear": 1.0 / (rho * vs**2),
                "porosity": world.porosity[0, 0].astype(np.float64)}

    got, parts = values(coarse), values(fine)
    for name, wanted in parts.items():
        near = np.lib.stride_tricks.sliding_window_view(wanted, fold + 2)[::fold]
        error = np.abs(got[name] - near[:, 1:-1].mean(axis=1))
        # One step of eight may belong to the neighbour at either end. The rest is that layers
        # are carried to the depth of a voxel along the trend of its dominant facies.
        limit = 2.0 / fold * np.ptp(near, axis=1) + 2e-3 * np.abs(near).mean()
        assert (error <= limit).all(), name
        assert np.median(error / near.mean(axis=1)) < 0.02, name
    assert len(np.unique(coarse.facies)) > 1
