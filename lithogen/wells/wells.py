"""Wells: the wells of a world, and what they say about its voxels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from lithogen.errors import require
from lithogen.grid import Spacing
from lithogen.wells.block import block_well, merged
from lithogen.wells.log_files import FaciesCodes, LasCurves, TimeDepth, read_las
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

    @classmethod
    def from_las(
        cls, paths: Path | str | Sequence[Path | str], *, iline: ArrayLike | None = None,
        xline: ArrayLike | None = None, track: Any = None,
        time_depth: TimeDepth | Mapping[Path | str, TimeDepth] | None = None,
        mnemonics: Mapping[str, str] | None = None, units: Mapping[str, str] | None = None,
        null: Sequence[float] = (), facies: str | None = None,
        facies_codes: FaciesCodes | None = None,
    ) -> Wells:
        """Read wells from LAS files.

        Parameters
        ----------
        paths : one file, or a list of files. With a list, iline, xline and track are lists with
            one entry per file; time_depth serves all, or is a dict with one for each of paths.
        iline, xline : lattice position, one number or one per row of the file.
        track : instead of them a deviation survey (n, 3): measured depth in m as in the file,
            iline, xline; positions are interpolated.
        time_depth : table (n, 2) of depth in m as in the file and two-way time in s, a function
            of depth in m, or a `BackgroundVelocity` if depths count from time zero. By default
            the file's curve TWT.
        mnemonics, units, null, facies, facies_codes : see `LasCurves`. Slowness or velocity,
            g/cm3 or kg/m3: the unit in the file decides.

        Returns
        -------
        Wells; `Well.notes` says what was left out (rows beyond time_depth or track) or reordered.

        Raises
        ------
        ConfigError : a file cannot be read, a curve, unit, code or value is unknown or impossible.

        Examples
        --------
        >>> wells = Wells.from_las("31_2-10.las", iline=120, xline=340,
        ...     time_depth=[[0, 0], [4000, 3.2]],
        ...     facies="FORCE_2020_LITHOFACIES_LITHOLOGY")  # doctest: +SKIP
        """
        curves = LasCurves(mnemonics or {}, units or {}, null, facies, facies_codes)
        given = {"iline": iline, "xline": xline, "track": track}
        if isinstance(paths, (str, Path)):
            paths, places = [paths], [[value] for value in given.values()]
        else:
            places = [_one_each(name, value, len(paths)) for name, value in given.items()]
        return cls([read_las(path, curves=curves, iline=row, xline=column, track=survey,
                             time_depth=_time_of(path, time_depth))
                    for path, row, column, survey in zip(paths, *places, strict=True)])

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


def _one_each(name: str, value: Any, n: int) -> list[Any]:
    if value is None:
        return [None] * n
    require(isinstance(value, (list, tuple)) and len(value) == n,
            f"{name} is {value!r}, wanted a list of {n}, one entry per file")
    return list(value)


def _time_of(path: Path | str, time_depth: Any) -> Any:
    if not isinstance(time_depth, Mapping):
        return time_depth
    require(path in time_depth, f"time_depth has no entry for {str(path)!r}; it has "
            f"{', '.join(str(key) for key in time_depth)}")
    return time_depth[path]
