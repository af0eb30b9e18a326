"""Continuity along isochrons: generated worlds, the prior, and a white-noise control.

Correlation of log impedance and chance-corrected agreement of facies between columns 8 to 256
lines apart at equal relative geologic time, on strips of 2 x 320 x 128 voxels. All three share
structures, which the prior fills with several sets of strata; how far one of these lies from the
others is printed too. The control was trained and sampled with independent noise per voxel. A model
passes when its correlation and its agreement, averaged over the worlds, lie within 0.05 of the
prior's at every lag.

    python benchmarks/continuity.py [--n 32] [--first 1000] [--control DIR] [--shares S P L S W]
                                    [--strata 6]
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from _common import (
    RESULTS,
    noise_weights,
    parser,
    report,
    shares_option,
    strata_option,
    strata_seeds,
)

from lithogen.allocator import keep_freed_memory

LAGS = (8, 16, 32, 64, 128, 256)
# One tile deep.
SHAPE, START = (2, 320, 128), 176
LARGEST_GAP = 0.05
CONTROL = Path(__file__).with_name("control")


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
    options.add_argument("--control", default=str(CONTROL))
    options.add_argument("--steps", type=int, default=None,
                         help="by default those of the weights")
    options.add_argument("--first", type=int, default=1000, help="first seed")
    strata_option(options)
    shares_option(options)
    args = options.parse_args()
    keep_freed_memory()
    import lithogen
    from lithogen.metrics import agreement_along_age, correlation_along_age
    from lithogen.prior import world_fields

    spacing = lithogen.Spacing()
    shipped = lithogen.LithologyPipeline.from_pretrained(args.model)
    models = {"generated": (shipped, noise_weights(args))}
    if Path(args.control).is_dir():
        control = lithogen.LithologyPipeline.from_pretrained(args.control)
        models["white_noise_control"] = (control, lithogen.NoiseWeights.white_only())
    found: dict[str, Rows] = {}

    def measure(name: str, vp, rho, facies, age) -> None:
        rows = found.setdefault(name, {"impedance": [], "facies": []})
        rows["impedance"].append(correlation_along_age(np.log(vp * rho)[0], age[0], LAGS))
        rows["facies"].append(agreement_along_age(facies[0], age[0], LAGS))

    for seed in range(args.first, args.first + args.n):
        structure = lithogen.Structure.random(seed)
        window = lithogen.Window((0, 64 * (seed % 7), START), SHAPE)
        for name, strata in strata_seeds(seed, args.strata).items():
            prior = world_fields(structure, window, spacing, strata)
            measure(name, prior.vp, prior.rho, prior.facies, prior.structure.age.numpy())
        for name, (pipe, weights) in models.items():
            out = pipe(structure, window, seed=seed, num_inference_steps=args.steps,
                       weights=weights)
            measure(name, out.vp, out.rho, out.lithology, out.rgt)
    sets = [found.pop(name) for name in strata_seeds(0, args.strata)]
    table = {name: {kind: mean_over(rows) for kind, rows in kinds.items()}
             for name, kinds in [("prior", together(sets)), *found.items()]}
    gaps = {name: round(gap_of(kinds, table["prior"]), 3) for name, kinds in table.items()}
    # One set of strata against the others, as generated worlds are against all.
    others = [gap_of(*({kind: mean_over(rows) for kind, rows in part.items()}
                       for part in (one, together([rest for rest in sets if rest is not one]))))
              for one in sets]
    verdict = {name: gap <= LARGEST_GAP for name, gap in gaps.items()}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "continuity.json").write_text(json.dumps(table, indent=2), encoding="utf-8")
    report("continuity", gaps["generated"], "largest difference to the prior", args.n,
           lags=list(LAGS), gaps=gaps, passes=verdict, table=table,
           of_other_strata=round(float(np.mean(others)), 3))


if __name__ == "__main__":
    main()
