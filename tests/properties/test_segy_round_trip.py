"""What is written to SEG-Y comes back: values, lines, times, coordinates, windows."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

import seismic_io
from lithogen.grid import Window

LINE = st.integers(-(2**20), 2**20)
STEP = st.integers(1, 50)
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
# a single trace at line 0, crossline 0 has no usable numbers and reads as a 2-D line
SHAPES = st.tuples(st.integers(1, 4), st.integers(2, 4), st.integers(2, 6))
CENTIMETRE = 0.005 + 1e-6


@st.composite
def datasets(draw: st.DrawFn) -> xr.Dataset:
    shape = draw(SHAPES)
    dt_us = draw(st.integers(1, 32767))
    t0_ms = draw(st.integers(-32768 + 1, 32767))
    lines = {
        name: draw(LINE) + draw(STEP) * np.arange(n)
        for name, n in zip(("iline", "xline"), shape, strict=False)
    }
    i, j = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    x0, y0 = (draw(st.floats(-1e7, 1e7)) for _ in range(2))
    samples = draw(st_numpy.arrays(np.float32, shape, elements=FINITE))
    return xr.Dataset(
        {"seismic": (("iline", "xline", "twt"), samples)},
        coords=lines | {
            "twt": np.round((t0_ms * 1000 + dt_us * np.arange(shape[2])) / 1e6, 9),
            "cdp_x": (("iline", "xline"), x0 + 25.0 * j),
            "cdp_y": (("iline", "xline"), y0 + 12.5 * i),
        },
    )


@given(ds=datasets(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_round_trip_is_exact(ds: xr.Dataset, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.sgy"
        seismic_io.to_segy(ds, path)
        assert [p.name for p in Path(folder).iterdir()] == ["a.sgy"]
        assert seismic_io.inspect(path).is_readable
        with seismic_io.open_segy(path) as cube:
            back = cube.to_xarray()
            origin = [data.draw(st.integers(0, n - 1)) for n in cube.shape]
            size = [data.draw(st.integers(1, n - o))
                    for n, o in zip(cube.shape, origin, strict=True)]
            window = Window((origin[0], origin[1], origin[2]), (size[0], size[1], size[2]))
            part = cube.read(window)
            np.testing.assert_array_equal(cube.traces(), ds.seismic.values.reshape(-1,
                                          cube.shape[2]))
    np.testing.assert_array_equal(back.seismic.values, ds.seismic.values)
    for name in ("iline", "xline", "twt"):
        np.testing.assert_array_equal(back[name].values, ds[name].values)
    for name in ("cdp_x", "cdp_y"):
        np.testing.assert_allclose(back[name].values, ds[name].values, rtol=0, atol=CENTIMETRE)
    a, b, c = window.slices_in(Window((0, 0, 0), back.seismic.shape))
    np.testing.assert_array_equal(part, ds.seismic.values[a, b, c])
