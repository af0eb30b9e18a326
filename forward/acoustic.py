"""Reflection between two fluids: the exact part of layer A."""

from __future__ import annotations

import torch
from torch import Tensor

from forward.terms import COSINE2_FLOOR


def acoustic_harmonics(vp: Tensor, rho: Tensor, sine2: float) -> tuple[Tensor, Tensor]:
    """Real parts of the fluid-fluid reflection coefficient R and of its square.

    Parameters
    ----------
    vp, rho : (..., twt), m/s and kg/m3. sine2 : squared sine of the incidence angle.

    Returns
    -------
    Two tensors (..., twt - 1). Beyond the critical angle R = exp(i phase), so that the second is
    2 Re(R)^2 - 1; before it the square of the first.

    Source: Brekhovskikh (1960), "Waves in layered media".

    Examples
    --------
    >>> one, two = acoustic_harmonics(torch.tensor([2.0, 3.0]), torch.ones(2), 0.0)
    >>> round(float(one), 3), round(float(two), 3)
    (0.2, 0.04)
    """
    impedance = vp * rho
    sine2 = float(vp.new_tensor(sine2))
    cosine2 = 1.0 - (vp[..., 1:] / vp[..., :-1]).square() * sine2
    is_real = cosine2 >= 0
    a = impedance[..., 1:] * torch.sqrt(vp.new_tensor(1.0) - sine2)
    b = impedance[..., :-1] * cosine2.abs().clamp(min=COSINE2_FLOOR).sqrt()
    top = torch.where(is_real, a - b, a * a - b * b)
    bottom = torch.where(is_real, a + b, a * a + b * b)
    once = top / bottom
    return once, torch.where(is_real, once * once, 2.0 * (once * once) - 1.0)
