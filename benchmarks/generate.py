"""Cost of `lithogen.generate`: voxels per CPU-second and peak memory, after one warm-up tile.

    python benchmarks/generate.py [--shape 128 128 256] [--steps 4] [--threads 1]
                                  [--no-renewed]
"""

from __future__ import annotations

import time

from _common import noise_weights, parser, peak_rss_mb, report, shares_option

from lithogen.allocator import keep_freed_memory


def main() -> None:
    """Generate one world and print the figures."""
    options = parser(__doc__)
    options.add_argument("--shape", type=int, nargs=3, default=(128, 128, 256))
    options.add_argument("--steps", type=int, default=None)
    options.add_argument("--threads", type=int, default=1)
    shares_option(options)
    args = options.parse_args()
    keep_freed_memory()
    import torch

    import lithogen

    torch.set_num_threads(args.threads)
    pipe = lithogen.LithologyPipeline.from_pretrained(args.model)
    kwargs = {"model": pipe, "steps": args.steps, "like": "npra_31_81", "progress": False,
              "noise": noise_weights(args)}
    lithogen.generate((16, 16, 16), 1, **kwargs)
    # CPU seconds per step of stage 1, summed by the pipeline over its calls.
    before = dict(getattr(pipe, "timings", {}))
    wall, cpu = time.perf_counter(), time.process_time()
    ds = lithogen.generate(tuple(args.shape), 7, **kwargs)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    steps_s = {name: round(seconds - before.get(name, 0.0), 2)
               for name, seconds in getattr(pipe, "timings", {}).items()}
    # Stage 2, assembly of the result and what the pipeline does not attribute.
    steps_s["seismic and other"] = round(cpu - sum(steps_s.values()), 2)
    n_voxel = ds.lithology.size
    report(
        "generate", round(n_voxel / cpu), "voxels per CPU-second", 1, shape=list(args.shape),
        steps=int(ds.attrs["steps"]), cpu_s=round(cpu, 2), wall_s=round(wall, 2),
        peak_rss_mb=round(peak_rss_mb()), cpu_s_by_step=steps_s,
    )


if __name__ == "__main__":
    main()
