"""Memory of the process: how much it took, and an allocator that keeps what was freed.

A tile's activations are some hundred megabytes that are freed and taken again at every layer.
By default glibc returns them to the system each time, and a third of the processor time goes
into page faults. This setting belongs to whoever owns the process (the command line and the
benchmarks), so the library never changes it by itself.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

# Parameter numbers of mallopt(3) in glibc.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_STATUS = Path("/proc/self/status")


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
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))


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
