"""LithologyPipeline: structure, stratigraphic noise, denoiser and rock physics, tile by tile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from diffusers.utils.outputs import BaseOutput
from numpy.typing import NDArray

from lithogen.allocator import give_freed_memory_back
from lithogen.conditioning import N_CONDITION, condition_maps
from lithogen.config import write_manifest
from lithogen.errors import WeightsError, require
from lithogen.grid import Index3, Spacing, Window, tiles_covering
from lithogen.latent import N_LATENT, decode_latent
from lithogen.models.litho_net import LithoNet
from lithogen.models.stored import WEIGHTS_NAME, load_denoiser
from lithogen.noise import NoiseWeights
from lithogen.sampling import DEFAULT_STEPS, checked_scheduler, default_scheduler, denoise
from lithogen.structure import Structure
from lithogen.world import World, latent_scale

if TYPE_CHECKING:
    from lithogen.wells import Wells

PACKAGED_WEIGHTS = Path(__file__).parent / "weights"
# Names of the shipped weights, and of those that were distilled to few steps, a folder beside them.
SHIPPED, FAST = "shipped", "fast"
# The lattice on which everything is computed. Changing it changes the last bits of every world.
# Its vertical phase leaves room for half a wavelet above time zero and below 128 samples, so that
# 0.5 s of seismic takes one tile and 1 s two.
TILE_SHAPE: Index3 = (64, 64, 216)
TILE_PHASE: Index3 = (0, 0, -44)
HALO: Index3 = (8, 8, 8)
SPACING = Spacing()
# Spacings that the network was trained on.
SPACINGS = tuple(Spacing(dt_s, d_m, d_m) for dt_s in (0.004, 0.002) for d_m in (25.0, 12.5))


def weights_folder(name_or_path: Path | str | None) -> Path:
    """Return the folder of weights that a name or path means; without one the default's.

    Examples
    --------
    >>> weights_folder("fast").name
    'fast'
    """
    known = {SHIPPED: PACKAGED_WEIGHTS, FAST: PACKAGED_WEIGHTS / FAST}
    return known.get(str(name_or_path or SHIPPED)) or Path(str(name_or_path))


@dataclass
class LithologyOutput(BaseOutput):
    """Earth model of one window; arrays are (n_iline, n_xline, n_twt).

    Parameters
    ----------
    lithology : int8 facies codes, see `lithogen.rockphysics.FACIES`.
    vp, vs, rho : float32, m/s, m/s, kg/m3, with the fluid in the pores.
    rgt : float32 relative geologic time in ms.
    fault, throw : float32 fault likelihood 0..1, and throw in ms.
    sequence : int8 sequence number, 0 is the youngest.
    body, body_kind : int32 number and int8 kind of the body, 0 for none.
    fluid : int8 codes, see `lithogen.rockphysics.FLUIDS`.
    porosity, net_to_gross : float32, shares of the voxel.
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


class LithologyPipeline(DiffusionPipeline):
    """Stage 1 of lithogen as a diffusers pipeline.

    Parameters
    ----------
    denoiser : trained LithoNet.
    scheduler : deterministic flow-matching scheduler of diffusers; by default Euler steps at
        explicit noise levels, see `lithogen.sampling.default_scheduler`.
    """

    model_cpu_offload_seq = "denoiser"  # type: ignore[assignment]

    def __init__(self, denoiser: LithoNet, scheduler: SchedulerMixin | None = None) -> None:
        super().__init__()
        flow = checked_scheduler(scheduler or default_scheduler(denoiser))
        self.register_modules(denoiser=denoiser, scheduler=flow)  # type: ignore[no-untyped-call]
        self.weights_sha256 = ""
        # CPU seconds spent so far, by part of the work.
        self.timings: dict[str, float] = {}

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls, pretrained_model_name_or_path: Path | str | None = None, **_: Any
    ) -> LithologyPipeline:
        """Load a pipeline from a local folder, checking the SHA-256 of its weights.

        Parameters
        ----------
        pretrained_model_name_or_path : folder written by `save_pretrained` or by
            training, or "fast": the shipped weights distilled to two steps; by default the
            others shipped with the package.

        Raises
        ------
        WeightsError : files are missing, corrupt or of another architecture.
        """
        folder = weights_folder(pretrained_model_name_or_path)
        model, sha256 = load_denoiser(folder)
        got = (model.config["n_latent"], model.config["n_condition"])
        require(got == (N_LATENT, N_CONDITION),
                f"weights in {folder} have {got} latent and condition channels, wanted "
                f"{(N_LATENT, N_CONDITION)}; retrain them with this version", WeightsError)
        ready: LithoNet = model.to(memory_format=torch.channels_last_3d)  # type: ignore[call-arg]
        pipe = cls(ready.eval())
        pipe.weights_sha256 = sha256
        return pipe

    @property
    def default_steps(self) -> int:
        """Network evaluations per tile: those that the weights were distilled to, or four."""
        return len(self.denoiser.config["levels"]) or DEFAULT_STEPS

    def save_pretrained(  # type: ignore[override]
        self, save_directory: Path | str, **kwargs: Any
    ) -> None:
        """Save in diffusers' folder layout, with a manifest beside the weights."""
        super().save_pretrained(save_directory, **kwargs)
        folder = Path(save_directory) / "denoiser"
        # safetensors writes mode 0600; weights are meant to be read by others.
        (folder / WEIGHTS_NAME).chmod(0o644)
        write_manifest(folder, (WEIGHTS_NAME, "config.json"), {})

    def __call__(
        self, structure: Structure, window: Window, *, seed: int,
        num_inference_steps: int | None = None, weights: NoiseWeights | None = None,
        wells: Wells | None = None, spacing: Spacing = SPACING,
        on_tile: Callable[[], None] | None = None,
    ) -> LithologyOutput:
        """Generate the earth model of a window.

        Parameters
        ----------
        structure : relative geologic time, faults, bodies, scenario.
        window : absolute voxel box, any size.
        seed : of the stratigraphy and the basin's rock physics.
        num_inference_steps : network evaluations per tile; by default `default_steps`.
        weights : shares of the noise parts, the continuity knob.
        wells : known facies and logs, honoured exactly.
        spacing : of the voxels: 4 or 2 ms, 25 or 12.5 m.
        on_tile : called after every tile, for a progress bar.

        Returns
        -------
        LithologyOutput of that window: a crop of the unbounded world, bit for bit.
        """
        out: dict[str, NDArray[Any]] = {}
        for tile, part in self.tiles(structure, window, seed=seed, weights=weights, wells=wells,
                                     num_inference_steps=num_inference_steps, spacing=spacing):
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
        num_inference_steps: int | None = None, weights: NoiseWeights | None = None,
        wells: Wells | None = None, spacing: Spacing = SPACING,
    ) -> Iterator[tuple[Window, LithologyOutput]]:
        """Yield the canonical tiles that meet a window, each whole, in lattice order.

        Parameters are those of `__call__`.
        """
        require(spacing in SPACINGS, f"spacing is {spacing}, wanted 4 or 2 ms and 25 or 12.5 m, "
                "alike along both lines")
        shares = weights if weights is not None else NoiseWeights()
        steps = self.default_steps if num_inference_steps is None else num_inference_steps
        world = World(structure, seed, shares, spacing, wells)
        for tile in tiles_covering(window, TILE_SHAPE, TILE_PHASE):
            yield tile, self._tile(world, tile, steps)

    def _tile(self, world: World, tile: Window, steps: int) -> LithologyOutput:
        grown = tile.padded(HALO)
        model = self.denoiser
        device = next(model.parameters()).device
        clock = _Clock(self.timings)
        with torch.inference_mode():
            found = world.structure.evaluate(grown, world.spacing)
            clock("structure")
            noise = world.noise(found.age, grown)
            clock("noise")
            maps = condition_maps(found, grown, world.spacing)
            well_maps, known = world.told(found, grown, model)
            age = found.age
            # Not needed at the peak of memory, which is in the network.
            found = found.labels(tile.slices_in(grown))
            give_freed_memory_back()
            clock("conditions")

            def fresh(lines: slice) -> torch.Tensor:
                return world.fresh_noise(age[lines], grown.lines(lines))[None].to(device)

            latent = denoise(
                model, noise[None].to(device), maps[None].to(device),
                world.controls(model)[None].to(device), steps, self.scheduler,
                wells=None if well_maps is None else well_maps[None].to(device),
                known=None if known is None else known.to(device), is_spent=True,
                fresh=fresh if world.weights.renewed or model.config.renewed else None,
            )[0].cpu()
        give_freed_memory_back()
        clock("network")
        facies, residual = decode_latent(
            latent[tile.slices_in(grown)].contiguous(), *latent_scale(model))
        out = LithologyOutput(**world.finished(tile, found, facies, residual))
        clock("rock physics")
        return out


class _Clock:
    """Adds the CPU time since the last call to a name."""

    def __init__(self, timings: dict[str, float]) -> None:
        self.timings = timings
        self.last = time.process_time()

    def __call__(self, name: str) -> None:
        now = time.process_time()
        self.timings[name] = self.timings.get(name, 0.0) + now - self.last
        self.last = now
