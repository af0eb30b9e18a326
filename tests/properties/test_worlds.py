"""Worlds of any scenario at any place: possible, ordered, the same in any window."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import torch
from hypothesis import given, settings

from lithogen.grid import Spacing, Window
from lithogen.prior import world_fields
from lithogen.rockphysics import within_bounds
from lithogen.rockphysics.facies import N_FACIES
from lithogen.scenario import CHOICES, CONTROLS, SHARES, Scenario
from lithogen.structure import Structure
from lithogen.structure.bodies import BodyKind, BodyPart, paint

# A world costs a tenth of a second and more: few examples, other ones in every release.
EXAMPLES = settings(max_examples=10)
AGE_TOLERANCE_MS = 0.02
SHAPE = (4, 6, 40)
WIDE = Spacing(dx_m=150.0, dy_m=220.0)
FREE = [name for name in CONTROLS if name not in (*SHARES, "unconformities")]


@st.composite
def scenarios(draw) -> Scenario:
    """Any scenario that is not refused, corners of its ranges included."""
    values: dict[str, object] = {
        name: draw(st.one_of(st.sampled_from([CONTROLS[name].low, CONTROLS[name].high]),
                             st.floats(CONTROLS[name].low, CONTROLS[name].high)))
        for name in FREE
    }
    left = 1.0
    for name in SHARES:
        control = CONTROLS[name]
        values[name] = draw(st.floats(control.low, max(min(control.high, left), control.low)))
        left -= float(values[name])
    values["unconformities"] = draw(st.integers(0, 7))
    for name, known in CHOICES.items():
        values[name] = draw(st.sampled_from(known))
    return Scenario(**values)


windows = st.builds(
    Window,
    st.tuples(st.integers(-10**6, 10**6), st.integers(-10**6, 10**6), st.integers(0, 1200)),
    st.just(SHAPE),
)
seeds = st.integers(-2**63, 2**64)


@EXAMPLES
@given(scenarios(), seeds, windows)
def test_any_scenario_makes_a_possible_world(scenario, seed, window) -> None:
    world = world_fields(Structure(seed, scenario), window, WIDE, seed)
    for values in (world.vp, world.vs, world.rho, world.porosity, world.net_to_gross):
        assert values.shape == SHAPE and values.dtype == np.float32
        assert np.isfinite(values).all()
    assert 0 <= world.facies.min() <= world.facies.max() < N_FACIES
    assert (world.porosity >= 0).all() and (world.porosity <= 0.7).all()
    assert (world.net_to_gross >= 0).all() and (world.net_to_gross <= 1.00001).all()
    # The moduli of mixed beds carried to another depth: a tenth beyond the bounds of minerals.
    possible = within_bounds(world.vp, world.vs, world.rho, world.porosity, None, tolerance=0.1)
    assert possible.mean() > 0.99
    units = world.residual()
    assert np.isfinite(units).all()


@EXAMPLES
@given(scenarios(), seeds, windows)
def test_any_unfaulted_column_is_in_order(scenario, seed, window) -> None:
    calm = scenario.with_(faulting=0.0, polygonal=0.0)
    fields = Structure(seed, calm).evaluate(window, WIDE)
    assert bool((fields.sequence.diff(dim=2) >= 0).all())
    assert bool((fields.age.diff(dim=2) > 0).all())
    assert bool((fields.rate > 0).all())


@EXAMPLES
@given(scenarios(), seeds, windows, st.data())
def test_any_part_equals_the_crop(scenario, seed, window, data) -> None:
    first = [data.draw(st.integers(0, n - 1)) for n in SHAPE]
    sizes = [data.draw(st.integers(1, n - f)) for n, f in zip(SHAPE, first, strict=True)]
    part = Window(
        tuple(o + f for o, f in zip(window.origin, first, strict=True)), tuple(sizes))
    structure = Structure(seed, scenario)
    big, small = structure.evaluate(window, WIDE), structure.evaluate(part, WIDE)
    box = part.slices_in(window)
    # Far from the origin the last bit of a phase moves a fold by a millionth; where a fault or
    # an unconformity passes, that puts a voxel on its other side.
    same = ((big.age[box] - small.age).abs() <= AGE_TOLERANCE_MS).float().mean()
    assert float(same) >= 0.98
    assert float((big.sequence[box] == small.sequence).float().mean()) >= 0.98
    assert float((big.bodies.number()[box] == small.bodies.number()).float().mean()) >= 0.98


@given(st.integers(1, 40), st.floats(0.0, 1000.0), st.floats(0.6, 80.0), st.floats(0.3, 9.0))
def test_any_slab_is_painted_whole(n_twt, top, thick, dt_ms) -> None:
    age = (dt_ms * torch.arange(n_twt, dtype=torch.float32) + 500.0).reshape(1, 1, -1)
    ends = [np.array([v], dtype=np.float32) for v in (top, top + thick)]
    slab = BodyPart(BodyKind.LOBE, 1, 1, np.array([0]), np.array([0]), *ends)
    cover = paint(age, torch.full_like(age, 0.5 * dt_ms), [slab]).cover
    first, last = 500.0 - 0.5 * dt_ms, 500.0 + dt_ms * (n_twt - 0.5)
    wanted = max(min(float(ends[1][0]), last) - max(float(ends[0][0]), first), 0.0)
    assert float(cover.min()) >= 0.0 and float(cover.max()) <= 1.0
    # Single precision of ages to 1 s, a voxel at either end.
    assert abs(float(cover.double().sum()) * dt_ms - wanted) < 2e-3
