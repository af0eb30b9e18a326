"""WellVoxels: what wells say about single voxels of one lattice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithogen.grid import Window, check_shape

UNKNOWN = -1
LOGS = ("vp", "vs", "rho")


@dataclass(frozen=True, slots=True)
class WellVoxels:
    """Voxels that wells pass through, each of them once.

    Parameters
    ----------
    index : absolute voxel index (iline, xline, twt), int64 (n, 3).
    facies : codes of `lithogen.rockphysics.FACIES`, -1 where unknown, int8 (n,).
    vp, vs, rho : block averages in m/s, m/s and kg/m3, NaN where unknown, float32 (n,).
    well : number of the well in `names`, int64 (n,).
    names : names of the wells.

    Raises
    ------
    ShapeError : lengths that differ.
    """

    index: NDArray[np.int64]
    facies: NDArray[np.int8]
    vp: NDArray[np.float32]
    vs: NDArray[np.float32]
    rho: NDArray[np.float32]
    well: NDArray[np.int64]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        n = len(self.well)
        check_shape(self.index.shape, (n, 3), "index")
        for name in ("facies", *LOGS):
            check_shape(getattr(self, name).shape, (n,), name)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> WellVoxels:
        """Return the voxels of some rows, in their order."""
        return WellVoxels(self.index[rows], self.facies[rows], self.vp[rows], self.vs[rows],
                          self.rho[rows], self.well[rows], self.names)

    def of_well(self, number: int) -> WellVoxels:
        """Return the voxels of one well."""
        return self.take(self.well == number)

    def inside(self, window: Window) -> WellVoxels:
        """Return the voxels that lie in a window; their index stays absolute."""
        return self.take(is_inside(self.index, window))


def is_inside(index: NDArray[np.int64], window: Window) -> NDArray[np.bool_]:
    """Return which absolute voxel indices (n, 3) lie in a window, (n,)."""
    low, high = np.array(window.origin), np.array(window.stop)
    return np.asarray(((index >= low) & (index < high)).all(axis=1))
