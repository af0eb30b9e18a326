"""Loss of stage 1."""

from __future__ import annotations

from torch import Tensor

from lithogen.models.litho_net import LithoNet
from lithogen.training.config import LithoTraining
from lithogen.training.worlds import Batch


def flow_loss(model: LithoNet, batch: Batch, recipe: LithoTraining) -> tuple[Tensor, Tensor]:
    """Return the weighted loss and the plain mean squared error of the clean latent.

    The loss leaves out a margin of the crop, where the net sees padding.
    Source: Lipman et al. (2023), Flow matching; clean-latent prediction with weight 1/sigma^2.
    """
    level = batch.sigma[:, None, None, None, None]
    noisy = (1.0 - level) * batch.latent + level * batch.noise
    clean = model(noisy, batch.sigma, batch.condition, batch.controls)
    m = recipe.margin
    inner = (slice(None), slice(m, -m), slice(m, -m), slice(m, -m))
    error = (clean[inner].float() - batch.latent[inner]).square().mean(dim=(1, 2, 3, 4))
    weight = (1.0 / batch.sigma.square()).clamp(max=recipe.max_weight)
    return (weight * error).mean(), error.mean()
