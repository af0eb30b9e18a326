"""RowNetwork: one small residual perceptron a level, which draws cells of the Wheeler diagram."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.functional import one_hot, silu

from lithogen.diffusion.conditions import N_ROW_CONDITIONS, N_WORLD_CONDITIONS
from lithogen.diffusion.lattice import (
    MOST_MATES,
    MOST_OFFSETS,
    N_BESIDE,
    N_CELL,
    N_LEVELS,
    N_POSITIONS,
    N_RESIDUALS,
)
from lithogen.rockphysics.facies import N_FACIES

# What of the network's input holds what, in this order.
N_WINDOW = MOST_OFFSETS * N_CELL
N_MATES = MOST_MATES * N_CELL
N_BESIDE_CELLS = 2 * N_BESIDE * N_CELL
# The neighbouring position, the one that the row began at, and whether, where and how far.
N_LATERAL = 2 * N_CELL + 3
N_CELL_INPUT = N_WINDOW + N_MATES + N_BESIDE_CELLS + N_LATERAL + N_POSITIONS
N_INPUT = N_CELL_INPUT + N_ROW_CONDITIONS + N_WORLD_CONDITIONS
# Mean, ln of scale and three couplings of the residuals of a cell.
N_AFFINE = 3 * N_RESIDUALS
# First guesses of the residuals of a cell: the trend or the neighbour, the known rows above and
# below.
N_GUESSES = 3
LN_SCALE_LIMITS = (-5.0, 1.5)
# Whitened residuals further out than this are rare, and would rule the flow.
WHITE_LIMIT = 8.0
N_TIME = 8

Weights = Mapping[str, Tensor]


def input_slices() -> dict[str, slice]:
    """Return which entries of the network's input hold what.

    `window` known rows at the own position; `mates` new rows that were drawn before, zeros in the
    first pass; `lateral` the nearest known rows at the neighbouring position, the neighbour and the
    start of the row, and whether, where and how far; `position`; `row` and `world` conditions.
    """
    sizes = {"window": N_WINDOW, "mates": N_MATES, "lateral": N_BESIDE_CELLS + N_LATERAL,
             "position": N_POSITIONS, "row": N_ROW_CONDITIONS, "world": N_WORLD_CONDITIONS}
    out, at = {}, 0
    for name, size in sizes.items():
        out[name] = slice(at, at + size)
        at += size
    return out


class RowNetwork(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Distribution of a cell, given the cells around it that are known: facies, then residuals.

    Parameters
    ----------
    width : int
        Of the layers that see the context.
    head_width : int
        Of the layers that draw the residuals.
    knows_scenario : bool
        Whether the weights were told scenarios; without, they are told none.
    rows_ms : float
        Thickness of a row in ms of age; weights of another lattice are refused.

    Notes
    -----
    Every parameter has the level as its first axis, (N_LEVELS, n_in, n_out), so that all levels
    are trained in one batched product.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self, width: int = 192, head_width: int = 128, knows_scenario: bool = True,
        rows_ms: float = 1.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

        def linear(name: str, n_in: int, n_out: int, gain: float = 1.0) -> None:
            weight = torch.randn(N_LEVELS, n_in, n_out) * (gain / math.sqrt(n_in))
            self.register_parameter(f"{name}_weight", nn.Parameter(weight))
            self.register_parameter(f"{name}_bias", nn.Parameter(torch.zeros(N_LEVELS, 1, n_out)))

        linear("input", N_INPUT, width, 1.4)
        linear("trunk1", width, width)
        linear("trunk2", width, width)
        linear("facies", width, N_FACIES, 0.1)
        linear("context", width + N_FACIES + N_RESIDUALS, head_width)
        linear("affine", head_width, N_AFFINE + N_GUESSES, 0.1)
        linear("state", N_RESIDUALS * (1 + N_GUESSES) + N_TIME, head_width)
        linear("hidden", head_width, head_width)
        linear("velocity", head_width, N_RESIDUALS, 0.1)
        # How far the mean follows the trend of the facies: without and beside a known position.
        self.trend_gain = nn.Parameter(torch.tensor([0.5, 1.0])[None, :, None].repeat(
            N_LEVELS, 1, N_RESIDUALS))

    def weights(self, level: int | None = None) -> dict[str, Tensor]:
        """Return the parameters of one level, each (1, n_in, n_out), or of all of them."""
        part = slice(None) if level is None else slice(level, level + 1)
        return {name: value[part] for name, value in self.named_parameters()}


def _linear(weights: Weights, name: str, x: Tensor) -> Tensor:
    return torch.baddbmm(weights[f"{name}_bias"], x, weights[f"{name}_weight"])


def encode_context(weights: Weights, x: Tensor) -> Tensor:
    """Encode what is known around cells.

    Parameters
    ----------
    weights : mapping of str to Tensor
        Of `RowNetwork.weights`.
    x : Tensor, shape (n_level, n, N_INPUT)
        What `contexts` assembles.

    Returns
    -------
    Tensor, shape (n_level, n, width)
    """
    h = silu(_linear(weights, "input", x))
    h = h + silu(_linear(weights, "trunk1", h))
    return h + silu(_linear(weights, "trunk2", h))


def facies_logits(weights: Weights, h: Tensor) -> Tensor:
    """Return logits of the facies of cells, (n_level, n, N_FACIES)."""
    return _linear(weights, "facies", h)


def residual_context(weights: Weights, h: Tensor, facies: Tensor, trend: Tensor) -> Tensor:
    """Encode what the residuals of cells depend on.

    Parameters
    ----------
    weights : mapping of str to Tensor
        Of `RowNetwork.weights`.
    h : Tensor, shape (n_level, n, width)
        Of `encode_context`.
    facies : Tensor of int64, shape (n_level, n)
        Facies of the cells.
    trend : Tensor, shape (n_level, n, 3)
        Residuals of the trend of that facies at the depth of the row.

    Returns
    -------
    Tensor, shape (n_level, n, head_width)
    """
    code = one_hot(facies, N_FACIES).to(h.dtype)
    return _linear(weights, "context", torch.cat([h, code, trend.to(h.dtype)], dim=-1))


def affine(weights: Weights, context: Tensor, guesses: Tensor) -> Tensor:
    """Return mean, ln of scale and couplings of the residuals of cells, float32.

    Parameters
    ----------
    weights, context
        As returned by `RowNetwork.weights` and `residual_context`.
    guesses : Tensor, shape (n_level, n, N_GUESSES, 3)
        First guesses of the mean, see `all_guesses`.

    Returns
    -------
    Tensor, shape (n_level, n, N_AFFINE)
    """
    return parameters_of(_linear(weights, "affine", silu(context)).float(), guesses)


def parameters_of(out: Tensor, guesses: Tensor) -> Tensor:
    """Return what `affine` does, from the network's output (..., N_AFFINE + N_GUESSES).

    The mean is one of the guesses, or between them, and what the network adds: a bed that goes on
    from the row above is copied, not drawn again.
    """
    mean, scale, coupling, choice = out.split(  # type: ignore[no-untyped-call]
        [N_RESIDUALS, N_RESIDUALS, N_RESIDUALS, N_GUESSES], dim=-1)
    guess = (choice.softmax(dim=-1)[..., None] * guesses).sum(dim=-2)
    return torch.cat([mean + guess, scale.clamp(*LN_SCALE_LIMITS), coupling], dim=-1)


def all_guesses(first: Tensor, rows: Tensor) -> Tensor:
    """Return the guesses of the residuals of cells.

    Parameters
    ----------
    first : Tensor, shape (..., 3)
        Of `mean_guess`.
    rows : Tensor, shape (..., 2, N_CELL)
        The nearest known cells above and below, zeros where there are none.

    Returns
    -------
    Tensor, shape (..., N_GUESSES, 3)
        The first one also where no row is known.
    """
    is_known = rows[..., :N_FACIES].sum(dim=-1, keepdim=True) > 0.0
    near = torch.where(is_known, rows[..., N_FACIES:], first[..., None, :])
    return torch.cat([first[..., None, :], near], dim=-2)


def nearest_rows(x: Tensor) -> Tensor:
    """Return the nearest known cells above and below, (..., 2, N_CELL), of inputs x."""
    middle = MOST_OFFSETS // 2
    part = x[..., (middle - 1) * N_CELL : (middle + 1) * N_CELL]
    return part.reshape(*x.shape[:-1], 2, N_CELL)


def white_guesses(parameters: Tensor, guesses: Tensor) -> Tensor:
    """Return guesses (..., N_GUESSES, 3) as the velocity sees them: whitened, limited, flat."""
    white = whiten(parameters[..., None, :], guesses)
    return white.clamp(-WHITE_LIMIT, WHITE_LIMIT).flatten(-2)


def mean_guess(
    weights: Weights, trend: Tensor, beside: Tensor, beside_trend: Tensor, has_beside: Tensor
) -> Tensor:
    """Guess residuals: the facies' trend, or the neighbour's residuals and the trends' difference.

    Parameters
    ----------
    weights : mapping of str to Tensor
        Of `RowNetwork.weights`.
    trend, beside_trend : Tensor, shape (n_level, n, 3)
        Residuals of the trends of the cell's own facies and of that of its neighbour.
    beside : Tensor, shape (n_level, n, 3)
        Residuals of the neighbouring position.
    has_beside : Tensor, shape (n_level, n, 1)
        1 where the neighbour is known, else 0.
    """
    gain = weights["trend_gain"]
    alone, both = gain[:, :1], gain[:, 1:]
    return (1.0 - has_beside) * alone * trend + has_beside * (
        beside + both * (trend - beside_trend))


def velocity(
    weights: Weights, context: Tensor, guesses: Tensor, state: Tensor, sigma: Tensor
) -> Tensor:
    """Return the velocity d state / d angle of whitened residuals on the angle path.

    Parameters
    ----------
    weights, context
        As in `affine`.
    guesses : Tensor, shape (n_level, n, N_RESIDUALS N_GUESSES)
        Of `white_guesses`: where a bed that goes on would put the clean values.
    state : Tensor, shape (n_level, n, 3)
        cos(angle) times the clean values plus sin(angle) times noise.
    sigma : Tensor, shape (n_level, n) or one that broadcasts to it
        Angle in units of 90 degrees, 0 to 1.
    """
    time = time_features(sigma).expand(*state.shape[:-1], N_TIME)
    joined = torch.cat([state, guesses, time], dim=-1).to(context.dtype)
    q = silu(context + _linear(weights, "state", joined))
    q = q + silu(_linear(weights, "hidden", q))
    return _linear(weights, "velocity", q).float()


def time_features(sigma: Tensor) -> Tensor:
    """Return what the network is told of sigma, (..., N_TIME)."""
    s = sigma[..., None]
    k = torch.arange(1, 4, dtype=torch.float32, device=s.device)
    angle = (0.5 * math.pi) * k * s
    return torch.cat([s, 0.5 * (s + 0.02).log(), angle.cos(), angle.sin()], dim=-1)


def whiten(parameters: Tensor, residual: Tensor) -> Tensor:
    """Return residuals (..., 3) in units whitened by `affine`'s parameters (..., N_AFFINE)."""
    mean, scale, coupling = parameters.split(N_RESIDUALS, dim=-1)  # type: ignore[no-untyped-call]
    d = residual - mean
    mixed = torch.stack([
        d[..., 0], d[..., 1] - coupling[..., 0] * d[..., 0],
        d[..., 2] - coupling[..., 1] * d[..., 0] - coupling[..., 2] * d[..., 1]], dim=-1)
    white: Tensor = mixed * (-scale).exp()
    return white


def colour(parameters: Tensor, white: Tensor) -> Tensor:
    """Return residuals from whitened ones: the inverse of `whiten`."""
    mean, scale, coupling = parameters.split(N_RESIDUALS, dim=-1)  # type: ignore[no-untyped-call]
    z = white * scale.exp()
    first = z[..., 0]
    second = z[..., 1] + coupling[..., 0] * first
    third = z[..., 2] + coupling[..., 1] * first + coupling[..., 2] * second
    residual: Tensor = mean + torch.stack([first, second, third], dim=-1)
    return residual
