"""SEG-Y preflight, reading and writing; Zarr and NetCDF output.

Names are loaded on first use: `import seismic_io` loads neither segfast nor xarray.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seismic_io.cube import SegyCube, open_segy
    from seismic_io.preflight import inspect
    from seismic_io.quality import Quality
    from seismic_io.report import Problem, Report
    from seismic_io.store import to_netcdf, to_zarr
    from seismic_io.textual import read_ascii_export
    from seismic_io.write import to_segy

__all__ = [
    "Problem",
    "Quality",
    "Report",
    "SegyCube",
    "inspect",
    "open_segy",
    "read_ascii_export",
    "to_netcdf",
    "to_segy",
    "to_zarr",
]

_HOME = {
    "Problem": "report",
    "Quality": "quality",
    "Report": "report",
    "SegyCube": "cube",
    "inspect": "preflight",
    "open_segy": "cube",
    "read_ascii_export": "textual",
    "to_netcdf": "store",
    "to_segy": "write",
    "to_zarr": "store",
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'seismic_io' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"seismic_io.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
