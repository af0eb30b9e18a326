"""Stage 1: strata by diffusion on a stratigraphic lattice, and how they come to voxels."""
