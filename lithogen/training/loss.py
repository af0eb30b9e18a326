"""Loss of stage 1."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from lithogen.models.litho_net import LithoNet
from lithogen.training.config import LithoTraining
from lithogen.training.worlds import Batch


def flow_loss(model: LithoNet, batch: Batch, recipe: LithoTraining) -> tuple[Tensor, Tensor]:
    """Return the weighted loss and the plain mean squared error of the clean latent.

    With probabilities of facies as output the loss is their cross entropy plus the squared error
    of the residuals: the mean code under them is the clean latent of the flow. It leaves out a
    margin of the crop, where the net sees padding.

    Source: Lipman et al. (2023), Flow matching; clean-latent prediction with weight 1/sigma^2.
    Dieleman et al. (2022), Continuous diffusion for categorical data: cross entropy.
    """
    scores = model.scores(batch.given(), batch.sigma, batch.condition, batch.controls, batch.wells)
    m = recipe.margin
    inner = (slice(None), slice(m, -m), slice(m, -m), slice(m, -m))
    scores, target = scores[inner].float(), batch.latent[inner]
    error = (model.clean(scores) - target).square()
    weight = (1.0 / batch.sigma.square()).clamp(max=recipe.max_weight)
    plain = error.mean(dim=(1, 2, 3, 4))
    if not model.n_code:
        return (weight * plain).mean(), plain.mean()
    n_facies = len(model.code_table)
    facies = functional.cross_entropy(
        scores[..., :n_facies].movedim(-1, 1), batch.facies[inner].long(), reduction="none")
    # Residuals go with the facies that is there, not with the mean of all that could be.
    found = model.residual_given(scores, batch.facies[inner].long())
    residual = (found - target[..., model.n_code:]).square().mean(dim=(1, 2, 3, 4))
    weighted = recipe.facies_weight * weight.sqrt() * facies.mean(dim=(1, 2, 3))
    return (weighted + 0.5 * weight * residual).mean(), plain.mean()
