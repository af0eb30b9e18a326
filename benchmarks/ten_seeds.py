"""Ten worlds as an interpreter would look at them: the prior's, generated ones, a former version's.

    python benchmarks/ten_seeds.py [--n 10] [--first 101] [--against WORKTREE] [--model FOLDER]
                                   [--out results/ten_seeds]

One picture a seed, a row a version: facies of an inline at 4 ms, impedance of a part of it at 2 ms
(thin beds that dip), facies of a time slice, and facies of the inline flattened on geologic age
(layers that pinch out, gaps at unconformities). Structures are the same in every row.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _common import RESULTS, parser, report
from _worker import ONE_THREAD
from generate import load_pipeline

SHAPE, ILINE, SLICE_SAMPLE = (64, 192, 172), 32, 120
# The part at 2 ms: one line of tiles, from 0.3 s on.
FINE_SHAPE, FINE_ORIGIN = (16, 96, 172), (24, 48, 150)
FLAT_STEP_MS = 2.0
Arrays = dict[str, np.ndarray[Any, Any]]
Make = Callable[..., Any]


def main() -> None:
    """Draw the pictures and print one JSON line."""
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=10, help="seeds")
    options.add_argument("--first", type=int, default=101, help="first seed")
    options.add_argument("--against", type=Path, default=None, metavar="WORKTREE",
                         help="a former version, checked out there")
    options.add_argument("--out", type=Path, default=RESULTS / "ten_seeds")
    options.add_argument("--dump", action="store_true", help="write arrays only (for --against)")
    args = options.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    seeds = range(args.first, args.first + args.n)
    if args.dump:
        pipe = load_pipeline(None, 1)
        for seed in seeds:
            np.savez(args.out / f"{seed}.npz", **generated(seed, pipe))
        return
    rows = {}
    if args.against is not None:
        former = args.out / "former"
        subprocess.run(
            [sys.executable, __file__, "--dump", "--n", str(args.n), "--first", str(args.first),
             "--out", str(former)], check=True,
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(args.against.resolve())})
        rows["former version"] = lambda seed: dict(np.load(former / f"{seed}.npz"))
    pipe = load_pipeline(args.model, 1)
    rows["generated"] = lambda seed: generated(seed, pipe)
    rows["prior"] = of_prior
    for seed in seeds:
        draw(seed, {name: make(seed) for name, make in rows.items()}, args.out / f"{seed}.png")
    report("ten_seeds", args.n, "pictures", args.n, folder=args.out.name, rows=list(rows))


def generated(seed: int, pipe: Any) -> Arrays:
    """Return what is shown of a generated world."""
    import lithogen

    structure = lithogen.Structure.random(seed)

    def make(window: Any, spacing: Any) -> tuple[Any, Any, Any]:
        ds = lithogen.generate(window.shape, seed, origin=window.origin, spacing=spacing,
                               structure=structure, model=pipe, progress=False, angles_deg=(10,))
        return ds.lithology.values, ds.vp.values * ds.rho.values, ds.rgt.values

    return views(make)


def of_prior(seed: int) -> Arrays:
    """Return what is shown of a world of the prior."""
    import lithogen
    from lithogen.prior import world_fields

    structure = lithogen.Structure.random(seed)

    def make(window: Any, spacing: Any) -> tuple[Any, Any, Any]:
        world = world_fields(structure, window, spacing, seed)
        return world.facies, world.vp * world.rho, world.structure.age.numpy()

    return views(make)


def views(make: Make) -> Arrays:
    """Return what is shown of a world that `make` gives as facies, impedance and ages."""
    import lithogen

    facies, _, age = make(lithogen.Window((0, 0, 0), SHAPE), lithogen.Spacing())
    _, fine, _ = make(lithogen.Window(FINE_ORIGIN, FINE_SHAPE),
                      lithogen.Spacing(0.002, 25.0, 25.0))
    return {
        "section": facies[ILINE], "time slice": facies[:, :, SLICE_SAMPLE],
        "2 ms": fine[FINE_SHAPE[0] // 2],
        "flattened": flattened(facies[ILINE], age[ILINE]),
    }


def flattened(facies: Any, age_ms: Any) -> Any:
    """Return facies (n_xline, n_age) of the samples nearest to regular ages, -1 where none is.

    Ages are those of the sequence that has most samples.
    """
    from lithogen.structure.bodies import SEQUENCE_OFFSET_MS

    number, count = np.unique(np.floor(age_ms / SEQUENCE_OFFSET_MS + 0.3), return_counts=True)
    mine = age_ms[np.floor(age_ms / SEQUENCE_OFFSET_MS + 0.3) == number[count.argmax()]]
    ages = np.arange(*np.quantile(mine, (0.01, 0.99)), FLAT_STEP_MS)
    out = np.full((len(facies), len(ages)), -1, dtype=np.int8)
    for k, (codes, column) in enumerate(zip(facies, age_ms, strict=True)):
        below = np.searchsorted(column, ages).clip(1, len(column) - 1)
        near = np.where(ages - column[below - 1] < column[below] - ages, below - 1, below)
        gap = np.abs(column[near] - ages)
        out[k] = np.where(gap < 8.0, codes[near], -1)
    return out


def draw(seed: int, rows: dict[str, Arrays], path: Path) -> None:
    """Draw one seed."""
    from matplotlib.figure import Figure

    from lithogen.rockphysics.facies import FACIES, N_FACIES
    from viz.style import NO_DATA_COLOUR, facies_colour_map, percentile_limits, save_figure

    colours = facies_colour_map(FACIES)
    colours.set_bad(NO_DATA_COLOUR)
    figure = Figure(figsize=(17, 4.2 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), 4, squeeze=False)
    limits = percentile_limits(np.concatenate([v["2 ms"].ravel() for v in rows.values()]), 98.0)
    flat = None
    for line, (name, arrays) in zip(axes, rows.items(), strict=True):
        for axis, (what, values) in zip(line, arrays.items(), strict=True):
            axis.set_title(f"{name}: {what}")
            if what == "2 ms":
                found = axis.imshow(values.T, aspect="auto", cmap="viridis", vmin=limits[0],
                                    vmax=limits[1], interpolation="nearest")
                figure.colorbar(found, ax=axis, label="impedance (kg/m2/s)")
            else:
                shown = np.ma.masked_less(values, 0)
                flat = axis.imshow(shown.T if what != "time slice" else shown, aspect="auto",
                                   cmap=colours, vmin=-0.5, vmax=N_FACIES - 0.5,
                                   interpolation="nearest")
            axis.set_xlabel("crossline")
            axis.set_ylabel({"time slice": "inline", "flattened": f"age in {FLAT_STEP_MS:g} ms"}
                            .get(what, "sample"))
    bar = figure.colorbar(flat, ax=axes[:, 3], ticks=range(N_FACIES))
    bar.ax.set_yticklabels(FACIES)
    figure.suptitle(f"seed {seed} (grey: no sample of that age)")
    save_figure(figure, path)


if __name__ == "__main__":
    main()
