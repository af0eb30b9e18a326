"""Fault systems: single faults arranged as rifts, dominoes, splays and relays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from lithogen.errors import ConfigError
from lithogen.rng import generator, uniform
from lithogen.scenario import Scenario
from lithogen.structure.velocity import BackgroundVelocity

CELL_M = 8000.0
# Three systems of four faults on average in 8 x 8 km: 19 faults in 10 x 10 km.
SYSTEMS_PER_CELL = 3
CENTRE_RANGE_MS = (-200.0, 3200.0)
HALF_LENGTH_M = (700.0, 5000.0)
MAX_HALF_HEIGHT_M = 1800.0
MAX_REACH_M = 1600.0
MAX_DISPLACEMENT_M = 220.0
MAX_OFFSET_M = 5000.0
# No fault acts further than this from the cell of its system.
MAX_EXTENT_M = 11_000.0
# Largest |d shift / d time| in a wall: age stays monotonic, beds keep half of their thickness.
STEEPEST = 0.55
STEEPEST_WITHOUT_DRAG = 0.4
STEEPEST_GROWTH = 0.28
# Slope of (1 - r^2)^1.5 and of (1 - r)^2 where they are steepest.
_TAPER_SLOPE, _DECAY_SLOPE = 1.5, 2.0
_ROUNDING_M = 1.0
_LISTRIC_SHARE = {
    "random": 0.25, "horst_graben": 0.1, "staircase": 0.45, "branching": 0.3, "relay": 0.15,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One normal fault.

    Parameters
    ----------
    x_m, y_m, twt_ms : centre, where the displacement is largest.
    strike_rad, dip_rad : direction of the trace from the x axis, and dip at the centre. The
        plane dips to the side that lies a quarter turn from x towards y past the strike.
    length_m, height_m : half axes of the displacement ellipse along strike and down dip.
    reach_m : distance from the plane at which the hanging wall no longer moves.
    displacement_m : largest displacement.
    bend : curvature of the trace: it turns away by bend * length_m at the tips.
    metres_per_ms : depth per two-way millisecond at the centre.
    skew : -0.8..0.8; the two half lengths are length_m (1 + skew) and length_m (1 - skew).
    listric : growth of the cotangent of dip from the centre to the lower tip, 0 (planar) and
        below cot(dip_rad).
    hanging_share : share of the displacement by which the hanging wall went down, 0..1.
    footwall_reach_m : like `reach_m` for the footwall.
    drag, drag_width_m : share of the displacement, 0..0.6, that layers next to the plane take up
        by bending, and the distance in which they do.
    corrugation, phase_rad : amplitude of the waves of the trace over length_m, and their phase.
    growth_top_ms, growth_ms : the fault slipped while the layers from growth_top_ms down to
        growth_top_ms + growth_ms (before faulting) were laid down; growth_ms = 0 is no growth.

    Raises
    ------
    ConfigError : an axis or a reach is not positive, or the plane overturns.
    """

    x_m: float
    y_m: float
    twt_ms: float
    strike_rad: float
    dip_rad: float
    length_m: float
    height_m: float
    reach_m: float
    displacement_m: float
    bend: float
    metres_per_ms: float
    skew: float = 0.0
    listric: float = 0.0
    hanging_share: float = 0.5
    footwall_reach_m: float = 500.0
    drag: float = 0.0
    drag_width_m: float = 60.0
    corrugation: float = 0.0
    phase_rad: float = 0.0
    growth_top_ms: float = 0.0
    growth_ms: float = 0.0

    def __post_init__(self) -> None:
        smallest = min(self.length_m, self.height_m, self.reach_m, self.footwall_reach_m)
        steepest = 1.0 / float(np.tan(self.dip_rad))
        # The messages hold the whole fault: they are made only where they are needed.
        if smallest <= 0:
            raise ConfigError(f"a half axis or reach is {smallest}, wanted above 0 m: {self}")
        if not 0 <= self.listric < steepest:
            raise ConfigError(
                f"listric is {self.listric}, wanted 0 to below {steepest:.2f}, or the plane "
                f"overturns; lower it or the dip: {self}"
            )

    @property
    def half_depth_m(self) -> float:
        """Vertical half axis of the displacement ellipse in metres."""
        return float(self.height_m * np.sin(self.dip_rad))

    @property
    def half_time_ms(self) -> float:
        """Vertical half axis of the displacement ellipse in ms."""
        return self.half_depth_m / self.metres_per_ms

    @property
    def throw_ms(self) -> float:
        """Largest throw in ms, both walls together, drag included."""
        return float(self.displacement_m * np.sin(self.dip_rad) / self.metres_per_ms)

    @property
    def faulted_growth_ms(self) -> float:
        """Thickness of the growth interval in the hanging wall, after faulting, in ms."""
        return self.growth_ms + self.hanging_share * self.throw_ms

    def across_range_m(self) -> tuple[float, float]:
        """Return the distances across strike from the trace between which anything moves."""
        deep, sine = self.half_depth_m, float(np.sin(self.dip_rad))
        middle, half = 0.5 * self.listric * deep, deep / float(np.tan(self.dip_rad))
        low = middle - half - self.footwall_reach_m / sine
        return low - _ROUNDING_M, middle + half + self.reach_m / sine + _ROUNDING_M

    def lateral_box_m(self) -> tuple[float, float, float, float]:
        """Return y_min, y_max, x_min, x_max outside which the fault moves nothing."""
        low, high = self.across_range_m()
        turn = self.bend * self.length_m * (1 + abs(self.skew)) ** 2
        waves = 2.0 * self.corrugation * self.length_m
        low, high = low - max(turn, 0.0) - waves, high - min(turn, 0.0) + waves
        first = -self.length_m * (1 - self.skew) - _ROUNDING_M
        last = self.length_m * (1 + self.skew) + _ROUNDING_M
        cos, sin = float(np.cos(self.strike_rad)), float(np.sin(self.strike_rad))
        corners = [(s, c) for s in (first, last) for c in (low, high)]
        y_m = [self.y_m + s * sin + c * cos for s, c in corners]
        x_m = [self.x_m + s * cos - c * sin for s, c in corners]
        return min(y_m), max(y_m), min(x_m), max(x_m)

    def time_range_ms(self) -> tuple[float, float]:
        """Return the two-way times between which the fault moves anything."""
        first, last = self.twt_ms - self.half_time_ms, self.twt_ms + self.half_time_ms
        return (max(first, self.growth_top_ms) if self.growth_ms > 0 else first), last

    def steepest(self) -> float:
        """Return an upper bound of |d shift / d time| within a wall."""
        per_throw = _steepest_per_throw(
            self.hanging_share, self.half_time_ms, (self.reach_m, self.footwall_reach_m),
            (np.cos(self.dip_rad) + self.listric * np.sin(self.dip_rad)) * self.metres_per_ms,
            self.drag / self.drag_width_m,
        )
        if self.growth_ms > 0:
            per_throw += max(self.hanging_share, 1 - self.hanging_share) / self.faulted_growth_ms
        return float(self.throw_ms * per_throw)


def _steepest_per_throw(
    share: float, half_time_ms: float, reaches_m: tuple[float, float], plane_m_per_ms: float,
    drag_per_m: float,
) -> float:
    """Bound of |d shift / d time| in the steeper wall for a throw of 1 ms, without growth."""
    bend = _DECAY_SLOPE * drag_per_m * plane_m_per_ms + _TAPER_SLOPE / half_time_ms
    hanging, foot = (_DECAY_SLOPE * plane_m_per_ms / reach + bend for reach in reaches_m)
    return max(share * hanging, (1 - share) * foot)


class Setting(NamedTuple):
    """What a fault system depends on besides the seed."""

    chance: float
    style: str
    growth: float
    velocity: BackgroundVelocity


def setting_of(scenario: Scenario, velocity: BackgroundVelocity, stage: int) -> Setting:
    """Return the setting of a stage; older stages have half as many faults."""
    chance = scenario.faulting if stage == 0 else 0.5 * scenario.faulting
    return Setting(chance, scenario.fault_style, scenario.growth, velocity)


class Segment(NamedTuple):
    """A fault in the frame of its system: along and across the system's strike."""

    along_m: float
    across_m: float
    turn_rad: float
    is_antithetic: bool
    length_m: float
    strain: float
    skew: float = 0.0
    later_ms: float = 0.0


@lru_cache(maxsize=4096)
def systems_in_cell(
    seed: int, setting: Setting, stage: int, row: int, col: int
) -> tuple[Fault, ...]:
    """Return the faults of one absolute cell of 8 x 8 km (row along y), in canonical order."""
    out: list[Fault] = []
    world_strike = float(uniform(seed, "structure/fault/strike", stage)) * np.pi
    for number in range(SYSTEMS_PER_CELL):
        rng = generator(seed, "structure/fault/system", stage, row, col, number)
        if rng.uniform() < setting.chance:
            out.extend(_system(rng, setting, world_strike, row, col))
    return tuple(out)


def _system(
    rng: np.random.Generator, setting: Setting, world_strike: float, row: int, col: int
) -> list[Fault]:
    y_m, x_m = (row + rng.uniform()) * CELL_M, (col + rng.uniform()) * CELL_M
    twt_ms = float(rng.uniform(*CENTRE_RANGE_MS))
    # Dip of synthetic faults: one side for most of a world, as in a basin with a depocentre.
    strike = world_strike + 0.25 * rng.standard_normal() + (np.pi if rng.uniform() < 0.3 else 0.0)
    is_growth = rng.uniform() < setting.growth
    rise, growth_ms = float(rng.uniform(0.3, 0.75)), float(rng.uniform(150.0, 500.0))
    cos, sin = np.cos(strike), np.sin(strike)
    out: list[Fault] = []
    growth_top_ms: float | None = None
    for segment in _STYLES[setting.style](rng):
        near = min(1.0, MAX_OFFSET_M / max(float(np.hypot(*segment[:2])), 1.0))
        along, across = segment.along_m * near, segment.across_m * near
        values = _values(rng, segment, setting, twt_ms + segment.later_ms) | {
            "y_m": float(y_m + along * sin + across * cos),
            "x_m": float(x_m + along * cos - across * sin),
            "strike_rad": float(strike + segment.turn_rad + np.pi * segment.is_antithetic),
        }
        if growth_top_ms is None:
            # One phase of growth for the system, where its first fault has throw.
            growth_top_ms = values["twt_ms"] - rise * _half_time_ms(values)
        out.append(_limited(values, growth_top_ms, growth_ms if is_growth else 0.0))
    return out


def _values(
    rng: np.random.Generator, segment: Segment, setting: Setting, twt_ms: float
) -> dict[str, float]:
    """Draw what makes the shape of a fault, by the names of `Fault`."""
    u = rng.uniform(size=12).tolist()
    length = min(segment.length_m, HALF_LENGTH_M[1] / (1 + abs(segment.skew)))
    height = min(length * (0.3 + 0.3 * u[0]), MAX_HALF_HEIGHT_M)
    is_listric = u[1] < _LISTRIC_SHARE[setting.style]
    dip = float(np.deg2rad(40.0 + 10.0 * u[2] if is_listric else 48.0 + 22.0 * u[2]))
    reach = height * (0.8 + 0.5 * u[3]) * (1.25 if is_listric else 1.0)
    return {
        "twt_ms": twt_ms, "dip_rad": dip, "length_m": length, "height_m": height,
        "reach_m": min(reach, MAX_REACH_M),
        "footwall_reach_m": min(height * (0.5 + 0.3 * u[4]), MAX_REACH_M),
        "displacement_m": min(2 * length * segment.strain, MAX_DISPLACEMENT_M),
        "bend": 0.3 * (u[5] - 0.5),
        "metres_per_ms": float(setting.velocity.velocity(twt_ms * 1e-3)) / 2000.0,
        "skew": -segment.skew if segment.is_antithetic else segment.skew,
        # Dip of some 70 degrees at the upper tip, 30 at the lower one.
        "listric": (0.5 + 0.4 * u[6]) * (1 / float(np.tan(dip)) - 0.12) if is_listric else 0.0,
        "hanging_share": 0.8 + 0.15 * u[7] if is_listric else 0.5 + 0.25 * u[7],
        "drag": 0.0 if is_listric else 0.1 + 0.4 * u[8],
        "drag_width_m": 50.0 + 60.0 * u[9],
        "corrugation": 0.004 * 5.0 ** u[10],
        "phase_rad": 2 * np.pi * u[11],
    }


def _half_time_ms(values: dict[str, float]) -> float:
    return values["height_m"] * float(np.sin(values["dip_rad"])) / values["metres_per_ms"]


def _limited(values: dict[str, float], growth_top_ms: float, growth_ms: float) -> Fault:
    """Build a fault whose displacement and drag keep the beds of each wall in order."""
    sine, cosine = float(np.sin(values["dip_rad"])), float(np.cos(values["dip_rad"]))
    per_ms = values["metres_per_ms"]
    # In growth most of the movement is the hanging wall's, or the footwall would lose its beds.
    share = max(values["hanging_share"], 0.85 if growth_ms > 0 else 0.0)
    plane = (cosine + values["listric"] * sine) * per_ms
    per_throw = _steepest_per_throw(
        share, _half_time_ms(values), (values["reach_m"], values["footwall_reach_m"]), plane, 0.0
    )
    throw_ms = min(values["displacement_m"] * sine / per_ms, STEEPEST_WITHOUT_DRAG / per_throw)
    left = STEEPEST - throw_ms * per_throw
    if growth_ms > 0:
        moved, steepest = share * throw_ms, min(left, STEEPEST_GROWTH)
        growth_ms = max(growth_ms, moved * (1.0 / steepest - 1.0))
        left -= moved / (growth_ms + moved)
    bend = throw_ms * share * _DECAY_SLOPE * plane / values["drag_width_m"]
    return Fault(**values | {
        "displacement_m": throw_ms * per_ms / sine,
        "hanging_share": share,
        "drag": min(values["drag"], max(left, 0.0) / bend),
        "growth_top_ms": growth_top_ms if growth_ms > 0 else 0.0,
        "growth_ms": growth_ms,
    })


def _length(rng: np.random.Generator, shortest_m: float, longest_m: float) -> float:
    return float(np.exp(rng.uniform(np.log(shortest_m), np.log(longest_m))))


def _strain(rng: np.random.Generator) -> float:
    """Displacement over length: Kim and Sanderson (2005), the scatter of normal faults."""
    return float(np.exp(rng.uniform(np.log(0.008), np.log(0.05))))


def _random(rng: np.random.Generator) -> list[Segment]:
    """2 to 6 unrelated faults that share a strike within some 15 degrees."""
    out = []
    for _ in range(int(rng.integers(2, 7))):
        along, across, skew, later, side = rng.uniform(-1.0, 1.0, 5).tolist()
        out.append(Segment(
            3500.0 * along, 3500.0 * across, float(0.25 * rng.standard_normal()), side > 0,
            _length(rng, *HALF_LENGTH_M), _strain(rng), 0.4 * skew, 500.0 * later,
        ))
    return out


def _horst_graben(rng: np.random.Generator) -> list[Segment]:
    """Conjugate faults: pairs that dip towards each other bound grabens, with horsts between."""
    first = bool(rng.uniform() < 0.5)
    sides = [first ^ bool(number % 2) for number in range(int(rng.integers(2, 7)))]
    return _row(rng, sides, (800.0, 1900.0), 0.3)


def _staircase(rng: np.random.Generator) -> list[Segment]:
    """Dominoes: 3 to 5 sub-parallel faults that all step down to the same side."""
    return _row(rng, [False] * int(rng.integers(3, 6)), (600.0, 1600.0), 0.35)


def _row(
    rng: np.random.Generator, sides: list[bool], distance_m: tuple[float, float], scatter: float
) -> list[Segment]:
    """Faults side by side; `scatter` of their length along strike, each dipping to its side."""
    length, strain, across = _length(rng, 1300.0, 4500.0), max(_strain(rng), 0.013), 0.0
    out = []
    for is_antithetic in sides:
        along, size, slip, skew, later = rng.uniform(-1.0, 1.0, 5).tolist()
        out.append(Segment(
            scatter * length * along, across, float(0.07 * rng.standard_normal()), is_antithetic,
            length * (0.9 + 0.2 * size), strain * (0.95 + 0.25 * slip), 0.3 * skew, 80.0 * later,
        ))
        across += float(rng.uniform(*distance_m))
    return _centred(out)


def _branching(rng: np.random.Generator) -> list[Segment]:
    """A master fault and 2 to 4 splays, 18 to 40 degrees off its trace into the hanging wall."""
    length, strain = _length(rng, 2500.0, HALF_LENGTH_M[1]), float(rng.uniform(0.012, 0.03))
    out = [Segment(0.0, 0.0, 0.0, False, length, strain, float(rng.uniform(-0.2, 0.2)))]
    count = int(rng.integers(2, 5))
    # All splays of a master lean the same way, or they would cross each other.
    ahead = 1.0 if rng.uniform() < 0.5 else -1.0
    for way in np.linspace(-0.75, 0.75, count):
        junction = float(length * (way + rng.uniform(-0.1, 0.1)))
        angle = float(np.deg2rad(rng.uniform(18.0, 40.0)))
        splay = max(length * float(rng.uniform(0.25, 0.5)), HALF_LENGTH_M[0])
        # The near half length is 30 % of the mean one: displacement rises fast from the branch.
        from_branch = 0.3 * splay
        out.append(Segment(
            junction + ahead * from_branch * float(np.cos(angle)),
            from_branch * float(np.sin(angle)), ahead * angle, False, splay,
            strain * float(rng.uniform(0.6, 1.1)), 0.7 * ahead, float(rng.uniform(-60.0, 60.0)),
        ))
    return out


def _relay(rng: np.random.Generator) -> list[Segment]:
    """3 to 5 en-echelon segments that overlap; the layers between two tips make a ramp."""
    count = int(rng.integers(3, 6))
    overlap = float(rng.uniform(0.15, 0.35))
    longest = MAX_OFFSET_M / ((count - 1) * (1 - overlap))
    length = _length(rng, 1000.0, min(longest, 2300.0))
    strain = max(_strain(rng), 0.014)
    step = (1.0 if rng.uniform() < 0.5 else -1.0) * length * float(rng.uniform(0.2, 0.4))
    turn = -0.5 * float(np.arctan2(step, 2 * length * (1 - overlap)))
    out = [
        Segment(
            2 * length * (1 - overlap) * number, step * number + float(rng.normal(0.0, 40.0)),
            turn + float(rng.normal(0.0, 0.04)), False, length * float(rng.uniform(0.9, 1.1)),
            strain * float(rng.uniform(0.8, 1.2)), 0.0, float(rng.uniform(-40.0, 40.0)),
        )
        for number in range(count)
    ]
    return _centred(out)


def _centred(segments: list[Segment]) -> list[Segment]:
    along = float(np.mean([one.along_m for one in segments]))
    across = float(np.mean([one.across_m for one in segments]))
    return [
        s._replace(along_m=s.along_m - along, across_m=s.across_m - across) for s in segments
    ]


_STYLES: dict[str, Callable[[np.random.Generator], list[Segment]]] = {
    "random": _random, "horst_graben": _horst_graben, "staircase": _staircase,
    "branching": _branching, "relay": _relay,
}
