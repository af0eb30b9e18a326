"""Memory of the process: how much it took, and an allocator that keeps what was freed.

A tile's activations are some hundred megabytes that are freed and taken again at every layer.
By default glibc returns them to the system each time, and a third of the processor time goes
into page faults. This setting belongs to whoever owns the process (the command line and the
benchmarks), so the library never changes it by itself. It only gives back, before and after the
network works on a tile, what lies free by then: otherwise the heap is torn into ever smaller
pieces, and memory grows with the world.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from pathlib import Path

# Parameter numbers of mallopt(3) in glibc.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
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
    library = _glibc()
    if library is None:
        return False
    return bool(library.mallopt(_M_MMAP_MAX, 0)) and bool(
        library.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))


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
