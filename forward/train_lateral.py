"""Training of layer C: closed form, then least squares on migrated images of random geology."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from forward.faulted import faulted_reflectivity
from forward.lateral import LateralLayer, fitted_layer, narrowed, neighbours, widened
from forward.net import SHIPPED, ForwardNet
from forward.pairs import random_wavelet
from forward.resolution import MAX_SPREAD, TAPER, migrated
from forward.train import LEAST_POWER, N_WAVELETS, Progress, run_folder, write_log
from forward.wave import Line, import_deepwave, wave_image
from lithogen.config import MANIFEST, from_mapping, load_toml
from lithogen.errors import require
from lithogen.rng import generator

Floats = NDArray[np.float64]
DEFAULT_CONFIG = Path(__file__).parent / "train_lateral.toml"
VOLUME_SHAPE, LINE_SHAPE = (56, 56, 72), (1, 96, 96)
# The oracle lets borders go on as the layer does, but reaches farther: traces left out of a table.
EDGE = 20
# Traces in the middle of a wave image whose aperture is nearly the same on either side.
N_MIDDLE = 9
# Spreads whose errors the table gives apart.
SPREADS = (0.2, 0.4, 0.8, 1.5)
# Shape of the power of lateral change against wavenumber, cycles per trace, and its floor.
LATERAL_CORNER, LATERAL_FLOOR = 0.05, 0.01
_HELD_OUT = 10**6


@dataclasses.dataclass(frozen=True, slots=True)
class LateralTraining:
    """Settings of a training run of layer C: see the comments of `forward/train_lateral.toml`.

    Raises
    ------
    ConfigError : a count is negative or a weight is not positive.

    Examples
    --------
    >>> LateralTraining(n_waves=0).n_waves
    0
    """

    seed: int = 60
    n_volumes: int = 24
    n_lines: int = 120
    n_waves: int = 160
    weight_waves: float = 1.0
    ridge: float = 1e-6
    n_test: int = 24

    def __post_init__(self) -> None:
        for name in ("n_volumes", "n_waves"):
            value = getattr(self, name)
            require(value >= 0, f"{name} is {value}, wanted 0 or more")
        for name in ("n_lines", "n_test"):
            value = getattr(self, name)
            require(value >= 1, f"{name} is {value}, wanted 1 or more")
        for name in ("weight_waves", "ridge"):
            value = getattr(self, name)
            require(value > 0, f"{name} is {value}, wanted a positive number")


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A convolutional image and the migrated one.

    Parameters
    ----------
    plain : (iline, xline, twt). spread : (twt,). wanted : like `plain`, of which `middle` counts.
    """

    plain: Tensor
    spread: Tensor
    wanted: Tensor
    middle: tuple[slice, slice, slice]

    def errors(self, layer: LateralLayer) -> tuple[float, float, float]:
        """Return squared errors of the plain image and of the layer's, and the power."""
        with torch.no_grad():
            got = layer(self.plain[None], self.spread)[0]
        wanted = self.wanted[self.middle]
        rest = [float((v[self.middle] - wanted).square().sum()) for v in (self.plain, got)]
        return rest[0], rest[1], float(wanted.square().sum())


def _convolved(rc: Floats, taps: Floats) -> Tensor:
    traces = [np.convolve(trace, taps, mode="same") for trace in rc.reshape(-1, rc.shape[-1])]
    return torch.as_tensor(np.stack(traces).reshape(rc.shape))


def _cut(shape: tuple[int, ...], layer: LateralLayer) -> tuple[slice, slice, slice]:
    """Where neither the lateral edges nor those in time are felt."""
    edges = [0 if n == 1 else max(EDGE, layer.reach) for n in shape[:2]] + [layer.time_reach]
    first, second, third = (slice(e, n - e) for e, n in zip(edges, shape, strict=True))
    return first, second, third


def convolved_pair(
    seed: int, shape: tuple[int, int, int], layer: LateralLayer, spread: float | None = None
) -> Pair:
    """Draw geology, wavelet and a spread that grows down the traces; the oracle is `migrated`."""
    rng = generator(seed, "forward/lateral")
    rc, taps = faulted_reflectivity(seed, shape), random_wavelet(seed)
    if spread is None:
        ends = np.sort(rng.uniform(0.05, 1.0, 2)) * rng.uniform(0.2, 0.95) * MAX_SPREAD
        values = np.linspace(ends[0], ends[1], shape[2])
    else:
        values = np.full(shape[2], spread)
    wanted = migrated(rc, taps, values, rng.uniform(0.3, 0.85))
    return Pair(_convolved(rc, taps), torch.as_tensor(values), torch.as_tensor(wanted),
                _cut(shape, layer))


def random_line(seed: int) -> Line:
    """Draw velocity, depth and aperture of a line.

    Examples
    --------
    >>> 400 <= random_line(1).aperture_m <= 1500
    True
    """
    rng = generator(seed, "forward/line")
    return Line(velocity_m_s=rng.uniform(1700, 2600), gradient_per_s=rng.uniform(0.3, 0.8),
                top_m=rng.uniform(500, 2000), aperture_m=rng.uniform(400, 1500))


def line_traces(line: Line, layer: LateralLayer) -> int:
    """Return how many traces the whole aperture of a wave image's middle takes."""
    return 2 * int(TAPER[1] * line.aperture_m / line.bin_m) + N_MIDDLE + 2 * layer.reach


def wave_pair(seed: int, layer: LateralLayer, rc: Floats | None = None) -> Pair:
    """Draw geology (or take (xline, twt) reflectivity) and a line; model and migrate it."""
    line, taps, n_twt = random_line(seed), random_wavelet(seed), LINE_SHAPE[2]
    if rc is None:
        rc = faulted_reflectivity(seed, (1, line_traces(line, layer), n_twt))[0]
    wanted = wave_image(rc, taps, line)
    # Only what reaches the middle.
    first = (len(rc) - N_MIDDLE) // 2 - layer.reach
    part = slice(first, first + N_MIDDLE + 2 * layer.reach)
    across = slice(layer.reach, layer.reach + N_MIDDLE)
    return Pair(_convolved(rc[None, part], taps), torch.as_tensor(line.spread(rc.shape[1])),
                torch.as_tensor(wanted[None, part]),
                (slice(None), across, slice(layer.time_reach, -layer.time_reach)))


def _orders(parts: Tensor, middle: tuple[slice, slice, slice], n: int) -> Iterator[Tensor]:
    """Yield (T_j(B) - 1) of volumes (n_part, ...) for j = 1..n, cut to the middle, flat."""
    before = widened(parts, n)
    now = neighbours(before)
    plain = parts[(slice(None), *middle)]
    for order in range(1, n + 1):
        inner = narrowed(now, n - order)[(slice(None), *middle)]
        yield (inner - plain).reshape(len(parts), -1)
        if order < n:
            before, now = now, 2.0 * neighbours(now) - narrowed(before, 2)


def columns(layer: LateralLayer, pair: Pair) -> Tensor:
    """Return what each weight adds to the middle of an image, (n_weight, n_sample)."""
    n_order, _, n_power = layer.weights.shape
    made = layer.filtered(pair.plain)
    share = pair.spread / MAX_SPREAD
    powers = torch.stack([share**p for p in range(1, n_power + 1)])
    parts = (made[:, None] * powers[:, None, None, :]).reshape(-1, *pair.plain.shape)
    return torch.cat(list(_orders(parts, pair.middle, n_order)))


class _System:
    """Normal equations for the weights of the layer; errors are relative to the plain images."""

    def __init__(self, layer: LateralLayer) -> None:
        self.layer = layer
        n = layer.weights.numel()
        self.normal, self.right = np.zeros((n, n)), np.zeros(n)

    def add(self, pair: Pair, weight: float) -> None:
        """Add a pair."""
        with torch.no_grad():
            design = columns(self.layer, pair)
            rest = (pair.wanted - pair.plain)[pair.middle].reshape(-1)
            scale = weight / float(pair.plain[pair.middle].square().sum())
            self.normal += scale * (design @ design.T).numpy()
            self.right += scale * (design @ rest).numpy()

    def solve(self, ridge: float) -> None:
        """Set the weights of least error, pulled towards those that the layer has."""
        now = self.layer.weights.detach().reshape(-1).numpy()
        size = np.sqrt(np.diag(self.normal))
        scaled = self.normal / size[:, None] / size
        change = np.linalg.solve(scaled + ridge * np.eye(len(size)),
                                 (self.right - self.normal @ now) / size) / size
        # Columns are by order, filter and power, as the weights are.
        with torch.no_grad():
            self.layer.weights.add_(torch.as_tensor(change).reshape(self.layer.weights.shape))


def closed_form(net: ForwardNet, seed: int) -> LateralLayer:
    """Return the layer that fits the taper of an aperture where wavelets have their power."""
    spectra = [np.fft.rfft(random_wavelet(seed + k), 1024) for k in range(N_WAVELETS)]
    power = np.mean(np.square(np.abs(spectra)), axis=0)
    number = np.linspace(0.0, 0.5, 129)
    return fitted_layer(net.config, power / power.max() + LEAST_POWER,
                        1.0 / (1.0 + np.square(number / LATERAL_CORNER)) + LATERAL_FLOOR)


def nrmse_percent(layer: LateralLayer, pairs: Iterable[Pair]) -> dict[str, float]:
    """Return NRMSE in per cent of the convolutional image and of the layer's."""
    sums = np.asarray([pair.errors(layer) for pair in pairs]).sum(axis=0)
    return {"convolution": 100 * float(np.sqrt(sums[0] / sums[2])),
            "layer": 100 * float(np.sqrt(sums[1] / sums[2]))}


def quality(layer: LateralLayer, seed: int, n: int, is_wave: bool) -> dict[str, Any]:
    """Measure a layer on held-out pairs: by spread against the oracle, and on wave images.

    Examples
    --------
    >>> from forward.terms import ForwardConfig
    >>> table = quality(LateralLayer(ForwardConfig()), 1, 1, False)
    >>> table["lines"]["0.4"]["layer"] == table["lines"]["0.4"]["convolution"]
    True
    """
    seeds = [_HELD_OUT + seed + k for k in range(n)]
    out: dict[str, Any] = {"lines": {
        f"{u:g}": nrmse_percent(layer, (convolved_pair(s, LINE_SHAPE, layer, u) for s in seeds))
        for u in SPREADS}}
    out["volumes"] = {
        f"{u:g}": nrmse_percent(
            layer, (convolved_pair(s, VOLUME_SHAPE, layer, u) for s in seeds[: -(-n // 4)]))
        for u in SPREADS}
    if is_wave:
        out["waves"] = nrmse_percent(layer, (wave_pair(s, layer) for s in seeds))
    return out


def train_lateral(
    config_path: Path | str | None,
    out_folder: Path | str,
    init: Path | str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train layer C of a ForwardNet and write all its weights, MANIFEST.json and log.jsonl.

    Parameters
    ----------
    config_path : TOML file with the entries of `LateralTraining`; None takes the packaged one.
    out_folder : made if missing. init : folder of layers A and B; None takes the shipped ones.
    progress : called with (pairs done, all pairs, relative error of the last).

    Returns
    -------
    Tables (see `quality`) of each stage: closed form, images of the oracle, wave images.

    Raises
    ------
    ConfigError : unreadable file or unknown entry, or deepwave is wanted and missing.
    """
    config = from_mapping(LateralTraining, load_toml(config_path or DEFAULT_CONFIG))
    if config.n_waves:
        import_deepwave()
    out = run_folder(out_folder)
    started = time.perf_counter()
    net = ForwardNet.from_pretrained(init)
    layer = closed_form(net, config.seed)
    report = {"closed_form": quality(layer, config.seed, config.n_test, config.n_waves > 0)}
    lines: list[str] = []
    system = _System(layer)
    for stage, pairs, weight in _stages(config, layer):
        for pair in pairs:
            before, after, power = pair.errors(layer)
            system.add(pair, weight)
            lines.append(json.dumps({"step": len(lines) + 1, "stage": stage, "convolution":
                                     before / power, "layer": after / power}))
            if progress is not None:
                progress(len(lines), config.n_volumes + config.n_lines + config.n_waves,
                         after / power)
        system.solve(config.ridge)
        report[stage] = quality(layer, config.seed, config.n_test, config.n_waves > 0)
    write_log(out, lines)
    net.lateral.load_state_dict(layer.state_dict())
    recipe = {**dataclasses.asdict(config), "seconds": round(time.perf_counter() - started, 1)}
    net.save_pretrained(
        out, {**_notes(init), "recipe_of_layer_c": recipe, "figures_of_layer_c": report})
    return report


def _notes(init: Path | str | None) -> dict[str, Any]:
    """Return what the manifest of the start says of the other layers."""
    known = json.loads((Path(init or SHIPPED) / MANIFEST).read_text(encoding="utf-8"))
    return {key: value for key, value in known.items() if key != "files"}


def _stages(
    config: LateralTraining, layer: LateralLayer
) -> Iterator[tuple[str, Iterator[Pair], float]]:
    seed = config.seed
    n_all = config.n_volumes + config.n_lines
    shapes = [VOLUME_SHAPE] * config.n_volumes + [LINE_SHAPE] * config.n_lines
    yield "oracle", (convolved_pair(seed + k, s, layer) for k, s in enumerate(shapes)), 1 / n_all
    if config.n_waves:
        yield ("waves", (wave_pair(seed + k, layer) for k in range(config.n_waves)),
               config.weight_waves / config.n_waves)


__all__ = ["LateralTraining", "quality", "train_lateral"]
