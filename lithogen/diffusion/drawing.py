"""Drawing cells: facies by the coarse-to-fine scheduler, residuals by flow matching."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from torch import Tensor
from torch.nn.functional import silu

from lithogen.diffusion.conditional import condition_on_known, known_log_likelihood
from lithogen.diffusion.conditions import RESIDUAL_GAIN
from lithogen.diffusion.lattice import LEVELS, N_CELL, N_RESIDUALS
from lithogen.diffusion.network import (
    N_GUESSES,
    N_TIME,
    RowNetwork,
    all_guesses,
    colour,
    input_slices,
    parameters_of,
    time_features,
    white_guesses,
)
from lithogen.diffusion.schedulers import MASKED, CoarseToFineScheduler
from lithogen.errors import ConfigError, require
from lithogen.rockphysics.facies import N_FACIES
from lithogen.rockphysics.trends import RESIDUAL_LIMIT

# d state / d sigma for a velocity d state / d angle: sigma is the angle in units of 90 degrees.
PER_SIGMA = 0.5 * math.pi
MOST_RESIDUAL = RESIDUAL_GAIN * RESIDUAL_LIMIT


@dataclass(frozen=True, slots=True)
class CellInput:
    """What n cells of one level and time are drawn from.

    Parameters
    ----------
    first : Tensor, shape (n, width)
        Sums of the network's first layer over what does not change while a row is filled: known
        rows, conditions and position, see `LevelDrawer.first_layer`.
    lateral : Tensor, shape (n, N_BESIDE_CELLS + N_LATERAL)
        What is known at the neighbouring position, and where the row began.
    trends : Tensor, shape (n, N_FACIES, 3)
        Residuals of the trends of all facies.
    neighbour : Tensor, shape (n, N_CELL)
        The cell at the neighbouring position; not used where has_neighbour is 0.
    has_neighbour : bool
        Whether there is one.
    rows : Tensor, shape (n, 2, N_CELL)
        The nearest known cells above and below, zeros where there are none.
    numbers : Tensor, shape (n, 4)
        Standard normal numbers.
    facies : Tensor of int64, shape (n,), or None
        Known facies, `MASKED` elsewhere; None where nothing is known.
    residual : Tensor, shape (n, 3), or None
        Known residuals, NaN elsewhere.
    n_together : int
        Cells of one block, which stand together. Products are taken block by block, since one of
        another size may end in other bits; all else is done for all of them at once.
    """

    first: Tensor
    lateral: Tensor
    trends: Tensor
    neighbour: Tensor
    has_neighbour: bool
    rows: Tensor
    numbers: Tensor
    facies: Tensor | None
    residual: Tensor | None
    n_together: int


def block_product(bias: Tensor, x: Tensor, weight: Tensor, n_together: int) -> Tensor:
    """Return bias + x @ weight, block by block of rows.

    Parameters
    ----------
    bias : Tensor, shape (n, n_out) or one that broadcasts to (n_together, n_out)
        A row each, or one for all.
    x : Tensor, shape (n, n_in)
        Rows of whole blocks.
    weight : Tensor, shape (n_in, n_out)
        Of a layer.
    n_together : int
        Rows of a block.
    """
    n = len(x)
    if n == n_together:
        return torch.addmm(bias, x, weight)
    out = x.new_empty(n, weight.shape[1])
    is_each = bias.dim() == 2 and len(bias) == n
    for first in range(0, n, n_together):
        part = slice(first, first + n_together)
        torch.addmm(bias[part] if is_each else bias, x[part], weight, out=out[part])
    return out


@dataclass
class CellDrawer:
    """Network and schedulers, ready to draw cells.

    Parameters
    ----------
    network : RowNetwork
        Trained weights.
    unmasking : CoarseToFineScheduler
        Draws facies.
    flow : SchedulerMixin
        Deterministic flow-matching scheduler of diffusers, for residuals.
    steps : int
        Its steps; the first, from pure noise, needs no evaluation of the network.
    """

    network: RowNetwork
    unmasking: CoarseToFineScheduler
    flow: SchedulerMixin
    steps: int
    _levels: dict[int, LevelDrawer] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where cells are drawn."""
        return next(self.network.parameters()).device

    def level(self, number: int) -> LevelDrawer:
        """Return what draws the cells of a level."""
        if number not in self._levels:
            with torch.inference_mode():
                self._levels[number] = LevelDrawer(self, number)
        return self._levels[number]


class LevelDrawer:
    """The weights of one level, in the parts in which drawing uses them.

    Parameters
    ----------
    drawer : CellDrawer
        Network and schedulers. number : of the level.
    """

    def __init__(self, drawer: CellDrawer, number: int) -> None:
        weights = {name: value.detach()[0].float().contiguous()
                   for name, value in drawer.network.weights(number).items()}
        whole, parts = weights["input_weight"], input_slices()
        n_window = len(LEVELS[number].offsets) * N_CELL
        lead = (parts["window"].stop - n_window) // 2
        # Known rows, then mates, which a first pass does not see.
        n_mates = len(LEVELS[number].mates) * N_CELL
        mates = slice(parts["mates"].start, parts["mates"].start + n_mates)
        self.window = torch.cat([whole[lead : lead + n_window], whole[mates]])
        self.lateral, self.position, self.row, self.world = (
            whole[parts[name]].contiguous() for name in ("lateral", "position", "row", "world"))
        width = whole.shape[1]
        context = weights["context_weight"]
        self.out = torch.cat([weights["facies_weight"], context[:width]], dim=1)
        self.out_bias = torch.cat(
            [weights["facies_bias"], torch.zeros_like(weights["context_bias"])], dim=1)
        # A row for every facies, the bias included.
        self.context_facies = context[width : width + N_FACIES] + weights["context_bias"]
        self.context_trend = context[width + N_FACIES :].contiguous()
        state, known, time = weights["state_weight"].split(  # type: ignore[no-untyped-call]
            [N_RESIDUALS, N_RESIDUALS * N_GUESSES, N_TIME])
        self.state, self.guesses = state.contiguous(), known.contiguous()
        self.weights, self.number = weights, number
        self.unmasking, self.flow = drawer.unmasking, drawer.flow
        set_flow_steps(self.flow, drawer.steps)
        scheduler: Any = self.flow
        self.times = scheduler.timesteps
        sigmas = self.times.float() / scheduler.config.num_train_timesteps
        self.is_noise = [bool(s >= 1.0) for s in sigmas]
        features = time_features(sigmas.to(whole.device))
        self.state_bias = features @ time + weights["state_bias"]
        self.steps = drawer.steps

    def first_layer(
        self, window: Tensor, told: Tensor, world: Tensor, block_rows: int
    ) -> Tensor:
        """Return the part of the first layer that does not change while rows are filled.

        Parameters
        ----------
        window : Tensor, shape (n_row, n_offset, N_POSITIONS, N_CELL)
            Rows around the new ones, at `Pass.offsets`.
        told : Tensor, shape (n_row, N_ROW_CONDITIONS)
            Of `row_conditions`.
        world : Tensor, shape (N_WORLD_CONDITIONS,)
            Of `world_conditions`.
        block_rows : int
            Rows of a block, which stand together.

        Returns
        -------
        Tensor, shape (n_row, N_POSITIONS, width)
        """
        bias = self.weights["input_bias"] + world @ self.world
        row = block_product(bias, told, self.row, block_rows)
        both = row[:, None] + self.position
        if window.shape[1]:
            n, _, n_position, _ = window.shape
            flat = window.transpose(1, 2).reshape(n * n_position, -1)
            both = block_product(both.reshape(len(flat), -1), flat, self.window[: flat.shape[1]],
                                 block_rows * n_position).view(n, n_position, -1)
        return both

    def draw(self, timestep: int, given: CellInput) -> Tensor:
        """Draw cells.

        Parameters
        ----------
        timestep : int
            When, see `CoarseToFineScheduler.timestep`.
        given : CellInput
            What they are drawn from.

        Returns
        -------
        Tensor, shape (n, N_CELL)
            Facies as one of ten, and residuals.
        """
        w, size = self.weights, given.n_together
        h = silu(block_product(given.first, given.lateral, self.lateral, size))
        h = h + silu(block_product(w["trunk1_bias"], h, w["trunk1_weight"], size))
        h = h + silu(block_product(w["trunk2_bias"], h, w["trunk2_weight"], size))
        # Chances of facies and what residuals share are of one product.
        both = block_product(self.out_bias, h, self.out, size)
        logits, shared = both[:, :N_FACIES], both[:, N_FACIES:]
        known = given.facies
        if known is None:
            known = torch.full((len(h),), MASKED, device=h.device)
        elif given.residual is not None:
            logits = logits + self._evidence(shared, given, known)
        facies: Tensor = self.unmasking.step(
            logits, timestep, known, given.numbers[:, 0], return_dict=False)[0]
        parameters, context, guesses = self._parameters(shared, given, facies)
        context = block_product(context, white_guesses(parameters, guesses), self.guesses, size)
        residual = colour(parameters, self._flow(context, given.numbers[:, 1:], size))
        if given.residual is not None:
            residual = condition_on_known(parameters, residual, given.residual)
        out = torch.zeros(len(facies), N_CELL, device=residual.device)
        out.scatter_(1, facies[:, None], 1.0)
        out[:, N_FACIES:] = residual.clamp(-MOST_RESIDUAL, MOST_RESIDUAL)
        return out

    def _parameters(
        self, shared: Tensor, given: CellInput, facies: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Parameters of the whitening Gaussian, context of the residuals, and their guesses."""
        at = torch.arange(len(facies), device=facies.device)
        trend = given.trends[at, facies]
        size = given.n_together
        context = block_product(
            shared + self.context_facies[facies], trend, self.context_trend, size)
        raw = block_product(
            self.weights["affine_bias"], silu(context), self.weights["affine_weight"], size)
        gain = self.weights["trend_gain"]
        if given.has_neighbour:
            near_facies = given.neighbour[:, :N_FACIES].argmax(dim=1)
            change = trend - given.trends[at, near_facies]
            first = given.neighbour[:, N_FACIES:] + gain[1] * change
        else:
            first = gain[0] * trend
        guesses = all_guesses(first, given.rows)
        return parameters_of(raw, guesses), context, guesses

    def _evidence(self, shared: Tensor, given: CellInput, known: Tensor) -> Tensor:
        """Log likelihood of known residuals under every facies, 0 where facies are known."""
        if given.residual is None:
            raise RuntimeError("no residual is known")
        has = given.residual.isfinite()
        is_open = (known == MASKED) & has.any(dim=1)
        out = torch.zeros(len(known), N_FACIES, device=shared.device)
        if bool(is_open.any()):
            for code in range(N_FACIES):
                parameters, _, _ = self._parameters(shared, given, torch.full_like(known, code))
                out[:, code] = known_log_likelihood(parameters, given.residual, has)
        return out * is_open[:, None]

    def _flow(self, context: Tensor, noise: Tensor, size: int) -> Tensor:
        """Bring noise to whitened residuals, (n, 3)."""
        w, state = self.weights, noise
        scheduler: Any = self.flow
        set_first_step(scheduler, self.steps)
        for bias, time, is_noise in zip(self.state_bias, self.times, self.is_noise, strict=True):
            # Pure noise tells nothing, and the mean of a whitened residual is 0.
            speed = torch.zeros_like(state)
            if not is_noise:
                q = silu(block_product(context + bias, state, self.state, size))
                q = q + silu(block_product(w["hidden_bias"], q, w["hidden_weight"], size))
                speed = PER_SIGMA * block_product(
                    w["velocity_bias"], q, w["velocity_weight"], size)
            state = scheduler.step(speed, time, state, return_dict=False)[0]
        return state


def checked_flow(scheduler: Any) -> Any:
    """Return a scheduler that residuals can be drawn with, or refuse it.

    Raises
    ------
    ConfigError
        It is random, or takes no explicit sigmas.
    """
    name = type(scheduler).__name__
    try:
        one, two = (_after_first_step(scheduler) for _ in range(2))
    except (TypeError, ValueError, AttributeError) as exc:
        raise ConfigError(f"scheduler {name} takes no explicit sigmas ({exc}); wanted a "
                          "flow-matching one such as FlowMatchEulerDiscreteScheduler") from exc
    require(torch.equal(one, two), f"scheduler {name} samples at random, wanted a deterministic "
            "one: worlds are functions of their seed")
    return scheduler


def _after_first_step(scheduler: Any) -> torch.Tensor:
    """Return what the first of two steps makes of a state of ones that does not move."""
    with torch.random.fork_rng():
        torch.seed()
        set_flow_steps(scheduler, 2)
        state: torch.Tensor = scheduler.step(
            torch.zeros(1, 8), scheduler.timesteps[0], torch.ones(1, 8), return_dict=False)[0]
    return state


def set_flow_steps(scheduler: Any, steps: int) -> None:
    """Set evenly spaced angles from pure noise to clean values."""
    scheduler.set_timesteps(sigmas=[1.0 - k / steps for k in range(steps)])


def set_first_step(scheduler: Any, steps: int) -> None:
    """Bring a scheduler back to its first step, with as many steps as asked for."""
    if len(scheduler.timesteps) != steps or not hasattr(scheduler, "_step_index"):
        set_flow_steps(scheduler, steps)
    scheduler._step_index = None
