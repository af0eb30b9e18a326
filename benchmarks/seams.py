"""Seams: do tiles meet? Compares changes of facies across tile borders with those elsewhere.

The share of voxels whose facies differ from those of the next crossline, and of the next sample:
where two tiles meet, over the mean of all other places in the same worlds. A border that cannot be
told has a ratio near 1; the scatter of single places around the mean is printed beside it.

    python benchmarks/seams.py [--n 6]
"""

from __future__ import annotations

import numpy as np
from _common import parser, report
from numpy.typing import NDArray

from lithogen.allocator import keep_freed_memory

AXES = {"xline": 1, "twt": 2}


def main() -> None:
    """Measure and print one JSON line."""
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=6)
    args = options.parse_args()
    keep_freed_memory()
    import lithogen
    from lithogen.diffusion.pipeline import TILE_PHASE, TILE_SHAPE

    pipe = lithogen.LithologyPipeline.from_pretrained(args.model)
    rates: dict[str, list[NDArray[np.float64]]] = {name: [] for name in AXES}
    window = lithogen.Window(
        (0, 0, TILE_PHASE[2] + TILE_SHAPE[2]),
        (TILE_SHAPE[0], 2 * TILE_SHAPE[1], 2 * TILE_SHAPE[2]))
    for seed in range(2000, 2000 + args.n):
        out = pipe(lithogen.Structure.random(seed), window, seed=seed)
        for name, axis in AXES.items():
            others = tuple(n for n in range(3) if n != axis)
            rates[name].append((np.diff(out.lithology, axis=axis) != 0).mean(axis=others))
    figures = {}
    for name, axis in AXES.items():
        mean = np.mean(rates[name], axis=0)
        border = TILE_SHAPE[axis] - 1
        inside = np.delete(mean, border)
        figures[name] = {
            "ratio": round(float(mean[border] / inside.mean()), 3),
            "across": round(float(mean[border]), 4), "inside": round(float(inside.mean()), 4),
            "scatter_of_places": round(float(inside.std() / inside.mean()), 3),
        }
    report("seams", figures["xline"]["ratio"],
           "facies changes at tile borders over those inside", args.n, axes=figures)


if __name__ == "__main__":
    main()
