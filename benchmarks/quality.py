"""Quality of stage 1: generated worlds against the prior in the same structures, two-sample.

Three sets of worlds in the same structures, one tile of the lattice each: the prior,
the prior again with other strata, and the model's. Every figure of the model against the prior
stands beside that of the prior against itself. `LIMITS` of `_quality.py` are what is wanted.

Facies shares and their spread between worlds, vertical transitions, bed thickness, extent of
beds along isochrons, variograms, connectivity, isolated bodies, fill of channels, fraying at the
borders of the net's patches, 2 x 2 x 2 patterns, a classifier, and memory of training worlds.

    python benchmarks/quality.py [--n 32] [--first 8000] [--steps N] [--model FOLDER]
                                 [--crops 200] [--no-classifier] [--record] [--no-renewed]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from _common import machine, noise_weights, parser, report, shares_option
from _quality import (
    LIMITS,
    channel_fill,
    combine,
    compare,
    crop_starts,
    cut,
    log_impedance,
    measure,
    place_of,
    prior_world,
    ratio,
    tables,
    training_crops,
)

from lithogen.allocator import keep_freed_memory
from lithogen.config import MANIFEST, write_text
from lithogen.errors import require

HISTORY = Path(__file__).with_name("history") / "quality.jsonl"
SETS = ("prior", "second", "generated")
# Strata of the second prior set: far from any seed of the first.
OTHER_STRATA = 1_000_003
PATTERN_CROP = (32, 32, 32)
CLASSIFIER_CROP, CLASSIFIER_PER_WORLD = (64, 64, 64), 2
CLASSIFIER_SEEDS = 3
MEMORY_CROP, MEMORY_PER_WORLD, TRAINING_WORLDS = (16, 16, 32), 8, 60


class Collection:
    """Statistics of the three sets, and the crops that the whole sets are compared by."""

    def __init__(self, crops_per_world: int) -> None:
        self.crops_per_world = crops_per_world
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SETS}
        self.patterns: dict[str, list[Any]] = {name: [] for name in SETS}
        self.memory: dict[str, list[Any]] = {name: [] for name in SETS}
        self.facies: dict[str, list[Any]] = {name: [] for name in SETS}
        self.impedance: dict[str, list[Any]] = {name: [] for name in SETS}
        self.world: list[int] = []

    def add(self, seed: int, name: str, facies: Any, impedance: Any) -> None:
        """Keep the crops of one world of a set."""
        shape = facies.shape
        for kept, crop, count, stream in (
            (self.patterns, PATTERN_CROP, self.crops_per_world, "patterns"),
            (self.memory, MEMORY_CROP, MEMORY_PER_WORLD, "memory"),
        ):
            kept[name] += [cut(facies, start, crop)
                           for start in crop_starts(seed, count, shape, crop, stream)]
        for start in crop_starts(
                seed, CLASSIFIER_PER_WORLD, shape, CLASSIFIER_CROP, "classifier"):
            self.facies[name].append(cut(facies, start, CLASSIFIER_CROP))
            self.impedance[name].append(cut(impedance, start, CLASSIFIER_CROP).astype(np.float16))
            if name == SETS[0]:
                self.world.append(seed)


def collect(pipe: Any, args: argparse.Namespace) -> Collection:
    """Make the worlds of all sets, one structure at a time."""
    import lithogen
    from lithogen.pipeline import SPACING, TILE_PHASE, TILE_SHAPE
    from lithogen.prior import world_fields

    out = Collection(-(-args.crops // args.n))
    patch = tuple(pipe.denoiser.config.patch)
    for seed in range(args.first, args.first + args.n):
        begun = time.perf_counter()
        structure = lithogen.Structure.random(seed)
        window = place_of(seed, TILE_SHAPE, TILE_PHASE)
        prior = world_fields(structure, window, SPACING, seed)
        fields = prior.structure
        second = world_fields(structure, window, SPACING, seed + OTHER_STRATA)
        between = time.perf_counter()
        made = pipe(structure, window, seed=seed, num_inference_steps=args.steps,
                    weights=noise_weights(args))
        took = time.perf_counter() - between
        worlds = (prior_world(prior), prior_world(second),
                  (made.lithology, log_impedance(made.vp, made.rho)))
        for name, (facies, impedance) in zip(SETS, worlds, strict=True):
            out.rows[name].append(measure(facies, impedance, fields, patch))
            out.add(seed, name, facies, impedance)
        print(f"world {seed}: {took:.1f} s generated, {time.perf_counter() - begun:.1f} s in all, "
              f"{channel_fill(fields)[0].mean():.4f} in channels", file=sys.stderr)
    return out


def classifier_figures(found: Collection) -> dict[str, tuple[float | None, float | None, Any]]:
    """Train the classifiers: generated against prior, and prior against prior."""
    from lithogen.metrics import CropSet, TwoSample, classifier_two_sample
    from lithogen.rockphysics.facies import N_FACIES

    world = np.asarray(found.world)

    def crops(name: str, has_impedance: bool) -> CropSet:
        return CropSet(np.stack(found.facies[name]), world,
                       np.stack(found.impedance[name]) if has_impedance else None)

    def judged(other: str, has_impedance: bool, seed: int = 0) -> TwoSample:
        return classifier_two_sample(
            crops(SETS[0], has_impedance), crops(other, has_impedance), N_FACIES, seed=seed)

    # One training tells little: from seed to seed, and with another number of threads, the accuracy
    # differs by several hundredths.
    runs = [judged("generated", True, seed) for seed in range(CLASSIFIER_SEEDS)]
    itself, alone = judged("second", True), judged("generated", False)
    low, high = (np.mean([getattr(run, end) for run in runs]) for end in ("low", "high"))
    accuracies = [run.accuracy for run in runs]
    more = {"low": round(float(low), 3), "high": round(float(high), 3), "crops": runs[0].n_crops,
            "seeds": [round(accuracy, 4) for accuracy in accuracies]}
    return {"classifier_accuracy": (float(np.mean(accuracies)), itself.accuracy, more),
            "classifier_accuracy_facies_alone": (alone.accuracy, None, {
                "low": round(alone.low, 3), "high": round(alone.high, 3)})}


def set_figures(
    found: Collection, recipe: dict[str, Any] | None
) -> dict[str, tuple[float | None, float | None, Any]]:
    """Compare the crops of the sets: patterns and memory of the training worlds."""
    from lithogen.metrics import nearest_neighbour, pattern_divergence
    from lithogen.rockphysics.facies import N_FACIES

    prior, second, made = (np.stack(found.patterns[name]) for name in SETS)
    itself = pattern_divergence(second, prior, N_FACIES)
    # Against both prior sets, as either is as good a reference.
    apart = float(np.mean([pattern_divergence(made, one, N_FACIES) for one in (prior, second)]))
    out: dict[str, tuple[float | None, float | None, Any]] = {
        "pattern_js_bits": (apart, itself, {"crops": len(made)}),
        "pattern_ratio": (ratio(apart, itself), 1.0, {}),
    }
    if recipe is None:
        return out | {"memorisation_ratio": (None, None, {"why": "no recipe beside the weights"})}
    known = np.stack(list(training_crops(recipe, TRAINING_WORLDS, MEMORY_PER_WORLD, MEMORY_CROP)))
    prior, second, made = (np.stack(found.memory[name]) for name in SETS)
    ours = nearest_neighbour(made, np.concatenate([prior, second]), known)
    return out | {"memorisation_ratio": (
        ours.ratio, nearest_neighbour(second, prior, known).ratio,
        {"made": round(ours.made, 4), "held_out": round(ours.held_out, 4), "crops": len(known)})}


def recipe_of(model: str | None) -> dict[str, Any] | None:
    """Return the recipe beside the weights, None where they tell of none."""
    from lithogen.pipeline import weights_folder

    root = weights_folder(model)
    folder = root / "denoiser" if (root / "denoiser").is_dir() else root
    recipe = json.loads((folder / MANIFEST).read_text(encoding="utf-8")).get("recipe")
    return recipe if isinstance(recipe, dict) else None


def number(value: float | None) -> float | None:
    """Return a figure for JSON, None where there is none."""
    return round(float(value), 4) if value is not None and math.isfinite(value) else None


def show(rows: dict[str, dict[str, Any]]) -> None:
    """Print the table for a reader, to stderr."""
    print(f"\n{'figure':36s} {'generated':>10s} {'prior':>10s}  wanted", file=sys.stderr)
    for name, row in rows.items():
        values = ["-" if row[key] is None else f"{row[key]:.4f}" for key in ("generated", "prior")]
        mark = "  MISSED" if row.get("is_met") is False else ""
        print(f"{name:36s} {values[0]:>10s} {values[1]:>10s}  {row.get('wanted', '')}{mark}",
              file=sys.stderr)


def record(line: dict[str, Any]) -> None:
    """Append a line to the history, in one step: a reader never sees half of it."""
    HISTORY.parent.mkdir(exist_ok=True)
    known = HISTORY.read_text(encoding="utf-8") if HISTORY.is_file() else ""
    write_text(HISTORY, known + json.dumps(line, allow_nan=False) + "\n")


def main() -> None:
    """Measure, print the table and one JSON line."""
    options = parser(__doc__)
    options.add_argument("--n", type=int, default=32)
    options.add_argument("--first", type=int, default=8000, help="first seed")
    options.add_argument("--steps", type=int, default=None,
                         help="by default those of the weights")
    options.add_argument("--crops", type=int, default=200, help="of the comparison of patterns")
    options.add_argument("--no-classifier", action="store_true")
    options.add_argument("--record", action="store_true", help=f"append to {HISTORY.name}")
    shares_option(options)
    args = options.parse_args()
    require(args.n >= 2 and args.crops >= 1, f"--n is {args.n} and --crops {args.crops}, wanted "
            "at least two worlds and one crop")
    keep_freed_memory()
    import lithogen

    pipe = lithogen.LithologyPipeline.from_pretrained(args.model)
    found = collect(pipe, args)
    sets = {name: combine(rows) for name, rows in found.rows.items()}
    itself = compare(sets["second"], sets["prior"])
    both = [compare(sets["generated"], sets[name]) for name in ("prior", "second")]
    figures: dict[str, tuple[float | None, float | None, Any]] = {
        name: (float(np.mean([one[name] for one in both])), itself[name], {}) for name in itself}
    figures |= set_figures(found, recipe_of(args.model))
    if not args.no_classifier and args.n >= 3:
        figures |= classifier_figures(found)
    rows: dict[str, dict[str, Any]] = {}
    for name, (value, reference, more) in figures.items():
        rows[name] = {"generated": number(value), "prior": number(reference), **more}
        if name in LIMITS:
            rows[name] |= {"wanted": str(LIMITS[name]),
                           "is_met": LIMITS[name].is_met(number(value))}
    show(rows)
    missed = [name for name, row in rows.items() if row.get("is_met") is False]
    about = {"steps": args.steps or pipe.default_steps, "first": args.first,
             "noise": dataclasses.asdict(noise_weights(args)),
             "sha256": pipe.weights_sha256, "missed": missed, "figures": rows,
             "tables": tables(sets)}
    unit = "figures outside of what is wanted"
    report("quality", len(missed), unit, args.n, **about)
    if args.record:
        record({"name": "quality", "value": len(missed), "unit": unit, "n": args.n,
                "machine": machine(), "date": datetime.now(UTC).date().isoformat(), **about})


if __name__ == "__main__":
    main()
