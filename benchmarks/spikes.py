"""The number of spikes that a converted network sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.compilation import load
from onnx2snn.evaluation.outputs import outputs_by_batch
from onnx2snn.graph import fresh_name
from onnx2snn.ops.predicates import is_neuron, runs_all_steps
from onnx2snn.schedules import time_loops

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
    counts = [*_counts_in_loops(graph), *_counts_of_all_steps(graph)]
    spikes, neurons = zip(*counts, strict=True)
    for name, scalars in ((SPIKES, spikes), (NEURONS, neurons)):
        total = _add(graph, "Sum", scalars)
        total.name, total.type = name, ir.TensorType(FLOAT)
        graph.outputs.append(total)
    return model


def _counts_in_loops(graph: ir.Graph) -> Iterator[tuple[ir.Value, ir.Value]]:
    """Yield the spikes in all steps, and the number, of the neurons in each Loop."""
    for loop in time_loops(graph):
        body = loop.attributes["body"].as_graph()
        for neuron in filter(is_neuron, list(body)):
            sent = _every_step(loop, _spikes(body, neuron.outputs[0]))
            size = _every_step(loop, _size(body, neuron.outputs[0]))
            # spikes are added over the steps; neurons are as many in each
            yield (
                _add(graph, "ReduceSum", [sent], keepdims=0),
                _add(graph, "ReduceMax", [size], keepdims=0),
            )


def _counts_of_all_steps(graph: ir.Graph) -> Iterator[tuple[ir.Value, ir.Value]]:
    """Yield the same of the neurons whose steps are in the batch."""
    for neuron in list(graph):
        if runs_all_steps(neuron) and is_neuron(neuron):
            spikes, potential, *_ = neuron.outputs
            yield _spikes(graph, spikes), _size(graph, potential)


def _spikes(graph: ir.Graph, sent: ir.Value) -> ir.Value:
    as_floats = _add(graph, "Cast", [sent], to=FLOAT)
    return _add(graph, "ReduceL1", [as_floats], keepdims=0)


def _size(graph: ir.Graph, value: ir.Value) -> ir.Value:
    size = _add(graph, "Size", [value])
    return _add(graph, "Cast", [size], to=FLOAT)


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
