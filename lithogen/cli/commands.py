"""The commands: thin, each one reads options, calls one or two functions and prints a line."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lithogen.cli.files import (
    SEGY_ENDINGS,
    STORE_ENDINGS,
    Angles,
    Overwrite,
    angles_of,
    check_target,
    open_store,
    write,
)
from lithogen.cli.forward import forward
from lithogen.cli.train import NoProgress, is_progress_shown, train_app
from lithogen.errors import ConfigError, SegyError, require

if TYPE_CHECKING:

    from lithogen.scenario import Scenario

app = typer.Typer(
    help="Earth models and the seismic that belongs to them.",
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)
app.add_typer(train_app, name="train")

# Text, so that our own message says what came and what was wanted.
Shape = Annotated[tuple[str, str, str], typer.Option(
    help="Voxels along inline, crossline and time: 1 or at least 16 along lines.", metavar="I X T")]
Origin = Annotated[tuple[str, str, str], typer.Option(
    help="Index of the first voxel in the world of the seed.", metavar="I X T")]
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
    steps: Annotated[int | None, typer.Option(
        help="Steps of the flow that draws elastic residuals.")] = None,
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

    angles_deg = angles_of(angles)
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
    report: Annotated[Path | None, typer.Option(
        help="Figure of it to write as well, .png, .pdf or .svg.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Measure a survey's style (wavelet, noise, level) for `generate --like STYLE.json`."""
    import dataclasses

    from lithogen.api import calibrate_file

    check_target(out, overwrite, (".json",), file)
    if report is not None:
        check_target(report, overwrite, (".png", ".pdf", ".svg"), file)
    style = calibrate_file(file)
    if name is not None:
        style = dataclasses.replace(style, name=name)
    if report is not None:
        style.report(report)
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

    check_target(target, overwrite, SEGY_ENDINGS + STORE_ENDINGS, source)
    is_store = source.suffix.lower() in STORE_ENDINGS
    require(is_store or target.suffix.lower() in STORE_ENDINGS,
            f"{source} to {target} is SEG-Y to SEG-Y, wanted .zarr or .nc on one side")
    if is_store:
        ds = open_store(source)
    else:
        with seismic_io.open_segy(source, iline=iline_byte, xline=xline_byte) as cube:
            ds = cube.to_xarray()
    write(ds, target, variable, angle)
    print(f"{target}: {' x '.join(f'{n} {d}' for d, n in ds.sizes.items())}")


app.command()(forward)


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
