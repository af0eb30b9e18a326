"""What layer C does to images: nearness to the wave equation on unseen geology, and speed.

Prints one JSON line and draws results/lateral.png: a section of faulted geology as reflectivity,
convolved, through layer C, and modelled and migrated with the wave equation. Needs deepwave
(lithogen[wave]); one thread.

    python benchmarks/lateral.py [--n 8] [--first 8000000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import os
import time
from typing import Any

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from _common import RESULTS, report  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from forward.compiled import fill_lateral  # noqa: E402
from forward.faulted import faulted_reflectivity  # noqa: E402
from forward.lateral import LateralLayer  # noqa: E402
from forward.net import ForwardNet  # noqa: E402
from forward.pairs import random_wavelet  # noqa: E402
from forward.train_lateral import (  # noqa: E402
    LINE_SHAPE,
    line_traces,
    nrmse_percent,
    random_line,
    wave_pair,
)
from forward.wave import Line, import_deepwave, wave_image  # noqa: E402
from forward.wavelets import ricker  # noqa: E402
from lithogen.errors import ConfigError  # noqa: E402
from lithogen.grid import Spacing, Window  # noqa: E402
from lithogen.prior import world_fields  # noqa: E402
from lithogen.structure import Structure  # noqa: E402

Floats = NDArray[np.float64]
UNIT = "% NRMSE to the wave equation"


def prior_reflectivity(seed: int, n: int) -> Floats:
    """Return the reflectivity at right angles of a line of a prior world, (n, twt)."""
    world = Structure.random(seed)
    window = Window((0, 0, 150), (1, n, LINE_SHAPE[2]))
    fields = world_fields(world, window, Spacing(), seed)
    log = np.log(fields.vp[0].astype(np.float64) * fields.rho[0])
    return np.pad(0.5 * np.diff(log, axis=1), ((0, 0), (0, 1)))


def speed(layer: LateralLayer, rounds: int) -> dict[str, float]:
    """Return ns per image sample of the wave equation and of the layer, medians, in turns."""
    rng = np.random.default_rng(1)
    shape = (1, 32, 32, 256)
    stacks = rng.standard_normal(shape).astype(np.float32)
    spread = np.full((1, shape[-1]), 0.6)
    line, taps = Line(), random_wavelet(1)
    section = faulted_reflectivity(1, (1, 128, LINE_SHAPE[2]))[0]
    fill_lateral(layer, stacks.copy(), spread)
    found: dict[str, list[float]] = {"wave": [], "layer": []}
    for _ in range(rounds):
        started = time.process_time()
        wave_image(section, taps, line)
        found["wave"].append((time.process_time() - started) / section.size * 1e9)
        started = time.process_time()
        fill_lateral(layer, stacks.copy(), spread)
        found["layer"].append((time.process_time() - started) / stacks.size * 1e9)
    return {name: float(np.median(times)) for name, times in found.items()}


def showcase(n: int, n_twt: int) -> Floats:
    """Return a section (n, twt) to look at: beds, faults, a channel and two points."""
    rng = np.random.default_rng(4)
    beds = rng.standard_t(4, 3 * n_twt) * 0.05 * (rng.random(3 * n_twt) < 0.3)
    place = np.arange(n) - n // 2
    throw = np.select([place < -11, place < 2], [14, 4], 0)
    row = np.arange(n_twt) + n_twt + throw[:, None]
    rc = np.asarray(beds[row])
    for trace in np.flatnonzero(np.abs(place - 11) <= 3):
        base = 40 + round(6 * (1 - ((place[trace] - 11) / 4) ** 2))
        rc[trace, 40:base] = 0.0
        rc[trace, 40], rc[trace, base] = -0.15, 0.15
    rc[n // 2 + 8, 75] += 0.4
    rc[n // 2 - 6, 20] += 0.4
    return rc


def draw(layer: LateralLayer) -> None:
    """Draw one section in its four forms."""
    from matplotlib.figure import Figure

    line, taps = Line(top_m=1500.0, aperture_m=800.0), ricker(25.0, 0.004, 61)
    n, n_twt = 181, LINE_SHAPE[2]
    rc = showcase(n, n_twt)
    plain = np.stack([np.convolve(trace, taps, "same") for trace in rc])
    with torch.no_grad():
        made = layer(torch.as_tensor(plain)[None, None], torch.as_tensor(line.spread(n_twt)))
    wave = wave_image(rc, taps, line)
    middle = slice(n // 2 - 20, n // 2 + 21)
    limit = float(np.abs(plain[middle]).max()) * 0.7
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    panels = {"reflectivity (scaled)": rc * limit / 0.1, "convolution": plain,
              "layer C": made[0, 0].numpy(), "wave equation": wave}
    twt = line.twt_s(n_twt)
    axes = figure.subplots(1, 4, sharey=True)
    for ax, (name, values) in zip(axes, panels.items(), strict=True):
        image = ax.imshow(
            values[middle].T, aspect="auto", cmap="RdGy", vmin=-limit, vmax=limit,
            extent=(-0.5 * 25 * 41 / 1000, 0.5 * 25 * 41 / 1000, twt[-1], twt[0]))
        ax.set_title(name)
        ax.set_xlabel("distance (km)")
    axes[0].set_ylabel("two-way time (s)")
    figure.colorbar(image, ax=axes, label="amplitude")
    RESULTS.mkdir(exist_ok=True)
    figure.savefig(RESULTS / "lateral.png", dpi=130)


def main() -> None:
    """Measure, draw and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--n", type=int, default=8, help="sections of each kind of geology")
    options.add_argument("--first", type=int, default=8_000_000, help="seed of the first")
    options.add_argument("--rounds", type=int, default=3, help="of the timing")
    args = options.parse_args()
    torch.set_num_threads(1)
    try:
        import_deepwave()
    except ConfigError as error:
        report("lateral", None, UNIT, 0, skipped=str(error))
        return
    layer = ForwardNet.from_pretrained().lateral
    seeds = range(args.first, args.first + args.n)
    faulted = nrmse_percent(layer, (wave_pair(s, layer) for s in seeds))
    sections = []
    for seed in seeds:
        n = line_traces(random_line(seed), layer)
        sections.append(wave_pair(seed, layer, prior_reflectivity(seed, n)))
    prior = nrmse_percent(layer, sections)
    cost = speed(layer, args.rounds)
    draw(layer)
    more: dict[str, Any] = {
        "nrmse_percent": {"faulted": faulted, "prior_worlds": prior},
        "ns_per_sample": {name: round(value, 1) for name, value in cost.items()},
        "times_faster_than_wave": round(cost["wave"] / cost["layer"], 1),
        "figure": "results/lateral.png",
    }
    report("lateral", round(faulted["layer"], 2), UNIT, args.n, **more)


if __name__ == "__main__":
    main()
