"""Windows, spacing and the canonical tile lattice. Axis order is (iline, xline, twt)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import ShapeError, require

AXES = ("iline", "xline", "twt")
MIN_SIZE = 16

Index3 = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Spacing:
    """Sample spacing of a volume.

    Parameters
    ----------
    dt_s : sample interval in seconds, > 0 (two-way time).
    dx_m : distance between crosslines, along the xline axis, in metres, > 0.
    dy_m : distance between inlines, along the iline axis, in metres, > 0.

    Raises
    ------
    ConfigError : a spacing is not positive.

    Examples
    --------
    >>> Spacing().dt_s
    0.004
    """

    dt_s: float = 0.004
    dx_m: float = 25.0
    dy_m: float = 25.0

    def __post_init__(self) -> None:
        for name in ("dt_s", "dx_m", "dy_m"):
            value = getattr(self, name)
            require(value > 0, f"{name} is {value}, wanted a positive spacing")


@dataclass(frozen=True, slots=True)
class Window:
    """A box of voxels of the unbounded world.

    Parameters
    ----------
    origin : absolute index of the first voxel (iline, xline, twt).
    shape : number of voxels per axis, each >= 1.

    Raises
    ------
    ShapeError : not three integers, or a size below 1.

    Examples
    --------
    >>> Window((0, 0, 0), (4, 5, 6)).stop
    (4, 5, 6)
    """

    origin: Index3
    shape: Index3

    def __post_init__(self) -> None:
        for name, value in (("origin", self.origin), ("shape", self.shape)):
            object.__setattr__(self, name, three_integers(value, name))
        require(min(self.shape) >= 1, f"shape {self.shape} has a size below 1", ShapeError)

    @property
    def stop(self) -> Index3:
        """Absolute index one past the last voxel."""
        o, n = self.origin, self.shape
        return (o[0] + n[0], o[1] + n[1], o[2] + n[2])

    @property
    def size(self) -> int:
        """Number of voxels."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    def axes(
        self, spacing: Spacing
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return y (iline) in m, x (xline) in m and two-way time in s of the voxels."""
        y, x, t = (
            np.asarray((o + np.arange(n)) * step, dtype=np.float64)
            for o, n, step in zip(
                self.origin, self.shape, (spacing.dy_m, spacing.dx_m, spacing.dt_s), strict=True
            )
        )
        return y, x, t

    def padded(self, halo: Index3) -> Window:
        """Return the window grown by `halo` voxels on both sides of each axis."""
        o, n, h = self.origin, self.shape, halo
        return Window(
            (o[0] - h[0], o[1] - h[1], o[2] - h[2]),
            (n[0] + 2 * h[0], n[1] + 2 * h[1], n[2] + 2 * h[2]),
        )

    def lines(self, part: slice) -> Window:
        """Return the window of some ilines of this one, counted from its first.

        Examples
        --------
        >>> Window((5, 0, 0), (8, 4, 4)).lines(slice(2, 4))
        Window(origin=(7, 0, 0), shape=(2, 4, 4))
        """
        first, stop, _ = part.indices(self.shape[0])
        (i, j, k), (_, n_cross, n_twt) = self.origin, self.shape
        return Window((i + first, j, k), (stop - first, n_cross, n_twt))

    def intersection(self, other: Window) -> Window | None:
        """Return the common box, or None where the two do not meet."""
        first = [max(a, b) for a, b in zip(self.origin, other.origin, strict=True)]
        last = [min(a, b) for a, b in zip(self.stop, other.stop, strict=True)]
        sizes = [b - a for a, b in zip(first, last, strict=True)]
        if min(sizes) < 1:
            return None
        return Window((first[0], first[1], first[2]), (sizes[0], sizes[1], sizes[2]))

    def slices_in(self, outer: Window) -> tuple[slice, slice, slice]:
        """Return the slices that cut this window out of an array of `outer`.

        Raises
        ------
        ShapeError : this window is not inside `outer`.
        """
        require(
            self.intersection(outer) == self, f"{self} does not lie inside {outer}", ShapeError
        )
        a, b, c = (
            slice(o - p, o - p + n)
            for o, p, n in zip(self.origin, outer.origin, self.shape, strict=True)
        )
        return a, b, c


def three_integers(value: Sequence[int], name: str) -> Index3:
    """Return `value` as three Python ints.

    Raises
    ------
    ShapeError : not exactly three whole numbers.
    """
    try:
        whole = [int(v) for v in value]
        is_exact = len(whole) == 3 and all(
            int(v) == v and not isinstance(v, bool) for v in value
        )
    except (TypeError, ValueError, OverflowError):
        is_exact = False
        whole = []
    require(
        is_exact,
        f"{name} is {value!r}, wanted three integers (iline, xline, twt), e.g. 128 128 256",
        ShapeError,
    )
    return (whole[0], whole[1], whole[2])


def tiles_covering(
    window: Window, tile_shape: Index3, phase: Index3 = (0, 0, 0)
) -> Iterator[Window]:
    """Yield the tiles of the absolute lattice that meet a window, in lattice order.

    The lattice holds a tile that starts at `phase` and extends without bound in every
    direction; it depends on `tile_shape` and `phase` alone, never on the window.

    Examples
    --------
    >>> [t.origin for t in tiles_covering(Window((-1, 0, 0), (2, 1, 1)), (8, 8, 8))]
    [(-8, 0, 0), (0, 0, 0)]
    """
    spans = [
        range((first - start) // size, -(-(last - start) // size))
        for first, last, size, start in zip(
            window.origin, window.stop, tile_shape, phase, strict=True
        )
    ]
    for index in itertools.product(*spans):
        i, j, k = (
            n * size + start for n, size, start in zip(index, tile_shape, phase, strict=True)
        )
        yield Window((i, j, k), tile_shape)


def check_shape(got: Sequence[int], wanted: Sequence[int], name: str) -> None:
    """Check an array's shape.

    Raises
    ------
    ShapeError : naming the variable, its shape and the shape that was wanted.

    Examples
    --------
    >>> check_shape((2, 3), (2, 3), "vp")
    """
    require(
        tuple(got) == tuple(wanted),
        f"{name} has shape {tuple(got)}, wanted {tuple(wanted)} in the order of its documented "
        "axes; nothing is resized or transposed for you",
        ShapeError,
    )
