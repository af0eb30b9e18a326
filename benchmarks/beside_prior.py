"""Contact sheet of generated worlds, each beside the prior world of the same structure.

    python benchmarks/beside_prior.py [--n 16] [--first 100] [--steps N] [--model FOLDER]
                                      [--out results/beside_prior.png]

Sections of 192 crosslines and 172 samples, three tiles wide, a time slice at 0.48 s, and seismic of
the same wavelet and noise for both. To be looked at.
"""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import _realism as base
from _common import RESULTS, parser
from contact_sheet import write_sheet

from viz.contact_sheet import SheetPlace, SheetWorld

SHAPE = (64, 192, 172)
ILINE, SLICE_SAMPLE = 32, 120


def panels(title: str, seed: int, facies: Any, elastic: tuple[Any, Any, Any]) -> SheetWorld:
    """Return what the sheet shows of one world."""
    cut = slice(ILINE, ILINE + 1)
    vp, vs, rho = (values[cut] for values in elastic)
    seismic = base.seismic_section(seed, SimpleNamespace(vp=vp, vs=vs, rho=rho))
    return SheetWorld(title, facies[ILINE], (vp * rho)[0], seismic, facies[:, :, SLICE_SAMPLE])


def main() -> None:
    """Draw the sheet and print one JSON line."""
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=16, help="number of structures")
    options.add_argument("--first", type=int, default=100, help="first seed")
    options.add_argument("--steps", type=int, default=None)
    options.add_argument("--out", type=Path, default=RESULTS / "beside_prior.png")
    args = options.parse_args()
    import torch

    import lithogen
    from lithogen.allocator import keep_freed_memory
    from lithogen.diffusion.pipeline import SPACING
    from lithogen.prior import world_fields

    keep_freed_memory()
    torch.set_num_threads(1)
    pipe = lithogen.LithologyPipeline.from_pretrained(args.model)
    told = {} if args.steps is None else {"num_inference_steps": args.steps}
    window, worlds, seconds = lithogen.Window((0, 0, 0), SHAPE), [], 0.0
    for seed in range(args.first, args.first + args.n):
        structure = lithogen.Structure.random(seed)
        prior = world_fields(structure, window, SPACING, seed)
        begun = time.process_time()
        made = pipe(structure, window, seed=seed, **told)
        seconds += time.process_time() - begun
        worlds += [
            panels(f"seed {seed}: prior", seed, prior.facies, (prior.vp, prior.vs, prior.rho)),
            panels(f"seed {seed}: generated", seed, made.lithology, (made.vp, made.vs, made.rho)),
        ]
    write_sheet("beside_prior", worlds, SheetPlace(SPACING, 0.0, SLICE_SAMPLE * 0.004, ILINE),
                args.out, (round(seconds / args.n, 2), "CPU-s per generated world", args.n),
                n_columns=2)


if __name__ == "__main__":
    main()
