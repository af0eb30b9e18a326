"""What the tests of all packages share."""

import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]

# No deadline: the time of an example depends on what else runs on the machine.
settings.register_profile("lithogen", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("lithogen")

FACIES = "shale sandstone limestone coal"
VP_M_S = np.array([2600.0, 3000.0, 4200.0, 2300.0])
RHO_KG_M3 = np.array([2350.0, 2250.0, 2600.0, 1500.0])
BED = np.array([0, 1, 0, 0, 2, 0, 1, 3, 0, 1])


@pytest.fixture(scope="session")
def data_folder():
    """Folder of public survey files (LITHOGEN_DATA), or skip."""
    folder = Path(os.environ.get("LITHOGEN_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no folder of public survey files; set LITHOGEN_DATA")
    return folder


def make_world(shape=(24, 40, 96), dt_s=0.004, dx_m=25.0):
    """Layers with a dip and one fault, as a Dataset in the form that generate() returns."""
    iline, xline, twt = np.meshgrid(*map(np.arange, shape), indexing="ij", sparse=True)
    throw = np.where(xline + 0.3 * iline > 0.6 * shape[1], 9.0, 0.0)
    age = (twt - 0.25 * xline - 0.1 * iline + throw).astype(np.float32)
    facies = BED[np.floor(age / 6.0).astype(int) % len(BED)].astype(np.int8)
    vp = (VP_M_S[facies] * (1.0 + 0.001 * twt)).astype(np.float32)
    rho = RHO_KG_M3[facies].astype(np.float32)
    impedance = vp * rho
    log_step = 0.5 * np.diff(np.log(impedance), axis=2, append=np.log(impedance[..., -1:]))
    lag = (np.arange(61) - 30) * dt_s
    squared = (np.pi * 30.0 * lag) ** 2
    ricker = (1.0 - 2.0 * squared) * np.exp(-squared)
    seismic = np.apply_along_axis(np.convolve, 2, log_step, ricker, "same").astype(np.float32)
    dims = ("iline", "xline", "twt")
    near_fault = np.broadcast_to(np.abs(xline + 0.3 * iline - 0.6 * shape[1]) < 1.0, shape)
    flags = {"flag_values": np.arange(4, dtype=np.int8), "flag_meanings": FACIES}
    variables = {
        "lithology": (dims, facies, {"long_name": "facies class", **flags}),
        "vp": (dims, vp, {"units": "m/s"}),
        "vs": (dims, vp / np.float32(1.9), {"units": "m/s"}),
        "rho": (dims, rho, {"units": "kg/m3"}),
        "impedance": (dims, impedance, {"units": "kg/m2/s"}),
        "rgt": (dims, age, {"units": "1"}),
        "fault": (dims, near_fault.astype(np.float32), {"units": "1"}),
        "seismic": (dims, seismic, {"units": "1"}),
        "angle_stack": (("angle", *dims), np.stack([seismic, 0.9 * seismic, 0.8 * seismic])),
    }
    number = [1000 + np.arange(shape[0]), 2000 + np.arange(shape[1])]
    here = np.meshgrid(*(n * dx_m for n in number), indexing="ij")
    coords = {
        "iline": ("iline", number[0]),
        "xline": ("xline", number[1]),
        "twt": ("twt", 1.0 + np.arange(shape[2]) * dt_s, {"units": "s"}),
        "angle": ("angle", [5.0, 15.0, 25.0], {"units": "degrees"}),
        "cdp_y": (("iline", "xline"), here[0], {"units": "m"}),
        "cdp_x": (("iline", "xline"), here[1], {"units": "m"}),
    }
    attrs = {"seed": 7, "origin": [0, 0, 0], "spacing": [dt_s, dx_m, dx_m]}
    return xr.Dataset(variables, coords, attrs)


@pytest.fixture
def world():
    """A small synthetic earth model with layers, dip and a fault."""
    return make_world()


@pytest.fixture
def world_of():
    """The function behind `world`, for another shape or spacing."""
    return make_world
