"""Spectrum of the reflectivity of generated worlds; prints one JSON line.

`forward.calibrate` estimates wavelets against it. Worlds are windows of 64 x 64 x 256 voxels,
half of them from time zero, half from 0.5 s. With --write it becomes forward/reflectivity.json.

Run: python benchmarks/reflectivity.py [--n 8] [--model DIR] [--write].
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from pathlib import Path

import numpy as np
from _common import report
from _worlds import (
    DT_S,
    REFLECTIVITY_SEED,
    RememberingPipeline,
    earth,
    load_pipeline,
    reason,
)

from forward.reflectivity import SHIPPED, Reflectivity, measure_worlds, shipped_reflectivity
from lithogen.errors import LithogenError

NAME, UNIT = "reflectivity", "standard deviation of coefficients"


def measure(pipe: RememberingPipeline, n: int) -> Reflectivity:
    """Measure n worlds together."""
    worlds = []
    for place in range(n):
        vp, _, rho = earth(pipe, REFLECTIVITY_SEED, place)
        worlds.append((vp, rho))
    version = importlib.metadata.version("lithogen")
    source = f"generated worlds, lithogen {version}, {n} volumes"
    return measure_worlds(worlds, DT_S, source=source)


def main() -> int:
    """Measure, print and, with --write, store; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=8, help="worlds")
    parser.add_argument("--model", type=Path, help="folder of stage-1 weights; default shipped")
    parser.add_argument("--write", action="store_true", help="store forward/reflectivity.json")
    given = parser.parse_args()
    before = shipped_reflectivity()
    try:
        pipe = load_pipeline(given.model)
        found = measure(pipe, given.n)
        if given.write:
            found.save(SHIPPED)
    except LithogenError as error:
        report(NAME, None, UNIT, given.n, failed=reason(error))
        return 1
    band = np.arange(8.0, 81.0)
    change = 10 * np.log10(found.density(band) / before.density(band))
    report(
        NAME, found.rc_std, UNIT, given.n, source=found.source, was=before.source,
        rc_std_was=before.rc_std, change_8_to_80_hz_db=[
            round(float(v), 2) for v in (change.mean(), change.min(), change.max())
        ],
        weights_sha256=pipe.weights_sha256[:12], is_written=given.write,
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
