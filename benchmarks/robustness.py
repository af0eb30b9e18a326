"""Worlds of many seeds at odd shapes and origins: none may fail or hold a value out of bounds.

    python benchmarks/robustness.py [--n 100] [--steps N]
"""

from __future__ import annotations

import numpy as np
from _common import parser, report

from lithogen.allocator import keep_freed_memory


def main() -> None:
    """Generate and check; print the number of failures."""
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=100)
    options.add_argument("--steps", type=int, default=None, help="of the flow")
    args = options.parse_args()
    keep_freed_memory()
    import lithogen
    from lithogen.rng import generator

    pipe = lithogen.LithologyPipeline.from_pretrained(args.model)
    failures: list[str] = []
    shares = []
    for seed in range(args.n):
        rng = generator(seed, "benchmark/robustness", 0)
        shape = tuple(int(v) for v in rng.integers(16, 50, 3))
        origin = (*(int(v) for v in rng.integers(-5000, 5000, 2)), int(rng.integers(0, 500)))
        try:
            ds = lithogen.generate(shape, seed, origin=origin, model=pipe, steps=args.steps,
                                   like="npra_31_81", progress=False)
        except Exception as exc:
            failures.append(f"seed {seed} shape {shape} origin {origin}: {exc!r}"[:300])
            continue
        for name in ("vp", "vs", "rho", "impedance", "rgt", "fault", "seismic"):
            if not np.isfinite(ds[name].values).all():
                failures.append(f"seed {seed}: {name} is not finite")
        if tuple(ds.lithology.shape) != shape:
            failures.append(f"seed {seed}: shape {ds.lithology.shape}")
        shares.append(np.bincount(ds.lithology.values.ravel(), minlength=10) / ds.lithology.size)
    report("robustness", len(failures), "failures", args.n, failures=failures[:5],
           mean_facies_share=np.round(np.mean(shares, 0), 4).tolist())


if __name__ == "__main__":
    main()
