"""Seams: do tiles meet? Compares changes of facies across tile borders with those elsewhere.

The share of voxels whose facies differ between neighbouring crosslines: at a border of the
lattice, at the borders of the net's patches of 4 lines inside tiles, and within patches. A ratio of
the first two near 1 means that a seam cannot be told from any other patch border.

    python benchmarks/seams.py [--n 6]
"""

from __future__ import annotations

import numpy as np
from _common import parser, report

from lithogen.allocator import keep_freed_memory


def main() -> None:
    """Measure and print one JSON line."""
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=6)
    args = options.parse_args()
    keep_freed_memory()
    import lithogen
    from lithogen.pipeline import TILE_PHASE, TILE_SHAPE

    pipe = lithogen.LithologyPipeline.from_pretrained(args.model)
    across: list[float] = []
    inside: list[float] = []
    within: list[float] = []
    for seed in range(2000, 2000 + args.n):
        origin = (0, 0, TILE_PHASE[2] + TILE_SHAPE[2])
        window = lithogen.Window(origin, (TILE_SHAPE[0], 2 * TILE_SHAPE[1], TILE_SHAPE[2]))
        out = pipe(lithogen.Structure.random(seed), window, seed=seed)
        differs = (np.diff(out.lithology, axis=1) != 0).mean(axis=(0, 2))
        border = TILE_SHAPE[1] - 1
        across.append(float(differs[border]))
        cells = np.arange(3, len(differs), 4)
        inside.append(float(differs[cells[cells != border]].mean()))
        within.append(float(np.delete(differs, cells).mean()))
    ratio = float(np.mean(across) / np.mean(inside))
    report("seams", round(ratio, 3), "facies changes at tile borders over those inside", args.n,
           across=round(float(np.mean(across)), 4), inside=round(float(np.mean(inside)), 4),
           within_patches=round(float(np.mean(within)), 4))


if __name__ == "__main__":
    main()
