"""Weights and the neurons that they drive, as one operator of the library.

What a weighted operator gives is then never whole in memory: some samples or rows of it at a time
drive their neurons through all steps, from the cache.
"""

from __future__ import annotations

import onnx_ir as ir

from onnx2snn.compilation.naming import PACKED, WEIGHTED
from onnx2snn.graph import has_one_reader, replace_value
from onnx2snn.ops import DOMAIN

__all__ = ["join_neurons_to_weights"]

_TIME_STEPS = 3
"""The input of a packed neuron that its weights make needless: they know T."""


def join_neurons_to_weights(graph: ir.Graph) -> None:
    """Let every weighted operator that only drives one layer of neurons be one with it."""
    for node in list(graph):
        is_neuron = node.domain == DOMAIN and node.op_type.endswith(PACKED)
        if is_neuron:
            _join(graph, node)


def _join(graph: ir.Graph, neuron: ir.Node) -> None:
    """Put one operator in the place of a neuron and of what drives it, if weights do."""
    current = neuron.inputs[0]
    driver = None if current is None else current.producer()
    if current is None or driver is None:
        return
    is_weighted = driver.domain == DOMAIN and driver.op_type in WEIGHTED
    if not is_weighted or not has_one_reader(current):
        return
    name = driver.op_type + neuron.op_type.removesuffix(PACKED)
    others = [*neuron.inputs[1:_TIME_STEPS], *neuron.inputs[_TIME_STEPS + 1 :]]
    inputs = [*driver.inputs, *others]
    attributes = list(driver.attributes.values())
    outputs = len(neuron.outputs)
    joined = ir.Node(DOMAIN, name, inputs, attributes, num_outputs=outputs)
    joined.name = neuron.name
    joined.metadata_props.update(neuron.metadata_props)
    graph.insert_before(neuron, joined)
    for old, new in zip(neuron.outputs, joined.outputs, strict=True):
        new.type = old.type
        new.name, old.name = old.name, None
        replace_value(old, new)
    graph.remove([neuron, driver], safe=True)
