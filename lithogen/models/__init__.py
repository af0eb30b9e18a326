"""Networks of stage 1."""
