"""Is this installation sound: versions, memory, threads, weights, and a small run."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lithogen.config import MANIFEST, read_verified
from lithogen.errors import LithogenError

WANTED_FREE_BYTES = 2_000_000_000
SUPPORTED = ((3, 11), (3, 14))
SMOKE_SHAPE = (16, 16, 16)


@dataclass(frozen=True, slots=True)
class Check:
    """Outcome of one check.

    Parameters
    ----------
    name : what was looked at. is_ok : the outcome. found : what was found, and what to do.
    """

    name: str
    is_ok: bool
    found: str

    def line(self) -> str:
        """Return the check as one line of text.

        Examples
        --------
        >>> Check("threads", True, "2 cores").line()
        'OK    threads: 2 cores'
        """
        return f"{'OK' if self.is_ok else 'FAIL':<5} {self.name}: {self.found}"


def examine(is_running: bool = False) -> Iterator[Check]:
    """Yield the outcome of one check after another.

    Parameters
    ----------
    is_running : generate a world of 16 x 16 x 16 voxels too.

    Examples
    --------
    >>> next(examine()).name
    'python'
    """
    yield _python()
    yield from _dependencies()
    yield _threads()
    yield _memory()
    yield _precision()
    yield from _weights("lithogen", "diffusion/weights")
    yield from _weights("forward", "weights")
    if is_running:
        yield _smoke_run()


def _python() -> Check:
    first, beyond = SUPPORTED
    is_ok = first <= sys.version_info[:2] < beyond
    wanted = "" if is_ok else f"; wanted {first[0]}.{first[1]} up to, not with, 3.{beyond[1]}"
    return Check("python", is_ok, f"{platform.python_version()} on {platform.platform()}{wanted}")


def _dependencies() -> Iterator[Check]:
    from packaging.requirements import Requirement

    try:
        wanted = importlib.metadata.requires("lithogen") or []
        version = importlib.metadata.version("lithogen")
    except importlib.metadata.PackageNotFoundError:
        yield Check("lithogen", False, "is not installed; run pip install -e . (or make install)")
        return
    yield Check("lithogen", True, version)
    for text in wanted:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            yield Check(requirement.name, False, f"is missing; pip install '{text}'")
            continue
        is_ok = requirement.specifier.contains(found, prereleases=True)
        hint = "" if is_ok else f", wanted {requirement.specifier}; pip install '{text}'"
        yield Check(requirement.name, is_ok, f"{found}{hint}")


def _threads() -> Check:
    asked = os.environ.get("OMP_NUM_THREADS", "not set")
    return Check("threads", True, f"{os.cpu_count()} cores, OMP_NUM_THREADS {asked}")


def _memory() -> Check:
    import psutil

    free = psutil.virtual_memory().available
    hint = "" if free >= WANTED_FREE_BYTES else f", wanted {WANTED_FREE_BYTES / 1e9:g} GB or more"
    return Check("free memory", not hint, f"{free / 1e9:.1f} GB{hint}")


def _precision() -> Check:
    return _check("precision", _compare_precisions)


def _compare_precisions() -> str:
    from lithogen.diffusion.precision import bfloat16_gain, is_bfloat16_fast

    use = "training may take it" if is_bfloat16_fast() else "float32 is faster"
    return (f"worlds in float32; products in bfloat16 at {bfloat16_gain():.1f} times its rate: "
            f"{use}")


def _weights(package: str, place: str) -> Iterator[Check]:
    # By folder, not by import: this module stands below the packages that it examines.
    root = Path(str(importlib.resources.files(package))) / place
    manifests = sorted(root.rglob(MANIFEST))
    if not manifests:
        yield Check(f"{package} weights", False, f"no {MANIFEST} in {root}; reinstall lithogen")
    for manifest in manifests:
        yield _check(f"{package} weights", lambda at=manifest: _verify(at))  # type: ignore[misc]


def _verify(manifest: Path) -> str:
    try:
        names = list(json.loads(manifest.read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        names = ["the weights"]  # read_verified says what is wrong with the manifest
    sizes = [len(read_verified(manifest.parent, name)) for name in names]
    return f"{', '.join(names)} ({sum(sizes) / 1e6:.2f} MB), sha256 as in the manifest"


def _smoke_run() -> Check:
    return _check("smoke run", _generate_small)


def _generate_small() -> str:
    from lithogen.api import generate

    ds = generate(SMOKE_SHAPE, 7, progress=False)
    return f"generated {' x '.join(str(n) for n in ds.seismic.shape)} voxels"


def _check(name: str, work: Callable[[], str]) -> Check:
    try:
        return Check(name, True, work())
    except LithogenError as exc:
        return Check(name, False, " ".join(str(exc).split()))
    except Exception as exc:  # a broken installation fails in any way it likes
        return Check(name, False, f"{type(exc).__name__}: {' '.join(str(exc).split())}")
