"""The operators of ONNX that make up onnxruntime's normalizations over the last axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnx2snn.graph.quantizers import CONTRIB

if TYPE_CHECKING:
    import onnx_ir as ir

    from onnx2snn.graph.fused_writer import FusedWriter, Outputs

__all__ = [
    "HAS_LAYER_NORMALIZATION",
    "lower_layer_normalization",
    "lower_root_mean_square",
    "lower_skip_layer_normalization",
    "lower_skip_root_mean_square",
]

HAS_LAYER_NORMALIZATION = 17
"""First opset with this operator; onnxruntime's optimizer writes it in older ones too."""

_AXES_ARE_INPUTS = 18
"""First opset in which ReduceMean takes its axes as an input."""


def lower_layer_normalization(writer: FusedWriter) -> Outputs | None:
    """Write a normalization over the last axis, with its scale and bias."""
    if writer.node.attributes.get_int("axis", -1) != -1:
        return None
    return (_normalize(writer, writer.first(), scale=1, bias=2),)


def lower_root_mean_square(writer: FusedWriter) -> Outputs | None:
    """Write a normalization by the root of the mean square over the last axis."""
    if writer.node.attributes.get_int("axis", -1) != -1:
        return None
    return (_divide_by_size(writer, writer.first(), scale=1),)


def lower_skip_layer_normalization(writer: FusedWriter) -> Outputs:
    """Write the sum x + skip + bias, and its normalization: x, skip, gamma, beta, bias."""
    total = writer.added(writer.added(writer.first(), 1), 4)
    return _normalize(writer, total, scale=2, bias=3), None, None, total


def lower_skip_root_mean_square(writer: FusedWriter) -> Outputs:
    """Write the sum x + skip + bias, and its normalization: x, skip, gamma, bias."""
    total = writer.added(writer.added(writer.first(), 1), 3)
    return _divide_by_size(writer, total, scale=2), None, None, total


def _normalize(writer: FusedWriter, x: ir.Value, scale: int, bias: int) -> ir.Value:
    """Return (x - mean) / sqrt(variance + epsilon), scaled and shifted.

    Args:
        writer: Of the node that does it.
        x: What is normalized, over the last axis.
        scale: Position of the scale among the inputs.
        bias: Position of the bias.
    """
    if writer.opset >= HAS_LAYER_NORMALIZATION:
        inputs = [x, writer.given(scale), writer.given(bias)]
        epsilon = {"epsilon": _epsilon_of(writer)}
        return writer.add("LayerNormalization", inputs, epsilon)
    centered = writer.add("Sub", [x, _mean(writer, x)])
    return writer.added(_divide_by_size(writer, centered, scale), bias)


def _divide_by_size(writer: FusedWriter, x: ir.Value, scale: int) -> ir.Value:
    """Return x / sqrt(mean of its squares + epsilon), scaled."""
    squares = writer.add("Pow", [x, writer.number("two", 2)])
    variance = _mean(writer, squares)
    epsilon = writer.number("epsilon", _epsilon_of(writer))
    size = writer.add("Sqrt", [writer.add("Add", [variance, epsilon])])
    normal = writer.add("Div", [x, size])
    return writer.add("Mul", [normal, writer.required(scale)])


def _epsilon_of(writer: FusedWriter) -> float:
    """Return what is added to the variance; onnxruntime's own operators have another default."""
    is_of_onnxruntime = writer.node.domain == CONTRIB
    return writer.float_of("epsilon", 1e-12 if is_of_onnxruntime else 1e-5)


def _mean(writer: FusedWriter, x: ir.Value) -> ir.Value:
    """Return the mean over the last axis, which stays."""
    if writer.opset < _AXES_ARE_INPUTS:
        return writer.add("ReduceMean", [x], {"axes": [-1]})
    axes = writer.constant("axes", np.array([-1], np.int64))
    return writer.add("ReduceMean", [x, axes])
