"""Adding a bias to a current: in a constant that is there, or as a node of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from onnx2snn.analysis.operators import operator_of
from onnx2snn.graph import (
    NodeBuilder,
    array,
    constant,
    display_name,
    fresh_name,
    has_one_reader,
    is_constant,
    is_op,
    set_array,
)
from onnx2snn.ops import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["add_bias", "add_step_bias", "raise_output"]

_STEP = "onnx2snn.step"
"""Name of the node that counts the steps for biases that differ from step to step."""


def add_bias(graph: ir.Graph, neuron: ir.Node, bias: np.ndarray) -> None:
    """Add ``bias`` to the current of ``neuron``, in the bias of a node before it if that can be.

    Args:
        graph: The graph of the neuron.
        neuron: A neuron in step form.
        bias: What is added, in a shape that broadcasts to the current.
    """
    current = neuron.inputs[0]
    if current is None or not np.any(bias):
        return
    if has_one_reader(current) and (
        _add_to(current, bias) or _give(graph, current, bias)
    ):
        return
    operand = constant(graph, f"{display_name(neuron)}.bias", bias)
    _insert_add(graph, current, operand, [neuron], f"{display_name(neuron)}.add_bias")


def raise_output(graph: ir.Graph, node: ir.Node, bias: np.ndarray) -> None:
    """Let all that read the first output of ``node`` find it larger by ``bias``.

    Args:
        graph: The graph of the node, which has weights.
        node: Conv, ConvTranspose, Gemm or MatMul.
        bias: What is added, in a shape that broadcasts to the output.
    """
    output = node.outputs[0]
    if not np.any(bias) or _add_to(output, bias) or _give(graph, output, bias):
        return
    operand = constant(graph, f"{display_name(node)}.bias", bias)
    readers = [use.node for use in output.uses()]
    _insert_add(
        graph,
        output,
        operand,
        readers,
        f"{display_name(node)}.add_bias",
        everywhere=True,
    )


def add_step_bias(graph: ir.Graph, neuron: ir.Node, biases: np.ndarray) -> None:
    """Add to the current of ``neuron`` another bias in each step; the last one stays.

    Args:
        graph: The graph of the neuron.
        neuron: A neuron in step form.
        biases: [T, ...], each in a shape that broadcasts to the current.
    """
    current = neuron.inputs[0]
    if current is None or not np.any(biases):
        return
    name = display_name(neuron)
    table = constant(graph, f"{name}.biases", biases)
    last = constant(graph, f"{name}.last_step", np.array(len(biases) - 1, np.int64))
    builder = NodeBuilder.before(neuron)
    at = builder.add("Min", [_step(graph), last], f"{name}.step", like=last)
    now = builder.add("Gather", [table, at], f"{name}.bias", {"axis": 0}, like=table)
    now.shape = ir.Shape(biases.shape[1:])
    _insert_add(graph, current, now, [neuron], f"{name}.add_bias")


def _step(graph: ir.Graph) -> ir.Value:
    """Return the number of the step, 0 in the first."""
    for node in graph:
        if node.name == _STEP:
            return node.outputs[0]
    one = constant(graph, "step_one", np.array(1, np.int64))
    before = constant(graph, "step_before_first", np.array(-1, np.int64))
    node = ir.node("RunningSum", [one, before], domain=DOMAIN, name=_STEP)
    first = next(iter(graph))
    return NodeBuilder.before(first).put(node, "step_number", like=one)


def _insert_add(  # noqa: PLR0913 (what is added to what, and who reads it)
    graph: ir.Graph,
    value: ir.Value,
    operand: ir.Value,
    readers: Collection[ir.Node],
    name: str,
    *,
    everywhere: bool = False,
) -> None:
    """Let ``readers``, and with ``everywhere`` a graph output, read the sum."""
    node = ir.node("Add", [value, operand], name=name)
    total = node.outputs[0]
    total.type, total.shape = value.type, value.shape
    producer = value.producer()
    for use in tuple(value.uses()):
        if use.node in readers:
            use.node.replace_input_with(use.idx, total)
    if everywhere and value.is_graph_output():
        total.name, value.name = (
            value.name,
            fresh_name(graph, f"{value.name}.before_bias"),
        )
        graph.outputs[:] = [
            total if output is value else output for output in graph.outputs
        ]
    else:
        total.name = fresh_name(graph, name)
    if producer is None or producer.graph is not graph:
        graph.insert_before(next(iter(readers)), node)
    else:
        graph.insert_after(_last_made(graph, value, operand), node)


def _last_made(graph: ir.Graph, *values: ir.Value) -> ir.Node:
    """Return the last node in the order of ``graph`` that makes one of ``values``."""
    makers = {value.producer() for value in values}
    return [node for node in graph if node in makers][-1]


def _add_to(value: ir.Value, bias: np.ndarray) -> bool:
    """Add ``bias`` to a constant that only ``value`` depends on; whether there is one."""
    node = value.producer()
    if node is None:
        return False
    if is_op(node, "Add"):
        terms = [
            term for term in node.inputs if term is not None and has_one_reader(term)
        ]
        return any(_add_to(term, bias) for term in terms)
    operand = (
        node.inputs[2] if _takes_bias(node, bias) and len(node.inputs) > 2 else None
    )
    if operand is None or not is_constant(operand) or not has_one_reader(operand):
        return False
    old = array(operand)
    if bias.size not in {1, old.size}:
        return False
    set_array(operand, old + bias.reshape(-1) / node.attributes.get_float("beta", 1.0))
    return True


def _give(graph: ir.Graph, value: ir.Value, bias: np.ndarray) -> bool:
    """Give the node that makes ``value`` a bias, if it has none; whether that can be."""
    node = value.producer()
    if node is None or not _takes_bias(node, bias) or bias.size == 1:
        return False
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        return False
    beta = node.attributes.get_float("beta", 1.0)
    node.resize_inputs(3)
    operand = constant(
        graph, f"{display_name(node)}.bias", bias.reshape(-1) / bias.dtype.type(beta)
    )
    node.replace_input_with(2, operand)
    return True


def _takes_bias(node: ir.Node, bias: np.ndarray) -> bool:
    """Whether ``node`` adds a bias along the axis along which ``bias`` lies."""
    along_channels = bias.shape[1:2] == (bias.size,)
    adds_third_input = 2 in operator_of(node).bias
    shape = node.outputs[0].shape
    same_axes = shape is not None and len(shape) == bias.ndim
    weight = node.attributes.get_float("beta", 1.0)
    return adds_third_input and along_channels and same_axes and weight != 0.0
