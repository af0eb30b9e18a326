"""Structure: relative geologic time, faults and body axes, unbounded and hash-seeded."""

from lithogen.structure.model import Conditions, Structure, StructureFields
from lithogen.structure.velocity import BackgroundVelocity

__all__ = ["BackgroundVelocity", "Conditions", "Structure", "StructureFields"]
