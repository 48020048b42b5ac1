"""Stage 5: the Loop over time."""
