"""Worlds of a user's own labelled models, to fine-tune stage 1 on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.errors import LithogenError, require
from lithogen.grid import Index3, Spacing, Window
from lithogen.latent import parts_of
from lithogen.rockphysics import RESIDUALS, RockFamily, encode_residual
from lithogen.rockphysics.families import basin_table
from lithogen.rockphysics.trends import RESIDUAL_LIMIT
from lithogen.scenario import Scenario
from lithogen.structure import Conditions, Structure
from lithogen.structure.given import HorizonModel, RgtModel
from lithogen.structure.imposed import ImposedStructure
from lithogen.training.own_files import (
    ELASTIC,
    OwnDataError,
    check_model,
    facies_codes,
    facies_table,
    open_own,
    own_paths,
    refuse_first,
    spacing_of,
)
from lithogen.training.worlds import CachedWorld

if TYPE_CHECKING:
    import xarray

log = logging.getLogger(__name__)

# Of the elastic values, at most this share may lie beyond what the network can say.
MAX_BEYOND = 0.05
# Inlines worked on at a time, so that a model needs little more memory than its cached world.
SLAB_ILINES = 64
UNITS_MS = {"ms": 1.0, "millisecond": 1.0, "milliseconds": 1.0, "s": 1e3, "seconds": 1e3}
# Bodies of a user's model are unknown: none are drawn, or the labels would contradict them.
NO_BODIES = dict.fromkeys(
    ("channels", "lobes", "deltas", "buildups", "karst", "mass_transport", "canyons", "salt"), 0.0)


@dataclass(frozen=True, slots=True)
class OwnData:
    """What is said of all models of a folder.

    Parameters
    ----------
    basin : family of rock-physics trends that residuals are measured from.
    burial_m : depth of time zero below the depositional surface, m.
    velocity_m_s, velocity_gradient_per_s : background velocity, which turns time into depth.
    unit_ms : ms of undeformed two-way time per unit of rgt; by default what its attributes
        unit_ms or units say.
    """

    basin: str = "north_sea"
    burial_m: float = 600.0
    velocity_m_s: float = 1900.0
    velocity_gradient_per_s: float = 0.55
    unit_ms: float | None = None

    def scenario(self) -> Scenario:
        """Return a scenario of that basin and velocity, without bodies.

        Raises
        ------
        ConfigError : a value is out of its range.
        """
        return Scenario.from_dict(NO_BODIES | {
            "basin": self.basin, "burial_m": self.burial_m, "velocity_m_s": self.velocity_m_s,
            "velocity_gradient_per_s": self.velocity_gradient_per_s})


def own_worlds(
    folder: Path | str, crop_shape: Index3, about: OwnData | None = None,
    report: Callable[[int], None] | None = None,
) -> list[CachedWorld]:
    """Return one cached world for each labelled model of a folder.

    Parameters
    ----------
    folder : holds .nc files and .zarr folders, see `own_world`.
    crop_shape : voxels of a training crop; models are at least as large.
    about : what is said of all of them.
    report : called with the number of models read so far.

    Raises
    ------
    OwnDataError : a model cannot be used as it is, naming file, variable and place.
    """
    worlds = []
    for path in own_paths(folder):
        with open_own(path) as ds:
            worlds.append(own_world(ds, path.name, crop_shape, about or OwnData()))
        if report is not None:
            report(len(worlds))
    spacings = {world.spacing for world in worlds}
    require(len(spacings) == 1, f"models of {folder} have {len(spacings)} different spacings, "
            f"{', '.join(map(str, spacings))}; wanted one: keep them in folders of their own",
            OwnDataError)
    return worlds


def own_world(
    ds: xarray.Dataset, name: str, crop_shape: Index3, about: OwnData
) -> CachedWorld:
    """Return a labelled model as a cached world whose scenario is unknown.

    Parameters
    ----------
    ds : dims (iline, xline, twt): lithology (flag_values, flag_meanings), vp, vs (m/s) and rho
        (kg/m3), and rgt or horizons (horizon, iline, xline) in seconds; fault (0..1) and throw
        (ms) if known. Coordinates twt in seconds, cdp_x and cdp_y in metres.
    name : what to call it in messages.
    crop_shape, about : as in `own_worlds`.

    Raises
    ------
    OwnDataError : a variable is missing, not a number, out of range, or on another lattice.
    StructureError : rgt does not increase, or horizons cross; with the place.
    """
    shape = check_model(ds, name, crop_shape)
    spacing, first_sample = spacing_of(ds, name)
    window = Window((0, 0, first_sample), shape)
    structure = _structure(ds, name, window, spacing, about)
    table = facies_table(ds["lithology"].attrs, name)
    family = RockFamily(basin_table(about.basin), about.burial_m, about.basin)
    depth_m = structure.velocity.depth(window.axes(spacing)[2])
    slabs: list[tuple[dict[str, Tensor], NDArray[np.int8], NDArray[np.float32]]] = []
    for first in range(0, shape[0], SLAB_ILINES):
        slab = ds.isel(iline=slice(first, first + SLAB_ILINES))
        facies = facies_codes(slab["lithology"].to_numpy(), table, name, first)
        vp, vs, rho = (_positive(slab, variable, name, first) for variable in ELASTIC)
        residual = encode_residual(vp, vs, rho, family, depth_m)
        part = Window((first, 0, first_sample), facies.shape)
        slabs.append((_conditions(structure, slab, part, spacing, name), facies, residual))
    residual = np.concatenate([part[2] for part in slabs], axis=1)
    _check_scale(residual, name, about)
    return CachedWorld(
        window=window, spacing=spacing, scenario=None,
        fields={key: torch.cat([part[0][key] for part in slabs]) for key in slabs[0][0]},
        facies=torch.from_numpy(np.concatenate([part[1] for part in slabs])),
        parts=torch.from_numpy(parts_of(residual, spacing.dt_s)).half(),
    )


def _structure(
    ds: xarray.Dataset, name: str, window: Window, spacing: Spacing, about: OwnData
) -> Structure:
    try:
        given: HorizonModel | RgtModel
        if "rgt" in ds:
            given = RgtModel(ds["rgt"].to_numpy(), origin=window.origin, spacing=spacing,
                             unit_ms=_unit_ms(ds["rgt"].attrs, about))
        else:
            given = HorizonModel(list(ds["horizons"].to_numpy()), spacing=spacing)
    except LithogenError as exc:
        raise type(exc)(f"{name}: {exc}") from exc
    return ImposedStructure(0, about.scenario(), given)


def _unit_ms(attrs: dict[Any, Any], about: OwnData) -> float:
    if about.unit_ms is not None:
        return about.unit_ms
    if "unit_ms" in attrs:
        return float(attrs["unit_ms"])
    units = str(attrs.get("units", "nothing"))
    require(units in UNITS_MS, f"units of rgt are {units!r}, wanted 'ms' or 's', an attribute "
            "unit_ms, or the option --unit-ms: ms of two-way time in which one unit of rgt was "
            "laid down, on average", OwnDataError)
    return UNITS_MS[units]


def _positive(
    slab: xarray.Dataset, variable: str, name: str, first: int
) -> NDArray[np.float32]:
    values = np.asarray(slab[variable].to_numpy(), dtype=np.float32)
    refuse_first(~(np.isfinite(values) & (values > 0.0)), values, f"{variable} of {name}", first,
                 "a positive number in every voxel; cut the model to where it is known")
    return values


def _conditions(
    structure: Structure, slab: xarray.Dataset, part: Window, spacing: Spacing, name: str
) -> dict[str, Tensor]:
    """Return the maps of a part in the precision in which they are kept."""
    found = structure.evaluate(part, spacing)
    out = {item.name: getattr(found, item.name) for item in fields(Conditions)}
    # A procedural environment would say things of this model that are not so: the middle one.
    out["environment"] = torch.zeros_like(out["environment"])
    for variable, field, high in (("fault", "fault", 1.0), ("throw", "throw_ms", np.inf)):
        if variable in slab:
            values = np.asarray(slab[variable].to_numpy(), dtype=np.float32)
            refuse_first(~((values >= 0.0) & (values <= high) & np.isfinite(values)), values,
                         f"{variable} of {name}", part.origin[0],
                         f"{variable} from 0 to {high:g}, without gaps")
            out[field] = torch.from_numpy(values)
    return {key: value if key == "age" or not value.is_floating_point() else value.half()
            for key, value in out.items()}


def _check_scale(residual: NDArray[np.float32], name: str, about: OwnData) -> None:
    """Check that elastic values lie where the network can say them, and log how many do not."""
    shares = [float((np.abs(values) >= RESIDUAL_LIMIT).mean()) for values in residual]
    text = ", ".join(f"{label} {share:.2%}" for label, share in zip(RESIDUALS, shares, strict=True))
    log.info("%s: beyond %g units of the shale of %s: %s", name, RESIDUAL_LIMIT, about.basin,
             text)
    require(max(shares) <= MAX_BEYOND,
            f"elastic values of {name} lie far from the trends of {about.basin} buried "
            f"{about.burial_m:g} m: beyond {RESIDUAL_LIMIT:g} units of the shale are {text}, "
            f"wanted at most {MAX_BEYOND:.0%}; check units (m/s, kg/m3), choose another "
            "--basin or --burial-m, or cut off the uppermost 0.3 s, where soft muds have shear "
            "velocities below any trend", OwnDataError)
