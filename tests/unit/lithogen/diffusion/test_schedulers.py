"""Unmasking: numbers pick facies by their chances, known ones stay, noise masks what is to come."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import ndtri

from lithogen.diffusion.lattice import N_PASSES, N_POSITIONS
from lithogen.diffusion.schedulers import FACIES_ORDER, MASKED, CoarseToFineScheduler
from lithogen.rockphysics.facies import N_FACIES

# Evenly spread numbers count every chance to one of their spacing.
N_NUMBERS = 20_000


@pytest.fixture
def scheduler() -> CoarseToFineScheduler:
    return CoarseToFineScheduler()


def even_numbers(n: int = N_NUMBERS) -> torch.Tensor:
    """Standard normal numbers at the quantiles (k + 1/2) / n."""
    return torch.from_numpy(ndtri((np.arange(n) + 0.5) / n)).float()


def test_numbers_pick_facies_by_their_chances(scheduler) -> None:
    chances = torch.tensor([0.3, 0.02, 0.1, 0.0, 0.2, 0.08, 0.0, 0.05, 0.15, 0.1])
    logits = chances.log().clamp(min=-1e4).repeat(N_NUMBERS, 1)
    sample = torch.full((N_NUMBERS,), MASKED)
    drawn = scheduler.step(logits, 0, sample, even_numbers()).prev_sample
    share = torch.bincount(drawn, minlength=N_FACIES) / N_NUMBERS
    # One number of rounding at either end, and single precision of the sums.
    assert (share - chances).abs().max() < 3.0 / N_NUMBERS
    # Larger numbers pick facies that come later in the order.
    place = torch.tensor([FACIES_ORDER.index(code) for code in drawn.tolist()])
    assert bool((place.diff() >= 0).all())


def test_extreme_numbers_still_pick_a_possible_facies(scheduler) -> None:
    numbers = torch.tensor([-40.0, 40.0])
    logits = torch.full((2, N_FACIES), -30.0)
    logits[:, 4] = 0.0
    drawn = scheduler.step(logits, 0, torch.full((2,), MASKED), numbers).prev_sample
    assert bool(((drawn >= 0) & (drawn < N_FACIES)).all())


def test_known_facies_stay(scheduler) -> None:
    sample = torch.arange(-1, N_FACIES)
    logits = torch.randn(N_FACIES + 1, N_FACIES, generator=torch.Generator().manual_seed(0))
    (drawn,) = scheduler.step(logits, 5, sample, torch.zeros(N_FACIES + 1), return_dict=False)
    assert torch.equal(drawn[1:], sample[1:])
    assert 0 <= int(drawn[0]) < N_FACIES


def test_times_fall_as_rows_are_filled_and_all_are_different() -> None:
    times = [CoarseToFineScheduler.timestep(number, distance)
             for number in range(N_PASSES) for distance in range(N_POSITIONS)]
    assert times == list(range(N_PASSES * N_POSITIONS))[::-1]
    assert CoarseToFineScheduler().timesteps.tolist() == times


@pytest.mark.parametrize("time", [N_PASSES * N_POSITIONS - 1, 40, 1, 0])
def test_noise_masks_exactly_what_is_not_drawn_yet(scheduler, time) -> None:
    passes, distances = (v.flatten() for v in torch.meshgrid(
        torch.arange(N_PASSES), torch.arange(N_POSITIONS), indexing="ij"))
    facies = torch.arange(len(passes)) % N_FACIES
    masked = scheduler.add_noise(facies, passes, distances, time)
    for k in range(len(facies)):
        is_drawn = scheduler.timestep(int(passes[k]), int(distances[k])) > time
        assert masked[k] == (facies[k] if is_drawn else MASKED)


def test_the_order_of_facies_is_kept_with_the_scheduler(tmp_path) -> None:
    order = tuple(reversed(FACIES_ORDER))
    CoarseToFineScheduler(order).save_pretrained(tmp_path)
    again = CoarseToFineScheduler.from_pretrained(tmp_path)
    assert tuple(again.config["facies_order"]) == order
    assert sorted(FACIES_ORDER) == list(range(N_FACIES))
