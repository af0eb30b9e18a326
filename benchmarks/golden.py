"""Golden worlds: one hash for each kind of small world, to see whether a change moved a bit.

A hash is a SHA-256 over all variables and coordinates of a whole result: names, types, shapes and
bytes, in the order of the names. Worlds are the same on one kind of processor and one build of
torch, so both lines of a comparison come from one machine.

    python benchmarks/golden.py [--model FOLDER] >> golden.jsonl
    python benchmarks/golden.py [--model FOLDER] --compare golden.jsonl

With --compare the last line of the file is compared, kinds that differ are named, and the exit
status is 1 if there are any.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _common import parser, report

from lithogen.allocator import keep_freed_memory
from lithogen.errors import ConfigError, require

if TYPE_CHECKING:
    import xarray

NAME, SEED = "golden", 41
# A small window deep enough to hold bodies and faults; the plain world meets a border of tiles.
SHAPE, ORIGIN = (32, 32, 64), (0, 0, 180)
BORDER_ORIGIN = (0, 48, 180)
LINE = (1, 64, 64)
APERTURE_M = 700.0
# Strata of the wells are those of other seeds.
WELL_SEEDS = (500_041, 500_042)
WELL_PLACES = ((5, 6), (25, 24))
# Horizons as a function of place: their times at the origin, dips per line, and bends.
HORIZON_TWT_S, DIP_S, BEND_S = (0.7, 0.8, 0.9, 1.1), 0.0004, 0.006


def hash_of(ds: xarray.Dataset) -> str:
    """Return the SHA-256 of all variables of a Dataset, attributes left out."""
    out = hashlib.sha256()
    for name in sorted(str(name) for name in ds.variables):
        values = np.ascontiguousarray(ds[name].to_numpy())
        out.update(f"{name} {values.dtype.str} {values.shape}\n".encode())
        out.update(values.tobytes())
    return out.hexdigest()


def wells_of(seeds: tuple[int, ...]) -> Any:
    """Return wells at `WELL_PLACES` whose logs are columns of the prior with these seeds."""
    import lithogen
    from lithogen.prior import world_fields

    window, spacing = lithogen.Window(ORIGIN, SHAPE), lithogen.Spacing()
    structure = lithogen.Structure.random(SEED)
    twt_s = window.axes(spacing)[2]
    wells = []
    for seed, (row, col) in zip(seeds, WELL_PLACES, strict=True):
        world = world_fields(structure, window, spacing, seed)
        wells.append(lithogen.Well(
            f"{row}/{col}", twt_s, iline=row, xline=col, facies=world.facies[row, col],
            vp_m_s=world.vp[row, col], vs_m_s=world.vs[row, col], rho_kg_m3=world.rho[row, col]))
    return lithogen.Wells(wells)


def structure_of_horizons() -> Any:
    """Return a structure of dipping, bent horizons and a fault."""
    import lithogen

    row, col = np.indices(SHAPE[:2])
    surfaces = [twt_s + DIP_S * (1 + k) * col + BEND_S * np.sin(row / 9 + k)
                for k, twt_s in enumerate(HORIZON_TWT_S)]
    return lithogen.Structure.from_horizons(surfaces, seed=SEED)


def makers(pipe: Any, folder: Path) -> dict[str, Callable[[], xarray.Dataset]]:
    """Return what makes the world of each kind; `folder` receives the stored one."""
    import lithogen
    from forward.neutral import neutral_style

    migrated = dataclasses.replace(neutral_style(), aperture_m=APERTURE_M)
    fine = lithogen.Spacing(0.002, 12.5, 12.5)

    def made(shape: tuple[int, ...] = SHAPE, **options: Any) -> xarray.Dataset:
        return lithogen.generate(shape, SEED, model=pipe, progress=False,
                                 **{"origin": ORIGIN, **options})

    return {
        "plain": lambda: made(origin=BORDER_ORIGIN),
        "prior": lambda: lithogen.sample_world(SHAPE, SEED, origin=ORIGIN),
        "wells": lambda: made(wells=wells_of((WELL_SEEDS[0],) * 2)),
        "wells_that_differ": lambda: made(wells=wells_of(WELL_SEEDS)),
        "horizons": lambda: made(structure=structure_of_horizons()),
        "aperture": lambda: made(like=migrated),
        "stored": lambda: made(origin=BORDER_ORIGIN, store=folder / "world.zarr"),
        "fewer_steps": lambda: made(steps=1),
        "other_spacing": lambda: made(spacing=fine, origin=(0, 0, 2 * ORIGIN[2])),
        "line": lambda: made(LINE),
    }


def read_hashes(path: Path) -> dict[str, str]:
    """Return the hashes of the last line of this benchmark in a .json or .jsonl file.

    Raises
    ------
    ConfigError
        The file cannot be read, or holds no such line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"cannot read {path}: {exc.strerror}") from exc
    try:
        lines = [json.loads(text)]
    except ValueError:
        lines = [_object_of(line) for line in text.splitlines()]
    found = [line for line in lines if isinstance(line, dict) and line.get("name") == NAME]
    require(bool(found) and isinstance(found[-1].get("sha256"), dict),
            f"{path} holds no line of golden.py, wanted what it printed before")
    hashes: dict[str, str] = found[-1]["sha256"]
    return hashes


def _object_of(line: str) -> Any:
    """A line as JSON, or None: logs may hold other text."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def main() -> int:
    """Make the worlds, print their hashes, compare; return the exit status."""
    options = parser(__doc__)
    options.add_argument("--compare", type=Path, default=None, metavar="FILE",
                         help="a line that was printed before")
    args = options.parse_args()
    known = None if args.compare is None else read_hashes(args.compare)
    keep_freed_memory()
    import torch

    import lithogen

    torch.set_num_threads(1)
    pipe = lithogen.LithologyPipeline.from_pretrained(args.model)
    begun, hashes = time.process_time(), {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, make in makers(pipe, Path(folder)).items():
            hashes[kind] = hash_of(make())
    differing = None if known is None else sorted(
        kind for kind in hashes.keys() | known.keys() if hashes.get(kind) != known.get(kind))
    report(NAME, None if differing is None else len(differing), "kinds that differ", len(hashes),
           sha256=hashes, differing=differing, weights_sha256=pipe.weights_sha256,
           cpu_s=round(time.process_time() - begun, 1))
    if differing:
        print(f"not as in {args.compare}: {', '.join(differing)}", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
