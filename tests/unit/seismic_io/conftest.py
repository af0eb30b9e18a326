"""Small Datasets and the developer data folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr


@pytest.fixture(scope="session")
def data_folder() -> Path:
    root = Path(__file__).resolve().parents[3]
    folder = Path(os.environ.get("LITHOGEN_DATA", root.parent / "shared" / "data"))
    if not (folder / "segy_odd").is_dir():
        pytest.skip("developer data folder is absent")
    return folder


@pytest.fixture
def make_dataset() -> Callable[..., xr.Dataset]:
    def make(
        shape: tuple[int, int, int] = (4, 5, 6), t0_s: float = 1.0, dt_s: float = 0.004,
    ) -> xr.Dataset:
        n_iline, n_xline, n_twt = shape
        i, j = np.meshgrid(np.arange(n_iline), np.arange(n_xline), indexing="ij")
        samples = np.random.default_rng(3).standard_normal(shape).astype(np.float32)
        dims = ("iline", "xline", "twt")
        return xr.Dataset(
            {
                "seismic": (dims, samples),
                "lithology": (dims, (np.arange(samples.size) % 10).astype(np.int8).reshape(shape),
                              {"flag_values": np.arange(3, dtype=np.int8),
                               "flag_meanings": "shale sandstone marl"}),
                "angle_stack": (("angle", *dims), np.stack([samples, 2 * samples])),
            },
            coords={
                "iline": 100 + 2 * np.arange(n_iline), "xline": -2 + np.arange(n_xline),
                "twt": np.round(t0_s + dt_s * np.arange(n_twt), 9), "angle": [5.0, 15.0],
                "cdp_x": (dims[:2], 606000.12 + 20.0 * j + 15.0 * i),
                "cdp_y": (dims[:2], 6073000.55 - 15.0 * j + 20.0 * i),
            },
            attrs={"seed": 7, "origin": (0, 0, 0), "scenario": {"net_to_gross": 0.3}},
        )

    return make
