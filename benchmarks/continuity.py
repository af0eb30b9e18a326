"""Continuity along isochrons: generated worlds beside the prior's in the same structures.

Correlation of log impedance and chance-corrected agreement of facies between columns 8 to 256
lines apart at equal relative geologic time, on strips of 2 x 320 x 128 voxels, brine-filled. The
prior fills the structures with several sets of strata; how far one of these lies from the others
is printed too. Stage 1 passes when its correlation and its agreement, averaged over the worlds,
lie within 0.05 of the prior's at every lag.

    python benchmarks/continuity.py [--n 32] [--first 1000] [--strata 6] [--steps N]
                                    [--model FOLDER]
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from _common import RESULTS, parser, report, strata_option, strata_seeds

from lithogen.allocator import keep_freed_memory
from lithogen.metrics import agreement_along_age, correlation_along_age

LAGS = (8, 16, 32, 64, 128, 256)
SHAPE, START = (2, 320, 128), 176
LARGEST_GAP = 0.05
Kinds = dict[str, dict[int, float]]
Rows = dict[str, list[dict[int, float]]]


def gap_of(model: Kinds, prior: Kinds) -> float:
    """Return the largest difference from the prior, over lags and both measures."""
    return max(abs(model[kind][lag] - prior[kind][lag]) for kind in prior for lag in LAGS)


def together(sets: list[Rows]) -> Rows:
    """Return the worlds of several sets as one."""
    return {kind: [row for one in sets for row in one[kind]] for kind in sets[0]}


def mean_over(rows: list[dict[int, float]]) -> dict[int, float]:
    """Return the mean of several measurements, lag by lag."""
    return {lag: round(float(np.mean([row[lag] for row in rows])), 3) for lag in LAGS}


def main() -> None:
    """Measure and print the table as one JSON line."""
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=32)
    options.add_argument("--steps", type=int, default=None, help="of the flow")
    options.add_argument("--first", type=int, default=1000, help="first seed")
    strata_option(options)
    args = options.parse_args()
    keep_freed_memory()
    import lithogen
    from lithogen.prior import world_fields

    spacing = lithogen.Spacing()
    pipe = lithogen.LithologyPipeline.from_pretrained(args.model)
    found: dict[str, Rows] = {}

    def measure(name: str, world: Any) -> None:
        rows = found.setdefault(name, {"impedance": [], "facies": []})
        impedance = np.log(world.vp[0] * world.rho[0])
        age = world.structure.age.numpy()[0]
        rows["impedance"].append(correlation_along_age(impedance, age, LAGS))
        rows["facies"].append(agreement_along_age(world.facies[0], age, LAGS))

    for seed in range(args.first, args.first + args.n):
        structure = lithogen.Structure.random(seed)
        window = lithogen.Window((0, 64 * (seed % 7), START), SHAPE)
        for name, strata in strata_seeds(seed, args.strata).items():
            measure(name, world_fields(structure, window, spacing, strata))
        measure("generated", pipe.world_fields(structure, window, seed=seed, steps=args.steps))
    sets = [found.pop(name) for name in strata_seeds(0, args.strata)]
    table = {name: {kind: mean_over(rows) for kind, rows in kinds.items()}
             for name, kinds in [("prior", together(sets)), *found.items()]}
    gap = round(gap_of(table["generated"], table["prior"]), 3)
    # One set of strata against the others, as generated worlds are against all.
    others = [gap_of(*({kind: mean_over(rows) for kind, rows in part.items()}
                       for part in (one, together([rest for rest in sets if rest is not one]))))
              for one in sets]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "continuity.json").write_text(json.dumps(table, indent=2), encoding="utf-8")
    report("continuity", gap, "largest difference to the prior", args.n, lags=list(LAGS),
           passes=gap <= LARGEST_GAP, of_other_strata=round(float(np.mean(others)), 3),
           sha256=pipe.weights_sha256, table=table)


if __name__ == "__main__":
    main()
