"""Initial potentials as a part of the current of each step."""

from __future__ import annotations

import dataclasses

import numpy as np

from onnx2snn.exporting.layers import Convolution, LayerGraph, Neuron, Product
from onnx2snn.exporting.passes.fold_thresholds import per_channel
from onnx2snn.exporting.passes.linear_layers import has_one_reader, identity

__all__ = ["spread_potentials"]


def spread_potentials(graph: LayerGraph, time_steps: int) -> bool:
    """Let all neurons start at 0, and add a T-th of what they started at in each step.

        before:  v(0) = v0,  v(t) = v(t-1) + x(t) - spikes
        after:   v(0) = 0,   v(t) = v(t-1) + x(t) + v0 / T - spikes

    No exact rewriting: after T steps the same charge has come in, but spikes come later. With
    another number of steps than T it is another charge.

    Args:
        graph: The layers.
        time_steps: T, the number of steps that the reader will run for.

    Returns:
        Whether any neuron started elsewhere than at 0.
    """
    found = False
    for name in graph.named(Neuron):
        neuron = graph.layers[name]
        assert isinstance(neuron, Neuron)  # named so
        if neuron.start.any():
            found = True
            shape = graph.shapes[name]
            added = per_channel(neuron.start, shape) / time_steps
            _add_bias(graph, name, added)
            start = np.zeros_like(neuron.start)
            graph.layers[name] = dataclasses.replace(neuron, start=start)
    return found


def _add_bias(graph: LayerGraph, name: str, added: np.ndarray) -> None:
    """Add a number for each channel to what a layer reads."""
    for source in graph.sources[name]:
        layer = graph.layers[source]
        is_linear = isinstance(layer, Convolution | Product)
        if is_linear and has_one_reader(graph, source):
            assert isinstance(layer, Convolution | Product)
            graph.layers[source] = dataclasses.replace(layer, bias=layer.bias + added)
            return
    source = graph.sources[name][0]
    same = identity(graph.shapes[name])
    with_bias = dataclasses.replace(same, bias=added)
    graph.insert(name, f"{source}.shifted", with_bias, [source])
