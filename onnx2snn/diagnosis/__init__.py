"""Where a spiking network loses what its ANN has, and what to do about it."""
