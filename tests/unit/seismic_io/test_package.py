"""Importing the package is light, and its public names are the documented ones."""

from __future__ import annotations

import subprocess
import sys

import pytest

import seismic_io

HEAVY = ("segfast", "segyio", "numba", "pandas", "xarray", "zarr", "torch", "numpy")


def test_import_is_light() -> None:
    code = f"import sys, seismic_io; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_loads() -> None:
    for name in seismic_io.__all__:
        assert getattr(seismic_io, name).__module__.startswith("seismic_io.")
    assert dir(seismic_io) == sorted(seismic_io.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'open_sgy'"):
        seismic_io.open_sgy  # noqa: B018
