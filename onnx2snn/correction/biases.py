"""Adding a bias to a current: in a constant that is there, or as a node of its own."""

from __future__ import annotations

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

__all__ = ["add_bias", "add_step_bias", "raise_output"]

_STEP = "onnx2snn.step"
"""Name of the node that counts the steps for biases that differ from step to step."""

_BIAS_INDEX = 2
"""Position of the bias among the inputs of Conv, ConvTranspose and Gemm."""


def add_bias(graph: ir.Graph, neuron: ir.Node, bias: np.ndarray) -> None:
    """Add ``bias`` to the current of ``neuron``, in the bias of a node before it if that can be.

    Args:
        graph: The graph of the neuron.
        neuron: A neuron of a single-step graph.
        bias: The addend, in a shape that broadcasts to the current.
    """
    current = neuron.inputs[0]
    if current is None or not np.any(bias):
        return
    if has_one_reader(current) and _add_to_producer(graph, current, bias):
        return
    name = display_name(neuron)
    operand = constant(graph, f"{name}.bias", bias)
    add = _new_add(graph, current, operand, f"{name}.add_bias")
    producer = current.producer()
    if producer is None or producer.graph is not graph:
        graph.insert_before(neuron, add)
    else:
        graph.insert_after(producer, add)
    _let_neuron_read(neuron, add)


def raise_output(graph: ir.Graph, node: ir.Node, bias: np.ndarray) -> None:
    """Let all that read the first output of ``node`` find it larger by ``bias``.

    Args:
        graph: The graph of the node, which has weights.
        node: Conv, ConvTranspose, Gemm or MatMul.
        bias: The addend, in a shape that broadcasts to the output.
    """
    output = node.outputs[0]
    if not np.any(bias) or _add_to_producer(graph, output, bias):
        return
    name = display_name(node)
    operand = constant(graph, f"{name}.bias", bias)
    uses = tuple(output.uses())
    add = _new_add(graph, output, operand, f"{name}.add_bias")
    graph.insert_after(node, add)
    total = add.outputs[0]
    for use in uses:
        use.node.replace_input_with(use.idx, total)
    if output.is_graph_output():
        _take_output_over(graph, output, total)


def _take_output_over(graph: ir.Graph, old: ir.Value, new: ir.Value) -> None:
    """Let ``new`` be the graph output that ``old`` is, under its name."""
    new.name = old.name
    old.name = fresh_name(graph, f"{old.name}.before_bias")
    outputs = list(graph.outputs)
    graph.outputs[:] = [new if value is old else value for value in outputs]


def add_step_bias(graph: ir.Graph, neuron: ir.Node, biases: np.ndarray) -> None:
    """Add to the current of ``neuron`` another bias in each step; the last one stays.

    Args:
        graph: The graph of the neuron.
        neuron: A neuron of a single-step graph.
        biases: [T, ...], each in a shape that broadcasts to the current.
    """
    current = neuron.inputs[0]
    if current is None or not np.any(biases):
        return
    name = display_name(neuron)
    table = constant(graph, f"{name}.biases", biases)
    last_number = len(biases) - 1
    last_step = np.array(last_number, np.int64)
    last = constant(graph, f"{name}.last_step", last_step)
    builder = NodeBuilder.before(neuron)
    step = _count_steps(graph)
    row = builder.add("Min", [step, last], f"{name}.step", like=last)
    bias = builder.add(
        "Gather",
        [table, row],
        name=f"{name}.bias",
        attributes={"axis": 0},
        like=table,
    )
    one_step = biases.shape[1:]
    bias.shape = ir.Shape(one_step)
    add = _new_add(graph, current, bias, f"{name}.add_bias")
    graph.insert_before(neuron, add)
    _let_neuron_read(neuron, add)


def _count_steps(graph: ir.Graph) -> ir.Value:
    """Return the number of the step, 0 in the first; the nodes that count are added once.

    They count in float32, as the native library has its operators for no integers.
    """
    for node in graph:
        if node.name == _STEP:
            return node.outputs[0]
    increment = np.array(1, np.float32)
    one = constant(graph, "step_one", increment)
    start = np.array(-1, np.float32)
    before = constant(graph, "step_before_first", start)
    counter = ir.node("RunningSum", [one, before], domain=DOMAIN, name=f"{_STEP}.count")
    first = next(iter(graph))
    builder = NodeBuilder.before(first)
    count = builder.put(counter, "step_count", like=one)
    number = ir.node("Cast", [count], {"to": ir.DataType.INT64}, name=_STEP)
    result = builder.put(number, "step_number", like=one)
    result.type = ir.TensorType(ir.DataType.INT64)
    return result


def _new_add(graph: ir.Graph, value: ir.Value, operand: ir.Value, name: str) -> ir.Node:
    """Return a node of no graph yet that adds ``operand`` to ``value``."""
    operands = [value, operand]
    add = ir.node("Add", operands, name=name)
    builder = NodeBuilder(graph)
    return builder.name(add, name, like=value)


def _let_neuron_read(neuron: ir.Node, add: ir.Node) -> None:
    """Let ``neuron`` read the sum where it reads the first addend."""
    current = add.inputs[0]
    total = add.outputs[0]
    for index, value in enumerate(neuron.inputs):
        if value is current:
            neuron.replace_input_with(index, total)


def _add_to_producer(graph: ir.Graph, value: ir.Value, bias: np.ndarray) -> bool:
    """Let the node that makes ``value`` add ``bias``; return whether that can be."""
    return _add_to_constant(value, bias) or _give_bias_input(graph, value, bias)


def _add_to_constant(value: ir.Value, bias: np.ndarray) -> bool:
    """Add ``bias`` to a constant that only ``value`` depends on; return whether there is one."""
    node = value.producer()
    if node is None:
        return False
    if is_op(node, "Add"):
        return _add_to_term(node, bias)
    operand = _bias_input(node)
    if operand is None or not _takes_bias(node, bias):
        return False
    if not is_constant(operand) or not has_one_reader(operand):
        return False
    old = array(operand)
    if bias.size not in {1, old.size}:
        return False
    change = bias.reshape(-1) / _bias_factor(node)
    total = old + change
    set_array(operand, total)
    return True


def _add_to_term(node: ir.Node, bias: np.ndarray) -> bool:
    """Add ``bias`` to a constant of one term of an Add; return whether there is one."""
    for term in node.inputs:
        if term is None or not has_one_reader(term):
            continue
        if _add_to_constant(term, bias):
            return True
    return False


def _give_bias_input(graph: ir.Graph, value: ir.Value, bias: np.ndarray) -> bool:
    """Give the node that makes ``value`` a bias, if it has none; return whether that can be."""
    node = value.producer()
    if node is None or not _takes_bias(node, bias):
        return False
    if bias.size == 1 or _bias_input(node) is not None:
        return False
    factor = bias.dtype.type(_bias_factor(node))
    name = f"{display_name(node)}.bias"
    data = bias.reshape(-1) / factor
    operand = constant(graph, name, data)
    node.resize_inputs(_BIAS_INDEX + 1)
    node.replace_input_with(_BIAS_INDEX, operand)
    return True


def _bias_input(node: ir.Node) -> ir.Value | None:
    """Return the bias that a node with weights reads, None if it has none."""
    if len(node.inputs) > _BIAS_INDEX:
        return node.inputs[_BIAS_INDEX]
    return None


def _bias_factor(node: ir.Node) -> float:
    """Return the factor by which a node multiplies its bias: beta of a Gemm."""
    return node.attributes.get_float("beta", 1.0)


def _takes_bias(node: ir.Node, bias: np.ndarray) -> bool:
    """Return whether ``node`` adds a bias along the axis along which ``bias`` lies."""
    if _BIAS_INDEX not in operator_of(node).bias:
        return False
    is_along_channels = bias.shape[1:2] == (bias.size,)
    shape = node.outputs[0].shape
    has_same_axes = shape is not None and len(shape) == bias.ndim
    is_weighted = _bias_factor(node) != 0.0
    return is_along_channels and has_same_axes and is_weighted
