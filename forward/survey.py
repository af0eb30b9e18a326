"""A survey of an elastic model: angle stacks with a style's wavelet, level and noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forward.checks import check_angles
from forward.noise import coloured_noise
from forward.style import SurveyStyle
from lithogen.errors import require
from lithogen.grid import Index3, Window, check_shape

F32 = NDArray[np.float32]


def style_halo(style: SurveyStyle, dt_s: float) -> Index3:
    """Voxels that a model must extend beyond the window that is wanted, on both sides of each axis.

    Examples
    --------
    >>> from forward.style import load_style
    >>> style_halo(load_style("npra_31_81"), 0.004)
    (0, 0, 41)
    """
    samples = style.half_length(dt_s) + 1
    if style.aperture_m is None:
        return 0, 0, samples
    from forward.net import shipped_net

    layer = shipped_net().lateral
    return layer.reach, layer.reach, samples + layer.time_reach


def model_survey(
    *,
    vp: ArrayLike,
    vs: ArrayLike,
    rho: ArrayLike,
    style: SurveyStyle,
    angles_deg: Sequence[float],
    seed: int,
    window: Window,
    dt_s: float,
    spread: ArrayLike | None = None,
) -> tuple[F32, F32]:
    """Model a survey of a window of a world; its wavelet fades with time as the survey's does.

    Parameters
    ----------
    vp, vs, rho : m/s, m/s, kg/m3, of the window grown by `style_halo(style, dt_s)` on both sides
        of each axis.
    style : wavelet, noise and level. angles_deg : incidence angles in degrees, 0..40.
    seed : names the noise. window : absolute voxels of the result.
    dt_s : sample interval in seconds. spread : of the samples of the grown window, see
        `forward.resolution.lateral_spread`; wanted exactly if the style has an aperture.

    Returns
    -------
    seismic (iline, xline, twt) and angle_stack (angle, iline, xline, twt), float32, survey unit.
    Each angle stack has its own noise, sqrt(n_angle) times that of the survey; `seismic` is the
    mean of the angle stacks, so it carries the survey's noise.

    Raises
    ------
    ShapeError, ConfigError : bad input.

    Examples
    --------
    >>> from forward.style import load_style
    >>> style, window = load_style("npra_31_81"), Window((0, 0, 0), (1, 2, 16))
    >>> one = np.ones((1, 2, 16 + 2 * style_halo(style, 0.004)[2]))
    >>> out = model_survey(vp=3000 * one, vs=1500 * one, rho=2300 * one, style=style,
    ...                    angles_deg=(5, 15), seed=1, window=window, dt_s=0.004)
    >>> out[1].shape
    (2, 1, 2, 16)
    """
    from forward.net import synthesize

    angles = check_angles(angles_deg)
    hint = "the noise of equal angles would be equal"
    require(len(set(angles)) == len(angles), f"angles_deg {angles} has an angle twice; {hint}")
    require((spread is None) == (style.aperture_m is None),
            "spread and the style's aperture_m go together; got only one of them")
    halo = style_halo(style, dt_s)
    grown_window = window.padded(halo)
    check_shape(np.shape(vp), grown_window.shape, f"vp (the window and {halo} more on either side)")
    twt_s = dt_s * np.arange(grown_window.origin[2], grown_window.stop[2])
    grown = synthesize(
        vp=vp, vs=vs, rho=rho, wavelet=style.wavelet(dt_s), angles_deg=angles, dt_s=dt_s,
        t_star=style.t_star(twt_s) if style.is_late else None, is_cut=True,
        spread=spread,
    )
    inner = window.slices_in(grown_window)
    stacks = np.ascontiguousarray(grown[(slice(None), *inner)])
    if style.is_late:
        stacks *= style.gain(twt_s[inner[2]]).astype(np.float32)
    level = np.float32(np.sqrt(len(angles)))
    for stack, angle in zip(stacks, angles, strict=True):
        stack += level * coloured_noise(seed, window, style, dt_s, f"forward/noise/{angle:.4f}")
    seismic = np.zeros(window.shape, dtype=np.float32)
    for stack in stacks:
        seismic += stack
    seismic *= np.float32(1.0 / len(angles))
    return seismic, stacks
