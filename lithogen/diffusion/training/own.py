"""A user's own labelled models on the lattice, to fine-tune stage 1 on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from lithogen.diffusion.conditions import RESIDUAL_GAIN, row_conditions, world_conditions
from lithogen.diffusion.lattice import N_RESIDUALS, ROW_MS
from lithogen.diffusion.training.columns import COARSE_ROWS, Diagrams
from lithogen.diffusion.training.own_files import (
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
from lithogen.errors import LithogenError, require
from lithogen.grid import Spacing, Window
from lithogen.rockphysics import RESIDUALS, RockFamily, encode_residual
from lithogen.rockphysics.families import basin_table
from lithogen.rockphysics.trends import RESIDUAL_LIMIT
from lithogen.scenario import Scenario
from lithogen.structure import Structure
from lithogen.structure.bodies import SEQUENCE_OFFSET_MS
from lithogen.structure.given import HorizonModel, RgtModel
from lithogen.structure.imposed import ImposedStructure
from lithogen.wells.ages import nearest_samples

if TYPE_CHECKING:
    import xarray

log = logging.getLogger(__name__)

# Of the elastic values, at most this share may lie beyond what the network can say.
MAX_BEYOND = 0.05
# Columns of a model that are learned from: neighbours tell the same, so they are spread out.
MOST_COLUMNS = 256
# Of models, or of the ages of one model, this part decides when a level stops.
HELD_OUT_PART = 4
CHUNK_ROWS = 512
MOST_ROWS = 16384
UNITS_MS = {"ms": 1.0, "millisecond": 1.0, "milliseconds": 1.0, "s": 1e3, "seconds": 1e3}
# Bodies of a user's model are unknown: none are drawn, or the labels would contradict them.
NO_BODIES = dict.fromkeys(
    ("channels", "lobes", "deltas", "buildups", "karst", "mass_transport", "canyons", "salt"), 0.0)
Columns = list[tuple[int, NDArray[np.int8], NDArray[np.float32], NDArray[np.float32]]]


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


def own_diagrams(
    folder: Path | str, about: OwnData | None = None, n_rows: int = 2048,
    report: Callable[[int], None] | None = None,
) -> tuple[Diagrams, Diagrams]:
    """Put all labelled models of a folder onto the lattice, to learn from and to hold out.

    Parameters
    ----------
    folder : Path or str
        Holds .nc files and .zarr folders, see `own_columns`.
    about : OwnData, optional
        What is said of all of them.
    n_rows : int
        Rows of a diagram at least; longer models take more, in steps of 512.
    report : callable, optional
        Called with the number of models read so far.

    Returns
    -------
    two Diagrams
        Of the middle position alone. With four models or more every fourth is held out, else
        the deepest quarter of the ages: neighbouring columns tell the same, so they do not judge.

    Raises
    ------
    OwnDataError
        A model cannot be used as it is, naming file, variable and place.
    """
    paths = own_paths(folder)
    told: list[Columns] = []
    for path in paths:
        with open_own(path) as ds:
            told.append(own_columns(ds, path.name, about or OwnData()))
        if report is not None:
            report(len(told))
    if len(told) >= HELD_OUT_PART:
        learned = [c for n, columns in enumerate(told) if n % HELD_OUT_PART for c in columns]
        held = [c for columns in told[::HELD_OUT_PART] for c in columns]
    else:
        parts = [_split_ages(column) for columns in told for column in columns]
        learned, held = [p[0] for p in parts], [p[1] for p in parts]
    return _stacked(learned, n_rows), _stacked(held, n_rows)


def _split_ages(column: tuple[int, Any, Any, Any]) -> tuple[Any, Any]:
    first, facies, residual, told = column
    cut = len(facies) - len(facies) // HELD_OUT_PART
    return ((first, facies[:cut], residual[:cut], told[:cut]),
            (first + cut, facies[cut:], residual[cut:], told[cut:]))


def _stacked(columns: Columns, n_rows: int) -> Diagrams:
    """Columns of any length as diagrams of one length, that begin at multiples of 512 rows."""
    starts = [first // CHUNK_ROWS * CHUNK_ROWS for first, *_ in columns]
    n_rows = max([n_rows] + [-(-(first - start + len(facies)) // CHUNK_ROWS) * CHUNK_ROWS
                             for start, (first, facies, *_) in zip(starts, columns, strict=True)])
    n = len(columns)
    facies = torch.full((n, n_rows, 1), -1, dtype=torch.int8)
    residual = torch.zeros(n, n_rows, 1, N_RESIDUALS, dtype=torch.float16)
    row = torch.zeros(n, n_rows // COARSE_ROWS, columns[0][3].shape[1], dtype=torch.float16)
    for place, (start, (first, codes, values, told)) in enumerate(
            zip(starts, columns, strict=True)):
        at = slice(first - start, first - start + len(codes))
        facies[place, at, 0] = torch.from_numpy(codes)
        residual[place, at, 0] = torch.from_numpy(values * RESIDUAL_GAIN).half()
        kept = (np.arange(len(codes)) + first - start) // COARSE_ROWS
        row[place, kept] = torch.from_numpy(told).half()
    world = torch.from_numpy(world_conditions(None, None)).repeat(n, 1)
    return Diagrams(facies, residual, row, world)


def own_columns(ds: xarray.Dataset, name: str, about: OwnData) -> Columns:
    """Put columns of a labelled model onto the lattice.

    Parameters
    ----------
    ds : xarray.Dataset
        Dims (iline, xline, twt): lithology (flag_values, flag_meanings), vp, vs (m/s) and rho
        (kg/m3), and rgt or horizons (horizon, iline, xline) in seconds. Coordinates twt in
        seconds, cdp_x and cdp_y in metres.
    name : str
        What to call it in messages.
    about : OwnData
        What is said of it.

    Returns
    -------
    list of tuples
        First row, facies (n,), residuals (n, 3) and conditions of rows, of every column and
        sequence: whole voxels over the rows that they span.

    Raises
    ------
    OwnDataError
        A variable is missing, not a number, out of range, or on another lattice.
    StructureError
        rgt does not increase, or horizons cross; with the place.
    """
    shape = check_model(ds, name)
    spacing, first_sample = spacing_of(ds, name)
    window = Window((0, 0, first_sample), shape)
    structure = _structure(ds, name, window, spacing, about)
    table = facies_table(ds["lithology"].attrs, name)
    family = RockFamily(basin_table(about.basin), about.burial_m, about.basin)
    depth_m = structure.velocity.depth(window.axes(spacing)[2])
    step = max(1, int(np.ceil(np.sqrt(shape[0] * shape[1] / MOST_COLUMNS))))
    out: Columns = []
    residuals = []
    for i in range(step // 2 if shape[0] > step else 0, shape[0], step):
        slab = ds.isel(iline=slice(i, i + 1))
        facies = facies_codes(slab["lithology"].to_numpy(), table, name, i)[0]
        vp, vs, rho = (_positive(slab, variable, name, i)[0] for variable in ELASTIC)
        line = Window((i, 0, first_sample), (1, *shape[1:]))
        found = structure.evaluate(line, spacing)
        age, rate = found.age.numpy()[0], found.rate.numpy()[0]
        residuals.append(encode_residual(vp, vs, rho, family, depth_m))
        own = _residual_at_nominal(facies, (vp, vs, rho), age, structure, family, depth_m)
        for j in range(step // 2 if shape[1] > step else 0, shape[1], step):
            out += _column(facies[j], own[j], age[j].astype(np.float64),
                           rate[j] * (0.5e3 * spacing.dt_s), structure, family, name)
    _check_scale(np.concatenate(residuals, axis=1), name, about)
    return out


def _residual_at_nominal(
    facies: NDArray[np.int8], elastic: tuple[NDArray[np.float32], ...], age: NDArray[np.float32],
    structure: Structure, family: RockFamily, depth_m: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Residuals that a line would have where its layers are not folded, (n_xline, n_twt, 3)."""
    nominal = structure.nominal_depth_m(age)
    slope = family.slopes(depth_m)[np.arange(len(depth_m)), facies][..., :3]
    factor = np.exp(slope * (depth_m - nominal)[..., None])
    flat = [(log / factor[..., n]).astype(np.float32).reshape(-1)
            for n, log in enumerate(elastic)]
    residual = encode_residual(flat[0], flat[1], flat[2], family, nominal.reshape(-1))
    return np.ascontiguousarray(residual.T).reshape(*age.shape, N_RESIDUALS)


def _column(
    facies: NDArray[np.int8], residual: NDArray[np.float32], age: NDArray[np.float64],
    reach: NDArray[np.float64], structure: Structure, family: RockFamily, name: str,
) -> Columns:
    """Rows of one column, sequence by sequence, as far as they follow each other."""
    out: Columns = []
    number = np.floor(age / SEQUENCE_OFFSET_MS + 0.3)
    for n in np.unique(number):
        mine = np.flatnonzero(number == n)
        low, high = float(age[mine].min()), float(age[mine].max())
        require(high - low <= MOST_ROWS * ROW_MS, f"ages of {name} span {high - low:.0f} ms of one "
                f"sequence, wanted at most {MOST_ROWS * ROW_MS:.0f}; check unit_ms", OwnDataError)
        rows = np.arange(np.floor(low / ROW_MS), np.ceil(high / ROW_MS)).astype(np.int64)
        if not len(rows):
            continue
        sample = nearest_samples(age[mine], reach[mine], (rows + 0.5) * ROW_MS)
        known = sample >= 0
        # The longest stretch without a gap.
        ends = np.flatnonzero(np.diff(np.concatenate([[0], known.view(np.int8), [0]])))
        if not len(ends):
            continue
        longest = int((ends[1::2] - ends[::2]).argmax())
        part = slice(ends[2 * longest], ends[2 * longest + 1])
        at = mine[sample[part]]
        out.append((int(rows[part][0]), facies[at], residual[at],
                    row_conditions(structure, family, rows[part])))
    return out


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
