"""Splitting an emitted network behind its loop, to read it after any step."""

from __future__ import annotations

import onnx_ir as ir

from onnx2snn.graph import NodeBuilder, boundary, fresh_name
from onnx2snn.schedules import time_loops

__all__ = ["split"]


def split(model: ir.Model) -> tuple[ir.Model, ir.Model]:
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
    loops = time_loops(graph)
    if len(loops) != 1 or loops[0].graph is not graph:
        message = "the model has no loop over time, or has it in the branches of an If"
        raise ValueError(message)
    (loop,) = loops
    for position, value in enumerate(tuple(graph.outputs)):
        if value.producer() is loop:
            graph.outputs[position] = _renamed_copy(graph, value)
    ends = boundary(graph.outputs, loop.outputs)
    readout = ir.Model(
        ir.convenience.extract(graph, ends, graph.outputs),
        ir_version=model.ir_version,
        functions=tuple(model.functions.values()),
    )
    carried = [value for value in loop.outputs if value in ends]
    graph.outputs[:] = _after_every_step(loop, carried)
    return model, readout


def _renamed_copy(graph: ir.Graph, value: ir.Value) -> ir.Value:
    """Return a copy of ``value`` that takes over its name."""
    name = f"{value.name}.copy"
    copy = NodeBuilder(graph).add("Identity", [value], name, like=value)
    value.name, copy.name = fresh_name(graph, f"{value.name}.final"), value.name
    return copy


def _after_every_step(loop: ir.Node, carried: list[ir.Value]) -> list[ir.Value]:
    body = loop.attributes["body"].as_graph()
    count = len(loop.outputs)
    loop.resize_outputs(count + len(carried))
    results = list(loop.outputs[count:])
    for value, result in zip(carried, results, strict=True):
        after = body.outputs[1 + loop.outputs.index(value)]  # output 0 is the condition
        copy = ir.node("Identity", [after], name=f"{value.name}.each")
        copy.outputs[0].name = f"{value.name}.each"
        copy.outputs[0].type = value.type
        body.append(copy)
        body.outputs.append(copy.outputs[0])
        value.name, result.name = f"{value.name}.last", value.name
        result.type = value.type
    return results
