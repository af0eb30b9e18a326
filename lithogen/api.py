"""The facade: `generate` joins structure, stage 1, rock physics, stage 2 and a survey's style."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lithogen.config import nearest_name
from lithogen.dataset import Layout, MemorySink, ZarrSink
from lithogen.errors import ConfigError, ResourceError, ShapeError, require
from lithogen.grid import MIN_SIZE, Spacing, Window, three_integers, tiles_covering
from lithogen.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray

    from forward.style import SurveyStyle
    from lithogen.pipeline import LithologyPipeline
    from lithogen.structure import Structure

MAX_TWT_S = 12.0
# Working set of one tile column besides the result: network activations and noise tables.
WORKING_BYTES = 3_000_000_000


def generate(
    shape: Sequence[int],
    seed: int,
    *,
    origin: Sequence[int] = (0, 0, 0),
    angles_deg: Sequence[float] = (5, 15, 25),
    scenario: Scenario | None = None,
    structure: Structure | None = None,
    wells: object | None = None,
    like: SurveyStyle | str | Path | None = None,
    steps: int | None = None,
    model: LithologyPipeline | str | Path | None = None,
    device: str | None = None,
    store: str | Path | None = None,
    progress: bool = True,
) -> xarray.Dataset:
    """Generate a window of a world: lithology, elastic properties, labels and seismic.

    Parameters
    ----------
    shape : voxels (n_iline, n_xline, n_twt), each >= 16; 25 m, 25 m and 4 ms a voxel.
    seed : int that names one unbounded world.
    origin : index of the first voxel in that world; negative laterally, twt >= 0.
    angles_deg : incidence angles of the stacks, 0..40 degrees.
    scenario : what the world is like; by default drawn from the seed.
    structure : a `lithogen.structure.Structure`; by default that of seed and scenario.
    wells : must be None in this version.
    like : survey whose spectrum, level and noise the seismic carries: a SurveyStyle, a
        preset name, or the path of a SEG-Y; by default a broad band without noise.
    steps : network evaluations per tile; more are slower and slightly cleaner. Default 4.
    model : a LithologyPipeline or a folder of weights; by default the shipped ones.
    device : torch device of the network, e.g. "cpu" or "cuda".
    store : folder of a Zarr store to stream into instead of memory; must not exist.
    progress : show a progress bar.

    Returns
    -------
    Dataset with dims (iline, xline, twt): lithology, vp, vs, rho, impedance, rgt, fault,
    seismic, and angle_stack with dim angle first. Any window is a crop of the whole world,
    bit for bit, on one kind of CPU and one build of torch.

    Raises
    ------
    ShapeError, ConfigError : bad input. ResourceError : the result does not fit in memory.
    WeightsError : weights missing or corrupt. SegyError, CalibrationError : unusable survey.
    OutputError : `store` cannot be written.

    Examples
    --------
    >>> ds = generate((16, 16, 32), seed=7, progress=False)
    >>> ds.seismic.dims
    ('iline', 'xline', 'twt')
    """
    from forward.checks import check_angles

    window = _checked_window(shape, origin)
    name = _checked_seed(seed)
    require(wells is None, "wells=... is not supported in this version; pass wells=None")
    world = _structure(name, scenario, structure)
    world.require_window(window)
    style = resolve_style(like)
    angles = check_angles(angles_deg)
    layout = Layout(window, Spacing(), angles)
    if store is None:
        _refuse_if_too_large(layout)
    pipe = _pipeline(model, device)
    count = _checked_steps(steps)
    sink = MemorySink(layout) if store is None else ZarrSink(layout, store)
    _fill(sink, layout, pipe, world, style, name, count, progress)
    return sink.finish(_attrs(layout, name, world.scenario, style, pipe, count))


def _checked_window(shape: Sequence[int], origin: Sequence[int]) -> Window:
    sizes = three_integers(shape, "shape")
    start = three_integers(origin, "origin")
    require(min(sizes) >= MIN_SIZE,
            f"shape is {sizes}, wanted at least {MIN_SIZE} voxels on every axis", ShapeError)
    require(start[2] >= 0, f"origin twt index is {start[2]}, wanted 0 or more", ShapeError)
    last_s = (start[2] + sizes[2]) * Spacing().dt_s
    require(last_s <= MAX_TWT_S,
            f"origin and shape reach {last_s:.3f} s two-way time, wanted at most {MAX_TWT_S:g} s",
            ShapeError)
    require(max(abs(v) for v in (*start[:2], *sizes[:2])) < 2**31,
            f"origin {start} or shape {sizes} is beyond 2**31 lines", ShapeError)
    return Window(start, sizes)


def _checked_seed(seed: int) -> int:
    require(isinstance(seed, int | np.integer) and not isinstance(seed, bool),
            f"seed is {seed!r}, wanted an integer")
    return int(seed)


def _checked_steps(steps: int | None) -> int:
    from lithogen.sampling import DEFAULT_STEPS, noise_levels

    count = DEFAULT_STEPS if steps is None else steps
    noise_levels(count)
    return count


def _structure(seed: int, scenario: Scenario | None, structure: Structure | None) -> Structure:
    from lithogen.structure import Structure as Procedural

    if structure is None:
        return Procedural.random(seed, scenario)
    require(isinstance(structure, Procedural),
            f"structure is {type(structure).__name__}, wanted lithogen.structure.Structure")
    require(scenario is None or scenario == structure.scenario,
            "scenario and structure.scenario differ; pass only one of them")
    return structure


def resolve_style(like: SurveyStyle | str | Path | None) -> SurveyStyle:
    """Return the survey style that `like` means.

    Parameters
    ----------
    like : a SurveyStyle, a preset name, a style's JSON file, a SEG-Y, or None (neutral).

    Raises
    ------
    ConfigError : neither a preset nor a file. SegyError, CalibrationError : unusable survey.
    """
    from forward.neutral import neutral_style
    from forward.style import SurveyStyle, load_style, presets

    if like is None:
        return neutral_style()
    if isinstance(like, SurveyStyle):
        return like
    path = Path(like)
    if str(like) in presets() or path.suffix.lower() == ".json":
        return load_style(str(like))
    if not path.exists():
        names = presets()
        raise ConfigError(f"like={str(like)!r} is neither a file nor a preset"
                          f"{nearest_name(str(like), list(names))}; presets: {', '.join(names)}")
    return calibrate_file(path)


def calibrate_file(path: Path | str) -> SurveyStyle:
    """Estimate the style of a SEG-Y file (read through `seismic_io`).

    Raises
    ------
    SegyError : not a readable post-stack SEG-Y. CalibrationError : unusable records.
    """
    import forward
    import seismic_io

    with seismic_io.open_segy(path) as cube:
        seismic = cube.read()
        return forward.calibrate(seismic, cube.dt_s, name=Path(path).stem)


def _refuse_if_too_large(layout: Layout) -> None:
    import psutil

    needed = layout.n_bytes() + WORKING_BYTES
    free = psutil.virtual_memory().available
    if needed <= 0.9 * free:
        return
    per_voxel = layout.n_bytes() / layout.window.size
    side = int(max((0.9 * free - WORKING_BYTES) / per_voxel, 0.0) ** (1 / 3))
    raise ResourceError(
        f"shape {layout.window.shape} needs about {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are "
        f"free; ask for at most about {side} voxels a side, or pass store=FOLDER to stream to Zarr"
    )


def _pipeline(model: LithologyPipeline | str | Path | None, device: str | None) -> Any:
    from lithogen.pipeline import LithologyPipeline

    pipe = model if isinstance(model, LithologyPipeline) else LithologyPipeline.from_pretrained(
        model)
    if device is not None:
        pipe.to(device)
    return pipe


def _fill(
    sink: MemorySink | ZarrSink, layout: Layout, pipe: LithologyPipeline, world: Structure,
    style: SurveyStyle, seed: int, steps: int, progress: bool,
) -> None:
    """Generate column by column of tiles: a column holds all the times that a wavelet needs."""
    import forward
    from lithogen.pipeline import TILE_PHASE, TILE_SHAPE

    spacing = layout.spacing
    halo = forward.style_halo(style, spacing.dt_s)
    window = layout.window
    deep = window.padded((0, 0, halo))
    flat = Window((*window.origin[:2], 0), (*window.shape[:2], 1))
    columns = list(tiles_covering(flat, (*TILE_SHAPE[:2], 1)))
    per_column = sum(1 for _ in tiles_covering(
        Window((0, 0, deep.origin[2]), (1, 1, deep.shape[2])), TILE_SHAPE, TILE_PHASE))
    with _bar(progress, len(columns) * per_column) as advance:
        for column in columns:
            part = column.intersection(flat)
            if part is None:
                continue
            inner = Window((*part.origin[:2], window.origin[2]),
                           (*part.shape[:2], window.shape[2]))
            earth = pipe(world, inner.padded((0, 0, halo)), seed=seed,
                         num_inference_steps=steps, on_tile=advance)
            seismic, stacks = forward.model_survey(
                vp=earth["vp"], vs=earth["vs"], rho=earth["rho"], style=style, seed=seed,
                angles_deg=layout.angles_deg, window=inner, dt_s=spacing.dt_s,
            )
            values = {name: value[..., halo:-halo] for name, value in earth.items()}
            values["impedance"] = values["vp"] * values["rho"]
            sink.put(inner, values | {"seismic": seismic, "angle_stack": stacks})


@contextmanager
def _bar(is_shown: bool, total: int) -> Iterator[Callable[[], None]]:
    if not is_shown:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("generating", total=total)
        yield lambda: bar.advance(task)


def _attrs(
    layout: Layout, seed: int, scenario: Scenario, style: SurveyStyle, pipe: LithologyPipeline,
    steps: int,
) -> dict[str, Any]:
    from lithogen.rng import NOISE_VERSION

    spacing = layout.spacing
    return {
        "title": "lithogen world",
        # Text, because a seed may be larger than the integers that file formats hold.
        "seed": str(seed),
        "origin": list(layout.window.origin),
        "spacing": {"dt_s": spacing.dt_s, "dx_m": spacing.dx_m, "dy_m": spacing.dy_m},
        "scenario": scenario.to_dict(),
        "style": style.name,
        "steps": steps,
        "noise_version": NOISE_VERSION,
        "lithogen_version": importlib.metadata.version("lithogen"),
        "weights_sha256": pipe.weights_sha256,
        "vert_domain": "TWT",
        "measurement_system": "m",
    }
