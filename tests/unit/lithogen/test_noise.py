"""Stratigraphic noise: normal at every voxel, shared along isochrons, windowable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from lithogen.errors import ConfigError
from lithogen.grid import Spacing, Window
from lithogen.noise import BIN_SHARES, NoiseWeights, stratigraphic_noise, white_noise
from lithogen.scenario import Scenario
from lithogen.structure import Structure

SPACING = Spacing()
PARTS = {
    "shared": NoiseWeights(1, 0, 0, 0, 0, style=0),
    "package": NoiseWeights(0, 1, 0, 0, 0, style=0),
    "octave_long": NoiseWeights(0, 0, 1, 0, 0, style=0),
    "octave_short": NoiseWeights(0, 0, 0, 1, 0, style=0),
    "white": NoiseWeights.white_only(),
    "style": NoiseWeights(style=1.0),
    "a third of style": NoiseWeights(0.5, 0.2, 0.1, 0.1, 0.1, style=0.33),
    "default": NoiseWeights(),
}


FACIES = ("facies",)
ALL = tuple(BIN_SHARES) * 2


def _tilted(window: Window, slope_ms: float = 0.7) -> torch.Tensor:
    i, j, k = (o + torch.arange(n, dtype=torch.float32)
               for o, n in zip(window.origin, window.shape, strict=True))
    return (4.0 * k)[None, None] + slope_ms * (i[:, None, None] + j[None, :, None])


@pytest.mark.parametrize("part", PARTS)
def test_every_part_is_standard_normal(part) -> None:
    window = Window((-3, 5, 2), (4, 4, 40))
    age = _tilted(window)
    draws = torch.stack([
        stratigraphic_noise(age, window, SPACING, seed, ALL,
                            replace(PARTS[part], strength=1.0))[::3, ::3, ::20]
        for seed in range(250)
    ])
    flat = draws.reshape(250, -1, 8).movedim(1, 0).reshape(-1, 250 * 8)
    # 2000 draws at each place: five standard errors.
    assert float(flat.mean(1).abs().max()) < 5 / 2000**0.5
    assert float((flat.var(1) - 1).abs().max()) < 5 * (2 / 2000) ** 0.5
    assert abs(float((flat**4).mean()) - 3) < 5 * (96 / 2000) ** 0.5


def test_shared_part_is_the_same_along_an_isochron_at_any_distance() -> None:
    near, far = Window((0, 0, 50), (2, 2, 30)), Window((40_000, -70_000, 50), (2, 2, 30))
    age = 4.0 * (50 + torch.arange(30.0)).expand(2, 2, 30)
    a, b = (stratigraphic_noise(age, w, SPACING, 5, ALL, PARTS["shared"]) for w in (near, far))
    assert_array_equal(a.numpy(), b.numpy())


def test_octaves_lose_their_correlation_with_distance() -> None:
    window = Window((0, 0, 0), (1, 512, 40))
    age = (4.0 * torch.arange(40.0)).expand(1, 512, 40)
    field = stratigraphic_noise(age, window, SPACING, 5, FACIES * 24, PARTS["octave_short"])[0]

    def correlation(lag: int) -> float:
        return float((field[:-lag] * field[lag:]).mean())

    assert correlation(4) > 0.9
    assert abs(correlation(120)) < 0.15


# Correlations of the prior at lags of age of 4, 8, 16, 30, 60 and 92 ms (docs/stage1.md).
LAGS = (2, 4, 8, 15, 30, 46)
PRIOR = {
    "facies": (0.60, 0.49, 0.38, 0.26, 0.16, 0.11),
    "trend": (0.99, 0.97, 0.88, 0.69, 0.45, 0.34),
    "bedding": (0.99, 0.98, 0.94, 0.83, 0.56, 0.37),
    "detail": (0.32, -0.11, -0.21, -0.05, 0.0, 0.0),
}


# Far along age the prior's correlations are those of worlds that differ as a whole, which `style`
# has a small share of; no sum of bins has the negative lobes of detail.
TOLERANCE = {"facies": 0.1, "trend": 0.17, "bedding": 0.15, "detail": 0.23}


@pytest.mark.parametrize("kind", PRIOR)
def test_noise_has_the_covariance_of_the_prior_along_age(kind) -> None:
    window = Window((0, 0, 0), (1, 1, 2000))
    age = (2.0 * torch.arange(2000.0) + 0.3)[None, None]
    weights = NoiseWeights(fine=1.0, lateral=1.0, strength=1.0)
    fields = [stratigraphic_noise(age, window, SPACING, seed, (kind,) * 64, weights)[0, 0]
              for seed in range(4)]
    for lag, wanted in zip(LAGS, PRIOR[kind], strict=True):
        found = np.mean([float((field[:-lag] * field[lag:]).mean()) for field in fields])
        assert abs(found - wanted) < TOLERANCE[kind], lag


# The same at 2 ms, at lags of 2, 4, 8 and 16 ms.
AT_2_MS = {"facies": (0.69, 0.58, 0.49, 0.39), "detail": (0.61, 0.22, -0.12, -0.18)}


@pytest.mark.parametrize("kind", AT_2_MS)
def test_noise_at_2_ms_has_the_covariance_of_its_own_prior(kind) -> None:
    fine = Spacing(0.002)
    window = Window((0, 0, 0), (1, 1, 2000))
    age = (2.0 * torch.arange(2000.0) + 0.3)[None, None]
    weights = NoiseWeights(fine=1.0, lateral=1.0, strength=1.0)
    fields = {spacing: [stratigraphic_noise(age, window, spacing, seed, (kind,) * 64, weights)[0, 0]
                        for seed in range(4)] for spacing in (SPACING, fine)}

    def found(spacing: Spacing, lag: int) -> float:
        return float(np.mean([float((field[:-lag] * field[lag:]).mean())
                              for field in fields[spacing]]))

    assert all(abs(float(field.var()) - 1.0) < 0.1 for field in fields[fine])
    tolerance = {"facies": 0.07, "detail": 0.2}[kind]
    for lag, wanted in zip((1, 2, 4, 8), AT_2_MS[kind], strict=True):
        assert abs(found(fine, lag) - wanted) < tolerance, lag
    # Bins of 4 ms alone cannot: a bed of one sample of 2 ms has no noise of its own.
    assert found(SPACING, 1) - AT_2_MS[kind][0] > 0.09


def test_strength_is_the_standard_deviation_of_all_but_detail() -> None:
    window = Window((0, 0, 0), (4, 4, 400))
    kinds = ("facies", "trend", "bedding", "detail", "facies")
    for weights in (NoiseWeights(), NoiseWeights(0.4, 0.1, 0.2, 0.1, 0.2)):
        plain, strong = (stratigraphic_noise(_tilted(window), window, SPACING, 5, kinds,
                                             replace(weights, strength=strength))
                         for strength in (1.0, 1.3))
        ratio = torch.tensor([1.3, 1.3, 1.3, 1.0, 1.3])
        assert float((strong - plain * ratio).abs().max()) < 1e-5


@pytest.mark.parametrize("kind", ["facies", "trend"])
def test_elastic_channels_change_sooner_along_a_layer_than_facies(kind) -> None:
    window = Window((0, 0, 0), (1, 512, 40))
    age = (4.0 * torch.arange(40.0)).expand(1, 512, 40)

    def far(lateral: float) -> float:
        weights = NoiseWeights(0.7, 0.18, 0.09, 0.03, 0.0, lateral=lateral, strength=1.0)
        fields = [stratigraphic_noise(age, window, SPACING, seed, (kind,) * 24, weights)[0]
                  for seed in range(4)]
        assert abs(np.mean([float(field.var()) for field in fields]) - 1.0) < 0.15
        return float(np.mean([float((field[:-384] * field[384:]).mean()) for field in fields]))

    # Octaves of 0.9 (0.09 + 0.03) of the variance, or four times that, are lost at 384 lines.
    lost = far(1.0) - far(4.0)
    assert lost == pytest.approx(0.0 if kind == "facies" else 0.324, abs=0.06)


def test_an_unknown_kind_of_channel_is_refused() -> None:
    window = Window((0, 0, 0), (1, 1, 16))
    with pytest.raises(ConfigError, match=r"\['porosity'\], wanted of \['bedding'"):
        stratigraphic_noise(_tilted(window), window, SPACING, 1, ("porosity",), NoiseWeights())


def test_less_of_the_finest_bins_is_smoother_along_age() -> None:
    window = Window((0, 0, 0), (1, 1, 2000))
    age = (2.0 * torch.arange(2000.0) + 0.3)[None, None]
    near = [float((field[:-2] * field[2:]).mean()) for field in (
        stratigraphic_noise(age, window, SPACING, 5, FACIES * 64, NoiseWeights(fine=fine))[0, 0]
        for fine in (0.0, 0.25, 0.51, 1.0))]
    assert near == sorted(near, reverse=True)
    assert near[0] - near[-1] > 0.3


def test_style_holds_together_far_along_age() -> None:
    window = Window((0, 0, 0), (1, 1, 4000))
    age = (2.0 * torch.arange(4000.0) + 0.3)[None, None]

    def correlation(style: float, lag: int) -> float:
        weights = NoiseWeights(style=style)
        field = stratigraphic_noise(age, window, SPACING, 5, FACIES * 64, weights)[0, 0]
        return float((field[:-lag] * field[lag:]).mean())

    # 120 ms apart nothing else is left of the default shares.
    assert abs(correlation(0.0, 60)) < 0.05
    assert correlation(0.3, 60) > 0.15
    assert abs(correlation(0.3, 320)) < 0.08


@pytest.mark.parametrize("part", ["shared", "white", "default"])
def test_part_equals_whole(part) -> None:
    whole, inner = Window((-9, 3, 4), (20, 24, 40)), Window((-4, 9, 11), (8, 10, 20))
    a = stratigraphic_noise(_tilted(whole), whole, SPACING, 3, ALL, PARTS[part])
    b = stratigraphic_noise(_tilted(inner), inner, SPACING, 3, ALL, PARTS[part])
    # Sums of matrix products may differ in the last bit between array sizes.
    assert float((a[inner.slices_in(whole)] - b).abs().max()) < 1e-5


def test_white_noise_window_equals_crop_bit_for_bit() -> None:
    whole, inner = Window((-9, 3, 4), (12, 14, 16)), Window((-4, 9, 11), (5, 5, 5))
    a, b = white_noise(whole, 3, 12), white_noise(inner, 3, 12)
    assert_array_equal(a[inner.slices_in(whole)].numpy(), b.numpy())


def test_ages_across_a_sequence_gap_work() -> None:
    window = Window((0, 0, 0), (16, 40, 200))
    structure = Structure.random(1, Scenario(unconformities=4))
    age = structure.evaluate(window, SPACING).age
    assert float(age.max() - age.min()) > 15_000.0
    field = stratigraphic_noise(age, window, SPACING, 1, ALL, NoiseWeights())
    assert bool(torch.isfinite(field).all())


def test_another_seed_is_another_column() -> None:
    window = Window((0, 0, 0), (2, 2, 100))
    a, b = (stratigraphic_noise(_tilted(window), window, SPACING, s, ALL, NoiseWeights())
            for s in (1, 2))
    assert abs(float(np.corrcoef(a.flatten(), b.flatten())[0, 1])) < 0.1


@pytest.mark.parametrize("values", [(0.5, 0, 0, 0, 0), (1.2, -0.2, 0, 0, 0)])
def test_weights_must_be_shares(values) -> None:
    with pytest.raises(ConfigError, match="sum to 1"):
        NoiseWeights(*values)
    with pytest.raises(ConfigError, match="fine"):
        NoiseWeights(fine=1.5)
    with pytest.raises(ConfigError, match="style is"):
        NoiseWeights(style=-0.1)
    with pytest.raises(ConfigError, match="strength is"):
        NoiseWeights(strength=3.0)
    with pytest.raises(ConfigError, match="lateral is"):
        NoiseWeights(lateral=11.0)


def test_noise_is_finite_however_large_the_octaves() -> None:
    window = Window((0, 0, 0), (2, 2, 12))
    for octaves in np.linspace(0.05, 0.5, 90):
        weights = NoiseWeights(0.82 - octaves, 0.18, 0.6 * octaves, 0.4 * octaves, lateral=3.5)
        found = stratigraphic_noise(_tilted(window), window, SPACING, 1, ALL, weights)
        assert bool(torch.isfinite(found).all()), octaves
