"""Picture of one large world: a section and a time slice of lithology, impedance and seismic.

    python benchmarks/large.py [--shape 512 512 256] [--seed 7] [--steps N] [--model FOLDER]
                               [--out results/large.png]

The world is streamed to a temporary store in a process of one thread. To be looked at: layers that
go on through all tiles, faults with throw, bodies, no grid of tiles. The value is the
peak memory in MB.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from _common import RESULTS, parser, peak_rss_mb, report

VARIABLES = ("lithology", "impedance", "seismic")
SIZE_IN = (17.0, 12.5)


def main() -> None:
    """Generate, draw and print one JSON line."""
    options = parser(__doc__)
    options.add_argument("--shape", type=int, nargs=3, default=(512, 512, 256))
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--steps", type=int, default=None)
    options.add_argument("--out", type=Path, default=RESULTS / "large.png")
    options.add_argument("--folder", type=Path, default=None, help="where the store goes")
    args = options.parse_args()
    import torch
    from matplotlib.figure import Figure

    import lithogen
    from lithogen.allocator import keep_freed_memory
    from viz import plot_section, plot_time_slice, save_figure

    args.out.parent.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()
    torch.set_num_threads(1)
    pipe = lithogen.LithologyPipeline.from_pretrained(args.model)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        begun = time.process_time()
        ds = lithogen.generate(
            tuple(args.shape), args.seed, model=pipe, steps=args.steps, like="npra_31_81",
            store=Path(folder) / "world.zarr", progress=False)
        seconds, peak = time.process_time() - begun, peak_rss_mb()
        figure = Figure(figsize=SIZE_IN, layout="constrained")
        panels = figure.subplots(2, len(VARIABLES))
        iline = float(ds["iline"].values[args.shape[0] // 2])
        twt = float(ds["twt"].values[args.shape[2] // 2])
        for (above, below), name in zip(panels.T, VARIABLES, strict=True):
            plot_section(ds, variable=name, iline=iline, axes=above)
            plot_time_slice(ds, twt, variable=name, axes=below)
            below.set_aspect("equal")
    save_figure(figure, args.out)
    report("large", round(peak), "peak memory in MB", 1, shape=list(args.shape), seed=args.seed,
           cpu_s=round(seconds, 1), picture=str(args.out))


if __name__ == "__main__":
    main()
