"""Layer by layer on the spikes that really arrive: fit weights, thresholds and potentials.

Entry: ``correct_layer_by_layer`` in ``layer_by_layer.py``.
"""
