"""Ablation of stage 1: variants of network, noise and latent, trained for the same CPU time.

Usage: python benchmarks/ablation.py [--minutes 6] [--worlds 48] [--seed 2026] [--only NAME ...]

Every variant trains from scratch on the same procedural worlds for the same CPU time on one
thread, data included, with the learning rate falling over that time; a wider network so gets
fewer steps. Judged on twelve held-out worlds, at the noise shares that generation uses: cross
entropy of facies (where the network says probabilities) and squared error of the clean latent, in
standard deviations, at noise levels of 0.9, 0.85, 0.75 and 0.5 (between variants of one latent).
After sampling with four steps: changes of facies per line at the borders of 4-line patches over
those within, facies shares off the held-out ones, divergence of 2x2x2 patterns, and the RMS step
of elastic residuals from sample to sample in quiet, usual and bedded rock (quantiles of 10, 50
and 90 %), held out and sampled.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from _common import ROOT, report
from numpy.typing import NDArray
from scipy.stats import norm

from lithogen.allocator import keep_freed_memory
from lithogen.latent import N_CODE, channel_scales, decode_latent, simplex_code, whole_of
from lithogen.metrics import change_rate, facies_shares, fray, pattern_divergence
from lithogen.models.litho_net import LithoNet
from lithogen.models.stored import another
from lithogen.noise import NoiseWeights
from lithogen.rng import generator
from lithogen.rockphysics.facies import N_FACIES
from lithogen.sampling import denoise
from lithogen.training.config import LithoTraining
from lithogen.training.loss import flow_loss
from lithogen.training.train_litho import averaged_model, new_model
from lithogen.training.worlds import Batch, CachedWorld, draw_batch, draw_crop, make_worlds
from lithogen.training.worlds import latent_statistics as statistics
from lithogen.world import latent_scale

LEVELS = (0.9, 0.85, 0.75, 0.5)
RECIPE = ROOT / "lithogen" / "training" / "recipes" / "litho.toml"
N_HELD_OUT = 12
# All are judged on the same crops, whatever they learned from.
JUDGED_SHAPE, JUDGED_MARGIN = (64, 64, 96), (8, 8, 8)
# Lines whose borders are looked at; the margin is a whole number of them.
PATCH = 4
CUBES = ((3, 3, 3), (3, 3, 3))
# The network and the crops of litho_split.toml.
DENSE = {"widths": (32, 96), "n_blocks": (1, 3, 1), "kernels": CUBES, "token_kernels": ()}
WIDE_CROPS = {"crop_shape": (48, 48, 80), "margin": (6, 6, 6), "batch": 2, "micro_batch": 2}
# Every variant says what it changes in the recipe of the first, litho.toml.
VARIANTS: dict[str, dict[str, Any]] = {
    "columns": {},
    "columns, wide crops": WIDE_CROPS,
    "shipped": DENSE | WIDE_CROPS,
    "shipped, narrow crops": DENSE,
    "no convolution": {"n_blocks": (0, 0, 0)},
    "no cells": {"n_blocks": (3, 0, 3)},
    "two token blocks": {"n_blocks": (1, 2, 1)},
    "ten token blocks": {"n_blocks": (5, 2, 5)},
    "narrow": {"widths": (32, 48)},
    "wide": {"widths": (96, 144)},
    "short kernels": {"token_kernels": ((1, 1, 3), (1, 1, 1))},
    "long kernels": {"token_kernels": ((1, 1, 9), (1, 1, 1))},
    "cubic cells": {"kernels": CUBES},
    "columns of voxels": {"taps": (5, 5)},
    "latent head": {"head": "latent"},
    "fold only": {"lift": "fold"},
    "linear only": {"lift": "linear"},
    "one voxel layer": {"n_hidden": 0},
    "patch 2x2x1": {"patch": (2, 2, 1), "coarsen": (4, 4, 4)},
    "patch 4x4x4": {"patch": (4, 4, 4), "coarsen": (2, 2, 1)},
    "patch 8x8x1": {"patch": (8, 8, 1), "coarsen": (1, 1, 4)},
    "white noise": {"noise": "white"},
    "equal scales": {"latent": "equal scales"},
    "0 to 1": {"latent": "0 to 1"},
    "-1 to 1": {"latent": "-1 to 1"},
    "gaussianised": {"latent": "gaussianised"},
}
# Quantiles of a channel that its Gaussian version is looked up from.
N_QUANTILES = 2001


class Latent:
    """How a variant scales the latent: its worlds, standardisation and scales in the flow."""

    def __init__(self, kind: str, worlds: list[CachedWorld]) -> None:
        self.tables: NDArray[np.float32] | None = None
        if kind == "gaussianised":
            values = np.concatenate([w.parts[:, ::4, ::4].float().reshape(len(w.parts), -1).numpy()
                                     for w in worlds], axis=1)
            self.tables = np.quantile(values, np.linspace(0, 1, N_QUANTILES), axis=1).astype("f4").T
        self.worlds = self.mapped(worlds)
        self.mean, self.std = statistics(self.worlds)
        self.scales = channel_scales()
        if kind == "parts":
            return
        self.std, self.scales = self.std * self.scales, torch.ones_like(self.scales)
        if kind in ("0 to 1", "-1 to 1"):
            low, high = self._ends()
            middle = kind == "-1 to 1"
            self.mean = 0.5 * (low + high) if middle else low
            self.std = (high - low) * (0.5 if middle else 1.0)

    def _ends(self) -> tuple[torch.Tensor, torch.Tensor]:
        code = torch.from_numpy(simplex_code())
        parts = torch.stack([torch.stack([w.parts.float().amin((1, 2, 3)),
                                          w.parts.float().amax((1, 2, 3))]) for w in self.worlds])
        return (torch.cat([code.amin(0), parts[:, 0].amin(0)]),
                torch.cat([code.amax(0), parts[:, 1].amax(0)]))

    def mapped(self, worlds: list[CachedWorld]) -> list[CachedWorld]:
        """Return worlds whose parts are as this latent has them."""
        if self.tables is None:
            return worlds
        return [replace(w, parts=torch.from_numpy(self._through(w.parts.float().numpy(), False)
                                                  ).half()) for w in worlds]

    def residual(self, latent: torch.Tensor) -> NDArray[np.float32]:
        """Return the elastic residuals of a latent, (3, ...)."""
        raw = (latent * self.std + self.mean)[..., N_CODE:].movedim(-1, 0).numpy()
        return whole_of(raw if self.tables is None else self._through(raw, True))

    def _through(self, parts: NDArray[np.float32], back: bool) -> NDArray[np.float32]:
        if self.tables is None:
            return parts
        gauss = norm.ppf((np.arange(N_QUANTILES) + 0.5) / N_QUANTILES)
        pairs = ((gauss, row) if back else (row, gauss) for row in self.tables)
        return np.stack([np.interp(part, *pair) for part, pair in zip(parts, pairs, strict=True)]
                        ).astype(np.float32)


def _trained(recipe: LithoTraining, latent: Latent, minutes: float) -> tuple[LithoNet, int]:
    """Train for so many CPU minutes; return the averaged network and its steps."""
    worlds, mean, std = latent.worlds, latent.mean, latent.std
    plain = new_model(recipe, mean, std)
    model = another(plain, scales=tuple(latent.scales.tolist()))
    model.load_state_dict(plain.state_dict())
    model.to(memory_format=torch.channels_last_3d)
    average = {name: value.detach().clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=recipe.weight_decay,
                                  betas=(0.9, 0.98))
    begin, step = time.process_time(), 0
    while (share := (time.process_time() - begin) / (60.0 * minutes)) < 1.0:
        warm = min(1.0, (step + 1) / recipe.warm_up)
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * warm * min(1.0, 2.0 * (1.0 - share) + 0.02)
        batch = draw_batch(recipe, worlds, mean, std, step)
        loss, _ = flow_loss(model, batch, recipe)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip_norm)
        optimizer.step()
        step += 1
        decay = min(0.99, (1.0 + step) / (10.0 + step))
        with torch.no_grad():
            for name, value in model.state_dict().items():
                average[name].lerp_(value, 1.0 - decay)
    return averaged_model(model, average), step


def _held_out(
    model: LithoNet, recipe: LithoTraining, worlds: list[CachedWorld]
) -> Iterator[tuple[Batch, torch.Tensor]]:
    """Yield a held-out crop of every world, without wells, and its sample."""
    shares = NoiseWeights.white_only() if recipe.noise == "white" else NoiseWeights()
    mean, std = latent_scale(model)
    plain = replace(recipe, wells=0.0, unknown_controls=0.0)
    for number, world in enumerate(worlds):
        rng = generator(recipe.seed, "benchmark/ablation", number)
        crop = draw_crop(plain, [world], mean, std, rng, shares)
        crop.pop("wells")
        batch = Batch(**{name: part[None] for name, part in crop.items()}, sigma=torch.ones(1))
        with torch.inference_mode():
            yield batch, denoise(model, batch.noise, batch.condition, batch.controls, 4)


def _judge(
    model: LithoNet, recipe: LithoTraining, worlds: list[CachedWorld], latent: Latent
) -> dict[str, float | list[float]]:
    mean, std = latent_scale(model)
    steps: list[list[list[float]]] = [[], []]
    inner = recipe.inner
    errors = np.zeros((2, len(LEVELS)))
    shares, rates, patterns = [], [], []
    begin, spent = time.process_time(), 0.0
    for batch, sample in _held_out(model, recipe, worlds):
        spent += time.process_time() - begin
        with torch.inference_mode():
            for place, sigma in enumerate(LEVELS):
                level = replace(batch, sigma=torch.full((1,), sigma))
                loss = replace(recipe, max_weight=1.0, facies_weight=1.0)
                total, plain = flow_loss(model, level, loss)
                errors[:, place] += float(total), float(plain)
        pair = [decode_latent(part[0], mean, std)[0] for part in (batch.latent, sample)]
        cut = [facies[inner] for facies in pair]
        for kept, part in zip(steps, (batch.latent, sample), strict=True):
            kept.append(_steps(latent.residual(part[0].cpu())[0][inner]))
        shares.append([facies_shares(facies, N_FACIES) for facies in cut])
        rates.append([[*fray(facies, PATCH, 1), float(change_rate(facies, 2).mean())]
                      for facies in cut])
        patterns.append(cut)
        begin = time.process_time()
    share, rate = (np.mean(one, axis=0) for one in (shares, rates))
    truth, made = (np.stack(one) for one in zip(*patterns, strict=True))
    voxels = len(worlds) * float(np.prod(recipe.crop_shape)) * 4
    return {
        "loss": np.round(errors[0] / len(worlds), 4).tolist(),
        "clean_mse": np.round(errors[1] / len(worlds), 4).tolist(),
        "ns_per_voxel_and_step": round(1e9 * spent / voxels, 1),
        "facies_off": round(float(np.abs(share[0] - share[1]).sum() / 2), 4),
        "changes_at_borders": np.round(rate[:, 0], 4).tolist(),
        "changes_within": np.round(rate[:, 1], 4).tolist(),
        "changes_per_sample": np.round(rate[:, 2], 4).tolist(),
        "pattern_divergence": round(pattern_divergence(truth, made, N_FACIES), 4),
        "residual_steps": np.round(np.mean(steps, axis=1), 4).tolist(),
    }


def _steps(residual: NDArray[np.float32]) -> list[float]:
    """Return quantiles of the RMS step along twt over boxes of 16 samples."""
    squared = np.square(np.diff(residual, axis=2))
    boxes = squared[..., : squared.shape[2] // 16 * 16].reshape(*squared.shape[:2], -1, 16)
    return np.quantile(np.sqrt(boxes.mean(axis=3)), (0.1, 0.5, 0.9)).tolist()


def main() -> None:
    """Print one JSON line per variant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--worlds", type=int, default=48)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--only", nargs="*", default=list(VARIANTS))
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    first = replace(LithoTraining.from_toml(RECIPE), seed=arguments.seed, other_spacing=0.0,
                    warm_up=40)
    worlds = make_worlds(first, "train", arguments.worlds)
    held_out = make_worlds(first, "test", N_HELD_OUT)
    for name in arguments.only:
        changes = dict(VARIANTS[name])
        latent = Latent(changes.pop("latent", "parts"), worlds)
        recipe = replace(first, **changes)
        model, steps = _trained(recipe, latent, arguments.minutes)
        judged = replace(recipe, crop_shape=JUDGED_SHAPE, margin=JUDGED_MARGIN)
        found = _judge(model, judged, latent.mapped(held_out), latent)
        parameters = sum(p.numel() for p in model.parameters())
        print(f"{name}: {steps} steps, {parameters} parameters, {found}", file=sys.stderr)
        report("ablation", found["clean_mse"][2], "squared error of the clean latent at 0.75",
               arguments.worlds, variant=name, steps=steps, parameters=parameters,
               minutes=arguments.minutes, **found)


if __name__ == "__main__":
    main()
