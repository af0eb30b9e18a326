"""The Dataset that everything returns: variables, units, coordinates, and one in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lithogen.grid import AXES, Spacing, Window
from lithogen.rockphysics.facies import FACIES
from lithogen.rockphysics.fluids import FLUIDS

if TYPE_CHECKING:
    import xarray

VARIABLE_ATTRS: dict[str, dict[str, Any]] = {
    "lithology": {"long_name": "facies class", "units": "1"},
    "vp": {"long_name": "P-wave velocity", "units": "m/s"},
    "vs": {"long_name": "S-wave velocity", "units": "m/s"},
    "rho": {"long_name": "density", "units": "kg/m3"},
    "impedance": {"long_name": "acoustic impedance", "units": "kg/m2/s"},
    "rgt": {
        "long_name": "relative geologic time", "units": "ms",
        "comment": "two-way time of undeformed layers; increases downward within a sequence",
    },
    "fault": {"long_name": "fault likelihood", "units": "1"},
    "throw": {"long_name": "fault throw", "units": "ms",
              "comment": "two-way time; of the strongest fault near the voxel, 0 elsewhere"},
    "sequence": {"long_name": "sequence number", "units": "1", "comment": "0 is the youngest"},
    "body": {"long_name": "body number", "units": "1",
             "comment": "of the channel, lobe, build-up or other body; 0 for none"},
    "body_kind": {"long_name": "kind of body", "units": "1"},
    "fluid": {"long_name": "pore fluid", "units": "1"},
    "porosity": {"long_name": "porosity", "units": "1"},
    "net_to_gross": {"long_name": "net to gross", "units": "1", "comment": "net share of the "
                     "voxel: sandstone 1, heterolithic 0.5, carbonate of porosity > 0.1 1"},
    "seismic": {"long_name": "full stack", "units": "1",
                "comment": "positive for an increase of impedance with depth (SEG normal)"},
    "angle_stack": {"long_name": "angle stacks", "units": "1"},
}


# Labels besides lithology, relative geologic time and fault likelihood.
LABELS: dict[str, type] = {
    "throw": np.float32, "sequence": np.int8, "body": np.int32, "body_kind": np.int8,
    "fluid": np.int8, "porosity": np.float32, "net_to_gross": np.float32,
}
# What a label's codes mean; its order is that of the codes.
MEANINGS: dict[str, tuple[str, ...]] = {
    "lithology": FACIES, "fluid": FLUIDS,
    "body_kind": ("none", "channel", "levee", "splay", "lobe", "delta", "buildup", "karst",
                  "mass_transport", "canyon", "salt"),
}
for _name, _meanings in MEANINGS.items():
    VARIABLE_ATTRS[_name] |= {"flag_values": list(range(len(_meanings))),
                      "flag_meanings": " ".join(_meanings)}


@dataclass(frozen=True, slots=True)
class Layout:
    """Which variables a result has, and how large it is.

    Parameters
    ----------
    window : absolute voxel box. spacing : of the voxels.
    angles_deg : angles of `angle_stack`; empty for an earth model without seismic.
    labels : names out of `LABELS` that it has besides.
    """

    window: Window
    spacing: Spacing
    angles_deg: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()

    def variables(self) -> dict[str, tuple[tuple[str, ...], tuple[int, ...], type]]:
        """Return name -> (dims, shape, dtype)."""
        shape = self.window.shape
        out: dict[str, tuple[tuple[str, ...], tuple[int, ...], type]] = {
            "lithology": (AXES, shape, np.int8)
        }
        for name in ("vp", "vs", "rho", "impedance", "rgt", "fault"):
            out[name] = (AXES, shape, np.float32)
        for name in self.labels:
            out[name] = (AXES, shape, LABELS[name])
        if self.angles_deg:
            out["seismic"] = (AXES, shape, np.float32)
            out["angle_stack"] = (("angle", *AXES), (len(self.angles_deg), *shape), np.float32)
        return out

    def coordinates(self) -> dict[str, tuple[tuple[str, ...], NDArray[Any], dict[str, Any]]]:
        """Return name -> (dims, values, attributes)."""
        (i0, j0, k0), (ni, nj, nk) = self.window.origin, self.window.shape
        rows, cols = i0 + np.arange(ni), j0 + np.arange(nj)
        y_m, x_m = np.meshgrid(rows * self.spacing.dy_m, cols * self.spacing.dx_m, indexing="ij")
        twt_s = np.round((k0 + np.arange(nk)) * self.spacing.dt_s, 9)
        out: dict[str, tuple[tuple[str, ...], NDArray[Any], dict[str, Any]]] = {
            # Line numbers start at 1: many programs take 0 for an unset header.
            "iline": (("iline",), (rows + 1).astype(np.int64), {"long_name": "inline number"}),
            "xline": (("xline",), (cols + 1).astype(np.int64), {"long_name": "crossline number"}),
            "twt": (("twt",), twt_s, {"long_name": "two-way time", "units": "s"}),
            "cdp_x": (("iline", "xline"), x_m, {"long_name": "easting", "units": "m"}),
            "cdp_y": (("iline", "xline"), y_m, {"long_name": "northing", "units": "m"}),
        }
        if self.angles_deg:
            angles = np.asarray(self.angles_deg, dtype=np.float64)
            out["angle"] = (("angle",), angles,
                            {"long_name": "incidence angle", "units": "degrees"})
        return out

    def n_bytes(self) -> int:
        """Return the size of the result in bytes."""
        return sum(int(np.prod(shape)) * np.dtype(dtype).itemsize
                   for _, shape, dtype in self.variables().values())


def ready_attrs(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes that NetCDF, Zarr and SEG-Y writers accept: nested ones as JSON text."""
    out: dict[str, Any] = {}
    for name, value in values.items():
        out[name] = value if isinstance(value, str | int | float) else json.dumps(value)
    return out


class MemorySink:
    """Collects parts of a result in arrays of the whole window."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.arrays: dict[str, NDArray[Any]] = {
            name: np.empty(shape, dtype) for name, (_, shape, dtype) in layout.variables().items()
        }

    def put(self, part: Window, values: Mapping[str, NDArray[Any]]) -> None:
        """Write the values of a part of the window."""
        box = part.slices_in(self.layout.window)
        for name, value in values.items():
            self.arrays[name][(..., *box)] = value

    def finish(self, attrs: Mapping[str, Any]) -> xarray.Dataset:
        """Return the Dataset."""
        import xarray

        variables = {
            name: (dims, self.arrays[name], VARIABLE_ATTRS[name])
            for name, (dims, _, _) in self.layout.variables().items()
        }
        return xarray.Dataset(variables, self.layout.coordinates(), ready_attrs(attrs))
