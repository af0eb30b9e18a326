"""Bed stacks: a hash-chunked Markov chain of beds over age, tabulated for exact block means."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lithogen.rng import generator
from lithogen.rockphysics.facies import (
    CHALK,
    COAL,
    DOLOMITE,
    EVAPORITE,
    HETEROLITHIC,
    LIMESTONE,
    MARL,
    N_FACIES,
    SANDSTONE,
    SHALE,
    TUFF,
)  # fmt: skip
from lithogen.scenario import Scenario

Float = NDArray[np.float64]

CHUNK_MS = 512.0
STEP_MS = 0.25
N_ROWS = int(CHUNK_MS / STEP_MS)
ENVIRONMENTS = 5
N_CHANNELS = N_FACIES + 3
# One metre of rock in ms of age; beds are drawn in metres and laid out at this constant rate.
MS_PER_M = 0.85

# Bed-to-bed transition probabilities (row: upper bed) of FORCE 2020 wells in quadrants 25, 31
# and 32 (lithology CC BY 4.0, Bormann et al. 2020); evaporite and rare rows are assumptions.
_TRANSITION = np.array(
    [
        # shale  sand  het   lime  marl  tuff  coal  chalk dolo  evap
        [0.000, 0.320, 0.301, 0.234, 0.085, 0.033, 0.022, 0.001, 0.004, 0.001],
        [0.383, 0.000, 0.411, 0.195, 0.003, 0.002, 0.005, 0.001, 0.000, 0.000],
        [0.457, 0.461, 0.000, 0.063, 0.011, 0.000, 0.007, 0.000, 0.001, 0.000],
        [0.446, 0.260, 0.100, 0.000, 0.142, 0.052, 0.000, 0.004, 0.004, 0.002],
        [0.476, 0.005, 0.042, 0.470, 0.000, 0.000, 0.000, 0.005, 0.002, 0.000],
        [0.486, 0.029, 0.000, 0.471, 0.014, 0.000, 0.000, 0.000, 0.000, 0.000],
        [0.625, 0.219, 0.156, 0.000, 0.000, 0.000, 0.000, 0.000, 0.000, 0.000],
        [0.200, 0.050, 0.000, 0.350, 0.400, 0.000, 0.000, 0.000, 0.000, 0.000],
        [0.400, 0.000, 0.000, 0.400, 0.050, 0.000, 0.000, 0.000, 0.000, 0.150],
        [0.250, 0.000, 0.000, 0.250, 0.000, 0.000, 0.000, 0.000, 0.500, 0.000],
    ]
)
# ln thickness in metres: mean and standard deviation per facies (same wells; see docs/prior.md).
_LN_MEAN = np.array([1.27, 0.73, 0.45, -0.10, 0.45, 1.77, 0.13, 2.10, -0.28, 2.30])
_LN_STD = np.array([1.25, 1.10, 0.95, 0.55, 1.00, 1.20, 0.55, 0.80, 0.45, 0.80])

# Formation styles add to the log weight of the next bed and to its ln thickness.
_STYLES: dict[str, tuple[dict[int, float], dict[int, float]]] = {
    "shale": (
        {SANDSTONE: -1.4, HETEROLITHIC: -1.3, LIMESTONE: 0.1, TUFF: -1.0, MARL: -0.3},
        {SHALE: 1.3},
    ),
    "reservoir": (
        {LIMESTONE: -0.8, MARL: -2.5, TUFF: -3.0, SANDSTONE: 0.6, HETEROLITHIC: 0.6},
        {SHALE: -0.45, SANDSTONE: 0.45, HETEROLITHIC: 0.2},
    ),
    "carbonate": (
        {LIMESTONE: 0.8, MARL: 1.8, SANDSTONE: -2.5, HETEROLITHIC: -2.5, CHALK: 3.0, TUFF: -1.0,
         DOLOMITE: 1.8, EVAPORITE: 1.5},
        {LIMESTONE: 1.9, MARL: 1.5, SHALE: -0.2, DOLOMITE: 0.8},
    ),
    "tuff": (
        {TUFF: 2.6, SANDSTONE: -2.0, HETEROLITHIC: -2.0, LIMESTONE: -1.2},
        {TUFF: 0.3, SHALE: -0.2},
    ),
    "mixed": ({LIMESTONE: -0.2, COAL: 0.8}, {SHALE: 0.2}),
}
# Bed scatter and scatter inside beds (sd of ln vp) measured in the same wells.
_BED_SCATTER = np.array([0.062, 0.085, 0.075, 0.12, 0.09, 0.045, 0.07, 0.07, 0.07, 0.02])
_INNER_SCATTER = np.array([0.045, 0.055, 0.045, 0.045, 0.045, 0.04, 0.03, 0.04, 0.03, 0.01])
# ln rho per ln vp of porosity scatter, and the part of ln rho that is independent.
_RHO_PER_VP = 0.40
_RHO_OWN = 0.018
_SHEAR_OWN = 0.030

_DISTAL = {SANDSTONE: HETEROLITHIC, HETEROLITHIC: SHALE, LIMESTONE: MARL, MARL: SHALE,
           COAL: SHALE, DOLOMITE: LIMESTONE, CHALK: MARL}
_PROXIMAL = {HETEROLITHIC: SANDSTONE, MARL: LIMESTONE, SHALE: HETEROLITHIC}
_THRESHOLD_SHALE = 1.1


@dataclass(frozen=True, slots=True)
class Bed:
    """One bed: facies, top age and thickness in ms, and its elastic character."""

    facies: int
    top_ms: float
    thickness_ms: float
    ln_vp: float
    ln_rho: float
    ln_shear: float
    gradient: float
    inner: float
    threshold: float


def _style_weights(scenario: Scenario) -> tuple[tuple[str, ...], Float]:
    carbonate = scenario.carbonate_share
    sand = float(np.clip(scenario.net_to_gross * 1.9 - 0.12, 0.04, 0.92)) * (1.0 - carbonate)
    rest = max(1.0 - carbonate - sand, 0.02)
    names = ("shale", "reservoir", "carbonate", "tuff", "mixed")
    weights = np.array([0.62 * rest, sand, carbonate, 0.08 * rest, 0.30 * rest])
    return names, weights / weights.sum()


def _formation(rng: np.random.Generator, scenario: Scenario) -> tuple[Float, Float, float, float]:
    """Draw a formation: log weights (n_facies,), ln thickness shift, volatility, thickness."""
    names, weights = _style_weights(scenario)
    style = names[int(rng.choice(len(names), p=weights))]
    log_weight = 0.45 * rng.standard_normal(N_FACIES)
    thicker = 0.4 * rng.standard_normal(N_FACIES)
    for table, target in zip(_STYLES[style], (log_weight, thicker), strict=True):
        for facies, value in table.items():
            target[facies] += value
    sand_shift = 1.6 * (scenario.net_to_gross - 0.3)
    log_weight[SANDSTONE] += sand_shift
    thicker[SANDSTONE] += sand_shift
    thicker[SHALE] -= 0.8 * sand_shift
    volatility = float(np.exp(-0.12 + 0.5 * rng.standard_normal()))
    thickness_ms = MS_PER_M * scenario.bed_scale * float(np.exp(np.log(75.0) +
                                                               0.6 * rng.standard_normal()))
    return log_weight, thicker, min(volatility, 2.2), thickness_ms


def draw_chunk(seed: int, scenario: Scenario, chunk: int) -> list[Bed]:
    """Return the beds of one chunk of age, top to base, covering exactly `CHUNK_MS`."""
    rng = generator(seed, "prior/beds", chunk)
    top, beds = 0.0, []
    facies = SHALE
    formation_left = 0.0
    log_weight, thicker, volatility = np.zeros(N_FACIES), np.zeros(N_FACIES), 1.0
    offset = 0.0
    while top < CHUNK_MS:
        if formation_left <= 0.0:
            log_weight, thicker, volatility, formation_left = _formation(rng, scenario)
            offset = 0.04 * volatility * float(rng.standard_normal())
        chance = _TRANSITION[facies] * np.exp(log_weight)
        facies = int(rng.choice(N_FACIES, p=chance / chance.sum()))
        ln_m = _LN_MEAN[facies] + thicker[facies] + _LN_STD[facies] * rng.standard_normal()
        thickness = float(np.clip(np.exp(ln_m), 0.4, 80.0)) * MS_PER_M * scenario.bed_scale
        thickness = min(thickness, CHUNK_MS - top)
        beds.append(_character(rng, facies, top, thickness, volatility, offset))
        top += thickness
        formation_left -= thickness
    return beds


def _character(
    rng: np.random.Generator, facies: int, top_ms: float, thickness_ms: float,
    volatility: float, offset: float,
) -> Bed:
    shared, own, shear, slope, inner, threshold = rng.standard_normal(6)
    ln_vp = float(offset + _BED_SCATTER[facies] * volatility * shared)
    limit = 0.32
    ln_vp = float(limit * np.tanh(ln_vp / limit))
    limits = abs(0.55 + 0.5 * threshold)
    return Bed(
        facies, top_ms, thickness_ms, ln_vp, float(_RHO_PER_VP * ln_vp + _RHO_OWN * own),
        float(_SHEAR_OWN * shear), float(0.03 * slope * min(thickness_ms / 5.0, 2.0)),
        float(_INNER_SCATTER[facies] * volatility * np.exp(-0.18 + 0.5 * inner)),
        float(np.sign(threshold) * (limits + (_THRESHOLD_SHALE if facies == SHALE else 0.15))),
    )


def _facies_at(bed: Bed, environment: float) -> int:
    """Return the facies of a bed at an environment: < 0 is distal, > 0 proximal."""
    if bed.threshold < 0 and environment < bed.threshold:
        return _DISTAL.get(bed.facies, bed.facies)
    if bed.threshold > 0 and environment > bed.threshold:
        return _PROXIMAL.get(bed.facies, bed.facies)
    return bed.facies


ENVIRONMENT_LEVELS = np.linspace(-2.0, 2.0, ENVIRONMENTS)


@lru_cache(maxsize=64)
def chunk_table(seed: int, scenario: Scenario, chunk: int) -> NDArray[np.float32]:
    """Return the rows of one chunk: facies indicators and residuals, at every environment.

    Returns
    -------
    float32 (n_rows, environments, n_facies + 3); the last three columns are ln vp,
    ln(vs / trend) and ln rho residuals. Read-only.
    """
    beds = draw_chunk(seed, scenario, chunk)
    rng = generator(seed, "prior/inner", chunk)
    fine = _within_bed(rng)
    age = (np.arange(N_ROWS) + 0.5) * STEP_MS
    tops = np.array([bed.top_ms for bed in beds])
    owner = np.clip(np.searchsorted(tops, age, side="right") - 1, 0, len(beds) - 1)
    inside = (age - tops[owner]) / np.array([bed.thickness_ms for bed in beds])[owner] - 0.5
    out = np.zeros((N_ROWS, ENVIRONMENTS, N_CHANNELS), dtype=np.float32)
    codes = np.array([[_facies_at(b, e) for e in ENVIRONMENT_LEVELS] for b in beds])[owner]
    rows = np.arange(N_ROWS)[:, None]
    out[rows, np.arange(ENVIRONMENTS)[None, :], codes] = 1.0
    character = np.array([[b.ln_vp, b.ln_rho, b.ln_shear, b.gradient, b.inner] for b in beds])
    ln_vp, ln_rho, ln_shear, gradient, inner = character[owner].T
    local = gradient * inside + inner * fine
    out[:, :, N_FACIES] = (ln_vp + local)[:, None]
    out[:, :, N_FACIES + 1] = ln_shear[:, None]
    out[:, :, N_FACIES + 2] = (ln_rho + _RHO_PER_VP * local)[:, None]
    out.setflags(write=False)
    return out


def _within_bed(rng: np.random.Generator) -> Float:
    """Unit-variance noise along age: two first-order autoregressions, 0.8 m and 8 m long."""
    from scipy.signal import lfilter

    total = np.zeros(N_ROWS)
    for length_m, share in ((0.8, 0.55), (8.0, 0.45)):
        rho = float(np.exp(-STEP_MS / (length_m * MS_PER_M)))
        drive = rng.standard_normal(N_ROWS + 256) * np.sqrt(1 - rho**2)
        total += np.sqrt(share) * lfilter([1.0], [1.0, -rho], drive)[256:]
    return total
