"""Scenario: what a world is like, as named controls with units and ranges."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lithogen.config import from_mapping, nearest_name
from lithogen.errors import require
from lithogen.presets import SETTINGS, drawn_values, random_values, typical_values

FAULT_STYLES = ("random", "horst_graben", "staircase", "branching", "relay")
BASINS = ("north_sea", "gulf_coast", "west_siberia", "carbonate_shelf")


class Control(NamedTuple):
    """Range, unit and meaning of one control."""

    low: float
    high: float
    unit: str
    meaning: str


CONTROLS: dict[str, Control] = {
    "net_to_gross": Control(0.02, 0.8, "1", "net share of bed stacks: sand, half of heterolithic"),
    "carbonate_share": Control(0.0, 0.6, "1", "share of carbonate formations"),
    "bed_scale": Control(0.5, 3.0, "1", "bed thickness relative to the wells behind the prior"),
    "lateral_change": Control(0.0, 1.0, "1", "strength of lateral facies change"),
    "channels": Control(0.0, 1.0, "1", "chance that an interval of 70 ms carries a channel belt"),
    "faulting": Control(0.0, 1.0, "1", "density of faults; 1 is about 19 per 10 x 10 km"),
    "folding": Control(0.0, 1.0, "1", "fold slope; 0 is flat, 1 about 3 degrees"),
    "thickness_variation": Control(0.0, 1.0, "1", "lateral thickness change and pinch-outs"),
    "unconformities": Control(0, 7, "1", "number of angular unconformities, a whole number"),
    "burial_m": Control(0.0, 3000.0, "m", "depth of time zero below the depositional surface"),
    "velocity_m_s": Control(1500.0, 4000.0, "m/s", "background velocity at time zero"),
    "velocity_gradient_per_s": Control(0.0, 1.2, "1/s", "its increase with depth"),
    "tuff_share": Control(0.0, 0.4, "1", "share of formations rich in tuff"),
    "coal_share": Control(0.0, 0.2, "1", "share of formations rich in coal"),
    "evaporite_share": Control(0.0, 0.3, "1", "share of formations rich in evaporite"),
    "cyclicity": Control(0.0, 1.0, "1", "share of formations built of repeated cycles of beds"),
    "clinoforms": Control(0.0, 1.0, "1", "chance that a package of layers progrades"),
    "regional_dip_deg": Control(0.0, 8.0, "degrees", "dip of the flanks of the longest folds"),
    "growth": Control(0.0, 1.0, "1", "share of faults that slipped while layers were laid down"),
    "polygonal": Control(0.0, 1.0, "1", "density of small polygonal faults in fine-grained tiers"),
    "lobes": Control(0.0, 1.0, "1", "chance that an interval of 70 ms carries lobes"),
    "deltas": Control(0.0, 1.0, "1", "chance that an interval of 70 ms carries a delta"),
    "buildups": Control(0.0, 1.0, "1", "chance that an interval of 70 ms carries build-ups"),
    "karst": Control(0.0, 1.0, "1", "chance that an interval of 70 ms was karstified; rarer"),
    "mass_transport": Control(0.0, 1.0, "1", "chance that an interval of 70 ms carries a slump"),
    "canyons": Control(0.0, 1.0, "1", "chance that an interval of 70 ms was incised; rarer"),
    "salt": Control(0.0, 1.0, "1", "density of salt domes; 1 is about one per 6 x 6 km"),
    "hydrocarbons": Control(0.0, 1.0, "1", "chance that a closure of a reservoir is filled"),
    "water_depth_m": Control(0.0, 4000.0, "m", "water above the depositional surface"),
}
RANGES: dict[str, tuple[float, float]] = {n: (c.low, c.high) for n, c in CONTROLS.items()}
UNITS: dict[str, str] = {n: c.unit for n, c in CONTROLS.items()}
# Parts of one whole: together at most 1. No single control at its limit breaks this beside the
# typical others, no preset reaches 0.95, and no random world 0.98.
SHARES = ("net_to_gross", "carbonate_share", "tuff_share", "coal_share", "evaporite_share")
CHOICES: dict[str, tuple[str, ...]] = {"fault_style": FAULT_STYLES, "basin": BASINS}
# What a random world draws from: inside RANGES.
RANDOM_RANGES: dict[str, tuple[float, float]] = {
    "net_to_gross": (0.05, 0.5),
    "carbonate_share": (0.0, 0.35),
    "bed_scale": (0.6, 2.0),
    "lateral_change": (0.2, 1.0),
    "channels": (0.0, 1.0),
    "faulting": (0.0, 1.0),
    "folding": (0.02, 1.0),
    "thickness_variation": (0.1, 1.0),
    "unconformities": (0, 4),
    "burial_m": (200.0, 1200.0),
    "velocity_m_s": (1750.0, 2200.0),
    "velocity_gradient_per_s": (0.35, 0.75),
    "tuff_share": (0.0, 0.12),
    "coal_share": (0.0, 0.03),
    "evaporite_share": (0.0, 0.03),
    "cyclicity": (0.0, 0.8),
    "clinoforms": (0.0, 0.6),
    "regional_dip_deg": (0.0, 3.0),
    "growth": (0.0, 1.0),
    "polygonal": (0.0, 1.0),
    "lobes": (0.0, 0.8),
    "deltas": (0.0, 0.8),
    "buildups": (0.0, 0.6),
    "karst": (0.0, 0.6),
    "mass_transport": (0.0, 0.6),
    "canyons": (0.0, 0.6),
    "salt": (0.0, 0.6),
    "hydrocarbons": (0.0, 1.0),
    "water_depth_m": (0.0, 1500.0),
}


# Net share of stacks for a `sand_drive`: 60 seeds of three chunks without other formations.
_NET = (0.002, 0.006, 0.012, 0.034, 0.096, 0.183, 0.315, 0.473, 0.645, 0.735, 0.812, 0.911)
_DRIVE = (-1.0, -0.3, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.4)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Controls of a world.

    Parameters
    ----------
    net_to_gross ... water_depth_m : numbers; range, unit and meaning of each stand in `CONTROLS`.
    fault_style : how faults are arranged, one of `FAULT_STYLES`.
    basin : family of rock-physics trends, one of `BASINS`.

    Raises
    ------
    ConfigError : a value is out of its range or not a number, a word is unknown, or the
        shares of sandstone, carbonate, tuff, coal and evaporite sum above 1.

    Examples
    --------
    >>> Scenario(faulting=0.2).faulting
    0.2
    >>> Scenario.preset("rift").with_(salt=0.3).salt
    0.3
    """

    net_to_gross: float = 0.22
    carbonate_share: float = 0.1
    bed_scale: float = 1.0
    lateral_change: float = 0.6
    channels: float = 0.5
    faulting: float = 0.5
    folding: float = 0.5
    thickness_variation: float = 0.6
    unconformities: int = 1
    burial_m: float = 600.0
    velocity_m_s: float = 1900.0
    velocity_gradient_per_s: float = 0.55
    tuff_share: float = 0.05
    coal_share: float = 0.01
    evaporite_share: float = 0.0
    cyclicity: float = 0.35
    clinoforms: float = 0.2
    regional_dip_deg: float = 1.0
    growth: float = 0.3
    polygonal: float = 0.2
    lobes: float = 0.2
    deltas: float = 0.2
    buildups: float = 0.1
    karst: float = 0.1
    mass_transport: float = 0.15
    canyons: float = 0.1
    salt: float = 0.0
    hydrocarbons: float = 0.3
    water_depth_m: float = 100.0
    fault_style: str = "random"
    basin: str = "north_sea"

    def __post_init__(self) -> None:
        for name in CONTROLS:
            object.__setattr__(self, name, _checked(name, getattr(self, name)))
        for name, known in CHOICES.items():
            value = getattr(self, name)
            require(value in known, f"scenario value {name}={value!r} is unknown"
                    f"{nearest_name(str(value), list(known))}; known: {', '.join(known)}")
        total = sum(getattr(self, name) for name in SHARES)
        parts = ", ".join(f"{name} {getattr(self, name):g}" for name in SHARES)
        require(total <= 1.0 + 1e-9, f"scenario shares sum to {total:g} ({parts}), but they are "
                "parts of one whole, wanted at most 1; lower one of them")

    @classmethod
    def random(cls, seed: int) -> Scenario:
        """Return the scenario of a seed, inside `RANDOM_RANGES`.

        Controls go together as in nature: most worlds take after one of the presets' settings,
        or combine the deposits of one with the deformation of another; some follow none.
        30 % are near flat, 10 % steep, and 70 % without salt.
        """
        return cls(**random_values(seed, RANDOM_RANGES, CHOICES))  # type: ignore[arg-type]

    @classmethod
    def preset(cls, name: str, seed: int | None = None) -> Scenario:
        """Return a preset, e.g. "passive margin": typical, or a seed's draw from its spans.

        Parameters
        ----------
        name : one of `presets()`; case, underscores and hyphens do not matter.
        seed : without one, the typical values.

        Raises
        ------
        ConfigError : the preset is unknown; the nearest is named.

        Examples
        --------
        >>> Scenario.preset("salt_basin").salt
        0.7
        """
        values = typical_values(name) if seed is None else drawn_values(name, seed)
        return cls(**values)  # type: ignore[arg-type]

    @staticmethod
    def presets() -> tuple[str, ...]:
        """Return the names of the presets."""
        return tuple(SETTINGS)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scenario:
        """Build from a mapping; unknown names are refused with the nearest known one.

        Raises
        ------
        ConfigError : a name is unknown, or a value is refused.
        """
        is_named = isinstance(values, Mapping) and all(isinstance(name, str) for name in values)
        require(is_named, f"scenario {values!r} is not a mapping of names to values; "
                "give e.g. {'faulting': 0.3}")
        return from_mapping(cls, values)

    def with_(self, **changes: Any) -> Scenario:
        """Return a copy with some controls changed, checked like `from_dict`."""
        return self.from_dict(self.to_dict() | changes)

    def to_dict(self) -> dict[str, float | str]:
        """Return the controls as a plain dict."""
        return dataclasses.asdict(self)

    def describe(self) -> str:
        """Return the world in a few sentences, with its figures in brackets.

        Examples
        --------
        >>> Scenario().describe().split(":")[0]
        'A shelf under 100 m of water'
        """
        return " ".join((
            _of_rocks(self), _of_bedding(self), _of_bodies(self), _of_deformation(self),
            _of_burial(self),
        ))

    def sand_drive(self) -> float:
        """Return what net-to-gross formations must aim at for `net_to_gross` to come out.

        Beds follow the wells' matrix whatever is asked for; a measured table inverts that.
        """
        rest = 1.0 - self.carbonate_share - self.tuff_share - self.evaporite_share
        wanted = self.net_to_gross / max(rest - 0.5 * self.coal_share, 0.3)
        return float(np.interp(wanted, _NET, _DRIVE))

    def vector(self) -> NDArray[np.float32]:
        """Return the controls as the network is told them, float32, (`N_CONTROLS`,).

        Numbers are scaled to -1..1 over `RANDOM_RANGES`, which the network is trained on; a value
        outside counts as the end of its range. The basin follows as one number per family.
        """
        out = []
        for name, (low, high) in RANDOM_RANGES.items():
            scaled = 2.0 * (float(getattr(self, name)) - low) / (high - low) - 1.0
            out.append(min(max(scaled, -1.0), 1.0))
        out += [float(self.basin == name) for name in BASINS]
        return np.asarray(out, dtype=np.float32)


N_CONTROLS = len(RANDOM_RANGES) + len(BASINS)


def _checked(name: str, value: Any) -> float | int:
    """Return the value of a control as a float (unconformities as an int), or refuse it."""
    low, high, unit, meaning = CONTROLS[name]
    mark = "" if unit == "1" else f" {unit}"
    wanted = f"wanted {low:g} to {high:g}{mark} ({meaning})"
    # NaN is the number that does not equal itself.
    is_number = not isinstance(value, bool) and isinstance(value, Real) and value == value
    require(is_number, f"scenario value {name}={value!r} is not a number, {wanted}")
    require(low <= value <= high,
            f"scenario value {name}={value!r}{mark} is out of range, {wanted}")
    if name != "unconformities":
        return float(value)
    require(float(value).is_integer(), f"scenario value {name}={value!r} is not whole, {wanted}")
    return int(value)


# Words of a figure: the first whose limit is not below it.
_Words = tuple[tuple[float, str], ...]
_INF = float("inf")
WORDS: dict[str, _Words] = {
    "place": ((5.0, "A plain at sea level"), (40.0, "A shallow shelf"), (250.0, "A shelf"),
              (1000.0, "A continental slope"), (_INF, "A deep sea floor")),
    "sand": ((0.07, "hardly any"), (0.17, "some"), (0.28, "a quarter"), (0.37, "a third"),
             (0.45, "two fifths"), (0.57, "half"), (_INF, "mostly")),
    "share": ((0.01, "traces of"), (0.06, "little"), (0.14, "some"), (0.28, "much"),
              (_INF, "very much")),
    "beds": ((0.9, "thin"), (1.8, "of normal thickness"), (_INF, "thick")),
    "change": ((0.15, "hardly change"), (0.45, "change gently"), (0.75, "change"),
               (_INF, "change strongly")),
    "often": ((0.1, "in few intervals"), (0.27, "in one interval of five"),
              (0.4, "in every third interval"), (0.6, "in every other interval"),
              (0.85, "in most intervals"), (1.0, "in nearly every interval")),
    "part": ((0.0, "none"), (0.1, "hardly any"), (0.27, "one in five"), (0.4, "a third"),
             (0.6, "half"), (0.85, "most"), (1.0, "nearly all")),
    "faulted": ((0.0, "Not faulted"), (0.2, "Slightly faulted"), (0.6, "Moderately faulted"),
                (_INF, "Densely faulted")),
    "folded": ((0.0, "not folded"), (0.1, "nearly flat"), (0.5, "gently folded"),
               (0.8, "folded"), (_INF, "strongly folded")),
    "polygonal": ((0.0, "no"), (0.3, "few"), (0.65, "some"), (_INF, "many")),
    "count": ((0, "no unconformity"), (1, "one unconformity"), (2, "two unconformities"),
              (3, "three unconformities"), (4, "four unconformities"),
              (5, "five unconformities"), (6, "six unconformities"),
              (7, "seven unconformities")),
}
_STYLES = {
    "random": "in no order", "horst_graben": "horsts and grabens",
    "staircase": "stepping down one way", "branching": "branching", "relay": "with relay ramps",
}
_BODIES = {
    "channels": "channel belts", "lobes": "lobes", "deltas": "deltas", "buildups": "build-ups",
    "karst": "karst", "mass_transport": "slumps", "canyons": "canyons",
}


def _of_rocks(s: Scenario) -> str:
    water = f" under {_figure(s.water_depth_m)} m of water" if s.water_depth_m else ""
    rocks = [f"{_word('sand', s.net_to_gross)} sandstone (net-to-gross {_figure(s.net_to_gross)})"]
    for name in SHARES[1:]:
        if share := getattr(s, name):
            rocks.append(f"{_word('share', share)} {name.removesuffix('_share')} "
                         f"({_figure(share)})")
    return f"{_word('place', s.water_depth_m)}{water}: {', '.join(rocks)}."


def _of_bedding(s: Scenario) -> str:
    return (
        f"Beds are {_word('beds', s.bed_scale)} ({_figure(s.bed_scale)} times the wells') and "
        f"{_word('change', s.lateral_change)} sideways ({_figure(s.lateral_change)}); of "
        f"formations, {_word('part', s.cyclicity)} are cyclic ({_figure(s.cyclicity)}) and of "
        f"packages, {_word('part', s.clinoforms)} prograde ({_figure(s.clinoforms)})."
    )


def _of_bodies(s: Scenario) -> str:
    found: dict[str, list[str]] = {}
    # The most frequent first; sorted() keeps the order of the table among equals.
    for name, body in sorted(_BODIES.items(), key=lambda item: -getattr(s, item[0])):
        if chance := getattr(s, name):
            found.setdefault(_word("often", chance), []).append(f"{body} ({_figure(chance)})")
    if not found:
        return "No channels or other bodies."
    text = "; ".join(f"{_listed(bodies)} {often}" for often, bodies in found.items())
    return f"{text[0].upper()}{text[1:]}."


def _of_deformation(s: Scenario) -> str:
    faults = _word("faulted", s.faulting)
    if s.faulting:
        faults += (f" ({_figure(s.faulting)}; {_STYLES[s.fault_style]}; "
                   f"{_word('part', s.growth)} grew with the layers)")
    if s.polygonal:
        faults += f", {_word('polygonal', s.polygonal)} polygonal faults ({_figure(s.polygonal)})"
    salt = f"salt domes (about {_figure(s.salt)} per 36 km2)" if s.salt else "no salt"
    return (
        f"{faults}; {_word('folded', s.folding)} ({_figure(s.folding)}, regional dip "
        f"{_figure(s.regional_dip_deg)} deg); thicknesses "
        f"{_word('change', s.thickness_variation)} ({_figure(s.thickness_variation)}); "
        f"{_word('count', s.unconformities)}; {salt}."
    )


def _of_burial(s: Scenario) -> str:
    return (
        f"Time zero lies {_figure(s.burial_m)} m deep at {_figure(s.velocity_m_s)} m/s, rising "
        f"by {_figure(s.velocity_gradient_per_s)} 1/s, in rocks of the family "
        f"{s.basin.replace('_', ' ').title()}; of closures, {_word('part', s.hydrocarbons)} "
        f"hold hydrocarbons ({_figure(s.hydrocarbons)})."
    )


def _word(table: str, value: float) -> str:
    return next(word for limit, word in WORDS[table] if value <= limit)


def _figure(value: float) -> str:
    """Return three significant digits without an exponent."""
    return f"{float(f'{value:.3g}'):g}"


def _listed(words: list[str]) -> str:
    """Join words as in a sentence: a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
