"""Headers become a grid only where they describe one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from seismic_io.geometry import find_geometry, find_time_axis, scaled
from seismic_io.layout import Layout, parse_layout
from seismic_io.sources import Headers, position_fields


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    head = bytearray(3600 + 244)
    head[3216:3218] = (4000).to_bytes(2, "big")
    head[3221], head[3225] = 1, 5
    (tmp_path / "a.sgy").write_bytes(head)
    found, problems = parse_layout(tmp_path / "a.sgy")
    assert found is not None
    assert not problems
    return found


def headers_of(il: list[int], xl: list[int], **other: list[int]) -> Headers:
    found = {n: np.zeros(len(il), np.int64) for n in position_fields(189, 193, 181, 185)}
    found |= {"iline": np.array(il), "xline": np.array(xl)}
    return found | {name: np.array(values) for name, values in other.items()}


def test_scalar_multiplies_divides_or_is_one() -> None:
    values = scaled(np.array([5, 5, 5]), np.array([10, -10, 0]))
    np.testing.assert_array_equal(values, [50.0, 0.5, 5.0])


@pytest.mark.parametrize(
    ("il", "xl", "offset", "kind"),
    [
        ([1, 1, 2, 2], [1, 2, 1, 2], [0, 0, 0, 0], "3d"),
        ([1, 1, 2, 2], [1, 2, 1, 2], [1, 2, 3, 4], "3d"),  # one offset a position
        ([1, 1, 1, 1], [1, 1, 2, 2], [1, 2, 1, 2], "prestack"),
        ([0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], "2d"),
        ([0, 0, 0, 0], [0, 0, 0, 0], [1, 2, 1, 2], "prestack"),
        ([5, 5, 5, 5], [7, 7, 7, 7], [0, 0, 0, 0], "2d"),
        ([1, 2, 3, 4], [9, 8, 7, 6], [0, 0, 0, 0], "2d"),  # a profile across a survey
        ([1, 1, 1, 1], [9, 8, 7, 6], [0, 0, 0, 0], "3d"),  # one inline
        ([0], [0], [0], "2d"),
        ([3], [4], [0], "3d"),
        ([1, 1, 1, 1], [1, 1, 2, 2], [0, 0, 0, 0], "prestack"),  # gathers without offsets
        ([1, 1, 1, 1, 1], [1, 1, 1, 2, 2], [0] * 5, "2d"),  # numbers that do not name a trace
        ([1] * 11, [*range(10), 9], [*range(11)], "3d"),  # one duplicate is no gather
    ],
)
def test_kind(
    layout: Layout, il: list[int], xl: list[int], offset: list[int], kind: str
) -> None:
    grid, problems = find_geometry(layout, headers_of(il, xl, offset=offset))
    assert grid.kind == kind
    assert any(p.severity == "error" for p in problems) == (kind == "prestack")
    if kind == "2d":
        np.testing.assert_array_equal(grid.trace_index, [np.arange(len(il))])


def test_two_dimensional_line_with_cdp_and_offsets_is_poststack(layout: Layout) -> None:
    grid, _ = find_geometry(
        layout, headers_of([0] * 4, [0] * 4, offset=[1, 2, 3, 4], cdp=[1, 2, 3, 4]))
    assert grid.kind == "2d"


def test_shot_gathers_are_prestack(layout: Layout) -> None:
    grid, _ = find_geometry(layout, headers_of([0] * 6, [0] * 6, field_record=[1, 1, 1, 2, 2, 2]))
    assert grid.kind == "prestack"


def test_gap_is_filled_and_an_irregular_axis_is_kept(layout: Layout) -> None:
    il = np.repeat([10, 20, 40], 2).tolist()
    grid, _ = find_geometry(layout, headers_of(il, [1, 2] * 3))
    np.testing.assert_array_equal(grid.iline, [10, 20, 30, 40])
    np.testing.assert_array_equal(grid.trace_index[2], [-1, -1])
    il = np.repeat([1, 2, 1000], 2).tolist()
    grid, _ = find_geometry(layout, headers_of(il, [1, 2] * 3))
    np.testing.assert_array_equal(grid.iline, [1, 2, 1000])
    assert "no constant step" in grid.notes[0]


def test_constant_coordinates_are_no_coordinates(layout: Layout) -> None:
    headers = headers_of([1] * 3, [1, 2, 3], cdp_x=[6000] * 3, cdp_y=[65536] * 3)
    grid, problems = find_geometry(layout, headers)
    assert grid.cdp_x is None
    assert "(6000, 65536)" in problems[0].got


def test_misfit_of_a_rotated_grid_is_zero(layout: Layout) -> None:
    i, j = (a.ravel() for a in np.meshgrid(np.arange(4), np.arange(5), indexing="ij"))
    headers = headers_of(i.tolist(), j.tolist(), cdp_x=(30 * i + 40 * j).tolist(),
                         cdp_y=(40 * i - 30 * j).tolist())
    grid, problems = find_geometry(layout, headers)
    assert grid.xy_residual == pytest.approx(0.0, abs=1e-9)
    assert not problems


@pytest.mark.parametrize(("dt", "source"), [([4000] * 2, "binary+trace"), ([0, 4000],
                         "binary+trace"), ([0, 0], "binary")])
def test_zero_in_trace_headers_means_not_given(
    layout: Layout, dt: list[int], source: str
) -> None:
    axis, problems = find_time_axis(layout, headers_of([1] * 2, [1, 2], dt_us=dt), "twt", None,
                                    None)
    assert (axis.dt_s, axis.dt_source, axis.t0_s) == (0.004, source, 0.0)
    assert not problems


@pytest.mark.parametrize("dt", [[2000] * 2, [4000, 2000], [-4000, 4000]])
def test_conflict_is_an_error_with_an_override(layout: Layout, dt: list[int]) -> None:
    headers = headers_of([1] * 2, [1, 2], dt_us=dt)
    axis, (problem,) = find_time_axis(layout, headers, "twt", None, None)
    assert axis.dt_s is None
    assert "sample_interval=SECONDS" in problem.action
    axis, problems = find_time_axis(layout, headers, "twt", 0.002, None)
    assert (axis.dt_s, axis.dt_source, problems) == (0.002, "override", [])
