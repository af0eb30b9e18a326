"""Cached procedural worlds and the crops a training step draws from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lithogen.conditioning import N_CODE, condition_maps, control_vector, encode_latent
from lithogen.grid import Spacing, Window
from lithogen.noise import NoiseWeights, stratigraphic_noise
from lithogen.prior import world_fields
from lithogen.rng import generator
from lithogen.scenario import Scenario
from lithogen.structure import Conditions, Structure
from lithogen.training.config import LithoTraining

SPACING = Spacing()
N_PLACES = 6
_FIELDS = ("age", "rate", "fault", "throw_ms", "channel", "sand_channel", "sequence")


@dataclass(frozen=True, slots=True)
class CachedWorld:
    """One world on its window; all but the age are kept in half precision."""

    window: Window
    scenario: Scenario
    fields: dict[str, Tensor]
    facies: Tensor
    residual: Tensor


def make_world(recipe: LithoTraining, number: int, stream: str = "train") -> CachedWorld:
    """Return world `number` of a stream of worlds ("train" or "test")."""
    rng = generator(recipe.seed, f"training/world/{stream}", number)
    seed = int(rng.integers(2**62))
    scenario = Scenario.random(seed)
    structure = Structure(seed, scenario)
    places = rng.integers([-20000, -20000, 0], [20000, 20000, 420], (N_PLACES, 3)).tolist()
    windows = [Window((place[0], place[1], place[2]), recipe.world_shape) for place in places]
    # Channels are rare and would hardly be seen: every other world looks for one.
    window = max(windows, key=lambda w: _channel_share(structure, w)) if number % 2 else windows[0]
    world = world_fields(structure, window, SPACING, seed)
    fields = {name: getattr(world.structure, name) for name in _FIELDS}
    half = {name: field if name == "age" else
            (field if field.dtype == torch.int8 else field.half())
            for name, field in fields.items()}
    return CachedWorld(window, scenario, half, torch.from_numpy(world.facies),
                       torch.from_numpy(world.residual()).half())


def _channel_share(structure: Structure, window: Window) -> float:
    """Return the share of channels in a window, seen on a lattice four times coarser."""
    coarse = Spacing(4 * SPACING.dt_s, 4 * SPACING.dx_m, 4 * SPACING.dy_m)
    (i, j, k), (ni, nj, nk) = window.origin, window.shape
    small = Window((i // 4, j // 4, k // 4), (ni // 4, nj // 4, nk // 4))
    return float(structure.evaluate(small, coarse).channel.mean())


def make_worlds(
    recipe: LithoTraining, stream: str, count: int, report: Callable[[int], None] | None = None
) -> list[CachedWorld]:
    """Return the first `count` worlds of a stream, telling `report` after each."""
    out = []
    for number in range(count):
        out.append(make_world(recipe, number, stream))
        if report is not None:
            report(number + 1)
    return out


def latent_statistics(worlds: list[CachedWorld]) -> tuple[Tensor, Tensor]:
    """Return mean and scale per latent channel over the worlds, each (n_latent,).

    Residuals have a scale each. The channels of the facies code share one: scaled one by one,
    a facies of one voxel in a thousand lies thirty times further out than a common one, rules
    the loss, and is never reached from N(0, 1) in a few steps.
    """
    zero, one = torch.zeros(1), torch.ones(1)
    total, square, count = torch.zeros(1), torch.zeros(1), 0
    for world in worlds:
        latent = encode_latent(world.facies.numpy(), world.residual.float().numpy(), zero, one)
        flat = latent.reshape(-1, latent.shape[-1]).double()
        total, square, count = total + flat.sum(0), square + flat.square().sum(0), count + len(flat)
    mean = total / count
    variance = square / count - mean.square()
    variance[:N_CODE] = variance[:N_CODE].mean()
    return mean.float(), variance.sqrt().clamp(min=0.05).float()


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of one step: latent, noise, condition (b, ..., c), controls (b, n), sigma (b,)."""

    latent: Tensor
    noise: Tensor
    condition: Tensor
    controls: Tensor
    sigma: Tensor

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(self.latent.to(device), self.noise.to(device), self.condition.to(device),
                     self.controls.to(device), self.sigma.to(device))


def _weights(recipe: LithoTraining, rng: np.random.Generator) -> NoiseWeights:
    if recipe.noise == "white":
        return NoiseWeights.white_only()
    white = float(np.exp(rng.uniform(np.log(0.005), np.log(0.08))))
    octaves = float(np.exp(rng.uniform(np.log(0.02), np.log(0.40))))
    long = octaves * float(rng.uniform(0.35, 0.75))
    package = float(rng.uniform(0.06, 0.18))
    return NoiseWeights(1.0 - white - octaves - package, package, long, octaves - long, white)


def draw_batch(
    recipe: LithoTraining, worlds: list[CachedWorld], mean: Tensor, std: Tensor, step: int,
    rank: int = 0,
) -> Batch:
    """Return the batch of a step: a pure function of (recipe.seed, step, rank)."""
    rng = generator(recipe.seed, "training/batch", step, rank)
    rows = [draw_crop(recipe, worlds, mean, std, rng) for _ in range(recipe.batch)]
    normal = rng.standard_normal(recipe.batch) * recipe.sigma_std + recipe.sigma_mean
    sigma = torch.from_numpy(1.0 / (1.0 + np.exp(-normal))).float().clamp(0.02, 1.0)
    # One crop in eight starts from pure noise, where sampling starts too.
    sigma = torch.where(torch.from_numpy(rng.uniform(size=recipe.batch) < 0.125),
                        torch.ones_like(sigma), sigma)
    latent, noise, condition, controls = (torch.stack(part) for part in zip(*rows, strict=True))
    return Batch(latent, noise, condition, controls, sigma)


def draw_crop(
    recipe: LithoTraining, worlds: list[CachedWorld], mean: Tensor, std: Tensor,
    rng: np.random.Generator, weights: NoiseWeights | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return latent, noise, condition and controls of one crop; by default of random shares."""
    world = worlds[int(rng.integers(len(worlds)))]
    room = [w - c for w, c in zip(recipe.world_shape, recipe.crop_shape, strict=True)]
    starts = [int(rng.integers(r + 1)) for r in room]
    box = tuple(slice(s, s + c) for s, c in zip(starts, recipe.crop_shape, strict=True))
    origin = tuple(o + s for o, s in zip(world.window.origin, starts, strict=True))
    window = Window((origin[0], origin[1], origin[2]), recipe.crop_shape)
    parts = {name: field[box] if field.dtype == torch.int8 else field[box].float()
             for name, field in world.fields.items()}
    fields = Conditions(**parts)
    weights = weights if weights is not None else _weights(recipe, rng)
    noise = stratigraphic_noise(
        fields.age, window, SPACING, int(rng.integers(2**62)), mean.numel(), weights
    )
    latent = encode_latent(
        world.facies[box].numpy(), world.residual[(slice(None), *box)].float().numpy(), mean, std
    )
    condition = condition_maps(fields, window, SPACING)
    return latent, noise, condition, control_vector(world.scenario, weights)
