"""The facade: `generate` joins structure, stage 1, rock physics, stage 2 and a survey's style."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lithogen.allocator import freed_memory_kept
from lithogen.config import nearest_name
from lithogen.dataset import LABELS, Layout, MemorySink
from lithogen.errors import ConfigError, ShapeError, require
from lithogen.grid import MIN_SIZE, Spacing, Window, three_integers
from lithogen.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray

    from forward.style import SurveyStyle
    from lithogen.diffusion.pipeline import LithologyPipeline
    from lithogen.scale.columns import Job
    from lithogen.scale.store import ZarrStore
    from lithogen.structure import Structure

MAX_TWT_S = 12.0


def generate(
    shape: Sequence[int],
    seed: int,
    *,
    origin: Sequence[int] = (0, 0, 0),
    angles_deg: Sequence[float] = (5, 15, 25),
    spacing: Spacing | None = None,
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
    shape : voxels (n_iline, n_xline, n_twt): 1 or >= 16 along lines, >= 16 along twt.
    seed : int that names one unbounded world.
    origin : index of the first voxel in that world; negative laterally, twt >= 0.
    angles_deg : incidence angles of the stacks, 0..40 degrees.
    spacing : of the voxels; 4 ms and 25 m by default. 0.5 to 8 ms, lines 3 to 100 m apart, all
        from one world.
    scenario : what the world is like; by default drawn from the seed.
    structure : a `lithogen.structure.Structure`; by default that of seed and scenario.
    wells : a `lithogen.wells.Wells` whose facies and logs are honoured; none by default.
    like : survey whose spectrum, level and noise the seismic carries: a SurveyStyle, a
        preset name, or the path of a SEG-Y; by default a broad band without noise.
    steps : of the flow that draws elastic residuals, 1 to 64; 3 by default.
    model : a LithologyPipeline or a folder of weights; by default those shipped.
    device : torch device of the network, e.g. "cpu" or "cuda".
    store : folder of a Zarr store to stream into instead of memory. After a kill the same
        request goes on where it was; a store that already answers it is returned as it is.
    progress : show a progress bar.

    Returns
    -------
    Dataset with dims (iline, xline, twt): lithology, vp, vs, rho, impedance, rgt, fault,
    seismic, angle_stack with dim angle first, and the labels throw, sequence, body, body_kind,
    fluid, porosity and net_to_gross as far as the pipeline gives them. Any window is a crop of
    the whole world, bit for bit, on one kind of CPU and one build of torch.

    Raises
    ------
    ShapeError, ConfigError : bad input. ResourceError : the result does not fit in memory,
    or not on the disk of `store`.
    WeightsError : weights missing or corrupt. SegyError, CalibrationError : unusable survey.
    OutputError : `store` cannot be written, or holds another request.

    Examples
    --------
    >>> ds = generate((16, 16, 32), seed=7, progress=False)
    >>> ds.seismic.dims
    ('iline', 'xline', 'twt')
    """
    import forward
    from forward.checks import check_angles
    from lithogen.diffusion.pipeline import check_spacing, check_steps
    from lithogen.scale import limits
    from lithogen.scale.columns import Job
    from lithogen.scale.store import ZarrStore

    step = spacing if spacing is not None else Spacing()
    check_spacing(step)
    window = _checked_window(shape, origin, step)
    name = _checked_seed(seed)
    require(wells is None or hasattr(wells, "on_voxels"),
            f"wells is {type(wells).__name__}, wanted lithogen.wells.Wells")
    world = _structure(name, scenario, structure)
    world.require_window(window)
    style = resolve_style(like)
    angles = check_angles(angles_deg)
    if steps is not None:
        check_steps(steps)
    layout = Layout(window, step, angles, _labels())
    halo = forward.style_halo(style, layout.spacing.dt_s)
    limits.refuse_if_memory_is_short(layout, halo, is_streamed=store is not None)
    pipe = _pipeline(model, device)
    count = pipe.default_steps if steps is None else steps
    job = Job(layout, pipe, world, style, name, count, wells)
    with freed_memory_kept():
        if store is None:
            return _in_memory(job, progress)
        return _in_store(job, ZarrStore(layout, store, request_of(job)), progress)


def _checked_window(shape: Sequence[int], origin: Sequence[int], spacing: Spacing) -> Window:
    sizes = three_integers(shape, "shape")
    start = three_integers(origin, "origin")
    is_wide = all(size == 1 or size >= MIN_SIZE for size in sizes[:2])
    require(is_wide and sizes[2] >= MIN_SIZE, f"shape is {sizes}, wanted 1 or at least {MIN_SIZE} "
            f"voxels along lines and at least {MIN_SIZE} along twt", ShapeError)
    require(start[2] >= 0, f"origin twt index is {start[2]}, wanted 0 or more", ShapeError)
    last_s = (start[2] + sizes[2]) * spacing.dt_s
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
        return forward.calibrate(seismic, cube.dt_s, first_s=float(cube.twt[0]),
                                 name=Path(path).stem)


def _pipeline(model: LithologyPipeline | str | Path | None, device: str | None) -> Any:
    from lithogen.diffusion.pipeline import LithologyPipeline

    pipe = model if isinstance(model, LithologyPipeline) else LithologyPipeline.from_pretrained(
        model)
    if device is not None:
        pipe.to(device)
    return pipe


def _labels() -> tuple[str, ...]:
    """Return the labels that stage 1 gives besides lithology, age and fault likelihood."""
    from lithogen.diffusion.pipeline import LithologyOutput

    given = {field.name for field in dataclasses.fields(LithologyOutput)}
    return tuple(name for name in LABELS if name in given)


def _in_memory(job: Job, progress: bool) -> xarray.Dataset:
    from lithogen.scale.columns import tile_columns, tiles_per_column
    from lithogen.scale.neighbours import Filler

    sink = MemorySink(job.layout)
    columns = tile_columns(job.layout.window)
    with Filler(job, columns) as filler:
        total = filler.n_columns() * tiles_per_column(job)
        with _bar(progress, "generating", total) as advance:
            for column in columns:
                filler.fill(column, sink.put, advance)
    return sink.finish(_attrs(job))


def _in_store(job: Job, store: ZarrStore, progress: bool) -> xarray.Dataset:
    """Fill the columns that the store does not hold yet."""
    from lithogen.scale import limits
    from lithogen.scale.columns import tile_columns, tiles_per_column
    from lithogen.scale.neighbours import Filler

    if store.is_complete:
        return store.open()
    columns = tile_columns(job.layout.window)
    limits.refuse_if_disk_is_full(job.layout, store.path, store.share_left(columns),
                                  limits.waiting_bytes(job.layout, job.halo()))
    left = [column for column in columns if not store.is_done(column)]
    per_column, n_done = tiles_per_column(job), len(columns) - len(left)
    text = f"resuming after {n_done} of {len(columns)} columns" if n_done else "generating"
    with store.writing(), Filler(job, left, store.path.parent) as filler:
        n_made = n_done * per_column
        total = n_made + filler.n_columns() * per_column
        with _bar(progress, text, total, n_made) as advance:
            for column in left:
                filler.fill(column, store.put, advance)
                store.finish_column(column)
        store.finish(_attrs(job))
    return store.open()


@contextmanager
def _bar(
    is_shown: bool, text: str, total: int, completed: int = 0
) -> Iterator[Callable[[], None]]:
    if not is_shown:
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(text, total=total, completed=completed)
        yield lambda: bar.advance(task)


def request_of(job: Job) -> dict[str, Any]:
    """Return all that the voxels of a job depend on, as JSON holds it.

    Two equal requests give the same bits on one kind of processor and one build of torch.

    Raises
    ------
    ConfigError : the structure or the wells cannot be told from others.
    """
    import torch

    from lithogen.diffusion import pipeline
    from lithogen.diffusion.lattice import PASSES
    from lithogen.diffusion.stored import entries_of
    from lithogen.scale.request import fingerprint

    layout, pipe = job.layout, job.pipe
    return {
        **_attrs(job),
        "shape": list(layout.window.shape),
        "angles_deg": list(layout.angles_deg),
        "variables": list(layout.variables()),
        "structure": fingerprint(job.world),
        "style_content": fingerprint(job.style),
        "wells": None if job.wells is None else fingerprint(job.wells),
        # What was loaded, whatever folder it came from or was changed to since.
        "weights": fingerprint([pipe.network.state_dict(), entries_of(pipe.network)]),
        "schedulers": [[type(one).__name__, fingerprint(entries_of(one))]
                       for one in (pipe.unmasking, pipe.flow)],
        "rows": fingerprint([[one.block_rows, one] for one in PASSES]),
        "tiles": [list(v) for v in (pipeline.TILE_SHAPE, pipeline.TILE_PHASE)],
        "torch": torch.__version__,
        "device": str(next(pipe.network.parameters()).device),
    }


def _attrs(job: Job) -> dict[str, Any]:
    from lithogen.rng import NOISE_VERSION

    spacing = job.layout.spacing
    return {
        "title": "lithogen world",
        # Text, because a seed may be larger than the integers that file formats hold.
        "seed": str(job.seed),
        "origin": list(job.layout.window.origin),
        "spacing": {"dt_s": spacing.dt_s, "dx_m": spacing.dx_m, "dy_m": spacing.dy_m},
        "scenario": job.world.scenario.to_dict(),
        "style": job.style.name,
        "steps": job.steps,
        "source": "stage 1",
        "precision": "float32",
        "noise_version": NOISE_VERSION,
        "lithogen_version": importlib.metadata.version("lithogen"),
        "weights_sha256": job.pipe.weights_sha256,
        "vert_domain": "TWT",
        "measurement_system": "m",
    }
