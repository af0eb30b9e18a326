"""Layer C: lateral response of migration, its oracle and the way through ForwardNet."""

import math

import numpy as np
import pytest
import torch

from forward import ForwardNet
from forward.faulted import faulted_reflectivity
from forward.lateral import neighbours
from forward.pairs import layered_model, random_wavelet
from forward.resolution import MAX_SPREAD, illumination, lateral_spread, migrated
from forward.train_lateral import LINE_SHAPE, VOLUME_SHAPE, convolved_pair, nrmse_percent
from lithogen.errors import ConfigError, ShapeError

NET = ForwardNet.from_pretrained()
LAYER = NET.lateral
WAVELET = random_wavelet(3)


def model(shape: tuple[int, int, int], seed: int = 1) -> dict[str, np.ndarray]:
    cubes = layered_model(seed, shape[0] * shape[1], shape[2])
    return dict(zip(("vp", "vs", "rho"), (c.reshape(shape) for c in cubes), strict=True))


def test_spread_of_a_constant_velocity_is_that_of_a_straight_ray() -> None:
    depth, velocity, aperture = 1500.0, 2500.0, 800.0
    found = lateral_spread(twt_s=[2 * depth / velocity], velocity_m_s=velocity, dt_s=0.004,
                           aperture_m=aperture, bin_m=25.0)[0]
    sine = aperture / math.hypot(aperture, depth)
    assert found == pytest.approx(velocity * 0.004 / (2 * 25.0 * sine))


def test_the_steepest_dip_limits_a_shallow_image() -> None:
    found = lateral_spread(twt_s=[0.0, 0.1], velocity_m_s=2000.0, aperture_m=3000.0, bin_m=25.0,
                           dt_s=0.004, max_dip_deg=30.0)
    assert found == pytest.approx(2000.0 * 0.004 / (2 * 25.0 * 0.5))


@pytest.mark.parametrize(("change", "error", "text"), [
    ({"aperture_m": float("nan")}, ConfigError, "aperture_m"),
    ({"bin_m": 0.0}, ConfigError, "bin_m"),
    ({"velocity_m_s": [2000.0, 2000.0]}, ShapeError, r"\(2,\)"),
    ({"velocity_m_s": [2000.0, 0.0, 1.0]}, ConfigError, r"velocity_m_s.*\[1\]"),
    ({"twt_s": [0.0, -1.0, 2.0]}, ConfigError, r"twt_s.*\[1\]"),
    ({"aperture_m": 50.0}, ConfigError, r"spread .* at sample \[2\]"),
])
def test_bad_acquisition_is_refused(change, error, text) -> None:
    given = {"twt_s": [0.0, 0.04, 4.0], "velocity_m_s": 3000.0, "aperture_m": 1000.0,
             "bin_m": 25.0, "dt_s": 0.004}
    with pytest.raises(error, match=text):
        lateral_spread(**given | change)


def test_without_spread_the_oracle_is_the_convolutional_model() -> None:
    rc = faulted_reflectivity(2, (6, 7, 64))
    plain = np.stack([np.convolve(t, WAVELET, "same") for t in rc.reshape(-1, 64)])
    assert np.abs(migrated(rc, WAVELET, 0.0) - plain.reshape(rc.shape)).max() < 2e-3


def test_the_oracle_drops_a_dip_beyond_the_aperture_and_keeps_one_within() -> None:
    flat = np.zeros((1, 161, 128))
    kept = {}
    for slope in (0.5, 3.0):  # samples per trace; the limit is 1 / spread = 1.25
        rc = flat.copy()
        rows = np.round(64 + slope * (np.arange(161) - 80)).astype(int)
        inside = (rows >= 0) & (rows < 128)
        rc[0, np.flatnonzero(inside), rows[inside]] = 1.0
        plain = np.stack([np.convolve(t, WAVELET, "same") for t in rc[0]])
        image = migrated(rc, WAVELET, 0.8)[0]
        kept[slope] = np.abs(image[75:86]).max() / np.abs(plain[75:86]).max()
    assert kept[0.5] > 0.85
    assert kept[3.0] < 0.35


@pytest.mark.parametrize("shape", [LINE_SHAPE, VOLUME_SHAPE])
def test_the_layer_follows_the_oracle_where_convolution_does_not(shape) -> None:
    for spread, largest in ((0.4, 0.75), (0.8, 0.45), (1.5, 0.4)):
        found = nrmse_percent(
            LAYER, [convolved_pair(5 * 10**6 + k, shape, LAYER, spread) for k in range(3)])
        assert found["layer"] < largest * found["convolution"], (spread, found)


def test_a_fault_edge_is_as_wide_as_the_oracles() -> None:
    rc = np.zeros((1, 81, 96))
    rc[0, :40, 40] = rc[0, 40:, 56] = 0.1
    plain = np.stack([np.convolve(t, WAVELET, "same") for t in rc[0]])
    wanted = migrated(rc, WAVELET, 0.9)[0, :, 40]
    with torch.no_grad():
        got = LAYER(torch.as_tensor(plain)[None, None], torch.full((96,), 0.9))[0, 0, :, 40]
    profiles = [v / plain[20, 40] for v in (wanted, got.numpy())]
    assert np.abs(profiles[0] - plain[:, 40] / plain[20, 40])[38:42].max() > 0.25
    assert np.abs(profiles[1] - profiles[0])[30:50].max() < 0.05


def test_an_earth_without_lateral_change_passes_unchanged() -> None:
    given = model((1, 1, 128))
    wide = {k: np.broadcast_to(v, (5, 6, 128)) for k, v in given.items()}
    options = {"wavelet": WAVELET, "angles_deg": (5, 25), "dt_s": 0.004}
    plain = NET.synthesize(**wide, **options)
    blurred = NET.synthesize(**wide, **options, spread=1.2)
    assert np.abs(blurred - plain).max() < 2e-6 * np.abs(plain).max()


def test_torch_and_compiled_path_agree() -> None:
    given = model((14, 13, 150))
    spread = np.linspace(0.1, 1.3, 150)
    fast = NET.synthesize(**given, wavelet=WAVELET, angles_deg=(0, 30), dt_s=0.004, spread=spread)
    with torch.no_grad():
        slow = NET(*(torch.as_tensor(given[k]) for k in ("vp", "vs", "rho")),
                   torch.as_tensor(WAVELET), (0, 30), spread=torch.as_tensor(spread)).numpy()
    assert np.sqrt(np.square(fast - slow).mean()) < 1e-5 * slow.std()


@pytest.mark.parametrize("shape", [(1, 30, 128), (30, 1, 128)])
def test_a_line_is_a_volume_that_does_not_change_across(shape) -> None:
    given = model(shape)
    options = {"wavelet": WAVELET, "angles_deg": (10,), "dt_s": 0.004, "spread": 0.7}
    line = NET.synthesize(**given, **options)
    axis = shape.index(1)
    volume = NET.synthesize(**{k: np.repeat(v, 4, axis) for k, v in given.items()}, **options)
    assert np.abs(volume.take([2], axis + 1) - line).max() < 1e-5 * line.std()


def test_a_window_is_a_crop_bit_for_bit() -> None:
    given = model((26, 27, 170))
    spread = np.linspace(0.2, 1.1, 170)
    options = {"wavelet": WAVELET, "angles_deg": (5, 15), "dt_s": 0.004}
    whole = NET.synthesize(**given, **options, spread=spread)
    box = (slice(1, 24), slice(2, 26), slice(10, 165))
    part = NET.synthesize(**{k: v[box] for k, v in given.items()}, **options, spread=spread[box[2]])
    n, m = LAYER.reach, LAYER.time_reach + len(WAVELET) // 2 + 1
    inner = (slice(None), slice(n, -n), slice(n, -n), slice(m, -m))
    assert part[inner].size
    assert np.array_equal(part[inner], whole[(slice(None), *box)][inner])


def test_angles_do_not_depend_on_one_another() -> None:
    given = model((12, 12, 96))
    options = {"wavelet": WAVELET, "dt_s": 0.004, "spread": 0.6}
    both = NET.synthesize(**given, **options, angles_deg=(5, 30))
    assert np.array_equal(both[1:], NET.synthesize(**given, **options, angles_deg=(30,)))


def test_gradients_hold_in_image_and_spread() -> None:
    rng = np.random.default_rng(1)
    image = torch.tensor(rng.standard_normal((1, 3, 4, 20)), requires_grad=True)
    spread = torch.tensor(rng.uniform(0.2, 1.0, 20), requires_grad=True)
    assert torch.autograd.gradcheck(LAYER, (image, spread), fast_mode=True)


def test_neighbours_are_nearly_round() -> None:
    n = 48
    line = torch.zeros(n, n, 1)
    line[n // 2, n // 2] = 1.0
    response = torch.fft.fft2(neighbours(line)[..., 0]).abs()
    number = torch.fft.fftfreq(n - 2)
    radius = torch.hypot(number[:, None], number[None])
    far = (response - torch.cos(2 * torch.pi * radius).abs()).abs()
    assert float(far[radius < 0.2].max()) < 0.02


def test_a_spread_that_an_angle_makes_too_large_is_refused() -> None:
    options = {"wavelet": WAVELET, "dt_s": 0.004, "spread": 0.9 * MAX_SPREAD}
    given = model((2, 2, 96))
    assert NET.synthesize(**given, **options, angles_deg=(20,)).shape == (1, 2, 2, 96)
    with pytest.raises(ConfigError, match=r"spread is 2\.\d+ .* at 40 degrees"):
        NET.synthesize(**given, **options, angles_deg=(20, 40))


@pytest.mark.parametrize(("spread", "error"), [
    (-0.1, ConfigError), (float("nan"), ConfigError), (MAX_SPREAD * 1.01, ConfigError),
    (np.ones(5), ShapeError),
])
def test_a_bad_spread_is_refused(spread, error) -> None:
    with pytest.raises(error, match="spread"):
        NET.synthesize(**model((2, 2, 96)), wavelet=WAVELET, angles_deg=(5,), dt_s=0.004,
                       spread=spread)


def test_a_net_without_a_lateral_layer_says_so() -> None:
    with pytest.raises(ConfigError, match="train lateral"):
        ForwardNet().synthesize(**model((2, 2, 96)), wavelet=WAVELET, angles_deg=(5,),
                                dt_s=0.004, spread=0.5)


def test_weights_of_all_layers_survive_saving(tmp_path) -> None:
    NET.save_pretrained(tmp_path)
    again = ForwardNet.from_pretrained(tmp_path)
    assert torch.equal(again.lateral.weights, LAYER.weights)
    assert float(LAYER.weights.detach().abs().max()) > 0


def test_illumination_falls_from_one_to_zero() -> None:
    values = illumination(np.linspace(0, 2, 50))
    assert (np.diff(values) <= 0).all()
    assert values[[0, -1]] == pytest.approx([1.0, 0.0], abs=1e-12)
