"""The procedural geological prior: structure filled with Markov bed stacks and channels."""

from lithogen.prior.sample import sample_world
from lithogen.prior.world import world_fields
from lithogen.strata.voxels import WorldFields

__all__ = ["WorldFields", "sample_world", "world_fields"]
