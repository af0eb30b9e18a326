"""Channel belts and canyons: exact in any window, in the range of the literature."""

import numpy as np
import pytest

from lithogen.rockphysics.facies import HETEROLITHIC, SANDSTONE, SHALE
from lithogen.scenario import Scenario
from lithogen.structure.bodies import canyons, channels
from lithogen.structure.bodies._beside import Columns
from lithogen.structure.bodies._channel_fill import near_line, section
from lithogen.structure.bodies._meander import amplitude_of, swing_of
from lithogen.structure.bodies.part import INTERVAL_MS, REACH_MS, BodyContext, BodyKind
from lithogen.structure.velocity import BackgroundVelocity

# Vectorised sines may differ by an ulp between array lengths; ages are float32 of about 500 ms.
AGE_TOLERANCE_MS = 1e-3
# A lane's width varies by its breadth (deviation 6 %, never more than 17 %) and 10 % in bends.
WIDTH_CHANGE = 0.30
STEP_M = 50.0
CONTROLS = {channels: {"channels": 1.0}, canyons: {"canyons": 1.0}}


def context_of(seed, **controls):
    scenario = Scenario(**controls)
    return BodyContext(seed, scenario, BackgroundVelocity.from_scenario(scenario))


def near_whole(channel, columns, widths):
    """Columns within some widths of a channel, over all its stations beside them."""
    low, high = columns.box_m
    margin = channel.line.reach_along_m + widths * channel.width_m
    step = channel.width_m / (5.0 * channel.line.sinuosity)
    stretch = channel.line.stretch(low[0] - margin, high[0] + margin, step)
    return near_line(channel, columns, widths * channel.width_m, stretch)


def painted(parts, shape):
    """Top, base, kind, facies and label of the last part on each column, by order of painting."""
    out = np.zeros((5, *shape))
    for part in parts:
        out[:, part.rows, part.cols] = (
            part.top_age, part.base_age, np.full(len(part.rows), int(part.kind)),
            np.full(len(part.rows), part.facies), np.full(len(part.rows), part.number),
        )
    return out


def belts(count, first=0):
    """The first channel belts of worlds full of them, as (context, interval, belt)."""
    found = []
    for seed in range(first, first + 4 * count):
        context = context_of(seed, channels=1.0)
        belt = channels.draw_belt(context, 5)
        if belt is not None:
            found.append((context, belt))
    return found[:count]


def lanes(count):
    out = []
    for context, belt in belts(2 * count):
        lane = channels.draw_lane(context, belt.interval, 0)
        if lane is not None:
            out.append((belt, lane))
    return out[:count]


@pytest.mark.parametrize("module", [channels, canyons], ids=["channels", "canyons"])
def test_window_equals_crop_of_whole(module):
    y_m, x_m = STEP_M * np.arange(-60, 60), STEP_M * np.arange(-90, 50)
    if module is canyons:
        y_m, x_m = 2.0 * y_m, 2.0 * x_m
    compared = 0
    for seed in range(60 if module is canyons else 10):
        context = context_of(seed, **CONTROLS[module])
        whole = painted(module.draw_parts(context, 7, y_m, x_m), (120, 140))
        window = painted(module.draw_parts(context, 7, y_m[31:62], x_m[97:120]), (31, 23))
        crop = whole[:, 31:62, 97:120]
        assert np.array_equal(window[2:], crop[2:])
        assert np.abs(window[:2] - crop[:2]).max() < AGE_TOLERANCE_MS
        compared += int((crop[2] > 0).any())
    assert compared >= 3


@pytest.mark.parametrize("module", [channels, canyons], ids=["channels", "canyons"])
def test_parts_stay_within_reach_of_their_interval_in_slow_rock(module):
    y_m = STEP_M * np.arange(100)
    above, below = module.REACH_AGE_MS
    assert max(above, below) <= REACH_MS
    seen = 0
    for seed in range(40):
        context = context_of(
            seed, velocity_m_s=1500.0, velocity_gradient_per_s=0.0, **CONTROLS[module]
        )
        for part in module.draw_parts(context, 3, y_m, y_m):
            assert part.top_age.min() >= 3 * INTERVAL_MS - above
            assert part.base_age.max() <= 4 * INTERVAL_MS + below
            assert (part.base_age > part.top_age).all()
            seen += 1
    assert seen > 5


def test_none_without_controls_and_nearly_always_with():
    axis = STEP_M * np.arange(20)
    none = context_of(3, channels=0.0, canyons=0.0)
    assert all(not channels.draw_parts(none, k, axis, axis) for k in range(30))
    assert all(not canyons.draw_parts(none, k, axis, axis) for k in range(30))
    full = context_of(3, channels=1.0)
    share = np.mean([channels.draw_belt(full, k) is not None for k in range(300)])
    assert abs(share - channels.CHANCE) < 0.06  # three standard deviations of 300 draws


def test_depth_and_width_stay_in_range():
    velocity = context_of(0).velocity
    for belt, lane in lanes(40):
        for storey in lane.storeys:
            assert channels.WIDTH_M[0] <= storey.width_m <= channels.WIDTH_M[1]
            depth_m = storey.depth_ms * velocity.velocity(lane.storeys[0].top_age * 1e-3) / 2000.0
            assert 0.999 * channels.DEPTH_M[0] <= depth_m <= 1.001 * channels.DEPTH_M[1]
            # The depth was turned into time at a lane top, up to 5 ms from here: 0.1 %.
            ratio = storey.width_m / depth_m
            low, high = channels.WIDTH_OVER_DEPTH
            assert 0.99 * low <= ratio <= 1.01 * high
            assert storey.width_m <= channels.WIDTH_CHANGE[1] * belt.width_m
        assert 1 <= len(lane.storeys) <= 5
        tops = [storey.top_age for storey in lane.storeys]
        assert tops == sorted(tops, reverse=True)


def test_sinuosity_spans_the_range_of_rivers():
    measured = []
    for _, lane in lanes(40):
        line = lane.storeys[-1].line
        vertices = line.centreline(0.0, 60.0 * line.wavelength_m, line.wavelength_m / 60.0)
        straight = np.ptp(vertices.station_m)
        measured.append(vertices.length_m.sum() / straight)
    assert 1.05 < min(measured) < 1.3
    assert 1.9 < max(measured) < 2.6
    assert 1.3 < np.median(measured) < 1.9


def test_bends_are_never_tighter_than_half_a_width():
    # A centre of curvature inside the channel would pinch or double it.
    for _, lane in lanes(40):
        line = lane.storeys[-1].line
        vertices = line.centreline(0.0, 60.0 * line.wavelength_m, line.wavelength_m / 60.0)
        tight = np.percentile(np.abs(vertices.curvature) * lane.storeys[-1].width_m, 99.0)
        assert tight < 2.0


def test_channels_keep_their_width():
    for _, lane in lanes(12):
        channel = lane.storeys[-1]
        step = channel.width_m / 20.0
        axis = step * np.arange(-160, 160)
        centre = channel.line.centreline(0.0, step, step).position[0]
        columns = Columns.from_axes(axis + centre[1], axis + centre[0], 0.0)
        near = near_whole(channel, columns, 0.8)
        is_inside = section(channel, near).edge_m < 0.0
        # Area of columns along a stretch of the line over its length: the mean width there.
        stations = near.station_m[is_inside]
        line = channel.line.centreline(-4 * channel.width_m, 4 * channel.width_m, step)
        for first in np.arange(-2.0, 2.0, 0.5) * channel.width_m:
            is_here = (line.station_m >= first) & (line.station_m < first + channel.width_m)
            is_column = (stations >= line.station_m[is_here][0] - 0.5 * step) & (
                stations < line.station_m[is_here][-1] + 0.5 * step)
            width = is_column.sum() * step**2 / line.length_m[is_here].sum()
            assert abs(width / channel.width_m - 1.0) < WIDTH_CHANGE


def test_thalweg_lies_at_the_outer_bank():
    checked = 0
    for _, lane in lanes(20):
        channel = lane.storeys[-1]
        axis = channel.width_m / 10.0 * np.arange(-150, 150)
        lateral = axis + channel.line.offset_m + channel.line.wander(np.zeros(1))
        near = near_whole(channel, Columns.from_axes(lateral, axis, 0.0), 0.7)
        shape = section(channel, near)
        for side in (1.0, -1.0):
            is_bend = side * near.curvature * channel.width_m > 0.25
            if is_bend.sum() < 100:
                continue
            deep = is_bend & (shape.depth_ms > 0.9 * channel.depth_ms)
            # Left bends (curvature > 0) have their outer bank on the right (offset < 0).
            assert (side * near.offset_m[deep]).mean() < -0.05 * channel.width_m
            checked += 1
    assert checked > 10


def test_every_element_occurs_with_its_facies():
    axis = 25.0 * np.arange(128)
    seen = {}
    for seed in range(16):
        for part in channels.draw_parts(context_of(seed, channels=1.0), 5, axis, axis):
            seen.setdefault(part.kind, set()).add(part.facies)
            assert part.drape == 0.0 or part.facies in (SANDSTONE, HETEROLITHIC)
    assert seen[BodyKind.CHANNEL] == {SANDSTONE, HETEROLITHIC, SHALE}
    assert seen[BodyKind.LEVEE] == {HETEROLITHIC}
    assert seen[BodyKind.SPLAY] == {SANDSTONE}


def test_levees_rise_above_the_flat_top_beside_the_channel():
    axis = 25.0 * np.arange(128)
    checked = 0
    for seed in range(12):
        parts = channels.draw_parts(context_of(seed, channels=1.0), 5, axis, axis)
        for part in parts:
            if part.kind != BodyKind.LEVEE:
                continue
            assert np.ptp(part.base_age) == 0.0
            fills = [p for p in parts if p.kind == BodyKind.CHANNEL
                     and np.isclose(p.top_age.min(), part.base_age[0], atol=AGE_TOLERANCE_MS)]
            checked += len(fills)
    assert checked > 5


def test_lanes_of_a_belt_have_their_own_labels_and_shapes():
    for context, belt in belts(10):
        drawn = [channels.draw_lane(context, belt.interval, n) for n in range(12)]
        present = [lane for lane in drawn if lane is not None]
        assert len({lane.storeys[-1].line.swing_rad for lane in present}) > 1
        assert len({lane.storeys[-1].line.wavelength_m for lane in present}) == len(present)
    axis = 100.0 * np.arange(160)
    parts = channels.draw_parts(context_of(6, channels=1.0), 7, axis, axis)
    assert len({p.number for p in parts if p.kind == BodyKind.CHANNEL}) > 2


def test_canyons_are_filled_to_the_rim_without_gaps():
    axis = 100.0 * np.arange(150)
    checked = 0
    for seed in range(60):
        parts = canyons.draw_parts(context_of(seed, canyons=1.0), 7, axis, axis)
        for number in {p.number for p in parts}:
            own = [p for p in parts if p.number == number]
            rim = min(p.top_age.min() for p in own)
            deep = np.zeros((150, 150))
            fill = np.zeros((150, 150))
            for p in own:
                thickness = p.base_age - rim
                deep[p.rows, p.cols] = np.maximum(deep[p.rows, p.cols], thickness)
                fill[p.rows, p.cols] += p.base_age - p.top_age
            # Channel sands repaint what is there, so intervals add up to the depth or more;
            # slivers thinner than LEAST_MS are left out, one per stage at most.
            assert (fill >= deep - 4.0 * canyons.LEAST_MS).all()
            # From the base up, as far as the window shows them: never sand above the last mud.
            assert own[-1].facies == SHALE
            checked += own[0].facies == SANDSTONE
    assert checked > 5


def test_no_canyon_reaches_further_than_is_looked_for():
    spacing, reaches = 22000.0, []
    context = context_of(1, canyons=1.0)
    for lane in range(400):
        canyon = canyons.draw_canyon(context, 0, lane, spacing)
        if canyon is not None:
            line = canyon.line
            reaches.append(line.reach_across_m + line.wander.bound + canyon.reach_m)
    assert max(reaches) < canyons.MAX_REACH_M


def test_a_line_stays_within_its_reach():
    for _, lane in lanes(30):
        line = lane.storeys[-1].line
        stations = np.linspace(0.0, 80.0 * line.wavelength_m, 4000)
        for course in (line,):
            place = course.positions(stations, course.phases(stations))
            across = place[:, 1] - course.offset_m - course.wander(stations)
            assert np.abs(across).max() <= course.reach_across_m
            assert np.abs(place[:, 0] - stations).max() <= course.reach_along_m


def test_no_lane_reaches_further_than_is_looked_for():
    # Levees of the youngest storey or of older ones beside it: the bound by which lanes are
    # passed over before they are drawn holds for what they leave.
    checked = 0
    for _, lane in lanes(60):
        line, width = lane.storeys[-1].line, lane.storeys[-1].width_m
        assert lane.reach_m <= line.reach_across_m + channels.REACH_WIDTHS * width
        checked += len(lane.storeys) > 1
    assert checked > 10


def test_nearest_vertices_equal_those_of_a_full_search():
    rng = np.random.default_rng(4)
    columns = Columns.from_axes(25.0 * np.arange(37) - 3e5, 25.0 * np.arange(45) + 7e5, 0.7)
    low, high = columns.box_m
    for count, reach_m in ((3, 200.0), (60, 90.0), (300, 2000.0)):
        point = rng.uniform(low - reach_m, high + reach_m, (count, 2))
        column, vertex = columns.nearest(point, reach_m)
        square = (columns.along[:, None] - point[:, 0])**2
        square += (columns.across[:, None] - point[:, 1])**2
        is_near = square.min(axis=1) <= reach_m**2
        assert np.array_equal(np.sort(column), np.flatnonzero(is_near))
        assert np.array_equal(vertex, square.argmin(axis=1)[column])


def test_swing_inverts_sinuosity():
    assert swing_of(1.0) == 0.0
    assert swing_of(1.5) == pytest.approx(1.2089, abs=2e-3)  # J0 = 2/3 there; table step 0.01
    assert amplitude_of(0.1) == pytest.approx(0.1 / (2.0 * np.pi), rel=0.01)
