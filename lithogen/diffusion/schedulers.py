"""CoarseToFineScheduler: an absorbing-state diffusion that unmasks rows in a fixed order."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from diffusers.utils.outputs import BaseOutput
from torch import Tensor

from lithogen.diffusion.lattice import N_PASSES, N_POSITIONS

MASKED = -1
# The order in which chances are summed when a number picks a facies: neighbours here pass into
# one another along the profile, so that similar numbers pick similar rock.
FACIES_ORDER = (9, 8, 3, 7, 4, 5, 6, 0, 2, 1)


@dataclass
class CoarseToFineOutput(BaseOutput):
    """What a step returns.

    Parameters
    ----------
    prev_sample : Tensor of int64, shape (n,)
        Facies of the cells that the step unmasked.
    """

    prev_sample: Tensor


class CoarseToFineScheduler(SchedulerMixin, ConfigMixin):  # type: ignore[misc]
    """Draws the facies of cells, each once, from what the network says of those that are known.

    Parameters
    ----------
    order : tuple of int
        Facies in the order in which their chances are summed.

    Notes
    -----
    The forward process masks cells: rows of the finest level first, and within a row those
    furthest from the position where it begins; `add_noise` is that process. The reverse step
    unmasks the cells of one timestep from their exact conditional, by the inverse of the
    distribution function at a standard normal number of each cell, so that the same numbers give
    the same facies, and known facies can be turned back into numbers.

    Source: discrete absorbing-state diffusion, Austin et al. (2021); in an order of its own,
    autoregressive diffusion, Hoogeboom et al. (2022).
    """

    order = 1

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, facies_order: tuple[int, ...] = FACIES_ORDER) -> None:
        self.timesteps = torch.arange(N_PASSES * N_POSITIONS).flip(0)
        self._order = torch.tensor(facies_order)

    @staticmethod
    def timestep(number: int, distance: int) -> int:
        """Return the time at which cells of a pass are unmasked, this far from the row's start.

        Times fall from N_PASSES * N_POSITIONS - 1 to 0 as rows are filled.
        """
        return (N_PASSES - 1 - number) * N_POSITIONS + (N_POSITIONS - 1 - distance)

    def add_noise(self, original_samples: Tensor, passes: Tensor, distances: Tensor,
                  timestep: int) -> Tensor:
        """Mask the cells that are not known yet when a timestep begins.

        Parameters
        ----------
        original_samples : Tensor of integers, shape (n,)
            Facies.
        passes, distances : Tensor of int64, shape (n,)
            Number of the row's pass among `PASSES`, and positions from where the row begins.
        timestep : int
            As `timestep` returns it.

        Returns
        -------
        Tensor, shape (n,)
            Facies, `MASKED` where time has not come.
        """
        own = (N_PASSES - 1 - passes) * N_POSITIONS + (N_POSITIONS - 1 - distances)
        return torch.where(own > timestep, original_samples, MASKED)

    def step(self, model_output: Tensor, timestep: int, sample: Tensor, numbers: Tensor,
             return_dict: bool = True) -> CoarseToFineOutput | tuple[Tensor]:
        """Unmask the cells of a timestep.

        Parameters
        ----------
        model_output : Tensor, shape (n, N_FACIES)
            Logits of their facies.
        timestep : int
            Only a name: the cells that are handed over are those of one time.
        sample : Tensor of int64, shape (n,)
            Facies where they are known, `MASKED` elsewhere; known ones stay.
        numbers : Tensor, shape (n,)
            Standard normal numbers of the cells.
        return_dict : bool
            Whether to return an output or a tuple.
        """
        chances = model_output.softmax(dim=-1)[:, self._order].cumsum(dim=-1)
        level = torch.special.ndtr(numbers)[:, None] * chances[:, -1:]
        place = (chances < level).sum(dim=-1).clamp_(max=len(self._order) - 1)
        drawn = torch.where(sample == MASKED, self._order[place], sample)
        return CoarseToFineOutput(prev_sample=drawn) if return_dict else (drawn,)
