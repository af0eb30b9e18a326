"""Layer C of ForwardNet: the lateral response of migration, as a stack of lateral convolutions.

    image = x + sum over j of (T_j(B) - 1) [ sum over m of a_jm(u) F_m x ]

B is a 3 x 3 kernel over neighbouring traces whose response is close to cos |k| (McClellan), T_j are
Chebyshev polynomials, so T_j(B) is a nearly round convolution that reaches j traces; F_m are
learned symmetric filters in time, and a_jm learned polynomials of the spread u (see
`forward.resolution`) without a constant. So an earth without lateral change passes unchanged, a
spread of 0 changes nothing, and all directions are treated alike.

Source: McClellan (1973), design of two-dimensional filters by transformations; Hale (1991), 3-D
depth migration via McClellan transformations, for the use of such filters on wavefields.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from forward.lateral_kernels import CENTRE, CORNER, SIDE
from forward.resolution import MAX_SPREAD, illumination
from forward.terms import ForwardConfig

Floats = NDArray[np.float64]


class LateralLayer(nn.Module):
    """Lateral response of migration; without training it changes nothing.

    Parameters
    ----------
    config : `n_orders`, `n_lateral`, `lateral_taps` and `n_spread_powers` are used.

    Examples
    --------
    >>> layer = LateralLayer(ForwardConfig())
    >>> x = torch.arange(12.0).reshape(1, 2, 2, 3)
    >>> bool((layer(x, torch.full((3,), 0.5)) == x).all())
    True
    """

    filters: nn.Parameter
    weights: nn.Parameter

    def __init__(self, config: ForwardConfig) -> None:
        super().__init__()
        half = config.lateral_taps // 2
        shape = (config.n_orders, config.n_lateral, config.n_spread_powers)
        # Symmetric filters: the tap at time zero, then those on either side.
        self.filters = nn.Parameter(torch.zeros(config.n_lateral, half + 1, dtype=torch.float64))
        self.weights = nn.Parameter(torch.zeros(shape, dtype=torch.float64))

    @property
    def reach(self) -> int:
        """Traces that a sample's value reaches to either side."""
        return int(self.weights.shape[0])

    @property
    def time_reach(self) -> int:
        """Samples that a sample's value reaches up and down."""
        return int(self.filters.shape[1]) - 1

    @property
    def is_trained(self) -> bool:
        """Whether it changes anything at all."""
        return bool(self.weights.detach().any())

    def taps(self) -> Tensor:
        """Return the whole filters, (n_lateral, lateral_taps) float64."""
        return torch.cat([self.filters[:, 1:].flip(-1), self.filters], dim=1)

    def coefficients(self, spread: Tensor) -> Tensor:
        """Return the weight of every filter in every order, (..., n_orders, n_lateral, n_twt)."""
        share = spread / MAX_SPREAD
        # Horner's rule: elementwise, so that the bits of a sample are its own.
        powers = self.weights.movedim(2, 0)[..., None]
        total = torch.zeros_like(powers[0] * share[..., None, None, :])
        for power in powers.flip(0):
            total = (total + power) * share[..., None, None, :]
        return total

    def filtered(self, image: Tensor) -> Tensor:
        """Pass (..., twt) through every filter, (n_lateral, ..., twt)."""
        rows = image.reshape(-1, 1, image.shape[-1])
        taps = self.taps()[:, None].to(image.dtype)
        made = nn.functional.conv1d(rows, taps, padding=self.time_reach)
        return made.movedim(1, 0).reshape(-1, *image.shape)

    def forward(self, image: Tensor, spread: Tensor) -> Tensor:
        """Pass angle stacks through the layer; border traces go on beyond the edges.

        Parameters
        ----------
        image : (angle, iline, xline, twt), float. spread : (n_twt,) or (angle, n_twt).

        Returns
        -------
        Tensor like `image`.
        """
        if image.shape[1] * image.shape[2] == 1:
            return image
        n_angle, n_twt = image.shape[0], image.shape[-1]
        wide = widened(self.filtered(image), self.reach)
        weight = self.coefficients(spread.to(torch.float64).expand(n_angle, n_twt))
        weight = weight.to(image.dtype)[..., None, None, :]
        # Clenshaw's recurrence from the highest order down, each step one trace narrower.
        once: Tensor | None = None
        twice: Tensor | None = None
        rest = torch.zeros_like(image)
        for order in range(self.reach, 0, -1):
            part = narrowed(wide, self.reach - order)
            value = (weight[:, order - 1].movedim(1, 0) * part).sum(dim=0)
            rest = rest + narrowed(value, order)
            if once is not None:
                value = value + 2.0 * neighbours(once)
            if twice is not None:
                value = value - narrowed(twice, 2)
            once, twice = value, once
        total = image - rest
        if once is not None:
            total = total + neighbours(once)
        return total if twice is None else total - narrowed(twice, 2)


def widened(value: Tensor, n: int) -> Tensor:
    """Repeat the border traces of (..., iline, xline, twt) n times; a line stays a line."""
    first, second = (0 if size == 1 else n for size in value.shape[-3:-1])
    flat = value.reshape(-1, 1, *value.shape[-3:])
    wide = nn.functional.pad(flat, (0, 0, second, second, first, first), mode="replicate")
    return wide.reshape(*value.shape[:-3], *wide.shape[-3:])


def narrowed(value: Tensor, n: int) -> Tensor:
    """Cut n traces off either side of the lateral axes of (..., iline, xline, twt)."""
    first, second = (0 if size == 1 else n for size in value.shape[-3:-1])
    n_first, n_second = value.shape[-3:-1]
    return value[..., first : n_first - first, second : n_second - second, :]


def neighbours(x: Tensor) -> Tensor:
    """Pass (..., iline, xline, twt) through B, where it fits: one trace less at every edge.

    Along a line, all lines beside it being alike, it is the mean of the two neighbours.

    Examples
    --------
    >>> neighbours(torch.ones(3, 4, 2)).shape
    torch.Size([1, 2, 2])
    """
    if x.shape[-3] == 1:
        return 0.5 * (x[..., :-2, :] + x[..., 2:, :])
    if x.shape[-2] == 1:
        return 0.5 * (x[..., :-2, :, :] + x[..., 2:, :, :])
    middle = x[..., 1:-1, :, :]
    either = x[..., :-2, :, :] + x[..., 2:, :, :]
    side = middle[..., :-2, :] + middle[..., 2:, :] + either[..., 1:-1, :]
    corner = either[..., :-2, :] + either[..., 2:, :]
    return float(CENTRE) * middle[..., 1:-1, :] + (float(SIDE) * side + float(CORNER) * corner)


def fitted_layer(config: ForwardConfig, power: Floats, lateral_power: Floats) -> LateralLayer:
    """Fit the layer to `illumination` in closed form.

    Parameters
    ----------
    power : weight of the squared error over frequencies 0..0.5 cycles per sample, (n_freq,).
    lateral_power : the same over wavenumbers 0..0.5 cycles per trace, (n_number,).

    Returns
    -------
    A layer of least error by steps: for every spread and frequency the best polynomial in B; the
    best common filters in time (singular vectors); the best polynomials in the spread.
    """
    frequency = np.linspace(0.0, 0.5, len(power))
    number = np.linspace(0.0, 0.5, len(lateral_power))
    share = (np.arange(60) + 0.5) / 60
    orders = np.arange(1, config.n_orders + 1)
    basis = (np.cos(2 * np.pi * orders[:, None] * number) - 1.0) * np.sqrt(lateral_power)
    wanted = illumination(
        MAX_SPREAD * share[:, None, None] * number / np.maximum(frequency, 1e-6)[:, None]) - 1.0
    ridge = 1e-5 * np.trace(basis @ basis.T) / len(orders) * np.eye(len(orders))
    best = np.linalg.solve(basis @ basis.T + ridge, basis @ (
        wanted * np.sqrt(lateral_power)).reshape(-1, len(number)).T)
    # (n_freq, n_share * n_orders), with the power of each frequency.
    table = best.reshape(len(orders), len(share), len(frequency)).transpose(2, 1, 0)
    weight = np.sqrt(power)[:, None]
    delay = np.arange(config.lateral_taps // 2 + 1)
    waves = np.where(delay == 0, 1.0, 2.0) * np.cos(2 * np.pi * frequency[:, None] * delay)
    q_wave, r_wave = np.linalg.qr(waves * weight)
    left, size, right = np.linalg.svd(
        q_wave.T @ (table.reshape(len(frequency), -1) * weight), full_matrices=False)
    n = config.n_lateral
    filters = np.linalg.solve(r_wave, left[:, :n]).T
    parts = (size[:n, None] * right[:n]).reshape(n, len(share), len(orders))
    powers = share[:, None] ** np.arange(1, config.n_spread_powers + 1)
    fit = np.linalg.lstsq(powers, parts.transpose(1, 0, 2).reshape(len(share), -1), rcond=None)[0]
    layer = LateralLayer(config)
    with torch.no_grad():
        layer.filters.copy_(torch.as_tensor(filters))
        layer.weights.copy_(torch.as_tensor(
            fit.reshape(-1, n, len(orders)).transpose(2, 1, 0).copy()))
    return layer
