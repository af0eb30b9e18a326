"""Cost and memory of streamed worlds: CPU per voxel and peak memory at 128^3, 256^3 and 512^3.

    python benchmarks/scaling.py [--largest 256] [--smallest 128] [--steps N] [--folder DIR]

Every size runs in a process of its own and streams to a temporary store, so that its peak is its
own. The value is the CPU per voxel of the largest size over that of 128^3; the goal is 1.15 at
most, and a peak of 1.5 GB at most.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _common import parser, peak_rss_mb, report

SIZES = (32, 64, 128, 256, 512)


def main() -> None:
    """Run the sizes one after another and print the figures."""
    options = parser(__doc__)
    options.add_argument("--largest", type=int, choices=SIZES, default=512)
    options.add_argument("--smallest", type=int, choices=SIZES, default=128)
    options.add_argument("--steps", type=int, default=None)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--folder", type=Path, default=None, help="where the stores go")
    options.add_argument("--only", type=int, default=None, help=argparse.SUPPRESS)
    args = options.parse_args()
    if args.only is not None:
        print(json.dumps(one_size(args)))
        return
    rows = []
    for side in SIZES:
        if not args.smallest <= side <= args.largest:
            continue
        words = [sys.executable, __file__, *sys.argv[1:], "--only", str(side)]
        ended = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
        rows.append(json.loads(ended.stdout.splitlines()[-1]))
        print(json.dumps(rows[-1]), file=sys.stderr)
    first, last = rows[0], rows[-1]
    report("scaling", round(last["cpu_ns_per_voxel"] / first["cpu_ns_per_voxel"], 3),
           f"CPU per voxel at {last['side']}^3 over {first['side']}^3", len(rows),
           peak_rss_mb=max(row["peak_rss_mb"] for row in rows), sizes=rows)


def one_size(args: argparse.Namespace) -> dict[str, Any]:
    """Stream one cube and return its figures; starting up and the first tile are not counted."""
    import torch

    import lithogen
    from lithogen.allocator import keep_freed_memory

    keep_freed_memory()
    torch.set_num_threads(args.threads)
    pipe = lithogen.LithologyPipeline.from_pretrained(args.model)
    kwargs = {"model": pipe, "steps": args.steps, "like": "npra_31_81", "progress": False}
    lithogen.generate((16, 16, 16), 1, **kwargs)
    side = args.only
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        ds = lithogen.generate((side,) * 3, 7, store=Path(folder) / "world.zarr", **kwargs)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        stored = sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file())
        steps, n_bytes = int(ds.attrs["steps"]), ds.nbytes
    return {
        "side": side, "steps": steps, "cpu_s": round(cpu, 2), "wall_s": round(wall, 2),
        "cpu_ns_per_voxel": round(cpu / side**3 * 1e9, 1), "peak_rss_mb": round(peak_rss_mb()),
        "stored_mb": round(stored / 1e6, 1), "uncompressed_mb": round(n_bytes / 1e6, 1),
    }


if __name__ == "__main__":
    main()
