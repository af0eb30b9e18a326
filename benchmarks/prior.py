"""Procedural worlds: speed, and statistics of log impedance beside those of real wells.

Targets: 15 FORCE 2020 wells (logs NLOD 2.0) blocked to 4 ms; definitions in the docstrings of
`impedance_statistics`.

    python benchmarks/prior.py [--n 40]
"""

from __future__ import annotations

import time

import numpy as np
from _common import parser, report

from lithogen.allocator import keep_freed_memory

# Median and 5..95 % over the wells.
TARGETS = {
    "psd_slope": (1.60, 0.7, 2.2), "std": (0.105, 0.07, 0.15), "rc_std": (0.039, 0.027, 0.058),
    "rc_kurtosis": (8.5, 3.0, 25.0), "skew": (0.73, -0.8, 2.5), "kurtosis": (3.5, 0.9, 13.0),
}


def impedance_statistics(log_ai: np.ndarray, dt_s: float = 0.004) -> dict[str, float]:
    """Return statistics of log impedance (n_trace, n_twt) after a running mean of 200 ms.

    psd_slope: minus the log-log slope of the power spectrum from 8 to 100 Hz; std, skew and
    excess kurtosis of the residual; rc: half differences of log impedance.
    """
    from scipy.ndimage import uniform_filter1d
    from scipy.stats import kurtosis, skew

    rest = log_ai - uniform_filter1d(log_ai, int(0.2 / dt_s) | 1, axis=-1, mode="nearest")
    power = np.square(np.abs(np.fft.rfft(rest * np.hanning(rest.shape[-1]), axis=-1))).mean(0)
    freq_hz = np.fft.rfftfreq(rest.shape[-1], dt_s)
    band = (freq_hz > 8) & (freq_hz < 100)
    slope = -np.polyfit(np.log(freq_hz[band]), np.log(power[band]), 1)[0]
    coefficient = 0.5 * np.diff(log_ai, axis=-1)
    return {
        "psd_slope": float(slope), "std": float(rest.std()),
        "rc_std": float(coefficient.std()), "rc_kurtosis": float(kurtosis(coefficient.ravel())),
        "skew": float(skew(rest.ravel())), "kurtosis": float(kurtosis(rest.ravel())),
    }


def main() -> None:
    """Measure worlds and print one JSON line."""
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=40)
    args = options.parse_args()
    keep_freed_memory()
    import torch

    import lithogen
    from lithogen.prior import world_fields

    torch.set_num_threads(1)
    window = lithogen.Window((0, 0, 60), (16, 64, 256))
    rows, cpu = [], 0.0
    for seed in range(args.n):
        structure = lithogen.Structure.random(seed)
        begin = time.process_time()
        world = world_fields(structure, window, lithogen.Spacing(), seed)
        cpu += time.process_time() - begin
        rows.append(impedance_statistics(np.log(world.vp * world.rho)[::8, ::32].reshape(-1, 256)))
    table = {}
    for name, (median, low, high) in TARGETS.items():
        values = np.array([row[name] for row in rows])
        got = [round(float(v), 3) for v in np.quantile(values, (0.05, 0.5, 0.95))]
        table[name] = {"wells": [low, median, high], "worlds": got,
                       "median_inside": bool(low <= got[1] <= high)}
    report("prior", round(args.n * window.size / cpu), "voxels per CPU-second", args.n,
           table=table)


if __name__ == "__main__":
    main()
