"""Measure the shipped survey styles from the public surveys; prints one JSON line a preset.

With --refine-with generated there are three candidates: the wavelet estimated against the shipped
reflectivity, against the well-like model, and the first corrected on worlds of the stage-1 model
(`forward.refine`). They are judged on other worlds, the best is kept. With --write the style
becomes the preset.

Run: python benchmarks/presets.py [--refine-with generated] [--n 8] [--model DIR] [--write].
Data: ../shared/data, or folder $LITHOGEN_DATA; without it the line says that it was skipped.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from _common import report
from _worlds import (
    ANGLES_DEG,
    DT_S,
    HELD_OUT_SEED,
    REFINE_SEED,
    WORLD_SHAPE,
    Earth,
    RememberingPipeline,
    coefficients,
    earth,
    live_traces,
    load_pipeline,
    read_survey,
    reason,
)
from numpy.typing import NDArray

from forward import (
    SurveyStyle,
    calibrate,
    log_spectral_distance,
    model_survey,
    refine,
    style_halo,
)
from forward.reflectivity import well_like_reflectivity
from forward.style import PRESETS
from lithogen.errors import LithogenError
from lithogen.grid import Window

UNIT = "dB S/N"
N_HELD_OUT = 4
# Source and attribution.
TEXTS = {
    "npra_31_81": (
        "NPRA 2D land line 31-81, processed stack",
        "U.S. Geological Survey, National Petroleum Reserve in Alaska legacy data archive "
        "(public domain)",
    ),
    "f3_inline_362": (
        "F3 block, Dutch North Sea, inline 362",
        "F3: acquired by NAM, released by NLOG/TNO, curated by dGB (TerraNubis), CC BY-SA 3.0; "
        "only numbers measured on it are kept here",
    ),
}


def worlds(pipe: RememberingPipeline, first_seed: int, n: int) -> list[Earth]:
    """Return vp, vs and rho of n worlds."""
    return [earth(pipe, first_seed, place) for place in range(n)]


def distance(section: NDArray[np.float32], style: SurveyStyle, models: list[Earth]) -> float:
    """Return the mean log-spectral distance of modelled worlds to a survey, dB."""
    halo = style_halo(style, DT_S)[2]
    window = Window((0, 0, halo), (*WORLD_SHAPE[:2], WORLD_SHAPE[2] - 2 * halo))
    found = []
    for seed, (vp, vs, rho) in enumerate(models):
        seismic, _ = model_survey(
            vp=vp, vs=vs, rho=rho, style=style, angles_deg=ANGLES_DEG, seed=seed, window=window,
            dt_s=DT_S,
        )  # fmt: skip
        found.append(log_spectral_distance(section, seismic, DT_S)[0])
    return float(np.mean(found))


def best_style(
    section: NDArray[np.float32], plain: SurveyStyle, made_on: list[Earth], judged_on: list[Earth]
) -> tuple[SurveyStyle, dict[str, Any]]:
    """Return the candidate nearest to the survey on unseen worlds, and the figures of all."""
    source, attribution = TEXTS[plain.name]
    candidates = {
        "plain": plain,
        "well_like": calibrate(
            section, DT_S, name=plain.name, source=source, attribution=attribution,
            reflectivity=well_like_reflectivity(),
        ),
        "refined": refine(plain, [coefficients(model) for model in made_on], DT_S),
    }  # fmt: skip
    traces = live_traces(section)
    found = {name: distance(traces, style, judged_on) for name, style in candidates.items()}
    best = min(found, key=lambda name: found[name])
    figures = {f"{name}_db": round(value, 3) for name, value in found.items()}
    return candidates[best], figures | {"kept": best, "judged_on": len(judged_on)}


def measure(name: str, given: argparse.Namespace, models: tuple[list[Earth], list[Earth]]) -> None:
    """Measure one preset, store it if wanted, and print its line."""
    section = read_survey(name)
    if section is None:
        report(f"preset/{name}", None, UNIT, 0, skipped="file is absent: set LITHOGEN_DATA")
        return
    source, attribution = TEXTS[name]
    style = calibrate(section, DT_S, name=name, source=source, attribution=attribution)
    traces = live_traces(section)
    middle = len(traces) // 2
    half = log_spectral_distance(traces[:middle], traces[middle:], DT_S)
    figures: dict[str, Any] = {"rms": style.rms, "half_distance_db": round(half[0], 3)}
    if given.refine_with is not None:
        style, more = best_style(section, style, *models)
        figures |= {"refined_on": given.n, **more}
    if given.write:
        style.save(PRESETS / f"{name}.json")
    report(f"preset/{name}", style.snr_db, UNIT, len(traces), is_written=given.write, **figures)


def main() -> int:
    """Measure both presets; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--refine-with", choices=["generated"], help="worlds to refine on")
    parser.add_argument("--n", type=int, default=8, help="worlds to refine on")
    parser.add_argument("--model", type=Path, help="folder of stage-1 weights; default shipped")
    parser.add_argument("--write", action="store_true", help="store the files in forward/presets")
    given = parser.parse_args()
    models: tuple[list[Earth], list[Earth]] = ([], [])
    try:
        if given.refine_with is not None:
            pipe = load_pipeline(given.model)
            models = worlds(pipe, REFINE_SEED, given.n), worlds(pipe, HELD_OUT_SEED, N_HELD_OUT)
        for name in TEXTS:
            measure(name, given, models)
    except LithogenError as error:
        report("preset", None, UNIT, 0, failed=reason(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
