"""Scenario: what a world is like, as named controls with units and ranges."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lithogen.config import from_mapping
from lithogen.errors import require
from lithogen.rng import uniform

FAULT_STYLES = ("random", "horst_graben", "staircase", "branching", "relay")
BASINS = ("north_sea", "gulf_coast", "west_siberia", "carbonate_shelf")

RANGES: dict[str, tuple[float, float]] = {
    "net_to_gross": (0.02, 0.8),
    "carbonate_share": (0.0, 0.6),
    "bed_scale": (0.5, 3.0),
    "lateral_change": (0.0, 1.0),
    "channels": (0.0, 1.0),
    "faulting": (0.0, 1.0),
    "folding": (0.0, 1.0),
    "thickness_variation": (0.0, 1.0),
    "unconformities": (0, 7),
    "burial_m": (0.0, 3000.0),
    "velocity_m_s": (1500.0, 4000.0),
    "velocity_gradient_per_s": (0.0, 1.2),
    "tuff_share": (0.0, 0.4),
    "coal_share": (0.0, 0.2),
    "evaporite_share": (0.0, 0.3),
    "cyclicity": (0.0, 1.0),
    "clinoforms": (0.0, 1.0),
    "regional_dip_deg": (0.0, 8.0),
    "growth": (0.0, 1.0),
    "polygonal": (0.0, 1.0),
    "lobes": (0.0, 1.0),
    "deltas": (0.0, 1.0),
    "buildups": (0.0, 1.0),
    "karst": (0.0, 1.0),
    "mass_transport": (0.0, 1.0),
    "canyons": (0.0, 1.0),
    "salt": (0.0, 1.0),
    "hydrocarbons": (0.0, 1.0),
    "water_depth_m": (0.0, 4000.0),
}
CHOICES: dict[str, tuple[str, ...]] = {"fault_style": FAULT_STYLES, "basin": BASINS}
# The controls that the network is told, and the range that it was trained on.
NETWORK_RANGES: dict[str, tuple[float, float]] = {
    "net_to_gross": (0.12, 0.55),
    "carbonate_share": (0.0, 0.35),
    "bed_scale": (0.9, 2.2),
    "lateral_change": (0.2, 1.0),
    "channels": (0.0, 1.0),
    "faulting": (0.0, 1.0),
    "folding": (0.1, 1.0),
    "thickness_variation": (0.2, 1.0),
    "unconformities": (0, 2),
    "burial_m": (200.0, 1200.0),
    "velocity_m_s": (1750.0, 2200.0),
    "velocity_gradient_per_s": (0.35, 0.75),
}
# What a random world draws from: inside RANGES.
RANDOM_RANGES: dict[str, tuple[float, float]] = NETWORK_RANGES | {
    "folding": (0.02, 1.0),
    "thickness_variation": (0.1, 1.0),
    "unconformities": (0, 4),
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


@dataclass(frozen=True, slots=True)
class Scenario:
    """Controls of a world.

    Parameters
    ----------
    net_to_gross : share of sandstone that the bed stacks aim at, 0.02-0.8.
    carbonate_share : share of carbonate formations, 0-0.6.
    bed_scale : factor on the bed thickness of the wells behind the prior, 0.5-3.
    lateral_change : strength of lateral facies change, 0 (none) to 1.
    channels : chance that an interval of 70 ms carries a channel belt, 0-1.
    faulting : density of faults, 0 (none) to 1 (about 19 per 10 x 10 km down to 3.2 s).
    folding : fold slope, 0 (flat) to 1 (about 3 degrees).
    thickness_variation : lateral thickness change and pinch-outs, 0-1.
    unconformities : number of angular unconformities, 0-7.
    burial_m : depth of time zero below the depositional surface in metres, 0-3000.
    velocity_m_s : background velocity at time zero in m/s, 1500-4000.
    velocity_gradient_per_s : its increase with depth in 1/s, 0-1.2.
    tuff_share, coal_share, evaporite_share : share of formations rich in each, 0-0.4, 0-0.2, 0-0.3.
    cyclicity : share of formations built of repeated cycles of beds, 0-1.
    clinoforms : chance that a package of layers progrades, 0-1.
    regional_dip_deg : dip of the flanks of the longest folds (30 to 80 km), degrees, 0-8.
    growth : share of faults that slipped while layers were laid down, 0-1.
    polygonal : density of small polygonal faults in fine-grained tiers, 0-1.
    lobes, deltas, buildups, karst, mass_transport, canyons : chance that an interval of 70 ms
        carries such bodies, 0-1 (canyons and karst are rarer by nature).
    salt : density of salt domes, 0 (none) to 1 (about one per 6 x 6 km).
    hydrocarbons : chance that a closure of a reservoir is filled, 0-1.
    water_depth_m : water above the depositional surface in m, 0-4000; pressure of pore fluids.
    fault_style : how faults are arranged, one of `FAULT_STYLES`.
    basin : family of rock-physics trends, one of `BASINS`.

    Raises
    ------
    ConfigError : a value is out of its range or not a number.

    Examples
    --------
    >>> Scenario(faulting=0.2).faulting
    0.2
    """

    net_to_gross: float = 0.3
    carbonate_share: float = 0.1
    bed_scale: float = 1.4
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
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            require(
                is_number and low <= value <= high,
                f"scenario value {name}={value!r} is out of range, wanted {low} to {high}",
            )
        require(
            float(self.unconformities).is_integer(),
            f"scenario value unconformities={self.unconformities!r}, wanted a whole number 0 to 7",
        )
        for name, known in CHOICES.items():
            value = getattr(self, name)
            require(value in known, f"scenario value {name}={value!r} is unknown; "
                    f"known: {', '.join(known)}")

    @classmethod
    def random(cls, seed: int) -> Scenario:
        """Return the scenario of a seed: independent draws inside `RANDOM_RANGES`."""
        values: dict[str, Any] = {}
        for index, (name, (low, high)) in enumerate(RANDOM_RANGES.items()):
            u = float(uniform(seed, "scenario", index))
            if name == "unconformities":
                values[name] = int(low) + int(u * (high - low + 1))
            else:
                values[name] = round(low + u * (high - low), 4)
        for index, (name, known) in enumerate(CHOICES.items()):
            values[name] = known[int(uniform(seed, "scenario/choice", index) * len(known))]
        return cls(**values)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scenario:
        """Build from a mapping; unknown names are refused with the nearest known one."""
        return from_mapping(cls, values)

    def to_dict(self) -> dict[str, float | str]:
        """Return the controls as a plain dict."""
        return dataclasses.asdict(self)

    def describe(self) -> str:
        """Return one line of words and figures."""
        words = []
        for name, value in self.to_dict().items():
            text = value if isinstance(value, str) else f"{value:g}"
            words.append(f"{name.replace('_', ' ')} {text}")
        return ", ".join(words)

    def vector(self) -> NDArray[np.float32]:
        """Return the controls that the network is told, float32, (12,).

        Scaled to -1..1 over `NETWORK_RANGES`; a value outside the range that the network was
        trained on counts as the end of that range.
        """
        out = []
        for name, (low, high) in NETWORK_RANGES.items():
            scaled = 2.0 * (float(getattr(self, name)) - low) / (high - low) - 1.0
            out.append(min(max(scaled, -1.0), 1.0))
        return np.asarray(out, dtype=np.float32)


N_CONTROLS = len(NETWORK_RANGES)
