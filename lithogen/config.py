"""Configuration files and safe files: strict TOML, atomic writes, checked weights."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import os
import re
import shutil
import textwrap
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from lithogen.errors import ConfigError, OutputError, WeightsError

Config = TypeVar("Config")
MANIFEST = "MANIFEST.json"
# A list of numbers as json.dumps indents it; no string of JSON holds a line break.
_NUMBERS = re.compile(r"\[\n(?P<indent> +)(?P<numbers>[-+.0-9eE,\s]+?)\n *\]")


def nearest_name(name: str, known: list[str]) -> str:
    """Return " (nearest: ...)" for a misspelt name, or an empty string.

    Examples
    --------
    >>> nearest_name("fualting", ["faulting", "folding"])
    " (nearest: 'faulting')"
    """
    close = difflib.get_close_matches(name, known, n=1)
    return f" (nearest: {close[0]!r})" if close else ""


def from_mapping(cls: type[Config], values: Mapping[str, Any]) -> Config:
    """Build a frozen dataclass from a mapping; unknown keys are refused.

    Parameters
    ----------
    cls : dataclass type; lists become tuples where it holds tuples.
    values : field names and values, as read from TOML or JSON.

    Raises
    ------
    ConfigError : a key is unknown, or a required one is missing.

    Examples
    --------
    >>> from lithogen.grid import Spacing
    >>> from_mapping(Spacing, {"dt_s": 0.004}).dt_s
    0.004
    """
    known = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise ConfigError(
                f"{cls.__name__} has no entry {name!r}{nearest_name(name, known)}; "
                f"known entries: {', '.join(known)}"
            )
    ready = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    try:
        return cls(**ready)
    except TypeError as exc:
        raise ConfigError(f"{cls.__name__} cannot be built from {dict(values)}: {exc}") from exc


def load_toml(path: Path | str) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    ConfigError : the file is missing or is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"cannot read configuration {path}: {exc}") from exc


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success fsync it and rename it.

    The temporary may become a file or a folder (Zarr). On any error nothing of
    it is left, and an existing `path` is untouched.

    Raises
    ------
    OutputError : the parent folder is missing or cannot be written.
    """
    final = Path(path)
    temporary = final.with_name(f"{final.stem}.tmp-{os.getpid()}{final.suffix}")
    if not final.parent.is_dir():
        raise OutputError(f"folder {final.parent} does not exist; create it first")
    try:
        yield temporary
        if temporary.is_file():
            with open(temporary, "rb+") as handle:
                os.fsync(handle.fileno())
        if final.is_dir() and temporary.is_dir():
            shutil.rmtree(final)
        os.replace(temporary, final)
    except OSError as exc:
        if isinstance(exc, OutputError):
            raise
        raise OutputError(f"cannot write {final}: {exc.strerror or exc}") from exc
    finally:
        if temporary.is_dir():
            _remove_folder(temporary)
        else:
            temporary.unlink(missing_ok=True)


def _remove_folder(folder: Path) -> None:
    """Remove what a failed store left; its threads may still be writing for a moment."""
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.02)
        if not folder.exists():
            return


def write_text(path: Path | str, text: str) -> None:
    """Write UTF-8 text atomically (see `atomic_path`)."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: Any) -> None:
    """Write strict JSON (no NaN) atomically, two-space indent, numbers of a list side by side.

    Raises
    ------
    OutputError : the target cannot be written.
    ValueError : `value` holds NaN or an infinity.
    """
    text = json.dumps(value, indent=2, allow_nan=False, sort_keys=False)
    write_text(path, _NUMBERS.sub(_side_by_side, text) + "\n")


def _side_by_side(found: re.Match[str]) -> str:
    """Numbers of one list, as many to a line as fit."""
    indent = found["indent"]
    filled = textwrap.fill(" ".join(found["numbers"].split()), 98, initial_indent=indent,
                           subsequent_indent=indent, break_on_hyphens=False)
    flat = f"[{filled.strip()}]"
    return flat if "\n" not in filled and len(flat) < 60 else f"[\n{filled}\n{indent[2:]}]"


def sha256_hex(content: bytes) -> str:
    """Return the hexadecimal SHA-256 of `content`."""
    return hashlib.sha256(content).hexdigest()


def write_manifest(folder: Path | str, names: Sequence[str], about: Mapping[str, Any]) -> None:
    """Write MANIFEST.json: the SHA-256 and size of each named file, then the entries of `about`.

    Raises
    ------
    OutputError : the folder cannot be written.
    """
    root, files = Path(folder), {}
    for name in names:
        content = (root / name).read_bytes()
        files[name] = {"sha256": sha256_hex(content), "bytes": len(content)}
    write_json(root / MANIFEST, {"files": files, **about})


def read_verified(folder: Path | str, name: str) -> bytes:
    """Read a weights file whose SHA-256 stands in the folder's MANIFEST.json.

    The bytes that were hashed are the bytes returned, so a file that changes
    between the check and the load cannot slip through.

    Parameters
    ----------
    folder : folder with MANIFEST.json: {"files": {name: {"sha256": ...}}}.
    name : file name inside that folder.

    Raises
    ------
    WeightsError : manifest or file missing, not listed, or hash mismatch.
    """
    root = Path(folder)
    try:
        manifest = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
        content = (root / name).read_bytes()
        wanted = manifest["files"][name]["sha256"]
    except OSError as exc:
        raise WeightsError(
            f"weights {name} cannot be read from {root}: {exc.strerror}; reinstall lithogen "
            "or pass model=FOLDER"
        ) from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise WeightsError(
            f"{root / MANIFEST} is damaged or does not list {name} ({exc!r}); reinstall lithogen"
        ) from exc
    got = sha256_hex(content)
    if got != wanted:
        raise WeightsError(
            f"weights {root / name} are corrupt: sha256 {got[:12]}..., manifest says "
            f"{str(wanted)[:12]}...; reinstall lithogen"
        )
    return content


def consolidate_zarr(folder: Path) -> None:
    """Write the consolidated metadata of a Zarr folder, without which readers warn or crawl."""
    import warnings

    import zarr

    with warnings.catch_warnings():
        # The version 3 specification does not name it yet; readers without it take the rest.
        warnings.filterwarnings("ignore", message="Consolidated metadata is currently not part")
        zarr.consolidate_metadata(folder)


def import_bruges(module: str) -> Any:
    """Return a module of bruges; the first import takes a second.

    Raises
    ------
    ConfigError : it cannot be imported.
    """
    import importlib
    import warnings

    with warnings.catch_warnings():
        # bruges imports pkg_resources, which announces its own end on every import.
        warnings.filterwarnings("ignore", category=UserWarning)
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        try:
            return importlib.import_module(module)
        except ImportError as exc:
            raise ConfigError(
                f"bruges cannot be imported ({exc}); install bruges==0.5.4 with setuptools<81"
            ) from exc
