"""Stage 3: thresholds written, neurons in: the single-step graph."""
