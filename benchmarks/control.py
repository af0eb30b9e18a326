"""Control: do generated worlds follow the scenario, and do seed and structure do their own part?

Worlds of scenarios whose net-to-gross, faulting and channels are drawn at random over the whole
range that random worlds have. Rank correlation (Spearman) of what was asked for with what came: net
share outside of bodies of a record of 64 x 64 lines and 2.4 s, faults per 100 km2, and share of
voxels of channels times the share of them that the record fills as channels are; for the model and,
beside it, for the prior. One tile of the record has too few beds to tell its net-to-gross, in the
prior too: that is printed as well.
Faults and channels are those of 25 x 25 km and 2 s around the origin, seen on a coarse lattice:
what one place holds of them is a draw. They belong to the structure, which the model fills.

Then the stratigraphic column, agreement of the usual facies at equal age beyond chance (kappa):
one seed in two structures (wanted: alike), two seeds in one structure (wanted: about 0).

    python benchmarks/control.py [--n 50] [--first 9000] [--steps N] [--model FOLDER]
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np
from _common import parser, report
from numpy.typing import NDArray

from lithogen.allocator import keep_freed_memory
from lithogen.errors import require
from lithogen.rng import generator

ASKED = ("net_to_gross", "faulting", "channels")
IN_ONE_TILE = "net_to_gross_of_one_tile"
DEEP = 3  # tiles of a record, down from time zero
WANTED = 0.9
# The lattice of a region: so many times coarser than the native one on every axis.
COARSER, LINES, SAMPLES = 8, 128, 62
# Voxels of a channel that it fills at least so far are asked for their facies.
FULL_COVER = 0.9
# Far from the seeds of the worlds themselves.
OTHER = 500_009
Rows = dict[str, list[float]]


def scenario_of(seed: int) -> Any:
    """Return the random scenario of a seed with the asked controls drawn evenly over the range.

    Net-to-gross is drawn first; other shares shrink where the sum would leave no room.
    """
    import lithogen
    from lithogen.scenario import RANDOM_RANGES, SHARES

    rng = generator(seed, "benchmark/control")
    asked = {name: float(rng.uniform(*RANDOM_RANGES[name])) for name in ASKED}
    drawn = lithogen.Scenario.random(seed)
    others = [name for name in SHARES if name not in asked]
    total = sum(getattr(drawn, name) for name in others)
    scale = min(1.0, (0.98 - asked["net_to_gross"]) / total) if total > 0 else 1.0
    return drawn.with_(**asked, **{name: scale * getattr(drawn, name) for name in others})


def region(structure: Any) -> dict[str, float]:
    """Return faults per 100 km2 and the share of channels around the origin of a structure."""
    import torch

    from lithogen.grid import Spacing, Window
    from lithogen.structure.bodies import BodyKind
    from lithogen.structure.faults import faults_near

    native = Spacing()
    coarse = Spacing(*(COARSER * step for step in (native.dt_s, native.dx_m, native.dy_m)))
    window = Window((-LINES // 2, -LINES // 2, 0), (LINES, LINES, SAMPLES))
    y_m, x_m, twt_s = window.axes(coarse)
    with torch.inference_mode():
        kind = structure.evaluate(window, coarse).bodies.kind()
    large = structure.scenario.with_(polygonal=0.0)
    count = sum(1 for _ in faults_near(
        structure.seed, large, structure.velocity, y_m, x_m, 1e3 * twt_s))
    area_km2 = (LINES * coarse.dy_m / 1e3) * (LINES * coarse.dx_m / 1e3)
    return {"faulting": 100.0 * count / area_km2,
            "channels": float((kind == int(BodyKind.CHANNEL)).float().mean())}


def place_of(seed: int, tile: Any, phase: Any) -> Any:
    """Return a tile of the lattice, drawn from the seed: the first or second below time zero's."""
    from lithogen.grid import Window

    index = generator(seed, "benchmark/quality/place").integers([-50, -50, 1], [50, 50, 3])
    i, j, k = (int(n) * size + start for n, size, start in zip(index, tile, phase, strict=True))
    return Window((i, j, k), tile)


def channel_fill(fields: Any) -> tuple[NDArray[np.bool_], NDArray[np.int8]]:
    """Return which voxels channels fill, and the facies that they put there."""
    import torch

    from lithogen.structure.bodies import BodyKind

    bodies = fields.bodies
    inside = (bodies.kind() == int(BodyKind.CHANNEL)) & (bodies.cover > FULL_COVER)
    own = bodies.label([0, *(part.facies for part in bodies.parts)], torch.int8)
    return inside.cpu().numpy(), own.cpu().numpy()


def rounded(values: Any, digits: int = 4) -> list[float | None]:
    """Return numbers for JSON: rounded, None for what is not finite."""
    return [round(float(v), digits) if np.isfinite(v) else None for v in np.ravel(values)]


def net_share(facies: Any, is_body: Any) -> float:
    """Return the net share of what lies outside of bodies, NaN where nothing does."""
    from lithogen.rockphysics.facies import HETEROLITHIC, SANDSTONE

    beds = facies[~is_body]
    net = (beds == SANDSTONE) + 0.5 * (beds == HETEROLITHIC)
    return float(net.mean()) if beds.size else float("nan")


def obtained(
    facies: Any, fields: Any, around: dict[str, float], tile: slice
) -> dict[str, float]:
    """Return what a record holds of the controls that were asked for.

    Parameters
    ----------
    around : its `region`. tile : samples of one of its tiles.
    """
    inside, own = channel_fill(fields)
    is_body = fields.bodies.part.cpu().numpy() > 0
    filled = float((facies == own)[inside].mean()) if inside.any() else 1.0
    return {
        "net_to_gross": net_share(facies, is_body),
        IN_ONE_TILE: net_share(facies[..., tile], is_body[..., tile]),
        "faulting": around["faulting"],
        "channels": filled * around["channels"],
    }


def rank_correlation(one: list[float], two: list[float]) -> float:
    """Return Spearman's correlation over pairs that are both known, NaN where one is constant."""
    from scipy.stats import rankdata

    pairs = np.array([one, two], dtype=np.float64)
    ranks = [rankdata(side) for side in pairs[:, np.isfinite(pairs).all(axis=0)]]
    if len(ranks[0]) < 3 or min(np.ptp(side) for side in ranks) == 0:
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])


def follow(pipe: Any, args: argparse.Namespace) -> tuple[Rows, dict[str, Rows]]:
    """Return what was asked for and what came, world by world."""
    import lithogen
    from lithogen.diffusion.pipeline import SPACING, TILE_PHASE, TILE_SHAPE
    from lithogen.prior import world_fields

    asked: Rows = {name: [] for name in ASKED}
    got: dict[str, Rows] = {side: {name: [] for name in (*ASKED, IN_ONE_TILE)}
                            for side in ("prior", "generated")}
    for seed in range(args.first, args.first + args.n):
        scenario = scenario_of(seed)
        structure = lithogen.Structure(seed, scenario)
        tile = place_of(seed, TILE_SHAPE, TILE_PHASE)
        window = lithogen.Window((*tile.origin[:2], 0),
                                 (*TILE_SHAPE[:2], TILE_PHASE[2] + DEEP * TILE_SHAPE[2]))
        samples = slice(tile.origin[2], tile.origin[2] + TILE_SHAPE[2])
        prior = world_fields(structure, window, SPACING, seed)
        made = pipe.world_fields(structure, window, seed=seed, steps=args.steps)
        around = region(structure)
        for side, facies in (("prior", prior.facies), ("generated", made.facies)):
            for name, value in obtained(facies, prior.structure, around, samples).items():
                got[side][name].append(value)
        for name in ASKED:
            asked[name].append(getattr(scenario, name))
        print(f"world {seed}: net-to-gross asked {scenario.net_to_gross:.2f}, prior "
              f"{got['prior']['net_to_gross'][-1]:.2f}, generated "
              f"{got['generated']['net_to_gross'][-1]:.2f}", file=sys.stderr)
    return asked, got


def columns(pipe: Any, args: argparse.Namespace) -> dict[str, Rows]:
    """Return kappa of columns: one seed in two structures, and two seeds in one structure."""
    import lithogen
    from lithogen.diffusion.pipeline import SPACING, TILE_PHASE, TILE_SHAPE
    from lithogen.metrics import column_agreement, stratigraphic_column
    from lithogen.prior import world_fields

    # The youngest sequence lies at the top of every structure, so ages overlap there.
    window = lithogen.Window((0, 0, TILE_PHASE[2] + TILE_SHAPE[2]), TILE_SHAPE)
    out: dict[str, Rows] = {side: {"other_structure": [], "other_seed": []}
                            for side in ("prior", "generated")}
    for seed in range(args.first, args.first + args.columns):
        # One sequence: its ages are in both structures.
        scenario = scenario_of(seed).with_(unconformities=0)
        found: dict[str, list[Any]] = {"prior": [], "generated": []}
        for strata, shape in ((seed, seed), (seed, seed + OTHER), (seed + OTHER, seed)):
            structure = lithogen.Structure(shape, scenario)
            prior = world_fields(structure, window, SPACING, strata)
            made = pipe.world_fields(structure, window, seed=strata, steps=args.steps)
            beside = prior.structure.bodies.part.cpu().numpy() == 0
            age = prior.structure.age.cpu().numpy()
            for side, facies in (("prior", prior.facies), ("generated", made.facies)):
                found[side].append(stratigraphic_column(facies, age, is_counted=beside))
        for side, (one, moved, other) in found.items():
            for name, column in (("other_structure", moved), ("other_seed", other)):
                common = len(np.intersect1d(one.bins, column.bins))
                if common:
                    out[side][name].append(column_agreement(one, column))
    return out


def main() -> None:
    """Measure and print one JSON line; worlds go to stderr."""
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=50)
    options.add_argument("--columns", type=int, default=None,
                         help="worlds of the check of columns, three tiles each; default n / 8")
    options.add_argument("--first", type=int, default=9000, help="first seed")
    options.add_argument("--steps", type=int, default=None, help="of the flow")
    args = options.parse_args()
    require(args.n >= 1, f"--n is {args.n}, wanted at least one world")
    args.columns = max(args.n // 8, 1) if args.columns is None else args.columns
    keep_freed_memory()
    import lithogen

    pipe = lithogen.LithologyPipeline.from_pretrained(args.model)
    asked, got = follow(pipe, args)
    kappa = columns(pipe, args)
    found = {side: {name: rounded([rank_correlation(asked[name], rows[name])], 3)[0]
                    for name in ASKED} for side, rows in got.items()}
    in_one_tile = {side: rounded([rank_correlation(asked["net_to_gross"], rows[IN_ONE_TILE])], 3)[0]
                   for side, rows in got.items()}
    beside = {name: rounded([rank_correlation(got["prior"][name], got["generated"][name])], 3)[0]
              for name in ASKED}
    agreement = {side: {name: rounded([np.nanmean(values) if len(values) else np.nan], 3)[0]
                        for name, values in rows.items()} for side, rows in kappa.items()}
    known = [value for value in found["generated"].values() if value is not None]
    missed = [name for name, value in found["generated"].items()
              if value is None or value < WANTED]
    report("control", min(known) if known else None,
           "least rank correlation of a control asked for with what came", args.n,
           steps=args.steps or pipe.default_steps, sha256=pipe.weights_sha256,
           rank_correlation=found, net_to_gross_of_one_tile=in_one_tile,
           generated_against_prior=beside, wanted=WANTED, missed=missed,
           column_kappa=agreement, columns=args.columns,
           pairs={name: [rounded(asked[name], 3), rounded(got["prior"][name]),
                         rounded(got["generated"][name])] for name in ASKED})


if __name__ == "__main__":
    main()
