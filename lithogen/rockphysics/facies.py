"""The one list of facies of the package; extend it here and nowhere else."""

from __future__ import annotations

from lithogen.errors import require

FACIES: tuple[str, ...] = (
    "shale",
    "sandstone",
    "heterolithic",
    "limestone",
    "marl",
    "tuff",
    "coal",
    "chalk",
    "dolomite",
    "evaporite",
)
N_FACIES = len(FACIES)
SHALE, SANDSTONE, HETEROLITHIC, LIMESTONE, MARL, TUFF, COAL, CHALK, DOLOMITE, EVAPORITE = range(
    N_FACIES
)


def facies_code(name: str) -> int:
    """Return the code of a facies name.

    Raises
    ------
    ConfigError : the name is not in `FACIES`.

    Examples
    --------
    >>> facies_code("sandstone")
    1
    """
    require(name in FACIES, f"facies {name!r} is unknown; known: {', '.join(FACIES)}")
    return FACIES.index(name)
