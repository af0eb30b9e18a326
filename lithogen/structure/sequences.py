"""Sequences: folds, dips and angular unconformities; which points belong to which sequence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lithogen.rng import generator
from lithogen.scenario import Scenario
from lithogen.structure.velocity import BackgroundVelocity
from lithogen.structure.waves import PlaneWaves

Float = NDArray[np.float64]

# Two-way time that n unconformities share: with more of them, sequences are thinner.
UNCONFORMITY_RANGE_MS = 2800.0


@dataclass(frozen=True, slots=True)
class Sequence:
    """Layers between two unconformities.

    Parameters
    ----------
    number : 0 for the youngest.
    base_ms : mean two-way time of the unconformity on top of it (-inf for number 0).
    relief, relief_ms : topography of that unconformity, unit waves and scale.
    folds : (waves, scale in ms) of every family of folds that ended before that
        unconformity was cut, longest first.
    """

    number: int
    base_ms: float
    relief: PlaneWaves
    relief_ms: float
    folds: tuple[tuple[PlaneWaves, float], ...]

    def fold(self, y_m: Float, x_m: Float) -> Float:
        """Return how far folds move layers down, in ms, (n_iline, n_xline)."""
        total = np.zeros((len(y_m), len(x_m)))
        for waves, scale_ms in self.folds:
            total += scale_ms * waves(y_m, x_m)
        return total

    def top(self, y_m: Float, x_m: Float) -> Float:
        """Return the unconformity on top in ms before its own folding, (n_iline, n_xline)."""
        return np.asarray(self.base_ms + self.relief_ms * self.relief(y_m, x_m))


def draw_sequences(
    seed: int, scenario: Scenario, velocity: BackgroundVelocity
) -> tuple[Sequence, ...]:
    """Return the sequences of a world, youngest first."""
    out: list[Sequence] = []
    count = int(scenario.unconformities)
    spacing = UNCONFORMITY_RANGE_MS / (count + 1)
    top = -np.inf
    for number in range(count + 1):
        rng = generator(seed, "structure/sequence", number)
        if number == 1:
            top = float(rng.uniform(0.25, 0.9)) * min(spacing, 1000.0)
        elif number > 1:
            top += float(rng.uniform(0.55, 1.3)) * spacing
        at_ms = 600.0 if not np.isfinite(top) else top
        relief_m = float(np.exp(rng.uniform(np.log(6.0), np.log(60.0))))
        relief = PlaneWaves.random(seed, "structure/relief", number, wavelength_m=(800.0, 9000.0))
        out.append(Sequence(
            number, top, relief, float(velocity.milliseconds(relief_m, at_ms)),
            _folds(seed, number, scenario, velocity, at_ms),
        ))
    return tuple(out)


def _folds(
    seed: int, number: int, scenario: Scenario, velocity: BackgroundVelocity, at_ms: float
) -> tuple[tuple[PlaneWaves, float], ...]:
    """Regional dip, folds of a few kilometres, and lumps of some hundred metres."""
    rng = generator(seed, "structure/folds", number)
    azimuth = float(rng.uniform(0.0, np.pi))
    gentle = 0.55 if number == 0 else 1.0
    dip, u_fold, u_lump, u_length, u_aspect = rng.uniform(size=5)
    slope = 0.040 * scenario.folding * (0.5 + 0.8 * u_fold) * gentle
    longest = 5000.0 * (14000.0 / 5000.0) ** u_length
    regional = float(np.tan(np.deg2rad(scenario.regional_dip_deg))) * (0.5 + 0.6 * dip) * gentle
    families = (
        (50_000.0, regional, (30_000.0, 80_000.0), 3, 1.0),
        (longest, slope, (0.3 * longest, 2.5 * longest), 7, 0.25 + 0.75 * u_aspect),
        (1000.0, 0.10 * slope * u_lump, (500.0, 3000.0), 8, 1.0),
    )
    out = []
    for family, (length_m, dip_slope, band, n_wave, aspect) in enumerate(families):
        metres = dip_slope * length_m / (2 * np.pi)
        if metres <= 0.0:
            continue
        waves = PlaneWaves.random(
            seed, "structure/fold", number, family, wavelength_m=band, n_wave=n_wave,
            azimuth_rad=azimuth, aspect=aspect,
        )
        out.append((waves, float(velocity.milliseconds(metres, at_ms))))
    return tuple(out)
