"""Facies of generated worlds beside the prior's in the same structures.

One tile per seed. The same structures can be filled with other strata, which moves the shares of
forty worlds by some .025 of the volume: so the prior is the mean of several sets of strata, and
where one set lies beside the others stands with the figure of the generated worlds.

Shares of the facies (mean over worlds, and the spread between worlds as a ratio), changes per
sample and per line, changes at the borders of the net's patches, volume in isolated bodies under 64
voxels, and the share of sandstone inside sand-filled channels. Share of 2 x 2 x 2 patterns that
change along lines and hold two facies, and three or more. Standard deviation of ln impedance, and
its RMS step from line to line and down where facies change and elsewhere. Divergence of all
2 x 2 x 2 patterns from the prior's, mean over its sets, and of these from one another: it falls
with the number of worlds. At 2 ms or 12.5 m a sample or a line is half of what it is by default.

    python benchmarks/facies.py [--n 40] [--first 4000] [--steps N] [--shares S P L S W]
                                [--dt-ms 4] [--line-m 25] [--strata 6]
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
from _common import (
    noise_weights,
    parser,
    report,
    shares_option,
    strata_option,
    strata_seeds,
)
from _quality import channel_sand, log_impedance, median
from numpy.typing import NDArray

from lithogen.allocator import keep_freed_memory

Row = dict[str, float]
GENERATED = "generated"


def main() -> None:
    """Measure and print one JSON line."""
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=40)
    options.add_argument("--steps", type=int, default=None,
                         help="by default those of the weights")
    options.add_argument("--first", type=int, default=4000, help="first seed")
    options.add_argument("--dt-ms", type=float, default=4.0, help="4 or 2")
    options.add_argument("--line-m", type=float, default=25.0, help="25 or 12.5")
    strata_option(options)
    shares_option(options)
    args = options.parse_args()
    keep_freed_memory()
    import lithogen
    from lithogen.metrics import (
        change_rate,
        facies_shares,
        fray,
        pattern_divergence,
        pattern_kinds,
        small_body_share,
        spread_ratio,
    )
    from lithogen.pipeline import TILE_PHASE, TILE_SHAPE
    from lithogen.prior import world_fields
    from lithogen.rockphysics.facies import FACIES, facies_code

    pipe = lithogen.LithologyPipeline.from_pretrained(args.model)
    patch = pipe.denoiser.config.patch
    spacing = lithogen.Spacing(args.dt_ms * 1e-3, args.line_m, args.line_m)
    # One tile from about 0.7 s on.
    below = round(lithogen.Spacing().dt_s / spacing.dt_s)
    window = lithogen.Window((0, 0, TILE_PHASE[2] + below * TILE_SHAPE[2]), TILE_SHAPE)
    sand = facies_code("sandstone")
    priors = list(strata_seeds(0, args.strata))
    shares: dict[str, list] = {name: [] for name in (*priors, GENERATED)}
    rows: dict[str, list[Row]] = {name: [] for name in shares}
    worlds: dict[str, list] = {name: [] for name in shares}

    def measured(name: str, structure: Any, facies: NDArray[np.integer], rock: Any) -> None:
        impedance = log_impedance(rock.vp, rock.rho)
        kinds = pattern_kinds(facies)
        along, down = (steps(facies, impedance, axis) for axis in (1, 2))
        border, within = fray(facies, patch[1], 1) if patch[1] > 1 else (np.nan, np.nan)
        rows[name].append({
            "per_sample": float(change_rate(facies, 2).mean()),
            "per_line": float(change_rate(facies, 1).mean()),
            "at_patch_borders": border,
            "within_patches": within,
            "small_bodies": small_body_share(facies),
            "sand_in_channels": channel_sand(structure, facies, sand),
            "patterns_of_two": float(kinds[2]),
            "patterns_of_three": float(kinds[3]),
            "impedance_std": float(impedance.std()),
            "step_at_changes": along[0],
            "step_elsewhere": along[1],
            "step_down_at_changes": down[0],
            "step_down_elsewhere": down[1],
        })
        shares[name].append(facies_shares(facies, len(FACIES)))
        worlds[name].append(facies)

    for seed in range(args.first, args.first + args.n):
        structure = lithogen.Structure.random(seed)
        for name, strata in strata_seeds(seed, args.strata).items():
            prior = world_fields(structure, window, spacing, strata)
            measured(name, prior.structure, prior.facies, prior)
        made = pipe(structure, window, seed=seed, num_inference_steps=args.steps,
                    weights=noise_weights(args), spacing=spacing)
        measured(GENERATED, prior.structure, made.lithology, made)
    mean = {name: np.mean(values, 0) for name, values in shares.items()}
    expected = np.mean([mean[name] for name in priors], 0)
    table = {name: {key: mean_or_none([row[key] for row in parts]) for key in parts[0]}
             for name, parts in (("prior", [row for one in priors for row in rows[one]]),
                                 (GENERATED, rows[GENERATED]))}
    stacked = {name: np.stack(values) for name, values in shares.items()}
    spread, spread_of_others = (
        mean_or_none([median(spread_ratio(stacked[one], stacked[two])) for one, two in pairs])
        if args.n > 1 else None
        for pairs in ([(GENERATED, name) for name in priors], permutations(priors, 2)))
    packed = {name: np.stack(values) for name, values in worlds.items()}
    patterns, patterns_of_others = (
        mean_or_none([pattern_divergence(packed[one], packed[two], len(FACIES))
                      for one, two in pairs])
        for pairs in ([(name, GENERATED) for name in priors],
                      [(priors[0], name) for name in priors[1:]]))
    # One set against the mean of the others, not against a mean that holds it.
    others = [apart(mean[name], np.mean([mean[one] for one in priors if one != name], 0))
              for name in priors]
    report(
        "facies", round(apart(mean[GENERATED], expected), 3),
        "share of the volume in other facies than the prior's, on average", args.n,
        of_other_strata=mean_or_none(others), strata=args.strata,
        steps=args.steps or pipe.default_steps, dt_ms=args.dt_ms, line_m=args.line_m, table=table,
        shares={facies: [round(float(values[code]), 3) for values in (expected, mean[GENERATED])]
                for code, facies in enumerate(FACIES)},
        spread_ratio=spread, spread_of_other_strata=spread_of_others,
        patterns=patterns, patterns_of_other_strata=patterns_of_others,
    )


def apart(one: NDArray[np.floating], two: NDArray[np.floating]) -> float:
    """Return the share of the volume in other facies of two sets of shares."""
    return float(np.abs(one - two).sum() / 2)


def steps(
    facies: NDArray[np.integer], impedance: NDArray[np.floating], axis: int
) -> tuple[float, float]:
    """Return the RMS step of ln impedance between neighbours where facies change, and elsewhere."""
    step = np.diff(impedance, axis=axis)
    changes = np.diff(facies, axis=axis) != 0
    where, elsewhere = (float(np.sqrt(np.square(step[mask]).mean())) if mask.any() else np.nan
                        for mask in (changes, ~changes))
    return where, elsewhere


def mean_or_none(values: list[float]) -> float | None:
    """Return the mean of the finite values, None without one."""
    known = [value for value in values if np.isfinite(value)]
    return round(float(np.mean(known)), 4) if known else None


if __name__ == "__main__":
    main()
