"""The folder of results that `lithogen generate` writes, all of it or nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lithogen.allocator import peak_memory_bytes
from lithogen.cli.blocks import (
    facies_shares,
    middle_inline,
    some_inlines,
    to_segy_by_blocks,
)
from lithogen.config import write_json
from lithogen.errors import OutputError, require

if TYPE_CHECKING:
    import xarray as xr

    from forward.style import SurveyStyle

REPORT = "report.json"
STORE = "world.zarr"
SEGY_VARIABLES = ("seismic", "impedance", "lithology")
NAMES = frozenset(
    {REPORT, STORE, "overview.png", "spectrum.png", *(f"{v}.sgy" for v in SEGY_VARIABLES)}
)
# A spectrum of fewer samples of a survey says little.
LEAST_SAMPLES = 96
REPORT_KIND = "lithogen generate"


@contextmanager
def results_folder(path: Path, is_overwriting: bool) -> Iterator[Path]:
    """Yield a new folder beside `path` that takes its name when the block ends well.

    Parameters
    ----------
    path : the folder to make; its parent must exist.
    is_overwriting : replace a folder that an earlier run made; never any other.

    Raises
    ------
    OutputError : `path` holds something already, or its parent cannot be written.

    Examples
    --------
    >>> with results_folder(Path("run"), False) as folder:  # doctest: +SKIP
    ...     (folder / "report.json").write_text("{}")
    """
    final = path.resolve()
    refuse_if_taken(final, is_overwriting)
    staging = final.with_name(f"{final.name}.tmp-{os.getpid()}")
    former = final.with_name(f"{final.name}.old.tmp-{os.getpid()}")
    try:
        staging.mkdir()
    except OSError as exc:
        raise OutputError(
            f"cannot make folder {final}: {exc.strerror}; give -o a folder whose parent exists "
            "and can be written"
        ) from exc
    try:
        yield staging
        # Once more: minutes have passed, and somebody may have put a file there.
        refuse_if_taken(final, is_overwriting)
        if final.exists():
            os.replace(final, former)
        try:
            os.replace(staging, final)
        except OSError:
            if former.exists():
                os.replace(former, final)
            raise
    except OSError as exc:
        if isinstance(exc, OutputError):
            raise
        raise OutputError(f"cannot write {final}: {exc.strerror or exc}") from exc
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        shutil.rmtree(former, ignore_errors=True)


@contextmanager
def streamed_folder(path: Path) -> Iterator[Path]:
    """Yield a folder that is filled in place, and kept as far as it is when the block fails.

    Parameters
    ----------
    path : a new or empty folder, or one that an interrupted run of this kind left.

    Raises
    ------
    OutputError : `path` holds a finished result or anything else, or cannot be written.
    """
    held = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
    require(not path.exists() or path.is_dir(), f"{path} is a file, wanted a folder; choose "
            "another -o", OutputError)
    require(REPORT not in held, f"folder {path} holds a finished result; choose another -o, or "
            "remove it", OutputError)
    # What a kill leaves besides whole files: the half-done store and temporary files.
    strange = sorted(n for n in held - NAMES
                     if not n.startswith(f"{STORE}.partial") and ".tmp-" not in n)
    require(not strange, f"folder {path} is no unfinished result of lithogen"
            f"{f' alone (it holds {strange[0]})' if strange else ''}; choose another -o",
            OutputError)
    try:
        path.mkdir(exist_ok=True)
        yield path
    except OSError as exc:
        if isinstance(exc, OutputError):
            raise
        raise OutputError(f"cannot write {path}: {exc.strerror or exc}") from exc
    finally:
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def refuse_if_taken(path: Path, is_overwriting: bool) -> None:
    """Refuse a path that holds anything but an earlier result that may be replaced.

    Raises
    ------
    OutputError : naming what is in the way.
    """
    if not path.exists():
        return
    require(path.is_dir(), f"{path} is a file, wanted a folder; choose another -o", OutputError)
    held = {entry.name for entry in path.iterdir()}
    if not held:
        return
    strange = sorted(held - NAMES)
    require(
        is_overwriting,
        f"folder {path} is not empty ({len(held)} entries); choose another -o, or add --overwrite "
        "to replace earlier results",
        OutputError,
    )
    require(
        not strange and _is_ours(path),
        f"folder {path} is no earlier result of lithogen"
        f"{f' alone (it holds {strange[0]})' if strange else ''}; choose another -o",
        OutputError,
    )


def _is_ours(path: Path) -> bool:
    try:
        report = json.loads((path / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(report, dict) and report.get("kind") == REPORT_KIND


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What generated seismic is compared with.

    Parameters
    ----------
    name : for the legend. style : survey style that the seismic carries.
    traces : live traces (n, n_twt) of the survey itself, or None for a style alone.
    first_s : two-way time of their first sample.
    """

    name: str
    style: SurveyStyle
    traces: NDArray[np.float32] | None = None
    first_s: float = 0.0

    def at(self, twt_s: NDArray[np.float64]) -> NDArray[np.float32] | None:
        """Return the traces over the times of a world, or whole where they share too few."""
        if self.traces is None:
            return None
        times = self.first_s + self.style.dt_s * np.arange(self.traces.shape[1])
        inside = (times >= twt_s[0] - 1e-6) & (times <= twt_s[-1] + 1e-6)
        part = live_traces(self.traces[:, inside])
        return part if inside.sum() >= LEAST_SAMPLES and len(part) else self.traces

    def spectrum(
        self, twt_s: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return frequencies in Hz and amplitude on an arbitrary scale, both (n_freq,).

        Parameters
        ----------
        twt_s : times of a world; a survey's spectrum changes down the record.
        """
        from forward.spectra import amplitude_spectrum

        traces = self.at(twt_s)
        if traces is None:
            grid = np.asarray(self.style.freq_hz, dtype=np.float64)
            return grid, self.style.spectrum(twt_s=twt_s)
        return amplitude_spectrum(traces, self.style.dt_s)


def read_survey(like: str | None) -> Survey | None:
    """Return the survey that `--like` means: a preset, a style file or a SEG-Y; None for none.

    Raises
    ------
    ConfigError : neither preset nor file. SegyError, CalibrationError : unusable survey.
    """
    if like is None:
        return None
    import forward
    import seismic_io
    from lithogen.api import resolve_style

    path = Path(like)
    if like in forward.presets() or path.suffix.lower() == ".json" or not path.exists():
        style = resolve_style(like)
        return Survey(style.name, style)
    with seismic_io.open_segy(path) as cube:
        seismic = cube.read()
        first_s = float(cube.twt[0])
        style = forward.calibrate(seismic, cube.dt_s, first_s=first_s, name=path.stem)
    return Survey(path.stem, style, live_traces(seismic), first_s)


def live_traces(seismic: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the traces (n, n_twt) without NaN that are not all zero.

    Examples
    --------
    >>> live_traces(np.array([[0.0, 0.0], [1.0, 2.0], [np.nan, 1.0]])).tolist()
    [[1.0, 2.0]]
    """
    rows = seismic.reshape(-1, seismic.shape[-1])
    is_live = np.isfinite(rows).all(axis=1) & (rows != 0).any(axis=1)
    return np.asarray(rows[is_live], dtype=np.float32)


def compare_spectra(
    ds: xr.Dataset, survey: Survey | None, path: Path
) -> tuple[float, float] | None:
    """Draw spectra at the world's times; return their log-spectral distance (mean, largest) in dB.

    Source: `forward.spectra.log_spectral_distance`; for a style without traces the same
    measure between spectra: |difference| in the 25-dB band without its median.
    """
    import viz
    from forward.spectra import amplitude_spectrum, log_spectral_distance, spectrum_db

    dt_s = float(ds.twt[1] - ds.twt[0])
    traces = live_traces(ds.seismic.values)
    require(len(traces) > 0, "the generated seismic is silent everywhere; use another origin")
    freq_hz, amplitude = amplitude_spectrum(traces, dt_s)
    drawn = (freq_hz, 10 ** (spectrum_db(freq_hz, amplitude) / 20.0))
    distance = None
    real = None
    if survey is not None:
        twt_s = np.asarray(ds.twt.values, dtype=np.float64)
        real_hz, real_amplitude = survey.spectrum(twt_s)
        real_db = spectrum_db(real_hz, real_amplitude)
        real = (real_hz, 10 ** (real_db / 20.0))
        part = survey.at(twt_s)
        if part is not None:
            distance = log_spectral_distance(
                part, traces, survey.style.dt_s, generated_dt_s=dt_s
            )
        else:
            got_db = spectrum_db(real_hz, np.interp(real_hz, freq_hz, amplitude))
            difference = (real_db - got_db)[real_db > real_db.max() - viz.BAND_DB]
            difference = np.abs(difference - np.median(difference))
            distance = (float(difference.mean()), float(difference.max()))
    name = survey.name if survey else "survey"
    axes = viz.plot_spectra(drawn, real, distance_db=distance, survey_name=name)
    viz.save_figure(viz.figure_of(axes), path, "amplitude spectrum", ds.attrs)
    return distance


def write_results(
    ds: xr.Dataset, survey: Survey | None, folder: Path, figures: Mapping[str, Any]
) -> dict[str, Any]:
    """Write every file of a result into a folder and return the report.

    A world that was streamed into the folder is read a block of inlines at a time, and its
    spectrum is that of 16 inlines.

    Parameters
    ----------
    ds : Dataset of `lithogen.generate`. survey : what to compare with, or None.
    folder : existing folder, empty but for a streamed world.
    figures : seconds and the like, for the report.

    Raises
    ------
    OutputError : a file cannot be written.
    """
    import seismic_io
    import viz

    is_stored = (folder / STORE).exists()
    if not is_stored:
        seismic_io.to_zarr(ds, folder / STORE)
    for variable in SEGY_VARIABLES:
        if is_stored:
            to_segy_by_blocks(ds, folder / f"{variable}.sgy", variable)
        else:
            seismic_io.to_segy(ds, folder / f"{variable}.sgy", variable)
    section = middle_inline(ds)
    viz.plot_side_by_side(section, iline=float(section.iline[0]), path=folder / "overview.png")
    distance = compare_spectra(some_inlines(ds) if is_stored else ds, survey,
                               folder / "spectrum.png")
    report = {
        "kind": REPORT_KIND,
        **figures,
        "peak_memory_mb": round(peak_memory_bytes() / 1e6, 1),
        "survey": survey.name if survey else None,
        "log_spectral_distance_db": (
            {"mean": round(distance[0], 3), "largest": round(distance[1], 3)} if distance else None
        ),
        "facies_share": {name: round(v, 5) for name, v in facies_shares(ds).items()},
        "attrs": {str(k): v if isinstance(v, str | int | float) else str(v)
                  for k, v in ds.attrs.items()},
        "files": sorted(NAMES),
    }
    write_json(folder / REPORT, report)
    return report


def figures_line(report: Mapping[str, Any], path: Path) -> str:
    """Return the one line of figures that `lithogen generate` prints."""
    distance = report["log_spectral_distance_db"]
    against = (
        f"log-spectral distance to {report['survey']} {distance['mean']:.2f} dB mean, "
        f"{distance['largest']:.2f} dB largest" if distance else "no survey"
    )
    return (
        f"{path}: {' x '.join(map(str, report['shape']))} voxels in {report['seconds']:.1f} s, "
        f"{report['voxels_per_s']:,.0f} voxels/s, peak memory {report['peak_memory_mb']:,.0f} MB, "
        f"{against}"
    )
