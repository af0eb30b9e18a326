"""Packages: how age passes with depth inside a sequence, and how that changes over the map.

In every column age is a sum of products, age = sum_j A_j(x, y) F_j(s), of maps and of
functions of the unfolded two-way time s: one for thickness change, one for every pinch-out,
one for every prograding package. So a column costs one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lithogen.rng import generator, uniform
from lithogen.scenario import Scenario
from lithogen.structure.bodies.part import SEQUENCE_OFFSET_MS
from lithogen.structure.waves import PlaneWaves

Float = NDArray[np.float64]

PACKAGE_MS = 150.0
FIRST_PACKAGE, LAST_PACKAGE = -16, 100
PINCH_MS = 120.0
PINCH_WIDTH_MS = 6.0
N_THICKNESS_TERMS = 4
N_WOBBLE_TERMS = 2
BELT_PERIODS_MS = (900.0, 150.0, 260.0, 420.0)
# Clinoforms turn back after this distance, so that a package spans a bounded range of ages.
TURN_M = 12_000.0
LOGIT_LIMIT = 0.02
# d age / d s of the plain dip under the sigmoids.
SLOWEST_CLINOFORM = 0.25
# Below this, packages are parallel: ages of a sequence stay clear of the next one.
DEEPEST_CLINOFORM_MS = 4000.0


@dataclass(frozen=True, slots=True)
class Package:
    """One package of layers of a sequence.

    Parameters
    ----------
    top_ms, thickness_ms : place and thickness in unfolded two-way time.
    top_age : age at its top in ms.
    span_ms : range of ages between its top and its base.
    advance_m : distance over which clinoforms advance by their thickness; 0 for parallel layers.
    azimuth_rad, phase_m, ragged : direction, place and raggedness of the shelf edge.
    """

    top_ms: float
    thickness_ms: float
    top_age: float
    span_ms: float
    advance_m: float
    azimuth_rad: float
    phase_m: float
    ragged: PlaneWaves | None

    def progress(self, y_m: Float, x_m: Float) -> Float:
        """Return how far the shelf edge lies from its first place, in m, 0..`TURN_M`."""
        along = np.add.outer(y_m * np.sin(self.azimuth_rad), x_m * np.cos(self.azimuth_rad))
        if self.ragged is not None:
            along = along + 220.0 * self.ragged(y_m, x_m)
        u = np.mod((along + self.phase_m) / TURN_M, 2.0)
        u = np.where(u > 1.0, 2.0 - u, u)
        # Rounded turns: a sharp one would crease every layer along a line.
        return np.asarray(TURN_M * u * u * (3.0 - 2.0 * u))


@lru_cache(maxsize=256)
def draw_packages(seed: int, scenario: Scenario, number: int) -> tuple[Package, ...]:
    """Return the packages of a sequence, top to base, from about -2.4 s to 15 s."""
    places = np.arange(FIRST_PACKAGE, LAST_PACKAGE + 1)
    # One call for all of them: a generator for each would cost more than a window's voxels.
    drawn = uniform(seed, "structure/package", number, places[:, None], np.arange(7)[None, :])
    azimuth = 2 * np.pi * float(uniform(seed, "structure/package/azimuth", number))
    rows = [_shape(seed, scenario, (number, int(p)), azimuth, u.tolist())
            for p, u in zip(places, drawn, strict=True)]
    tops = [row[0] for row in rows]
    spans = [
        rate * (after - top) + extra * (after - top)
        for (top, rate, extra, *_), after in zip(rows[:-1], tops[1:], strict=True)
    ]
    # Age equals unfolded time at time zero; rounding keeps the last bit of a sum out of it.
    ages = np.concatenate([[0.0], np.cumsum(spans)])
    ages -= np.interp(0.0, tops, ages)
    return tuple(
        Package(top, after - top, float(age), float(span), advance, azimuth, phase, ragged)
        for (top, _, _, advance, azimuth, phase, ragged), after, age, span in zip(
            rows[:-1], tops[1:], ages[:-1], spans, strict=True
        )
    )


def _shape(
    seed: int, scenario: Scenario, place: tuple[int, int], azimuth: float, drawn: list[float]
) -> tuple[float, float, float, float, float, float, PlaneWaves | None]:
    """Top, rate, extra span over thickness, advance, azimuth, phase, raggedness of a package.

    `place` is the sequence and the place of the package in it, `drawn` seven uniform numbers.
    """
    u_top, u_kind, u_rate, u_clino, u_advance, u_turn, u_phase = drawn
    top = PACKAGE_MS * (place[1] + 0.7 * (u_top - 0.5))
    azimuth += 0.8 * (u_turn - 0.5)
    if u_clino < scenario.clinoforms and top < DEEPEST_CLINOFORM_MS:
        advance = 4000.0 * 2.5**u_advance
        ragged = PlaneWaves.random(
            seed, "structure/package/edge", *place, wavelength_m=(2500.0, 12_000.0), n_wave=5
        )
        # A quarter of T of plain dip, and 0.9 T logit(g) / 8 from g = 0.02 to 0.98.
        extra = TURN_M / advance + 0.9 * 2.0 * np.log(1 / LOGIT_LIMIT - 1.0) / 8.0
        return top, SLOWEST_CLINOFORM, extra, advance, azimuth, u_phase * 2 * TURN_M, ragged
    strength = scenario.thickness_variation
    if u_kind < 0.12:
        rate = 1.0 + strength * (0.6 + 1.6 * u_rate)
    elif u_kind < 0.30:
        rate = 1.0 - strength * (0.2 + 0.4 * u_rate)
    else:
        rate = 1.0
    return top, rate, 0.0, 0.0, azimuth, 0.0, None


def nominal_ms(packages: tuple[Package, ...], age_ms: Float) -> Float:
    """Return the unfolded two-way time in ms at which an age lies where nothing varies."""
    ages = np.array([p.top_age for p in packages])
    tops = np.array([p.top_ms for p in packages])
    return np.asarray(np.interp(age_ms, ages, tops))


@dataclass(frozen=True, slots=True)
class Columns:
    """Age and environment of every column of a lattice, on nodes of unfolded time.

    Parameters
    ----------
    maps : (n_term, n_iline, n_xline) factors over the map; those of term 0 are 1.
    age, rate, environment : (n_term, n_node) factors over s: age in ms, d age / d s, and
        depositional environment (> 0 proximal, < 0 distal; standard deviation about
        `lateral_change`).
    """

    maps: Float
    age: Float
    rate: Float
    environment: Float


def columns(
    seed: int, scenario: Scenario, number: int, s_ms: Float, y_m: Float, x_m: Float
) -> Columns:
    """Return the columns of a sequence on nodes s_ms (n_node,), increasing."""
    terms = [_plain(seed, scenario, number, s_ms, y_m, x_m)]
    terms += _thickness(seed, scenario, number, s_ms, y_m, x_m)
    terms += _pinch_outs(seed, scenario, number, s_ms, y_m, x_m)
    terms += _progradation(seed, scenario, number, s_ms, y_m, x_m)
    terms += _belts(seed, scenario, number, s_ms, y_m, x_m)
    maps, age, rate, environment = (np.stack(part) for part in zip(*terms, strict=True))
    age[0] += number * SEQUENCE_OFFSET_MS
    return Columns(maps, age, rate, environment)


Term = tuple[Float, Float, Float, Float]


def _plain(
    seed: int, scenario: Scenario, number: int, s_ms: Float, y_m: Float, x_m: Float
) -> Term:
    """What does not vary over the map: piecewise linear ages, sigmoids in prograding packages."""
    packages = draw_packages(seed, scenario, number)
    age, rate = np.zeros_like(s_ms), np.ones_like(s_ms)
    environment = np.zeros_like(s_ms)
    for package in packages:
        inside = (s_ms >= package.top_ms) & (s_ms < package.top_ms + package.thickness_ms)
        if not inside.any():
            continue
        u = (s_ms[inside] - package.top_ms) / package.thickness_ms
        if package.advance_m == 0.0:
            age[inside] = package.top_age + package.span_ms * u
            rate[inside] = package.span_ms / package.thickness_ms
            continue
        g = np.clip(u, LOGIT_LIMIT, 1.0 - LOGIT_LIMIT)
        logit = np.log(g / (1.0 - g)) + np.log(1 / LOGIT_LIMIT - 1.0)
        passed = SLOWEST_CLINOFORM * u + 0.9 * logit / 8.0
        age[inside] = package.top_age + package.thickness_ms * passed
        rate[inside] = SLOWEST_CLINOFORM + np.where(g == u, 0.9 / (8.0 * g * (1.0 - g)), 0.0)
        # Sands on the shelf, mud at the toe.
        environment[inside] = 1.1 * (1.0 - 2.0 * u) * scenario.lateral_change
    return np.ones((len(y_m), len(x_m))), age, rate, environment


def _thickness(
    seed: int, scenario: Scenario, number: int, s_ms: Float, y_m: Float, x_m: Float
) -> list[Term]:
    """Smooth thickness change: A(x, y) P / 2 pi sin(2 pi u / P + phase), sum of A below 0.64.

    Time u passes no faster than age does, so that age increases downward in condensed packages.
    """
    u_ms, u_rate = _slow_time(draw_packages(seed, scenario, number), s_ms)
    out = []
    for term in range(N_THICKNESS_TERMS + N_WOBBLE_TERMS):
        is_wobble = term >= N_THICKNESS_TERMS
        rng = generator(seed, "structure/thickness", number, term)
        low, high = (np.log(12.0), np.log(60.0)) if is_wobble else (np.log(70.0), np.log(600.0))
        place = (term - N_THICKNESS_TERMS) / N_WOBBLE_TERMS if is_wobble else (
            term / N_THICKNESS_TERMS)
        width = 1.0 / (N_WOBBLE_TERMS if is_wobble else N_THICKNESS_TERMS)
        period = float(np.exp(low + (high - low) * (place + width * rng.uniform())))
        phase = float(rng.uniform(0.0, 2 * np.pi))
        # Long periods move deep layers most, so they vary over longer distances: gentle dips.
        shortest = 40.0 * period if is_wobble else max(2500.0, 14.0 * period)
        longest = 4.0 * shortest if is_wobble else max(11_000.0, 42.0 * period)
        waves = PlaneWaves.random(
            seed, "structure/thickness/map", number, term,
            wavelength_m=(shortest, longest), n_wave=6,
        )
        share = (0.06 if is_wobble else 0.54) / (
            N_WOBBLE_TERMS if is_wobble else N_THICKNESS_TERMS)
        amplitude = share * scenario.thickness_variation * np.tanh(0.9 * waves(y_m, x_m))
        angle = u_ms * (2 * np.pi / period) + phase
        out.append((amplitude, period / (2 * np.pi) * np.sin(angle), u_rate * np.cos(angle),
                    np.zeros_like(s_ms)))
    return out


def _slow_time(packages: tuple[Package, ...], s_ms: Float) -> tuple[Float, Float]:
    """Time in ms that passes at the lowest rate of age of every package, at most 1; its rate."""
    tops = np.array([p.top_ms for p in packages])
    slowest = np.array([
        min(p.span_ms / p.thickness_ms, 1.0) if p.advance_m == 0.0 else SLOWEST_CLINOFORM
        for p in packages
    ])
    passed = np.concatenate([[0.0], np.cumsum(slowest[:-1] * np.diff(tops))])
    package = np.clip(np.searchsorted(tops, s_ms, side="right") - 1, 0, None)
    rate = slowest[package]
    return passed[package] + rate * (s_ms - tops[package]), rate


def _pinch_outs(
    seed: int, scenario: Scenario, number: int, s_ms: Float, y_m: Float, x_m: Float
) -> list[Term]:
    """Ages that are missing where a map is positive, so that their beds wedge out there."""
    out = []
    first = max(int(np.floor(s_ms[0] / PINCH_MS)) - 1, -20)
    last = int(np.floor(s_ms[-1] / PINCH_MS))
    # Steps above time zero count downwards, so that age near zero does not depend on them all.
    for index in range(min(first, 0), last + 1):
        rng = generator(seed, "structure/pinch", number, index)
        at_ms = PINCH_MS * (index + float(rng.uniform()))
        largest = float(rng.uniform(4.0, 34.0)) * scenario.thickness_variation
        waves = PlaneWaves.random(
            seed, "structure/pinch/map", number, index, wavelength_m=(2500.0, 14000.0), n_wave=6
        )
        gap = largest * np.maximum(waves(y_m, x_m) - 0.25, 0.0)
        if not gap.any():
            continue
        u = np.clip((s_ms - at_ms) / PINCH_WIDTH_MS, 0.0, 1.0)
        step = u * u * (3.0 - 2.0 * u) - (1.0 if index < 0 else 0.0)
        out.append((gap, step, 6.0 / PINCH_WIDTH_MS * u * (1.0 - u), np.zeros_like(s_ms)))
    return out


def _progradation(
    seed: int, scenario: Scenario, number: int, s_ms: Float, y_m: Float, x_m: Float
) -> list[Term]:
    """The part of prograding packages that varies over the map: older landward.

    Source: sigmoidal clinoforms after Mitchum, Vail and Sangree (1977), AAPG Memoir 26.
    """
    out = []
    for package in draw_packages(seed, scenario, number):
        inside = (s_ms >= package.top_ms) & (s_ms < package.top_ms + package.thickness_ms)
        if package.advance_m == 0.0 or not inside.any():
            continue
        moved = package.progress(y_m, x_m) * (package.thickness_ms / package.advance_m)
        flat = np.zeros_like(s_ms)
        out.append((moved, inside.astype(np.float64), flat, flat))
    return out


def belt_maps(
    seed: int, scenario: Scenario, number: int, y_m: Float, x_m: Float
) -> list[tuple[Float, float, float]]:
    """Facies belts: maps of environment, and period in ms and phase with which they turn over.

    The first leads from shelf to basin, over tens of kilometres.
    """
    out = []
    for index, period in enumerate(BELT_PERIODS_MS):
        rng = generator(seed, "structure/belts", number, index)
        band = (15_000.0, 60_000.0) if index == 0 else (1800.0, 14_000.0)
        waves = PlaneWaves.random(
            seed, "structure/belts/map", number, index, wavelength_m=band, n_wave=6
        )
        strength = scenario.lateral_change * np.sqrt(2.0 / len(BELT_PERIODS_MS))
        out.append((strength * waves(y_m, x_m), period, float(rng.uniform(0.0, 2 * np.pi))))
    return out


def _belts(
    seed: int, scenario: Scenario, number: int, s_ms: Float, y_m: Float, x_m: Float
) -> list[Term]:
    flat = np.zeros_like(s_ms)
    return [
        (values, flat, flat, np.sin(s_ms * (2 * np.pi / period) + phase))
        for values, period, phase in belt_maps(seed, scenario, number, y_m, x_m)
    ]
