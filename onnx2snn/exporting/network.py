"""The single-step graph of an emitted network, and of an ANN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx2snn.errors import OptionError, UnsupportedError
from onnx2snn.graph import display_name, is_float, share_names
from onnx2snn.metadata.input_coding import event_inputs_of
from onnx2snn.passes import FoldConstants, InferShapes, RemoveUnusedNodes, apply
from onnx2snn.schedules import (
    LOOP_NAME,
    extra_steps_of,
    has_weighted_spikes,
    stops_early,
    time_loops,
)
from onnx2snn.schedules.inlining import inline_time_loop
from onnx2snn.storage.isolation import isolate_values

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = [
    "chosen_output",
    "single_step",
]


def single_step(network: ir.Model, name: str) -> ir.Model:
    """Return the single-step graph that an emitted network was made from, with shapes.

    Args:
        network: An emitted network; it stays as it is.
        name: Its name in messages.

    Raises:
        UnsupportedError: Its layers do not advance together, one spike at a time.
    """
    copy = network.clone()
    isolate_values(copy)
    _check_schedule(copy, name)
    (loop,) = time_loops(copy.graph)
    share_names(copy.graph, copy.graph)
    inline_time_loop(loop, [])
    _remove_unread_inputs(copy.graph)
    return apply(copy, [FoldConstants(), InferShapes(), RemoveUnusedNodes()])


def _remove_unread_inputs(graph: ir.Graph) -> None:
    """Remove T, which nothing reads once there is no Loop."""
    for value in list(graph.inputs):
        is_read = value.uses() or value.is_graph_output()
        if not is_read and not is_float(value):
            graph.inputs.remove(value)
            graph.initializers.pop(str(value.name), None)


def _check_schedule(network: ir.Model, name: str) -> None:
    graph = network.graph
    loops = time_loops(graph)
    is_lockstep = [loop.name for loop in loops] == [LOOP_NAME]
    if not is_lockstep or extra_steps_of(graph) or has_weighted_spikes(graph):
        message = (
            f"{name} has no Loop in which all layers advance together, which is how other "
            "simulators run: convert the ANN again with --for nir"
        )
        raise UnsupportedError(message)
    if any(map(stops_early, loops)):
        message = f"{name} ends early: convert the ANN again without --early-exit"
        raise UnsupportedError(message)
    events = event_inputs_of(network)
    if events:
        message = (
            f"{name} takes events ({', '.join(events)}), and the export is checked on constant "
            "inputs: convert the ANN again with --input-coding direct"
        )
        raise UnsupportedError(message)


def chosen_output(graph: ir.Graph, until: str | None) -> ir.Value:
    """Return the value that is exported.

    Args:
        graph: The graph.
        until: Name of an output, or of a node or its output; None for the only output.

    Raises:
        OptionError: There is no such value, or several outputs to choose from.
    """
    if until is None:
        if len(graph.outputs) == 1:
            return graph.outputs[0]
        names = ", ".join(repr(str(value.name)) for value in graph.outputs)
        message = f"the network has the outputs {names}: choose one with --until NAME"
        raise OptionError(message)
    for value in graph.outputs:
        if value.name == until:
            return value
    for node in graph:
        if until in {display_name(node), *(value.name for value in node.outputs)}:
            return node.outputs[0]
    message = f"until: the network has no output and no node {until!r}"
    raise OptionError(message)
