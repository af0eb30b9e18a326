"""Wells: logs and facies along tracks, blocked to voxels and projected along age."""
