"""Training of stage 1: worlds of the prior or own models, losses, recipes, runs."""
