"""From the activations of an ANN to the thresholds of its neurons.

Entry: ``find_scales`` in ``threshold_sources.py``.
"""
