"""Training data: Wheeler diagrams of the prior's worlds, and the cells a step draws from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.diffusion.conditions import (
    N_ROW_SCALARS,
    N_SCENARIO_CONDITIONS,
    RESIDUAL_GAIN,
    row_conditions,
    world_conditions,
)
from lithogen.diffusion.contexts import Surroundings, cells_of, write_context
from lithogen.diffusion.lattice import (
    LEVELS,
    MIDDLE,
    N_POSITIONS,
    N_RESIDUALS,
    ROW_MS,
    Level,
)
from lithogen.diffusion.network import N_INPUT
from lithogen.prior.beds import character_numbers
from lithogen.prior.tables import PriorStrata, strata_of
from lithogen.rng import generator
from lithogen.rockphysics import encode_residual
from lithogen.rockphysics.facies import N_FACIES
from lithogen.scenario import Scenario
from lithogen.strata.tables import CHUNK_MS, STEP_MS, WIDTHS
from lithogen.structure import Structure
from lithogen.structure.bodies import SEQUENCE_OFFSET_MS

# Conditions of rows change slowly: they are kept for every sixteenth row.
COARSE_ROWS = 16
STEPS_A_ROW = int(ROW_MS / STEP_MS)
CHUNK_ROWS = int(CHUNK_MS / ROW_MS)
# Where windows of a world may begin, in ms of age below the top of any of its sequences; shallow
# ages are asked for more often.
SHALLOWEST_MS, DEEPEST_MS, SHALLOW_POWER = -512.0, 6000.0, 1.5
# Weights of positions in a step: most voxels lie near the middle.
POSITION_WEIGHTS = np.array([1.0, 1.5, 2.0, 3.0, 4.0, 3.0, 2.0, 1.5, 1.0])
# Share of cells that begin their row, and of the others whose row begins in the middle.
BEGIN_SHARE, MIDDLE_SHARE = 0.45, 0.7


@dataclass(frozen=True, slots=True)
class Diagrams:
    """Wheeler diagrams of worlds, a window of rows each.

    Parameters
    ----------
    facies : Tensor of int8, shape (n_world, n_row, n_position)
        Dominant facies, -1 where unknown; at all positions, or in the middle alone.
    residual : Tensor of float16, shape (n_world, n_row, n_position, 3)
        Elastic residuals times `RESIDUAL_GAIN`.
    row : Tensor of float16, shape (n_world, n_row / COARSE_ROWS, N_ROW_CONDITIONS)
        Of `row_conditions`.
    world : Tensor of float32, shape (n_world, N_WORLD_CONDITIONS)
        Of `world_conditions`.
    """

    facies: Tensor
    residual: Tensor
    row: Tensor
    world: Tensor

    def __len__(self) -> int:
        """Number of worlds."""
        return len(self.facies)

    @classmethod
    def joined(cls, parts: Sequence[Diagrams]) -> Diagrams:
        """Return the diagrams of several parts, in their order."""
        return cls(*(torch.cat(group) for group in zip(*(p.tensors() for p in parts), strict=True)))

    def tensors(self) -> tuple[Tensor, ...]:
        """Return its tensors in the order of the fields."""
        return tuple(getattr(self, item.name) for item in fields(self))


def diagram_of(
    strata: PriorStrata, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return the prior's strata on consecutive rows of the lattice.

    Parameters
    ----------
    strata : PriorStrata
        Tables of a world of the prior.
    rows : ndarray of int64, shape (n,)
        Consecutive rows; whole chunks of the prior are fastest.

    Returns
    -------
    facies : ndarray of int8, shape (n, N_POSITIONS)
    residual : ndarray of float32, shape (n, N_POSITIONS, 3)
        Of the Backus means of every row, relative to shale at its nominal depth.
    """
    first, last = int(rows[0]) // CHUNK_ROWS, int(rows[-1]) // CHUNK_ROWS
    width = int(np.flatnonzero(WIDTHS == STEPS_A_ROW)[0])
    labels, means = [], []
    for number in range(first, last + 1):
        table = strata.chunk(number)
        ends = table.total[:, : CHUNK_ROWS * STEPS_A_ROW + 1 : STEPS_A_ROW, :3]
        means.append(np.diff(ends.astype(np.float64), axis=1) / STEPS_A_ROW)
        labels.append(table.dominant[:, ::STEPS_A_ROW, width])
    part = slice(int(rows[0]) - first * CHUNK_ROWS, int(rows[-1]) + 1 - first * CHUNK_ROWS)
    mean = np.concatenate(means, axis=1)[:, part]
    rho = mean[..., 2].astype(np.float32)
    vp, vs = (np.sqrt(1e9 / (mean[..., k] * mean[..., 2])).astype(np.float32) for k in (0, 1))
    depth_m = strata.structure.nominal_depth_m((rows + 0.5) * ROW_MS)
    residual = encode_residual(vp, vs, rho, strata.family, depth_m)
    facies = np.concatenate(labels, axis=1)[:, part]
    return np.ascontiguousarray(facies.T), np.ascontiguousarray(residual.transpose(2, 1, 0))


def prior_diagram(seed: int, number: int, n_rows: int, stream: str = "train") -> Diagrams:
    """Return the Wheeler diagram of one random world of the prior.

    Parameters
    ----------
    seed, number, stream
        Which world: any ints, and "train" or "test".
    n_rows : int
        Rows of its window, a multiple of 512.
    """
    rng = generator(seed, f"diffusion/training/{stream}", number)
    world_seed = int(rng.integers(2**62))
    scenario = Scenario.random(world_seed)
    structure = Structure(world_seed, scenario)
    strata = strata_of.__wrapped__(world_seed, structure)
    depth = float(rng.uniform()) ** SHALLOW_POWER
    sequence = int(rng.integers(len(structure.sequences)))
    age = SHALLOWEST_MS + (DEEPEST_MS - SHALLOWEST_MS) * depth + sequence * SEQUENCE_OFFSET_MS
    first = int(age // CHUNK_MS) * CHUNK_ROWS
    rows = first + np.arange(n_rows)
    facies, residual = diagram_of(strata, rows)
    told = row_conditions(structure, strata.family, rows[COARSE_ROWS // 2 :: COARSE_ROWS])
    world = world_conditions(scenario, character_numbers(world_seed).astype(np.float32))
    return Diagrams(
        torch.from_numpy(facies)[None], torch.from_numpy(residual * RESIDUAL_GAIN).half()[None],
        torch.from_numpy(told).half()[None], torch.from_numpy(world)[None],
    )


@dataclass(frozen=True, slots=True)
class Batch:
    """Cells of every level, with what is known around them.

    Parameters
    ----------
    context : Tensor, shape (N_LEVELS, n, N_INPUT)
        The network's input.
    facies : Tensor of int64, shape (N_LEVELS, n)
        What is to be drawn.
    residual : Tensor, shape (N_LEVELS, n, 3)
        The residuals to be drawn, times `RESIDUAL_GAIN`.
    trend : Tensor, shape (N_LEVELS, n, N_FACIES, 3)
        Residuals of the trends of all facies.
    neighbour, neighbour_trend : Tensor, shape (N_LEVELS, n, 3)
        Residuals of the neighbouring position, and of its facies' trend.
    has_neighbour : Tensor, shape (N_LEVELS, n, 1)
        Whether there is one.
    weight : Tensor, shape (N_LEVELS, n)
        Of the cells in the loss, 0 or 1.
    """

    context: Tensor
    facies: Tensor
    residual: Tensor
    trend: Tensor
    neighbour: Tensor
    neighbour_trend: Tensor
    has_neighbour: Tensor
    weight: Tensor


class CellSource:
    """Draws places of cells from diagrams.

    Parameters
    ----------
    diagrams : Diagrams
        Where from. Those of one position only are of own models: its place is the middle.
    only_lateral : bool
        Whether only cells with a known neighbour on the profile are drawn.
    """

    def __init__(self, diagrams: Diagrams, *, only_lateral: bool = False) -> None:
        self.diagrams, self.only_lateral = diagrams, only_lateral
        self.is_middle_only = diagrams.facies.shape[2] == 1
        self._known = (diagrams.facies >= 0).all(dim=2)
        self._is_whole = bool(self._known.all())
        self._candidates: dict[int, Tensor] = {}

    def has(self, level: Level) -> bool:
        """Return whether there is a cell of a level all of whose surroundings are known."""
        return self._is_whole or len(self._places(level)) > 0

    def draw(self, level: Level, n: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Draw worlds and rows of n cells of a level, each (n,)."""
        if not self._is_whole:
            places = self._places(level)
            some = places[torch.from_numpy(rng.integers(len(places), size=n))]
            return some[:, 0], some[:, 1]
        n_rows = self.diagrams.facies.shape[1]
        world = torch.from_numpy(rng.integers(len(self.diagrams), size=n))
        least = -(-(level.reach - level.first) // level.step)
        most = (n_rows - 1 - level.reach - level.first) // level.step
        k = level.first + level.step * rng.integers(least, most + 1, size=n)
        return world, torch.from_numpy(k)

    def positions(self, n: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Draw positions of cells, and those at which their rows begin, each (n,)."""
        if self.is_middle_only:
            return torch.full((n,), MIDDLE), torch.full((n,), MIDDLE)
        begin = 0.0 if self.only_lateral else BEGIN_SHARE
        position, start = _draw_positions(n, rng, begin)
        return torch.from_numpy(position), torch.from_numpy(start)

    def shares(self) -> Tensor:
        """Return the shares of facies among cells as they are drawn, (N_FACIES,)."""
        weights = (torch.ones(1) if self.is_middle_only
                   else torch.from_numpy(POSITION_WEIGHTS).float())
        counts = torch.stack([(self.diagrams.facies == code).sum(dim=(0, 1))
                              for code in range(N_FACIES)])
        share = (counts * weights).sum(dim=1)
        return share / share.sum()

    def _places(self, level: Level) -> Tensor:
        """World and row of every cell of a level whose surroundings are known, (m, 2)."""
        if level.number not in self._candidates:
            n_rows = self._known.shape[1]
            k = torch.arange(level.first, n_rows, level.step)
            seen = k[:, None] + torch.from_numpy(
                np.concatenate([level.offsets, level.mates, [0]]))
            inside = ((seen >= 0) & (seen < n_rows)).all(dim=1)
            k, seen = k[inside], seen[inside]
            found = self._known[:, seen].all(dim=2).nonzero()
            self._candidates[level.number] = torch.stack([found[:, 0], k[found[:, 1]]], dim=1)
        return self._candidates[level.number]


def draw_batch(
    source: CellSource, n: int, rng: np.random.Generator, *, jitter: float = 0.0,
    unknown: float = 0.0,
) -> Batch:
    """Draw cells of every level at random.

    Parameters
    ----------
    source : CellSource
        Where from. A level that it has no cells of gets cells of weight 0.
    n : int
        Cells a level.
    rng : numpy Generator
        Decides which.
    jitter : float
        Standard deviation of noise on known residuals, since those of samples are not exact.
    unknown : float
        Share of cells that are not told the scenario, and of those not told the world's numbers.
    """
    parts = [_draw_level(source, level, n, rng, jitter, unknown) for level in LEVELS]
    return Batch(*(torch.stack([getattr(p, item.name) for p in parts])
                   for item in fields(Batch)))


def joined_batch(one: Batch, two: Batch) -> Batch:
    """Return the cells of both, those of each weighted by what it has."""
    return Batch(*(torch.cat([getattr(one, item.name), getattr(two, item.name)], dim=1)
                   for item in fields(Batch)))


def _draw_level(
    source: CellSource, level: Level, n: int, rng: np.random.Generator, jitter: float,
    unknown: float,
) -> Batch:
    if not source.has(level):
        return _no_cells(n)
    diagrams = source.diagrams
    world, k = source.draw(level, n, rng)
    position, start = source.positions(n, rng)
    direction = (start - position).sign()

    def cells(row: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
        column = torch.zeros_like(place) if source.is_middle_only else place
        at = (_like(world, row), row, _like(column, row))
        return diagrams.facies[at].long(), diagrams.residual[at].float()

    offsets = torch.from_numpy(np.concatenate([level.offsets, level.mates]))
    seen, n_offset = k[:, None] + offsets, len(level.offsets)
    has = (direction != 0).float()[:, None]
    noise = jitter * torch.from_numpy(
        rng.standard_normal((n, len(offsets), N_RESIDUALS), dtype=np.float32))
    window_facies, window_residual = cells(seen, position)
    window = cells_of(window_facies, window_residual + noise)
    # Half of the cells are of a first pass, which has no mates.
    has_mates = torch.from_numpy(rng.uniform(size=n) < 0.5)[:, None, None]
    window, mates = window[:, :n_offset], window[:, n_offset:] * has_mates
    side_facies, side_residual = cells(seen[:, level.beside], position + direction)
    beside = cells_of(side_facies, side_residual + noise[:, level.beside]) * has[..., None]
    near_facies, near_residual = cells(k, position + direction)
    neighbour = cells_of(near_facies, near_residual) * has
    begun = cells_of(*cells(k, start)) * has
    facies, residual = cells(k, position)
    row = diagrams.row[world, k // COARSE_ROWS].float()
    told = diagrams.world[world].clone()
    hidden = torch.from_numpy(rng.uniform(size=(n, 2)) < unknown)
    told[:, :N_SCENARIO_CONDITIONS] *= ~hidden[:, :1]
    told[:, N_SCENARIO_CONDITIONS:] *= ~hidden[:, 1:]
    context = torch.zeros(n, N_INPUT)
    around = Surroundings(window, mates, beside, neighbour, begun, direction.float(),
                          (position - start).abs().float(), position)
    write_context(context, level, around, row, told)
    trend = row[:, N_ROW_SCALARS:].reshape(n, -1, N_RESIDUALS)
    near_trend = trend[torch.arange(n), near_facies]
    return Batch(context, facies, residual, trend, near_residual, near_trend, has,
                 torch.ones(n))


def _no_cells(n: int) -> Batch:
    three = torch.zeros(n, N_RESIDUALS)
    return Batch(torch.zeros(n, N_INPUT), torch.zeros(n, dtype=torch.long), three,
                 torch.zeros(n, N_FACIES, N_RESIDUALS), three, three, torch.zeros(n, 1),
                 torch.zeros(n))


def _like(index: Tensor, row: Tensor) -> Tensor:
    return index if row.dim() == 1 else index[:, None].expand_as(row)


def _draw_positions(
    n: int, rng: np.random.Generator, begin_share: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw positions, and where their rows begin: at themselves, in the middle, or anywhere."""
    weights = np.cumsum(POSITION_WEIGHTS / POSITION_WEIGHTS.sum())
    position = np.minimum(np.searchsorted(weights, rng.uniform(size=n)), N_POSITIONS - 1)
    other = (position + rng.integers(1, N_POSITIONS, size=n)) % N_POSITIONS
    in_middle = (rng.uniform(size=n) < MIDDLE_SHARE) & (position != MIDDLE)
    start = np.where(in_middle, MIDDLE, other)
    start = np.where(rng.uniform(size=n) < begin_share, position, start)
    return position.astype(np.int64), start.astype(np.int64)

