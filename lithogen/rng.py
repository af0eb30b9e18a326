"""Counter-based random numbers: a pure function of (seed, stream, absolute index).

Definition, version 1 (integer arithmetic modulo 2**64, so the same everywhere):

    key    = mix(seed + GOLDEN * fnv1a64(stream))
    h      = key; for each index i:  h = mix(h + GOLDEN * (2 * i + 1))
    mix(z) = splitmix64 finaliser
    uniform = (h >> 40) * 2**-24 + 2**-25                  in (0, 1), exact in float32
    normal  = (Q[h & 0xffff] + Q[(h >> 16) & 0xffff]) * 2**-0.5

where Q is the table of 65536 standard-normal quantiles at (k + 1/2) / 65536, rounded to
multiples of 2**-16 so that the last bit of a mathematical library cannot show.

Source: Steele, Lea and Flood (2014), "Fast splittable pseudorandom number generators".
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

NOISE_VERSION = 1
_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_TABLE_SIZE = 1 << 16

UInt = NDArray[np.uint64]


def _mix_int(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def _mix(z: UInt) -> UInt:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@cache
def stream_key(seed: int, stream: str) -> int:
    """Return the 64-bit key of a named stream of a seed.

    Parameters
    ----------
    seed : any Python int; taken modulo 2**64.
    stream : name of the stream, e.g. "structure/fault".

    Examples
    --------
    >>> stream_key(7, "a") != stream_key(7, "b")
    True
    """
    code = 0xCBF29CE484222325
    for byte in stream.encode():
        code = ((code ^ byte) * 0x100000001B3) & _MASK
    return _mix_int((seed + _GOLDEN * code) & _MASK)


def hash_u64(seed: int, stream: str, *index: ArrayLike) -> UInt:
    """Hash absolute integer indices; the arrays broadcast against each other.

    Parameters
    ----------
    seed, stream : which key, see `stream_key`.
    index : one or more integer arrays or ints, negatives allowed.

    Returns
    -------
    uint64 array of the broadcast shape, uniform over 64 bits.

    Examples
    --------
    >>> int(hash_u64(7, "demo", -1, 2)) == int(hash_u64(7, "demo", [-1], 2)[0])
    True
    """
    code: UInt = np.full((), stream_key(seed, stream), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for part in index:
            counter = np.asarray(part, dtype=np.int64).astype(np.uint64)
            code = _mix(code + np.uint64(_GOLDEN) * (counter * np.uint64(2) + np.uint64(1)))
    return code


def uniform(seed: int, stream: str, *index: ArrayLike) -> NDArray[np.float64]:
    """Uniform numbers in (0, 1), 24 bits, at absolute indices (see `hash_u64`)."""
    return np.asarray((hash_u64(seed, stream, *index) >> np.uint64(40)) * 2.0**-24 + 2.0**-25)


@cache
def quantiles16() -> NDArray[np.float32]:
    """Return the 65536 standard normal quantiles Q, float32, unit variance, read-only."""
    from scipy.special import ndtri

    table = ndtri((np.arange(_TABLE_SIZE) + 0.5) / _TABLE_SIZE)
    table *= 1.0 / np.sqrt((np.square(table)).mean())
    out = (np.round(table * 65536.0) / 65536.0).astype(np.float32)
    out.setflags(write=False)
    return np.asarray(out)


def normal_from_hash(code: UInt) -> NDArray[np.float32]:
    """Turn 64-bit hashes into standard normal float32 numbers."""
    table = quantiles16()
    low = table[(code & np.uint64(0xFFFF)).astype(np.intp)]
    high = table[((code >> np.uint64(16)) & np.uint64(0xFFFF)).astype(np.intp)]
    return np.asarray((low + high) * np.float32(2.0**-0.5))


def normal(seed: int, stream: str, *index: ArrayLike) -> NDArray[np.float32]:
    """Standard normal float32 numbers at absolute indices (see `hash_u64`).

    Examples
    --------
    >>> import numpy as np
    >>> whole = normal(7, "demo", np.arange(-4, 4))
    >>> bool((whole[2:5] == normal(7, "demo", np.arange(-2, 1))).all())
    True
    """
    return normal_from_hash(hash_u64(seed, stream, *index))


def generator(seed: int, stream: str, *index: int) -> np.random.Generator:
    """Return a numpy Generator for one indexed object (bed stack chunk, fault ...).

    Philox is counter-based; its key is the hash of (seed, stream, index), so an
    object is the same whichever objects were drawn before it.
    """
    return np.random.Generator(np.random.Philox(key=int(hash_u64(seed, stream, *index))))
