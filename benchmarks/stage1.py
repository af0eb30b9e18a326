"""Quality of stage 1: generated worlds beside the prior's in the same structures.

Sets of strata in the same structures, one tile each: `--strata` of the prior and `--sets` of the
network. Every figure is a ratio to the prior (1 is as the prior) or a share. A set of the prior is
judged by the other ones in the same way; its scatter gives the interval in which the mean of
further sets of the prior would lie in 95 of 100 cases. A figure is met where the mean of the
generated sets lies inside its goal or inside that interval.

    python benchmarks/stage1.py [--n 24] [--sets 3] [--strata 6] [--first 4000] [--dt-ms 4]
                                [--model FOLDER] [--steps N] [--classifier]
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from _common import OTHER_STRATA, parser, report, strata_seeds
from _stage1 import WorldSet, figures_of, told_apart

from lithogen.allocator import keep_freed_memory
from lithogen.metrics import binomial_interval

# What is wanted, by the beginning of the figure's name: lowest and highest value.
GOALS = {
    "patterns_of_three": (0.9, 1.1), "patterns": (0.0, 1.10), "transitions": (0.0, 1.15),
    "beads": (0.0, 1.1), "other_facies": (0.0, 0.03), "std": (0.97, 1.03), "step": (0.9, 1.1),
    "changes": (0.9, 1.1), "classifier": (0.0, 0.55), "stacked": (0.0, 0.0014),
    "spread": (0.95, 1.05),
}
# Student's t of the 95 % interval, by the number of sets less one.
T_95 = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26}
GENERATED_SEED = 777_001


def main() -> None:
    """Measure, print the table to stderr and one JSON line."""
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=24, help="structures")
    options.add_argument("--sets", type=int, default=3, help="of the network")
    options.add_argument("--strata", type=int, default=6, choices=range(3, 11), metavar="N",
                         help="sets of the prior")
    options.add_argument("--first", type=int, default=4000, help="first seed")
    options.add_argument("--dt-ms", type=float, default=4.0, help="sample interval")
    options.add_argument("--steps", type=int, default=None, help="of the flow")
    options.add_argument("--classifier", action="store_true", help="train a classifier too")
    args = options.parse_args()
    keep_freed_memory()
    import torch

    torch.set_num_threads(1)
    import lithogen
    from lithogen.diffusion.pipeline import TILE_PHASE, TILE_SHAPE
    from lithogen.prior import world_fields

    pipe = lithogen.LithologyPipeline.from_pretrained(args.model)
    spacing = lithogen.Spacing(args.dt_ms * 1e-3, 25.0, 25.0)
    # One tile from about 0.7 s on.
    below = round(lithogen.Spacing().dt_s / spacing.dt_s)
    window = lithogen.Window((0, 0, TILE_PHASE[2] + below * TILE_SHAPE[2]), TILE_SHAPE)
    priors = [WorldSet() for _ in range(args.strata)]
    made = [WorldSet() for _ in range(args.sets)]
    begun = time.process_time()
    for seed in range(args.first, args.first + args.n):
        structure = lithogen.Structure.random(seed)
        for one, strata in zip(priors, strata_seeds(seed, args.strata).values(), strict=True):
            add(one, world_fields(structure, window, spacing, strata), spacing.dt_s)
        for number, one in enumerate(made):
            add(one, pipe.world_fields(structure, window, spacing=spacing, steps=args.steps,
                                       seed=GENERATED_SEED + seed + OTHER_STRATA * number),
                spacing.dt_s)
    print(f"worlds: {time.process_time() - begun:.0f} CPU-s", file=sys.stderr)
    own = [figures_of(one, [o for o in priors if o is not one]) for one in priors]
    found = [figures_of(one, priors) for one in made]
    rows = {name: row_of(name, [f[name] for f in found], [f[name] for f in own])
            for name in found[0]}
    if args.classifier:
        rows |= classifier_rows(priors, made, args.n)
    show(rows)
    missed = [name for name, row in rows.items() if not row["is_met"]]
    shares = np.stack([np.mean([np.mean(s.shares, axis=0) for s in group], axis=0)
                       for group in (priors, made)])
    report("stage1", len(missed), "figures outside of what is wanted", args.n, sets=args.sets,
           strata=args.strata, dt_ms=args.dt_ms, sha256=pipe.weights_sha256, missed=missed,
           shares=np.round(shares, 4).tolist(), figures=rows)


def add(one: WorldSet, world: Any, dt_s: float) -> None:
    """Add a brine-filled world to a set."""
    impedance = np.log(world.vp.astype(np.float64) * world.rho).astype(np.float32)
    one.add(world.facies, impedance, world.residual(), world.structure, dt_s)


def row_of(name: str, found: list[float], own: list[float]) -> dict[str, Any]:
    """Return a figure of the generated sets beside that of the prior's, and whether it is met."""
    goal = next(goal for start, goal in GOALS.items() if name.startswith(start))
    mean, std = float(np.mean(own)), float(np.std(own, ddof=1))
    half = T_95[len(own) - 1] * std * (1 / len(found) + 1 / len(own)) ** 0.5
    value = float(np.mean(found))
    is_met = goal[0] <= value <= goal[1] or mean - half <= value <= mean + half
    return {"generated": round(value, 4), "sets": [round(v, 4) for v in found],
            "prior": round(mean, 4), "interval": [round(mean - half, 4), round(mean + half, 4)],
            "goal": list(goal), "is_met": bool(is_met)}


def show(rows: dict[str, dict[str, Any]]) -> None:
    """Print the table for a reader, to stderr."""
    print(f"{'figure':28s} {'generated':>9s} {'sets':>26s} {'prior':>8s} {'interval':>17s} "
          f"{'goal':>14s}", file=sys.stderr)
    for name, row in rows.items():
        sets = " ".join(f"{v:.3f}" for v in row["sets"])
        low, high = row["interval"]
        goal = f"{row['goal'][0]:g}..{row['goal'][1]:g}"
        print(f"{name:28s} {row['generated']:9.4f} {sets:>26s} {row['prior']:8.4f} "
              f"{low:8.3f} {high:8.3f} {goal:>14s} {'' if row['is_met'] else 'MISSED'}",
              file=sys.stderr)


def classifier_rows(priors: list[WorldSet], made: list[WorldSet], n: int) -> dict[str, Any]:
    """Train classifiers of generated against prior, and of prior against prior."""
    found = [told_apart(priors[0], one, seed) for seed, one in enumerate(made)]
    own = [told_apart(priors[0], one, seed) for seed, one in enumerate(priors[1:4])]
    low, high = binomial_interval(float(np.mean(found)), 2 * n)
    row = row_of("classifier", found, own)
    # Worlds, not crops, are trials: crops of one world are alike.
    return {"classifier": row | {"interval_of_trials": [round(low, 3), round(high, 3)]}}


if __name__ == "__main__":
    main()
