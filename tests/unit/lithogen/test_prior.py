"""The procedural prior: bed stacks, exact block means, rock physics."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from lithogen.errors import ShapeError
from lithogen.grid import Spacing, Window
from lithogen.prior import sample_world, world_fields
from lithogen.prior.strata import CHUNK_MS, ENVIRONMENTS, N_ROWS, chunk_table, draw_chunk
from lithogen.rockphysics import (
    FACIES,
    N_FACIES,
    RockFamily,
    decode_elastic,
    encode_residual,
    facies_code,
)
from lithogen.rockphysics.trends import MIN_VP_OVER_VS, RHO_LIMITS_KG_M3, VP_LIMITS_M_S
from lithogen.scenario import Scenario
from lithogen.structure import Structure

SPACING = Spacing()


def test_beds_fill_a_chunk_and_never_repeat_a_facies() -> None:
    for chunk in (-3, 0, 44):
        beds = draw_chunk(5, Scenario(), chunk)
        assert sum(b.thickness_ms for b in beds) == pytest.approx(CHUNK_MS)
        assert all(a.facies != b.facies for a, b in itertools.pairwise(beds))
        assert all(b.thickness_ms > 0 for b in beds)


def test_a_chunk_does_not_depend_on_what_was_drawn_before() -> None:
    first = chunk_table(5, Scenario(), 7).copy()
    chunk_table.cache_clear()
    chunk_table(5, Scenario(), 8)
    assert_array_equal(chunk_table(5, Scenario(), 7), first)


def test_table_rows_are_one_facies_each() -> None:
    table = chunk_table(5, Scenario(), 1)
    assert table.shape == (N_ROWS, ENVIRONMENTS, N_FACIES + 3)
    assert_array_equal(table[..., :N_FACIES].sum(-1), 1.0)


def test_net_to_gross_moves_the_sand_share() -> None:
    def share(net_to_gross: float) -> float:
        scenario = Scenario(net_to_gross=net_to_gross, carbonate_share=0.0)
        rows = [chunk_table(seed, scenario, 0)[:, ENVIRONMENTS // 2, facies_code("sandstone")]
                for seed in range(30)]
        return float(np.mean(rows))

    low, high = share(0.1), share(0.6)
    assert low < 0.25
    assert high > low + 0.25


@pytest.fixture(scope="module")
def world():
    return world_fields(Structure.random(1), Window((0, 0, 0), (16, 64, 160)), SPACING, 1)


def test_values_stay_inside_physical_bounds(world) -> None:
    assert VP_LIMITS_M_S[0] <= world.vp.min() <= world.vp.max() <= VP_LIMITS_M_S[1]
    assert RHO_LIMITS_KG_M3[0] <= world.rho.min() <= world.rho.max() <= RHO_LIMITS_KG_M3[1]
    assert (world.vp / world.vs).min() >= MIN_VP_OVER_VS * 0.999
    assert len(np.unique(world.facies)) >= 3


def test_residuals_encode_and_decode_exactly(world) -> None:
    structure = Structure.random(1)
    depth = structure.velocity.depth(np.arange(160) * 0.004)
    family = RockFamily.random(1, structure.scenario.burial_m)
    units = encode_residual(world.facies, world.vp, world.vs, world.rho, family, depth)
    assert_array_equal(units, world.residual)
    vp, vs, rho = decode_elastic(world.facies, units, family, depth)
    inside = np.abs(units).max(0) < 3.99
    assert inside.mean() > 0.95
    for got, wanted in ((vp, world.vp), (vs, world.vs), (rho, world.rho)):
        # Single precision through a logarithm and an exponential.
        assert np.abs(got / wanted - 1)[inside].max() < 1e-4


def test_layers_continue_along_age_and_change_across_it(world) -> None:
    age = world.structure.age.numpy()
    flat = np.log(world.vp)
    row_age, row_value = age[8], flat[8]
    grid = np.linspace(np.quantile(age, 0.2), np.quantile(age, 0.8), 100)
    panel = np.stack([np.interp(grid, a, v) for a, v in zip(row_age, row_value, strict=True)])
    along = np.corrcoef(panel[0], panel[40])[0, 1]
    shuffled = np.corrcoef(panel[0], np.roll(panel[40], 37))[0, 1]
    assert along > shuffled + 0.2


def test_channels_hold_their_fill() -> None:
    scenario = dataclasses.replace(Scenario(), channels=1.0, lateral_change=0.0)
    world = world_fields(Structure(9, scenario), Window((0, 0, 0), (32, 128, 160)), SPACING, 9)
    inside = world.structure.sand_channel.numpy() > 0.9
    assert inside.sum() > 50
    assert (world.facies[inside] == facies_code("sandstone")).all()


def test_trends_rise_with_depth_and_families_differ() -> None:
    depth = np.linspace(0, 3500, 50)
    one, two = RockFamily.random(1, 500.0), RockFamily.random(2, 500.0)
    vp, vs, rho = one.trend(depth)
    compacting = [facies_code(n) for n in FACIES if n not in ("coal", "evaporite")]
    assert (np.diff(vp[:, compacting], axis=0) >= 0).all()
    assert (np.diff(rho[:, compacting], axis=0) >= 0).all()
    assert (vp / vs >= MIN_VP_OVER_VS - 1e-9).all()
    assert np.abs(one.trend(depth)[0] / two.trend(depth)[0] - 1).max() > 0.01
    at = np.searchsorted(depth, 1000.0)
    # FORCE 2020 wells, 1.5 km below the depositional surface: shale 2.5 +- 0.4 km/s.
    assert 2100 < vp[at, facies_code("shale")] < 2900


def test_sampled_windows_equal_crops() -> None:
    whole = sample_world((40, 48, 64), 3, origin=(-20, 50, 10))
    part = sample_world((16, 20, 17), 3, origin=(-9, 60, 31))
    box = (slice(11, 27), slice(10, 30), slice(21, 38))
    for name in whole.data_vars:
        assert_array_equal(part[name].values, whole[name].values[box], err_msg=name)
    with pytest.raises(ShapeError, match="at least 16"):
        sample_world((8, 16, 16), 1)
