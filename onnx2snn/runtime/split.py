"""Splitting an emitted network behind its steps, to read it after any of them."""

from __future__ import annotations

import onnx_ir as ir

from onnx2snn.graph import NodeBuilder, boundary, fresh_name, reads, subgraphs
from onnx2snn.schedules import (
    LAST_STEP,
    LOOP_NAME,
    TIME_AXIS,
    extra_steps_of,
    stops_early,
    time_loops,
    time_steps_of,
)
from onnx2snn.schedules.scan_outputs import scan_out

__all__ = ["split_behind_steps", "tells_all_steps"]


def tells_all_steps(graph: ir.Graph) -> bool:
    """Whether an emitted network can be split behind its steps.

    Its outputs are then functions of values after a single step, whatever that is. They are not
    if its layers wait for each other, or if it stands in the branches of an If.
    """
    loops = time_loops(graph)
    if extra_steps_of(graph):
        return False
    if any(map(stops_early, loops)):
        return False
    if loops:
        names = [node.name for node in graph if node in loops]
        return names == [LOOP_NAME]
    ends = _last_values(graph)
    return bool(ends) and not any(map(_reads_time, _nodes_behind(graph, ends)))


def split_behind_steps(model: ir.Model) -> tuple[ir.Model, ir.Model]:
    """Cut an emitted network in two behind its steps.

    Args:
        model: An emitted network that tells all steps; it is used up.

    Returns:
        The trunk, whose outputs are those values that are read behind the steps, after every
        step: [T, ...]. And the readout, from these values after one step, under the same names,
        and perhaps graph inputs, to the outputs of the network.

    Raises:
        ValueError: The network does not tell all steps.
    """
    graph = model.graph
    if not tells_all_steps(graph):
        message = (
            "the model has no steps, or has them layer by layer or in branches of an If"
        )
        raise ValueError(message)
    after_last = _values_after_last_step(graph)
    for position, value in enumerate(graph.outputs):
        if value in after_last:
            graph.outputs[position] = _append_copy(graph, value)
    ends = boundary(graph.outputs, after_last)
    readout_graph = ir.convenience.extract(graph, ends, graph.outputs)
    functions = tuple(model.functions.values())
    readout = ir.Model(readout_graph, ir_version=model.ir_version, functions=functions)
    carried = [value for value in after_last if value in ends]
    graph.outputs[:] = [_after_every_step(graph, value) for value in carried]
    return model, readout


def _values_after_last_step(graph: ir.Graph) -> list[ir.Value]:
    """Return the values of the last step that others may read behind the steps."""
    for loop in time_loops(graph):
        return list(loop.outputs)
    return _last_values(graph)


def _last_values(graph: ir.Graph) -> list[ir.Value]:
    """Return the values taken in the last step, where time is in the batch."""
    return [
        node.outputs[0] for node in graph if (node.name or "").startswith(LAST_STEP)
    ]


def _nodes_behind(graph: ir.Graph, ends: list[ir.Value]) -> set[ir.Node]:
    """Return the nodes between ``ends`` and the outputs of ``graph``."""
    found: set[ir.Node] = set()
    pending = [value for value in graph.outputs if value not in ends]
    while pending:
        node = pending.pop().producer()
        if node is not None and node not in found:
            found.add(node)
            pending += [value for value in reads(node) if value not in ends]
    return found


def _reads_time(node: ir.Node) -> bool:
    """Whether ``node`` reads T, or holds nodes that do."""
    if node.name == TIME_AXIS:
        return True
    return any(time_steps_of(graph) is not None for graph in subgraphs(node))


def _after_every_step(graph: ir.Graph, value: ir.Value) -> ir.Value:
    """Return ``value`` after every step, [T, ...], under its name."""
    node = value.producer()
    assert node is not None  # a Loop, or what takes the last step
    if node in time_loops(graph):
        return _scan_carried_value(node, value)
    name = value.name
    value.name = fresh_name(graph, f"{name}.last")
    steps = NodeBuilder(graph).add("Identity", [node.inputs[0]], f"{name}.each")
    steps.type = value.type
    steps.name = name
    return steps


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
    result = scan_out(loop, after_step, str(name), value)
    value.name = f"{name}.last"
    result.name = name
    return result
