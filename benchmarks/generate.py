"""Cost of `lithogen.generate`: voxels per CPU-second and peak memory, after one warm-up tile.

    python benchmarks/generate.py [--shape 128 128 256] [--steps N] [--threads 1]
    python benchmarks/generate.py --section [--repeats 3]
    python benchmarks/generate.py --against WORKTREE [--repeats 3]

With --section: seconds of one line, 256 crosslines and 512 samples with seismic, on one thread
after a warm-up world; medians of so many seeds.

With --against a former version, checked out in WORKTREE, makes the same seeds: 128 x 128 x 128
voxels, all labels, three stacks, defaults, its own weights. Each version has a process of one
thread that stays alive; after a world each that is not counted they take turns. The value is the
median over seeds of the voxels per CPU-second of this checkout over those of the other.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from _common import ROOT, parser, peak_rss_mb, report
from _worker import Worker, timed_world

from lithogen.allocator import keep_freed_memory

SECTION, CUBE = (1, 256, 512), (128, 128, 128)
WARM_SEED, FIRST_SEED = 6, 7


def main() -> None:
    """Generate worlds and print the figures."""
    options = parser(__doc__)
    options.add_argument("--shape", type=int, nargs=3, default=(128, 128, 256))
    options.add_argument("--steps", type=int, default=None)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--repeats", type=int, default=3, help="seeds of the other two modes")
    mode = options.add_mutually_exclusive_group()
    mode.add_argument("--section", action="store_true", help="time one line")
    mode.add_argument("--against", type=Path, default=None, metavar="WORKTREE",
                      help="compare with the version checked out there")
    args = options.parse_args()
    keep_freed_memory()
    if args.against is not None:
        compare_versions(args)
    elif args.section:
        time_section(args)
    else:
        time_cube(args)


def load_pipeline(model: str | None, threads: int) -> Any:
    """Return the pipeline of a folder of weights, for so many threads."""
    import torch

    import lithogen

    torch.set_num_threads(threads)
    return lithogen.LithologyPipeline.from_pretrained(model)


def time_cube(args: argparse.Namespace) -> None:
    """Print the cost of one world like a survey, and of every step of it."""
    pipe = load_pipeline(args.model, args.threads)
    kwargs = {"steps": args.steps, "like": "npra_31_81"}
    timed_world(pipe, (16, 16, 16), 1, **kwargs)
    # CPU seconds per step of stage 1, summed by the pipeline over its calls.
    before = dict(pipe.timings)
    cost = timed_world(pipe, args.shape, FIRST_SEED, **kwargs)
    steps_s = {name: round(seconds - before.get(name, 0.0), 2)
               for name, seconds in pipe.timings.items()}
    # Stage 2, assembly of the result and what the pipeline does not attribute.
    steps_s["seismic and other"] = round(cost["cpu_s"] - sum(steps_s.values()), 2)
    report(
        "generate", round(cost["voxels"] / cost["cpu_s"]), "voxels per CPU-second", 1,
        shape=list(args.shape), cpu_s_by_step=steps_s,
        **{name: cost[name] for name in ("steps", "cpu_s", "wall_s", "peak_rss_mb")},
    )


def time_section(args: argparse.Namespace) -> None:
    """Print the seconds of one line, medians over seeds."""
    begun = time.perf_counter()
    pipe = load_pipeline(args.model, 1)
    timed_world(pipe, SECTION, WARM_SEED, steps=args.steps)
    ready_s = time.perf_counter() - begun
    costs = [timed_world(pipe, SECTION, FIRST_SEED + k, steps=args.steps)
             for k in range(args.repeats)]
    wall_s, cpu_s = ([cost[name] for cost in costs] for name in ("wall_s", "cpu_s"))
    report("section", round(median(wall_s), 3), "seconds", args.repeats, shape=list(SECTION),
           steps=costs[0]["steps"], cpu_s=round(median(cpu_s), 3), wall_s_of_seeds=wall_s,
           cpu_s_of_seeds=cpu_s, ready_s=round(ready_s, 1), peak_rss_mb=round(peak_rss_mb()))


def compare_versions(args: argparse.Namespace) -> None:
    """Print how much faster this checkout is than another one, in turns."""
    costs: dict[str, list[dict[str, Any]]] = {"here": [], "there": []}
    with (tempfile.TemporaryDirectory() as folder,
          Worker(ROOT, Path(folder) / "here", args.model) as here,
          Worker(args.against.resolve(), Path(folder) / "there") as there):
        workers = {"here": here, "there": there}
        packages = {name: worker.ask(CUBE, WARM_SEED)["package"]
                    for name, worker in workers.items()}
        for seed in range(FIRST_SEED, FIRST_SEED + args.repeats):
            for name, worker in workers.items():
                costs[name].append(worker.ask(CUBE, seed))
    cpu_s = {name: [cost["cpu_s"] for cost in rows] for name, rows in costs.items()}
    # Both keep the same number of voxels, so the ratio of speeds is that of times.
    ratios = [slow / fast for fast, slow in zip(cpu_s["here"], cpu_s["there"], strict=True)]
    report(
        "against", round(median(ratios), 3), "times the voxels per CPU-second", args.repeats,
        ratios=[round(ratio, 3) for ratio in ratios], shape=list(CUBE), packages=packages,
        voxels_per_cpu_s={name: round(median(row["voxels"] / row["cpu_s"] for row in rows))
                          for name, rows in costs.items()},
        steps={name: rows[0]["steps"] for name, rows in costs.items()}, cpu_s=cpu_s,
        peak_rss_mb={name: rows[-1]["peak_rss_mb"] for name, rows in costs.items()},
    )


if __name__ == "__main__":
    main()
