"""Weights that take in a scale and a shift of what they multiply.

    Conv(s x + t, W, b) = Conv(x, s W, b) + Conv(t, W)

Where the second term is one number a channel it becomes part of the bias. Zeros around the
input are not shifted, so with padding it depends on the position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    "find_response",
    "has_plain_weights",
    "is_for_all_positions",
    "response_weights",
    "scale_inputs",
    "scale_per_input",
    "varies_by_channel_only",
]

_CONVOLUTIONS = ("Conv", "ConvTranspose")


def has_plain_weights(node: ir.Node) -> bool:
    """Whether a node multiplies its first input by constant weights, and by nothing else."""
    if not is_op(node, *_CONVOLUTIONS, "Gemm", "MatMul"):
        return False
    if not has_constant_weights(node):
        return False
    numbers = node.attributes
    factors = [numbers.get_float(name, 1.0) for name in ("alpha", "beta")]
    if factors != [1.0, 1.0] or numbers.get_int("transA", 0) != 0:
        return False
    rank = array(node.inputs[1]).ndim
    return rank == 2 or is_op(node, *_CONVOLUTIONS)


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
        return int(weights.shape[1]) * count_groups(node)
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
    grouped = weights.reshape(groups, -1, *weights.shape[1:])
    kernel_axes = [1] * (weights.ndim - 2)
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
    kernel = weights.shape[2:]
    if is_op(node, "Conv"):
        summed = _scale_in_groups(node, weights, shift).sum(axis=2)
        return np.asarray(summed.reshape(weights.shape[0], 1, *kernel))
    scaled = scale_inputs(node, shift)
    grouped = scaled.reshape(count_groups(node), -1, *weights.shape[1:])
    summed = grouped.sum(axis=1)
    return np.asarray(summed.reshape(1, -1, *kernel))


def is_for_all_positions(numbers: np.ndarray) -> bool:
    """Whether numbers for the input of a convolution are the same at all positions."""
    return all(length == 1 for length in (numbers.shape[0], *numbers.shape[2:]))


def find_response(
    node: ir.Node,
    given: AffineMap,
    run: Callable[[ir.Node, Sequence[np.ndarray | None]], np.ndarray | None],
) -> np.ndarray | None:
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
        matrix = weights.swapaxes(-1, -2) if output_axis(node) == 0 else weights
        row = np.broadcast_to(shift, (*shift.shape[:-1], matrix.shape[-2]))
        return np.asarray(row @ matrix.astype(np.float64))
    if is_for_all_positions(shift) and not _pads_input(node):
        channels = np.broadcast_to(shift.reshape(-1), _count_input_channels(node))
        summed = response_weights(node, channels).reshape(
            count_output_channels(node), -1
        )
        return along_axis(summed.sum(axis=1), 1, shift.ndim)
    full = spread(shift, given.x)
    if full is None:
        return None
    response = run(node, [full, weights, None])
    return None if response is None else compacted(response)


def _pads_input(node: ir.Node) -> bool:
    """Whether a convolution may give other sums at the border than inside."""
    if is_op(node, "ConvTranspose"):
        return True
    padding = node.attributes.get_string("auto_pad", "NOTSET")
    pads = node.attributes.get_ints("pads", ())
    return padding not in {"NOTSET", "VALID"} or any(pads)
