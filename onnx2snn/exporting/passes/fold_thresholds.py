"""Thresholds of 1."""

from __future__ import annotations

import dataclasses

import numpy as np

from onnx2snn.exporting.layers import Convolution, LayerGraph, Neuron, Product, Shape
from onnx2snn.exporting.passes.linear_layers import has_one_reader, identity, scaled

__all__ = ["fold_thresholds"]


def fold_thresholds(graph: LayerGraph) -> None:
    """Give all neurons a threshold of 1, and measure what they read in thresholds.

        before:  IF(W s + b, threshold theta, start v)
        after:   IF((W / theta) s + b / theta, threshold 1, start v / theta)

    The same spikes. What comes from no weights of its own, as over a residual connection, gets a
    layer of weights that only divides.

    Raises:
        ValueError: A threshold is not one number a channel.
    """
    for name in graph.named(Neuron):
        _fold(graph, name)


def _fold(graph: LayerGraph, name: str) -> None:
    neuron = graph.layers[name]
    assert isinstance(neuron, Neuron)  # named so
    shape = graph.shapes[name]
    factors = 1 / per_channel(neuron.threshold, shape)
    if (factors == 1).all():
        return
    for source in graph.sources[name]:
        layer = graph.layers[source]
        if not isinstance(layer, Convolution | Product):
            divided = scaled(identity(shape), factors)
            graph.insert(name, f"{source}.divided", divided, [source])
        elif has_one_reader(graph, source):
            graph.layers[source] = scaled(layer, factors)
        else:
            copy = scaled(layer, factors)
            sources = graph.sources[source]
            new = graph.insert(name, f"{source}.scaled", copy, [source])
            graph.sources[new] = sources
    ones = np.ones([1] * len(shape))
    start = neuron.start / neuron.threshold
    graph.layers[name] = dataclasses.replace(
        neuron,
        threshold=ones,
        start=start,
    )


def per_channel(numbers: np.ndarray, shape: Shape) -> np.ndarray:
    """Return numbers that broadcast to a sample, as one for each channel."""
    channels = shape[0]
    if numbers.size not in {1, numbers.shape[0]}:
        message = f"numbers of the shape {numbers.shape} are not one a channel"
        raise ValueError(message)
    return np.broadcast_to(numbers.reshape(-1), channels)
