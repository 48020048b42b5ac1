"""Streams of a graph, the activations in it, and the classification of each node."""
