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
    of the residuals: the mean code under them is the clean latent of the flow. Channels
    that stand out of the noise earlier (`scales` of LithoNet) weigh by the noise level that this
    amounts to for them. The margin of the crop, where the net sees padding, is left out.

    Source: Lipman et al. (2023), Flow matching; clean-latent prediction with weight 1/sigma^2.
    Dieleman et al. (2022), Continuous diffusion for categorical data: cross entropy.
    """
    scores = model.scores(batch.given(), batch.sigma, batch.condition, batch.controls, batch.wells)
    inner = (slice(None), *recipe.inner)
    scores, target = scores[inner].float(), batch.latent[inner]
    error = ((model.clean(scores) - target) / model.channel_scale).square()
    # (batch, channel): weight 1 / sigma^2 at the noise level seen by a channel of unit variance.
    level = batch.sigma[:, None] / (batch.sigma[:, None]
                                    + (1.0 - batch.sigma[:, None]) * model.channel_scale)
    weight = (1.0 / level.square()).clamp(max=recipe.max_weight)
    by_channel = error.mean(dim=(1, 2, 3))
    plain = by_channel.mean()
    n_code = model.n_code
    if not n_code:
        return (weight * by_channel).mean(), plain
    n_facies = len(model.code_table)
    facies = functional.cross_entropy(
        scores[..., :n_facies].movedim(-1, 1), batch.facies[inner].long(), reduction="none")
    weighted = recipe.facies_weight * weight[:, 0].sqrt() * facies.mean(dim=(1, 2, 3))
    residual = (weight * by_channel)[:, n_code:].mean(dim=1)
    return (weighted + 0.5 * residual).mean(), plain
