"""Distillation: few steps learn from many, on pairs of noise and what a teacher makes of it.

Noise and prior worlds are drawn independently, so a first step can only guess the mean. A teacher's
sampler ties one world to every noise; a student that learns from these pairs can go straight. Its
later steps learn from where its own earlier steps lead, as they will be used: there noise is
renewed, and the teacher goes on from the student's latent.

Source: Liu, Gong and Liu (2023), Flow straight and fast (rectified flow, reflow). Ross, Gordon and
Bagnell (2011), A reduction of imitation learning to no-regret online learning: own states.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from lithogen.errors import WeightsError, require
from lithogen.latent import CODE_TRUST, IS_WELL, N_CODE, N_LATENT, settle
from lithogen.models.litho_net import LithoNet
from lithogen.models.stored import load_denoiser
from lithogen.pipeline import weights_folder
from lithogen.sampling import Known, denoise, noise_levels
from lithogen.schedulers import BEYOND, ELASTIC, renewed_place, turn_back
from lithogen.training.config import LithoTraining
from lithogen.training.worlds import Batch
from lithogen.world import latent_scale


def load_teacher(recipe: LithoTraining, mean: Tensor, std: Tensor) -> LithoNet | None:
    """Return the teacher that a recipe names, None where it names none.

    Raises
    ------
    WeightsError : missing, corrupt, or of another standardisation of the latent.
    """
    if not recipe.teacher:
        return None
    teacher = load_denoiser(weights_folder(recipe.teacher))[0].eval()
    same = all(torch.allclose(own, wanted) for own, wanted in
               zip(latent_scale(teacher), (mean, std), strict=True))
    require(same, f"teacher {recipe.teacher} has another standardisation of the latent; start the "
            "student from the teacher's weights (--init)", WeightsError)
    teacher.to(memory_format=torch.channels_last_3d)  # type: ignore[call-arg]
    return teacher


def taught(batch: Batch, teacher: LithoNet, recipe: LithoTraining) -> Batch:
    """Replace the clean latents of a batch by what a teacher makes of its crops.

    Before noise is renewed that is what becomes of the noise. After it the end depends on both
    noises: there the teacher goes on from the crop's own noisy latent, at the crop's level.

    Parameters
    ----------
    batch : crops with noise, conditions and controls; its facies and latents are not looked at.
    teacher : network in evaluation mode, sampled with `recipe.teacher_steps`.
    """
    mean, std = latent_scale(teacher)
    made = torch.empty_like(batch.latent)
    is_late = _is_renewed(batch, recipe.levels)
    for sigma in [None, *sorted(set(batch.sigma[is_late].tolist()))]:
        mine = (~is_late if sigma is None else is_late & (batch.sigma == sigma)).nonzero()[:, 0]
        if len(mine) == 0:
            continue
        part = batch.rows(mine)
        begun: dict[str, Any] = {}
        if sigma is not None:
            lower = [level for level in noise_levels(recipe.teacher_steps) if level < sigma - 1e-4]
            begun = {"begun": part.given(), "levels": [sigma, *lower]}
        with torch.no_grad():
            made[mine] = denoise(
                teacher, part.noise, part.condition, part.controls, recipe.teacher_steps,
                wells=part.wells, known=known_voxels(part.wells, mean, std), **begun)
    facies, latent = settle(made.cpu(), mean, std)
    return replace(batch, latent=latent.to(batch.latent.device),
                   facies=torch.from_numpy(facies).to(batch.facies.device))


def _is_renewed(batch: Batch, levels: tuple[float, ...]) -> Tensor:
    """Return which crops are at a level after noise was renewed, (batch,)."""
    place = renewed_place(levels) if batch.fresh is not None else None
    if place is None:
        return torch.zeros_like(batch.sigma, dtype=torch.bool)
    return batch.sigma < 0.5 * (levels[place - 1] + levels[place])


def known_voxels(wells: Tensor | None, mean: Tensor, std: Tensor) -> Known | None:
    """Return the facies codes that maps of wells hold at the wells' own voxels, None without any.

    Parameters
    ----------
    wells : maps, (batch, iline, xline, twt, 15), see `lithogen.wells.project.well_maps`, or None.
    mean, std : standardisation of the latent, each (n_latent,).
    """
    if wells is None:
        return None
    index = ((wells[..., IS_WELL] > 0) & (wells[..., CODE_TRUST] > 0)).nonzero()
    if len(index) == 0:
        return None
    code = wells[index.unbind(1)][:, :N_CODE]
    latent = code.new_full((len(index), N_LATENT), torch.nan)
    latent[:, :N_CODE] = (code - mean[:N_CODE].to(code)) / std[:N_CODE].to(code)
    return Known(index, latent)


def followed(batch: Batch, student: LithoNet, levels: tuple[float, ...]) -> Batch:
    """Replace the noisy latents of a batch by those that a student's own steps lead to.

    Parameters
    ----------
    batch : crops whose noise levels are among `levels`; with `fresh` noise they have theirs renewed
        on the way, as in sampling. student : network in training.
    levels : noise levels of its steps, falling; () leaves the batch as it is.
    """
    if not levels:
        return batch
    known = known_voxels(batch.wells, *latent_scale(student))
    renewed = renewed_place(levels) if batch.fresh is not None else None
    latent = batch.noise * levels[0]
    if known is not None:
        known.put_noisy(latent, batch.noise, levels[0])
    out = latent.clone()
    with torch.no_grad():
        for place, (now, then) in enumerate(pairwise(levels), 1):
            later = batch.sigma < 0.5 * (now + then)
            if not bool(later.any()):
                break
            level = torch.full_like(batch.sigma, now)
            clean = student(latent, level, batch.condition, batch.controls, batch.wells)
            if known is not None:
                known.put(clean)
            moved = torch.lerp(clean, latent, then / now)
            if place == renewed:
                moved[..., ELASTIC] = torch.lerp(clean, latent, BEYOND / now)[..., ELASTIC]
                turn_back(moved, batch.renewing, then, student.channel_scale.double())
            latent = moved
            if known is not None:
                known.put_noisy(latent, batch.noise, then)
            out[later] = latent[later]
    return replace(batch, noisy=out)
