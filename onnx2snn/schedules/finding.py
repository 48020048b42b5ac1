"""Loops over time found again in an emitted graph, by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx

from onnx2snn.graph import dependency_graph, is_op, subgraphs
from onnx2snn.metadata.facts import DELAY
from onnx2snn.ops.predicates import closed_form_of, sends_weighted_spikes

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = [
    "ACCUMULATION_LOOP",
    "ITERATIONS",
    "LAST_STEP",
    "LAYER_LOOP",
    "LAYER_STEPS",
    "LOOP_NAME",
    "STEP_LOOP",
    "TIME_AXIS",
    "extra_steps_of",
    "has_weighted_spikes",
    "is_accumulation_loop",
    "is_layer_loop",
    "is_step_loop",
    "is_time_loop",
    "layers_in_a_row",
    "stops_early",
    "time_loops",
    "time_steps_of",
    "without_delays",
]

LOOP_NAME = "onnx2snn.time_loop"
"""Name of the Loop node over time in which all layers advance together."""

LAYER_LOOP = "onnx2snn.layer_loop."
"""Start of the name of a Loop node over the time of one layer; the layer's follows."""

ACCUMULATION_LOOP = "onnx2snn.segment_loop."
"""Start of the name of a Loop node that adds up the spikes of layers; a value's follows."""


LAYER_STEPS = "onnx2snn.layer_steps"
"""Start of the name of a node that reads T where layers fire one after another."""

ITERATIONS = "onnx2snn.iterations"
"""Name of the node that adds delays to T, where a Loop runs on until all layers are done."""

TIME_AXIS = "onnx2snn.time_axis"
"""Name of the node that reads T, in a graph with time in the batch."""

STEP_LOOP = "onnx2snn.step_loop."
"""Start of the name of a Loop of nodes in such a graph, one step at a time; a value's follows."""

LAST_STEP = "onnx2snn.last_step."
"""Start of the name of a node in such a graph that takes a value in the last step."""


def time_loops(graph: ir.Graph) -> list[ir.Node]:
    """Return the Loops in which neurons of an emitted graph fire.

    One in lockstep, more if branches of an If have some; layer by layer, one for each layer that
    is no closed form.
    """
    return [node for node in graph.all_nodes() if is_time_loop(node)]


def time_steps_of(graph: ir.Graph) -> ir.Value | None:
    """Return T of an emitted graph, wherever its steps are; None if it has none."""
    for node in graph.all_nodes():
        if is_time_loop(node) or _reads_time_steps(node):
            return without_delays(node.inputs[0])
    return None


def _reads_time_steps(node: ir.Node) -> bool:
    name = node.name or ""
    return name == TIME_AXIS or name.startswith(LAYER_STEPS)


def without_delays(count: ir.Value | None) -> ir.Value | None:
    """Return T where ``count`` is T and the delays, else ``count``."""
    node = None if count is None else count.producer()
    if node is not None and node.name == ITERATIONS:
        return node.inputs[0]
    return count


def is_time_loop(node: ir.Node) -> bool:
    """Whether ``node`` is a Loop in which neurons fire."""
    if is_layer_loop(node):
        return True
    return is_op(node, "Loop") and node.name == LOOP_NAME


def is_layer_loop(node: ir.Node) -> bool:
    """Whether ``node`` is a Loop in which one layer fires alone."""
    return _is_loop_named(node, LAYER_LOOP)


def is_accumulation_loop(node: ir.Node) -> bool:
    """Whether ``node`` is a Loop that adds up the spikes of layers."""
    return _is_loop_named(node, ACCUMULATION_LOOP)


def is_step_loop(node: ir.Node) -> bool:
    """Whether ``node`` is a Loop of what runs one step at a time, with time in the batch."""
    return _is_loop_named(node, STEP_LOOP)


def _is_loop_named(node: ir.Node, start: str) -> bool:
    name = node.name or ""
    return is_op(node, "Loop") and name.startswith(start)


def stops_early(loop: ir.Node) -> bool:
    """Whether a Loop over time may end before its last step."""
    goes_on = loop.attributes["body"].as_graph().outputs[0].producer()
    return goes_on is not None and not is_op(goes_on, "Identity")


def extra_steps_of(graph: ir.Graph) -> int:
    """Return how many steps an emitted graph needs beyond T until its outputs are there.

    Those are the delays of its layers, of which only the schedule staggered has any.
    """
    return max(
        (DELAY.read(node) or 0 for node in graph.all_nodes() if _is_over_time(node)),
        default=0,
    )


def has_weighted_spikes(graph: ir.Graph) -> bool:
    """Whether spikes of an emitted graph weigh by their step, in all layers together."""
    return any(map(sends_weighted_spikes, graph.all_nodes()))


def _is_over_time(node: ir.Node) -> bool:
    return is_time_loop(node) or node.name == TIME_AXIS


def layers_in_a_row(graph: ir.Graph) -> int:
    """Return how many layers of an emitted graph fire one after another on its longest path."""
    edges = dependency_graph(graph)
    depths: dict[ir.Node, int] = {}
    for node in nx.topological_sort(edges):
        predecessors = edges.predecessors(node)
        before = [depths[predecessor] for predecessor in predecessors]
        deepest = max(before, default=0)
        depths[node] = deepest + _layers_inside(node)
    return max(depths.values(), default=0)


def _layers_inside(node: ir.Node) -> int:
    """Return how many layers fire one after another in ``node`` itself."""
    if is_layer_loop(node) or closed_form_of(node) is not None:
        return 1
    inner = [layers_in_a_row(graph) for graph in subgraphs(node)]
    return max(inner, default=0)
