"""Measure the shipped survey styles from the public surveys; prints one JSON line a preset.

Run: python benchmarks/presets.py [--write]. Data: ../shared/data, or folder $LITHOGEN_DATA.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forward.calibration import calibrate
from forward.spectra import log_spectral_distance
from forward.style import PRESETS, SurveyStyle

DATA = Path(os.environ.get("LITHOGEN_DATA", Path(__file__).parents[1] / ".." / "shared" / "data"))
NPRA = DATA / "npra" / "npra_31_81_PR.sgy"
F3 = DATA / "f3" / "f3_export_inline362.ascii"


def read_npra() -> NDArray[np.float32]:
    """Return line 31-81 as (n_trace, n_twt), 4 ms."""
    import segyio

    with segyio.open(str(NPRA), "r", ignore_geometry=True) as handle:
        return np.array(handle.trace.raw[:], dtype=np.float32)


def read_f3() -> NDArray[np.float64]:
    """Return inline 362 as (n_trace, n_twt), 4 ms: columns are inline, crossline, samples."""
    return np.asarray(np.loadtxt(F3)[:, 2:])


def measure() -> dict[str, tuple[SurveyStyle, NDArray[np.floating]]]:
    """Return styles and sections of both surveys."""
    npra, f3 = read_npra(), read_f3()
    return {
        "npra_31_81": (
            calibrate(
                npra,
                0.004,
                name="npra_31_81",
                source="NPRA 2D land line 31-81, processed stack",
                attribution="U.S. Geological Survey, National Petroleum Reserve in Alaska legacy "
                "data archive (public domain)",
            ),
            npra,
        ),
        "f3_inline_362": (
            calibrate(
                f3,
                0.004,
                name="f3_inline_362",
                source="F3 block, Dutch North Sea, inline 362",
                attribution="F3: acquired by NAM, released by NLOG/TNO, curated by dGB "
                "(TerraNubis), CC BY-SA 3.0; only numbers measured on it are kept here",
            ),
            f3,
        ),
    }


def main() -> None:
    """Measure, print and, with --write, store the presets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store the files in forward/presets")
    write = parser.parse_args().write
    for name, (style, section) in measure().items():
        if write:
            style.save(PRESETS / f"{name}.json")
        middle = len(section) // 2
        halves = log_spectral_distance(section[:middle], section[middle:], 0.004)
        line = {"name": f"preset/{name}", "value": style.snr_db, "unit": "dB S/N"}
        line |= {"n": len(section), "rms": style.rms, "half_distance_db": round(halves[0], 3)}
        print(json.dumps({**line, "machine": platform.machine()}))


if __name__ == "__main__":
    main()
