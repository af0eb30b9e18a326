"""Statistics of sets of worlds in the same structures (not a benchmark itself)."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithogen.metrics import (
    Beads,
    CropSet,
    change_rate,
    classifier_two_sample,
    facies_shares,
    pattern_divergence,
    pattern_kinds,
    spread_ratio,
    stacked_changes,
    transition_divergence,
    undisturbed,
    vertical_transitions,
)
from lithogen.rockphysics.facies import FACIES, N_FACIES

LAGS = (1, 5)
CROP = (64, 64, 64)
BEADS = ("excess", "comb_pct", "seen_pct")
# Of facies that are rarer than this, residuals say little.
LEAST_SHARE = 0.02
Float = NDArray[np.floating]


class WorldSet:
    """Figures of one set of worlds."""

    def __init__(self) -> None:
        self.facies: list[NDArray[np.int8]] = []
        self.impedance: list[NDArray[np.float16]] = []
        self.shares: list[Float] = []
        self.rows: list[dict[str, float]] = []
        self.transitions: dict[int, list[Float]] = {lag: [] for lag in LAGS}
        self.beads = Beads()
        self.stacked = np.zeros(2)
        # Sum, sum of squares and number of the residuals of every facies, and of ln Z.
        self.moments = np.zeros((4, N_FACIES, 3))

    def add(self, facies: NDArray[np.int8], impedance: Float, residual: Float, structure: Any,
            dt_s: float) -> None:
        """Add a world.

        Parameters
        ----------
        facies, impedance : codes and ln impedance, (n_iline, n_xline, n_twt).
        residual : ln vp, ln (vs / trend) and ln rho about shale, (3, n_iline, n_xline, n_twt).
        structure : StructureFields of the window. dt_s : sample interval in s.
        """
        self.facies.append(facies)
        self.impedance.append(impedance.astype(np.float16))
        self.shares.append(facies_shares(facies, N_FACIES))
        for lag in LAGS:
            self.transitions[lag].append(vertical_transitions(facies, N_FACIES, lag))
        age = structure.age.numpy()
        ok = undisturbed(structure.fault.numpy(), structure.bodies.cover.numpy(),
                         structure.sequence.numpy())
        self.beads.add(age, ok, impedance, dt_s)
        self.stacked += stacked_changes(facies, ok)
        kinds = pattern_kinds(facies)
        row = {"std_ln_z": float(impedance.std()), "mean_ln_z": float(impedance.mean()),
               "changes_per_sample": float(change_rate(facies, 2).mean()),
               "changes_per_line": float(change_rate(facies, 1).mean()),
               "patterns_of_three": float(kinds[3])}
        for name, axis in (("line", 1), ("down", 2)):
            row |= dict(zip((f"step_{name}_change", f"step_{name}_else"),
                            _steps(facies, impedance, axis), strict=True))
        self.rows.append(row)
        flat = facies.reshape(-1)
        for n, values in enumerate((*residual, impedance)):
            part = values.reshape(-1).astype(np.float64)
            for m, power in enumerate((part, part**2, np.ones_like(part))):
                self.moments[n, :, m] += np.bincount(flat, power, N_FACIES)

    def mean(self, name: str) -> float:
        """Return the mean of a figure over worlds."""
        return float(np.nanmean([row[name] for row in self.rows]))

    def residual_std(self) -> Float:
        """Return standard deviations of residuals (and ln Z) by facies, (4, N_FACIES)."""
        total, square, count = np.moveaxis(self.moments, 2, 0)
        count = np.maximum(count, 1.0)
        return np.asarray(np.sqrt(np.maximum(square / count - (total / count) ** 2, 0.0)))


def _steps(facies: NDArray[np.integer], impedance: Float, axis: int) -> tuple[float, float]:
    """RMS step of ln impedance between neighbours where facies change, and elsewhere."""
    step, changes = np.diff(impedance, axis=axis), np.diff(facies, axis=axis) != 0
    where, other = (float(np.sqrt(np.square(step[m]).mean())) if m.any() else np.nan
                    for m in (changes, ~changes))
    return where, other


def figures_of(one: WorldSet, others: list[WorldSet]) -> dict[str, float]:
    """Return every figure of a set beside other sets of the prior, as ratios or differences."""
    out: dict[str, float] = {}
    packed = [np.stack(other.facies) for other in others]
    mine = np.stack(one.facies)
    apart = np.mean([pattern_divergence(mine, other, N_FACIES) for other in packed])
    among = np.mean([pattern_divergence(a, b, N_FACIES) for a, b in combinations(packed, 2)])
    out["patterns"] = float(apart / among)
    for lag in LAGS:
        mean = [np.mean(other.transitions[lag], axis=0) for other in others]
        own = np.mean(one.transitions[lag], axis=0)
        apart = np.mean([transition_divergence(own, other) for other in mean])
        among = np.mean([transition_divergence(a, b) for a, b in combinations(mean, 2)])
        out[f"transitions_{lag}"] = float(apart / among)
    beads = one.beads.figures()
    known = [other.beads.figures() for other in others]
    for name in BEADS:
        out[f"beads_{name}"] = beads[name] / float(np.mean([k[name] for k in known]))
    shares = np.mean(one.shares, axis=0)
    expected = np.mean([np.mean(other.shares, axis=0) for other in others], axis=0)
    out["other_facies"] = float(np.abs(shares - expected).sum() / 2)
    out["std_ln_z"] = one.mean("std_ln_z") / _mean(others, "std_ln_z")
    std, wanted = one.residual_std(), np.mean([other.residual_std() for other in others], axis=0)
    common = np.flatnonzero(expected >= LEAST_SHARE)
    for n, name in enumerate(("ln_vp", "ln_vs_ratio", "ln_rho", "ln_z")):
        for code in common:
            out[f"std_{name}_{FACIES[code]}"] = float(std[n, code] / wanted[n, code])
    for name in ("step_line_change", "step_line_else", "step_down_change", "step_down_else",
                 "changes_per_sample", "changes_per_line", "patterns_of_three"):
        out[name] = one.mean(name) / _mean(others, name)
    out["stacked"] = float(one.stacked[1] / max(one.stacked[0], 1))
    spread = [spread_ratio(np.stack(one.shares), np.stack(other.shares)) for other in others]
    out["spread_shares"] = float(np.nanmean([np.nanmedian(s) for s in spread]))
    between = [float(np.std([row["mean_ln_z"] for row in s.rows])) for s in (one, *others)]
    out["spread_ln_z"] = between[0] / float(np.mean(between[1:]))
    return out


def _mean(sets: list[WorldSet], name: str) -> float:
    return float(np.mean([one.mean(name) for one in sets]))


def told_apart(one: WorldSet, two: WorldSet, seed: int) -> float:
    """Return in what share of cases a 3-D CNN tells 64 x 64 x 64 crops of two sets apart."""
    size = CROP[2]
    n_crops = one.facies[0].shape[2] // size

    def crops(found: WorldSet) -> CropSet:
        parts = [slice(size * n, size * (n + 1)) for n in range(n_crops)]
        return CropSet(
            np.stack([f[..., part] for f in found.facies for part in parts]),
            np.repeat(np.arange(len(found.facies)), n_crops),
            np.stack([z[..., part] for z in found.impedance for part in parts]))

    return classifier_two_sample(crops(one), crops(two), N_FACIES, seed=seed).accuracy
