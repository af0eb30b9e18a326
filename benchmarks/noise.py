"""Covariance of the stratigraphic noise beside that of what it becomes, along age and lines.

Correlation of the latent of prior worlds (facies code, and trend, bedding and detail of elastic
residuals, less their means) and of the noise of the same kind of channel, between voxels of one
column at lags of age, and between columns at equal age. Training uses --fine 1 --lateral 1
--strength 1.

    python benchmarks/noise.py [--n 12] [--first 3000] [--fine F] [--lateral F] [--strength S]
"""

from __future__ import annotations

import numpy as np
from _common import noise_weights, parser, report, shares_option
from numpy.typing import NDArray

Float = NDArray[np.float64]

STEP_MS = 2.0
AGE_LAGS_MS = (4, 8, 16, 30, 60, 90)
LINES, LINE_LAGS = 321, (1, 8, 16, 32, 64, 128, 256)
COLUMN_STEP, AGE_STEP = 40, 4


def panel_of(latent: NDArray[np.float32], age: NDArray[np.float32], ages: Float) -> Float:
    """Sample a section (n_column, n_twt, n) at common ages; NaN where a column lacks one."""
    from lithogen.metrics.continuity import columns_at_ages

    out = np.full((len(latent), len(ages), latent.shape[-1]), np.nan)
    for row, (_, near, is_there) in enumerate(columns_at_ages(age, ages, 2 * STEP_MS)):
        out[row, is_there] = latent[row, near[is_there]]
    return out - np.nanmean(out, axis=(0, 1))


def correlations(panel: Float, groups: dict[str, slice]) -> dict[str, dict[str, Float]]:
    """Return correlations of groups of channels at the lags of age and of lines."""
    columns, rows = panel[::COLUMN_STEP], panel[:, ::AGE_STEP]
    variance = np.nanmean(panel**2, axis=(0, 1))
    pairs = [int(lag / STEP_MS) for lag in AGE_LAGS_MS]
    along_age = np.stack([np.nanmean(columns[:, :-k] * columns[:, k:], axis=(0, 1))
                          for k in pairs])
    along_lines = np.stack([np.nanmean(rows[:-k] * rows[k:], axis=(0, 1)) for k in LINE_LAGS])
    return {name: {axis: np.nansum(found[:, part], axis=1) / np.nansum(variance[part])
                   for axis, found in (("age", along_age), ("lines", along_lines))}
            for name, part in groups.items()}


def main() -> None:
    """Measure and print one JSON line; the value is the largest difference along age."""
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=12)
    options.add_argument("--first", type=int, default=3000, help="first seed")
    shares_option(options)
    args = options.parse_args()
    import torch

    import lithogen
    from lithogen.latent import KINDS, encode_latent, parts_of
    from lithogen.noise import stratigraphic_noise
    from lithogen.prior import world_fields
    from lithogen.world import latent_scale

    spacing, shares = lithogen.Spacing(), noise_weights(args)
    scale = latent_scale(lithogen.LithologyPipeline.from_pretrained(args.model).denoiser)
    kinds = {kind: slice(KINDS.index(kind), KINDS.index(kind) + KINDS.count(kind))
             for kind in dict.fromkeys(KINDS)}
    found: dict[str, list[dict[str, Float]]] = {}
    for seed in range(args.first, args.first + args.n):
        window = lithogen.Window((0, 0, 100), (1, LINES, 400))
        world = world_fields(lithogen.Structure.random(seed), window, spacing, seed)
        age = world.structure.age
        ages = np.arange(*np.quantile(age.numpy(), (0.05, 0.95)), STEP_MS)
        parts = parts_of(world.residual(), spacing.dt_s)
        latent = encode_latent(world.facies, parts, *scale).numpy()[0]
        with torch.inference_mode():
            noise = stratigraphic_noise(age, window, spacing, seed, KINDS, shares).numpy()[0]
        for of, volume in (("", latent), ("noise of ", noise)):
            one = correlations(panel_of(volume, age[0].numpy(), ages), kinds)
            for kind, rows in one.items():
                found.setdefault(of + kind, []).append(rows)
    table = {axis: {name: dict(zip(map(str, lags), np.round(
        np.mean([row[axis] for row in rows], axis=0), 3).tolist(), strict=True))
        for name, rows in found.items()}
        for axis, lags in (("age", AGE_LAGS_MS), ("lines", LINE_LAGS))}
    along = table["age"]
    gap = max(abs(along[kind][lag] - along[f"noise of {kind}"][lag])
              for kind in kinds for lag in along[kind])
    report("noise", round(gap, 3), "largest difference of correlation along age", args.n,
           shares=shares.as_tuple(), fine=shares.fine, table=table)


if __name__ == "__main__":
    main()
