"""Geological bodies attached to ages: channels, lobes, deltas, build-ups and others."""

from lithogen.structure.bodies.paint import (
    DRAPE_LENGTHS,
    N_FILL,
    BodyFields,
    drape,
    end_of_runs,
    paint,
)
from lithogen.structure.bodies.part import (
    INTERVAL_MS,
    REACH_MS,
    SEQUENCE_OFFSET_MS,
    BodyContext,
    BodyKind,
    BodyPart,
    body_number,
)

__all__ = [
    "DRAPE_LENGTHS", "INTERVAL_MS", "N_FILL", "REACH_MS", "SEQUENCE_OFFSET_MS", "BodyContext",
    "BodyFields", "BodyKind", "BodyPart", "body_number", "drape", "end_of_runs", "paint",
]
