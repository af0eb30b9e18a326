"""Amplitude spectra of generated seismic against real surveys; prints one JSON line.

Each survey has a style (its preset, or one calibrated here), each seed a world of 64 x 64 x 256
voxels from `lithogen.generate(..., like=style)`. Distances are `forward.log_spectral_distance`:
mean (and largest) difference in dB in the survey's 25-dB band, free of gain, from the survey at the
same two-way times, in all of them and in halves. Features of records (`lithogen.metrics`) are
compared as distributions where librosa is installed. Figures: results/.

With --own the style of every volume is first refined (`forward.refine`) on 64 other lines of the
same world, 3.2 km away: what differs between worlds is then in the wavelet, not in the spectrum.

Run: python benchmarks/spectra.py [--n 8] [--own] [--model DIR]. Exit status 1 if a volume failed.
Data: ../shared/data, or folder $LITHOGEN_DATA; without it the line says that it was skipped.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from _common import report
from _worlds import (
    DATA,
    DT_S,
    ROOT,
    SPECTRA_SEED,
    SURVEYS,
    RememberingPipeline,
    coefficients,
    live_traces,
    load_pipeline,
    read_survey,
    reason,
)
from numpy.typing import NDArray

import lithogen
from forward import SurveyStyle, calibrate, load_style, log_spectral_distance, presets, refine
from forward.spectra import amplitude_spectrum
from lithogen.errors import ConfigError, LithogenError, require
from lithogen.grid import Window
from lithogen.structure import Structure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHAPE, ORIGIN = (64, 64, 256), (0, 0, 100)
# First of the lines that a style is refined on, two tiles away, and samples more at either end.
OTHER_LINES, OTHER_SAMPLES = 128, 64
# Halves of the time range.
PARTS = {"early": slice(0, SHAPE[2] // 2), "late": slice(SHAPE[2] // 2, SHAPE[2])}
FEATURE_TRACES = 400
NAME, UNIT = "spectra", "dB, mean over volumes and surveys"


def half_distance(traces: NDArray[np.float32]) -> tuple[float, float]:
    """Return the distance of one half of a survey's traces to the other half."""
    middle = len(traces) // 2
    return log_spectral_distance(traces[:middle], traces[middle:], DT_S)


def generated(pipe: RememberingPipeline, seed: int, style: SurveyStyle) -> NDArray[np.float32]:
    """Return the seismic of one world, checked for non-finite samples."""
    found = lithogen.generate(
        SHAPE, seed=seed, like=style, origin=ORIGIN, model=pipe, progress=False
    )
    seismic = np.asarray(found["seismic"].values)
    bad = int((~np.isfinite(seismic)).sum())
    require(bad == 0, f"seismic of seed {seed} has {bad} non-finite samples")
    return seismic


def elsewhere(pipe: RememberingPipeline, seed: int) -> NDArray[np.floating]:
    """Return the reflectivity of other lines of a world at the same times."""
    there = Window((OTHER_LINES, *ORIGIN[1:]), SHAPE).padded((0, 0, OTHER_SAMPLES))
    made = pipe(Structure.random(seed), there, seed=seed)
    return coefficients((made.vp, made.vs, made.rho))


class Survey:
    """A real survey, its style, and the volumes generated like it."""

    def __init__(self, name: str, seismic: NDArray[np.float32]) -> None:
        self.name = name
        self.traces = live_traces(seismic)
        first = ORIGIN[2]
        require(self.traces.shape[1] >= first + SHAPE[2],
                f"{name} has {self.traces.shape[1]} samples, wanted {first + SHAPE[2]}")
        # A trace that is dead at these times says nothing of them.
        part = self.traces[:, first:first + SHAPE[2]]
        is_live = [(part[:, cut] != 0).any(axis=1) for cut in PARTS.values()]
        self.part = part[np.logical_and(*is_live)]
        self.is_preset = name in presets()
        self.style = load_style(name) if self.is_preset else calibrate(seismic, DT_S, name=name)
        self.volumes: list[NDArray[np.float32]] = []
        self.failed: list[str] = []

    def add(
        self, pipe: RememberingPipeline, seed: int, other: NDArray[np.floating] | None
    ) -> None:
        """Generate one volume; a refusal is recorded, not raised.

        Parameters
        ----------
        other : reflectivity of other lines of the same world to refine the style on; None for the
            style as it is.
        """
        try:
            style = self.style if other is None else refine(self.style, [other], DT_S)
            self.volumes.append(generated(pipe, seed, style))
        except LithogenError as error:
            self.failed.append(f"seed {seed}: {reason(error)}")

    def figures(self) -> dict[str, Any]:
        """Return the entries of this survey in the JSON line."""
        half = half_distance(self.part)
        out: dict[str, Any] = {
            "style": "preset" if self.is_preset else "calibrated",
            "n_trace": len(self.traces),
            "half_against_half_db": _rounded(half),
            "failed": self.failed,
        }
        if not self.volumes:
            return out
        each = [log_spectral_distance(self.part, v, DT_S) for v in self.volumes]
        together = log_spectral_distance(self.part, np.stack(self.volumes), DT_S)
        halves = {name: round(float(np.mean([
            log_spectral_distance(self.part[:, cut], v[..., cut], DT_S)[0]
            for v in self.volumes])), 3) for name, cut in PARTS.items()}
        ratio = np.std(np.stack(self.volumes)) / self.style.rms
        return out | {
            "volume_mean_db": round(float(np.mean([e[0] for e in each])), 3),
            "volumes_db": [round(e[0], 3) for e in each],
            "mean_spectrum_db": _rounded(together),
            "volume_mean_db_of_halves": halves,
            "features": self.features(),
            "rms_over_survey": round(float(ratio), 3),
        }

    def features(self) -> dict[str, float] | None:
        """Draw record features, return their Wasserstein distances; None without librosa."""
        import viz
        from lithogen.metrics import compare_features, record_features
        from lithogen.metrics.records import UNITS

        made = np.concatenate([v.reshape(-1, v.shape[-1])[::31] for v in self.volumes])
        step = max(len(self.part) // FEATURE_TRACES, 1)
        try:
            real, ours = (record_features(v, DT_S) for v in (self.part[::step], made))
        except ConfigError:
            return None
        found = compare_features(real, ours)
        title = f"features of records, Wasserstein distances: {self.name}"
        figure = viz.plot_features(real, ours, distances=found, units=UNITS, title=title)
        (ROOT / "results").mkdir(exist_ok=True)
        viz.save_figure(figure, ROOT / "results" / f"features_{self.name}.png", title)
        return {name: round(value, 2) for name, value in found.items()}

    def draw(self) -> str:
        """Write the spectra into results/ and return the path from the repository's root."""
        import viz

        together = np.stack(self.volumes)
        axes = viz.plot_spectra(
            amplitude_spectrum(together, DT_S),
            amplitude_spectrum(self.part, DT_S),
            distance_db=log_spectral_distance(self.part, together, DT_S),
            survey_name=f"{self.name} ({len(self.part)} traces)",
        )
        folder = ROOT / "results"
        folder.mkdir(exist_ok=True)
        path = viz.save_figure(
            cast("Figure", axes.get_figure(root=True)),
            folder / f"spectra_{self.name}.png",
            self.name,
        )
        return str(path.relative_to(ROOT))


def _rounded(pair: tuple[float, float]) -> list[float]:
    return [round(value, 3) for value in pair]


def open_surveys() -> tuple[list[Survey], dict[str, Any]]:
    """Return the surveys that have a style, and why the others were left out."""
    kept, left_out = [], {}
    for name in SURVEYS:
        try:
            seismic = read_survey(name)
            if seismic is None:
                left_out[name] = {"skipped": "file is absent"}
            else:
                kept.append(Survey(name, seismic))
        except LithogenError as error:
            left_out[name] = {"skipped": reason(error)}
    return kept, left_out


def main() -> int:
    """Generate, measure, draw and print; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=8, help="worlds, each 64 x 64 x 256 voxels")
    parser.add_argument("--own", action="store_true", help="refine the style on each world")
    parser.add_argument("--model", type=Path, help="folder of stage-1 weights; default shipped")
    given = parser.parse_args()
    if not DATA.is_dir():
        report(NAME, None, UNIT, 0, skipped=f"no folder {DATA}: set LITHOGEN_DATA", surveys={})
        return 0
    try:
        pipe = load_pipeline(given.model)
    except LithogenError as error:
        report(NAME, None, UNIT, 0, failed=reason(error), surveys={})
        return 1
    surveys, entries = open_surveys()
    for seed in range(SPECTRA_SEED, SPECTRA_SEED + given.n):
        other = elsewhere(pipe, seed) if given.own else None
        for survey in surveys:
            survey.add(pipe, seed, other)
        pipe.forget()
    for survey in surveys:
        entries[survey.name] = survey.figures()
        if survey.volumes:
            entries[survey.name]["figure"] = survey.draw()
    means = [e["volume_mean_db"] for e in entries.values() if "volume_mean_db" in e]
    value = round(float(np.mean(means)), 3) if means else None
    report(NAME, value, UNIT, given.n, own=given.own,
           weights_sha256=pipe.weights_sha256[:12], surveys=entries)
    return 1 if not means or any(survey.failed for survey in surveys) else 0


if __name__ == "__main__":
    sys.exit(main())
