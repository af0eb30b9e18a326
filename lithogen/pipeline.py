"""LithologyPipeline: structure, stratigraphic noise, denoiser and rock physics, tile by tile."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)
from diffusers.utils.outputs import BaseOutput
from numpy.typing import NDArray
from torch import Tensor

from lithogen.conditioning import (
    N_CONDITION,
    N_LATENT,
    condition_maps,
    control_vector,
    decode_latent,
)
from lithogen.config import read_verified, sha256_hex, write_manifest
from lithogen.errors import WeightsError, require
from lithogen.grid import Index3, Spacing, Window, tiles_covering
from lithogen.models.litho_net import LithoNet
from lithogen.noise import NoiseWeights, stratigraphic_noise
from lithogen.rockphysics import HALITE, RockFamily, decode_elastic
from lithogen.rockphysics.facies import EVAPORITE
from lithogen.sampling import DEFAULT_STEPS, denoise
from lithogen.structure import Structure
from lithogen.structure.bodies import BodyKind

PACKAGED_WEIGHTS = Path(__file__).parent / "weights"
WEIGHTS_NAME = "diffusion_pytorch_model.safetensors"
# The lattice on which everything is computed. Changing it changes the last bits of every world.
# Its vertical phase leaves room for half a wavelet above time zero, so that 1 s of seismic takes
# two tiles.
TILE_SHAPE: Index3 = (64, 64, 176)
TILE_PHASE: Index3 = (0, 0, -48)
HALO: Index3 = (16, 16, 16)
SPACING = Spacing()


@dataclass
class LithologyOutput(BaseOutput):
    """Earth model of one window; arrays are (n_iline, n_xline, n_twt).

    Parameters
    ----------
    lithology : int8 facies codes, see `lithogen.rockphysics.FACIES`.
    vp, vs, rho : float32, m/s, m/s, kg/m3.
    rgt : float32 relative geologic time in ms.
    fault : float32 fault likelihood, 0..1.
    """

    lithology: NDArray[np.int8]
    vp: NDArray[np.float32]
    vs: NDArray[np.float32]
    rho: NDArray[np.float32]
    rgt: NDArray[np.float32]
    fault: NDArray[np.float32]


class LithologyPipeline(DiffusionPipeline):
    """Stage 1 of lithogen as a diffusers pipeline.

    Parameters
    ----------
    denoiser : trained LithoNet.
    scheduler : flow-matching Euler scheduler; noise levels are passed explicitly.
    """

    model_cpu_offload_seq = "denoiser"  # type: ignore[assignment]

    def __init__(
        self, denoiser: LithoNet, scheduler: FlowMatchEulerDiscreteScheduler | None = None
    ) -> None:
        super().__init__()
        flow = scheduler or FlowMatchEulerDiscreteScheduler()
        self.register_modules(denoiser=denoiser, scheduler=flow)  # type: ignore[no-untyped-call]
        self.weights_sha256 = ""

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls, pretrained_model_name_or_path: Path | str | None = None, **_: Any
    ) -> LithologyPipeline:
        """Load a pipeline from a local folder, checking the SHA-256 of its weights.

        Parameters
        ----------
        pretrained_model_name_or_path : folder written by `save_pretrained` or by
            training; by default the weights shipped with the package.

        Raises
        ------
        WeightsError : files are missing, corrupt or of another architecture.
        """
        from safetensors.torch import load

        root = Path(pretrained_model_name_or_path or PACKAGED_WEIGHTS)
        folder = root / "denoiser" if (root / "denoiser").is_dir() else root
        content = read_verified(folder, WEIGHTS_NAME)
        config = json.loads(read_verified(folder, "config.json"))
        try:
            model = LithoNet.from_config(config)
            model.load_state_dict({k: v.float() for k, v in load(content).items()})
        except (RuntimeError, ValueError, TypeError, KeyError) as exc:
            raise WeightsError(f"weights in {folder} do not fit this version: {exc}") from exc
        got = (model.config.n_latent, model.config.n_condition)
        require(got == (N_LATENT, N_CONDITION),
                f"weights in {folder} have {got} latent and condition channels, wanted "
                f"{(N_LATENT, N_CONDITION)}; retrain them with this version", WeightsError)
        pipe = cls(model.to(memory_format=torch.channels_last_3d).eval())
        pipe.weights_sha256 = sha256_hex(content)
        return pipe

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
        num_inference_steps: int = DEFAULT_STEPS, weights: NoiseWeights | None = None,
        on_tile: Callable[[], None] | None = None,
    ) -> LithologyOutput:
        """Generate the earth model of a window.

        Parameters
        ----------
        structure : relative geologic time, faults, channels, scenario.
        window : absolute voxel box, any size.
        seed : of the stratigraphy and the basin's rock physics.
        num_inference_steps : network evaluations per tile.
        weights : shares of the noise parts, the continuity knob.
        on_tile : called after every tile, for a progress bar.

        Returns
        -------
        LithologyOutput of that window: a crop of the unbounded world, bit for bit.
        """
        out: dict[str, NDArray[Any]] = {}
        for tile, part in self.tiles(structure, window, seed=seed, weights=weights,
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
        num_inference_steps: int = DEFAULT_STEPS, weights: NoiseWeights | None = None,
    ) -> Iterator[tuple[Window, LithologyOutput]]:
        """Yield the canonical tiles that meet a window, each whole, in lattice order."""
        shares = weights if weights is not None else NoiseWeights()
        for tile in tiles_covering(window, TILE_SHAPE, TILE_PHASE):
            yield tile, self._tile(structure, tile, seed, num_inference_steps, shares)

    def _tile(
        self, structure: Structure, tile: Window, seed: int, steps: int, weights: NoiseWeights
    ) -> LithologyOutput:
        grown = tile.padded(HALO)
        model = self.denoiser
        device = next(model.parameters()).device
        with torch.inference_mode():
            found = structure.evaluate(grown, SPACING)
            noise = stratigraphic_noise(found.age, grown, SPACING, seed, N_LATENT, weights)
            maps = condition_maps(found, grown, SPACING)
            controls = control_vector(structure.scenario, weights)
            latent = denoise(model, noise[None].to(device), maps[None].to(device),
                             controls[None].to(device), steps, self.scheduler)[0].cpu()
        inner = tile.slices_in(grown)
        mean, std = (torch.tensor(v) for v in (model.config.latent_mean, model.config.latent_std))
        facies, residual = decode_latent(latent[inner].contiguous(), mean, std)
        _, _, twt_s = tile.axes(SPACING)
        scenario = structure.scenario
        family = RockFamily.random(seed, scenario.burial_m, scenario.basin)
        vp, vs, rho = decode_elastic(facies, residual, family, structure.velocity.depth(twt_s))
        # The network is not told of salt: stocks belong to the structure.
        is_salt = (found.bodies.kind()[inner] == BodyKind.SALT).numpy()
        facies[is_salt] = EVAPORITE
        for values, halite in zip((vp, vs, rho), HALITE, strict=True):
            values[is_salt] = halite

        def cut(field: Tensor) -> NDArray[np.float32]:
            return np.ascontiguousarray(field[inner].numpy())

        return LithologyOutput(facies, vp, vs, rho, cut(found.age), cut(found.fault))
