"""Columns of tiles whose seismic needs the columns beside them: each is made once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithogen.grid import Window
from lithogen.scale.columns import BLOCK_SAMPLES, ELASTIC, Job, Put, fill_column, tile_columns

F32 = NDArray[np.float32]


class Filler:
    """Fills columns of a request, with the traces around them where seismic wants them.

    Parameters
    ----------
    job : what to make. columns : those that are to be filled, in this order.
    folder : where elastic values of columns wait for their neighbours, on disk; None keeps them
        in memory. It is emptied of them on leaving.
    """

    def __init__(self, job: Job, columns: Sequence[Window], folder: Path | None = None) -> None:
        self.job, self.left = job, list(columns)
        self.is_alone = not any(job.halo()[:2])
        outer = job.layout.window.padded(job.halo())
        self.parts = list(columns) if self.is_alone else tile_columns(outer)
        self.held: dict[Window, F32] = {}
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
        """Return how many columns of tiles are still to be made."""
        if self.is_alone:
            return len(self.left)
        return sum(1 for part in self.parts if part not in self.held
                   and any(self._touches(part, column) for column in self.left))

    def fill(self, column: Window, put: Put, on_tile: Callable[[], None]) -> None:
        """Make the next column and hand it over block by block, as `fill_column` does."""
        if self.is_alone:
            fill_column(self.job, column, put, on_tile)
            return
        near = [part for part in self.parts if self._touches(part, column)]
        for part in near:
            if part not in self.held:
                self._make(part, put, on_tile)
        for start in range(column.origin[2], column.stop[2], BLOCK_SAMPLES):
            size = min(BLOCK_SAMPLES, column.stop[2] - start)
            block = Window((*column.origin[:2], start), (*column.shape[:2], size))
            put(block, self.job.survey(block, self._elastic(block.padded(self.job.halo()), near)))
        self.left.remove(column)
        for part in list(self.held):
            if not any(self._touches(part, other) for other in self.left):
                del self.held[part]

    def _touches(self, part: Window, column: Window) -> bool:
        return part.intersection(column.padded(self.job.halo())) is not None

    def _make(self, part: Window, put: Put, on_tile: Callable[[], None]) -> None:
        """Make what stage 1 says about a column; hand over what lies in the window."""
        shape = (len(ELASTIC), *part.shape)
        if self._temporary is None:
            kept: F32 = np.empty(shape, np.float32)
        else:
            path = Path(self._temporary.name) / f"{len(self.parts)}-{self.parts.index(part)}.npy"
            kept = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
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
