"""Weights and biases of linear nodes: Conv, ConvTranspose, Gemm and MatMul."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from onnx2snn.graph import array, constant, display_name, input_at, is_constant, is_op
from onnx2snn.graph.quantization import along_axis

__all__ = [
    "build_with_weights",
    "count_groups",
    "count_output_channels",
    "has_constant_weights",
    "output_axis",
    "read_bias",
    "scale_outputs",
]


def has_constant_weights(node: ir.Node) -> bool:
    """Whether weights and bias are constant, and the bias is one number a channel."""
    _, *operands = node.inputs
    for operand in operands:
        if operand is not None and not is_constant(operand):
            return False
    bias = read_bias(node)
    return bias is None or bias.ndim <= 1


def read_bias(node: ir.Node) -> np.ndarray | None:
    """Return the constant bias of a node, None if it has none."""
    bias = input_at(node, 2)
    if bias is None:
        return None
    return array(bias)


def output_axis(node: ir.Node) -> int:
    """Return the axis of the weights along which the channels of the output lie: 0 or 1.

    The features of the input lie along the other one of the two.
    """
    if is_op(node, "Conv"):
        return 0
    if not is_op(node, "Gemm"):
        return 1
    is_transposed = node.attributes.get_int("transB", 0) != 0
    if is_transposed:
        return 0
    return 1


def count_groups(node: ir.Node) -> int:
    """Return the number of groups of a Conv or ConvTranspose, 1 for any other node."""
    return node.attributes.get_int("group", 1)


def count_output_channels(node: ir.Node) -> int:
    """Return how many channels the output has."""
    weights = array(node.inputs[1])
    axis = output_axis(node)
    channels: int = weights.shape[axis]
    if is_op(node, "ConvTranspose"):
        channels *= count_groups(node)
    return channels


def scale_outputs(node: ir.Node, scale: np.ndarray) -> np.ndarray:
    """Return the weights of a node times a number for each output channel."""
    weights = array(node.inputs[1])
    if is_op(node, "ConvTranspose"):
        return _scale_in_groups(weights, scale, count_groups(node))
    axis = output_axis(node)
    factors = along_axis(scale, axis, weights.ndim)
    return np.asarray(weights * factors)


def _scale_in_groups(weights: np.ndarray, scale: np.ndarray, groups: int) -> np.ndarray:
    """Return the scaled weights of a ConvTranspose: [inputs, outputs of a group, ...]."""
    outputs = weights.shape[1]
    kernel_size = weights[0, 0].size
    grouped = weights.reshape(groups, -1, outputs, kernel_size)
    factors = scale.reshape(groups, 1, outputs, 1)
    scaled = grouped * factors
    return np.asarray(scaled.reshape(weights.shape))


def build_with_weights(
    node: ir.Node,
    weight: np.ndarray,
    bias: np.ndarray,
    name: str | None,
) -> ir.Node:
    """Return a node of no graph yet, like ``node`` but of other weights.

    Args:
        node: The node; its graph gets the weights, in the type that its own have.
        weight: The weights.
        bias: The bias, a number for each output channel.
        name: Name of a value after which the initializers are named.
    """
    graph = node.graph
    assert isinstance(graph, ir.Graph)
    dtype = array(node.inputs[1]).dtype
    new_weight = constant(graph, f"{name}.weight", weight.astype(dtype))
    new_bias = constant(graph, f"{name}.bias", bias.astype(dtype))
    return ir.node(
        node.op_type,
        inputs=[node.inputs[0], new_weight, new_bias],
        attributes=node.attributes,
        name=display_name(node),
    )
