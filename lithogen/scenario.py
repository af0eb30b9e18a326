"""Scenario: what a world is like, as named controls with units and ranges."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lithogen.config import from_mapping
from lithogen.errors import require
from lithogen.rng import uniform

RANGES: dict[str, tuple[float, float]] = {
    "net_to_gross": (0.02, 0.8),
    "carbonate_share": (0.0, 0.6),
    "bed_scale": (0.5, 3.0),
    "lateral_change": (0.0, 1.0),
    "channels": (0.0, 1.0),
    "faulting": (0.0, 1.0),
    "folding": (0.0, 1.0),
    "thickness_variation": (0.0, 1.0),
    "unconformities": (0, 4),
    "burial_m": (0.0, 3000.0),
    "velocity_m_s": (1500.0, 4000.0),
    "velocity_gradient_per_s": (0.0, 1.2),
}
# What a random world draws from: inside RANGES, and what the network was trained on.
RANDOM_RANGES: dict[str, tuple[float, float]] = {
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
    unconformities : number of angular unconformities, 0-4.
    burial_m : depth of time zero below the depositional surface in metres, 0-3000.
    velocity_m_s : background velocity at time zero in m/s, 1500-4000.
    velocity_gradient_per_s : its increase with depth in 1/s, 0-1.2.

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
            f"scenario value unconformities={self.unconformities!r}, wanted a whole number 0 to 4",
        )

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
        return cls(**values)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scenario:
        """Build from a mapping; unknown names are refused with the nearest known one."""
        return from_mapping(cls, values)

    def to_dict(self) -> dict[str, float]:
        """Return the controls as a plain dict."""
        return dataclasses.asdict(self)

    def describe(self) -> str:
        """Return one line of words and figures."""
        return ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in
                         self.to_dict().items())

    def vector(self) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return the controls scaled to about -1..1 over `RANDOM_RANGES`, float32, (12,)."""
        out = []
        for name, (low, high) in RANDOM_RANGES.items():
            out.append(2.0 * (float(getattr(self, name)) - low) / (high - low) - 1.0)
        return np.asarray(out, dtype=np.float32)


N_CONTROLS = len(RANDOM_RANGES)
