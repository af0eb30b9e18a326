"""Columns of tiles, made from top to bottom in blocks: memory does not grow with the world."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lithogen.dataset import Layout
from lithogen.grid import Index3, Spacing, Window, tiles_covering

if TYPE_CHECKING:
    from forward.style import SurveyStyle
    from lithogen.diffusion.pipeline import LithologyPipeline
    from lithogen.structure import Structure

# Samples that are modelled and written at once. Every block models half a wavelet more above and
# below it, so short blocks cost time; long ones cost memory.
BLOCK_SAMPLES = 256
ELASTIC = ("vp", "vs", "rho")

Values = Mapping[str, NDArray[Any]]
Put = Callable[[Window, Values], None]


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """All that the voxels of a request depend on.

    Parameters
    ----------
    layout : window, spacing, angles and variables.
    pipe : stage 1. world : structure. style : of the seismic.
    seed : of strata and noise. steps : of the flow of residuals.
    wells : passed on to the pipeline; None for none.
    """

    layout: Layout
    pipe: LithologyPipeline
    world: Structure
    style: SurveyStyle
    seed: int
    steps: int
    wells: object | None = None

    def halo(self) -> Index3:
        """Return the voxels that seismic needs beyond what is modelled, on every axis."""
        import forward

        return forward.style_halo(self.style, self.layout.spacing.dt_s)

    def earth(self, column: Window) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield what stage 1 says about a column, tile by tile from top to bottom."""
        options: dict[str, Any] = {} if self.wells is None else {"wells": self.wells}
        if self.layout.spacing != Spacing():
            options["spacing"] = self.layout.spacing
        wanted = self.layout.variables()
        for tile, made in self.pipe.tiles(self.world, column, seed=self.seed,
                                          num_inference_steps=self.steps, **options):
            common = tile.intersection(column)
            if common is not None:
                box = common.slices_in(tile)
                yield {name: value[box] for name, value in made.items() if name in wanted}

    def spread(self, window: Window) -> NDArray[np.float64] | None:
        """Return the lateral spread of the samples of a window; None for none."""
        if self.style.aperture_m is None:
            return None
        from forward.resolution import lateral_spread

        spacing = self.layout.spacing
        twt_s = np.maximum(window.axes(spacing)[2], 0.0)
        return lateral_spread(
            twt_s=twt_s, velocity_m_s=self.world.velocity.rms(twt_s), bin_m=spacing.dx_m,
            aperture_m=self.style.aperture_m, dt_s=spacing.dt_s)

    def survey(self, block: Window, elastic: Values) -> dict[str, NDArray[Any]]:
        """Return the seismic of a block from elastic values that reach `halo` further."""
        import forward

        seismic, stacks = forward.model_survey(
            vp=elastic["vp"], vs=elastic["vs"], rho=elastic["rho"], style=self.style,
            seed=self.seed, angles_deg=self.layout.angles_deg, window=block,
            dt_s=self.layout.spacing.dt_s, spread=self.spread(block.padded(self.halo())),
        )
        return {"seismic": seismic, "angle_stack": stacks}


def tile_columns(window: Window) -> list[Window]:
    """Return the parts of a window that lie in one column of tiles each, in lattice order."""
    from lithogen.diffusion import pipeline

    shape, phase = pipeline.TILE_SHAPE, pipeline.TILE_PHASE
    flat = Window((*window.origin[:2], 0), (*window.shape[:2], 1))
    out = []
    for tile in tiles_covering(flat, (*shape[:2], 1), (*phase[:2], 0)):
        part = tile.intersection(flat)
        if part is not None:
            out.append(Window((*part.origin[:2], window.origin[2]),
                              (*part.shape[:2], window.shape[2])))
    return out


def tiles_per_column(job: Job) -> int:
    """Return how many tiles a column takes, for a progress bar."""
    from lithogen.diffusion import pipeline

    deep = job.layout.window.padded((0, 0, job.halo()[2]))
    line = Window((0, 0, deep.origin[2]), (1, 1, deep.shape[2]))
    return sum(1 for _ in tiles_covering(line, (1, 1, pipeline.TILE_SHAPE[2]),
                                         (0, 0, pipeline.TILE_PHASE[2])))


def fill_column(job: Job, column: Window, put: Put, on_tile: Callable[[], None]) -> None:
    """Make one column of tiles and hand it over block by block, from top to bottom.

    Parameters
    ----------
    job : what to make.
    column : part of its window inside one column of tiles, see `tile_columns`.
    put : takes a block of the column and its variables; blocks end `BLOCK_SAMPLES` apart.
    on_tile : called after every tile.
    """
    halo = job.halo()[2]
    start, end = column.origin[2], column.stop[2]
    held = _Held(start - halo)
    for part in job.earth(column.padded((0, 0, halo))):
        held.append(part)
        on_tile()
        stop = min(start + BLOCK_SAMPLES, end)
        while start < end and held.stop >= stop + halo:
            block = Window((*column.origin[:2], start), (*column.shape[:2], stop - start))
            values = held.cut(start, stop)
            values["impedance"] = values["vp"] * values["rho"]
            grown = held.cut(start - halo, stop + halo, ELASTIC)
            put(block, values | job.survey(block, grown))
            held.drop_before(stop - halo)
            start, stop = stop, min(stop + BLOCK_SAMPLES, end)


class _Held:
    """Variables over a range of samples that moves downwards."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.values: dict[str, NDArray[Any]] = {}

    @property
    def stop(self) -> int:
        """Absolute sample one past the last one held."""
        return self.start + (next(iter(self.values.values())).shape[-1] if self.values else 0)

    def append(self, more: Values) -> None:
        """Add the samples that follow; every variable of the first call is wanted again."""
        if not self.values:
            # Copies: a view would keep the whole tile in memory.
            self.values = {name: value.copy() for name, value in more.items()}
            return
        for name in self.values:
            self.values[name] = np.concatenate((self.values[name], more[name]), axis=-1)

    def cut(
        self, start: int, stop: int, names: tuple[str, ...] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Return views of samples start..stop of the named variables, by default of all."""
        box = slice(start - self.start, stop - self.start)
        return {name: self.values[name][..., box] for name in names or self.values}

    def drop_before(self, start: int) -> None:
        """Forget the samples above `start`; copies, so that their memory is free again."""
        for name, value in self.values.items():
            self.values[name] = value[..., start - self.start:].copy()
        self.start = start
