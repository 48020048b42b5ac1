"""Weights that take in a scale and a shift of what they multiply.

    Conv(s x + t, W, b) = Conv(x, s W, b) + Conv(t, W)

Where the second term is one number a channel it becomes part of the bias. Zeros around the
input are not shifted, so with padding it depends on the position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from onnx2snn.graph import array, is_op
from onnx2snn.graph.affine_map import compacted, spread
from onnx2snn.graph.linear_weights import (
    count_groups,
    count_output_channels,
    has_constant_weights,
    output_axis,
)
from onnx2snn.graph.quantization import along_axis

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import onnx_ir as ir

    from onnx2snn.graph.affine_map import AffineMap

__all__ = [
    "RunNode",
    "find_response",
    "has_plain_weights",
    "is_for_all_positions",
    "pads_input",
    "response_weights",
    "scale_inputs",
    "scale_per_input",
    "varies_by_channel_only",
]

RunNode: TypeAlias = (
    "Callable[[ir.Node, Sequence[np.ndarray | None]], np.ndarray | None]"
)
"""Gives the output of a node for arrays in place of its inputs; None if it does not run."""

_CONVOLUTIONS = ("Conv", "ConvTranspose")


def has_plain_weights(node: ir.Node) -> bool:
    """Whether a node multiplies its first input by constant weights, and by nothing else."""
    if not is_op(node, *_CONVOLUTIONS, "Gemm", "MatMul"):
        return False
    if not has_constant_weights(node):
        return False
    attributes = node.attributes
    alpha = attributes.get_float("alpha", 1.0)
    beta = attributes.get_float("beta", 1.0)
    is_transposed = attributes.get_int("transA", 0) != 0
    if alpha != 1 or beta != 1 or is_transposed:
        return False
    is_matrix = array(node.inputs[1]).ndim == 2
    return is_matrix or is_op(node, *_CONVOLUTIONS)


def scale_per_input(node: ir.Node, scale: np.ndarray) -> np.ndarray | None:
    """Return ``scale``, which broadcasts to the input, as a number for each input channel.

    None if it also depends on something else, or does not fit the weights.
    """
    channels = _count_input_channels(node)
    is_per_channel = varies_by_channel_only(node, scale)
    if not is_per_channel or scale.size not in {1, channels}:
        return None
    return np.broadcast_to(scale.reshape(-1), channels)


def varies_by_channel_only(node: ir.Node, numbers: np.ndarray) -> bool:
    """Whether numbers for the input, or output, of ``node`` depend on the channel alone."""
    axis = 1 if is_op(node, *_CONVOLUTIONS) else numbers.ndim - 1
    return bool(numbers.size == numbers.shape[axis])


def _count_input_channels(node: ir.Node) -> int:
    weights = array(node.inputs[1])
    if is_op(node, "Conv"):
        inputs_a_group = int(weights.shape[1])
        return inputs_a_group * count_groups(node)
    axis = _input_axis(node)
    return int(weights.shape[axis])


def _input_axis(node: ir.Node) -> int:
    """Return the axis of the weights, but those of a Conv, that counts the inputs."""
    if is_op(node, "ConvTranspose"):
        return 0
    return 1 - output_axis(node)


def scale_inputs(node: ir.Node, scale: np.ndarray) -> np.ndarray:
    """Return the weights of a node times a number for each input channel, float64."""
    weights = array(node.inputs[1]).astype(np.float64)
    if is_op(node, "Conv"):
        scaled = _scale_in_groups(node, weights, scale)
        return scaled.reshape(weights.shape)
    axis = _input_axis(node)
    factors = along_axis(scale, axis, weights.ndim)
    return np.asarray(weights * factors)


def _scale_in_groups(
    node: ir.Node, weights: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """Return the weights of a Conv, scaled, as [groups, outputs, inputs, ...]."""
    groups = count_groups(node)
    _, inputs, *kernel = weights.shape
    grouped = weights.reshape(groups, -1, inputs, *kernel)
    kernel_axes = [1] * len(kernel)
    factors = scale.reshape(groups, 1, -1, *kernel_axes)
    return np.asarray(grouped * factors)


def response_weights(node: ir.Node, shift: np.ndarray) -> np.ndarray:
    """Return weights that make of one channel of ones what the node makes of ``shift``.

    Args:
        node: A Conv or ConvTranspose.
        shift: A number for each input channel.

    Returns:
        For a Conv [outputs, 1, ...], for a ConvTranspose [1, outputs, ...]; float64.
    """
    weights = array(node.inputs[1]).astype(np.float64)
    first, second, *kernel = weights.shape
    if is_op(node, "Conv"):
        in_groups = _scale_in_groups(node, weights, shift)
        summed = in_groups.sum(axis=2)
        return np.asarray(summed.reshape(first, 1, *kernel))
    scaled = scale_inputs(node, shift)
    groups = count_groups(node)
    in_groups = scaled.reshape(groups, -1, second, *kernel)
    summed = in_groups.sum(axis=1)
    return np.asarray(summed.reshape(1, -1, *kernel))


def is_for_all_positions(numbers: np.ndarray) -> bool:
    """Whether numbers for the input of a convolution are the same at all positions."""
    samples, _, *positions = numbers.shape
    return samples == 1 and all(length == 1 for length in positions)


def find_response(node: ir.Node, given: AffineMap, run: RunNode) -> np.ndarray | None:
    """Return what the weights of ``node`` make of the shift, without the bias.

    Args:
        node: A node with plain weights.
        given: The scale and the shift of its first input.
        run: Gives the output of a node for arrays in place of its inputs.

    Returns:
        Numbers that broadcast to the output; None if its size has to be known and is not.
    """
    weights = array(node.inputs[1])
    shift = given.shift
    if not shift.any():
        return np.zeros([1] * shift.ndim)
    if not is_op(node, *_CONVOLUTIONS):
        return _multiply_shift(node, shift)
    if is_for_all_positions(shift) and not _sums_differ_at_border(node):
        return _sum_over_kernel(node, shift)
    full = spread(shift, given.x)
    if full is None:
        return None
    response = run(node, [full, weights, None])
    return None if response is None else compacted(response)


def _multiply_shift(node: ir.Node, shift: np.ndarray) -> np.ndarray:
    """Return what a product with a matrix makes of a shift."""
    matrix = array(node.inputs[1]).astype(np.float64)
    if output_axis(node) == 0:
        matrix = matrix.swapaxes(-1, -2)
    inputs = matrix.shape[-2]
    *others, _ = shift.shape
    row = np.broadcast_to(shift, (*others, inputs))
    return np.asarray(row @ matrix)


def _sum_over_kernel(node: ir.Node, shift: np.ndarray) -> np.ndarray:
    """Return what a convolution makes of a shift that is the same at all positions."""
    inputs = _count_input_channels(node)
    outputs = count_output_channels(node)
    channels = np.broadcast_to(shift.reshape(-1), inputs)
    weights = response_weights(node, channels)
    summed = weights.reshape(outputs, -1).sum(axis=1)
    return along_axis(summed, 1, shift.ndim)


def _sums_differ_at_border(node: ir.Node) -> bool:
    """Whether a convolution may give other sums at the border than inside."""
    return is_op(node, "ConvTranspose") or pads_input(node)


def pads_input(node: ir.Node) -> bool:
    """Whether a convolution or a pool may put zeros around its input."""
    padding = node.attributes.get_string("auto_pad", "NOTSET")
    pads = node.attributes.get_ints("pads", ())
    return padding not in {"NOTSET", "VALID"} or any(pads)
