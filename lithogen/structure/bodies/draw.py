"""Which bodies lie in a range of ages: every kind of them, in one canonical order."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from lithogen.structure.bodies import (
    buildups,
    canyons,
    channels,
    deltas,
    karst,
    lobes,
    mass_transport,
)
from lithogen.structure.bodies.part import INTERVAL_MS, REACH_MS, BodyContext, BodyPart

Float = NDArray[np.float64]

# Oldest first within an interval; erosive bodies cut what lies beneath, so they come last.
KINDS: tuple[ModuleType, ...] = (
    lobes, deltas, buildups, karst, mass_transport, channels, canyons)


def draw_bodies(
    context: BodyContext, ages_ms: Float, y_m: Float, x_m: Float
) -> list[BodyPart]:
    """Return the parts of all bodies that may meet some ages, oldest interval first.

    Parameters
    ----------
    context : seed, scenario and velocity of the world.
    ages_ms : ranges of ages in ms, (n, 2), in any order; they may overlap.
    y_m, x_m : lateral axes in metres.
    """
    first = int(np.floor((ages_ms[:, 0].min() - REACH_MS) / INTERVAL_MS))
    last = int(np.floor((ages_ms[:, 1].max() + REACH_MS) / INTERVAL_MS))
    out: list[BodyPart] = []
    for interval in range(last, first - 1, -1):
        low, high = interval * INTERVAL_MS, (interval + 1) * INTERVAL_MS
        for kind in KINDS:
            # How far bodies of this kind reach above and below their interval.
            above, below = getattr(kind, "REACH_AGE_MS", (REACH_MS, REACH_MS))
            if ((ages_ms[:, 0] <= high + below) & (ages_ms[:, 1] >= low - above)).any():
                out += kind.draw_parts(context, interval, y_m, x_m)
    return out
