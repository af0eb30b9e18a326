"""The procedural geological prior: structure filled with Markov bed stacks and channels."""

from lithogen.prior.world import WorldFields, world_fields

__all__ = ["WorldFields", "world_fields"]
