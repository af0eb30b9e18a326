"""Bed stacks and their tables: no gaps, the stated statistics, exact means, any order."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lithogen.prior import beds as beds_module
from lithogen.prior.beds import (
    CHUNK_MS,
    LEAST_THICKNESS_M,
    LN_MEAN,
    LN_STD,
    MOST_THICKNESS_M,
    TRANSITION,
    BedStack,
    bed_log,
    beds_between,
    chunk_start_ms,
    draw_chunk,
    world_character,
)
from lithogen.prior.tables import (
    LEVELS,
    PriorStrata,
    facies_by_environment,
    strata_of,
    with_texture,
)
from lithogen.rockphysics.facies import (
    CHALK,
    HETEROLITHIC,
    LIMESTONE,
    MARL,
    N_FACIES,
    SANDSTONE,
    SHALE,
)
from lithogen.rockphysics.reservoir import net_share
from lithogen.scenario import Scenario
from lithogen.strata import blocks as blocks_module
from lithogen.strata.tables import (
    COLUMNS,
    ENVIRONMENTS,
    MAX_SPAN,
    N_ROWS,
    STEP_MS,
    WIDTHS,
    dominant,
    texture_of,
)
from lithogen.structure import Structure

# Sums of float64 thicknesses over ages to 40 s.
ROUNDING_MS = 1e-6
# 1152 rows of 2500 kg/m3 summed in single precision: 0.25 kg/m3, and a difference of two.
ROW_TOLERANCE = 5e-4
# Standard errors that a statistic of fixed seeds may be off: one test in 10 000 fails by chance.
ERRORS = 4.5
MIDDLE = ENVIRONMENTS // 2
# The largest possible beds: thickest, slowest.
HUGE = Scenario(bed_scale=3.0, velocity_m_s=1500.0, velocity_gradient_per_s=0.0,
                evaporite_share=0.3, carbonate_share=0.4, net_to_gross=0.02)


def plain_formation(motif=()):
    """A formation in the plain style: the wells' own matrix and thicknesses, without end."""
    original = beds_module._formation

    def make(rng, scenario, ms_per_m):
        return dataclasses.replace(
            original(rng, scenario, ms_per_m), next_bed=np.cumsum(TRANSITION, axis=1).tolist(),
            ln_metres=LN_MEAN.tolist(), spread=LN_STD.tolist(), left_ms=1e9, motif=list(motif))
    return make


@pytest.fixture
def fresh_chunks():
    """No chunk from before, and none that outlives a changed rule."""
    draw_chunk.cache_clear()
    yield
    draw_chunk.cache_clear()


def plain_stack(monkeypatch, n_chunk: int, **formation) -> list[BedStack]:
    monkeypatch.setattr(beds_module, "_formation", plain_formation(**formation))
    return [draw_chunk(11, Scenario(bed_scale=1.0), c) for c in range(n_chunk)]


@pytest.mark.parametrize("scenario", [Scenario(), HUGE, Scenario(cyclicity=1.0, bed_scale=0.5)])
@pytest.mark.parametrize("first_ms", [-3000.0, 0.0, 40_100.0])
def test_beds_fill_ages_without_gap_or_overlap(scenario, first_ms) -> None:
    beds = beds_between(5, scenario, first_ms, first_ms + 2500.0)
    base = beds.top_ms + beds.thickness_ms
    assert np.abs(base[:-1] - beds.top_ms[1:]).max() < ROUNDING_MS
    assert beds.top_ms[0] <= first_ms and base[-1] >= first_ms + 2500.0
    assert (beds.thickness_ms > 0).all()
    assert (beds.thickness_m > 0).all()


def test_a_range_of_beds_is_part_of_a_longer_range() -> None:
    for seed in range(6):
        for scenario in (Scenario(), HUGE):
            long = beds_between(seed, scenario, -4000.0, 6000.0)
            for first in (-600.0, 0.0, 1024.0, 2900.0):
                part = beds_between(seed, scenario, first, first + 700.0)
                base = long.top_ms + long.thickness_ms
                inside = np.nonzero((base > first) & (long.top_ms < first + 700.0))[0]
                for name in BedStack.__slots__:
                    np.testing.assert_allclose(
                        getattr(part, name), getattr(long, name)[inside], rtol=1e-9, atol=1e-9,
                        err_msg=f"{name} of seed {seed} from {first}")


@pytest.mark.parametrize("chunk", [-3, 0, 44])
def test_neighbours_inside_a_chunk_differ(chunk) -> None:
    for scenario in (Scenario(), Scenario(cyclicity=1.0), Scenario(carbonate_share=0.5)):
        facies = draw_chunk(5, scenario, chunk).facies
        assert (np.diff(facies) != 0).all()


def test_chunks_reach_the_start_of_the_next() -> None:
    for chunk in range(-2, 6):
        beds = draw_chunk(3, Scenario(), chunk)
        assert beds.top_ms[0] == chunk_start_ms(3, chunk)
        assert beds.top_ms[-1] + beds.thickness_ms[-1] >= chunk_start_ms(3, chunk + 1)


def test_transitions_are_those_of_the_wells_in_the_plain_style(monkeypatch, fresh_chunks) -> None:
    stacks = plain_stack(monkeypatch, 60)
    count = np.zeros((N_FACIES, N_FACIES))
    for stack in stacks:
        np.add.at(count, (stack.facies[:-1], stack.facies[1:]), 1)
    assert count.sum() > 3000
    for row, wanted in enumerate(TRANSITION / TRANSITION.sum(axis=1, keepdims=True)):
        n = count[row].sum()
        if n < 20:
            continue
        error = np.sqrt(np.maximum(wanted * (1 - wanted), 0.5 / n) / n)
        assert (np.abs(count[row] / n - wanted) <= ERRORS * error).all(), row


def test_thicknesses_are_those_of_the_wells_in_the_plain_style(monkeypatch, fresh_chunks) -> None:
    stacks = plain_stack(monkeypatch, 60)
    facies = np.concatenate([s.facies for s in stacks])
    metres = np.concatenate([s.thickness_m for s in stacks])
    compared = 0
    for code in range(N_FACIES):
        mine = metres[facies == code]
        if mine.size < 60:
            continue
        compared += 1
        assert mine.min() >= LEAST_THICKNESS_M - 1e-9
        assert mine.max() <= MOST_THICKNESS_M[code] + 1e-9
        for share, z in ((0.3, -0.5244), (0.5, 0.0), (0.7, 0.5244)):
            # A quantile's standard error: sqrt(p (1 - p) / n) over the normal density there.
            density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
            error = LN_STD[code] * np.sqrt(share * (1 - share) / mine.size) / density
            wanted = max(LN_MEAN[code] + z * LN_STD[code], np.log(LEAST_THICKNESS_M))
            assert abs(np.log(np.quantile(mine, share)) - wanted) <= ERRORS * error, (code, share)
    assert compared >= 4


def test_cyclic_formations_repeat_their_motif(monkeypatch, fresh_chunks) -> None:
    motif = (SHALE, HETEROLITHIC, SANDSTONE, MARL)
    stacks = plain_stack(monkeypatch, 20, motif=motif)
    following = {a: b for a, b in zip(motif, motif[1:] + motif[:1], strict=True)}
    pairs = [(a, b) for s in stacks for a, b in zip(s.facies[:-1], s.facies[1:], strict=True)]
    share = np.mean([following[a] == b for a, b in pairs])
    # 12 % of the members are skipped, and never two in a row.
    assert share == pytest.approx(0.88, abs=ERRORS * np.sqrt(0.88 * 0.12 / len(pairs)))


def _repetition(scenario: Scenario) -> float:
    """Share of beds of the facies of the bed two to four above, the best of these lags."""
    shares = []
    for seed in range(6):
        for chunk in range(4):
            stack = draw_chunk(seed, scenario, chunk)
            for number in np.unique(stack.formation):
                facies = stack.facies[stack.formation == number]
                if facies.size >= 12:
                    shares.append(max((facies[k:] == facies[:-k]).mean() for k in (2, 3, 4)))
    return float(np.mean(shares))


def test_cyclicity_makes_stacks_repeat() -> None:
    # Free chains of two dominant facies alternate by themselves.
    assert _repetition(Scenario(cyclicity=1.0)) > _repetition(Scenario(cyclicity=0.0)) + 0.1


def test_bed_scale_scales_every_bed(monkeypatch, fresh_chunks) -> None:
    monkeypatch.setattr(beds_module, "_formation", plain_formation())
    one, thick = (draw_chunk(11, Scenario(bed_scale=v), 2) for v in (1.0, 2.5))
    n = len(thick.facies)
    assert 3 < n < len(one.facies)
    np.testing.assert_array_equal(thick.facies, one.facies[:n])
    np.testing.assert_allclose(thick.thickness_m, 2.5 * one.thickness_m[:n], rtol=1e-12)


def _share(facies, **scenario: float) -> float:
    """Thickness share of some facies over seeds and chunks."""
    total, mine = 0.0, 0.0
    for seed in range(25):
        code, metres = bed_log(seed, Scenario(tuff_share=0.0, **scenario), 1, 2)
        total += metres.sum()
        mine += metres[np.isin(code, facies)].sum()
    return mine / total


def test_net_to_gross_moves_the_share_of_sand_towards_its_value() -> None:
    got = [_share([SANDSTONE], net_to_gross=v, carbonate_share=0.0) for v in (0.05, 0.3, 0.6)]
    assert got[0] + 0.08 < got[1] < got[2] - 0.08
    # It is what the stacks aim at; formations of some 100 m make 25 worlds of 1.5 s scatter.
    assert got == pytest.approx([0.05, 0.3, 0.6], abs=0.2)


def test_carbonate_share_moves_the_share_of_carbonates() -> None:
    got = [_share([LIMESTONE, MARL, CHALK], carbonate_share=v) for v in (0.0, 0.25, 0.55)]
    assert got[0] + 0.05 < got[1] < got[2] - 0.05


def test_worlds_differ_in_character_around_one() -> None:
    found = np.array([dataclasses.astuple(world_character(s)) for s in range(200)])
    spread = np.log(found).std(axis=0)
    wanted = np.array(beds_module.CHARACTER_SPREAD)
    assert np.abs(np.log(found).mean(axis=0)).max() < ERRORS * wanted.max() / np.sqrt(200)
    assert spread == pytest.approx(wanted, rel=ERRORS / np.sqrt(400))


def make_strata(seed: int = 3, **changes) -> PriorStrata:
    structure = Structure(seed, Scenario.random(seed).with_(**changes))
    shared = strata_of(seed, structure)
    return PriorStrata(seed, shared.scenario, structure, shared.family)


def rows_of(table) -> np.ndarray:
    """Values of single rows, (environments, rows, columns)."""
    return np.diff(table.total.astype(np.float64), axis=1)


def test_a_table_does_not_depend_on_what_was_drawn_before() -> None:
    one, other = make_strata(), make_strata()
    first = one.chunk(2)
    draw_chunk.cache_clear()
    texture_of.cache_clear()
    for chunk in (5, 3, 1):
        other.chunk(chunk)
    np.testing.assert_array_equal(other.chunk(2).total, first.total)
    np.testing.assert_array_equal(other.chunk(2).dominant, first.dominant)


@pytest.mark.parametrize("changes", [{}, {"bed_scale": 3.0, "velocity_m_s": 1500.0}])
def test_a_table_reaches_into_the_next_as_that_one_begins(changes) -> None:
    strata = make_strata(**changes)
    for chunk in (0, 3):
        ends, begins = (rows_of(strata.chunk(c)) for c in (chunk, chunk + 1))
        error = np.abs(ends[:, N_ROWS:] - begins[:, :MAX_SPAN])
        scale = np.abs(begins[:, :MAX_SPAN]).mean(axis=(0, 1))
        # Running sums are ten times as large at the end of a table as at its beginning.
        assert (error.max(axis=(0, 1)) < 4 * ROW_TOLERANCE * np.maximum(scale, 0.5)).all()


def test_running_sums_give_the_mean_of_rows() -> None:
    table = make_strata().chunk(1)
    rows = rows_of(table)
    rng = np.random.default_rng(1)
    for _ in range(200):
        level, first = rng.integers(ENVIRONMENTS), rng.integers(N_ROWS)
        width = int(rng.integers(1, MAX_SPAN + 1))
        got = (table.total[level, first + width] - table.total[level, first]) / width
        wanted = rows[level, first : first + width].mean(axis=0)
        assert np.abs(got - wanted).max() < ROW_TOLERANCE * np.abs(wanted).max()


def test_rows_are_the_rock_of_their_bed() -> None:
    strata = make_strata(lateral_change=0.5)
    chunk = 1
    first = chunk * CHUNK_MS
    beds = beds_between(strata.seed, strata.scenario, first, first + CHUNK_MS)
    rows = rows_of(strata.chunk(chunk))[MIDDLE]
    label = strata.chunk(chunk).dominant[MIDDLE, :, 0]
    compared = 0
    for bed in range(len(beds.facies)):
        low = int(np.ceil((beds.top_ms[bed] - first) / STEP_MS)) + 1
        high = int((beds.top_ms[bed] + beds.thickness_ms[bed] - first) / STEP_MS) - 1
        if low < 0 or high > N_ROWS or high - low < 6:
            continue
        compared += 1
        assert (label[low:high] == beds.facies[bed]).all()
        rho = rows[low:high, COLUMNS.index("rho")]
        vp = np.sqrt(1e9 / (rows[low:high, COLUMNS.index("compliance")] * rho))
        depth = strata.structure.nominal_depth_m(first + (np.arange(low, high) + 0.5) * STEP_MS)
        trend = strata.family.trend(depth)[0][:, beds.facies[bed]]
        # Scatter inside the bed averages out to its share over the rows; limits may bind.
        spread = 3.0 * beds.inner[bed] + 0.06
        assert abs(np.mean(np.log(vp / trend)) - beds.ln_vp[bed]) < spread
        phi = rows[low:high, COLUMNS.index("porosity")]
        assert (phi >= 0).all() and (phi <= 0.7).all()
    assert compared >= 10


def test_environment_moves_facies_to_proximal_and_distal_ones() -> None:
    beds = beds_between(4, Scenario(), 0.0, 4000.0)
    facies = facies_by_environment(beds)
    at_zero = np.abs(LEVELS).argmin()
    assert (facies[:, at_zero] == beds.facies).all()
    # Each bed changes once at most on the way from distal to proximal, at its own place.
    assert ((np.diff(facies, axis=1) != 0).sum(axis=1) <= 1).all()
    share = [(facies[:, k] == SANDSTONE).mean() for k in (0, at_zero, -1)]
    assert share[0] < share[1] < share[2]


def test_net_share_is_sand_half_heterolithic_and_porous_carbonate() -> None:
    codes = np.array([SHALE, SANDSTONE, HETEROLITHIC, LIMESTONE, LIMESTONE, MARL])
    phi = np.array([0.4, 0.02, 0.3, 0.05, 0.2, 0.4])
    assert net_share(codes, phi).tolist() == [0.0, 1.0, 0.5, 0.0, 1.0, 0.0]


def test_dominant_facies_is_the_most_frequent_one() -> None:
    rng = np.random.default_rng(8)
    # Runs of a few rows, as beds are; ties are frequent.
    facies = np.repeat(rng.integers(0, 7, (400, 3)), 4, axis=0)[: N_ROWS + MAX_SPAN]
    found = dominant(facies)
    assert found.shape == (3, N_ROWS, len(WIDTHS)) and found.dtype == np.int8
    for _ in range(300):
        env, row, place = rng.integers(3), rng.integers(N_ROWS), rng.integers(len(WIDTHS))
        window = facies[row : row + WIDTHS[place], env]
        count, middle = np.bincount(window), window[len(window) // 2]
        wanted = middle if count[middle] == count.max() else count.argmax()
        assert found[env, row, place] == wanted


def test_no_facies_gains_voxels_by_its_code() -> None:
    rng = np.random.default_rng(9)
    # Two facies: every tie is between them.
    facies = np.repeat(rng.integers(0, 2, (400, 3)), 4, axis=0)[: N_ROWS + MAX_SPAN]
    assert np.array_equal(dominant(1 - facies), 1 - dominant(facies))


def test_texture_is_unit_variance_and_shared_along_age() -> None:
    noise = np.concatenate([texture_of(7, c) for c in range(30)])
    # 30 720 rows with a correlation length of some ten rows.
    assert noise.std() == pytest.approx(1.0, abs=0.06)
    assert abs(noise.mean()) < 0.1
    lag = [np.corrcoef(noise[:-k], noise[k:])[0, 1] for k in (1, 8)]
    # Alike over half a millisecond, hardly over four.
    assert 0.4 < lag[0] < 0.9
    assert 0.0 < lag[1] < lag[0] - 0.25


def test_only_recent_tables_are_kept(monkeypatch) -> None:
    monkeypatch.setattr(blocks_module, "KEPT_CHUNKS", 2)
    strata = make_strata()
    first = strata.chunk(0)
    assert strata.chunk(0) is first
    for chunk in (1, 2):
        strata.chunk(chunk)
    assert sorted(strata._kept) == [1, 2]
    np.testing.assert_array_equal(strata.chunk(0).total, first.total)


def test_texture_of_soft_mud_leaves_a_rock() -> None:
    # The sea floor's mud of a slow world: its porosity came out above 1, and vs was not a number.
    vp, vs, rho, porosity = 1450.0, 150.0, 1700.0, 0.64
    rows = np.array([1e9 / (rho * vp**2), 1e9 / (rho * vs**2), rho, porosity, 0.0])
    out = with_texture(np.tile(rows, (3, 1, 1)), np.array([-1.2, 0.0, 1.2]), np.zeros(3))
    assert np.isfinite(out).all()
    found = np.sqrt(1e9 / (out[..., 0] * out[..., 2]))
    assert found.min() > 1300.0
    assert out[..., 3].max() <= 0.65
