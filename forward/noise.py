"""Coloured noise of a survey: a pure function of seed, stream and absolute voxel index."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forward.style import SurveyStyle
from lithogen.grid import Window
from lithogen.rng import normal

F32 = NDArray[np.float32]


def _coloured_line(seed: int, stream: str, iline: int, box: Window, taps: F32, kernel: F32) -> F32:
    """Noise of one inline (xline, twt), filtered along twt and xline."""
    from forward.kernels import convolve_valid

    half, radius = len(taps) // 2, len(kernel) // 2
    n_xline, n_twt = box.shape[1], box.shape[2]
    xline = np.arange(box.origin[1] - radius, box.stop[1] + radius)
    twt = np.arange(box.origin[2] - half, box.stop[2] + half)
    white = normal(seed, stream, iline, xline[:, None], twt[None, :])
    rows = np.empty((len(xline), n_twt), dtype=np.float32)
    convolve_valid(np.ascontiguousarray(white), taps, rows)
    out = np.zeros((n_xline, n_twt), dtype=np.float32)
    for j, weight in enumerate(kernel):
        out += weight * rows[j : j + n_xline]
    return out


def coloured_noise(
    seed: int, window: Window, style: SurveyStyle, dt_s: float, stream: str
) -> F32:
    """Noise of a survey's spectrum, level and lateral kernel, as they are at each time.

    Parameters
    ----------
    seed, stream : name one unbounded field, see `lithogen.rng`.
    window : absolute voxels wanted, negatives allowed.
    style : gives the filter in time and the kernel, which is used along both lateral axes.
    dt_s : sample interval in seconds.

    Returns
    -------
    (iline, xline, twt) float32, survey unit. A voxel's bits do not depend on the window: white
    noise is hashed from the absolute index and every sum runs in one fixed order.

    Examples
    --------
    >>> from forward.style import load_style
    >>> style = load_style("npra_31_81")
    >>> whole = coloured_noise(7, Window((-2, 0, 0), (4, 3, 40)), style, 0.004, "demo")
    >>> part = coloured_noise(7, Window((0, 1, 9), (1, 2, 20)), style, 0.004, "demo")
    >>> bool((whole[2:3, 1:3, 9:29] == part).all())
    True
    """
    out = np.zeros(window.shape, dtype=np.float32)
    twt_s = dt_s * np.arange(window.origin[2], window.stop[2])
    shares = np.sqrt(style.noise_shares(twt_s)).astype(np.float32)
    for number, (row, share) in enumerate(zip(style.noise_rows(), shares, strict=True)):
        # What is added beyond a row's own times is nothing, so a window stays a crop.
        if share.any() and row.any():
            taps = style.noise_filter(dt_s, row).astype(np.float32)
            _add_field(out, seed, f"{stream}/{number}", window, (taps, share, style))
    return out


def _add_field(
    out: F32, seed: int, stream: str, window: Window, look: tuple[F32, F32, SurveyStyle]
) -> None:
    """Add one field of noise of a filter, times a factor (n_twt,)."""
    taps, share, style = look
    kernel = np.asarray(style.noise_kernel, dtype=np.float32)
    radius = len(kernel) // 2
    for line in range(window.origin[0] - radius, window.stop[0] + radius):
        plane = _coloured_line(seed, stream, line, window, taps, kernel)
        plane *= share
        # Lines come in ascending order, so each voxel adds its neighbours in that order.
        for j, weight in enumerate(kernel):
            target = line + radius - j - window.origin[0]
            if 0 <= target < window.shape[0]:
                out[target] += weight * plane
