"""Windows, tiles and shape checks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lithogen.errors import ConfigError, ShapeError
from lithogen.grid import Spacing, Window, check_shape, three_integers, tiles_covering

index = st.tuples(*[st.integers(-300, 300)] * 3)
sizes = st.tuples(*[st.integers(1, 90)] * 3)


@given(index, sizes, st.tuples(*[st.integers(8, 64)] * 3), index)
def test_tiles_cover_each_voxel_once(origin, shape, tile_shape, phase) -> None:
    window = Window(origin, shape)
    tiles = list(tiles_covering(window, tile_shape, phase))
    parts = [t.intersection(window) for t in tiles]
    assert all(part is not None for part in parts)
    assert sum(part.size for part in parts) == window.size
    for tile in tiles:
        assert all((o - p) % n == 0 for o, n, p in zip(tile.origin, tile_shape, phase, strict=True))


@given(index, sizes)
def test_slices_cut_the_same_voxels(origin, shape) -> None:
    inner = Window(origin, shape)
    outer = inner.padded((3, 1, 2))
    axis = np.arange(outer.origin[0], outer.stop[0])
    assert axis[inner.slices_in(outer)[0]].tolist() == list(range(inner.origin[0], inner.stop[0]))


def test_slices_outside_are_refused() -> None:
    with pytest.raises(ShapeError, match="does not lie inside"):
        Window((0, 0, 0), (4, 4, 4)).slices_in(Window((1, 0, 0), (4, 4, 4)))


@pytest.mark.parametrize("value", [(1, 2), (1, 2, 3, 4), "abc", (1.5, 2, 3), 7, None,
                                   (float("nan"), 1, 1), (float("inf"), 1, 1), (True, 1, 1)])
def test_three_integers_refuses_what_is_not(value) -> None:
    with pytest.raises(ShapeError, match="wanted three integers"):
        three_integers(value, "shape")


@pytest.mark.parametrize("name", ["dt_s", "dx_m", "dy_m"])
def test_spacing_must_be_positive(name) -> None:
    with pytest.raises(ConfigError, match=name):
        Spacing(**{name: 0.0})


def test_check_shape_names_the_variable() -> None:
    with pytest.raises(ShapeError, match="vp has shape"):
        check_shape((3, 2), (2, 3), "vp")
