"""The commands: thin, each one reads options, calls one or two functions and prints a line."""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lithogen.cli.train import NoProgress, is_progress_shown, train_app
from lithogen.errors import ConfigError, OutputError, SegyError, require

if TYPE_CHECKING:
    import xarray as xr

    from lithogen.scenario import Scenario

SEGY_ENDINGS = (".sgy", ".segy")
STORE_ENDINGS = (".zarr", ".nc")
SAMPLES_OF_RICKER = 3.0  # half length in periods of the peak frequency: below 1e-6 there

app = typer.Typer(
    help="Earth models and the seismic that belongs to them.",
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)
app.add_typer(train_app, name="train")

# Text, so that our own message says what came and what was wanted.
Shape = Annotated[tuple[str, str, str], typer.Option(
    help="Voxels along inline, crossline and time, each at least 16.", metavar="I X T")]
Origin = Annotated[tuple[str, str, str], typer.Option(
    help="Index of the first voxel in the world of the seed.", metavar="I X T")]
Angles = Annotated[str, typer.Option(help="Incidence angles in degrees, e.g. 5,15,25.")]
Overwrite = Annotated[bool, typer.Option(
    "--overwrite", help="Replace an earlier result of this command.")]
SegyFile = Annotated[Path, typer.Argument(help="A SEG-Y file.", metavar="FILE")]


def _version(is_asked: bool) -> None:
    if is_asked:
        import importlib.metadata

        print(f"lithogen {importlib.metadata.version('lithogen')}")
        raise typer.Exit


@app.callback()
def _common(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[bool, typer.Option(
        "--version", help="Show the version.", callback=_version, is_eager=True)] = False,
) -> None:
    """Earth models and the seismic that belongs to them."""


@app.command()
def generate(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to make.")],
    shape: Shape = ("128", "128", "256"),
    seed: Annotated[int, typer.Option(help="Names one unbounded world.")] = 7,
    origin: Origin = ("0", "0", "0"),
    angles: Angles = "5,15,25",
    like: Annotated[str | None, typer.Option(
        help="Survey to imitate: a SEG-Y file, a style file or a preset.")] = None,
    scenario: Annotated[str | None, typer.Option(
        help="What the world is like: a preset, e.g. turbidite, or a TOML file of controls.",
        metavar="NAME|FILE")] = None,
    steps: Annotated[int | None, typer.Option(help="Network evaluations per tile.")] = None,
    model: Annotated[Path | None, typer.Option(help="Folder of weights.")] = None,
    wells: Annotated[Path | None, typer.Option(
        help="TOML file with one [[well]] per LAS file: file, iline, xline, ...")] = None,
    store: Annotated[bool, typer.Option(
        "--store", help="Stream to OUT/world.zarr: any size; repeated after a kill it goes on.",
    )] = False,
    overwrite: Overwrite = False,
    no_progress: NoProgress = False,
) -> None:
    """Generate an earth model and its seismic: Zarr, SEG-Y, pictures and a report."""
    from lithogen import api
    from lithogen.cli import results
    from lithogen.cli.wells import read_wells

    angles_deg = _angles(angles)
    sizes, start = _integers("--shape", shape), _integers("--origin", origin)
    require(not (store and overwrite), "got --store and --overwrite, wanted one of them: --store "
            "goes on with what the folder holds; remove an earlier result yourself")
    with (results.streamed_folder(out) if store else results.results_folder(out, overwrite)
          ) as folder:
        survey = results.read_survey(like)
        started = time.perf_counter()
        ds = api.generate(
            sizes, seed, origin=start, angles_deg=angles_deg, scenario=_scenario(scenario, seed),
            like=survey.style if survey else None, steps=steps, model=model,
            wells=read_wells(wells), store=folder / results.STORE if store else None,
            progress=is_progress_shown(no_progress),
        )
        seconds = time.perf_counter() - started
        figures = {
            "shape": list(sizes), "origin": list(start), "seed": str(seed),
            "angles_deg": list(angles_deg), "seconds": round(seconds, 3),
            "voxels_per_s": round(math.prod(sizes) / seconds, 1),
        }
        report = results.write_results(ds, survey, folder, figures)
    print(results.figures_line(report, out))


def _scenario(text: str | None, seed: int) -> Scenario | None:
    from lithogen.config import load_toml
    from lithogen.scenario import Scenario

    if text is None:
        return None
    if text.lower().endswith(".toml"):
        return Scenario.from_dict(load_toml(text))
    return Scenario.preset(text, seed)


@app.command()
def inspect(
    file: SegyFile,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Describe a SEG-Y file without loading it; exit status 2 if it cannot be read as it is."""
    import seismic_io

    report = seismic_io.inspect(file)
    print(json.dumps(report.to_dict(), default=str) if as_json else report.summary())
    if not report.is_readable:
        raise SegyError(f"{file}: {report.errors[0].line()}")


@app.command()
def calibrate(
    file: SegyFile,
    out: Annotated[Path, typer.Option("-o", "--out", help="Style file to write, .json.")],
    name: Annotated[str | None, typer.Option(help="Name of the style.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Measure a survey's style (wavelet, noise, level) for `generate --like STYLE.json`."""
    import dataclasses

    from lithogen.api import calibrate_file

    _check_target(out, overwrite, (".json",), file)
    style = calibrate_file(file)
    if name is not None:
        style = dataclasses.replace(style, name=name)
    style.save(out)
    print(f"{out}: style {style.name!r}, dt {style.dt_s * 1e3:g} ms, "
          f"signal to noise {style.snr_db:.1f} dB, rms {style.rms:.4g}")


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="SEG-Y, Zarr or NetCDF.", metavar="IN")],
    target: Annotated[Path, typer.Argument(help="SEG-Y, .zarr or .nc.", metavar="OUT")],
    variable: Annotated[str, typer.Option(help="Variable to write as SEG-Y.")] = "seismic",
    angle: Annotated[float | None, typer.Option(help="Angle of an angle stack, degrees.")] = None,
    iline_byte: Annotated[int, typer.Option(help="Byte of the inline in a trace header.")] = 189,
    xline_byte: Annotated[int, typer.Option(help="Byte of the crossline.")] = 193,
    overwrite: Overwrite = False,
) -> None:
    """Convert SEG-Y to Zarr or NetCDF, and Zarr or NetCDF to SEG-Y."""
    import seismic_io

    _check_target(target, overwrite, SEGY_ENDINGS + STORE_ENDINGS, source)
    is_store = source.suffix.lower() in STORE_ENDINGS
    require(is_store or target.suffix.lower() in STORE_ENDINGS,
            f"{source} to {target} is SEG-Y to SEG-Y, wanted .zarr or .nc on one side")
    if is_store:
        ds = _open_store(source)
    else:
        with seismic_io.open_segy(source, iline=iline_byte, xline=xline_byte) as cube:
            ds = cube.to_xarray()
    _write(ds, target, variable, angle)
    print(f"{target}: {' x '.join(f'{n} {d}' for d, n in ds.sizes.items())}")


@app.command()
def forward(
    model: Annotated[Path, typer.Argument(help="Zarr or NetCDF with vp, vs, rho.",
                                          metavar="MODEL")],
    out: Annotated[Path, typer.Option("-o", "--out", help="SEG-Y, .zarr or .nc.")],
    angles: Angles = "5,15,25",
    wavelet_freq: Annotated[float | None, typer.Option(
        help="Peak frequency of a Ricker wavelet in Hz (30 by default).")] = None,
    style: Annotated[str | None, typer.Option(
        help="Wavelet of a survey: a preset or a style file.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Model noise-free seismic of an earth model; SEG-Y gets the mean of the angle stacks."""
    import numpy as np
    import xarray as xr

    import forward as stage2

    angles_deg = _angles(angles)
    require(wavelet_freq is None or style is None, "got --wavelet-freq and --style, wanted one")
    _check_target(out, overwrite, SEGY_ENDINGS + STORE_ENDINGS, model)
    ds = _open_store(model)
    missing = [n for n in ("vp", "vs", "rho", "twt") if n not in ds.variables]
    require(not missing, f"{model} lacks {', '.join(missing)}, wanted vp, vs, rho over twt")
    times = np.asarray(ds.twt.values, dtype=np.float64)
    require(len(times) > 1, f"{model} has {len(times)} time sample, wanted 2 or more")
    dt_s = round(float(times[-1] - times[0]) / (len(times) - 1), 9)
    require(bool(np.allclose(np.diff(times), dt_s, rtol=1e-3)) and dt_s > 0,
            f"twt of {model} is not evenly spaced, wanted equal steps in seconds")
    if style is not None:
        wavelet = stage2.load_style(style).wavelet(dt_s)
    else:
        freq_hz = 30.0 if wavelet_freq is None else wavelet_freq
        require(0 < freq_hz < 0.5 / dt_s, f"--wavelet-freq is {freq_hz:g} Hz, wanted more than 0 "
                f"and less than Nyquist, {0.5 / dt_s:g} Hz")
        half = math.ceil(SAMPLES_OF_RICKER / freq_hz / dt_s)
        wavelet = stage2.ricker(freq_hz, dt_s, 2 * half + 1)
    dims = ("iline", "xline", "twt")
    cubes = {n: ds[n].transpose(*dims).values for n in ("vp", "vs", "rho")}
    stacks = stage2.synthesize(**cubes, wavelet=wavelet, angles_deg=angles_deg, dt_s=dt_s)
    made = xr.Dataset(
        {"seismic": (dims, stacks.mean(axis=0), {"units": "1"}),
         "angle_stack": (("angle", *dims), stacks, {"units": "1"})},
        {**ds.vp.coords, "angle": ("angle", list(angles_deg), {"units": "degrees"})}, ds.attrs,
    )
    _write(made, out, "seismic", None)
    print(f"{out}: {' x '.join(map(str, stacks.shape[1:]))} samples, {len(angles_deg)} angles")


@app.command()
def doctor(
    run: Annotated[bool, typer.Option("--run", help="Generate 16 x 16 x 16 voxels too.")] = False,
) -> None:
    """Check this installation; exit status 1 if something is wrong."""
    from lithogen.doctor import examine

    is_sound = True
    for check in examine(run):
        print(check.line(), flush=True)
        is_sound &= check.is_ok
    raise typer.Exit(0 if is_sound else 1)


def _integers(option: str, words: tuple[str, str, str]) -> tuple[int, int, int]:
    try:
        first, second, third = (int(word) for word in words)
    except ValueError as exc:
        raise ConfigError(f"{option} is {' '.join(words)!r}, wanted three integers: inline, "
                          "crossline, time, e.g. 128 128 256") from exc
    return first, second, third


def _angles(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.replace(",", " ").split())
    except ValueError as exc:
        raise ConfigError(f"--angles is {text!r}, wanted degrees such as 5,15,25") from exc


def _check_target(
    target: Path, is_overwriting: bool, endings: tuple[str, ...], source: Path
) -> None:
    """Refuse a target before any work starts."""
    require(target.suffix.lower() in endings,
            f"{target} ends in {target.suffix or 'nothing'!r}, wanted {' or '.join(endings)}")
    require(target.parent.is_dir(), f"folder {target.parent} does not exist; create it first",
            OutputError)
    require(os.access(target.parent, os.W_OK), f"folder {target.parent} cannot be written; choose "
            "another", OutputError)
    require(target.resolve() != source.resolve(), f"{target} is also the input; choose another",
            OutputError)
    is_folder = target.suffix.lower() == ".zarr"
    require(not target.exists() or (is_overwriting and target.is_dir() == is_folder),
            f"{target} exists; choose another name"
            f"{'' if target.exists() and is_overwriting else ', or add --overwrite'}", OutputError)


def _open_store(path: Path) -> xr.Dataset:
    """Open a Zarr folder or a NetCDF file."""
    import xarray as xr

    require(path.exists(), f"{path} does not exist, wanted a .zarr folder or a .nc file")
    ending = path.suffix.lower()
    require(ending in STORE_ENDINGS, f"{path} ends in {ending or 'nothing'!r}, wanted .zarr or .nc")
    try:
        is_zarr = ending == ".zarr"
        if is_zarr:
            # Every store can be read without consolidated metadata.
            stored: xr.Dataset = xr.open_zarr(path, chunks=None, consolidated=False)
            return stored
        return xr.open_dataset(path)
    except (OSError, ValueError, TypeError, KeyError) as exc:
        raise ConfigError(
            f"{path} cannot be read as {ending}: {exc}; wanted what xarray or lithogen wrote"
        ) from exc


def _write(ds: xr.Dataset, target: Path, variable: str, angle: float | None) -> None:
    import seismic_io

    ending = target.suffix.lower()
    if ending == ".zarr":
        seismic_io.to_zarr(ds, target)
    elif ending == ".nc":
        seismic_io.to_netcdf(ds, target)
    else:
        seismic_io.to_segy(ds, target, variable, angle=angle)
