"""Layers of an emitted Loop brought back into one step, as they were before they were staggered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.graph import constant, is_op
from onnx2snn.ops import DOMAIN
from onnx2snn.ops.predicates import sends_weighted_spikes
from onnx2snn.schedules.loops import named_inputs
from onnx2snn.schedules.windows import is_window

if TYPE_CHECKING:
    import onnx_ir as ir

__all__ = ["take_back_staggering"]


def take_back_staggering(graph: ir.Graph) -> None:
    """Remove from a single-step graph what only a Loop with delays needs.

    Neurons fire in each step, streams are heard in each, and none of them waits in a Delay. What
    is written on neurons stays: their delays, and thresholds that are raised by these.

    Args:
        graph: What ``inline_time_loop`` made of a Loop; it is changed in place. One without
            delays stays as it is.
    """
    for node in tuple(graph):
        if is_op(node, "Where") and is_window(node.inputs[0]):
            _bypass(node, node.inputs[1])
        elif node.domain == DOMAIN and node.op_type == "Delay":
            _bypass(node, node.inputs[0])
            graph.remove(node, safe=True)
        elif sends_weighted_spikes(node):
            _fire_in_each_step(graph, node)
    _remove_unread(graph)


def _bypass(node: ir.Node, value: ir.Value | None) -> None:
    """Let whatever reads the first output of ``node`` read ``value``."""
    assert value is not None  # an operand
    node.outputs[0].replace_all_uses_with(value)


def _fire_in_each_step(graph: ir.Graph, neuron: ir.Node) -> None:
    gate = named_inputs(neuron)["fires"]
    maker = None if gate is None else gate.producer()
    if gate is None or maker is None or not is_window(maker.inputs[0]):
        return
    dtype = np.float32 if gate.dtype is None else gate.dtype.numpy()
    always = constant(graph, f"{neuron.name}.fires", np.ones([], dtype))
    position = list(named_inputs(neuron)).index("fires")
    neuron.replace_input_with(position, always)


def _remove_unread(graph: ir.Graph) -> None:
    """Remove the nodes whose outputs nobody reads: windows, and the clock that they are told by."""
    for node in reversed(tuple(graph)):
        is_read = any(v.uses() or v.is_graph_output() for v in node.outputs)
        if not is_read:
            graph.remove(node, safe=True)
