"""The `train` commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lithogen.errors import OutputError, require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lithogen.training.worlds import CachedWorld


train_app = typer.Typer(help="Train the networks.", rich_markup_mode=None)

Config = Annotated[Path | None, typer.Argument(
    help="TOML recipe; the packaged one by default.", metavar="[CONFIG]")]
RunFolder = Annotated[Path, typer.Option("-o", "--out", help="Folder of the run.")]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="Show no progress bar.")]


@train_app.command("litho")
def train_litho(
    out: RunFolder,
    config: Config = None,
    data: Annotated[Path | None, typer.Option(
        help="Folder of your own labelled models, .nc or .zarr, to learn from instead of "
        "procedural worlds.", metavar="DIR")] = None,
    init: Annotated[str | None, typer.Option(
        help="Weights to start from: a folder, or the word shipped or fast.",
        metavar="FOLDER|shipped|fast")] = None,
    basin: Annotated[str | None, typer.Option(
        help="Rock physics that the models of --data are measured from.")] = None,
    burial_m: Annotated[float | None, typer.Option(
        help="Depth in m of their time zero below the depositional surface.")] = None,
    unit_ms: Annotated[float | None, typer.Option(
        help="Milliseconds of two-way time per unit of their rgt.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.")] = False,
    no_progress: NoProgress = False,
) -> None:
    """Train stage 1 (LithoNet) on procedural worlds or your own; weights come to OUT/model.

    On several devices: torchrun --standalone --nproc-per-node N --no-python lithogen train litho
    """
    import importlib.resources

    from lithogen.training.parallel import is_first_process
    from lithogen.training.train_litho import train

    given = {"basin": basin, "burial_m": burial_m, "unit_ms": unit_ms}
    given = {name: value for name, value in given.items() if value is not None}
    require(data is not None or not given, f"--{' and --'.join(given).replace('_', '-')} speak of "
            "your own models, wanted --data DIR with them")
    is_first = is_first_process()
    if is_first:
        _check_run_folder(out, resume)
    name = "litho.toml" if data is None else "fine_tune.toml"
    packaged = Path(str(importlib.resources.files("lithogen"))) / "training/recipes" / name
    recipe = config or packaged
    figures = train(
        recipe, out, resume, is_first and is_progress_shown(no_progress), on_sample=_draw_sample,
        worlds=None if data is None else _own_worlds(data, recipe, given), init=_weights(init),
    )
    if is_first:
        print(f"{out}: {_figures(figures)}")


def _own_worlds(data: Path, recipe: Path, given: dict[str, Any]) -> list[CachedWorld]:
    from lithogen.training.config import LithoTraining
    from lithogen.training.own import OwnData, own_worlds

    return own_worlds(data, LithoTraining.from_toml(recipe).crop_shape, OwnData(**given))


def _weights(init: str | None) -> Path | None:
    if init is None:
        return None
    from lithogen.pipeline import weights_folder

    return weights_folder(init)


@train_app.command("curve")
def train_curve(
    run: Annotated[Path, typer.Argument(help="Folder of a run, or its log.jsonl.", metavar="RUN")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Figure: .png, .pdf or .svg.")],
) -> None:
    """Draw the loss of a stage-1 run against the step."""
    from viz import figure_of, save_figure
    from viz.curves import plot_curves, read_log

    records = read_log(run)
    save_figure(figure_of(plot_curves(records)), out, "training of stage 1")
    print(f"{out}: {len(records)} records, step {records[-1]['step']}")


@train_app.command("forward")
def train_forward(
    out: RunFolder, config: Config = None, no_progress: NoProgress = False
) -> None:
    """Train stage 2 (ForwardNet) on pairs from the bruges reference."""
    from rich.console import Console
    from rich.progress import Progress

    from forward.train import train

    _check_run_folder(out, False)
    is_hidden = not is_progress_shown(no_progress)
    with Progress(console=Console(stderr=True), disable=is_hidden) as bar:
        task = bar.add_task("training", total=None)
        figures = train(config, out, lambda step, total, loss: bar.update(
            task, completed=step, total=total, description=f"training, loss {loss:.3g}"))
    print(f"{out}: {_figures(figures)}")


@train_app.command("lateral")
def train_lateral(
    out: RunFolder,
    config: Config = None,
    init: Annotated[str | None, typer.Option(
        help="Folder of a ForwardNet whose other layers are kept; the shipped one by default.",
        metavar="FOLDER")] = None,
    no_progress: NoProgress = False,
) -> None:
    """Train the lateral layer of stage 2 on migrated images; wants lithogen[wave]."""
    from rich.console import Console
    from rich.progress import Progress

    from forward.train_lateral import train_lateral as train

    _check_run_folder(out, False)
    is_hidden = not is_progress_shown(no_progress)
    with Progress(console=Console(stderr=True), disable=is_hidden) as bar:
        task = bar.add_task("training", total=None)
        tables = train(config, out, init, lambda step, total, loss: bar.update(
            task, completed=step, total=total, description=f"training, error {loss:.3g}"))
    print(f"{out}: {_figures(list(tables.values())[-1])}")


def is_progress_shown(is_unwanted: bool) -> bool:
    """Return whether to show progress: where someone looks and has not said no."""
    return not is_unwanted and sys.stderr.isatty()


def _check_run_folder(folder: Path, is_resuming: bool) -> None:
    require(not folder.exists() or folder.is_dir(), f"{folder} is a file, wanted a folder",
            OutputError)
    require(is_resuming or not folder.exists() or not any(folder.iterdir()),
            f"folder {folder} is not empty; choose another (train litho: or add --resume)",
            OutputError)


def _draw_sample(path: Path, truth: NDArray[np.int8], sample: NDArray[np.int8]) -> None:
    """Draw facies sections (xline, twt) of a held-out world and of its sample."""
    import numpy as np
    import xarray as xr

    import viz
    from lithogen.rockphysics import FACIES

    dims = ("iline", "xline", "twt")
    attrs = {"flag_values": np.arange(len(FACIES)), "flag_meanings": " ".join(FACIES)}
    both = {name: (dims, np.asarray(values)[None], attrs)
            for name, values in (("held_out", truth), ("sampled", sample))}
    coords = {"iline": [1], "xline": 1 + np.arange(truth.shape[0]),
              "twt": 0.004 * np.arange(truth.shape[1])}
    viz.plot_side_by_side(xr.Dataset(both, coords), variables=("held_out", "sampled"), path=path)


def _figures(figures: dict[str, Any]) -> str:
    numbers = {k: v for k, v in figures.items() if isinstance(v, int | float)}
    return ", ".join(f"{k} {v:.4g}" for k, v in numbers.items()) or "done, see log.jsonl"
