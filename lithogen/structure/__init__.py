"""Structure: relative geologic time, faults and body axes, unbounded and hash-seeded."""

from lithogen.structure.model import Structure, StructureFields
from lithogen.structure.velocity import BackgroundVelocity

__all__ = ["BackgroundVelocity", "Structure", "StructureFields"]
