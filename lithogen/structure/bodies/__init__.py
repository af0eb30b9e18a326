"""Geological bodies attached to ages: channels, lobes, deltas, build-ups and others."""

from lithogen.structure.bodies.part import BodyContext, BodyKind, BodyPart, body_number

__all__ = ["BodyContext", "BodyKind", "BodyPart", "body_number"]
