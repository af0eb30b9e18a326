"""Cached procedural worlds and the crops a training step draws from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from lithogen.conditioning import condition_maps, control_vector
from lithogen.errors import require
from lithogen.grid import Spacing, Window
from lithogen.latent import (
    KINDS,
    N_CODE,
    channel_scales,
    encode_latent,
    parts_of,
    simplex_code,
    whole_of,
)
from lithogen.noise import NoiseWeights, stratigraphic_noise
from lithogen.prior import world_fields
from lithogen.prior.world import WorldFields
from lithogen.rng import generator
from lithogen.scenario import Scenario
from lithogen.structure import Conditions, Structure
from lithogen.training.config import LithoTraining
from lithogen.wells.project import N_WELL, AgeTable, well_maps

N_PLACES = 6
_FIELDS = tuple(item.name for item in fields(Conditions))
# Wells further away than the world's own columns, one a world, at 1 to 15 km.
FAR_LINES = (40, 600)
MAX_WELLS = 3
PURE_SHARE = 1 / 32


@dataclass(frozen=True, slots=True)
class CachedWorld:
    """One world on its window; all but the age are kept in half precision.

    Parameters
    ----------
    window, spacing : which voxels. scenario : its controls, None where they are unknown.
    fields : those of `Conditions` by name.
    facies : codes, int8. parts : of the elastic residuals, (7, n_iline, n_xline, n_twt), see
        `lithogen.latent.parts_of`.
    far_wells : columns of the same world elsewhere.
    """

    window: Window
    spacing: Spacing
    scenario: Scenario | None
    fields: dict[str, Tensor]
    facies: Tensor
    parts: Tensor
    far_wells: tuple[AgeTable, ...] = ()


def make_world(recipe: LithoTraining, number: int, stream: str = "train") -> CachedWorld:
    """Return world `number` of a stream of worlds ("train" or "test")."""
    rng = generator(recipe.seed, f"training/world/{stream}", number)
    seed = int(rng.integers(2**62))
    scenario = Scenario.random(seed)
    structure = Structure(seed, scenario)
    spacing = _spacing(recipe, rng)
    deepest = int(1.7 / spacing.dt_s)
    places = rng.integers([-20000, -20000, 0], [20000, 20000, deepest], (N_PLACES, 3)).tolist()
    windows = [Window((place[0], place[1], place[2]), recipe.world_shape) for place in places]
    # Bodies are rare and would hardly be seen: every other world looks for some.
    window = (max(windows, key=lambda w: _body_share(structure, w, spacing)) if number % 2
              else windows[0])
    world = world_fields(structure, window, spacing, seed)
    cached = _cached(world, window, spacing, scenario)
    far = []
    if rng.uniform() < recipe.wells:
        away = np.exp(rng.uniform(*np.log(FAR_LINES)))
        angle = rng.uniform(0, 2 * np.pi)
        i, j = (round(away * f(angle)) for f in (np.sin, np.cos))
        (i0, j0, k0), n_twt = window.origin, window.shape[2]
        there = Window((i0 + i, j0 + j, max(k0 - 24, 0)), (1, 1, n_twt + 48))
        column = _cached(world_fields(structure, there, spacing, seed), there, spacing, scenario)
        far.append(column_table(column, 0, 0))
    return replace(cached, far_wells=tuple(far))


def _cached(
    world: WorldFields, window: Window, spacing: Spacing, scenario: Scenario
) -> CachedWorld:
    """Keep what training needs of a world."""
    found = {name: getattr(world.structure, name) for name in _FIELDS}
    half = {name: field if name == "age" or field.dtype == torch.int8 else field.half()
            for name, field in found.items()}
    return CachedWorld(window, spacing, scenario, half, torch.from_numpy(world.facies),
                       torch.from_numpy(parts_of(world.residual(), spacing.dt_s)).half())


def _spacing(recipe: LithoTraining, rng: np.random.Generator) -> Spacing:
    """Draw a spacing: the native one, or half of it in time, in space or in both."""
    native = Spacing()
    if rng.uniform() >= recipe.other_spacing:
        return native
    in_time, in_space = ((0.5, 1.0), (1.0, 0.5), (0.5, 0.5))[int(rng.integers(3))]
    return Spacing(native.dt_s * in_time, native.dx_m * in_space, native.dy_m * in_space)


def _body_share(structure: Structure, window: Window, spacing: Spacing) -> float:
    """Return the share of bodies in a window, seen on a lattice four times coarser."""
    coarse = Spacing(4 * spacing.dt_s, 4 * spacing.dx_m, 4 * spacing.dy_m)
    (i, j, k), (ni, nj, nk) = window.origin, window.shape
    small = Window((i // 4, j // 4, k // 4), (ni // 4, nj // 4, nk // 4))
    return float(structure.evaluate(small, coarse).bodies.cover.mean())


def column_table(
    world: CachedWorld, row: int, col: int, span: slice = slice(None)
) -> AgeTable:
    """Return a column of a world as a well would say it.

    Parameters
    ----------
    row, col : place of the column in the world's window. span : its samples.
    """
    y_m, x_m, _ = world.window.axes(world.spacing)
    age = world.fields["age"][row, col, span].double().numpy()
    n = len(age)
    (i, j, k), first = world.window.origin, span.indices(world.window.shape[2])[0]
    index = np.stack([np.full(n, i + row), np.full(n, j + col), k + first + np.arange(n)], axis=1)
    rate = world.fields["rate"][row, col, span].double().numpy()
    return AgeTable(
        np.full(n, y_m[row]), np.full(n, x_m[col]), age,
        simplex_code()[world.facies[row, col, span].numpy()],
        whole_of(world.parts[:, row, col, span].float().numpy()).T.copy(), index,
        0.5e3 * world.spacing.dt_s * rate,
    )


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

    Scaled, a channel has the standard deviation that the flow gives its kind (`SCALES`).
    Residuals have a scale each. The channels of the facies code share one: scaled one by one,
    a facies of one voxel in a thousand lies thirty times further out than a common one, rules
    the loss, and is never reached from N(0, 1) in a few steps.
    """
    zero, one = torch.zeros(1), torch.ones(1)
    total, square, count = torch.zeros(1), torch.zeros(1), 0
    for world in worlds:
        latent = encode_latent(world.facies.numpy(), world.parts.float().numpy(), zero, one)
        flat = latent.reshape(-1, latent.shape[-1]).double()
        total, square, count = total + flat.sum(0), square + flat.square().sum(0), count + len(flat)
    mean = total / count
    variance = square / count - mean.square()
    variance[:N_CODE] = variance[:N_CODE].mean()
    return mean.float(), variance.sqrt().clamp(min=0.05).float() / channel_scales()


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of one step.

    Parameters
    ----------
    latent, noise, condition : (batch, iline, xline, twt, channel).
    facies : codes, int8 (batch, iline, xline, twt).
    controls : (batch, n). sigma : (batch,).
    wells : maps of wells like `condition`, None where no crop has any.
    noisy : what the network is given, like `latent`; None where that is noise mixed with `latent`.
    fresh : other noise of elastic channels, with which a student's steps renew theirs; None where
        they do not.
    """

    latent: Tensor
    noise: Tensor
    condition: Tensor
    facies: Tensor
    controls: Tensor
    sigma: Tensor
    wells: Tensor | None = None
    noisy: Tensor | None = None
    fresh: Tensor | None = None

    def given(self) -> Tensor:
        """Return the noisy latent of every crop."""
        if self.noisy is not None:
            return self.noisy
        level = self.sigma[:, None, None, None, None]
        return (1.0 - level) * self.latent + level * self.noise

    def renewing(self, lines: slice) -> Tensor:
        """Return the fresh noise of some lines; there has to be any."""
        require(self.fresh is not None, "the batch has no fresh noise; set renewed")
        return self.fresh[:, lines]  # type: ignore[index]

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return self._each(lambda part: part.to(device))

    def rows(self, part: slice | Tensor) -> Batch:
        """Return some crops of the batch."""
        return self._each(lambda tensor: tensor[part])

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        changed: dict[str, Any] = {name: None if tensor is None else change(tensor)
                                   for name, tensor in found.items()}
        return Batch(**changed)


def _weights(recipe: LithoTraining, rng: np.random.Generator) -> NoiseWeights:
    if recipe.noise == "white":
        return NoiseWeights.white_only()
    # Half of the crops have no independent noise at all, as the sampler has by default.
    white = float(np.exp(rng.uniform(np.log(0.002), np.log(0.08))))
    white *= float(rng.uniform() < 0.5)
    octaves = float(np.exp(rng.uniform(np.log(0.004), np.log(0.25))))
    long = octaves * float(rng.uniform(0.35, 0.75))
    package = float(rng.uniform(0.12, 0.24))
    # A student learns what its teacher makes of the noise that generation uses.
    used = NoiseWeights()
    low, high = (used.fine, used.fine) if recipe.teacher else recipe.fine
    # Not drawn where it is given: runs of older recipes keep their bits.
    fine = low if low == high else float(rng.uniform(low, high))
    lateral, strength = (used.lateral, used.strength) if recipe.teacher else (1.0, 1.0)
    style = used.style if recipe.teacher else float(rng.uniform(0.0, 0.2))
    return NoiseWeights(1.0 - white - octaves - package, package, long, octaves - long, white,
                        fine, style, lateral, strength)


def draw_batch(
    recipe: LithoTraining, worlds: list[CachedWorld], mean: Tensor, std: Tensor, step: int,
    rank: int = 0,
) -> Batch:
    """Return the batch of a step: a pure function of (recipe.seed, step, rank)."""
    rng = generator(recipe.seed, "training/batch", step, rank)
    rows = [draw_crop(recipe, worlds, mean, std, rng) for _ in range(recipe.batch)]
    sigma = _draw_levels(recipe, rng)
    wells = [row.pop("wells") for row in rows]
    stacked = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
    if any(maps is not None for maps in wells):
        blank = torch.zeros(*recipe.crop_shape, N_WELL)
        stacked["wells"] = torch.stack([blank if maps is None else maps for maps in wells])
    return Batch(**stacked, sigma=sigma)


def _draw_levels(recipe: LithoTraining, rng: np.random.Generator) -> Tensor:
    """Draw the noise levels of a batch: logit-normal, in strata, or out of the recipe's own."""
    if recipe.levels:
        return torch.tensor([recipe.levels[k] for k in
                             rng.integers(len(recipe.levels), size=recipe.batch)])
    # One level in each of as many strata as crops: gradients are noisier without.
    share = (rng.permutation(recipe.batch) + rng.uniform(size=recipe.batch)) / recipe.batch
    normal = ndtri(share) * recipe.sigma_std + recipe.sigma_mean
    sigma = torch.from_numpy(1.0 / (1.0 + np.exp(-normal))).float().clamp(0.02, 1.0)
    # Some crops are pure noise, where other schedulers start.
    is_pure = torch.from_numpy(rng.uniform(size=recipe.batch) < PURE_SHARE)
    return torch.where(is_pure, torch.ones_like(sigma), sigma)


def draw_crop(
    recipe: LithoTraining, worlds: list[CachedWorld], mean: Tensor, std: Tensor,
    rng: np.random.Generator, weights: NoiseWeights | None = None,
) -> dict[str, Any]:
    """Return the parts of a `Batch` but sigma of one crop; by default of random noise shares."""
    world = worlds[int(rng.integers(len(worlds)))]
    room = [w - c for w, c in zip(world.window.shape, recipe.crop_shape, strict=True)]
    starts = [int(rng.integers(r + 1)) for r in room]
    box = tuple(slice(s, s + c) for s, c in zip(starts, recipe.crop_shape, strict=True))
    origin = tuple(o + s for o, s in zip(world.window.origin, starts, strict=True))
    window = Window((origin[0], origin[1], origin[2]), recipe.crop_shape)
    cut = {name: field[box].contiguous() if field.dtype == torch.int8 else field[box].float()
           for name, field in world.fields.items()}
    found = Conditions(**cut)
    weights = weights if weights is not None else _weights(recipe, rng)
    noise, fresh = (stratigraphic_noise(
        found.age, window, world.spacing, int(rng.integers(2**62)), kinds, weights
    ) if kinds else None for kinds in (KINDS, KINDS[N_CODE:] if recipe.renewed else ()))
    facies = world.facies[box].contiguous()
    parts = world.parts[(slice(None), *box)].float().numpy()
    tables = _draw_wells(world, recipe, rng)
    is_known = rng.uniform() >= recipe.unknown_controls
    return {
        "latent": encode_latent(facies.numpy(), parts, mean, std),
        "noise": noise,
        **({} if fresh is None else {"fresh": fresh}),
        "condition": condition_maps(found, window, world.spacing),
        "facies": facies,
        "controls": control_vector(world.scenario if is_known else None, weights, world.spacing),
        "wells": well_maps(tables, found.age, found.sequence, window, world.spacing)
        if tables else None,
    }


def _draw_wells(
    world: CachedWorld, recipe: LithoTraining, rng: np.random.Generator
) -> list[AgeTable]:
    """Draw one to three wells for a share of the crops: columns of the world, near or far."""
    if rng.uniform() >= recipe.wells:
        return []
    n_y, n_x, n_twt = world.window.shape
    tables = [table for table in world.far_wells if rng.uniform() < 0.5]
    for _ in range(int(rng.integers(0 if tables else 1, MAX_WELLS + 1 - len(tables)))):
        # A third of the wells were logged over a part of the interval only.
        ends = np.sort(rng.integers(0, n_twt + 1, 2))
        span = slice(int(ends[0]), int(ends[1])) if rng.uniform() < 0.33 else slice(None)
        if span.start is not None and span.stop - span.start < 4:
            continue
        table = column_table(world, int(rng.integers(n_y)), int(rng.integers(n_x)), span)
        if rng.uniform() < 0.25:
            table = replace(table, residual=np.full_like(table.residual, np.nan))
        tables.append(table)
    return tables
