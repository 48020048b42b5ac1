"""Layer by layer on the spikes that really arrive: fit weights, thresholds and potentials."""
