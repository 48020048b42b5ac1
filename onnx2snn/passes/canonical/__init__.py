"""Stage 1: one spelling of each thing."""
