"""Layers: points take the age of their own column, in any order, without ages that do not exist."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lithogen.scenario import Scenario
from lithogen.structure.bodies import DRAPE_LENGTHS, SEQUENCE_OFFSET_MS, BodyKind, BodyPart
from lithogen.structure.layers import DRAPE_LENGTH_MS, JUMP_MS, NODE_MS, age_of
from lithogen.structure.packages import columns

BUSY = Scenario(thickness_variation=1.0, clinoforms=1.0, lateral_change=0.7)
CALM = Scenario(thickness_variation=0.6, clinoforms=0.0)
Y_M, X_M = np.arange(3) * 2500.0, np.arange(5) * 1700.0
SHAPE = (len(Y_M), len(X_M))
# Single precision of ages to 4 s.
ROUNDING_MS = 2e-3


def no_parts(ranges: np.ndarray) -> list[BodyPart]:
    return []


def layers(position, number=None, *, seed: int = 3, scenario: Scenario = CALM, parts_of=no_parts):
    """Evaluate a tensor (3, 5, n) of unfolded times, or (n,) in every column."""
    position = torch.as_tensor(position, dtype=torch.float32).expand(*SHAPE, -1).contiguous()
    if number is None:
        number = torch.zeros(position.shape, dtype=torch.int8)
    return age_of(position, number, (Y_M, X_M, np.zeros(1)), seed, scenario, parts_of)[0]


def exact(s_ms, *, seed: int = 3, scenario: Scenario = CALM, number: int = 0) -> np.ndarray:
    found = columns(seed, scenario, number, np.asarray(s_ms, dtype=np.float64), Y_M, X_M)
    return np.tensordot(found.maps, found.age, axes=(0, 0))


def test_at_nodes_age_is_that_of_the_packages() -> None:
    s_ms = np.arange(100, 500) * NODE_MS
    got = layers(s_ms)
    assert np.abs(got.age.numpy() - exact(s_ms)).max() < ROUNDING_MS
    assert bool((got.sequence == 0).all())


def test_between_nodes_age_is_good_to_the_bend_of_a_node() -> None:
    s_ms = np.arange(400.0, 1800.0, 0.37)
    error = np.abs(layers(s_ms).age.numpy() - exact(s_ms))
    # A rate that changes by 0.2 over a node: 0.1 ms; where beds pinch out over 6 ms it changes
    # by several: a few ms.
    assert np.median(error) < 0.1
    assert np.quantile(error, 0.99) < 1.5


def test_points_may_come_in_any_order() -> None:
    rng = np.random.default_rng(5)
    position = torch.from_numpy(rng.uniform(0.0, 2000.0, (*SHAPE, 64)).astype(np.float32))
    order = torch.from_numpy(rng.permutation(64))
    straight = layers(position, scenario=BUSY)
    mixed = layers(position[..., order], scenario=BUSY)
    assert torch.equal(straight.age[..., order], mixed.age)
    assert torch.equal(straight.rate[..., order], mixed.rate)


def test_a_point_has_the_same_age_whatever_else_is_asked_for() -> None:
    whole = np.arange(0.0, 2400.0, 3.0)
    part = whole[333:401]
    big, small = (layers(s, scenario=BUSY) for s in (whole, part))
    for name in ("age", "rate", "environment"):
        error = (getattr(big, name)[..., 333:401] - getattr(small, name)).abs()
        assert float(error.max()) < ROUNDING_MS, name


def test_no_age_between_two_packages_where_layers_end() -> None:
    s_ms = np.arange(200.0, 1200.0, 0.05)
    age = layers(s_ms, scenario=BUSY).age
    step = age.diff(dim=2)
    # However finely a column is sampled, ages jump at the borders of prograding packages.
    assert bool((step > 0).all())
    assert bool((step.amax(dim=2) > 0.5 * JUMP_MS).all())
    # Elsewhere 0.05 ms of time is at most 2 ms of age: a pinch-out of 30 ms over 6 ms of time.
    assert float((step > 2.0).float().mean()) < 1e-3


@pytest.mark.parametrize("step_ms", [0.01, 0.3, 1.0, 4.0])
def test_age_increases_however_stretched_a_column_is(step_ms) -> None:
    for seed in range(3):
        s_ms = 300.0 + np.arange(2000) * step_ms
        got = layers(s_ms, scenario=BUSY, seed=seed)
        # Ages to 8 s are told apart at 0.0005 ms, less than passes in 0.01 ms of time.
        assert bool((got.age.diff(dim=2) > 0).all())
        assert bool((got.rate > 0).all())


def test_every_point_takes_the_table_of_its_own_sequence() -> None:
    s_ms = np.arange(100, 200) * NODE_MS
    number = torch.zeros((*SHAPE, 100), dtype=torch.int8)
    number[..., 40:] = 1
    number[1, 2, 70:] = 3
    got = layers(s_ms, number)
    for n in (0, 1, 3):
        mine = (number == n).numpy()
        wanted = exact(s_ms, number=n)[mine]
        # Single precision of ages to 61 s.
        assert np.abs(got.age.numpy()[mine] - wanted).max() < 0.02
        assert np.abs(wanted - n * SEQUENCE_OFFSET_MS).max() < 0.3 * SEQUENCE_OFFSET_MS


def test_bodies_are_asked_for_over_all_ages_that_occur_and_what_they_drape() -> None:
    asked = []

    def parts_of(ranges: np.ndarray) -> list[BodyPart]:
        asked.append(ranges)
        return []

    age = layers(np.arange(300.0, 1300.0, 1.0), scenario=BUSY, parts_of=parts_of).age.numpy()
    ranges = asked[0]
    for offset in (0.0, DRAPE_LENGTHS * DRAPE_LENGTH_MS):
        wanted = age.reshape(-1, 1) + offset
        inside = (wanted >= ranges[:, 0] - ROUNDING_MS) & (wanted <= ranges[:, 1] + ROUNDING_MS)
        assert inside.any(axis=1).all()


def test_stiff_bodies_lift_the_layers_above_them_and_rate_follows() -> None:
    rows, cols = np.array([1]), np.array([2])
    top, base = (np.array([v], dtype=np.float32) for v in (800.0, 860.0))
    mound = BodyPart(BodyKind.BUILDUP, 7, 3, rows, cols, top, base, drape=0.4)
    s_ms = 500.0 + np.arange(1200) * 0.5
    flat = Scenario(thickness_variation=0.0, clinoforms=0.0)
    bare = layers(s_ms, scenario=flat)
    bent = layers(s_ms, scenario=flat, parts_of=lambda ranges: [mound])
    change = bent.age - bare.age
    others = torch.ones(SHAPE, dtype=torch.bool)
    others[1, 2] = False
    assert float(change[others].abs().max()) == 0.0
    assert float(change[1, 2].min()) >= 0.0
    # 40 % of 60 ms of mud thickness lost beside it, less the millisecond that is left out.
    assert float(change[1, 2].max()) == pytest.approx(23.0, abs=0.5)
    assert float(s_ms[int(change[1, 2].argmax())]) == pytest.approx(800.0, abs=NODE_MS)
    numeric = (bent.age[1, 2, 16:] - bent.age[1, 2, :-16]) / (16 * 0.5)
    # Means over two nodes; the rate jumps at the top of the mound.
    error = (numeric - bent.rate[1, 2, 8:-8]).abs()
    assert float(error.median()) < 0.01
    assert float(error.quantile(0.97)) < 0.12
