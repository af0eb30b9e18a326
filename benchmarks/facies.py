"""Facies of generated worlds beside the prior's in the same structures.

One tile per seed. Shares of the facies (mean over worlds, and the spread between worlds as a
ratio), changes per sample and per line, changes at the borders of the net's patches, volume in
isolated bodies under 64 voxels, and the share of sandstone inside sand-filled channels.

    python benchmarks/facies.py [--n 8] [--first 4000] [--steps 4] [--shares S P L S W]
"""

from __future__ import annotations

import numpy as np
from _common import noise_weights, parser, report, shares_option

from lithogen.allocator import keep_freed_memory

Row = dict[str, float]


def main() -> None:
    """Measure and print one JSON line."""
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=8)
    options.add_argument("--steps", type=int, default=4)
    options.add_argument("--first", type=int, default=4000, help="first seed")
    shares_option(options)
    args = options.parse_args()
    keep_freed_memory()
    import lithogen
    from lithogen.metrics import change_rate, facies_shares, share_inside, small_body_share
    from lithogen.pipeline import SPACING, TILE_PHASE, TILE_SHAPE
    from lithogen.prior import world_fields
    from lithogen.rockphysics.facies import FACIES, facies_code

    pipe = lithogen.LithologyPipeline.from_pretrained(args.model)
    patch = pipe.denoiser.patch
    window = lithogen.Window((0, 0, TILE_PHASE[2] + TILE_SHAPE[2]), TILE_SHAPE)
    sand = facies_code("sandstone")
    shares: dict[str, list] = {"prior": [], "generated": []}
    rows: dict[str, list[Row]] = {"prior": [], "generated": []}

    for seed in range(args.first, args.first + args.n):
        structure = lithogen.Structure.random(seed)
        prior = world_fields(structure, window, SPACING, seed)
        channel = ((prior.structure.sand_channel > 0.9) & (prior.structure.channel > 0.9)).numpy()
        made = pipe(structure, window, seed=seed, num_inference_steps=args.steps,
                    weights=noise_weights(args))
        for name, facies in (("prior", prior.facies), ("generated", made.lithology)):
            lateral = change_rate(facies, 1)
            border = np.arange(patch[1] - 1, len(lateral), patch[1])
            rows[name].append({
                "per_sample": float(change_rate(facies, 2).mean()),
                "per_line": float(lateral.mean()),
                "at_patch_borders": float(lateral[border].mean()),
                "within_patches": float(np.delete(lateral, border).mean()),
                "small_bodies": small_body_share(facies),
                "sand_in_channels": share_inside(facies, sand, channel),
            })
            shares[name].append(facies_shares(facies, len(FACIES)))
    mean = {name: np.mean(values, 0) for name, values in shares.items()}
    spread = {name: np.std(values, 0) for name, values in shares.items()}
    known = spread["prior"] > 0.005
    table = {name: {key: round(float(np.nanmean([row[key] for row in parts])), 4)
                    for key in parts[0]} for name, parts in rows.items()}
    report(
        "facies", round(float(np.abs(mean["generated"] - mean["prior"]).sum() / 2), 3),
        "share of the volume in other facies than the prior's, on average", args.n,
        steps=args.steps, table=table,
        shares={facies: [round(float(mean[name][code]), 3) for name in mean]
                for code, facies in enumerate(FACIES)},
        spread_ratio=round(float(np.median(spread["generated"][known] / spread["prior"][known])),
                           3),
    )


if __name__ == "__main__":
    main()
