"""The number of spikes that a converted network sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.evaluation.outputs import outputs_by_batch
from onnx2snn.graph import fresh_name
from onnx2snn.ops.predicates import is_neuron
from onnx2snn.runtime import load
from onnx2snn.schedules import time_loops

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx

__all__ = ["spikes_per_neuron"]

FLOAT = ir.DataType.FLOAT
SPIKES, NEURONS = "onnx2snn.spikes", "onnx2snn.neurons"
"""Outputs of a network that counts: of a batch, the spikes in all steps, and the neurons."""


def spikes_per_neuron(
    model: onnx.ModelProto, data: object, *, threads: int = 0
) -> float:
    """Return the mean number of spikes that a neuron sends for one sample in all T steps.

    A negative spike counts as a positive one does, and a spike that carries a count as so many.
    Random spikes of an input are left out.

    Args:
        model: An emitted network without neurons in branches of an If or in closed form, which
            runs for the T it was made for.
        data: Inputs, in any form that ``onnx2snn.data.dataset`` takes.
        threads: Threads within an operator; 0 for one a core.
    """
    network = load(_counting(model), threads=threads)
    spikes = neurons = 0.0
    for outputs in outputs_by_batch(network, data):
        spikes += float(outputs[SPIKES])
        neurons += float(outputs[NEURONS])
    return spikes / neurons


def _counting(proto: onnx.ModelProto) -> ir.Model:
    """Return the network with the outputs ``SPIKES`` and ``NEURONS``, float scalars."""
    model = ir.from_proto(proto)
    graph = model.graph
    spikes: list[ir.Value] = []
    neurons: list[ir.Value] = []
    for loop in time_loops(graph):
        body = loop.attributes["body"].as_graph()
        for neuron in filter(is_neuron, list(body)):
            sent = _add(body, "Cast", neuron.outputs[:1], to=FLOAT)
            size = _add(body, "Size", neuron.outputs[:1])
            spikes.append(_every_step(loop, _add(body, "ReduceL1", [sent], keepdims=0)))
            neurons.append(_every_step(loop, _add(body, "Cast", [size], to=FLOAT)))
    for name, values in ((SPIKES, spikes), (NEURONS, neurons)):
        # spikes are added over the steps; neurons are as many in each
        reduce = "ReduceSum" if name == SPIKES else "ReduceMax"
        scalars = [_add(graph, reduce, [value], keepdims=0) for value in values]
        total = _add(graph, "Sum", scalars)
        total.name, total.type = name, ir.TensorType(FLOAT)
        graph.outputs.append(total)
    return model


def _add(
    graph: ir.Graph, op_type: str, inputs: Sequence[ir.Value], **attributes: int
) -> ir.Value:
    """Add a node at the end of ``graph`` and return its output."""
    node = ir.node(op_type, inputs, attributes)
    graph.append(node)
    node.outputs[0].name = fresh_name(graph, f"onnx2snn.{op_type}")
    return node.outputs[0]


def _every_step(loop: ir.Node, value: ir.Value) -> ir.Value:
    """Return a new output of a Loop: a scalar of its body in all steps, [T]."""
    value.type = ir.TensorType(FLOAT)
    loop.attributes["body"].as_graph().outputs.append(value)
    loop.resize_outputs(len(loop.outputs) + 1)
    loop.outputs[-1].name = f"{loop.name}.{value.name}"
    return loop.outputs[-1]
