"""Sequences: folds, angular unconformities, thickness modulation and pinch-outs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lithogen.rng import generator
from lithogen.scenario import Scenario
from lithogen.structure.velocity import BackgroundVelocity
from lithogen.structure.waves import PlaneWaves

Float = NDArray[np.float64]

# Age units are milliseconds of two-way time in undeformed layers; sequences lie this far apart.
SEQUENCE_OFFSET_MS = 20000.0
PINCH_SPACING_MS = 190.0
PINCH_WIDTH_MS = 8.0
N_THICKNESS_TERMS = 4


@dataclass(frozen=True, slots=True)
class ThicknessTerm:
    """One smooth term of the age field: amplitude(x, y) * P / 2 pi * sin(2 pi s / P + phase)."""

    period_ms: float
    phase_rad: float
    waves: PlaneWaves


@dataclass(frozen=True, slots=True)
class Sequence:
    """Layers between two unconformities.

    Parameters
    ----------
    number : 0 for the youngest.
    base_ms : mean two-way time of the unconformity on top of it (-inf for number 0).
    relief, relief_ms : topography of that unconformity, unit waves and scale.
    fold, fold_ms : folding that ended before that unconformity was cut.
    thickness : smooth thickness modulation.
    strength : its largest relative change of thickness, below 0.75.
    """

    number: int
    base_ms: float
    relief: PlaneWaves
    relief_ms: float
    fold: PlaneWaves
    fold_ms: float
    thickness: tuple[ThicknessTerm, ...]
    strength: float


def draw_sequences(
    seed: int, scenario: Scenario, velocity: BackgroundVelocity
) -> tuple[Sequence, ...]:
    """Return the sequences of a world, youngest first."""
    out: list[Sequence] = []
    top = -np.inf
    for number in range(int(scenario.unconformities) + 1):
        rng = generator(seed, "structure/sequence", number)
        if number == 1:
            top = float(rng.uniform(280.0, 900.0))
        elif number > 1:
            top += float(rng.uniform(450.0, 1100.0))
        slope = 0.045 * scenario.folding * float(rng.uniform(0.5, 1.3))
        slope *= 0.55 if number == 0 else 1.0
        longest = float(np.exp(rng.uniform(np.log(5000.0), np.log(14000.0))))
        azimuth = float(rng.uniform(0.0, np.pi))
        fold = PlaneWaves.random(
            seed, "structure/fold", number, wavelength_m=(0.3 * longest, 2.5 * longest),
            n_wave=7, azimuth_rad=azimuth, aspect=float(rng.uniform(0.25, 1.0)),
        )
        at_ms = 600.0 if not np.isfinite(top) else top
        fold_m = slope * longest / (2 * np.pi)
        relief_m = float(np.exp(rng.uniform(np.log(6.0), np.log(40.0))))
        terms = tuple(_thickness_term(seed, number, j) for j in range(N_THICKNESS_TERMS))
        out.append(
            Sequence(
                number, top,
                PlaneWaves.random(seed, "structure/relief", number, wavelength_m=(900.0, 9000.0)),
                float(velocity.milliseconds(relief_m, at_ms)),
                fold, float(velocity.milliseconds(fold_m, at_ms)),
                terms, 0.72 * scenario.thickness_variation,
            )
        )
    return tuple(out)


def _thickness_term(seed: int, number: int, term: int) -> ThicknessTerm:
    rng = generator(seed, "structure/thickness", number, term)
    low, high = np.log(70.0), np.log(600.0)
    period = float(np.exp(low + (high - low) * (term + rng.uniform()) / N_THICKNESS_TERMS))
    # Long periods move deep layers most, so they vary over longer distances: keeps dips gentle.
    shortest = 9.0 * period
    waves = PlaneWaves.random(
        seed, "structure/thickness/map", number, term,
        wavelength_m=(max(1800.0, shortest), max(9000.0, 4.0 * shortest)), n_wave=6,
    )
    return ThicknessTerm(period, float(rng.uniform(0.0, 2 * np.pi)), waves)


def _bounded(values: Float) -> Float:
    return np.asarray(np.tanh(0.9 * values))


def age_in_sequence(
    sequence: Sequence, position_ms: Tensor, y_m: Float, x_m: Float, seed: int,
    pinch_strength: float,
) -> tuple[Tensor, Tensor]:
    """Relative geologic time of layers from their unfolded position.

    Parameters
    ----------
    sequence : the sequence that the points belong to.
    position_ms : unfolded two-way time s, (n_iline, n_xline, n_twt), float32.
    y_m, x_m : lateral axes in metres.
    seed, pinch_strength : pinch-outs drawn from the seed, 0 (none) to 1.

    Returns
    -------
    age in ms and d age / d s, both like `position_ms`; age increases with s.

    Notes
    -----
    age = s + sum_j A_j(x, y) P_j/(2 pi) sin(2 pi s/P_j + phi_j) + sum_p G_p(x, y) S((s - s_p)/w).
    The A_j sum to less than one, so age is monotonic. S is a smooth step: where
    G_p > 0 the ages s_p .. s_p + G_p are missing, and their beds wedge out.
    """
    age = position_ms.clone()
    rate = torch.ones_like(position_ms)

    def to_map(values: Float) -> Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(age.device)[:, :, None]

    share = sequence.strength / len(sequence.thickness)
    for term in sequence.thickness:
        amplitude = to_map(share * _bounded(term.waves(y_m, x_m)))
        angle = position_ms * (2 * np.pi / term.period_ms) + term.phase_rad
        age += amplitude * (term.period_ms / (2 * np.pi)) * angle.sin()
        rate += amplitude * angle.cos()
    first = max(int(np.floor(float(position_ms.min()) / PINCH_SPACING_MS)) - 1, -40)
    last = min(int(np.floor(float(position_ms.max()) / PINCH_SPACING_MS)), 40)
    for index in range(min(first, 0), last + 1):
        gap = _missing_age(seed, sequence.number, index, y_m, x_m) * pinch_strength
        if not gap.any():
            continue
        at_ms = _pinch_time(seed, sequence.number, index)
        u = ((position_ms - at_ms) / PINCH_WIDTH_MS).clamp(0.0, 1.0)
        # Steps above time zero count downwards, so that age near zero does not depend on them all.
        offset = 1.0 if index < 0 else 0.0
        age += to_map(gap) * (u * u * (3.0 - 2.0 * u) - offset)
        rate += to_map(gap) * (6.0 / PINCH_WIDTH_MS) * u * (1.0 - u)
    return age, rate


def _pinch_time(seed: int, number: int, index: int) -> float:
    rng = generator(seed, "structure/pinch", number, index)
    return PINCH_SPACING_MS * (index + float(rng.uniform()))


def _missing_age(seed: int, number: int, index: int, y_m: Float, x_m: Float) -> Float:
    rng = generator(seed, "structure/pinch/gap", number, index)
    largest = float(rng.uniform(8.0, 45.0))
    waves = PlaneWaves.random(
        seed, "structure/pinch/map", number, index, wavelength_m=(4000.0, 14000.0), n_wave=6
    )
    return largest * np.maximum(waves(y_m, x_m) - 0.25, 0.0)
