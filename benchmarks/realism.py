"""Realism of procedural worlds: their statistics beside those of real wells and sections.

Prints a table per part and one JSON line; writes results/realism.json. Parts:
earth     ln impedance of pseudo-wells (300 samples of 4 ms, 600 of 2 ms, three a world, 10 km
          apart) against 15 wells. Each well is one column, so the spread is that of columns; the
          medians of the worlds' columns are listed beside it.
sections  one inline of 300 traces a world, 4-10-45-75 Hz Ormsby wavelet at normal incidence and
          noise of the same band 15 to 25 dB down, against three real sections.
beds      bed stacks read at a log's step of 0.152 m: transitions and thickness per facies.
trends    vp, vs and rho per facies and depth bin, sampled at 0.5 ms, against the wells.

Run: python benchmarks/realism.py [--n 100] [--first 0] [--preset NAME] [--only PART].
Data: ../shared/data, or folder $LITHOGEN_DATA; without it beds and trends are left out.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _realism as base
import numpy as np
from _common import RESULTS, report
from numpy.typing import NDArray

from lithogen.allocator import keep_freed_memory
from lithogen.config import write_json
from lithogen.errors import LithogenError
from lithogen.grid import Window
from lithogen.metrics import band_table, bed_quantiles, impedance_statistics, section_statistics
from lithogen.metrics.realism import EARTH_STATISTICS, LEVELS, MAX_TRACE_LAG, SECTION_STATISTICS
from lithogen.rockphysics.facies import FACIES, N_FACIES
from lithogen.scenario import BASINS, Scenario

Float = NDArray[np.float64]
BED_LEVELS = (0.1, 0.5, 0.9, 0.99)
BED_CHUNKS = 3
# A facies counts in a world or a well from this many beds or samples on.
MIN_BEDS, MIN_SAMPLES = 5, 20
PROPERTIES = ("vp", "vs", "rho")
Part = tuple[dict[str, Any], int, int]


class Worlds:
    """The seeds of a run; a world that is refused is told and left out, never silently."""

    def __init__(self, first: int, n: int, preset: str | None) -> None:
        self.seeds = range(first, first + n)
        self.preset = preset
        self.failed: list[str] = []
        self.measured: dict[str, list[int]] = {}

    def each(self, part: str, measure: Callable[[int, Scenario], Any]) -> list[Any]:
        """Return what `measure` finds in every world, with progress on stderr."""
        found, seeds, begin = [], [], time.monotonic()
        for count, seed in enumerate(self.seeds, start=1):
            try:
                found.append(measure(seed, base.scenario_of(seed, self.preset)))
                seeds.append(seed)
            except LithogenError as error:
                self.failed.append(f"{part}, seed {seed}: {type(error).__name__}: {error}")
            print(f"\r{part} {count}/{len(self.seeds)}  {time.monotonic() - begin:.0f} s ",
                  end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        self.measured[part] = seeds
        return found


def earth(worlds: Worlds) -> Part:
    """Pseudo-wells against wells at 4 and 2 ms."""
    out: dict[str, Any] = {}
    good = total = 0
    for dt_s, targets in base.EARTH_TARGETS.items():
        def measure(seed: int, scenario: Scenario, dt_s: float = dt_s) -> list[dict[str, float]]:
            columns = base.log_impedance_columns(seed, scenario, dt_s)
            return [impedance_statistics(column, dt_s) for column in columns]

        name = f"earth {1e3 * dt_s:g} ms"
        found = worlds.each(name, measure)
        values = {k: np.array([[c[k] for c in w] for w in found]) for k in EARTH_STATISTICS}
        per_column = band_table({k: v.ravel() for k, v in values.items()}, targets)
        # Of each world the median column: its quantiles tell worlds apart, not columns.
        per_world = band_table({k: np.nanmedian(v, axis=1) for k, v in values.items()}, targets)
        print(base.header(f"{name}: columns of {len(found)} worlds"))
        for row in per_column:
            print(base.row_text(row))
        print(base.header(f"{name}: medians of worlds"))
        for row in per_world:
            print(base.row_text(row))
        out[f"{1e3 * dt_s:g}ms"] = {
            "columns": base.rows_json(per_column), "worlds": base.rows_json(per_world),
            "values": base.plain(values),
        }  # fmt: skip
        n_wide = sum(row.spread_ratio >= 1.0 for row in per_column)
        print(f"spread at least as wide as the wells': {n_wide} of {len(per_column)}")
        out[f"{1e3 * dt_s:g}ms"]["n_wide"] = n_wide
        good += sum(row.is_inside for row in per_column)
        total += len(per_column)
    return out, good, total


def sections(worlds: Worlds) -> Part:
    """Seismic sections against the bands of three real ones."""
    def measure(seed: int, scenario: Scenario) -> dict[str, float]:
        window = Window((0, 0, 0), (1, base.SECTION_TRACES, base.SECTION_SAMPLES))
        fields = base.world(seed, scenario, window, 0.004)
        return section_statistics(base.seismic_section(seed, fields)[:, base.SECTION_CUT])

    found = worlds.each("sections", measure)
    values = {k: np.array([row[k] for row in found]) for k in SECTION_STATISTICS}
    lateral = values["lateral_half_traces"]
    n_beyond = int(np.isnan(lateral).sum())
    # No half length within the lags that were tried: at least that many traces.
    values["lateral_half_traces"] = np.where(np.isnan(lateral), MAX_TRACE_LAG, lateral)
    rows = band_table(values, base.SECTION_TARGETS)
    print(base.header(f"seismic sections of {len(found)} worlds ({n_beyond} correlate beyond "
                      f"{MAX_TRACE_LAG} traces); spread over the band's width"))
    for row in rows:
        print(base.row_text(row))
    out = {"rows": base.rows_json(rows), "values": base.plain(values), "n_beyond": n_beyond}
    return out, sum(row.is_inside for row in rows), len(rows)


def beds(worlds: Worlds) -> Part:
    """Bed stacks at the wells' resolution: as drawn, and with beds of the wells' scale."""
    stats = base.target_stats()
    if stats is None:
        return _absent("beds")
    logs = base.well_labels()
    wells = [(base.well_beds(log), log) for log in logs]
    table = stats["developer_wells_force2020"]
    out: dict[str, Any] = {}
    good = total = 0
    for name, change in (("as drawn", {}), ("bed_scale 1", {"bed_scale": 1.0})):
        def measure(
            seed: int, scenario: Scenario, change: dict[str, float] = change
        ) -> tuple[tuple[NDArray[np.int64], Float], NDArray[np.intp]]:
            changed = dataclasses.replace(scenario, **change)  # type: ignore[arg-type]
            log = base.label_log(*base.bed_log(seed, changed, BED_CHUNKS))
            return base.well_beds(log), log

        found = worlds.each(f"beds, {name}", measure)
        print(f"\nbeds at {base.WELL_STEP_M} m, {name}: {len(found)} worlds, {len(wells)} wells")
        part, n_good, n_total = _thickness(found, wells, table)
        part["transitions"] = _transitions(found, wells, table)
        out[name] = part
        if not change:
            good, total = n_good, n_total
    return out, good, total


def _shares(found: list[Any]) -> Float:
    """Share of every facies per log, (n_log, n_facies)."""
    logs = [log[log >= 0] for _, log in found]
    return np.array([np.bincount(log, minlength=N_FACIES)[:N_FACIES] / max(log.size, 1)
                     for log in logs])


def _thickness(found: list[Any], wells: list[Any], table: dict[str, Any]) -> Part:
    """Quantiles of bed thickness: all worlds pooled, beside the wells' and the wells' scatter."""
    facies, thickness_m = (np.concatenate([bed[i] for bed, _ in found]) for i in (0, 1))
    pooled = bed_quantiles(facies, thickness_m, N_FACIES, BED_LEVELS)
    per_world, per_well = (
        np.stack([_enough(*bed) for bed, _ in group]) for group in (found, wells)
    )
    shares, well_shares = _shares(found).mean(axis=0), _shares(wells).mean(axis=0)
    print("facies         share  wells |  p10    p50    p90    p99 m | wells p10    p50    p90    "
          "p99 | medians of worlds 5-50-95 % | of wells 5-50-95 %")
    out: dict[str, Any] = {}
    good = total = 0
    for well_name, name in base.WELL_FACIES.items():
        code = FACIES.index(name)
        wanted = table["lithology"][well_name]["beds"]["p10_p50_p90_p99"]
        spans = [_span(group[:, code]) for group in (per_world, per_well)]
        low, high = spans[1][0], spans[1][2]
        is_known = np.isfinite([low, spans[0][1]]).all()
        is_inside = bool(low <= spans[0][1] <= high) if is_known else None
        good += bool(is_inside)
        total += is_inside is not None
        cells = [" ".join(f"{v:6.2f}" for v in row) for row in (pooled[code], wanted, *spans)]
        print(f"{name:13s} {shares[code]:6.3f} {well_shares[code]:6.3f} | {cells[0]} |   "
              f"{cells[1]} | {cells[2]} | {cells[3]} "
              f"{_verdict(is_inside)}")
        out[name] = base.plain({
            "share": shares[code], "share_wells": well_shares[code],
            "quantiles_m": pooled[code], "quantiles_wells_m": wanted,
            "median_over_worlds_m": spans[0], "median_over_wells_m": spans[1],
            "is_inside": is_inside,
        })  # fmt: skip
    return {"facies": out, "levels": BED_LEVELS}, good, total


def _verdict(is_inside: bool | None) -> str:
    return "too few" if is_inside is None else "inside" if is_inside else "OUTSIDE"


def _enough(facies: NDArray[np.int64], thickness_m: Float) -> Float:
    """Median thickness per facies, NaN below `MIN_BEDS` beds."""
    few = np.bincount(facies, minlength=N_FACIES) < MIN_BEDS
    return np.where(few, np.nan, bed_quantiles(facies, thickness_m, N_FACIES, (0.5,))[:, 0])


def _span(values: Float) -> Float:
    known = values[np.isfinite(values)]
    return np.quantile(known, (0.05, 0.5, 0.95)) if known.size >= 3 else np.full(3, np.nan)


def _transitions(found: list[Any], wells: list[Any], table: dict[str, Any]) -> dict[str, Any]:
    """Transition matrices bed to bed and between 5 m blocks, with their distance to the wells'."""
    out: dict[str, Any] = {}
    kinds: dict[str, tuple[str, Callable[[Any], Float]]] = {
        "transition_beds": ("bed to bed", lambda one: base.bed_counts(one[0][0])),
        "transition_5m": ("5 m to 5 m",
                          lambda one: base.counts(base.majority(one[1], N_FACIES), N_FACIES)),
    }  # fmt: skip
    for key, (title, count) in kinds.items():
        wanted = base.target_matrix(table[key])
        each = [count(one) for one in found]
        got = np.sum(each, axis=0)
        distances = [_span(np.array([base.matrix_distance(m, wanted) for m in group]))
                     for group in (each, [count(one) for one in wells])]
        apart = base.matrix_distance(got, wanted)
        texts = [" ".join(f"{v:.2f}" for v in span) for span in distances]
        print(f"{title}: {apart:.2f} of the steps go elsewhere than in the wells (single worlds "
              f"5-50-95 %: {texts[0]}; single wells: {texts[1]})")
        prob, target = (m / np.maximum(m.sum(axis=1, keepdims=True), 1) for m in (got, wanted))
        shown = [i for i in range(N_FACIES) if wanted[i].sum() >= MIN_SAMPLES]
        print("  worlds / wells " + "".join(f"{FACIES[j][:9]:>12s}" for j in shown))
        for i in shown:
            cells = "".join(f"   {prob[i, j]:.2f}/{target[i, j]:.2f}" for j in shown)
            print(f"  {FACIES[i]:15s}{cells}")
        out[key] = base.plain({
            "facies": FACIES, "worlds": prob, "wells": target, "distance": apart,
            "distance_of_worlds": distances[0], "distance_of_wells": distances[1],
        })  # fmt: skip
    return out


def trends(worlds: Worlds) -> Part:
    """Elastic properties by facies and depth: every world as if it lay in each basin."""
    stats = base.target_stats()
    if stats is None:
        return _absent("trends")
    lithology = stats["developer_wells_force2020"]["lithology"]
    cells: dict[str, list[Any]] = {}
    cells["north_sea"] = worlds.each(
        "trends, north_sea",
        lambda seed, scenario: _trend_cells(seed, dataclasses.replace(scenario, basin="north_sea")),
    )
    # The other basins have no wells here: a third of the worlds each, told beside the wells.
    for place, basin in enumerate(b for b in BASINS if b != "north_sea"):
        part = Worlds(worlds.seeds.start, 0, worlds.preset)
        part.seeds = worlds.seeds[place :: len(BASINS) - 1]
        cells[basin] = part.each(
            f"trends, {basin}",
            lambda seed, scenario, basin=basin: _trend_cells(
                seed, dataclasses.replace(scenario, basin=basin)
            ),
        )
        worlds.failed += part.failed
        worlds.measured |= part.measured
    return _trend_table(cells, lithology)


def _trend_cells(seed: int, scenario: Scenario) -> dict[tuple[str, str, str], float]:
    """Mean property of one world per (facies, depth bin, property), from `MIN_SAMPLES` on."""
    columns = base.trend_columns(seed, scenario)
    depth_m = columns.pop("depth_m")
    out = {}
    for code, facies in enumerate(FACIES):
        for bin_name, (low_m, high_m) in base.DEPTH_BINS.items():
            here = (columns["facies"] == code) & (depth_m >= low_m) & (depth_m < high_m)
            if here.sum() < MIN_SAMPLES:
                continue
            for name in PROPERTIES:
                out[facies, bin_name, name] = float(columns[name][here].mean())
    return out


def _trend_table(cells: dict[str, list[Any]], lithology: dict[str, Any]) -> Part:
    rows: list[dict[str, Any]] = []
    good = total = 0
    others = [basin for basin in cells if basin != "north_sea"]
    print("\nelastic properties by depth below the depositional surface, basin north_sea: median "
          "of worlds (5-95 %)\nfacies        depth m     property    wells (sd)     worlds "
          f"(5-95 %), n            | other basins: {', '.join(others)}")
    for well_name, facies in base.WELL_FACIES.items():
        for bin_name, wells in lithology[well_name]["by_depth_tvdss"].items():
            for name in PROPERTIES:
                if wells.get(name) is None:
                    continue
                mean, std, _ = wells[name]
                got = {basin: np.array([c[facies, bin_name, name] for c in found
                                        if (facies, bin_name, name) in c])
                       for basin, found in cells.items()}  # fmt: skip
                middle = {b: float(np.median(v)) if v.size else float("nan")
                          for b, v in got.items()}
                span = _span(got["north_sea"])
                is_known = got["north_sea"].size >= 3
                is_inside = abs(middle["north_sea"] - mean) <= std if is_known else None
                good += bool(is_inside)
                total += is_known
                print(f"{facies:13s} {bin_name:10s} {name:4s} {mean:8.0f} ({std:4.0f})  "
                      f"{middle['north_sea']:8.0f} ({span[0]:.0f}-{span[2]:.0f}), "
                      f"{got['north_sea'].size} {_verdict(is_inside)} | "
                      + " ".join(f"{middle[b]:.0f}" for b in others))
                rows.append(base.plain({
                    "facies": facies, "depth_m": bin_name, "property": name, "wells": mean,
                    "wells_std": std, "worlds": middle["north_sea"], "worlds_5_50_95": span,
                    "n": got["north_sea"].size, "is_inside": is_inside,
                    "other_basins": {b: middle[b] for b in others},
                }))  # fmt: skip
    return {"rows": rows}, good, total


def _absent(part: str) -> Part:
    note = "skipped: no target_stats.json in the data folder; set LITHOGEN_DATA"
    print(f"\n{part}: {note}")
    return {"note": note}, 0, 0


PARTS = {"earth": earth, "sections": sections, "beds": beds, "trends": trends}


def main() -> None:
    """Measure worlds, print tables and one JSON line, write the JSON file."""
    options = argparse.ArgumentParser(description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--n", type=int, default=100, help="number of worlds")
    options.add_argument("--first", type=int, default=0, help="seed of the first world")
    options.add_argument("--preset", default=None, help="name of a scenario preset")
    options.add_argument("--only", choices=list(PARTS), default=None, help="one part alone")
    options.add_argument("--out", type=Path, default=RESULTS, help="folder of realism.json")
    args = options.parse_args()
    keep_freed_memory()
    import torch

    torch.set_num_threads(1)
    worlds = Worlds(args.first, args.n, args.preset)
    found: dict[str, Any] = {"n": args.n, "first": args.first, "preset": args.preset,
                             "levels": LEVELS}
    verdicts, good, total = {}, 0, 0
    for name, part in PARTS.items():
        if args.only in (None, name):
            found[name], n_good, n_total = part(worlds)
            verdicts[name] = f"{n_good} of {n_total}"
            good, total = good + n_good, total + n_total
    found |= {"inside": verdicts, "failed": worlds.failed, "seeds": worlds.measured}
    for line in worlds.failed:
        print(f"failed: {line}", file=sys.stderr)
    args.out.mkdir(parents=True, exist_ok=True)
    name = "realism" + (f"_{args.only}" if args.only else "")
    write_json(args.out / f"{name}.json", base.plain(found))
    report("realism", round(good / total, 3) if total else None, "share of medians inside",
           args.n, inside=verdicts, failed=worlds.failed, preset=args.preset)


if __name__ == "__main__":
    main()
