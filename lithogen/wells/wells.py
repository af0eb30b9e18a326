"""Wells: the wells of a world, and what they say about its voxels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lithogen.errors import require
from lithogen.grid import Spacing
from lithogen.wells.block import block_well, merged
from lithogen.wells.voxels import WellVoxels
from lithogen.wells.well import Well


class Wells:
    """Wells that a world honours.

    Parameters
    ----------
    wells : at least one `Well`, each with a name of its own.

    Raises
    ------
    ConfigError : none is given, one is not a `Well`, or two share a name.

    Examples
    --------
    >>> from lithogen.grid import Spacing
    >>> wells = Wells([Well("A-1", [0.400, 0.404], iline=10, xline=20, facies=[0, 1])])
    >>> wells.on_voxels(Spacing()).index.tolist()
    [[10, 20, 100], [10, 20, 101]]
    """

    def __init__(self, wells: Sequence[Well]) -> None:
        self.wells = tuple(wells)
        require(len(self.wells) > 0, "no well is given; pass wells=None for a world without")
        for well in self.wells:
            require(isinstance(well, Well), f"{type(well).__name__} is given as a well, wanted "
                    "lithogen.wells.Well; see Wells.from_las for files")
        names = self.names
        for name in names:
            require(names.count(name) == 1, f"{names.count(name)} wells are named {name!r}; give "
                    "each a name of its own")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the wells, in their order."""
        return tuple(well.name for well in self.wells)

    def __iter__(self) -> Iterator[Well]:
        """The wells, in their order."""
        return iter(self.wells)

    def __len__(self) -> int:
        """Number of wells."""
        return len(self.wells)

    def on_voxels(self, spacing: Spacing) -> WellVoxels:
        """Return the voxels that the wells pass through; see `lithogen.wells.block`.

        Raises
        ------
        ConfigError : two wells disagree in a voxel.
        """
        parts = [block_well(well, spacing, number, self.names)
                 for number, well in enumerate(self.wells)]
        return merged(parts, self.names)
