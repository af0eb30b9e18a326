"""Wells: are they honoured, how far do they speak, and can their place be seen?

Columns of a prior world become wells of a world with the same structure and another seed.
Printed: the share of the wells' facies and logs that the model holds bit for bit (must be 1);
agreement of facies (Cohen's kappa) and correlation of log impedance between the wells and columns
1 to 128 lines away at equal age, beside those of the prior world that the wells come from and of
the same world made without them; and how often facies change across the faces between columns 0
and 1, 1 and 2, 2 and 3 lines from a well, less how often elsewhere in the same worlds, with the
95 % band of a bootstrap over worlds. No seam: every band holds 0.

    python benchmarks/wells.py [--n 8] [--first 7000] [--wells 2] [--steps N] [--shape 64 320 176]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from _common import parser, report
from numpy.typing import NDArray

from lithogen.allocator import keep_freed_memory
from lithogen.errors import require

LAGS = (1, 2, 4, 8, 16, 32, 64, 128)
RINGS = (0, 1, 2)
# Columns nearer than this to a well are not "elsewhere".
AWAY_LINES = 24
# Two samples are of one age within half a sample of 4 ms.
NEAR_MS = 2.0
DRAWS = 2000
# Strata of the wells are those of another seed.
PLANTED = 500_000
NAMES = ("prior", "generated", "without")
Places = list[tuple[int, int]]
Float = NDArray[np.float64]


def plant(world: Any, window: Any, spacing: Any, places: Places) -> Any:
    """Return wells with the facies and logs of columns of a world."""
    from lithogen.wells import Well, Wells

    _, _, twt_s = window.axes(spacing)
    return Wells([
        Well(f"{row}/{col}", twt_s, iline=window.origin[0] + row, xline=window.origin[1] + col,
             facies=world.facies[row, col], vp_m_s=world.vp[row, col],
             vs_m_s=world.vs[row, col], rho_kg_m3=world.rho[row, col])
        for row, col in places])


def honoured(wells: Any, spacing: Any, window: Any, made: Any) -> tuple[int, int]:
    """Return how many values of the wells the model holds bit for bit, and how many there are."""
    told = wells.on_voxels(spacing).inside(window)
    at = tuple((told.index - np.array(window.origin)).T)
    same = [made.lithology[at] == told.facies,
            *(getattr(made, name)[at] == getattr(told, name) for name in ("vp", "vs", "rho"))]
    return int(np.sum(same)), int(np.size(same))


def neighbours(place: tuple[int, int], lag: int, shape: tuple[int, ...]) -> Iterator[Any]:
    """Yield the columns `lag` lines away along either axis."""
    for step in ((lag, 0), (-lag, 0), (0, lag), (0, -lag)):
        row, col = place[0] + step[0], place[1] + step[1]
        if 0 <= row < shape[0] and 0 <= col < shape[1]:
            yield row, col


def pairs(age: Float, values: Float, other_age: Float, other: Float) -> Float:
    """Return the values of two columns at equal ages, (2, n)."""
    order = np.argsort(other_age, kind="stable")
    after = np.searchsorted(other_age[order], age).clip(1, len(order) - 1)
    low, high = order[after - 1], order[after]
    nearest = np.where(np.abs(other_age[low] - age) <= np.abs(other_age[high] - age), low, high)
    is_near = np.abs(other_age[nearest] - age) <= NEAR_MS
    return np.stack([values[is_near], other[nearest][is_near]])


def kappa(both: Float) -> float:
    """Return the agreement of codes (2, n) corrected for chance. Source: Cohen (1960)."""
    n = int(both.max()) + 1
    one, two = (np.bincount(codes.astype(int), minlength=n) / both.shape[1] for codes in both)
    chance = float((one * two).sum())
    return float(((both[0] == both[1]).mean() - chance) / max(1.0 - chance, 1e-9))


def correlation(both: Float) -> float:
    """Return the correlation of two rows."""
    return float(np.corrcoef(both)[0, 1])


def ring_rates(facies: NDArray[np.int8], places: Places) -> Float:
    """Return changes of facies per face outward from wells, less those elsewhere, (rings,)."""
    shape = facies.shape
    near = np.zeros(len(RINGS))
    for number, ring in enumerate(RINGS):
        rates = []
        for row, col in places:
            for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                ends = [(row + a * r, col + b * r) for r in (ring, ring + 1)]
                if all(0 <= i < shape[0] and 0 <= j < shape[1] for i, j in ends):
                    rates.append(float((facies[ends[0]] != facies[ends[1]]).mean()))
        near[number] = np.mean(rates)
    rows, cols = np.indices(shape[:2])
    away = np.min([np.maximum(np.abs(rows - i), np.abs(cols - j)) for i, j in places], 0)
    is_away = away >= AWAY_LINES
    along = [(np.diff(facies, axis=axis) != 0).mean(axis=2) for axis in (0, 1)]
    both = [is_away[1:] & is_away[:-1], is_away[:, 1:] & is_away[:, :-1]]
    # A well has as many faces along one axis as along the other.
    return near - np.mean([rate[mask].mean() for rate, mask in zip(along, both, strict=True)])


def band(differences: Float, seed: int = 0) -> list[float]:
    """Return mean, 2.5 and 97.5 % of the mean of one figure per world, by bootstrap."""
    rng = np.random.default_rng(seed)
    means = differences[rng.integers(0, len(differences), (DRAWS, len(differences)))].mean(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return [round(float(v), 4) for v in (differences.mean(), low, high)]


def draw_places(rng: np.random.Generator, count: int, shape: tuple[int, ...]) -> Places:
    """Return distinct columns, the first in the middle: it sees the largest lags."""
    require(max(shape[:2]) >= 2 * AWAY_LINES * (count + 1),
            f"shape {tuple(shape)} is too small for {count} wells and a place away from them: one "
            f"side must have {2 * AWAY_LINES * (count + 1)} lines")
    places = [(shape[0] // 2, shape[1] // 2)]
    while len(places) < count:
        row, col = int(rng.integers(4, shape[0] - 4)), int(rng.integers(4, shape[1] - 4))
        if all(max(abs(row - i), abs(col - j)) >= 2 * AWAY_LINES for i, j in places):
            places.append((row, col))
    return places


def main() -> None:
    """Measure and print one JSON line."""
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=8)
    options.add_argument("--first", type=int, default=7000, help="first seed")
    options.add_argument("--wells", type=int, default=2, help="wells per world")
    options.add_argument("--steps", type=int, default=None,
                         help="of the flow")
    options.add_argument("--shape", type=int, nargs=3, default=(64, 320, 176))
    args = options.parse_args()
    keep_freed_memory()
    import lithogen

    print_figures(args, lithogen.LithologyPipeline.from_pretrained(args.model))


def print_figures(args: Any, pipe: Any) -> None:
    """Measure a pipeline and print the line."""
    import lithogen
    from lithogen.diffusion.pipeline import SPACING, TILE_PHASE, TILE_SHAPE
    from lithogen.metrics.continuity import detrend
    from lithogen.prior import world_fields
    from lithogen.rng import generator

    window = lithogen.Window((0, 0, TILE_PHASE[2] + TILE_SHAPE[2]), tuple(args.shape))
    found: dict[tuple[str, str, int], list[Float]] = {}
    excess: dict[str, list[Float]] = {name: [] for name in NAMES}
    counts = np.zeros(2, dtype=int)
    for seed in range(args.first, args.first + args.n):
        structure = lithogen.Structure.random(seed)
        world = world_fields(structure, window, SPACING, seed + PLANTED)
        places = draw_places(generator(seed, "benchmark/wells"), args.wells, window.shape)
        wells = plant(world, window, SPACING, places)
        runs = [pipe(structure, window, seed=seed, num_inference_steps=args.steps, wells=given)
                for given in (wells, None)]
        counts += honoured(wells, SPACING, window, runs[0])
        age = world.structure.age.numpy().astype(np.float64)
        codes = dict(zip(NAMES, (world.facies, *(run.lithology for run in runs)), strict=True))
        for name, facies in codes.items():
            excess[name].append(ring_rates(facies, places))
        logs = {name: detrend(np.log(one.vp * one.rho).reshape(-1, age.shape[2])).reshape(age.shape)
                for name, one in zip(NAMES, (world, *runs), strict=True)}
        for lag in LAGS:
            for place in places:
                for other in neighbours(place, lag, window.shape):
                    for kind, volumes in (("facies", codes), ("impedance", logs)):
                        own = volumes["prior"][place]
                        for name, volume in volumes.items():
                            found.setdefault((kind, name, lag), []).append(
                                pairs(age[place], own, age[other], volume[other]))
    measure = {"facies": kappa, "impedance": correlation}
    table = {kind: {name: {lag: round(judge(np.concatenate(found[kind, name, lag], axis=1)), 3)
                           for lag in LAGS if (kind, name, lag) in found} for name in NAMES}
             for kind, judge in measure.items()}
    bands = {name: {f"{ring}-{ring + 1}": band(np.array(rows)[:, k])
                    for k, ring in enumerate(RINGS)} for name, rows in excess.items()}
    seams = {name: not low <= 0.0 <= high for name, (_, low, high) in bands["generated"].items()}
    report("wells", round(float(counts[0] / counts[1]), 6), "share of well values honoured",
           args.n, wells=args.wells, steps=args.steps or pipe.default_steps, agreement=table,
           excess_of_changes=bands, has_seam=seams)


if __name__ == "__main__":
    main()
