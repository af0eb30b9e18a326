"""Strata in tables over age and position, and how they come to voxels; made by prior or stage 1."""
