"""LithologyPipeline: structure, strata from the lattice, voxels, rock physics, tile by tile."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from diffusers.utils.outputs import BaseOutput
from numpy.typing import NDArray

from lithogen.config import write_manifest
from lithogen.diffusion.drawing import CellDrawer, checked_flow
from lithogen.diffusion.filling import Lattice
from lithogen.diffusion.hard_data import bodies_met, group_wells
from lithogen.diffusion.mapping import LatticeStrata
from lithogen.diffusion.network import RowNetwork
from lithogen.diffusion.regions import RegionStrata
from lithogen.diffusion.schedulers import CoarseToFineScheduler
from lithogen.diffusion.stored import COMPONENT, WEIGHTS_NAME, load_network
from lithogen.errors import require
from lithogen.grid import Index3, Spacing, Window, tiles_covering
from lithogen.rockphysics import RockFamily
from lithogen.strata.tables import BodyRock, Strata
from lithogen.strata.voxels import HardVoxels, Volumes, WorldFields, fill_structure, label_world
from lithogen.structure import Structure

if TYPE_CHECKING:
    from lithogen.wells import Wells
    from lithogen.wells.voxels import WellVoxels

PACKAGED_WEIGHTS = Path(__file__).parent / "weights"
SHIPPED = "shipped"
# Names that former versions knew.
FORMER = ("fast",)
# The lattice of tiles on which voxels are computed. Changing it changes the last bits of worlds.
# Its vertical phase leaves room for half a wavelet above time zero and below 128 samples, so that
# 0.5 s of seismic takes one tile and 1 s two.
TILE_SHAPE: Index3 = (64, 64, 216)
TILE_PHASE: Index3 = (0, 0, -44)
SPACING = Spacing()
DT_LIMITS_S = (0.0005, 0.008)
LINE_LIMITS_M = (3.0, 100.0)
DEFAULT_STEPS = 3
MOST_STEPS = 64
KEPT_WORLDS = 4


def weights_folder(name_or_path: Path | str | None) -> Path:
    """Return the folder of weights that a name or path means; without one the package's.

    Parameters
    ----------
    name_or_path : Path, str or None
        A folder, the word "shipped", or None.

    Raises
    ------
    ConfigError
        The name is one of a former version.

    Examples
    --------
    >>> weights_folder("shipped").name
    'weights'
    """
    name = str(name_or_path or SHIPPED)
    require(name not in FORMER, f"model={name!r} was of the former generator on voxels, which "
            "ended; leave model out: the default is faster than it was")
    return PACKAGED_WEIGHTS if name == SHIPPED else Path(name)


def check_spacing(spacing: Spacing) -> None:
    """Check that voxels of a spacing can be made.

    Parameters
    ----------
    spacing : Spacing
        Of the voxels.

    Raises
    ------
    ConfigError
        A sample interval outside 0.5 to 8 ms, or lines closer than 3 m or further than 100 m.
    """
    low, high = DT_LIMITS_S
    require(low <= spacing.dt_s <= high, f"sample interval is {spacing.dt_s * 1e3:g} ms, wanted "
            f"{low * 1e3:g} to {high * 1e3:g} ms (spacing is given in seconds and metres)")
    low, high = LINE_LIMITS_M
    for name in ("dx_m", "dy_m"):
        value = getattr(spacing, name)
        require(low <= value <= high,
                f"spacing {name} is {value:g} m, wanted {low:g} to {high:g} m")


def check_steps(steps: int) -> int:
    """Return a number of flow steps, or refuse it.

    Raises
    ------
    ConfigError
        Not a whole number from 1 to 64.
    """
    is_count = isinstance(steps, int | np.integer) and not isinstance(steps, bool)
    require(is_count and 1 <= steps <= MOST_STEPS,
            f"steps is {steps!r}, wanted a whole number from 1 to {MOST_STEPS}")
    return int(steps)


@dataclass
class LithologyOutput(BaseOutput):
    """Earth model of one window; arrays are (n_iline, n_xline, n_twt).

    Parameters
    ----------
    lithology : ndarray of int8
        Facies codes, see `lithogen.rockphysics.FACIES`.
    vp, vs, rho : ndarray of float32
        m/s, m/s, kg/m3, with the fluid in the pores.
    rgt : ndarray of float32
        Relative geologic time in ms.
    fault, throw : ndarray of float32
        Fault likelihood 0..1, and throw in ms.
    sequence : ndarray of int8
        Sequence number, 0 is the youngest.
    body, body_kind : ndarray of int32 and int8
        Number and kind of the body, 0 for none.
    fluid : ndarray of int8
        Codes, see `lithogen.rockphysics.FLUIDS`.
    porosity, net_to_gross : ndarray of float32
        Shares of the voxel.
    """

    lithology: NDArray[np.int8]
    vp: NDArray[np.float32]
    vs: NDArray[np.float32]
    rho: NDArray[np.float32]
    rgt: NDArray[np.float32]
    fault: NDArray[np.float32]
    throw: NDArray[np.float32]
    sequence: NDArray[np.int8]
    body: NDArray[np.int32]
    body_kind: NDArray[np.int8]
    fluid: NDArray[np.int8]
    porosity: NDArray[np.float32]
    net_to_gross: NDArray[np.float32]


@dataclass(frozen=True)
class _World:
    """What is fixed for all tiles of a world.

    Parameters
    ----------
    strata : made once, whatever tiles are asked for. voxels : of wells, or None.
    """

    strata: Strata
    voxels: WellVoxels | None

    def hard(self, tile: Window) -> HardVoxels | None:
        """Return what gives the well voxels of a tile the wells' values."""
        if self.voxels is None:
            return None
        from lithogen.wells.honour import overwrite

        voxels = self.voxels

        def overwrite_well_voxels(out: Volumes) -> tuple[NDArray[np.int64], ...]:
            overwrite(voxels, tile, facies=out["lithology"], vp=out["vp"], vs=out["vs"],
                      rho=out["rho"])
            return tuple((voxels.inside(tile).index - np.array(tile.origin)).T)

        return overwrite_well_voxels


class LithologyPipeline(DiffusionPipeline):  
    """Stage 1 of lithogen as a diffusers pipeline.

    Parameters
    ----------
    network : RowNetwork
        Trained.
    unmasking : CoarseToFineScheduler, optional
        Draws facies, row by row from coarse to fine.
    flow : SchedulerMixin, optional
        Deterministic flow-matching scheduler of diffusers that takes explicit `sigmas`, for
        elastic residuals; by default `FlowMatchEulerDiscreteScheduler`.

    Raises
    ------
    ConfigError
        The scheduler is random, or takes no explicit sigmas.
    """

    model_cpu_offload_seq = "network"  # type: ignore[assignment]

    def __init__(
        self, network: RowNetwork, unmasking: CoarseToFineScheduler | None = None,
        flow: SchedulerMixin | None = None,
    ) -> None:
        super().__init__()
        given: Any = flow or FlowMatchEulerDiscreteScheduler()  # type: ignore[no-untyped-call]
        self.register_modules(  # type: ignore[no-untyped-call]
            network=network, unmasking=unmasking or CoarseToFineScheduler(),
            flow=checked_flow(given))
        self.weights_sha256 = ""
        # CPU seconds spent so far, by part of the work.
        self.timings: dict[str, float] = {}
        self._worlds: OrderedDict[Any, _World] = OrderedDict()

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls, pretrained_model_name_or_path: Path | str | None = None, **_: Any
    ) -> LithologyPipeline:
        """Load a pipeline from a local folder, checking the SHA-256 of its weights.

        Parameters
        ----------
        pretrained_model_name_or_path : Path, str or None
            Folder written by `save_pretrained` or by training; by default the weights shipped
            with the package.

        Raises
        ------
        WeightsError
            Files are missing, corrupt or of another kind of network.
        """
        network, sha256 = load_network(weights_folder(pretrained_model_name_or_path))
        pipe = cls(network)
        pipe.weights_sha256 = sha256
        return pipe

    @property
    def default_steps(self) -> int:
        """Steps of the flow unless others are asked for."""
        return DEFAULT_STEPS

    def to(self, *args: Any, **kwargs: Any) -> LithologyPipeline:
        """Move the network; worlds drawn so far, which are of the former device, are forgotten."""
        super().to(*args, **kwargs)
        self._worlds.clear()
        return self

    def _steps(self, steps: int | None) -> int:
        return self.default_steps if steps is None else check_steps(steps)

    def save_pretrained(  # type: ignore[override]
        self, save_directory: Path | str, **kwargs: Any
    ) -> None:
        """Save in diffusers' folder layout, with a manifest beside the weights."""
        super().save_pretrained(save_directory, **kwargs)
        folder = Path(save_directory) / COMPONENT
        # safetensors writes mode 0600; weights are meant to be read by others.
        (folder / WEIGHTS_NAME).chmod(0o644)
        write_manifest(folder, (WEIGHTS_NAME, "config.json"), {})

    def __call__(
        self, structure: Structure, window: Window, *, seed: int,
        num_inference_steps: int | None = None, wells: Wells | None = None,
        spacing: Spacing = SPACING, on_tile: Callable[[], None] | None = None,
    ) -> LithologyOutput:
        """Generate the earth model of a window.

        Parameters
        ----------
        structure : Structure
            Relative geologic time, faults, bodies, scenario.
        window : Window
            Absolute voxel box, any size.
        seed : int
            Of the stratigraphy and the basin's rock physics.
        num_inference_steps : int, optional
            Steps of the flow of residuals; by default `default_steps`.
        wells : Wells, optional
            Known facies and logs, honoured exactly.
        spacing : Spacing
            Of the voxels: 0.5 to 8 ms, 3 to 100 m.
        on_tile : callable, optional
            Called after every tile, for a progress bar.

        Returns
        -------
        LithologyOutput
            Of that window: a crop of the unbounded world, bit for bit.
        """
        out: dict[str, NDArray[Any]] = {}
        for tile, part in self.tiles(structure, window, seed=seed, wells=wells, spacing=spacing,
                                     num_inference_steps=num_inference_steps):
            common = tile.intersection(window)
            require(common is not None, f"tile {tile} misses {window}")
            box: Window = common  # type: ignore[assignment]
            for item in fields(LithologyOutput):
                whole = getattr(part, item.name)
                if item.name not in out:
                    out[item.name] = np.empty(window.shape, whole.dtype)
                out[item.name][box.slices_in(window)] = whole[box.slices_in(tile)]
            if on_tile is not None:
                on_tile()
        return LithologyOutput(**out)

    def tiles(
        self, structure: Structure, window: Window, *, seed: int,
        num_inference_steps: int | None = None, wells: Wells | None = None,
        spacing: Spacing = SPACING,
    ) -> Iterator[tuple[Window, LithologyOutput]]:
        """Yield the canonical tiles that meet a window, each whole, in lattice order.

        Of a window of one inline only that line of every tile is made. Parameters are those of
        `__call__`.
        """
        check_spacing(spacing)
        steps = self._steps(num_inference_steps)
        clock = _Clock(self.timings)
        world = self._world(structure, seed, steps, wells, spacing)
        clock("wells")
        for tile in tiles_covering(window, TILE_SHAPE, TILE_PHASE):
            if window.shape[0] == 1:
                # One line of a tile: whole rows of crosslines, so that every voxel keeps its place
                # in the vectors of the processor, and its bits.
                tile = Window((window.origin[0], *tile.origin[1:]), (1, *tile.shape[1:]))
            found = fill_structure(structure, tile, spacing, world.strata)
            clock("voxels")
            out = label_world(found, structure, tile, spacing, world.hard(tile))
            clock("labels")
            yield tile, LithologyOutput(**out)

    def world_fields(
        self, structure: Structure, window: Window, *, seed: int, steps: int | None = None,
        wells: Wells | None = None, spacing: Spacing = SPACING,
    ) -> WorldFields:
        """Return a window as the lattice makes it: brine-filled, wells as layers only.

        Parameters are those of `__call__`; the window is computed as it is, not tile by tile, so
        its last bits are those of that window alone.
        """
        check_spacing(spacing)
        count = self._steps(steps)
        world = self._world(structure, seed, count, wells, spacing)
        return fill_structure(structure, window, spacing, world.strata)

    def _world(
        self, structure: Structure, seed: int, steps: int, wells: Wells | None, spacing: Spacing
    ) -> _World:
        """Return the strata of a world; those of recent ones are kept."""
        key = (structure, seed, steps, wells, spacing if wells is not None else None)
        if key not in self._worlds:
            self._worlds[key] = self._new_world(structure, seed, steps, wells, spacing)
            if len(self._worlds) > KEPT_WORLDS:
                self._worlds.popitem(last=False)
        self._worlds.move_to_end(key)
        return self._worlds[key]

    def _new_world(
        self, structure: Structure, seed: int, steps: int, wells: Wells | None, spacing: Spacing
    ) -> _World:
        scenario = structure.scenario
        family = RockFamily.random(seed, scenario.burial_m, scenario.basin)
        drawer = CellDrawer(self.network, self.unmasking, self.flow, steps)

        bodies: dict[tuple[int, int], BodyRock] = {}

        def strata(known: Any) -> LatticeStrata:
            return LatticeStrata(Lattice(drawer, structure, family, seed, known), bodies)

        if wells is None:
            return _World(strata(None), None)
        voxels = wells.on_voxels(spacing)
        groups = group_wells(voxels, structure, spacing, family)
        bodies.update(bodies_met(voxels, structure, spacing, family))
        parts = [strata(group.rows) for group in groups]
        if len(parts) == 1:
            return _World(parts[0], voxels)
        return _World(RegionStrata(parts, [group.places_m for group in groups]), voxels)


class _Clock:
    """Adds the CPU time since the last call to a name."""

    def __init__(self, timings: dict[str, float]) -> None:
        self.timings = timings
        self.last = time.process_time()

    def __call__(self, name: str) -> None:
        now = time.process_time()
        self.timings[name] = self.timings.get(name, 0.0) + now - self.last
        self.last = now
