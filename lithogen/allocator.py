"""Memory allocator of the process: keep freed memory instead of handing it back each time.

A tile's activations are some hundred megabytes that are freed and taken again at every layer.
By default glibc returns them to the system each time, and a third of the processor time goes
into page faults. This setting belongs to whoever owns the process (the command line and the
benchmarks), so the library never changes it by itself.
"""

from __future__ import annotations

import ctypes
import sys

# Parameter numbers of mallopt(3) in glibc.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4


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
