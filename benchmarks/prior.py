"""Speed of the procedural prior on one thread, with the share of every step.

Worlds of random scenarios, or with `--everything` all kinds of bodies, faults, salt and
unconformities at full strength; every label, fluids included.

    python benchmarks/prior.py [--n 12] [--size 128] [--everything]
"""

from __future__ import annotations

import functools
import importlib
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from _common import parser, peak_rss_mb, report

from lithogen.allocator import keep_freed_memory

FIRST_SEED = 100
# Step -> the functions whose own time it is: module, name.
STEPS: dict[str, list[tuple[str, str]]] = {
    "faults and salt": [("lithogen.structure.model", "faults_near"),
                        ("lithogen.structure.model", "undo_fault"),
                        ("lithogen.structure.model", "domes_near"),
                        ("lithogen.structure.model", "undo_dome")],
    "age of layers": [("lithogen.structure.model", "age_of"),
                      ("lithogen.structure.layers", "columns")],
    "bodies drawn": [("lithogen.structure.model", "draw_bodies")],
    "bodies drape": [("lithogen.structure.layers", "drape")],
    "bodies painted": [("lithogen.structure.model", "paint")],
    "strata tables": [("lithogen.prior.tables", "beds_between"),
                      ("lithogen.prior.tables", "bed_properties"),
                      ("lithogen.prior.tables", "dominant")],
    "block means": [("lithogen.prior.tables", "block_means")],
    "fill of bodies": [("lithogen.strata.voxels", "fill_bodies"),
                       ("lithogen.strata.voxels", "shuffled")],
    "elastic": [("lithogen.strata.voxels", "_elastic"), ("lithogen.strata.voxels", "_lift")],
    "fluids": [("lithogen.strata.voxels", "fluids"), ("lithogen.strata.voxels", "substitute")],
}
FULL = {
    "channels": 1.0, "lobes": 1.0, "deltas": 1.0, "buildups": 1.0, "karst": 1.0,
    "mass_transport": 1.0, "canyons": 1.0, "salt": 1.0, "faulting": 1.0, "polygonal": 1.0,
    "growth": 1.0, "clinoforms": 1.0, "unconformities": 4, "hydrocarbons": 1.0,
    "carbonate_share": 0.3,
}


class Stopwatch:
    """Gives every step the CPU time that no step inside it took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inner = [0.0]

    def wrap(self, step: str, module: str, name: str) -> None:
        """Time a function of a module."""
        home = importlib.import_module(module)
        setattr(home, name, self._timed(step, getattr(home, name)))

    def _timed(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*args: Any, **named: Any) -> Any:
            self._inner.append(0.0)
            begin = time.process_time()
            try:
                found = function(*args, **named)
                # A generator works when it is asked: ask here.
                return list(found) if hasattr(found, "__next__") else found
            finally:
                whole = time.process_time() - begin
                self.seconds[step] += whole - self._inner.pop()
                self._inner[-1] += whole

        return timed


def main() -> None:
    """Time worlds and print one JSON line."""
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=12)
    options.add_argument("--size", type=int, default=128, help="voxels a side")
    options.add_argument("--everything", action="store_true", help="all controls at full strength")
    args = options.parse_args()
    keep_freed_memory()
    import torch

    import lithogen
    from lithogen.prior.sample import labelled_world
    from lithogen.rockphysics import fluid_properties

    torch.set_num_threads(1)
    watch = Stopwatch()
    for step, functions in STEPS.items():
        for module, name in functions:
            watch.wrap(step, module, name)
    # Loads bruges, which takes as long as a world.
    fluid_properties(1000.0, 0.0)
    window = lithogen.Window((0, 0, 60), (args.size,) * 3)
    cpu: list[float] = []
    # The first world pays for imports and tables of random numbers.
    for seed in range(FIRST_SEED - 1, FIRST_SEED + args.n):
        scenario = lithogen.Scenario.random(seed)
        if args.everything:
            scenario = scenario.with_(**FULL)
        begin = time.process_time()
        labelled_world(lithogen.Structure(seed, scenario), window, lithogen.Spacing(), seed)
        if seed < FIRST_SEED:
            watch.seconds.clear()
        else:
            cpu.append(time.process_time() - begin)
    total = sum(cpu)
    share = {step: round(seconds / total, 3) for step, seconds in watch.seconds.items()}
    report("prior" + ("_everything" if args.everything else ""),
           round(args.n * window.size / total), "voxels per CPU-second", args.n,
           shape=list(window.shape), median=round(window.size / sorted(cpu)[len(cpu) // 2]),
           share=share | {"other": round(1.0 - sum(share.values()), 3)},
           peak_rss_mb=round(peak_rss_mb()))


if __name__ == "__main__":
    main()
