"""Streams of a graph, the activations in it, and the classification of each node.

Entry: ``find_streams`` in ``streams.py``, and ``activations`` in ``activations.py``;
``operators/`` has the table of ONNX operators.
"""
