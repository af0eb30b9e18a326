"""Wells of the command line: a TOML file that says where each LAS file lies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lithogen.config import load_toml
from lithogen.errors import ConfigError, require

if TYPE_CHECKING:
    from lithogen.wells import Well, Wells


def read_wells(path: Path | None) -> Wells | None:
    """Return the wells of a TOML file with one `[[well]]` per LAS file.

    Parameters
    ----------
    path : the file. An entry `file` names the LAS file beside it; all others (iline, xline,
        track, time_depth, facies, ...) are those of `Wells.from_las`.

    Raises
    ------
    ConfigError : the file has other entries, or a LAS file cannot be read as told.
    """
    if path is None:
        return None
    from lithogen.wells import Wells

    entries = load_toml(path)
    listed = entries.get("well", [])
    require(set(entries) == {"well"} and isinstance(listed, list) and len(listed) > 0,
            f"{path} has entries {sorted(entries)}, wanted one [[well]] per LAS file")
    found: list[Well] = []
    for number, entry in enumerate(listed, start=1):
        options = dict(entry)
        name = options.pop("file", None)
        require(isinstance(name, str), f"well {number} of {path} has no entry file = \"NAME.las\"")
        try:
            found += list(Wells.from_las(path.parent / name, **options))
        except TypeError as exc:
            raise ConfigError(f"well {number} of {path} has an entry that Wells.from_las does not "
                              f"know: {exc}") from exc
    return Wells(found)
