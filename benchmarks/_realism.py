"""Targets of realism, and the worlds that are held against them (not a benchmark itself).

Wells: 15 of FORCE 2020, quadrants 25, 31 and 32, blocked to a grid in two-way time by Backus
averages (logs NLOD 2.0, lithology CC BY 4.0; Bormann, Aursand, Dilib, Dischington and Manral,
2020). Sections: NPRA line 31-81 (USGS, public domain); F3 inlines 362 and 105 (NAM, NLOG/TNO,
dGB Earth Sciences; CC BY-SA 3.0), samples 100 to 500 of 4 ms.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from _worlds import DATA
from numpy.typing import NDArray

from lithogen.grid import Spacing, Window
from lithogen.metrics import BandRow, beds_of_log
from lithogen.metrics.realism import LEVELS
from lithogen.prior import WorldFields, beds, world_fields
from lithogen.rng import normal, uniform
from lithogen.rockphysics.facies import FACIES, N_FACIES
from lithogen.scenario import Scenario
from lithogen.structure import Structure
from lithogen.structure.velocity import BackgroundVelocity

Float = NDArray[np.float64]

# Quantiles 5, 25, 50, 75, 95 % over the wells.
EARTH_TARGETS: dict[float, dict[str, tuple[float, ...]]] = {
    0.004: {
        "psd_slope": (0.722, 1.432, 1.603, 1.850, 2.198),
        "std": (0.0695, 0.0958, 0.1054, 0.1207, 0.1489),
        "acf_1e_samples": (2.0, 3.0, 3.0, 4.5, 6.6),
        "rc_std": (0.0280, 0.0354, 0.0386, 0.0434, 0.0577),
        "rc_kurtosis": (3.25, 6.00, 8.46, 15.03, 24.78),
        "skew": (-0.812, 0.196, 0.730, 0.944, 2.542),
        "kurtosis": (0.865, 1.461, 3.493, 6.732, 13.23),
    },
    0.002: {
        "psd_slope": (0.786, 1.376, 1.492, 1.691, 2.065),
        "std": (0.0758, 0.1023, 0.1163, 0.1274, 0.1623),
        "acf_1e_samples": (3.0, 5.0, 5.0, 8.0, 11.4),
        "rc_std": (0.0264, 0.0315, 0.0358, 0.0424, 0.0553),
        "rc_kurtosis": (3.71, 7.05, 9.36, 14.98, 26.37),
        "skew": (-1.099, 0.264, 0.883, 1.034, 2.492),
        "kurtosis": (0.800, 2.069, 4.257, 7.641, 11.88),
    },
}
# Low, middle of the three sections, high: the band to aim at counts as the quartiles too.
_BANDS = {
    "agc_kurtosis": (0.7, 1.9, 4.5),
    "skew": (-1.5, -0.28, 0.1),
    "lateral_half_traces": (5.0, 6.3, 15.0),
    "vertical_half_samples": (0.8, 0.94, 1.35),
    "coherence": (0.94, 0.973, 0.99),
    "snr_db": (15.0, 15.0, 27.0),
    "band20_low_hz": (4.0, 4.4, 10.0),
    "band20_high_hz": (55.0, 78.6, 82.0),
}
SECTION_TARGETS = {k: (low, low, mid, high, high) for k, (low, mid, high) in _BANDS.items()}

WELL_STEP_M = 0.152
# Samples of a median well: fewer would lower the kurtosis, more would raise it.
WELL_SAMPLES = {0.004: 300, 0.002: 600}
COLUMNS_PER_WORLD = 3
COLUMN_GAP = 400
TOP_S = 0.24
SECTION_TRACES, SECTION_SAMPLES, SECTION_CUT = 300, 512, slice(100, 500)
CORNERS_HZ = (4.0, 10.0, 45.0, 75.0)
WAVELET_SAMPLES = 101
SNR_DB = (15.0, 25.0)
# Half a millisecond is about 0.6 m: near the step of a log, so that thin beds keep their values.
TREND_DT_S, TREND_SAMPLES = 0.0005, 4096
DEPTH_BINS = {"0-1000": (500.0, 1000.0), "1000-1500": (1000.0, 1500.0),
              "1500-2000": (1500.0, 2000.0), "2000-2500": (2000.0, 2500.0)}
WELL_FACIES = {
    "Shale": "shale", "Sandstone": "sandstone", "Sandstone/Shale": "heterolithic",
    "Limestone": "limestone", "Tuff": "tuff", "Marl": "marl", "Coal": "coal", "Chalk": "chalk",
    "Dolomite": "dolomite",
}  # fmt: skip
# Codes of the lithology curve of FORCE 2020.
_LITHOLOGY = {65000: 0, 30000: 1, 65030: 2, 70000: 3, 80000: 4, 99000: 5, 90000: 6, 70032: 7,
              74000: 8}
BLOCK_SAMPLES = 33  # 5.0 m of log


def scenario_of(seed: int, preset: str | None) -> Scenario:
    """Return the scenario of a world: its seed's own, or a draw of a preset."""
    return Scenario.random(seed) if preset is None else Scenario.preset(preset, seed)


def world(seed: int, scenario: Scenario, window: Window, dt_s: float) -> WorldFields:
    """Return a window of the world that a seed and a scenario name."""
    return world_fields(Structure.random(seed, scenario), window, Spacing(dt_s=dt_s), seed)


def pseudo_wells(seed: int, scenario: Scenario, dt_s: float, span: tuple[int, int]
                 ) -> list[WorldFields]:
    """Return windows of 2 x 2 columns, ten kilometres apart, over samples `span` of a world."""
    places = [COLUMN_GAP * column for column in range(COLUMNS_PER_WORLD)]
    # Two by two, so that no code meets an axis of one voxel.
    return [world(seed, scenario, Window((at, -at, span[0]), (2, 2, span[1])), dt_s)
            for at in places]


def log_impedance_columns(seed: int, scenario: Scenario, dt_s: float) -> Float:
    """Return ln impedance of pseudo-wells, (n_column, n_twt)."""
    span = (round(TOP_S / dt_s), WELL_SAMPLES[dt_s])
    return np.stack([np.log(found.vp[0, 0].astype(np.float64) * found.rho[0, 0])
                     for found in pseudo_wells(seed, scenario, dt_s, span)])


def trend_columns(seed: int, scenario: Scenario) -> dict[str, NDArray[Any]]:
    """Return facies, vp, vs, rho and depth_m below the depositional surface, (n_column, n_twt)."""
    velocity = BackgroundVelocity.from_scenario(scenario)
    depth_m = velocity.depth(np.arange(TREND_SAMPLES) * TREND_DT_S) + scenario.burial_m
    wells = pseudo_wells(seed, scenario, TREND_DT_S, (0, TREND_SAMPLES))
    names = ("facies", "vp", "vs", "rho")
    columns = {name: np.stack([getattr(well, name)[0, 0] for well in wells]) for name in names}
    return columns | {"depth_m": np.tile(depth_m, (len(wells), 1))}


def seismic_section(seed: int, fields: WorldFields) -> NDArray[np.float32]:
    """Return one inline of seismic with coloured noise, (n_xline, n_twt).

    Zero-phase Ormsby wavelet of 4-10-45-75 Hz at normal incidence; noise of the same band,
    unlike from trace to trace, 15 to 25 dB below the signal.
    """
    from scipy.signal import oaconvolve

    import forward

    wavelet = forward.ormsby(CORNERS_HZ, 0.004, WAVELET_SAMPLES)
    signal = forward.synthesize(
        vp=fields.vp, vs=fields.vs, rho=fields.rho, wavelet=wavelet, angles_deg=(0.0,),
        dt_s=0.004,
    )[0, 0]
    n_xline, n_twt = signal.shape
    white = normal(seed, "benchmark/noise", np.arange(n_xline)[:, None], np.arange(n_twt))
    noise = oaconvolve(white, wavelet[None, :], mode="same", axes=1)
    low_db, high_db = SNR_DB
    snr_db = low_db + (high_db - low_db) * float(uniform(seed, "benchmark/snr", 0))
    noise *= signal.std() / noise.std() * 10.0 ** (-snr_db / 20.0)
    return np.asarray(signal + noise, dtype=np.float32)


def bed_log(seed: int, scenario: Scenario, n_chunk: int) -> tuple[NDArray[np.intp], Float]:
    """Return facies and thickness in metres of the beds of a world's stack, top to base."""
    facies, thickness_m = beds.bed_log(seed, scenario, 1, n_chunk)
    return np.asarray(facies, dtype=np.intp), np.asarray(thickness_m, dtype=np.float64)


def label_log(facies: NDArray[np.intp], thickness_m: Float) -> NDArray[np.intp]:
    """Return the labels that a logging tool of 0.152 m step reads in a bed stack."""
    base_m = np.cumsum(thickness_m)
    depth_m = np.arange(0.5 * WELL_STEP_M, base_m[-1], WELL_STEP_M)
    return np.asarray(facies[np.searchsorted(base_m, depth_m, side="right")])


def majority(labels: NDArray[np.intp], n_class: int) -> NDArray[np.intp]:
    """Return the most frequent label of blocks of 5 m; -1 where a block holds a gap."""
    whole = labels[: len(labels) // BLOCK_SAMPLES * BLOCK_SAMPLES].reshape(-1, BLOCK_SAMPLES)
    count = np.stack([(whole == code).sum(axis=1) for code in range(n_class)], axis=1)
    return np.where((whole >= 0).all(axis=1), count.argmax(axis=1), -1)


def counts(labels: NDArray[np.intp], n_class: int) -> Float:
    """Return how many times each label follows each, (n_class, n_class); gaps do not count."""
    out = np.zeros((n_class, n_class))
    is_there = (labels[:-1] >= 0) & (labels[1:] >= 0)
    np.add.at(out, (labels[:-1][is_there], labels[1:][is_there]), 1)
    return out


def bed_counts(facies: NDArray[np.integer]) -> Float:
    """Return transition counts from bed to bed, (n_facies, n_facies)."""
    return counts(np.asarray(facies, dtype=np.intp), N_FACIES)


def target_stats() -> dict[str, Any] | None:
    """Return the statistics of the data folder's wells, or None where the file is absent."""
    path = DATA / "target_stats.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def well_labels() -> list[NDArray[np.intp]]:
    """Return the label logs of the data folder's wells as our codes, -1 in gaps."""
    out = []
    for path in sorted(Path(DATA / "wells_force2020").glob("*.npz")):
        with np.load(path, allow_pickle=False) as log:
            code = np.nan_to_num(log["lith"], nan=-1.0).astype(int)
        out.append(np.array([_LITHOLOGY.get(int(c), -1) for c in code], dtype=np.intp))
    return out


def well_beds(labels: NDArray[np.intp]) -> tuple[NDArray[np.int64], Float]:
    """Return the beds of a well's label log."""
    return beds_of_log(labels, WELL_STEP_M)


def target_matrix(table: Mapping[str, Any]) -> Float:
    """Return transition counts of the wells in the order of our facies."""
    index = [FACIES.index(WELL_FACIES[name]) for name in table["names"]]
    out = np.zeros((N_FACIES, N_FACIES))
    out[np.ix_(index, index)] = np.asarray(table["counts"], dtype=np.float64)
    return out


def matrix_distance(found: Float, wanted: Float) -> float:
    """Return the share of steps that go elsewhere: 0 alike, 1 disjoint.

    Parameters
    ----------
    found, wanted : counts (n, n). Rows weigh as often as wanted; those that `found` lacks, none.
    """
    rows = np.where(found.sum(axis=1) > 0, wanted.sum(axis=1), 0.0)
    one, two = (m / np.maximum(m.sum(axis=1, keepdims=True), 1.0) for m in (found, wanted))
    apart = 0.5 * np.abs(one - two).sum(axis=1)
    return float((apart * rows).sum() / rows.sum()) if rows.any() else float("nan")


def row_text(row: BandRow) -> str:
    """Return one line of the table: target, got, verdict, spread."""
    def figures(values: tuple[float, ...]) -> str:
        return " ".join(f"{v:8.3f}" for v in values)

    verdict = "inside" if row.is_inside else "OUTSIDE"
    return (f"{row.name:22s} {row.target[2]:8.3f} [{row.target[1]:7.3f},{row.target[3]:7.3f}] "
            f"| {figures(row.got)} | {verdict:7s} {row.spread_ratio:6.2f}")


def header(title: str) -> str:
    """Return the title and the column names of a table of `row_text`."""
    names = " ".join(f"{f'{level:.0%}':>8s}" for level in LEVELS)
    return (f"\n{title}\n{'statistic':22s} {'target':>8s} [ quartiles or band] | {names} | median  "
            "spread")


def rows_json(rows: list[BandRow]) -> list[dict[str, Any]]:
    """Return table rows as plain, finite JSON."""
    return [plain(dataclasses.asdict(row)) for row in rows]


def plain(value: Any) -> Any:
    """Return nested values rounded to five digits, NaN as None."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(v) for v in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, float | np.floating):
        return float(f"{value:.5g}") if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
