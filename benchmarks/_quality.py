"""Statistics of one set of worlds beside another (not a benchmark itself)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lithogen.errors import require
from lithogen.grid import Index3, Spacing, Window
from lithogen.metrics import (
    bed_extent,
    bed_thickness,
    change_rate,
    connectivity,
    facies_shares,
    fray,
    indicator_variogram,
    isolated_volume,
    share_inside,
    spread_ratio,
    transition_divergence,
    variogram,
    vertical_transitions,
    wasserstein,
)
from lithogen.prior.world import WorldFields
from lithogen.rng import generator
from lithogen.rockphysics.facies import FACIES, N_FACIES
from lithogen.structure import StructureFields
from lithogen.structure.bodies import BodyKind

LAGS = (1, 2, 4, 8, 16, 32)
WALKS = (1, 4, 8, 16, 32, 48)
TRANSITION_LAGS = (1, 5)
# Beds of so many samples and fewer are thin: they are the first that a network loses.
THIN_SAMPLES = 2
# Voxels of a body that it fills at least so far are asked for their facies.
FULL_COVER = 0.9
# Of a facies with a smaller share, connectivity says little.
LEAST_SHARE = 0.01
AXES = ("iline", "xline", "twt")
Rows = list[dict[str, Any]]


class Limit(NamedTuple):
    """What a figure should be."""

    low: float
    high: float

    def is_met(self, value: float | None) -> bool:
        """Return whether a value lies between; a missing one does not."""
        return value is not None and self.low <= value <= self.high

    def __str__(self) -> str:
        if not math.isfinite(self.high):
            return f">= {self.low:g}"
        return f"<= {self.high:g}" if self.low <= 0 else f"{self.low:g} .. {self.high:g}"


LIMITS = {
    "spread_ratio": Limit(0.8, 1.25),
    "pattern_ratio": Limit(0.0, 1.15),
    "classifier_accuracy": Limit(0.0, 0.65),
    "memorisation_ratio": Limit(0.8, math.inf),
    "isolated_ratio": Limit(0.0, 2.0),
    "channel_ratio": Limit(0.75, 1.25),
    "thin_bed_ratio": Limit(0.75, 1.25),
    "fray_ratio": Limit(0.0, 1.25),
}


def place_of(seed: int, tile: Index3, phase: Index3) -> Window:
    """Return a tile of the lattice, drawn from the seed: the first or second below time zero's."""
    rng = generator(seed, "benchmark/quality/place")
    index = rng.integers([-50, -50, 1], [50, 50, 3])
    i, j, k = (int(n) * size + start for n, size, start in zip(index, tile, phase, strict=True))
    return Window((i, j, k), tile)


def channel_fill(fields: StructureFields) -> tuple[NDArray[np.bool_], NDArray[np.int8]]:
    """Return which voxels channels fill, and the facies that they put there."""
    import torch

    bodies = fields.bodies
    inside = (bodies.kind() == int(BodyKind.CHANNEL)) & (bodies.cover > FULL_COVER)
    own = bodies.label([0, *(part.facies for part in bodies.parts)], torch.int8)
    return inside.cpu().numpy(), own.cpu().numpy()


def measure(
    facies: NDArray[np.int8], log_impedance: NDArray[np.float32], fields: StructureFields,
    patch: Index3,
) -> dict[str, Any]:
    """Return the statistics of one world, to be combined by `combine`."""
    inside, own = channel_fill(fields)
    age = fields.age.cpu().numpy()
    out: dict[str, Any] = {
        "shares": facies_shares(facies, N_FACIES),
        "thickness": bed_thickness(facies, N_FACIES),
        "size": facies.size,
        "extent": bed_extent(facies, age, WALKS, n_facies=N_FACIES)
        + bed_extent(facies, age, WALKS, n_facies=N_FACIES, axis=0),
        "isolated": isolated_volume(facies, N_FACIES),
        "channel_voxels": int(inside.sum()),
        "channel_kept": int((facies == own)[inside].sum()),
    }
    for lag in TRANSITION_LAGS:
        out[f"transitions_{lag}"] = vertical_transitions(facies, N_FACIES, lag)
    for axis, name in enumerate(AXES):
        out[f"changes_{name}"] = float(change_rate(facies, axis).mean())
        out[f"facies_variogram_{name}"] = indicator_variogram(
            facies, axis, LAGS, n_facies=N_FACIES)
        out[f"impedance_variogram_{name}"] = variogram(log_impedance, axis, LAGS)
    found = connectivity(facies, LAGS, n_facies=N_FACIES)
    out["tau"], out["largest"] = found.tau, found.largest
    borders = [fray(facies, patch[axis], axis) for axis in (0, 1) if patch[axis] > 1]
    out["fray"] = np.mean(borders, axis=0) if borders else np.full(2, np.nan)
    return out


def combine(rows: Rows) -> dict[str, Any]:
    """Return the statistics of a set: sums of counts, means of the rest, shares world by world."""
    out: dict[str, Any] = {"shares": np.stack([row["shares"] for row in rows])}
    for name in rows[0]:
        values = [row[name] for row in rows]
        if name in ("thickness", "size", "extent", "channel_voxels", "channel_kept"):
            out[name] = sum(values[1:], start=values[0])
        elif name != "shares":
            out[name] = mean_of_known(values)
    return out


def mean_of_known(values: Sequence[Any]) -> NDArray[np.float64]:
    """Return the mean over the first axis without NaN; NaN where all are."""
    whole = np.asarray(values, dtype=np.float64)
    known = np.isfinite(whole)
    count = known.sum(axis=0)
    total = np.where(known, whole, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def compare(one: Mapping[str, Any], two: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures that hold a set of worlds (`one`) against a reference set."""
    shares = [side["shares"].mean(axis=0) for side in (one, two)]
    ends = [side["extent"].ends() for side in (one, two)]
    walks = [side["extent"].persistence() for side in (one, two)]
    out = {
        "facies_distance": 0.5 * float(np.abs(shares[0] - shares[1]).sum()),
        "spread_ratio": median(spread_ratio(one["shares"], two["shares"])),
        "thickness_w1_samples": wasserstein(
            one["thickness"].sum(axis=0), two["thickness"].sum(axis=0)),
        "thin_bed_ratio": ratio(thin_share(one), thin_share(two)),
        "extent_gap": float(np.abs(walks[0] - walks[1]).max()),
        "ends_in_facies_ratio": ratio(ends[0][0], ends[1][0]),
        "ends_for_age_ratio": ratio(ends[0][1], ends[1][1]),
        "isolated_ratio": ratio(one["isolated"].sum(), two["isolated"].sum()),
        "channel_ratio": ratio(one["channel_kept"], two["channel_kept"]),
        "fray_ratio": ratio(ratio(*one["fray"]), ratio(*two["fray"])),
    }
    for lag in TRANSITION_LAGS:
        name = f"transitions_{lag}"
        out[f"transition_js_{lag}"] = transition_divergence(one[name], two[name])
    for axis in AXES:
        out[f"changes_{axis}_ratio"] = ratio(one[f"changes_{axis}"], two[f"changes_{axis}"])
        # Summed over facies: the share of pairs that differ.
        pairs = [side[f"facies_variogram_{axis}"].sum(axis=0) for side in (one, two)]
        out[f"facies_variogram_{axis}_ratio"] = farthest_from_one(*pairs)
        out[f"impedance_variogram_{axis}_ratio"] = farthest_from_one(
            *(side[f"impedance_variogram_{axis}"] for side in (one, two)))
    common = (shares[0] > LEAST_SHARE) & (shares[1] > LEAST_SHARE)
    out["connectivity_gap"] = mean_gap(one["tau"][:, common], two["tau"][:, common])
    out["largest_body_gap"] = mean_gap(one["largest"][common], two["largest"][common])
    return out


def thin_share(side: Mapping[str, Any]) -> float:
    """Return the share of the volume in beds of at most `THIN_SAMPLES` samples."""
    counts = side["thickness"].sum(axis=0)[: THIN_SAMPLES + 1]
    return float((counts * np.arange(THIN_SAMPLES + 1)).sum() / side["size"])


def ratio(one: float, two: float) -> float:
    """Return a quotient, NaN without a denominator."""
    return float(one) / float(two) if two > 0 else float("nan")


def median(values: NDArray[np.float64]) -> float:
    """Return the median of the finite values, NaN without one."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def mean_gap(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    """Return the mean absolute difference where both are known, NaN where nothing is."""
    gap = np.abs(one - two)
    known = np.isfinite(gap)
    return float(gap[known].mean()) if known.any() else float("nan")


def farthest_from_one(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    """Return the quotient that is most unlike 1, up or down."""
    known = (one > 0) & (two > 0)
    if not known.any():
        return float("nan")
    quotient = one[known] / two[known]
    return float(quotient[np.argmax(np.abs(np.log(quotient)))])


def tables(sets: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a reader looks up when a figure is off: curves and shares of every set."""
    out: dict[str, Any] = {"lags": list(LAGS), "walks": list(WALKS)}
    for name, one in sets.items():
        beds = one["thickness"]
        length = np.arange(beds.shape[1])
        out[name] = {
            "shares": dict(zip(FACIES, rounded(one["shares"].mean(axis=0)), strict=True)),
            "bed_samples": dict(zip(
                FACIES, rounded((beds * length).sum(1) / np.maximum(beds.sum(1), 1)), strict=True)),
            "extent": rounded(one["extent"].persistence()),
            "isolated": rounded(one["isolated"], 5),
            "fray": rounded(one["fray"]),
            "channel_kept": rounded([ratio(one["channel_kept"], one["channel_voxels"])]),
            **{f"changes_{axis}": rounded([one[f"changes_{axis}"]])[0] for axis in AXES},
            **{f"impedance_variogram_{axis}": rounded(one[f"impedance_variogram_{axis}"], 5)
               for axis in AXES},
            **{f"tau_{axis}": rounded(mean_of_known(one["tau"][place]))
               for place, axis in enumerate(AXES)},
            "largest": rounded(one["largest"]),
        }
    return out


def rounded(values: Any, digits: int = 4) -> list[float | None]:
    """Return numbers for JSON: rounded, None for what is not finite."""
    return [round(float(v), digits) if np.isfinite(v) else None for v in np.ravel(values)]


def crop_starts(
    seed: int, count: int, shape: Index3, crop: Index3, stream: str
) -> list[Index3]:
    """Return the first voxels of random crops of a volume, the same for every set."""
    rng = generator(seed, f"benchmark/quality/{stream}")
    room = [n - c + 1 for n, c in zip(shape, crop, strict=True)]
    require(min(room) > 0, f"crops of {crop} do not fit into {shape}, wanted smaller ones")
    found = rng.integers(0, room, (count, 3))
    return [(int(i), int(j), int(k)) for i, j, k in found]


def cut(values: NDArray[Any], start: Index3, crop: Index3) -> NDArray[Any]:
    """Return a copy of a crop, so that the volume can be freed."""
    return values[tuple(slice(s, s + n) for s, n in zip(start, crop, strict=True))].copy()


def training_crops(
    recipe: Mapping[str, Any], count: int, per_world: int, crop: Index3
) -> Iterator[NDArray[np.int8]]:
    """Yield facies crops of the worlds that the weights were trained on, of the native spacing."""
    from lithogen.config import from_mapping
    from lithogen.training.config import LithoTraining
    from lithogen.training.worlds import make_world

    known = from_mapping(LithoTraining, recipe)
    for number in range(min(count, known.n_worlds)):
        world = make_world(known, number)
        if world.spacing != Spacing():
            continue
        facies = world.facies.numpy()
        for start in crop_starts(number, per_world, facies.shape, crop, "training"):
            yield cut(facies, start, crop)


def log_impedance(vp: NDArray[np.floating], rho: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return ln of vp * rho."""
    return np.log(vp.astype(np.float32) * rho.astype(np.float32))


def prior_world(world: WorldFields) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return facies and ln of impedance of a procedural world."""
    return world.facies, log_impedance(world.vp, world.rho)


def channel_sand(fields: StructureFields, facies: NDArray[np.int8], sand: int) -> float:
    """Return the share of sandstone in voxels that channels fill with it."""
    inside, own = channel_fill(fields)
    return share_inside(facies, sand, inside & (own == sand))
