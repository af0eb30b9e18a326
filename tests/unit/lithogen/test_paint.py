"""Painting bodies: exact shares, order, drape, labels, and the ages in which bodies lie."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lithogen.errors import ShapeError
from lithogen.rockphysics.facies import LIMESTONE, MARL, SANDSTONE, SHALE
from lithogen.scenario import Scenario
from lithogen.structure.bodies import (
    DRAPE_LENGTHS,
    INTERVAL_MS,
    REACH_MS,
    BodyContext,
    BodyKind,
    BodyPart,
    body_number,
    drape,
    paint,
)
from lithogen.structure.bodies.draw import KINDS, draw_bodies
from lithogen.structure.bodies.paint import FILL_FACIES, LEAST_DRAPE_MS, N_FILL
from lithogen.structure.velocity import BackgroundVelocity

# Shares are quotients of single-precision ages near 1000 ms over a voxel of 4 ms.
SHARE_TOLERANCE = 1e-4
LENGTH_MS = 45.0


def one_part(top, base, columns=((0, 0),), **changes) -> BodyPart:
    """A part over some columns, with one top and base for all or one each."""
    rows, cols = np.array(columns, dtype=np.intp).reshape(-1, 2).T
    top, base = (np.broadcast_to(np.asarray(v, dtype=np.float32), rows.shape).copy()
                 for v in (top, base))
    values = {"kind": BodyKind.CHANNEL, "number": 5, "facies": SANDSTONE} | changes
    return BodyPart(rows=rows, cols=cols, top_age=top, base_age=base, **values)


def flat_layers(shape, dt_ms: float = 4.0, first_ms: float = 1000.0):
    age = (first_ms + dt_ms * torch.arange(shape[2], dtype=torch.float32)).expand(shape)
    return age.contiguous(), torch.full(shape, 0.5 * dt_ms)


def brute_force(age, half, parts) -> tuple[np.ndarray, np.ndarray]:
    """Cover and part by the rules in words, voxel by voxel, part by part."""
    cover, part = np.zeros(age.shape), np.zeros(age.shape, dtype=int)
    for place, one in enumerate(parts):
        for row, col, top, base in zip(one.rows, one.cols, one.top_age, one.base_age, strict=True):
            for k in range(age.shape[2]):
                centre, wide = float(age[row, col, k]), float(half[row, col, k])
                # From the centre, so that a voxel that is filled has a share of exactly 1.
                overlap = min(wide, float(base) - centre) - max(-wide, float(top) - centre)
                share = min(max(overlap / (2 * wide), 0.0), 1.0)
                if share > 0 and share >= cover[row, col, k]:
                    part[row, col, k] = place + 1
                cover[row, col, k] = min(cover[row, col, k] + share, 1.0)
    return cover, part


@pytest.mark.parametrize("n_twt", [1, 16, 17, 30, 100])
def test_share_is_the_overlap_of_voxel_and_slab(n_twt) -> None:
    age, half = flat_layers((2, 3, n_twt))
    top, base = 1009.0, 1023.5
    fields = paint(age, half, [one_part(top, base, ((0, 1), (1, 2)))])
    edges = 1000.0 + 4.0 * np.arange(n_twt)
    wanted = np.clip((np.minimum(edges + 2, base) - np.maximum(edges - 2, top)) / 4.0, 0, 1)
    for row, col in ((0, 1), (1, 2)):
        assert np.abs(fields.cover[row, col].numpy() - wanted).max() < SHARE_TOLERANCE
    assert float(fields.cover[0, 0].max()) == 0.0
    # The whole slab is painted: 14.5 ms.
    if n_twt > 16:
        assert float(fields.cover[0, 1].sum()) * 4.0 == pytest.approx(14.5, abs=1e-3)


def test_a_slab_thinner_than_a_voxel_takes_its_share() -> None:
    age, half = flat_layers((1, 1, 17))
    fields = paint(age, half, [one_part(1020.5, 1021.5)])
    assert float(fields.cover[0, 0, 5]) == pytest.approx(0.25, abs=SHARE_TOLERANCE)
    assert float(fields.cover.sum()) == pytest.approx(0.25, abs=SHARE_TOLERANCE)


@pytest.mark.parametrize("seed", range(3))
def test_painting_equals_brute_force(seed) -> None:
    rng = np.random.default_rng(seed)
    shape = (3, 4, 24)
    steps = rng.uniform(0.2, 9.0, shape)
    age = 700.0 + np.cumsum(steps, axis=2)
    # A fault: ages go back in some columns.
    age[1, 2, 12:] -= 40.0
    half = 0.5 * steps
    parts = []
    for number in range(8):
        chosen = rng.choice(12, size=5, replace=False)
        columns = tuple(zip(*np.unravel_index(chosen, shape[:2]), strict=True))
        top = rng.uniform(690.0, 800.0, 5)
        parts.append(one_part(top, top + rng.uniform(0.5, 60.0, 5), columns, number=number + 1))
    fields = paint(torch.from_numpy(age).float(), torch.from_numpy(half).float(), parts)
    cover, part = brute_force(age, half, parts)
    assert np.abs(fields.cover.numpy() - cover).max() < 1e-3
    # Two shares may be equal to rounding.
    assert (fields.part.numpy() == part).mean() > 0.99


def test_a_later_part_takes_over_where_it_takes_the_larger_share() -> None:
    age, half = flat_layers((1, 1, 1))
    small, large = one_part(998.0, 999.2), one_part(999.2, 1001.9)
    for parts, winner in (((small, large), 2), ((large, small), 1)):
        fields = paint(age, half, parts)
        assert int(fields.part) == winner
        assert float(fields.cover) == pytest.approx(3.9 / 4.0, abs=SHARE_TOLERANCE)
    # The last of two that fill it: erosive bodies come last.
    whole = [one_part(990.0, 1010.0, number=n) for n in (1, 2)]
    assert int(paint(age, half, whole).part) == 2
    assert float(paint(age, half, whole).cover) == 1.0


def test_a_later_part_takes_over_filled_voxels_at_any_age() -> None:
    # Single precision of ages to 80 s: 0.008 ms, a fiftieth of the thinnest voxel here.
    first = 80_000.0 + torch.rand(1, 200, 30, generator=torch.Generator().manual_seed(3)).cumsum(2)
    half = torch.full_like(first, 0.2)
    columns = tuple((0, j) for j in range(200))
    parts = [one_part(79_000.0, 81_000.0, columns, number=n) for n in (1, 2)]
    assert bool((paint(first, half, parts).part == 2).all())


def test_parts_of_other_ages_and_no_parts_do_nothing() -> None:
    age, half = flat_layers((2, 2, 30))
    away = [one_part(100.0, 990.0), one_part(1200.0, 1500.0, ((1, 1),))]
    for parts in (away, []):
        fields = paint(age, half, parts)
        assert float(fields.cover.max()) == 0.0
        assert int(fields.part.max()) == 0
        assert int(fields.kind().max()) == int(BodyKind.NONE)


def test_labels_are_those_of_the_part() -> None:
    age, half = flat_layers((1, 2, 20))
    parts = [one_part(1010.0, 1030.0, number=2**31 - 1),
             one_part(1040.0, 1060.0, ((0, 1),), number=9, kind=BodyKind.LOBE, facies=SHALE)]
    fields = paint(age, half, parts)
    number, kind = fields.number(), fields.kind()
    assert number.dtype == torch.int32 and kind.dtype == torch.int8
    # Largest number first: single precision must not have touched it.
    assert number.unique().tolist() == [0, 9, 2**31 - 1]
    assert bool((kind[number == 9] == int(BodyKind.LOBE)).all())
    assert bool((kind[number == 2**31 - 1] == int(BodyKind.CHANNEL)).all())


def _nodes(n: int = 400, step_ms: float = 1.0):
    age = (600.0 + step_ms * torch.arange(n, dtype=torch.float32)).expand(2, 3, n).contiguous()
    return age, torch.ones_like(age)


def test_fill_maps_split_the_cover_by_facies() -> None:
    age, half = flat_layers((2, 2, 40))
    parts = [one_part(1010.0, 1040.0, facies=SANDSTONE),
             one_part(1060.0, 1071.0, kind=BodyKind.LOBE, facies=MARL, ln_vp=-0.1),
             one_part(1020.0, 1081.0, ((1, 1),), kind=BodyKind.MASS_TRANSPORT, facies=SHALE,
                      scramble_ms=8.0)]
    fields = paint(age, half, parts)
    maps = fields.fill()
    assert maps.shape == (2, 2, 40, N_FILL)
    # All but the last, the shift of ln vp, are shares of the voxel.
    assert torch.allclose(maps[..., :-1].sum(-1), fields.cover)
    thickness_ms = 4.0 * maps.sum(2)
    sand, marl, shuffled = FILL_FACIES.index(SANDSTONE), FILL_FACIES.index(MARL), N_FILL - 2
    for channel, at, wanted in ((sand, (0, 0), 30.0), (marl, (0, 0), 11.0),
                                (shuffled, (1, 1), 61.0), (N_FILL - 1, (0, 0), -11.0)):
        assert float(thickness_ms[(*at, channel)]) == pytest.approx(wanted, abs=1e-2)
        assert float(thickness_ms[..., channel].sum()) == pytest.approx(wanted, abs=1e-2)


def test_without_bodies_fill_maps_are_zero() -> None:
    age, half = flat_layers((2, 2, 40))
    assert float(paint(age, half, []).fill().abs().max()) == 0.0


@pytest.mark.parametrize("share", [0.1, 0.45])
def test_drape_lifts_layers_by_the_stated_amount_and_ends(share) -> None:
    nodes, rates = _nodes()
    before = nodes.clone()
    mound = one_part(800.0, 850.0, ((1, 1),), drape=share)
    drape(nodes, rates, mound, LENGTH_MS)
    change = (nodes - before)[1, 1]
    wanted = share * 50.0 - LEAST_DRAPE_MS
    assert float(change.max()) == pytest.approx(wanted, abs=1e-3)
    assert float(before[1, 1, int(change.argmax())]) == 800.0
    # Nothing below the part, nothing more than three lengths above it, nothing beside it.
    assert float(change[before[1, 1] >= 850.0].abs().max()) == 0.0
    assert float(change[before[1, 1] <= 800.0 - DRAPE_LENGTHS * LENGTH_MS].abs().max()) == 0.0
    assert float((nodes - before)[0].abs().max()) == 0.0
    # One length above it about a third is left: (2 / 3)^3.
    one_length = float(change[int(200 - LENGTH_MS)])
    assert one_length == pytest.approx(wanted * 8 / 27, abs=0.05)


def test_drape_keeps_age_increasing_and_rate_its_derivative() -> None:
    nodes, rates = _nodes(4000, 0.1)
    for top, base, share in ((800.0, 830.0, 0.45), (700.0, 790.0, 0.5), (820.0, 821.0, 0.5)):
        drape(nodes, rates, one_part(top, base, ((0, 0),), drape=share), LENGTH_MS)
    assert bool((nodes.diff(dim=2) > 0).all())
    assert bool((rates > 0).all())
    numeric = (nodes[0, 0, 2:] - nodes[0, 0, :-2]) / 0.2
    error = (numeric - rates[0, 0, 1:-1]).abs()
    # Ages of 1 s over 0.2 ms in single precision; the slope jumps at tops and bases.
    assert float(error.quantile(0.99)) < 2e-3
    assert float((error > 0.01).float().mean()) < 5e-3


def test_drape_of_a_column_does_not_depend_on_the_other_columns() -> None:
    columns = ((0, 0), (0, 1), (1, 2))
    tall = one_part(700.0, [703.0, 720.0, 790.0], columns, drape=0.4)
    alone = one_part(700.0, 703.0, columns[:1], drape=0.4)
    together, apart = _nodes(), _nodes()
    drape(*together, tall, LENGTH_MS)
    drape(*apart, alone, LENGTH_MS)
    assert torch.equal(together[0][0, 0], apart[0][0, 0])


def test_drape_works_in_place_on_interleaved_tables() -> None:
    table = torch.zeros(2, 3, 400, 3)
    nodes, rates = _nodes()
    table[..., 0], table[..., 1] = nodes, rates
    mound = one_part(800.0, 850.0, ((1, 1), (0, 2)), drape=0.3)
    drape(table[..., 0], table[..., 1], mound, LENGTH_MS)
    drape(nodes, rates, mound, LENGTH_MS)
    assert torch.equal(table[..., 0], nodes)
    assert torch.equal(table[..., 1], rates)
    assert float(table[..., 2].abs().max()) == 0.0


def test_parts_leave_out_thin_columns_and_refuse_odd_lengths() -> None:
    top = np.full((2, 3), 100.0)
    base = top + np.array([[0.0, 0.4, 3.0], [0.6, -1.0, 0.5]])
    part = BodyPart.from_maps(BodyKind.LOBE, 3, SANDSTONE, top, base)
    assert part is not None
    assert list(zip(part.rows, part.cols, strict=True)) == [(0, 2), (1, 0)]
    assert BodyPart.from_maps(BodyKind.LOBE, 3, SANDSTONE, top, top) is None
    with pytest.raises(ShapeError, match="one length"):
        BodyPart(BodyKind.LOBE, 1, LIMESTONE, np.arange(3), np.arange(3),
                 np.zeros(2, np.float32), np.ones(3, np.float32))


def test_body_numbers_are_positive_distinct_and_fixed() -> None:
    numbers = [body_number(4, kind, i, j) for kind in BodyKind for i in range(20)
               for j in range(-5, 5)]
    assert min(numbers) >= 1 and max(numbers) < 2**31
    # 2200 draws out of 2e9: 0.001 expected collisions.
    assert len(set(numbers)) == len(numbers)
    assert body_number(4, BodyKind.LOBE, 3, -2) == body_number(4, BodyKind.LOBE, 3, -2)


BUSY = Scenario().with_(channels=1.0, lobes=1.0, deltas=1.0, buildups=1.0, karst=1.0,
                        mass_transport=1.0, canyons=1.0)
AXIS = np.arange(30) * 200.0


def _context(seed: int) -> BodyContext:
    return BodyContext(seed, BUSY, BackgroundVelocity.from_scenario(BUSY))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__.rpartition(".")[2])
def test_bodies_stay_within_their_reach_of_their_interval(kind) -> None:
    above, below = getattr(kind, "REACH_AGE_MS", (REACH_MS, REACH_MS))
    count = 0
    for seed in range(3):
        for interval in (1, 6, 17, 300):
            for part in kind.draw_parts(_context(seed), interval, AXIS, AXIS):
                count += 1
                assert float(part.top_age.min()) >= interval * INTERVAL_MS - above
                assert float(part.base_age.max()) <= (interval + 1) * INTERVAL_MS + below
                assert (part.base_age > part.top_age).all()
                assert 0.0 <= part.drape <= 0.5
    assert count > 0


def test_a_range_of_ages_gets_every_part_that_meets_it() -> None:
    every = draw_bodies(_context(2), np.array([[500.0, 1300.0]]), AXIS, AXIS)
    ranges = np.array([[700.0, 760.0], [1100.0, 1104.0]])
    found = draw_bodies(_context(2), ranges, AXIS, AXIS)

    def meeting(parts):
        return [(p.kind, p.number, float(p.top_age[0]), len(p.rows)) for p in parts
                if any(((p.top_age < high) & (p.base_age > low)).any() for low, high in ranges)]

    # And in the same order: a later part takes over.
    assert meeting(found) == meeting(every)
    assert len(meeting(every)) > 3
    assert len(found) < len(every)
