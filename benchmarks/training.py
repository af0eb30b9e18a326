"""Cost of one training step of stage 1: peak memory, voxels and steps per second.

    python benchmarks/training.py [--crop 32 32 64] [--batch 32] [--micro 1] [--steps 4]

The default batch is 32 crops of 32 x 32 x 64 = 65,536 voxels, as many as 32 sections of 256 x 256.
Memory is the peak of the steps beyond what a process holds after imports and worlds: crops,
activations, gradients and the state of the optimiser. It is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _common import peak_rss_mb, report

LIMIT_MB = 1000.0
SECTION_VOXELS = 256 * 256
CLEAR_REFS = Path("/proc/self/clear_refs")


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--recipe", default=None, help="TOML recipe, by default the packaged one")
    options.add_argument("--crop", type=int, nargs=3, default=(32, 32, 64))
    options.add_argument("--batch", type=int, default=32)
    options.add_argument("--micro", type=int, default=1)
    options.add_argument("--steps", type=int, default=4)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--worlds", type=int, default=2)
    options.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    return options.parse_args()


def _forget_peak() -> None:
    """Give freed memory back and set the peak to what is held now."""
    import ctypes

    if not CLEAR_REFS.exists():
        raise SystemExit(f"{CLEAR_REFS} is missing; this benchmark needs Linux")
    gc.collect()
    # Freed memory that the allocator keeps would hide as much of what follows.
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    CLEAR_REFS.write_text("5")


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Train for some steps and return the figures."""
    from dataclasses import replace

    import torch

    from lithogen.allocator import keep_freed_memory
    from lithogen.training import train_litho
    from lithogen.training.config import LithoTraining
    from lithogen.training.worlds import make_worlds

    # As the command line does.
    keep_freed_memory()
    torch.set_num_threads(args.threads)
    packaged = Path(train_litho.__file__).with_name("recipes") / "litho.toml"
    recipe = LithoTraining.from_toml(args.recipe or packaged)
    recipe = replace(
        recipe, crop_shape=tuple(args.crop), batch=args.batch, micro_batch=args.micro,
        n_worlds=args.worlds, n_steps=args.steps + 1000, log_every=1, save_every=10**6,
        sample_every=10**6)
    worlds = make_worlds(recipe, "train", recipe.n_worlds)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.toml"
        path.write_text("".join(f"{k} = {_toml(v)}\n" for k, v in recipe.to_dict().items()))
        _forget_peak()
        before = peak_rss_mb()
        started = time.perf_counter()
        train_litho.train(path, Path(folder) / "run", progress=False, worlds=worlds,
                          stop_after=args.steps)
        seconds = time.perf_counter() - started
        rows = [json.loads(line) for line in (Path(folder) / "run" / "log.jsonl").open()]
    voxels_per_s = [row["voxels_per_s"] for row in rows if "voxels_per_s" in row]
    n_voxel = args.batch * math.prod(args.crop)
    return {
        "before_mb": round(before), "step_mb": round(peak_rss_mb() - before, 1),
        "voxels_per_s": round(voxels_per_s[-1]),
        "steps_per_s": round(voxels_per_s[-1] / n_voxel, 4), "seconds": round(seconds, 1),
        "n_parameters": sum(p.numel() for p in train_litho.new_model(
            recipe, *train_litho.latent_statistics(worlds)).parameters()),
    }


def _toml(value: Any) -> str:
    """Return a value of a recipe as TOML: tuples are arrays."""
    return json.dumps(value)


def main() -> None:
    """Measure in a process of its own and print the one line."""
    args = _options()
    if args.measure:
        print(json.dumps(measure(args)))
        return
    done = subprocess.run([sys.executable, __file__, *sys.argv[1:], "--measure"],
                          stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    report(
        "training_step_memory", found["step_mb"], "MB", args.steps, limit_mb=LIMIT_MB,
        is_met=found["step_mb"] < LIMIT_MB, crop=list(args.crop), batch=args.batch,
        micro_batch=args.micro, torch_threads=args.threads,
        sections_of_256=round(args.batch * math.prod(args.crop) / SECTION_VOXELS, 1),
        **{k: v for k, v in found.items() if k != "step_mb"},
    )


if __name__ == "__main__":
    main()
