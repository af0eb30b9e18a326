"""The `train` commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lithogen.errors import OutputError, require

if TYPE_CHECKING:
    from lithogen.diffusion.training.columns import Diagrams


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
        help="Folder of your own labelled models, .nc or .zarr, to learn from; goes on with the "
        "shipped weights unless --init says otherwise.", metavar="DIR")] = None,
    init: Annotated[str | None, typer.Option(
        help="Weights to start from: a folder, or the word shipped.",
        metavar="FOLDER|shipped")] = None,
    basin: Annotated[str | None, typer.Option(
        help="Rock physics that the models of --data are measured from.")] = None,
    burial_m: Annotated[float | None, typer.Option(
        help="Depth in m of their time zero below the depositional surface.")] = None,
    unit_ms: Annotated[float | None, typer.Option(
        help="Milliseconds of two-way time per unit of their rgt.")] = None,
    workers: Annotated[int, typer.Option(
        help="Processes that make the prior's worlds.", min=1)] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.")] = False,
    no_progress: NoProgress = False,
) -> None:
    """Train stage 1 on procedural worlds or your own; weights come to OUT/model."""
    import importlib.resources

    from lithogen.diffusion.pipeline import weights_folder
    from lithogen.diffusion.training.recipe import RowTraining
    from lithogen.diffusion.training.train import train

    given = {"basin": basin, "burial_m": burial_m, "unit_ms": unit_ms}
    given = {name: value for name, value in given.items() if value is not None}
    require(data is not None or not given, f"--{' and --'.join(given).replace('_', '-')} speak of "
            "your own models, wanted --data DIR with them")
    _check_run_folder(out, resume)
    name = "litho.toml" if data is None else "fine_tune.toml"
    recipes = Path(str(importlib.resources.files("lithogen"))) / "diffusion/training/recipes"
    recipe = RowTraining.from_toml(config or recipes / name)
    begin = init if init is not None or data is None else "shipped"
    figures = train(
        recipe, out, resume=resume, progress=is_progress_shown(no_progress), workers=workers,
        worlds=None if data is None else _own_worlds(data, recipe.n_rows, given),
        init=None if begin is None else weights_folder(begin),
    )
    print(f"{out}: {_figures(figures)}")


def _own_worlds(data: Path, n_rows: int, given: dict[str, Any]) -> tuple[Diagrams, Diagrams]:
    from lithogen.diffusion.training.own import OwnData, own_diagrams

    return own_diagrams(data, OwnData(**given), n_rows)


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


def _figures(figures: dict[str, Any]) -> str:
    numbers = {k: v for k, v in figures.items() if isinstance(v, int | float)}
    return ", ".join(f"{k} {v:.4g}" for k, v in numbers.items()) or "done, see log.jsonl"
