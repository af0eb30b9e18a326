"""Training of stage 1: recipe, cached worlds, loop, checkpoints."""
