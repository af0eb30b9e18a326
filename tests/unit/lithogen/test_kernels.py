"""Compiled loops give what the plain formulas give."""

from __future__ import annotations

import numpy as np
import torch
from numpy.testing import assert_array_equal

from lithogen.conditioning import AGE_PERIODS_MS, N_WAVE_ROWS, condition_maps
from lithogen.grid import Spacing, Window
from lithogen.latent import N_LATENT, decode_latent, simplex_code, whole_of
from lithogen.noise import BIN_SHARES, SHARED_BINS_MS, NoiseWeights, stratigraphic_noise
from lithogen.rng import normal
from lithogen.structure import Structure

# Single precision against double.
ROUNDING = 2e-6
# Half a step of the table of waves at its shortest period.
WAVE_STEP = np.pi * AGE_PERIODS_MS[-1] / N_WAVE_ROWS / AGE_PERIODS_MS[0]


def test_shared_noise_interpolates_between_bins_of_age() -> None:
    window = Window((0, 0, 0), (2, 3, 40))
    age = torch.linspace(-500.0, 20700.0, 240).reshape(window.shape)
    weights = NoiseWeights(1.0, 0.0, 0.0, 0.0, 0.0, fine=0.5, style=0.0, strength=1.2)
    got = stratigraphic_noise(age, window, Spacing(), 9, ("facies",) * 3, weights).numpy()
    wanted = np.zeros(got.shape)
    finest, *coarser = BIN_SHARES["facies"]
    # What the finest bins lose the others gain.
    grown = (1 - 0.5 * finest) / (1 - finest)
    shares = 1.2**2 * np.array([0.5 * finest, *(grown * share for share in coarser)])
    for number, (bin_ms, share) in enumerate(zip(SHARED_BINS_MS, shares, strict=True)):
        position = age.numpy().astype(np.float32) * np.float32(1.0 / bin_ms)
        lower = np.floor(position).astype(np.int64)
        part = (position - lower)[..., None].astype(np.float64)
        ends = [normal(9, f"noise/shared{number}", np.arange(3), (lower + k)[..., None])
                for k in (0, 1)]
        mixed = ((1 - part) * ends[0] + part * ends[1]) / np.sqrt(part**2 + (1 - part) ** 2)
        wanted += np.sqrt(share) * mixed
    assert np.abs(got - wanted).max() < ROUNDING * 10


def test_every_share_of_the_noise_has_unit_variance() -> None:
    window = Window((0, 0, 0), (24, 24, 300))
    # Every column and sample in bins of their own, so that values are nearly independent.
    age = (torch.arange(24 * 24 * 300).reshape(window.shape) * 7.0 % 60000.0).float()
    for place in range(5):
        shares = [0.0] * 5
        shares[place] = 1.0
        noise = stratigraphic_noise(age, window, Spacing(dx_m=900.0, dy_m=900.0), 4,
                                    ("facies", "detail"),
                                    NoiseWeights(*shares, style=0.0, strength=1.0))
        assert abs(float(noise.std()) - 1.0) < 0.05, place


def test_waves_of_age_are_sines_and_cosines() -> None:
    window, spacing = Window((0, 0, 30), (4, 5, 24)), Spacing()
    found = Structure.random(3).evaluate(window, spacing)
    maps = condition_maps(found, window, spacing).numpy()
    angle = 2 * np.pi * found.age.double().numpy()[..., None] / np.array(AGE_PERIODS_MS)
    assert np.abs(maps[..., 0:8:2] - np.sin(angle)).max() < WAVE_STEP + 1e-3
    assert np.abs(maps[..., 1:8:2] - np.cos(angle)).max() < WAVE_STEP + 1e-3
    assert_array_equal(maps[..., 13:], found.fill.numpy())


def test_decoding_takes_the_nearest_code() -> None:
    source = torch.Generator().manual_seed(5)
    latent = torch.randn(3, 4, 5, N_LATENT, generator=source)
    mean, std = torch.linspace(-1, 1, N_LATENT), torch.linspace(0.5, 1.5, N_LATENT)
    facies, residual = decode_latent(latent, mean, std)
    raw = (latent * std + mean).double().numpy()
    assert_array_equal(facies, (raw[..., :9] @ simplex_code().T).argmax(-1))
    wanted = whole_of(np.moveaxis(raw[..., 9:], -1, 0).astype(np.float32))
    assert np.abs(residual - wanted).max() < ROUNDING * 10
