"""lithogen: generate geology and its seismic; any window of an unbounded world.

Names are loaded when first used: `import lithogen` loads neither torch nor diffusers.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lithogen.api import generate
    from lithogen.diffusion.pipeline import LithologyPipeline
    from lithogen.errors import LithogenError
    from lithogen.grid import Spacing, Window
    from lithogen.prior import sample_world
    from lithogen.rockphysics import FACIES
    from lithogen.scenario import Scenario
    from lithogen.structure import Structure
    from lithogen.structure.horizons import horizon
    from lithogen.wells import Well, Wells

_HOME = {
    "FACIES": "lithogen.rockphysics",
    "LithogenError": "lithogen.errors",
    "LithologyPipeline": "lithogen.diffusion.pipeline",
    "Scenario": "lithogen.scenario",
    "Spacing": "lithogen.grid",
    "Structure": "lithogen.structure",
    "Well": "lithogen.wells",
    "Wells": "lithogen.wells",
    "Window": "lithogen.grid",
    "generate": "lithogen.api",
    "horizon": "lithogen.structure.horizons",
    "sample_world": "lithogen.prior",
}

__all__ = [
    "FACIES", "LithogenError", "LithologyPipeline", "Scenario", "Spacing", "Structure",
    "Well", "Wells", "Window", "generate", "horizon", "sample_world",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'lithogen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
