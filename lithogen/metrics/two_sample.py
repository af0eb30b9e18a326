"""Classifier two-sample test: can a small 3-D network tell generated crops from the prior's?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import ShapeError, require
from lithogen.rng import generator

if TYPE_CHECKING:
    from torch import Tensor

Codes = NDArray[np.integer]

# Two-sided 95 % quantile of the normal distribution.
Z_95 = 1.96
# Maps of changes and of lone voxels along three axes.
N_EDGES = 6


@dataclass(frozen=True, slots=True)
class CropSet:
    """Crops of many worlds.

    Parameters
    ----------
    facies : int8 codes, (n_crop, n_iline, n_xline, n_twt).
    world : (n_crop,) whole number that names the world of each crop.
    log_impedance : same shape as facies, ln of impedance, or None to judge facies alone.

    Raises
    ------
    ShapeError : shapes do not belong together.
    """

    facies: Codes
    world: NDArray[np.integer]
    log_impedance: NDArray[np.floating] | None = None

    def __post_init__(self) -> None:
        require(self.facies.ndim == 4 and min(self.facies.shape) > 0
                and self.world.shape == self.facies.shape[:1],
                f"facies has shape {self.facies.shape} and world {self.world.shape}, wanted "
                "(n_crop, n_iline, n_xline, n_twt) and (n_crop,)", ShapeError)
        require(self.log_impedance is None or self.log_impedance.shape == self.facies.shape,
                f"log_impedance has another shape than facies, {self.facies.shape}", ShapeError)


@dataclass(frozen=True, slots=True)
class ClassifierTraining:
    """How the classifier is trained.

    Parameters
    ----------
    n_folds : parts that the worlds are split into. n_steps : steps of each fold.
    batch : parts of crops a step, half of each set.
    learning_rate : peak of AdamW, falls to zero along a cosine.
    widths : channels of the layers; each halves the grid.
    lateral_part : share of both lateral sizes of a crop that one evaluation sees; a crop is
        judged by the mean over its parts. The layers see no further than a part is wide, and
        small parts allow many steps: a test that has learnt too little finds nothing.
    """

    n_folds: int = 3
    n_steps: int = 600
    batch: int = 16
    learning_rate: float = 1e-2
    widths: tuple[int, ...] = (12, 24, 32)
    lateral_part: float = 0.25

    def __post_init__(self) -> None:
        require(self.n_folds >= 2 and self.n_steps >= 1 and self.batch >= 1
                and len(self.widths) >= 1 and 0.0 < self.lateral_part <= 1.0,
                f"{self}: wanted at least 2 folds, 1 step, 1 crop a step, 1 layer, and a part "
                "above 0 and at most 1")


class TwoSample(NamedTuple):
    """Accuracy on crops of worlds that the classifier was not trained on.

    Parameters
    ----------
    accuracy : 0.5 where nothing tells the sets apart, 1 where everything does.
    low, high : 95 % interval. Crops of one world are alike, so worlds, not crops, are counted
        as trials: it is rather too wide than too narrow.
    n_crops, n_worlds : that were judged, both sets together, and worlds per set.
    """

    accuracy: float
    low: float
    high: float
    n_crops: int
    n_worlds: int


def binomial_interval(accuracy: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of n trials.

    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference.
    """
    require(n > 0, f"n is {n}, wanted at least one trial")
    scale = 1.0 + Z_95**2 / n
    centre = (accuracy + Z_95**2 / (2 * n)) / scale
    half = Z_95 / scale * np.sqrt(accuracy * (1 - accuracy) / n + Z_95**2 / (4 * n**2))
    return float(max(centre - half, 0.0)), float(min(centre + half, 1.0))


def classifier_two_sample(
    one: CropSet, two: CropSet, n_facies: int, *, seed: int = 0,
    training: ClassifierTraining | None = None,
) -> TwoSample:
    """Train a classifier of two sets of crops, fold by fold, and judge it on unseen worlds.

    Worlds, and with them the structures that both sets share, are split into folds: no world is
    in both halves, on either side.

    Parameters
    ----------
    one, two : crops of one shape, place by place of the same worlds: crop i of either set lies
        at one place of one world's structure.
    n_facies : number of facies codes. seed : of folds, initial weights, order and mirroring.
    training : settings, by default `ClassifierTraining()`.

    Raises
    ------
    ShapeError : sets differ in shape, or only one of them has impedance.
    ConfigError : sets hold other worlds, or fewer worlds than folds.

    Source: Lopez-Paz and Oquab (2017), Revisiting classifier two-sample tests.
    """
    how = training if training is not None else ClassifierTraining()
    require(one.facies.shape == two.facies.shape
            and (one.log_impedance is None) == (two.log_impedance is None),
            f"sets have shapes {one.facies.shape} and {two.facies.shape}, wanted one shape, and "
            "impedance in both or none", ShapeError)
    worlds = np.unique(one.world)
    require(np.array_equal(one.world, two.world) and len(worlds) >= how.n_folds,
            f"the sets hold {len(worlds)} and {len(np.unique(two.world))} worlds, wanted the "
            f"same one crop by crop, and at least {how.n_folds}")
    label = np.repeat([0, 1], len(one.facies))
    world = np.concatenate([one.world, two.world])
    shuffled = generator(seed, "metrics/two_sample/folds").permutation(worlds)
    right = 0
    for fold in range(how.n_folds):
        is_held_out = np.isin(world, shuffled[fold :: how.n_folds])
        rng = generator(seed, "metrics/two_sample/training", fold)
        net = _fit((one, two), np.flatnonzero(~is_held_out), label, n_facies, how, rng)
        right += _count_right(
            net, (one, two), np.flatnonzero(is_held_out), label, n_facies=n_facies,
            boxes=_boxes(one.facies.shape, how.lateral_part))
    accuracy = right / len(label)
    low, high = binomial_interval(accuracy, 2 * len(worlds))
    return TwoSample(accuracy, low, high, len(label), len(worlds))


def _fit(
    sets: tuple[CropSet, CropSet], chosen: NDArray[np.intp], label: NDArray[np.integer],
    n_facies: int, how: ClassifierTraining, rng: np.random.Generator,
) -> list[Tensor]:
    """Return the trained weights; every random number comes from `rng`."""
    import torch

    n_input = n_facies + N_EDGES + (sets[0].log_impedance is not None)
    net = _weights(n_input, how.widths, rng)
    optimiser = torch.optim.AdamW(net, how.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, how.n_steps)
    places = chosen[chosen < len(sets[0].facies)]
    for _ in range(how.n_steps):
        # Both sets show the same places in one step: what they share cannot mislead.
        some = rng.choice(places, max(how.batch // 2, 1), replace=len(places) < how.batch // 2)
        part = np.concatenate([some, some + len(sets[0].facies)])
        boxes = _boxes(sets[0].facies.shape, how.lateral_part)
        crops = _mirrored(_input(sets, part, n_facies, boxes[rng.integers(len(boxes))]), rng)
        wanted = torch.from_numpy(label[part].astype(np.float32))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(_logit(net, crops), wanted)
        optimiser.zero_grad()
        # torch's stubs leave this one untyped.
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return net


def _count_right(
    net: list[Tensor], sets: tuple[CropSet, CropSet], chosen: NDArray[np.intp],
    label: NDArray[np.integer], *, n_facies: int, boxes: list[tuple[slice, ...]],
) -> int:
    import torch

    right = 0
    with torch.inference_mode():
        for first in range(0, len(chosen), 16):
            part = chosen[first : first + 16]
            logit = torch.stack([_logit(net, _input(sets, part, n_facies, box))
                                 for box in boxes]).mean(dim=0)
            right += int(((logit > 0).numpy() == (label[part] == 1)).sum())
    return right


def _boxes(shape: tuple[int, ...], share: float) -> list[tuple[slice, ...]]:
    """Return the parts of a crop side by side; what is left over at its far sides is unseen."""
    sizes = [max(round(share * n), 1) for n in shape[1:3]]
    starts = [range(0, n - m + 1, m) for n, m in zip(shape[1:3], sizes, strict=True)]
    return [(slice(i, i + sizes[0]), slice(j, j + sizes[1])) for i in starts[0] for j in starts[1]]


def _input(
    sets: tuple[CropSet, CropSet], chosen: NDArray[np.intp], n_facies: int,
    box: tuple[slice, ...],
) -> Tensor:
    """Return indicators and edges of facies, and impedance about its mean, (n, channel, ...)."""
    import torch

    n = len(sets[0].facies)
    codes = torch.from_numpy(np.stack([sets[at // n].facies[at % n][box] for at in chosen]))
    kinds = torch.arange(n_facies, dtype=codes.dtype)
    parts = [(codes[:, None] == kinds[:, None, None, None]).float(), *_edges(codes)]
    if sets[0].log_impedance is not None:
        found = [sets[at // n].log_impedance[at % n][box] for at in chosen]  # type: ignore[index]
        values = torch.from_numpy(np.stack(found).astype(np.float32))
        # The standard deviation of ln impedance in a world is about 0.2: unit size.
        parts.append(((values - values.mean(dim=(1, 2, 3), keepdim=True)) * 5.0)[:, None])
    return torch.cat(parts, dim=1)


def _mirrored(crops: Tensor, rng: np.random.Generator) -> Tensor:
    """Mirror lateral axes and swap them at random: neither set has a preferred direction."""
    flips = [axis for axis in (2, 3) if rng.uniform() < 0.5]
    crops = crops.flip(flips)
    is_square = crops.shape[2] == crops.shape[3]
    return crops.transpose(2, 3).contiguous() if is_square and rng.uniform() < 0.5 else crops


def _edges(codes: Tensor) -> list[Tensor]:
    """Return where facies change along each axis, and where a voxel is alone between two others.

    A network would have to learn these products of indicators; with some tens of worlds it does
    not, and ragged edges pass unseen.
    """
    import torch

    changes, alone = [], []
    for axis in (1, 2, 3):
        differs = (codes.diff(dim=axis) != 0).float()
        none = torch.zeros_like(codes.narrow(axis, 0, 1), dtype=torch.float32)
        before, after = torch.cat([none, differs], axis), torch.cat([differs, none], axis)
        changes.append(after[:, None])
        alone.append((before * after)[:, None])
    return changes + alone


def _weights(n_input: int, widths: tuple[int, ...], rng: np.random.Generator) -> list[Tensor]:
    """Return kernels and offsets of the layers, then those of the answer.

    Source: He et al. (2015), Delving deep into rectifiers, for the scale.
    """
    import torch

    out: list[Tensor] = []
    shapes = [(w, v, 3, 3, 3) for v, w in zip((n_input, *widths), widths, strict=False)]
    for shape in shapes:
        scale = np.sqrt(2.0 / np.prod(shape[1:]))
        out.append(torch.from_numpy((rng.standard_normal(shape) * scale).astype(np.float32)))
        out.append(torch.zeros(shape[0]))
    answer = rng.standard_normal((1, 2 * widths[-1])) * 0.05
    out += [torch.from_numpy(answer.astype(np.float32)), torch.zeros(1)]
    return [part.requires_grad_() for part in out]


def _logit(net: list[Tensor], crops: Tensor) -> Tensor:
    """Return one number a crop, (n,); > 0 says the second set."""
    import torch

    for place in range(0, len(net) - 2, 2):
        crops = torch.nn.functional.conv3d(crops, net[place], net[place + 1], stride=2, padding=1)
        crops = torch.nn.functional.leaky_relu(crops, 0.1)
    flat = crops.flatten(2)
    spread = (flat.var(dim=2, correction=0) + 1e-5).sqrt()
    pooled = torch.cat([flat.mean(dim=2), spread], dim=1)
    return torch.nn.functional.linear(pooled, net[-2], net[-1])[:, 0]
