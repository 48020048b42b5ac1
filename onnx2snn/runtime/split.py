"""Splitting an emitted network behind its loop, to read it after any step."""

from __future__ import annotations

import onnx_ir as ir

from onnx2snn.graph import NodeBuilder, boundary, fresh_name
from onnx2snn.schedules import time_loops

__all__ = ["split_behind_loop"]


def split_behind_loop(model: ir.Model) -> tuple[ir.Model, ir.Model]:
    """Cut an emitted network in two behind the loop over time.

    Args:
        model: An emitted network; it is used up.

    Returns:
        The trunk, whose outputs are those values carried by the loop that are read behind it,
        after every step: [T, ...]. And the readout, from these values after one step, under
        the same names, and perhaps graph inputs, to the outputs of the network.

    Raises:
        ValueError: The model has no loop over time, or more than one, or not in its main graph.
    """
    graph = model.graph
    loop = _only_loop(graph)
    outputs = tuple(graph.outputs)
    for position, value in enumerate(outputs):
        if value.producer() is loop:
            graph.outputs[position] = _append_copy(graph, value)
    ends = boundary(graph.outputs, loop.outputs)
    readout_graph = ir.convenience.extract(graph, ends, graph.outputs)
    functions = tuple(model.functions.values())
    readout = ir.Model(readout_graph, ir_version=model.ir_version, functions=functions)
    carried = [value for value in loop.outputs if value in ends]
    graph.outputs[:] = [_scan_carried_value(loop, value) for value in carried]
    return model, readout


def _only_loop(graph: ir.Graph) -> ir.Node:
    loops = time_loops(graph)
    if len(loops) != 1 or loops[0].graph is not graph:
        message = "the model has no loop over time, or has it in the branches of an If"
        raise ValueError(message)
    return loops[0]


def _append_copy(graph: ir.Graph, value: ir.Value) -> ir.Value:
    """Append a copy of ``value`` that takes over its name, and return it."""
    name = value.name
    builder = NodeBuilder(graph)
    copy = builder.add("Identity", [value], f"{name}.copy", like=value)
    value.name = fresh_name(graph, f"{name}.final")
    copy.name = name
    return copy


def _scan_carried_value(loop: ir.Node, value: ir.Value) -> ir.Value:
    """Let the loop give ``value`` after every step, under its name, and return that."""
    name = value.name
    body = loop.attributes["body"].as_graph()
    position = loop.outputs.index(value)
    after_step = body.outputs[1 + position]  # output 0 is the condition
    node = ir.node("Identity", [after_step], name=f"{name}.each")
    (scanned,) = node.outputs
    scanned.name = f"{name}.each"
    scanned.type = value.type
    body.append(node)
    body.outputs.append(scanned)
    count = len(loop.outputs) + 1
    loop.resize_outputs(count)
    result = loop.outputs[-1]
    value.name = f"{name}.last"
    result.name = name
    result.type = value.type
    return result
