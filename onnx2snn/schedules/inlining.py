"""The Loop over time taken back: the single-step graph that it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir as ir

from onnx2snn.graph import fresh_name, rewire

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["inline_time_loop"]


def inline_time_loop(loop: ir.Node, events: Iterable[ir.Value]) -> list[str]:
    """Put the nodes of a step in the place of the Loop over time, as they were before it.

    States read their values before the first step again, and whatever read them behind the Loop
    reads those after a step. Inputs that are events lose the axis of time.

    Args:
        loop: The Loop over all steps; its graph is changed in place.
        events: The inputs of its graph that are events.

    Returns:
        The names of the graph outputs that the Loop gave for every step.
    """
    graph = loop.graph
    assert isinstance(graph, ir.Graph)  # nodes of functions are never rewritten
    nodes, afters = _take_out_body(loop, graph)
    carried = len(loop.inputs) - _BEFORE_STATES
    every_step = [str(value.name) for value in loop.outputs[carried:]]
    for output, after in zip(loop.outputs, afters, strict=True):
        _hand_back(graph, output, after)
    graph.insert_before(loop, nodes)
    count = loop.inputs[0]
    graph.remove(loop, safe=True)
    if count is not None:
        _remove_unread(graph, count)
    for event in events:
        _read_event_itself(event)
    graph.sort()
    return every_step


_BEFORE_STATES = 2
"""Inputs of a Loop in front of those that are carried; its body has as many."""


def _take_out_body(
    loop: ir.Node, graph: ir.Graph
) -> tuple[list[ir.Node], Sequence[ir.Value]]:
    """Return the nodes of a step, of no graph and on the values before it, and their results."""
    body = loop.attributes["body"].as_graph()
    _, go_on, *insides = body.inputs
    _, *afters = body.outputs
    nodes = [node for node in body if go_on not in node.inputs]
    body.outputs.clear()
    body.remove(list(body))
    _move_constants(body, graph)
    befores = loop.inputs[_BEFORE_STATES:]
    for inside, before in zip(insides, befores, strict=True):
        assert before is not None  # every carried value starts somewhere
        for node in nodes:
            rewire(node, inside, before)
    return nodes, afters


def _move_constants(body: ir.Graph, graph: ir.Graph) -> None:
    """Make initializers of the body those of the graph around it."""
    for value in tuple(body.initializers.values()):
        name = str(value.name)
        del body.initializers[name]
        value.name = fresh_name(graph, name.removesuffix(".body"))
        graph.register_initializer(value)


def _hand_back(graph: ir.Graph, output: ir.Value, after: ir.Value) -> None:
    """Let readers of an output of the Loop read the value of its body."""
    if output in graph.outputs:
        name = output.name
        output.name = f"{name}.replaced"
        after.name = name
        outputs = [after if value is output else value for value in graph.outputs]
        graph.outputs[:] = outputs
    output.replace_all_uses_with(after)


def _remove_unread(graph: ir.Graph, count: ir.Value) -> None:
    """Remove the nodes that count the steps of events, if no other Loop reads them."""
    node = count.producer()
    while node is not None and node.graph is graph:
        if any(value.uses() for value in node.outputs):
            return
        source = node.inputs[0]
        graph.remove(node, safe=True)
        node = None if source is None else source.producer()


def _read_event_itself(event: ir.Value) -> None:
    """Let nodes read ``event`` where they read a slice of it, and take its axis of time away."""
    for use in tuple(event.uses()):
        node = use.node
        node.outputs[0].replace_all_uses_with(event)
        assert isinstance(node.graph, ir.Graph)
        node.graph.remove(node, safe=True)
    if event.shape is not None:
        event.shape = ir.Shape(event.shape[1:])
