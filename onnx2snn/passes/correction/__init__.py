"""Stage 4: layer by layer, on the spikes that really arrive."""
