"""The table a training run ends in: the model on held-out crops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from lithogen.latent import decode_latent
from lithogen.metrics import change_rate, facies_shares
from lithogen.models.litho_net import LithoNet
from lithogen.noise import NoiseWeights
from lithogen.rng import generator
from lithogen.rockphysics.facies import N_FACIES
from lithogen.sampling import DEFAULT_STEPS, denoise
from lithogen.training.config import LithoTraining
from lithogen.training.loss import flow_loss
from lithogen.training.worlds import Batch, CachedWorld, draw_crop, make_worlds

N_CROPS = 12
LEVELS = (1.0, 0.9, 0.75, 0.5)
Table = dict[str, float | list[float]]


def quality_table(
    model: LithoNet, recipe: LithoTraining, mean: Tensor, std: Tensor, seen: list[CachedWorld]
) -> Table:
    """Judge a model on one crop of each of 12 held-out worlds, at the shares it is used with.

    Parameters
    ----------
    model : trained network in evaluation mode. recipe : of its training.
    mean, std : standardisation of the latent, each (n_latent,).
    seen : worlds of its training.

    Returns
    -------
    clean_mse : mean squared error of the clean latent at noise levels of 1, 0.9, 0.75 and 0.5.
    clean_mse_of_mean : the same error of a guess of zero everywhere, for comparison.
    seen_mse, seen_mse_of_mean : both on 12 of the worlds of training. Where the error falls below
        that of held-out worlds and that of the mean does not, worlds are learned by heart.
    facies_distance : share of the volume in other facies than held out, on average.
    changes_per_sample, changes_per_line : [held-out, sampled] share of neighbours that differ.
    residual_std : [held-out, sampled] standard deviation of the residual of vp.
    """
    pairs, residuals, held = [], [], []
    inner = recipe.inner
    for batch in _crops(model, recipe, mean, std, make_worlds(recipe, "test", N_CROPS)):
        with torch.inference_mode():
            made = denoise(model, batch.noise, batch.condition, batch.controls, DEFAULT_STEPS)
        decoded = [decode_latent(latent[0][inner].cpu(), mean, std)
                   for latent in (batch.latent, made)]
        pairs.append([facies for facies, _ in decoded])
        residuals.append([float(residual[0].std()) for _, residual in decoded])
        held.append(batch)
    some = seen[::max(len(seen) // N_CROPS, 1)][:N_CROPS]
    truth, sampled = (np.mean([facies_shares(pair[k], N_FACIES) for pair in pairs], axis=0)
                      for k in (0, 1))
    return {
        **_errors("clean", model, recipe, held),
        **_errors("seen", model, recipe, _crops(model, recipe, mean, std, some)),
        "facies_distance": round(float(np.abs(truth - sampled).sum() / 2), 4),
        "changes_per_sample": [_mean([float(change_rate(pair[k], 2).mean()) for pair in pairs])
                               for k in (0, 1)],
        "changes_per_line": [_mean([float(change_rate(pair[k], 1).mean()) for pair in pairs])
                             for k in (0, 1)],
        "residual_std": [_mean([pair[k] for pair in residuals]) for k in (0, 1)],
    }


def _crops(
    model: LithoNet, recipe: LithoTraining, mean: Tensor, std: Tensor, worlds: list[CachedWorld]
) -> Iterator[Batch]:
    """Yield a crop of each world as a batch of one."""
    shares = NoiseWeights.white_only() if recipe.noise == "white" else NoiseWeights()
    device = next(model.parameters()).device
    plain = replace(recipe, wells=0.0, unknown_controls=0.0, renewed=False)
    for number, world in enumerate(worlds):
        rng = generator(recipe.seed, "training/quality", number)
        crop = draw_crop(plain, [world], mean, std, rng, shares)
        crop.pop("wells")
        yield Batch(**{name: part[None] for name, part in crop.items()},
                    sigma=torch.ones(1)).to(device)


def _errors(
    name: str, model: LithoNet, recipe: LithoTraining, batches: Iterable[Batch]
) -> dict[str, float]:
    """Return errors of the clean latent of some crops at `LEVELS`, and that of the mean."""
    found: dict[str, list[float]] = {f"{name}_mse_{sigma:.2f}": [] for sigma in LEVELS}
    guess: list[float] = []
    inner = recipe.inner
    for batch in batches:
        with torch.inference_mode():
            for sigma, errors in zip(LEVELS, found.values(), strict=True):
                level = replace(batch, sigma=torch.full_like(batch.sigma, sigma))
                errors.append(float(flow_loss(model, level, recipe)[1]))
        guess.append(float((batch.latent[0][inner] / model.channel_scale).square().mean()))
    return {key: _mean(errors) for key, errors in found.items()} | {
        f"{name}_mse_of_mean": _mean(guess)}


def _mean(values: list[float]) -> float:
    return round(float(np.mean(values)), 4)
