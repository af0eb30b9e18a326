"""The stratigraphic lattice: a Wheeler diagram of rows of age and positions on a profile.

A row is 1 ms of relative geologic time, so layers lie flat. A position is a place on the profile
from basin (0) to shore (8); a voxel belongs to the one nearest to its depositional environment.
Rows are filled coarse to fine: those at every 512 ms first, then the midpoints of what is known,
down to every row; within a row from one position outwards. Midpoints that lie next to each other
depend on each other beyond what is known, so from 64 ms on every other one of them is drawn first,
and those between see them.

Source: Wheeler (1958), AAPG Bulletin 42: time-stratigraphic sections.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lithogen.rockphysics.facies import N_FACIES

ROW_MS = 1.0
N_POSITIONS = 9
MIDDLE = N_POSITIONS // 2
N_RESIDUALS = 3
# What is known of a cell: facies as one of ten, and the elastic residuals.
N_CELL = N_FACIES + N_RESIDUALS
# Rows drawn together: a matrix product of another size may end in other bits. Longer blocks are
# faster where much is asked for, and reach further beyond it where little is.
_BLOCK_ROWS = {1: 32, 2: 32}
_COARSE_BLOCK_ROWS = 16
# The coarsest level whose new rows are drawn in two passes.
_COARSEST_OF_TWO = 64
# Known rows either side that a new row sees, in strides: every odd number up to 2 n - 1, and
# some further ones that tell of the formation.
_NEAR = {512: 0, 256: 2, 128: 4, 64: 6, 32: 8, 16: 8, 8: 8, 4: 8, 2: 8, 1: 8}
_FAR = {32: (21,), 16: (21, 33), 8: (21, 33, 55, 91), 4: (21, 33, 55, 91),
        2: (21, 33, 55, 91), 1: (21, 33, 55, 91)}
# Known rows either side that are seen at the neighbouring position too.
N_BESIDE = 2


@dataclass(frozen=True)
class Level:
    """Rows of one step of the filling, drawn by one network.

    Parameters
    ----------
    number : int
        0 is the coarsest.
    stride : int
        New rows are the odd multiples of it; those of level 0 all multiples.
    near : int
        Known rows either side at distances of 1, 3, .. 2 near - 1 strides.
    far : tuple of int
        Further odd distances in strides, either side.
    """

    number: int
    stride: int
    near: int
    far: tuple[int, ...]

    @property
    def n_passes(self) -> int:
        """Passes in which the new rows are drawn: in two, every other row comes first."""
        return 2 if self.stride <= _COARSEST_OF_TWO else 1

    @property
    def step(self) -> int:
        """Rows from one new row to the next."""
        return self.stride if self.near == 0 else 2 * self.stride

    @property
    def first(self) -> int:
        """The new row nearest to row 0 from below."""
        return 0 if self.near == 0 else self.stride

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """Distances in rows of the known rows that a new row sees, nearest ones in the middle."""
        one_side = [*range(1, 2 * self.near, 2), *self.far] if self.near else []
        return self.stride * np.array([-d for d in reversed(one_side)] + one_side, dtype=np.int64)

    @cached_property
    def mates(self) -> NDArray[np.int64]:
        """Distances in rows of the new rows that those of the second pass see."""
        return np.array([-self.step, self.step][: 2 * (self.n_passes - 1)], dtype=np.int64)

    @property
    def reach(self) -> int:
        """Rows to the furthest known row that a new row sees."""
        return int(self.offsets.max()) if self.offsets.size else 0

    @cached_property
    def beside(self) -> slice:
        """The places in `offsets` of the rows that are seen at the neighbouring position too."""
        middle, n = len(self.offsets) // 2, min(N_BESIDE, self.near)
        return slice(middle - n, middle + n)


@dataclass(frozen=True)
class Pass:
    """New rows of a level that do not see each other, drawn block by block.

    Parameters
    ----------
    number : int
        Of the pass; 0 comes first.
    level : Level
        Whose rows these are.
    half : int
        0 or 1; rows of half 1 see those of half 0.
    """

    number: int
    level: Level
    half: int

    @property
    def first(self) -> int:
        """The new row nearest to row 0 from below."""
        return self.level.first + self.half * self.level.step

    @property
    def step(self) -> int:
        """Rows from one new row to the next."""
        return self.level.step * self.level.n_passes

    @property
    def block_rows(self) -> int:
        """Rows that are drawn together."""
        return _BLOCK_ROWS.get(self.level.stride, _COARSE_BLOCK_ROWS)

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """Distances in rows of the rows that a new row sees: `Level.offsets`, then mates."""
        mates = self.level.mates if self.half else self.level.mates[:0]
        return np.concatenate([self.level.offsets, mates])

    @property
    def reach(self) -> int:
        """Rows to the furthest row that a new row sees or lies between."""
        return max(self.level.reach, self.level.stride)

    def rows(self, block: int) -> NDArray[np.int64]:
        """Return the new rows of a block, (block_rows,)."""
        n = self.block_rows
        return np.asarray(self.first + self.step * (block * n + np.arange(n)))

    def blocks(self, first: int, last: int) -> range:
        """Return the blocks that hold the new rows from `first` to `last`."""
        span = self.step * self.block_rows
        return range((first - self.first) // span, (last - self.first) // span + 1)


LEVELS = tuple(
    Level(number, stride, _NEAR[stride], _FAR.get(stride, ()))
    for number, stride in enumerate(_NEAR)
)
N_LEVELS = len(LEVELS)
PASSES = tuple(
    Pass(number, level, half) for number, (level, half) in enumerate(
        (level, half) for level in LEVELS for half in range(level.n_passes))
)
N_PASSES = len(PASSES)
MOST_OFFSETS = max(len(level.offsets) for level in LEVELS)
MOST_MATES = max(len(level.mates) for level in LEVELS)


def level_of(row: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of the level that draws each row.

    Parameters
    ----------
    row : ndarray of int64
        Any rows.

    Returns
    -------
    ndarray of int64, same shape
        0 for multiples of 512 to 9 for odd rows.

    Examples
    --------
    >>> import numpy as np
    >>> level_of(np.array([0, 512, 256, -1])).tolist()
    [0, 0, 1, 9]
    """
    out = np.full(np.shape(row), N_LEVELS - 1, dtype=np.int64)
    for level in reversed(LEVELS):
        out[np.asarray(row) % level.stride == 0] = level.number
    return out
