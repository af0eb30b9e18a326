"""A Zarr store that is filled column by column and goes on after a kill."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from lithogen.config import consolidate_zarr, write_json
from lithogen.dataset import VARIABLE_ATTRS, Layout, ready_attrs
from lithogen.errors import OutputError, require
from lithogen.grid import AXES, Index3, Window
from lithogen.scale.request import as_json, differences

if TYPE_CHECKING:
    import xarray
    import zarr

RECORD = "progress.json"
LOCK = "writer.lock"
RECORD_KIND = "lithogen store"
# Attribute of a finished store that tells what it was asked to hold.
REQUEST_ATTR = "request"
# Chunks along time: columns are written from top to bottom, in blocks of whole chunks.
CHUNK_SAMPLES = 128
# Smaller chunks only to line up with tiles make too many files; larger ones share a border.
SMALLEST_CHUNK = 32


def chunk_shape(window: Window) -> Index3:
    """Return the chunks of a store: where they can, they end where columns of tiles end.

    Zarr counts chunks from the first voxel of the window, tiles lie on an absolute lattice. The
    largest chunk whose multiples hit every border of tiles is taken, unless it were shorter
    than 32 lines; then chunks are as wide as tiles and two columns write to one.

    Parameters
    ----------
    window : absolute voxels of the store.

    Examples
    --------
    >>> chunk_shape(Window((0, 0, 0), (20, 30, 300)))
    (20, 30, 128)
    """
    from lithogen.diffusion import pipeline

    sides = []
    for axis in (0, 1):
        size, length = pipeline.TILE_SHAPE[axis], window.shape[axis]
        border = (pipeline.TILE_PHASE[axis] - window.origin[axis]) % size or size
        common = math.gcd(border, size)
        side = common if common >= min(SMALLEST_CHUNK, size) else size
        sides.append(length if length <= border else min(side, length))
    return (sides[0], sides[1], min(CHUNK_SAMPLES, window.shape[2]))


class ZarrStore:
    """A store that holds finished columns of a request until all of them are there.

    It is filled as `NAME.partial`, which takes its name when it is complete. A record beside the
    data says what was asked for and which columns are finished; it is replaced (never written
    into) after the data of a column, so that after a kill at most one column is made again.

    Parameters
    ----------
    layout : variables and window.
    path : the store.
    request : all that its voxels depend on, for JSON; see `lithogen.scale.request`.

    Raises
    ------
    OutputError : the store or its half-done folder holds something else.
    """

    def __init__(self, layout: Layout, path: Path | str, request: Mapping[str, Any]) -> None:
        self.layout = layout
        self.path = Path(path)
        self.partial = self.path.with_name(f"{self.path.name}.partial")
        self.request = as_json(request)
        self.is_complete = self.path.exists()
        self.done: set[str] = set()
        if self.is_complete:
            self._refuse_other_store()
        elif self.partial.exists():
            self.done = self._recorded()

    def share_left(self, columns: Sequence[Window]) -> float:
        """Return the share of the voxels of these columns that is still to be written, 0..1."""
        left = sum(c.size for c in columns if not (self.is_complete or self.is_done(c)))
        return left / sum(c.size for c in columns)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the store for one process: laid out, and swept of what a kill left half-written.

        Raises
        ------
        OutputError : another process holds it, or it cannot be written.
        """
        with _writing(self.path):
            if not self.partial.exists():
                self._lay_out()
            with _locked(self.partial / LOCK):
                self.done = self._recorded()
                for scrap in (*self.partial.rglob("*.partial"),
                              *self.partial.glob(f"{Path(RECORD).stem}.tmp-*")):
                    scrap.unlink()
                yield

    def is_done(self, column: Window) -> bool:
        """Return whether a column is finished."""
        return _key(column) in self.done

    def put(self, part: Window, values: Mapping[str, NDArray[Any]]) -> None:
        """Write the variables of a part of the window."""
        box = part.slices_in(self.layout.window)
        group = self._group()
        for name, value in values.items():
            target: Any = group[name]
            target[(..., *box)] = value

    def finish_column(self, column: Window) -> None:
        """Write the column's coordinates, then note that all of it is there."""
        box = column.slices_in(self.layout.window)[:2]
        group = self._group()
        for name, (dims, values, _) in self._coordinates(column).items():
            if dims == AXES[:2]:
                target: Any = group[name]
                target[box] = values
        self.done.add(_key(column))
        self._write_record(self.partial)

    def finish(self, attrs: Mapping[str, Any]) -> None:
        """Write the attributes and give the store its name."""
        maps = " ".join(n for n, (dims, _, _) in self._coordinates(_corner(self.layout)).items()
                        if dims == AXES[:2])
        about = ready_attrs({**attrs, REQUEST_ATTR: self.request, "coordinates": maps})
        self._group().attrs.update(about)
        with warnings.catch_warnings():
            # Record and lock lie beside the arrays until the store has its name.
            warnings.filterwarnings("ignore", message="Object at .* is not recognized")
            consolidate_zarr(self.partial)
        self.partial.rename(self.path)
        # After the new name: whoever is killed in between leaves a complete store.
        for name in (RECORD, LOCK):
            (self.path / name).unlink(missing_ok=True)

    def open(self) -> xarray.Dataset:
        """Return the finished store as a Dataset that reads what is looked at."""
        import xarray

        opened: xarray.Dataset = xarray.open_zarr(self.path, chunks=None)
        opened.attrs.pop(REQUEST_ATTR, None)
        return opened

    def _group(self) -> zarr.Group:
        import zarr

        return zarr.open_group(self.partial, mode="r+")

    def _coordinates(
        self, window: Window
    ) -> dict[str, tuple[tuple[str, ...], NDArray[Any], dict[str, Any]]]:
        return dataclasses.replace(self.layout, window=window).coordinates()

    def _lay_out(self) -> None:
        """Make the arrays and the record aside, so that the half-done folder always has both."""
        import zarr

        window = self.layout.window
        ni, nj, nk = chunk_shape(window)
        chunks = {"angle": 1, "iline": ni, "xline": nj, "twt": nk}
        with _beside(self.partial) as folder:
            group = zarr.open_group(folder, mode="w")
            for name, (dims, shape, dtype) in self.layout.variables().items():
                group.create_array(name, shape=shape, chunks=tuple(chunks[d] for d in dims),
                                   dtype=dtype, dimension_names=dims,
                                   attributes=VARIABLE_ATTRS[name])
            for name, (dims, values, attrs) in _axis_coordinates(self.layout).items():
                group.create_array(name, data=values, dimension_names=dims, attributes=attrs)
            for name, (dims, values, attrs) in self._coordinates(_corner(self.layout)).items():
                if dims == AXES[:2]:
                    group.create_array(name, shape=window.shape[:2], chunks=(ni, nj),
                                       dtype=values.dtype, dimension_names=dims, attributes=attrs)
            self._write_record(folder)

    def _write_record(self, folder: Path) -> None:
        write_json(folder / RECORD, {"kind": RECORD_KIND, "request": self.request,
                                     "columns": sorted(self.done)})

    def _recorded(self) -> set[str]:
        """Return the finished columns of the half-done store, if it is one of this request."""
        strange = (f"{self.partial} is no half-done store of lithogen; remove it or choose "
                   "another store")
        try:
            record = json.loads((self.partial / RECORD).read_text(encoding="utf-8"))
            kind, known, columns = record["kind"], record["request"], record["columns"]
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise OutputError(strange) from exc
        require(kind == RECORD_KIND and isinstance(known, dict), strange, OutputError)
        found = differences(known, self.request)
        require(not found, f"{self.partial} is half done for another request: "
                f"{_listed(found)}; repeat that request to go on with it, remove the folder to "
                "start anew, or choose another store", OutputError)
        return set(columns)

    def _refuse_other_store(self) -> None:
        """Refuse a finished store or any other folder that is not the answer to this request."""
        hint = f"store {self.path} exists"
        try:
            attrs = json.loads((self.path / "zarr.json").read_text(encoding="utf-8"))["attributes"]
            known = json.loads(attrs[REQUEST_ATTR])
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise OutputError(f"{hint}; remove it or choose another") from exc
        found = differences(known, self.request)
        require(not found, f"{hint} and answers another request: {_listed(found)}; remove it or "
                "choose another", OutputError)


def _key(column: Window) -> str:
    return f"{column.origin[0]},{column.origin[1]}"


def _corner(layout: Layout) -> Window:
    return Window(layout.window.origin, (1, 1, 1))


def _axis_coordinates(
    layout: Layout
) -> dict[str, tuple[tuple[str, ...], NDArray[Any], dict[str, Any]]]:
    """Return the coordinates of one dimension; maps of a large window would fill the memory."""
    (ni, nj, nk), origin = layout.window.shape, layout.window.origin
    rows = dataclasses.replace(layout, window=Window(origin, (ni, 1, nk))).coordinates()
    cols = dataclasses.replace(layout, window=Window(origin, (1, nj, 1))).coordinates()
    return {name: cols[name] if name == "xline" else entry
            for name, entry in rows.items() if len(entry[0]) == 1}


def _listed(found: list[str]) -> str:
    more = f" and {len(found) - 4} more" if len(found) > 4 else ""
    return ", ".join(found[:4]) + more


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Yield a new folder that takes the name `path` at the end, unless another came first."""
    folder = path.with_name(f"{path.name}.tmp-{os.getpid()}")
    try:
        folder.mkdir()
        yield folder
        folder.rename(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Say which store could not be written, and what to do about it."""
    try:
        yield
    except OSError as exc:
        if isinstance(exc, OutputError):
            raise
        raise OutputError(
            f"cannot write store {path}: {exc.strerror or exc}; make room or choose another, "
            "then repeat the request: finished columns are kept"
        ) from exc


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes out; the system lets go when this one ends, killed or not."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    with open(path, "a", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise OutputError(f"another process writes to {path.parent}; wait for it or choose "
                              "another store") from exc
        yield
