"""Bed stacks: a semi-Markov chain of beds over age, in formations, hashed by chunks of age."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lithogen.formations import formation_shares
from lithogen.rng import generator, uniform
from lithogen.rockphysics.facies import (
    CHALK,
    COAL,
    DOLOMITE,
    EVAPORITE,
    HETEROLITHIC,
    LIMESTONE,
    MARL,
    N_FACIES,
    SANDSTONE,
    SHALE,
    TUFF,
)  # fmt: skip
from lithogen.rockphysics.scatter import BED_SCATTER, INNER_SCATTER, RHO_PER_VP
from lithogen.scenario import Scenario
from lithogen.strata.tables import CHUNK_MS
from lithogen.structure.bodies import SEQUENCE_OFFSET_MS
from lithogen.structure.velocity import BackgroundVelocity

Float = NDArray[np.float64]

CHUNK_JITTER_MS = 160.0

# Bed-to-bed transition probabilities (row: upper bed) of FORCE 2020 wells in quadrants 25, 31
# and 32 (lithology CC BY 4.0, Bormann et al. 2020); evaporite and rare rows are assumptions.
TRANSITION = np.array(
    [
        # shale  sand  het   lime  marl  tuff  coal  chalk dolo  evap
        [0.000, 0.320, 0.301, 0.234, 0.085, 0.033, 0.022, 0.001, 0.004, 0.001],
        [0.383, 0.000, 0.411, 0.195, 0.003, 0.002, 0.005, 0.001, 0.000, 0.000],
        [0.457, 0.461, 0.000, 0.063, 0.011, 0.000, 0.007, 0.000, 0.001, 0.000],
        [0.446, 0.260, 0.100, 0.000, 0.142, 0.052, 0.000, 0.004, 0.004, 0.002],
        [0.476, 0.005, 0.042, 0.470, 0.000, 0.000, 0.000, 0.005, 0.002, 0.000],
        [0.486, 0.029, 0.000, 0.471, 0.014, 0.000, 0.000, 0.000, 0.000, 0.000],
        [0.625, 0.219, 0.156, 0.000, 0.000, 0.000, 0.000, 0.000, 0.000, 0.000],
        [0.200, 0.050, 0.000, 0.350, 0.400, 0.000, 0.000, 0.000, 0.000, 0.000],
        [0.400, 0.000, 0.000, 0.400, 0.050, 0.000, 0.000, 0.000, 0.000, 0.150],
        [0.250, 0.000, 0.000, 0.250, 0.000, 0.000, 0.000, 0.000, 0.500, 0.000],
    ]
)
# ln thickness in metres: mean and standard deviation per facies (same wells).
LN_MEAN = np.array([1.24, 0.50, 0.21, -0.18, 0.45, 1.65, 0.13, 2.10, -0.28, 2.30])
LN_STD = np.array([1.37, 1.20, 1.04, 0.58, 1.10, 1.30, 0.60, 0.88, 0.49, 0.88])
LEAST_THICKNESS_M = 0.3
# Spread of ln thickness of the beds of cycles, which repeat.
CYCLE_SPREAD = 0.4
BLOCK = 128
MOST_THICKNESS_M = np.array([150.0, 45.0, 30.0, 40.0, 50.0, 60.0, 4.0, 60.0, 20.0, 90.0])
# Formations: ln thickness in metres, mean and standard deviation.
FORMATION_M = (np.log(75.0), 0.7)

# Formation styles add to the log weight of the next bed and to its ln thickness.
STYLES: dict[str, tuple[dict[int, float], dict[int, float]]] = {
    "shale": (
        {SANDSTONE: -2.2, HETEROLITHIC: -1.9, LIMESTONE: 0.1, TUFF: -1.2, MARL: -0.3},
        {SHALE: 1.9},
    ),
    "reservoir": (
        {LIMESTONE: -0.8, MARL: -2.5, TUFF: -3.0, SANDSTONE: 0.6, HETEROLITHIC: 0.6},
        {SHALE: -0.45, SANDSTONE: 0.35, HETEROLITHIC: 0.1},
    ),
    "carbonate": (
        {LIMESTONE: 0.8, MARL: 1.8, SANDSTONE: -2.5, HETEROLITHIC: -2.5, CHALK: 2.5, TUFF: -1.0,
         DOLOMITE: 1.2},
        {LIMESTONE: 1.9, MARL: 1.0, SHALE: -0.2, DOLOMITE: 0.8},
    ),
    "tuff": ({TUFF: 2.6, SANDSTONE: -2.0, HETEROLITHIC: -2.0, LIMESTONE: -1.2},
             {TUFF: 0.4, SHALE: -0.3}),
    "coal": (
        {COAL: 2.2, LIMESTONE: -2.0, MARL: -2.5, TUFF: -2.0, HETEROLITHIC: 0.4},
        {SHALE: -0.3, SANDSTONE: 0.2},
    ),
    "evaporite": ({EVAPORITE: 5.5, DOLOMITE: 3.5, LIMESTONE: 0.5, SANDSTONE: -2.5,
                   HETEROLITHIC: -2.5, TUFF: -2.0}, {DOLOMITE: 1.2, SHALE: -0.2}),
    "mixed": ({LIMESTONE: -0.2}, {SHALE: 0.2}),
}
# How strongly beds of a style differ from one another, against the wells' mean.
STYLE_VOLATILITY = {
    "shale": 0.43, "reservoir": 0.72, "mixed": 0.72, "carbonate": 1.15, "evaporite": 0.8,
}
# Cemented or condensed beds, the stiff thick ones that make the tail of log impedance.
CEMENT_CHANCE = np.array([0.004, 0.011, 0.009, 0.09, 0.045, 0.004, 0.0, 0.07, 0.09, 0.0])
# Soft beds: rich in organic matter, undercompacted, fractured.
SOFT_CHANCE = 0.009
# The parts of ln rho and ln vs that are independent of ln vp.
RHO_OWN = 0.018
SHEAR_OWN = 0.030
MOST_LN_VP, FORMATION_OFFSET = 0.50, 0.08
# Part of the scatter of beds that neighbours share: sd of ln vp, and its length in ms of age.
LONG_SCATTER, LONG_MS = 0.053, 26.0
# Scatter of single beds relative to the wells', which holds the shared part too.
BED_OWN, INNER_OWN = 0.22, 0.58
# Spread (ln) of the scatter from bed to bed: a few beds lie far out.
TAIL = 0.90
# Beds thinner than this (m) are gradational: they take part of the contrast of their facies.
THIN_M = 1.0
# Spread (ln) between worlds of the factors of `WorldCharacter`.
CHARACTER_SPREAD = (0.18, 1.5, 1.4, 0.66, 0.45, 0.30)
# Spread (ln) of the mean thickness of a facies from formation to formation.
THICKNESS_SPREAD = 0.75
CONTRAST = np.array([0.0, 0.08, 0.12, 0.28, 0.22, 0.0, 0.10, 0.35, 0.55, 0.50])

THRESHOLD_SHALE = 1.1


@dataclass(frozen=True, slots=True)
class BedStack:
    """Beds of a range of ages, top to base; arrays of shape (n_bed,).

    Parameters
    ----------
    facies : code.
    top_ms, thickness_ms : age of the top, and thickness in ms of age.
    thickness_m : thickness in metres.
    formation : number of the formation within its chunk.
    ln_vp, ln_rho, ln_shear : deviation of the bed from the trend of its facies.
    gradient : change of ln vp from top to base of the bed.
    inner : standard deviation of ln vp inside the bed.
    threshold : environment beyond which it becomes a more proximal (> 0) or distal facies.
    """

    facies: NDArray[np.intp]
    top_ms: Float
    thickness_ms: Float
    thickness_m: Float
    formation: NDArray[np.intp]
    ln_vp: Float
    ln_rho: Float
    ln_shear: Float
    gradient: Float
    inner: Float
    threshold: Float

    def take(self, index: NDArray[np.intp] | slice) -> BedStack:
        """Return some of the beds."""
        return BedStack(*(getattr(self, name)[index] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class WorldCharacter:
    """How a world's beds differ from the average world's: factors.

    Parameters
    ----------
    volatility : on all scatter of beds.
    cement, soft : on the chance of stiff and of soft beds.
    persistence : on the length over which neighbouring beds resemble one another.
    inner : on the scatter inside beds.
    contact : on the width of gradual contacts between beds.
    """

    volatility: float
    cement: float
    soft: float
    persistence: float
    inner: float
    contact: float


@lru_cache(maxsize=64)
def world_character(seed: int) -> WorldCharacter:
    """Return the character of a world's beds: wells differ by as much from one another."""
    factors = np.exp(np.array(CHARACTER_SPREAD) * character_numbers(seed))
    return WorldCharacter(*factors.tolist())


def character_numbers(seed: int) -> Float:
    """Return the standard normal numbers behind `world_character`, (6,)."""
    return np.asarray(generator(seed, "prior/character").standard_normal(len(CHARACTER_SPREAD)))


@dataclass(slots=True)
class _Formation:
    """Rules of the formation that beds are being laid in: plain numbers, read bed by bed.

    `next_bed` holds running sums of the chances of the next facies, a row for each facies.
    """

    next_bed: list[list[float]]
    ln_metres: list[float]
    spread: list[float]
    volatility: float
    offset: float
    left_ms: float
    motif: list[int]


def _pick(u: float, running: list[float]) -> int:
    """Return the place that a uniform number falls into among running sums of weights."""
    return min(bisect_right(running, u * running[-1]), len(running) - 1)


def _formation(rng: np.random.Generator, scenario: Scenario, ms_per_m: float) -> _Formation:
    shares = formation_shares(scenario)
    style = tuple(shares)[_pick(float(rng.uniform()), np.cumsum(list(shares.values())).tolist())]
    normals = rng.standard_normal((2, N_FACIES))
    log_weight, thicker = 0.45 * normals[0], THICKNESS_SPREAD * normals[1]
    for table, target in zip(STYLES[style], (log_weight, thicker), strict=True):
        for facies, value in table.items():
            target[facies] += value
    sand_shift = 1.6 * (scenario.sand_drive() - 0.3)
    log_weight[SANDSTONE] += sand_shift
    thicker[SANDSTONE] += sand_shift
    thicker[SHALE] -= 0.8 * sand_shift
    size, wild, off = rng.standard_normal(3)
    volatility = min(STYLE_VOLATILITY.get(style, 1.0) * float(np.exp(-0.12 + 0.5 * wild)), 2.2)
    left = ms_per_m * scenario.bed_scale * float(np.exp(FORMATION_M[0] + FORMATION_M[1] * size))
    next_bed = np.cumsum(TRANSITION * np.exp(log_weight), axis=1).tolist()
    motif: list[int] = []
    u_cyclic, u_length = rng.uniform(size=2)
    if u_cyclic < scenario.cyclicity:
        facies = SHALE
        for _ in range(2 + int(3 * u_length)):
            motif.append(facies)
            facies = _pick(float(rng.uniform()), next_bed[facies])
        if motif[-1] == motif[0]:
            motif.pop()
    is_cyclic = len(motif) > 1
    spread = np.full(N_FACIES, CYCLE_SPREAD) if is_cyclic else LN_STD
    return _Formation(
        next_bed, (LN_MEAN + thicker).tolist(), spread.tolist(), volatility,
        FORMATION_OFFSET * volatility * float(off), left, motif if is_cyclic else [],
    )


def chunk_start_ms(seed: int, chunk: int) -> float:
    """Return the age at which the beds of a chunk begin."""
    return chunk * CHUNK_MS + CHUNK_JITTER_MS * float(uniform(seed, "prior/beds/start", chunk))


@lru_cache(maxsize=128)
def draw_chunk(seed: int, scenario: Scenario, chunk: int) -> BedStack:
    """Return the beds of one chunk of age, top to base.

    They begin at `chunk_start_ms` and the last one ends beyond the start of the next chunk.

    Parameters
    ----------
    seed, scenario : of the strata.
    chunk : index of the chunk; ages about chunk * 512 ms.
    """
    rng = generator(seed, "prior/beds", chunk)
    start, stop = (chunk_start_ms(seed, c) for c in (chunk, chunk + 1))
    velocity = BackgroundVelocity.from_scenario(scenario)
    nominal_s = float(np.clip(np.mod(start, SEQUENCE_OFFSET_MS), 0.0, 6000.0)) * 1e-3
    ms_per_m = 2000.0 / float(velocity.velocity(nominal_s))
    rows: list[tuple[int, float, float, int, float, float, float]] = []
    facies, place, number, top = SHALE, 0, -1, start
    formation: _Formation | None = None
    most = MOST_THICKNESS_M.tolist()
    # Beds take their numbers from blocks: one call of the generator a bed would cost most.
    block: list[tuple[float, float, float]] = []
    while top < stop:
        if formation is None or formation.left_ms <= 0.0:
            formation = _formation(rng, scenario, ms_per_m)
            number, place = number + 1, 0
        if not block:
            block = list(zip(*rng.uniform(size=(2, BLOCK)).tolist(),
                             rng.standard_normal(BLOCK).tolist(), strict=True))
        u_next, u_skip, normal = block.pop()
        facies, place = _next_facies(formation, facies, place, u_next, u_skip)
        metres = math.exp(formation.ln_metres[facies] + formation.spread[facies] * normal)
        metres = min(max(metres, LEAST_THICKNESS_M), most[facies]) * scenario.bed_scale
        rows.append((facies, top, metres * ms_per_m, number, metres, formation.volatility,
                     formation.offset))
        top += metres * ms_per_m
        formation.left_ms -= metres * ms_per_m
    return _characters(rng, rows, world_character(seed))


def _next_facies(
    formation: _Formation, facies: int, place: int, u_next: float, u_skip: float
) -> tuple[int, int]:
    """Return the facies of the next bed and the place in the cycle after it."""
    if formation.motif:
        # One member in eight is missing, as in real cycles.
        for _ in range(2 if u_skip < 0.12 else 1):
            place = (place + 1) % len(formation.motif)
        if formation.motif[place] != facies:
            return formation.motif[place], place
    return _pick(u_next, formation.next_bed[facies]), place


def _characters(
    rng: np.random.Generator,
    rows: list[tuple[int, float, float, int, float, float, float]], world: WorldCharacter,
) -> BedStack:
    """Draw the elastic character of beds: vectorised over the chunk."""
    facies = np.array([r[0] for r in rows], dtype=np.intp)
    top, thick, metres, volatile, offset = (
        np.array([r[k] for r in rows]) for k in (1, 2, 4, 5, 6))
    formation = np.array([r[3] for r in rows], dtype=np.intp)
    volatile, offset = volatile * world.volatility, offset * world.volatility
    shared, own, shear, slope, inner, edge, edge_size = rng.standard_normal((7, len(rows)))
    u_cement, u_hard = rng.uniform(size=(2, len(rows)))
    long = LONG_SCATTER * volatile * _along(rng, thick, LONG_MS * world.persistence)
    own_scatter = BED_OWN * BED_SCATTER[facies] * volatile * np.exp(TAIL * edge_size - TAIL**2)
    ln_vp = offset + long + own_scatter * shared
    ln_vp -= CONTRAST[facies] * np.exp(-metres / THIN_M)
    is_stiff = u_cement < CEMENT_CHANCE[facies] * world.cement
    is_soft = u_cement > 1.0 - SOFT_CHANCE * world.soft
    ln_vp = np.where(is_stiff, np.abs(ln_vp) + 0.16 + 0.28 * u_hard, ln_vp)
    ln_vp = np.where(is_soft, -np.abs(ln_vp) - 0.10 - 0.18 * u_hard, ln_vp)
    ln_vp = MOST_LN_VP * np.tanh(ln_vp / MOST_LN_VP)
    reach = np.abs(0.55 + 0.5 * edge) + np.where(facies == SHALE, THRESHOLD_SHALE, 0.15)
    return BedStack(
        facies, top, thick, metres, formation, ln_vp, RHO_PER_VP * ln_vp + RHO_OWN * own,
        SHEAR_OWN * shear, 0.03 * slope * np.minimum(thick / 5.0, 2.0),
        INNER_OWN * world.inner * INNER_SCATTER[facies] * volatile * np.exp(0.5 * inner - 0.18),
        np.sign(edge) * reach,
    )


def _along(rng: np.random.Generator, thickness_ms: Float, length_ms: float) -> Float:
    """Unit-variance first-order autoregression over beds, by the distance of their centres."""
    drive = rng.standard_normal(len(thickness_ms))
    out = np.empty(len(thickness_ms))
    last = 0.0
    for place, value in enumerate(drive):
        gap = 0.5 * (thickness_ms[place] + thickness_ms[max(place - 1, 0)])
        keep = float(np.exp(-gap / length_ms)) if place else 0.0
        last = keep * last + np.sqrt(1.0 - keep * keep) * float(value)
        out[place] = last
    return out


def beds_between(seed: int, scenario: Scenario, first_ms: float, last_ms: float) -> BedStack:
    """Return the beds that meet a range of ages, top to base, without gap or overlap."""
    parts, end = [], -np.inf
    low = int(np.floor(first_ms / CHUNK_MS)) - 2
    for chunk in range(low, int(np.floor(last_ms / CHUNK_MS)) + 1):
        stack = draw_chunk(seed, scenario, chunk)
        base = stack.top_ms + stack.thickness_ms
        # The last bed of a chunk ends where it ends: the first ones of the next lie beneath it.
        stack = stack.take(np.nonzero(base > end)[0])
        if stack.top_ms.size == 0:
            continue
        if np.isfinite(end):
            hidden = np.maximum(end - stack.top_ms, 0.0)
            stack.thickness_ms[...] -= hidden
            stack.thickness_m[...] *= stack.thickness_ms / (stack.thickness_ms + hidden)
            stack.top_ms[...] += hidden
        end = float(stack.top_ms[-1] + stack.thickness_ms[-1])
        parts.append(stack)
    whole = BedStack(*(np.concatenate([getattr(p, name) for p in parts])
                       for name in BedStack.__slots__))
    inside = (whole.top_ms + whole.thickness_ms > first_ms) & (whole.top_ms < last_ms)
    return whole.take(np.nonzero(inside)[0])


def bed_log(
    seed: int, scenario: Scenario, first_chunk: int = 1, n_chunk: int = 3
) -> tuple[NDArray[np.intp], Float]:
    """Return what a logged well would show of the beds at one place.

    Parameters
    ----------
    seed, scenario : of the strata.
    first_chunk, n_chunk : which chunks of age.

    Returns
    -------
    facies (n_bed,) and thickness in metres (n_bed,), top to base; equal neighbours merged.
    """
    stack = beds_between(seed, scenario, first_chunk * CHUNK_MS, (first_chunk + n_chunk) * CHUNK_MS)
    change = np.concatenate([[True], np.diff(stack.facies) != 0])
    group = np.cumsum(change) - 1
    metres = np.bincount(group, stack.thickness_m)
    return stack.facies[change], np.asarray(metres, dtype=np.float64)
