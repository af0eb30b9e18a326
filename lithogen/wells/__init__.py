"""Wells: logs and facies along tracks, blocked to voxels and projected along age."""

from lithogen.wells.voxels import WellVoxels
from lithogen.wells.well import Well
from lithogen.wells.wells import Wells

__all__ = ["Well", "WellVoxels", "Wells"]
