"""Products of maps and factors whose bits do not depend on the size of the window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Function = TypeVar("Function", bound=Callable[..., Any])


def _compiled(function: Function) -> Function:
    # "contract" fuses multiply and add everywhere alike, whether in a vector or at its end.
    return cast(Function, numba.njit(cache=True, nogil=True, fastmath={"contract"})(function))


@_compiled
def add_products(out: F32, maps: F32, factors: F32) -> None:
    """Add sum over k of maps[k, m] factors[k, n] to out[m, n], in the order of k.

    A product of matrices by BLAS may take other roads for other sizes and end in other bits, so
    that a window would differ from the same part of a larger one.

    Parameters
    ----------
    out : ndarray of float32, shape (n_m, n_n)
        Changed in place.
    maps, factors : ndarray of float32, shape (n_k, n_m) and (n_k, n_n)
        What is multiplied.
    """
    n_k, n_m = maps.shape
    n_n = factors.shape[1]
    for m in range(n_m):
        for k in range(n_k):
            scale = maps[k, m]
            for n in range(n_n):
                out[m, n] += scale * factors[k, n]
