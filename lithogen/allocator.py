"""Memory of the process: how much it took, and an allocator that keeps what was freed.

Arrays of a tile are some hundred megabytes that are freed and taken again at every step. By
default glibc returns them to the system each time, and a third of the processor time goes into
page faults. `generate` keeps them for as long as it runs, and gives all back at its end;
whoever owns the process (the command line, the benchmarks) may keep them for good.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Parameter numbers of mallopt(3) in glibc, and its defaults.
_M_TRIM_THRESHOLD, _TRIM_DEFAULT = -1, 128 * 1024
_M_MMAP_MAX, _MMAP_DEFAULT = -4, 65536
_KEPT_FOR_GOOD: list[bool] = []
_STATUS = Path("/proc/self/status")


@functools.cache
def _glibc() -> ctypes.CDLL | None:
    """Return the C library where it is glibc or one with its interface."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL(None)
        library.malloc_trim.argtypes = [ctypes.c_size_t]
        library.mallopt.argtypes = [ctypes.c_int, ctypes.c_int]
    except (OSError, AttributeError):
        return None
    return library


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed memory for this process; elsewhere do nothing.

    Returns
    -------
    Whether the allocator took the setting.

    Examples
    --------
    >>> keep_freed_memory() in (True, False)
    True
    """
    is_set = _set_allocator(0, 2**31 - 1)
    if is_set:
        _KEPT_FOR_GOOD.append(True)
    return is_set


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep freed memory inside the block; give it back afterwards, unless it is kept for good."""
    if _KEPT_FOR_GOOD or not _set_allocator(0, 2**31 - 1):
        yield
        return
    try:
        yield
    finally:
        _set_allocator(_MMAP_DEFAULT, _TRIM_DEFAULT)
        give_freed_memory_back()


def _set_allocator(mmap_max: int, trim_threshold: int) -> bool:
    library = _glibc()
    if library is None:
        return False
    return bool(library.mallopt(_M_MMAP_MAX, mmap_max)) and bool(
        library.mallopt(_M_TRIM_THRESHOLD, trim_threshold))


def give_freed_memory_back() -> bool:
    """Give the system back what this process has freed so far; elsewhere than on glibc do nothing.

    Returns
    -------
    Whether there was any.

    Examples
    --------
    >>> give_freed_memory_back() in (True, False)
    True
    """
    library = _glibc()
    return library is not None and bool(library.malloc_trim(0))


def peak_memory_bytes() -> int:
    """Return the largest resident size of this process so far, in bytes.

    Notes
    -----
    On Linux it is VmHWM: `ru_maxrss` of a process that was started by a larger one holds the peak
    of that one.

    Examples
    --------
    >>> peak_memory_bytes() > 1_000_000
    True
    """
    if _STATUS.is_file():
        for line in _STATUS.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
