"""Columns of tiles whose seismic needs the columns beside them: each is made once."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithogen.grid import Window
from lithogen.scale.columns import BLOCK_SAMPLES, ELASTIC, Job, Put, fill_column, tile_columns

F32 = NDArray[np.float32]


def _place(part: Window) -> tuple[int, int]:
    """Return the place on the lattice of a part of one column of tiles."""
    from lithogen.diffusion import pipeline

    (i, j, _), (ni, nj, _) = part.origin, pipeline.TILE_SHAPE
    return (i - pipeline.TILE_PHASE[0]) // ni, (j - pipeline.TILE_PHASE[1]) // nj


class Filler:
    """Fills columns of a request, with the traces around them where seismic wants them.

    Parameters
    ----------
    job : what to make. columns : those that are to be filled, in this order.
    folder : where elastic values of columns wait for their neighbours, on disk; None keeps them
        in memory. It is emptied of them on leaving.
    """

    def __init__(self, job: Job, columns: Sequence[Window], folder: Path | None = None) -> None:
        self.job, self.columns, self.halo = job, columns, job.halo()
        self.is_alone = not any(self.halo[:2])
        self.held: dict[Window, F32] = {}
        # By place on the lattice: the columns of tiles that seismic reads, and for how many more.
        self.parts: dict[tuple[int, int], Window] = {}
        self.wanted: Counter[Window] = Counter()
        if not self.is_alone:
            outer = job.layout.window.padded(self.halo)
            self.parts = {_place(part): part for part in tile_columns(outer)}
            self.wanted.update(part for column in columns for part in self._near(column))
        self._folder = folder
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Filler:
        if self._folder is not None and not self.is_alone:
            self._temporary = tempfile.TemporaryDirectory(
                prefix=".lithogen-", dir=self._folder, ignore_cleanup_errors=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.held.clear()
        if self._temporary is not None:
            self._temporary.cleanup()

    def n_columns(self) -> int:
        """Return how many columns of tiles are to be made."""
        return len(self.columns) if self.is_alone else len(self.wanted)

    def fill(self, column: Window, put: Put, on_tile: Callable[[], None]) -> None:
        """Make the next column and hand it over block by block, as `fill_column` does."""
        if self.is_alone:
            fill_column(self.job, column, put, on_tile)
            return
        near = self._near(column)
        for part in near:
            if part not in self.held:
                self._make(part, put, on_tile)
        for start in range(column.origin[2], column.stop[2], BLOCK_SAMPLES):
            size = min(BLOCK_SAMPLES, column.stop[2] - start)
            block = Window((*column.origin[:2], start), (*column.shape[:2], size))
            put(block, self.job.survey(block, self._elastic(block.padded(self.halo), near)))
        for part in near:
            self.wanted[part] -= 1
            if not self.wanted[part]:
                del self.held[part]
                if self._temporary is not None:
                    self._file(part).unlink()

    def _near(self, column: Window) -> list[Window]:
        """Return the columns of tiles that the seismic of a column reads."""
        return [self.parts[_place(piece)] for piece in tile_columns(column.padded(self.halo))]

    def _file(self, part: Window) -> Path:
        """Where a column waits on disk."""
        name = "_".join(str(place) for place in _place(part))
        return Path("" if self._temporary is None else self._temporary.name) / f"{name}.npy"

    def _make(self, part: Window, put: Put, on_tile: Callable[[], None]) -> None:
        """Make what stage 1 says about a column; hand over what lies in the window."""
        shape = (len(ELASTIC), *part.shape)
        if self._temporary is None:
            kept: F32 = np.empty(shape, np.float32)
        else:
            kept = np.lib.format.open_memmap(
                self._file(part), mode="w+", dtype=np.float32, shape=shape)
        start = part.origin[2]
        for values in self.job.earth(part):
            size = values[ELASTIC[0]].shape[-1]
            box = Window((*part.origin[:2], start), (*part.shape[:2], size))
            for row, name in zip(kept, ELASTIC, strict=True):
                row[box.slices_in(part)] = values[name]
            inside = box.intersection(self.job.layout.window)
            if inside is not None:
                cut = inside.slices_in(box)
                given: dict[str, NDArray[Any]] = {n: v[cut] for n, v in values.items()}
                put(inside, given | {"impedance": given["vp"] * given["rho"]})
            start += size
            on_tile()
        self.held[part] = kept

    def _elastic(self, box: Window, near: Sequence[Window]) -> dict[str, F32]:
        out = {name: np.empty(box.shape, np.float32) for name in ELASTIC}
        for part in near:
            common = part.intersection(box)
            if common is not None:
                for row, name in zip(self.held[part], ELASTIC, strict=True):
                    out[name][common.slices_in(box)] = row[common.slices_in(part)]
        return out
